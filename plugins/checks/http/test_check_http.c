/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/fake/host.h"
#include "tests/fake/server.h"

/* One probe of a server that gives this reply; more: further options. */
static struct fake *probe_reply(const struct server_reply *reply, const char *more, int64_t time_ms, char **ret_request)
{
	struct server s = server_start(reply, 1, NULL);
	struct fake *f;
	char options[1000];

	snprintf(options, sizeof(options), "{\"url\": \"http://127.0.0.1:%d/health?key=s3cret\"%s%s}", s.port, more ? ", " : "", more ? more : "");
	f = fake_new("check-http", options);
	if (time_ms)
		f->call.deadline_ms = fake_now_ms() + time_ms;
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_OK);
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	if (ret_request)
		*ret_request = server_request(&s, 0);
	server_stop(&s);
	return f;
}

static void expect(struct fake *f, int32_t state, const char *text)
{
	if (f->health.state != state || !strstr(f->health.text, text))
		fail_msg("state %d, '%s'; expected %d, '%s'", (int)f->health.state, f->health.text, (int)state, text);
	assert_null(strstr(f->health.text, "s3cret"));
	fake_free(f);
}

static void expect_reply(const char *reply, const char *more, int32_t state, const char *text)
{
	const struct server_reply r = {.text = reply};

	expect(probe_reply(&r, more, 0, NULL), state, text);
}

static void the_status_decides(void **state)
{
	(void)state;
	expect_reply(HTTP_REPLY("200 OK", "", "fine"), NULL, FB_HEALTH_HEALTHY, "answered 200");
	expect_reply(HTTP_REPLY("503 Down", "", ""), NULL, FB_HEALTH_FAILED, "answered 503, expected 200");
	expect_reply(HTTP_REPLY("204 None", "", ""), "\"expected_statuses\": [\"200\", \"204\"]", FB_HEALTH_HEALTHY, "204");
	expect_reply(HTTP_REPLY("404 None", "", ""), "\"expected_statuses\": [\"2xx\", \"400-404\"]", FB_HEALTH_HEALTHY, "404");
	expect_reply(HTTP_REPLY("200 OK", "", ""), "\"expected_statuses\": [\"201-299\"]", FB_HEALTH_FAILED, "expected 201-299");
	expect_reply(HTTP_REPLY("418 Teapot", "", ""), "\"expected_status\": 418", FB_HEALTH_HEALTHY, "418");
}

static void the_body_must_match(void **state)
{
	(void)state;
	expect_reply(HTTP_REPLY("200 OK", "", "{\"status\": \"ok\"}"), "\"body_match\": \"\\\"status\\\": *\\\"(ok|up)\\\"\"", FB_HEALTH_HEALTHY, "200");
	expect_reply(HTTP_REPLY("200 OK", "", "{\"status\": \"down\"}"), "\"body_match\": \"\\\"status\\\": *\\\"(ok|up)\\\"\"", FB_HEALTH_FAILED, "do not match");
	expect_reply(HTTP_REPLY("200 OK", "", "0123456789ready"), "\"max_body\": 10, \"body_match\": \"ready\"", FB_HEALTH_FAILED, "first 10 bytes");
	expect_reply(HTTP_REPLY("200 OK", "", "0123456789ready"), "\"max_body\": 10, \"body_match\": \"^0123\"", FB_HEALTH_HEALTHY, "200");
}

static void slowness_is_a_warning_then_a_failure(void **state)
{
	const struct server_reply slow = {.text = HTTP_REPLY("200 OK", "", ""), .delay_ms = 120};

	(void)state;
	expect(probe_reply(&slow, "\"threshold_warning\": 100, \"threshold_critical\": \"20s\"", 0, NULL), FB_HEALTH_WARNING, "threshold_warning (100 ms)");
	expect(probe_reply(&slow, "\"threshold_warning\": 50, \"threshold_critical\": \"100ms\"", 0, NULL), FB_HEALTH_FAILED, "threshold_critical (100 ms)");
	expect(probe_reply(&slow, "\"threshold_warning\": \"20s\"", 0, NULL), FB_HEALTH_HEALTHY, "200");
}

static void the_latency_is_measured(void **state)
{
	const struct server_reply slow = {.text = HTTP_REPLY("200 OK", "", ""), .delay_ms = 50};
	struct fake *f = probe_reply(&slow, NULL, 0, NULL);

	(void)state;
	assert_in_range(f->health.latency_us, 50000, 20000000);
	assert_int_equal(f->health.value_u, f->health.latency_us * 1000);
	fake_free(f);
}

static void what_the_other_side_did_is_a_failure(void **state)
{
	const struct server_reply reset = {.how = SERVER_RESET}, silent = {.how = SERVER_HANG}, closed = {0};
	const struct server_reply partial = {.text = HTTP_REPLY("200 OK", "Content-Length: 100\r\n", "half")};
	char options[100];
	struct fake *f;

	(void)state;
	expect(probe_reply(&reset, NULL, 0, NULL), FB_HEALTH_FAILED, "127.0.0.1");
	expect(probe_reply(&silent, NULL, 400, NULL), FB_HEALTH_FAILED, "timed out");
	expect(probe_reply(&closed, NULL, 0, NULL), FB_HEALTH_FAILED, "mpty reply");
	expect(probe_reply(&partial, NULL, 0, NULL), FB_HEALTH_FAILED, "bytes remaining");
	expect_reply("SSH-2.0-OpenSSH\r\n", NULL, FB_HEALTH_FAILED, "HTTP/0.9");
	snprintf(options, sizeof(options), "{\"url\": \"http://127.0.0.1:%d/\"}", server_free_port());
	f = fake_new("check-http", options);
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	expect(f, FB_HEALTH_FAILED, "refused");
}

static void what_could_not_be_asked_from_here_is_blind(void **state)
{
	static struct fake *f; /* a child that just exits has not lost it */
	struct rlimit old, none;
	int status;
	pid_t pid;

	(void)state;
	f = fake_new("check-http", "{\"url\": \"http://no-such-host.invalid/\"}");
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	expect(f, FB_HEALTH_BLIND, "no-such-host.invalid");
	f = fake_new("check-http", "{\"url\": \"http://255.255.255.255/\"}"); /* no route: the kernel refuses at once */
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	expect(f, FB_HEALTH_BLIND, "255.255.255.255");
	f = fake_new("check-http", "{\"url\": \"http://127.0.0.1:9/\"}");
	pid = fork(); /* the limit would outlive the test */
	assert_true(pid >= 0);
	if (!pid) {
		getrlimit(RLIMIT_NOFILE, &old);
		none = (struct rlimit){.rlim_cur = 3, .rlim_max = old.rlim_max};
		setrlimit(RLIMIT_NOFILE, &none);
		while (dup(2) >= 0)
			;
		f->plugin->check->probe(&f->call, &f->health);
		_exit(f->health.state);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), FB_HEALTH_BLIND);
	fake_free(f);
}

static void redirects_are_followed_when_that_is_wanted(void **state)
{
	const struct server_reply replies[] = {{.text = HTTP_REPLY("302 Found", "Location: /there\r\n", "")}, {.text = HTTP_REPLY("200 OK", "", "")}};
	struct server s = server_start(replies, 2, NULL);
	char options[200];
	struct fake *f;

	(void)state;
	snprintf(options, sizeof(options), "{\"url\": \"http://127.0.0.1:%d/\", \"follow_redirects\": true}", s.port);
	f = fake_new("check-http", options);
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	expect(f, FB_HEALTH_HEALTHY, "200");
	assert_int_equal(server_count(&s), 2);
	server_stop(&s);
	expect_reply(HTTP_REPLY("302 Found", "Location: /there\r\n", ""), NULL, FB_HEALTH_FAILED, "set follow_redirects");
	expect_reply(HTTP_REPLY("302 Found", "Location: file:///etc/passwd\r\n", ""), "\"follow_redirects\": true", FB_HEALTH_FAILED, "127.0.0.1");
	expect_reply(HTTP_REPLY("302 Found", "Location: /again\r\n", ""), "\"follow_redirects\": true", FB_HEALTH_FAILED, "redirects");
}

static void the_request_is_as_configured(void **state)
{
	const struct server_reply ok = {.text = HTTP_REPLY("200 OK", "", "")};
	char *request;
	struct fake *f = probe_reply(&ok, "\"method\": \"POST\", \"body\": \"ping\", \"headers\": {\"X-Team\": \"ops\"}, \"secret_headers\": {\"X-Key\": \"k3y\"},"
					  " \"bearer_token\": \"t0ken\"",
				     0, &request);

	(void)state;
	assert_non_null(strstr(request, "POST /health?key=s3cret HTTP/1.1\r\n"));
	assert_non_null(strstr(request, "X-Team: ops\r\n"));
	assert_non_null(strstr(request, "X-Key: k3y\r\n"));
	assert_non_null(strstr(request, "Authorization: Bearer t0ken\r\n"));
	assert_non_null(strstr(request, "\r\n\r\nping"));
	free(request);
	fake_free(f);
	f = probe_reply(&ok, "\"username\": \"Aladdin\", \"password\": \"open sesame\"", 0, &request);
	assert_non_null(strstr(request, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
	free(request);
	fake_free(f);
	f = probe_reply(&ok, "\"method\": \"HEAD\"", 0, &request);
	assert_non_null(strstr(request, "HEAD /health"));
	expect(f, FB_HEALTH_HEALTHY, "HEAD");
	free(request);
}

static void proxies_of_the_environment_are_not_used(void **state)
{
	const struct server_reply ok = {.text = HTTP_REPLY("200 OK", "", "")};

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	expect(probe_reply(&ok, NULL, 0, NULL), FB_HEALTH_HEALTHY, "200");
	unsetenv("http_proxy");
}

static void a_unix_socket_can_be_asked(void **state)
{
	const struct server_reply ok = {.text = HTTP_REPLY("200 OK", "", "")};
	struct fake *f = fake_new("check-http", "{\"url\": \"http://localhost/\"}");
	char *path = fake_path(f, "s"), options[300];
	struct server s;

	(void)state;
	snprintf(options, sizeof(options), "{\"url\": \"http://localhost/\", \"unix_socket\": \"%s\"}", path);
	fake_set_options(f, options);
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	assert_int_equal(f->health.state, FB_HEALTH_FAILED); /* its server makes it: it is not there */
	s = server_start(&ok, 1, path);
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	assert_int_equal(f->health.state, FB_HEALTH_HEALTHY);
	server_stop(&s);
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	expect(f, FB_HEALTH_FAILED, "refused");
	free(path);
}

static int program_output; /* kept open: a program that cannot write its log answers nothing */

static void stop_program(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(program_output);
}

/* Starts a program that prints its port after a mark; returns its pid, 0 when it is not installed. */
static pid_t start_program(const char *const *argv, const char *mark, const char *directory, int *ret_port)
{
	char buf[4096] = "", *p;
	size_t n = 0;
	ssize_t got;
	int out[2];
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		close(out[0]);
		if (!chdir(directory))
			execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(out[1]);
	while (n < sizeof(buf) - 1 && (got = read(out[0], buf + n, sizeof(buf) - 1 - n)) > 0) {
		n += (size_t)got;
		buf[n] = 0;
		p = strstr(buf, mark);
		if (p && strpbrk(p + strlen(mark), " \n")) {
			*ret_port = atoi(p + strlen(mark));
			program_output = out[0];
			return pid;
		}
	}
	close(out[0]);
	waitpid(pid, NULL, 0);
	if (getenv("CI"))
		fail_msg("%s did not start: %s", argv[0], buf);
	return 0;
}

static void a_real_server_is_asked(void **state)
{
	const char *argv[] = {"python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", NULL};
	struct fake *f = fake_new("check-http", "{\"url\": \"http://x/\"}");
	char options[200];
	int port = 0;
	pid_t pid = start_program(argv, "127.0.0.1 port ", f->call.scratch, &port);

	(void)state;
	if (!pid) {
		fake_free(f);
		skip();
	}
	snprintf(options, sizeof(options), "{\"url\": \"http://127.0.0.1:%d/\", \"body_match\": \"Directory listing\"}", port);
	fake_set_options(f, options);
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	if (f->health.state != FB_HEALTH_HEALTHY)
		fail_msg("%s", f->health.text);
	snprintf(options, sizeof(options), "{\"url\": \"http://127.0.0.1:%d/none\"}", port);
	fake_set_options(f, options);
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	stop_program(pid);
	expect(f, FB_HEALTH_FAILED, "answered 404");
}

static void a_bad_certificate_is_a_failure_and_a_bad_ca_file_is_blind(void **state)
{
	struct fake *f = fake_new("check-http", "{\"url\": \"http://x/\"}");
	const struct fb_command make = {.shell = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
						 " -addext subjectAltName=IP:127.0.0.1 -keyout k.pem -out c.pem",
					.directory = f->call.scratch};
	const char *argv[] = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", "c.pem", "-key", "k.pem", NULL};
	static const struct { const char *more; int32_t state; const char *text; } cases[] = {
		{"", FB_HEALTH_FAILED, "certificate"},
		{", \"verify_tls\": false", FB_HEALTH_HEALTHY, "200"},
		{", \"ca_file\": \"%s/c.pem\"", FB_HEALTH_HEALTHY, "200"},
		{", \"ca_file\": \"%s/none.pem\"", FB_HEALTH_BLIND, "127.0.0.1"},
	};
	struct fb_command_result r;
	int port = 0;
	pid_t pid = 0;

	(void)state;
	if (!f->call.host->run(&f->call, &make, &r) && r.exit_code == 0)
		pid = start_program(argv, "ACCEPT 127.0.0.1:", f->call.scratch, &port);
	if (!pid) {
		fake_free(f);
		if (getenv("CI"))
			fail_msg("openssl could not make a certificate and serve it");
		skip();
	}
	for (size_t i = 0; i < 4; i++) {
		char more[400] = "", options[600];
		const char *mark = strstr(cases[i].more, "%s");
		snprintf(more, sizeof(more), "%.*s%s%s", mark ? (int)(mark - cases[i].more) : (int)strlen(cases[i].more), cases[i].more, mark ? f->call.scratch : "",
			 mark ? mark + 2 : "");
		snprintf(options, sizeof(options), "{\"url\": \"https://127.0.0.1:%d/\"%s}", port, more);
		fake_set_options(f, options);
		assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
		if (f->health.state != cases[i].state || !strstr(f->health.text, cases[i].text))
			fail_msg("%s: state %d, '%s'", options, (int)f->health.state, f->health.text);
	}
	stop_program(pid);
	fake_free(f);
}

static void options_that_cannot_work_are_refused_before(void **state)
{
	static const char *const cases[][2] = {
		{"\"expected_statuses\": [\"ok\"]", "expected_statuses: 'ok'"},
		{"\"expected_statuses\": [\"300-200\"]", "300-200"},
		{"\"body_match\": \"(\"", "body_match"},
		{"\"method\": \"GET /\"", "method"},
		{"\"threshold_warning\": 20, \"threshold_critical\": 10", "never warn"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char options[200];
		snprintf(options, sizeof(options), "{\"url\": \"http://x/\", %s}", cases[i][0]);
		struct fake *f = fake_new("check-http", options);
		assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
		assert_non_null(strstr(f->message, cases[i][1]));
		fake_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_status_decides),
		cmocka_unit_test(the_body_must_match),
		cmocka_unit_test(slowness_is_a_warning_then_a_failure),
		cmocka_unit_test(the_latency_is_measured),
		cmocka_unit_test(what_the_other_side_did_is_a_failure),
		cmocka_unit_test(what_could_not_be_asked_from_here_is_blind),
		cmocka_unit_test(redirects_are_followed_when_that_is_wanted),
		cmocka_unit_test(the_request_is_as_configured),
		cmocka_unit_test(proxies_of_the_environment_are_not_used),
		cmocka_unit_test(a_unix_socket_can_be_asked),
		cmocka_unit_test(a_real_server_is_asked),
		cmocka_unit_test(a_bad_certificate_is_a_failure_and_a_bad_ca_file_is_blind),
		cmocka_unit_test(options_that_cannot_work_are_refused_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
