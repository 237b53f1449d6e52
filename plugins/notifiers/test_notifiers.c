/* SPDX-License-Identifier: Apache-2.0 */
/* What the notifiers for people and services send, and what they make of answers, of any: against servers that answer to order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "plugins/common/incident.h"
#include "plugins/notifiers/email/mail.h"
#include "plugins/notifiers/slack/message.h"
#include "tests/fake/host.h"
#include "tests/fake/server.h"

static const char word[] = "{\"word\": {\"title\": \"Deployment Failed\", \"text\": \"web failed\\nCause: x\", \"state\": \"open\", \"fields\": {\"summary\": \"web failed\", "
			   "\"services\": \"web\", \"environment\": \"test\", \"kind\": \"deploy\", \"quote\": \"a <b> & `c`\", \"cause\": \"x\"}}}";
static const struct fb_event event = {.id = "deploy-test-1-deployment.failed", .name = "deployment.failed", .time = "2026-01-20T11:00:00.000Z", .severity = "error",
				      .summary = "web failed", .incident = "INC-deploy-test-1", .data = word};

#define KEY "0123456789abcdef0123456789abcdef"

static const struct {
	const char *plugin, *options; /* %d: the port */
} kinds[] = {
	{"notifier-slack", "{\"webhook_url\": \"http://127.0.0.1:%d/services/t0ken\"}"},
	{"notifier-slack", "{\"token\": \"xoxb-t0ken\", \"channel\": \"C0123456789\", \"api_url\": \"http://127.0.0.1:%d/api\"}"},
	{"notifier-pagerduty", "{\"routing_key\": \"" KEY "\", \"api_url\": \"http://127.0.0.1:%d\"}"},
	{"notifier-teams", "{\"webhook_url\": \"http://127.0.0.1:%d/w?sig=t0ken\"}"},
	{"notifier-webhook", "{\"url\": \"http://127.0.0.1:%d/t0ken\"}"},
	{"notifier-email", "{\"host\": \"127.0.0.1\", \"port\": %d, \"tls\": \"none\", \"user\": \"u\", \"password\": \"t0ken\", \"from\": \"a@example.com\", \"recipients\": [\"b@example.com\", \"c@example.com\"]}"},
};
#define HTTP_KINDS 5
#define KINDS 6

static struct fake *make(size_t kind, int port)
{
	const char *at = strstr(kinds[kind].options, "%d");
	char options[600];
	struct fake *f;

	snprintf(options, sizeof(options), "%.*s%d%s", (int)(at - kinds[kind].options), kinds[kind].options, port, at + 2);
	f = fake_new(kinds[kind].plugin, options);
	f->event = &event;
	return f;
}

/* ---- answers ---- */

static int32_t answer_to(size_t kind, const char *reply, int64_t *ret_after)
{
	const struct server_reply r = {.text = reply};
	struct server s = server_start(&r, 1, NULL);
	struct fake *f = make(kind, s.port);
	int32_t answer = fake_call(f, FB_OP_NOTIFY);

	if (ret_after)
		*ret_after = f->retry_ms;
	if (f->message)
		assert_null(strstr(f->message, "t0ken"));
	server_stop(&s);
	fake_free(f);
	return answer;
}

static void every_service_that_is_busy_is_asked_again_when_it_says(void **state)
{
	int64_t after;

	(void)state;
	for (size_t k = 0; k < HTTP_KINDS; k++) {
		assert_int_equal(answer_to(k, HTTP_REPLY("429 Too Many Requests", "Retry-After: 7\r\n", ""), &after), FB_RETRY);
		assert_int_equal(after, 7000);
		assert_int_equal(answer_to(k, HTTP_REPLY("503 Busy", "", "wait"), &after), FB_RETRY);
		assert_int_equal(after, -1);
	}
	assert_int_equal(answer_to(2, HTTP_REPLY("429 Too Many Requests", "", ""), &after), FB_RETRY);
	assert_int_equal(after, 120000); /* "a few minutes" */
}

static void every_refusal_that_stays_is_final(void **state)
{
	(void)state;
	for (size_t k = 0; k < HTTP_KINDS; k++) {
		assert_int_equal(answer_to(k, HTTP_REPLY("403 Forbidden", "", "action_prohibited"), NULL), FB_FAIL);
		assert_int_equal(answer_to(k, HTTP_REPLY("302 Found", "Location: http://127.0.0.1:1/\r\n", ""), NULL), FB_FAIL);
	}
	assert_int_equal(answer_to(1, HTTP_REPLY("200 OK", "", "{\"ok\": false, \"error\": \"invalid_auth\"}"), NULL), FB_FAIL);
	assert_int_equal(answer_to(1, HTTP_REPLY("200 OK", "", "{\"ok\": false, \"error\": \"internal_error\"}"), NULL), FB_RETRY);
	assert_int_equal(answer_to(5, "220 lab\r\n", NULL), FB_RETRY);
	assert_int_equal(answer_to(5, "554 go away\r\n", NULL), FB_RETRY); /* before it was asked anything */
}

/* A seeded sample; LONG=1 makes it a thousand times as large. */
static unsigned draw_state;

static unsigned draw(unsigned n)
{
	draw_state = draw_state * 1103515245u + 12345u;
	return (draw_state >> 16) % n;
}

static char *broken_http(void)
{
	static const char *const starts[] = {"HTTP/1.1 200 OK\r\n", "HTTP/1.1 429 x\r\n", "HTTP/1.0 500\r\n", "HTTP/9.9 99999 x\r\n", "ICY 200\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", ""};
	static const char *const heads[] = {"Content-Length: 18446744073709551616\r\n", "Content-Length: -5\r\n", "Transfer-Encoding: chunked\r\n", "Retry-After: -1\r\n", "Retry-After: 99999999999999999999\r\n",
					    "Retry-After: Sun, 99 Foo 2026\r\n", ": \r\n", "X\r\n", "Content-Length: 3\r\n", "Connection: close\r\n"};
	static const char *const bodies[] = {"{\"ok\": true, \"channel\": 5, \"ts\": {}}", "{\"ok\": true}", "{\"ok\": false}", "{\"ok\": false, \"error\": \"\\u0000\"}", "[", "zz\r\nhello\r\n", "5\r\nhell", "invalid_blocks",
					     "no_text\n\n\n", "{\"ok\":true,\"messages\":[{\"metadata\":7},null,{\"metadata\":{\"event_type\":\"failback_incident\",\"event_payload\":{\"incident\":[]}}}]}"};
	char *text = malloc(6000), *p = text;

	assert_non_null(text);
	p = stpcpy(p, starts[draw(sizeof(starts) / sizeof(*starts))]);
	for (unsigned n = draw(4); n--;)
		p = stpcpy(p, heads[draw(sizeof(heads) / sizeof(*heads))]);
	p = stpcpy(p, "\r\n");
	p = stpcpy(p, bodies[draw(sizeof(bodies) / sizeof(*bodies))]);
	for (unsigned n = draw(2) * draw(4000); n--;)
		*p++ = (char)(1 + draw(255));
	*p = 0;
	return text;
}

static char *broken_smtp(void)
{
	static const char *const lines[] = {"220 lab\r\n", "250-lab\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1\r\n", "250 ok\r\n", "235 in\r\n", "334 \r\n", "334 !!!not base64!!!\r\n", "354 go\r\n", "450 wait\r\n", "550 no\r\n",
					    "250-\r\n", "999 what\r\n", "25", "\r\n", "221 bye\r\n", "250 OK\n"};
	char *text = malloc(9000), *p = text;

	assert_non_null(text);
	p = stpcpy(p, draw(4) ? "220 lab ESMTP\r\n" : "");
	for (unsigned n = draw(14); n--;) {
		if (draw(5)) {
			p = stpcpy(p, lines[draw(sizeof(lines) / sizeof(*lines))]);
		} else {
			for (unsigned k = draw(400); k--;)
				*p++ = (char)(1 + draw(255));
		}
	}
	*p = 0;
	return text;
}

static void any_answer_is_survived(void **state)
{
	const char *seed = getenv("SEED");
	size_t rounds = getenv("LONG") ? 20000 : 24;

	(void)state;
	draw_state = seed ? (unsigned)atoi(seed) : (unsigned)time(NULL);
	print_message("SEED=%u\n", draw_state);
	for (size_t k = 0; k < KINDS; k++) {
		for (size_t i = 0; i < rounds; i += 24) {
			struct server_reply replies[24];
			struct server s;

			for (size_t r = 0; r < 24; r++)
				replies[r] = (struct server_reply){.text = k < HTTP_KINDS ? broken_http() : broken_smtp(), .how = draw(3) ? SERVER_CLOSE : SERVER_RESET, .at_once = k >= HTTP_KINDS};
			s = server_start(replies, 24, NULL);
			for (size_t r = 0; r < 24; r++) {
				struct fake *f = make(k, s.port);
				int32_t answer;

				f->call.deadline_ms = fake_now_ms() + 1500;
				answer = fake_call(f, FB_OP_NOTIFY);
				assert_true(answer == FB_OK || answer == FB_RETRY || answer == FB_FAIL);
				assert_true(f->retry_ms <= 24 * 3600 * 1000LL);
				assert_true(answer == FB_OK || f->message != NULL);
				fake_free(f);
			}
			server_stop(&s);
			for (size_t r = 0; r < 24; r++)
				free((char *)(uintptr_t)replies[r].text);
		}
	}
}

/* ---- without sending ---- */

static void a_dry_run_shows_and_sends_nothing(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct fake *f = make(k, server_free_port());
		const json_t *preview;

		f->call.flags = FB_CALL_DRY_RUN;
		assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_OK);
		preview = json_object_get(f->reports, "preview");
		assert_true(json_is_string(json_object_get(preview, "method")));
		assert_non_null(json_object_get(preview, "body"));
		assert_int_equal(json_object_size(f->facts), 0);
		fake_free(f);
	}
}

static void what_cannot_be_right_is_refused_before(void **state)
{
	static const char *const wrong[][2] = {
		{"notifier-slack", "{}"}, {"notifier-slack", "{\"webhook_url\": \"https://h.example/x\", \"token\": \"t\"}"}, {"notifier-slack", "{\"token\": \"t\"}"},
		{"notifier-slack", "{\"webhook_url\": \"http://hooks.example.com/x\"}"}, {"notifier-slack", "{\"token\": \"t\", \"channel\": \"C1&x=2\"}"},
		{"notifier-pagerduty", "{\"routing_key\": \"short\"}"}, {"notifier-pagerduty", "{\"routing_key\": \"" KEY "\", \"severities\": {\"warning\": \"bad\"}}"},
		{"notifier-teams", "{\"webhook_url\": \"http://x.example.com/\"}"}, {"notifier-email", "{\"host\": \"mx.example.com\", \"tls\": \"none\", \"recipients\": [\"a@example.com\"]}"},
		{"notifier-email", "{\"host\": \"mx.example.com\", \"recipients\": [\"a@example.com\\r\\nDATA\"]}"}, {"notifier-email", "{\"host\": \"mx.example.com/..\", \"recipients\": [\"a@example.com\"]}"},
		{"notifier-email", "{\"host\": \"mx.example.com\", \"user\": \"u\", \"recipients\": [\"a@example.com\"]}"}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct fake *f = fake_new(wrong[i][0], wrong[i][1]);

		assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
		fake_free(f);
	}
}

/* ---- texts ---- */

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void texts_are_cut_between_characters_and_within_their_limit(void **state)
{
	static const char *const texts[] = {"", "a", "<<<<<<<<<<<<", "&amp;&amp;", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "\xf0\x9f\x9a\x80\xf0\x9f\x9a\x80\xf0\x9f\x9a\x80", "\xff\xfe\xc3", "\x1b[31m\x07\r\nx",
					    "\xed\xa0\x80\xc0\x80\xf5\x80\x80\x80", "a<b>c&d"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		for (size_t max = 6; max < 40; max++) {
			char *cut = incident_cut(texts[i], max), *escaped = slack_escape(texts[i], max);
			json_t *s = json_string(escaped);

			assert_true(characters(cut) <= max && characters(escaped) <= max);
			assert_non_null(s); /* it is UTF-8 */
			assert_null(strpbrk(escaped, "<>\x1b\x07\r"));
			for (const char *p = escaped; (p = strchr(p, '&')); p++)
				assert_true(!strncmp(p, "&amp;", 5) || !strncmp(p, "&lt;", 4) || !strncmp(p, "&gt;", 4));
			json_decref(s);
			free(cut);
			free(escaped);
		}
}

static char *mail_of(const char *title, const char *text, const char *prefix)
{
	static const char *const to[] = {"b@example.com", "c@example.com", NULL};
	struct incident i = {.title = title, .text = text, .state = "open", .severity = "error", .key = "INC-x y<z>", .own_title = true, .own_text = true};
	struct mail m = {.from = "a@example.com", .to = to, .subject_prefix = prefix, .event = &event, .incident = &i};

	return mail_write(&m);
}

static void a_message_has_only_the_headers_that_it_should_have(void **state)
{
	static const char *const titles[] = {"plain", "x\r\nBcc: thief@example.net\r\n\r\nbody", "=?utf-8?q?x?=", "\xc3\xa9t\xc3\xa9\n.\n", "\xff\xff", ""};
	char longest[3000];

	(void)state;
	memset(longest, 'w', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	for (size_t i = 0; i <= sizeof(titles) / sizeof(*titles); i++) {
		char *mail = mail_of(i < sizeof(titles) / sizeof(*titles) ? titles[i] : longest, longest, i ? "[\nops]" : NULL), *p = mail;
		size_t headers = 0;

		while (strncmp(p, "\r\n", 2) != 0) {
			char *end = strstr(p, "\r\n");

			assert_non_null(end);
			assert_true(end - p <= 78);
			for (const char *c = p; c < end; c++)
				assert_true(*c >= ' ' && *c <= '~');
			headers += *p != ' ';
			assert_true(strncmp(p, "Bcc", 3) != 0);
			p = end + 2;
		}
		assert_int_equal(headers, 13);
		for (; *p; p = strstr(p, "\r\n") + 2) {
			assert_non_null(strstr(p, "\r\n"));
			assert_true(strstr(p, "\r\n") - p <= 76 && *p != '.');
		}
		free(mail);
	}
}

static void the_same_event_is_the_same_message(void **state)
{
	char *a = mail_of("x", "y", NULL), *b = mail_of("x", "y", NULL);

	(void)state;
	assert_string_equal(a, b);
	assert_non_null(strstr(a, "\r\nMessage-ID: <deploy-test-1-deployment.failed@example.com>\r\n"));
	assert_non_null(strstr(a, "\r\nReferences: <INC-x-y-z-@example.com>\r\n"));
	assert_non_null(strstr(a, "Date: Tue, 20 Jan 2026 11:00:00 +0000\r\n"));
	free(a);
	free(b);
}

static void what_is_no_address_is_told_from_what_is(void **state)
{
	static const char *const good[] = {"a@b", "first.last+tag@mail.example.com", "o'neil@example.org"};
	static const char *const bad[] = {"", "a", "@b", "a@", "a b@c", "a@b c", "a@b>", "<a@b", "a@b\r\n", "a..b@c", ".a@b", "a.@b", "a@-b", "a@.b", "\"a\"@b", "a@b@c", "\xc3\xa9@b"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_null(mail_bad_address(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_non_null(mail_bad_address(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_service_that_is_busy_is_asked_again_when_it_says),
		cmocka_unit_test(every_refusal_that_stays_is_final),
		cmocka_unit_test(any_answer_is_survived),
		cmocka_unit_test(a_dry_run_shows_and_sends_nothing),
		cmocka_unit_test(what_cannot_be_right_is_refused_before),
		cmocka_unit_test(texts_are_cut_between_characters_and_within_their_limit),
		cmocka_unit_test(a_message_has_only_the_headers_that_it_should_have),
		cmocka_unit_test(the_same_event_is_the_same_message),
		cmocka_unit_test(what_is_no_address_is_told_from_what_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
