/* SPDX-License-Identifier: Apache-2.0 */
/* The webhook against a receiver that keeps every request; each is held against CloudEvents 1.0 (structured mode) here. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "plugins/notifiers/webhook/sign.h"
#include "tests/fake/host.h"
#include "tests/fake/server.h"

static const struct fb_event event = {.id = "deploy-test-1/7", .name = "rollback.completed", .time = "2026-01-20T11:00:00.000Z", .severity = "warning",
				      .summary = "web runs release 2.0 again", .incident = "INC-deploy-test-1", .data = "{\"service\": \"web\"}"};

static struct fake *make(const struct server *s, const char *more)
{
	char options[600];
	struct fake *f;

	snprintf(options, sizeof(options), "{\"url\": \"http://127.0.0.1:%d/hook/t0ken\"%s%s}", s->port, more ? ", " : "", more ? more : "");
	f = fake_new("notifier-webhook", options);
	f->event = &event;
	return f;
}

/* One delivery to a receiver that answers like this. */
static struct fake *deliver(const char *reply, int32_t answer)
{
	const struct server_reply r = {.text = reply};
	struct server s = server_start(&r, 1, NULL);
	struct fake *f = make(&s, NULL);

	assert_int_equal(fake_call(f, FB_OP_NOTIFY), answer);
	server_stop(&s);
	if (f->message)
		assert_null(strstr(f->message, "t0ken"));
	return f;
}

/* Strict: what CloudEvents 1.0 requires of a structured-mode request, and what we promise. Returns the event, to be freed. */
static json_t *parse_event(const char *request)
{
	const char *body = strstr(request, "\r\n\r\n"), *key;
	json_error_t error;
	json_t *o, *v;

	assert_int_equal(strncmp(request, "POST /hook/t0ken HTTP/1.1\r\n", 27), 0);
	assert_non_null(strstr(request, "\r\nContent-Type: application/cloudevents+json; charset=UTF-8\r\n"));
	assert_non_null(body);
	o = json_loads(body + 4, JSON_REJECT_DUPLICATES, &error);
	assert_true(json_is_object(o));
	assert_string_equal(json_string_value(json_object_get(o, "specversion")), "1.0");
	json_object_foreach(o, key, v) {
		assert_true(strlen(key) <= 20);
		for (const char *p = key; *p; p++)
			assert_true(islower((unsigned char)*p) || isdigit((unsigned char)*p)); /* 3.1, naming conventions */
		if (strcmp(key, "data"))
			assert_true(json_string_length(v) > 0);
	}
	assert_non_null(json_object_get(o, "id"));
	assert_non_null(json_object_get(o, "source"));
	assert_null(strpbrk(json_string_value(json_object_get(o, "source")), " <>\""));
	return o;
}

static const char *member(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static void an_event_is_a_cloudevent(void **state)
{
	const struct server_reply ok = {.text = HTTP_REPLY("204 No Content", "", "")};
	struct server s = server_start(&ok, 1, NULL);
	struct fake *f = make(&s, "\"headers\": {\"X-Team\": \"ops\"}, \"secret_headers\": {\"Authorization\": \"Bearer x\"}");
	char *request;
	json_t *o;

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_OK);
	request = server_request(&s, 0);
	o = parse_event(request);
	assert_string_equal(member(o, "id"), event.id);
	assert_string_equal(member(o, "type"), "dev.failback.rollback.completed.v1");
	assert_string_equal(member(o, "source"), "/failback/test");
	assert_string_equal(member(o, "time"), event.time);
	assert_string_equal(member(o, "subject"), f->call.execution);
	assert_string_equal(member(o, "datacontenttype"), "application/json");
	assert_string_equal(member(o, "severity"), "warning");
	assert_string_equal(member(o, "incident"), event.incident);
	assert_string_equal(member(o, "summary"), event.summary);
	assert_string_equal(member(json_object_get(o, "data"), "service"), "web");
	assert_non_null(strstr(request, "\r\nX-Team: ops\r\n"));
	assert_non_null(strstr(request, "\r\nAuthorization: Bearer x\r\n"));
	assert_null(strstr(request, "X-Failback-Signature"));
	json_decref(o);
	free(request);
	server_stop(&s);
	fake_free(f);
}

static void the_id_is_stable_over_attempts(void **state)
{
	const struct server_reply replies[] = {{.text = HTTP_REPLY("500 Oops", "", "database is locked\nmore")}, {.text = HTTP_REPLY("200 OK", "", "")}};
	struct server s = server_start(replies, 2, NULL);
	struct fake *f = make(&s, "\"source\": \"https://failback.example.com/x\"");
	char *first, *second;
	json_t *a, *b;

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_RETRY);
	assert_non_null(strstr(f->message, "500: database is locked"));
	assert_null(strstr(f->message, "more"));
	assert_int_equal(f->retry_ms, -1);
	f->call.attempt = 2;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_OK);
	first = server_request(&s, 0);
	second = server_request(&s, 1);
	a = parse_event(first);
	b = parse_event(second);
	assert_true(json_equal(a, b));
	assert_string_equal(member(a, "source"), "https://failback.example.com/x");
	json_decref(a);
	json_decref(b);
	free(first);
	free(second);
	server_stop(&s);
	fake_free(f);
}

static void a_signature_is_over_the_bytes_that_are_sent(void **state)
{
	const struct server_reply ok = {.text = HTTP_REPLY("200 OK", "", "")};
	struct server s = server_start(&ok, 1, NULL);
	struct fake *f = make(&s, "\"signing_key\": \"0123456789abcdef\"");
	char *request, *body, expected[SIGN_SIZE], line[SIGN_SIZE + 40];

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_OK);
	request = server_request(&s, 0);
	body = strstr(request, "\r\n\r\n") + 4;
	assert_int_equal(sign("0123456789abcdef", body, strlen(body), expected), 0);
	snprintf(line, sizeof(line), "\r\nX-Failback-Signature: %s\r\n", expected);
	assert_non_null(strstr(request, line));
	free(request);
	server_stop(&s);
	fake_free(f);
}

static void the_signature_is_that_of_the_published_vector(void **state)
{
	char ret[SIGN_SIZE];

	(void)state;
	assert_int_equal(sign("It's a Secret to Everybody", "Hello, World!", 13, ret), 0);
	assert_string_equal(ret, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
}

static void retry_after_is_honoured(void **state)
{
	struct fake *f = deliver(HTTP_REPLY("429 Slow down", "retry-after: 7\r\n", ""), FB_RETRY);
	char reply[200], date[64];
	time_t later = time(NULL) + 100;

	(void)state;
	assert_int_equal(f->retry_ms, 7000);
	fake_free(f);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&later));
	snprintf(reply, sizeof(reply), HTTP_REPLY("503 Busy", "Retry-After: %s\r\n", "busy"), date);
	f = deliver(reply, FB_RETRY);
	assert_in_range(f->retry_ms, 80000, 100000);
	fake_free(f);
	f = deliver(HTTP_REPLY("429 Slow down", "Retry-After: 99999999999\r\n", ""), FB_RETRY);
	assert_int_equal(f->retry_ms, 24 * 3600 * 1000);
	fake_free(f);
	f = deliver(HTTP_REPLY("429 Slow down", "Retry-After: soon\r\n", ""), FB_RETRY);
	assert_int_equal(f->retry_ms, -1);
	fake_free(f);
}

static void other_refusals_are_final(void **state)
{
	struct fake *f = deliver(HTTP_REPLY("404 Not Found", "", "no such hook\r\nsecond"), FB_FAIL);

	(void)state;
	assert_non_null(strstr(f->message, "404: no such hook; "));
	fake_free(f);
	f = deliver(HTTP_REPLY("410 Gone", "", ""), FB_FAIL);
	assert_non_null(strstr(f->message, "410: no text"));
	fake_free(f);
	f = deliver(HTTP_REPLY("302 Found", "Location: http://elsewhere.invalid/\r\n", ""), FB_FAIL); /* not followed: the body would go astray */
	fake_free(f);
}

static void a_connection_that_fails_is_tried_again(void **state)
{
	static const struct server_reply replies[] = {{.how = SERVER_CLOSE}, {.how = SERVER_RESET}, {.text = "HTTP/1.1 200", .how = SERVER_RESET}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct server s = server_start(&replies[i], 1, NULL);
		struct fake *f = make(&s, NULL);
		assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_RETRY);
		server_stop(&s);
		assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_RETRY); /* nobody listens any more */
		fake_free(f);
	}
}

static void a_slow_receiver_is_given_up_before_the_deadline(void **state)
{
	const struct server_reply slow = {.text = HTTP_REPLY("200 OK", "", ""), .delay_ms = 60000};
	struct server s = server_start(&slow, 1, NULL);
	struct fake *f = make(&s, NULL);

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 600;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_RETRY);
	assert_non_null(strstr(f->message, "imeout"));
	server_stop(&s);
	fake_free(f);
}

static void what_is_no_event_is_not_sent(void **state)
{
	const struct fb_event bad = {.id = "1", .name = "rollback.completed", .data = "not JSON"};
	const struct server_reply ok = {.text = HTTP_REPLY("200 OK", "", "")};
	struct server s = server_start(&ok, 1, NULL);
	struct fake *f = make(&s, "\"source\": \"two words\"");

	(void)state;
	f->event = &bad;
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_FATAL);
	assert_int_equal(server_count(&s), 0);
	server_stop(&s);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_a_cloudevent),
		cmocka_unit_test(the_id_is_stable_over_attempts),
		cmocka_unit_test(a_signature_is_over_the_bytes_that_are_sent),
		cmocka_unit_test(the_signature_is_that_of_the_published_vector),
		cmocka_unit_test(retry_after_is_honoured),
		cmocka_unit_test(other_refusals_are_final),
		cmocka_unit_test(a_connection_that_fails_is_tried_again),
		cmocka_unit_test(a_slow_receiver_is_given_up_before_the_deadline),
		cmocka_unit_test(what_is_no_event_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
