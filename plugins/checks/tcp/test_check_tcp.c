/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/fake/host.h"
#include "tests/fake/server.h"

static struct fake *probe(const char *address, const char *more, int64_t time_ms)
{
	char options[600];
	struct fake *f;

	snprintf(options, sizeof(options), "{\"address\": \"%s\"%s%s}", address, more ? ", " : "", more ? more : "");
	f = fake_new("check-tcp", options);
	if (time_ms)
		f->call.deadline_ms = fake_now_ms() + time_ms;
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_OK);
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	return f;
}

static void expect(struct fake *f, int32_t state, const char *text)
{
	if (f->health.state != state || !strstr(f->health.text, text))
		fail_msg("state %d, '%s'; expected %d, '%s'", (int)f->health.state, f->health.text, (int)state, text);
	fake_free(f);
}

static struct fake *probe_reply(const struct server_reply *reply, const char *more, int64_t time_ms)
{
	struct server s = server_start(reply, 1, NULL);
	char address[64];
	struct fake *f;

	snprintf(address, sizeof(address), "127.0.0.1:%d", s.port);
	f = probe(address, more, time_ms);
	server_stop(&s);
	return f;
}

static void a_connection_is_healthy(void **state)
{
	const struct server_reply silent = {.how = SERVER_HANG};

	(void)state;
	expect(probe_reply(&silent, NULL, 0), FB_HEALTH_HEALTHY, "connected");
}

static void a_closed_port_is_a_failure(void **state)
{
	char address[64];

	(void)state;
	snprintf(address, sizeof(address), "127.0.0.1:%d", server_free_port());
	expect(probe(address, NULL, 0), FB_HEALTH_FAILED, "refused");
	expect(probe("/nonexistent/socket", NULL, 0), FB_HEALTH_FAILED, "No such file");
}

static void a_text_is_sent_and_the_answer_must_match(void **state)
{
	const struct server_reply pong = {.text = "+PONG\r\n", .how = SERVER_HANG}, error = {.text = "-ERR no\r\n"}, late = {.text = "+PONG", .delay_ms = 100};

	(void)state;
	expect(probe_reply(&pong, "\"send\": \"PING\\r\\n\", \"expect\": \"^[+]PONG\"", 0), FB_HEALTH_HEALTHY, "answered");
	expect(probe_reply(&error, "\"send\": \"PING\\r\\n\", \"expect\": \"^[+]PONG\"", 0), FB_HEALTH_FAILED, "-ERR no");
	expect(probe_reply(&late, "\"send\": \"PING\\r\\n\", \"expect\": \"PONG\", \"threshold_warning\": 90", 0), FB_HEALTH_WARNING, "threshold_warning");
	expect(probe_reply(&late, "\"send\": \"PING\\r\\n\", \"expect\": \"PONG\", \"threshold_critical\": 90", 0), FB_HEALTH_FAILED, "threshold_critical");
}

static void a_greeting_needs_no_question(void **state)
{
	const struct server_reply smtp = {.text = "220 mail ready\r\n", .how = SERVER_HANG, .at_once = true};

	(void)state;
	expect(probe_reply(&smtp, "\"expect\": \"^220 \"", 0), FB_HEALTH_HEALTHY, "answered");
}

static void silence_and_resets_are_failures(void **state)
{
	const struct server_reply silent = {.how = SERVER_HANG, .at_once = true}, reset = {.how = SERVER_RESET}, chatty = {.text = "220", .how = SERVER_HANG, .at_once = true};

	(void)state;
	expect(probe_reply(&silent, "\"expect\": \"x\"", 300), FB_HEALTH_FAILED, "timed out");
	expect(probe_reply(&chatty, "\"expect\": \"250\"", 300), FB_HEALTH_FAILED, "it sent 3 bytes: 220");
	expect(probe_reply(&reset, "\"send\": \"x\\n\", \"expect\": \"x\"", 0), FB_HEALTH_FAILED, "reset");
}

static void a_unix_socket_is_told_by_its_path(void **state)
{
	const struct server_reply ok = {.text = "OK\n"};
	struct fake *f = fake_new("check-tcp", "{\"address\": \"x:1\"}");
	char *path = fake_path(f, "s"), address[200];
	struct server s = server_start(&ok, 1, path);

	(void)state;
	expect(probe(path, "\"send\": \"x\\n\", \"expect\": \"^OK\"", 0), FB_HEALTH_HEALTHY, "answered");
	snprintf(address, sizeof(address), "unix:%s", path);
	expect(probe(address, NULL, 0), FB_HEALTH_HEALTHY, "connected");
	server_stop(&s);
	expect(probe(path, NULL, 0), FB_HEALTH_FAILED, "refused");
	free(path);
	fake_free(f);
}

static void what_could_not_be_tried_from_here_is_blind(void **state)
{
	(void)state;
	expect(probe("no-such-host.invalid:80", NULL, 0), FB_HEALTH_BLIND, "could not be resolved");
	expect(probe("255.255.255.255:80", NULL, 0), FB_HEALTH_BLIND, "not possible from here");
}

static void addresses_that_say_no_port_are_refused_before(void **state)
{
	static const char *const cases[] = {"localhost", "::1:80", "host:", ":80", "", "relative/path"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char options[100];
		struct fake *f;
		snprintf(options, sizeof(options), "{\"address\": \"%s\"}", cases[i]);
		f = fake_new("check-tcp", options);
		if (fake_call(f, FB_OP_CHECK) != FB_FATAL)
			fail_msg("'%s' was taken", cases[i]);
		fake_free(f);
	}
	struct fake *f = fake_new("check-tcp", "{\"address\": \"[::1]:80\", \"expect\": \"[\"}");
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
	assert_non_null(strstr(f->message, "expect '['"));
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_healthy),
		cmocka_unit_test(a_closed_port_is_a_failure),
		cmocka_unit_test(a_text_is_sent_and_the_answer_must_match),
		cmocka_unit_test(a_greeting_needs_no_question),
		cmocka_unit_test(silence_and_resets_are_failures),
		cmocka_unit_test(a_unix_socket_is_told_by_its_path),
		cmocka_unit_test(what_could_not_be_tried_from_here_is_blind),
		cmocka_unit_test(addresses_that_say_no_port_are_refused_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
