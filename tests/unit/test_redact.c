/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "base/redact.h"
#include "base/redact_kinds.h"
#include "tests/unit/redact_corpus.h"

static const char *redacted(const struct fb_redactor *r, const char *text)
{
	static char buf[1024];

	strcpy(buf, text);
	fb_redact(r, buf, strlen(buf));
	return buf;
}

static void each_byte_of_a_value_becomes_a_star(void **state)
{
	struct fb_redactor *r = fb_redactor_new();

	(void)state;
	assert_int_equal(fb_redactor_add(r, "hunter2"), 0);
	assert_string_equal(redacted(r, "pw=hunter2;hunter2hunter"), "pw=*******;*******hunter");
	assert_string_equal(redacted(r, "nothing here"), "nothing here");
	fb_redactor_free(r);
}

static void values_under_four_bytes_are_not_taken(void **state)
{
	struct fb_redactor *r = fb_redactor_new();

	(void)state;
	assert_int_equal(fb_redactor_add(r, "abc"), 1);
	assert_int_equal(fb_redactor_add(r, ""), 1);
	assert_int_equal(fb_redactor_count(r), 0);
	assert_int_equal(fb_redactor_add(r, "abcd"), 0);
	assert_int_equal(fb_redactor_add(r, "abcd"), 0);
	assert_int_equal(fb_redactor_count(r), 1);
	assert_string_equal(redacted(r, "abcabcd"), "abc****");
	fb_redactor_free(r);
}

static void values_that_overlap_are_all_covered(void **state)
{
	struct fb_redactor *r = fb_redactor_new();

	(void)state;
	fb_redactor_add(r, "abcdef");
	fb_redactor_add(r, "efghij");
	fb_redactor_add(r, "cdefg");
	fb_redactor_add(r, "aaaa");
	assert_string_equal(redacted(r, "xabcdefghijx"), "x**********x");
	assert_string_equal(redacted(r, "abcdxcdefgx"), "abcdx*****x");
	assert_string_equal(redacted(r, "aaaaaa aaa"), "****** aaa");
	fb_redactor_free(r);
}

static void a_value_within_another_is_covered_when_the_longer_one_does_not_come(void **state)
{
	struct fb_redactor *r = fb_redactor_new();

	(void)state;
	fb_redactor_add(r, "abcdefghz");
	fb_redactor_add(r, "cdef");
	assert_string_equal(redacted(r, "abcdefgh!"), "ab****gh!");
	assert_string_equal(redacted(r, "abcdefghz"), "*********");
	fb_redactor_free(r);
}

static void base64_and_percent_encoded_forms_are_covered(void **state)
{
	struct fb_redactor *r = fb_redactor_new();

	(void)state;
	fb_redactor_add(r, "p@ss w?rd/1>");
	assert_string_equal(redacted(r, "x=cEBzcyB3P3JkLzE+;"), "x=****************;");
	assert_string_equal(redacted(r, "x=cEBzcyB3P3JkLzE-;"), "x=****************;");
	assert_string_equal(redacted(r, "q=p%40ss%20w%3Frd%2F1%3E&"), "q=**********************&");
	assert_string_equal(redacted(r, "q=p%40ss%20w%3frd%2f1%3e&"), "q=**********************&");
	assert_string_equal(redacted(r, "q=p%40ss+w%3Frd%2F1%3E&"), "q=********************&");
	/* "user:" before it, as in HTTP's basic authentication: characters that hold only bits of the value */
	assert_string_equal(redacted(r, "header dXNlcjpwQHNzIHc/cmQvMT4="), "header dXNlcjp***************4=");
	fb_redactor_free(r);
}

static void collect(void *ctx, const char *data, size_t size)
{
	fb_text_add(ctx, data, size);
}

static void a_stream_cut_anywhere_gives_what_the_whole_gives(void **state)
{
	static const char text[] = "abcabcdefabcdefghz cdef abcdefgh sesame-open-sesame-open-close c2VzYW1lLW9wZW4= end abcdefg";
	struct fb_redactor *r = fb_redactor_new();
	const char *whole;

	(void)state;
	fb_redactor_add(r, "abcdefghz");
	fb_redactor_add(r, "cdef");
	fb_redactor_add(r, "sesame-open");
	fb_redactor_add(r, "open-close");
	whole = redacted(r, text);
	for (size_t a = 0; a <= sizeof text - 1; a++) {
		for (size_t b = a; b <= sizeof text - 1; b += 3) {
			struct fb_redact_stream *s = fb_redact_stream_new(r);
			struct fb_text t = {0};

			fb_redact_stream_put(s, text, a, collect, &t);
			fb_redact_stream_put(s, text + a, b - a, collect, &t);
			fb_redact_stream_put(s, text + b, sizeof text - 1 - b, collect, &t);
			fb_redact_stream_end(s, collect, &t);
			assert_int_equal(t.n, sizeof text - 1);
			assert_string_equal(t.p, whole);
			fb_text_clear(&t);
		}
	}
	fb_redactor_free(r);
}

static void a_stream_holds_back_only_what_may_be_the_beginning_of_a_value(void **state)
{
	struct fb_redactor *r = fb_redactor_new();
	struct fb_redact_stream *s;
	struct fb_text t = {0};

	(void)state;
	fb_redactor_add(r, "secret-value");
	s = fb_redact_stream_new(r);
	fb_redact_stream_put(s, "line\nsecre", 10, collect, &t);
	assert_string_equal(t.p, "line\n");
	fb_redact_stream_put(s, "tary\n", 5, collect, &t);
	assert_string_equal(t.p, "line\nsecretary\n");
	fb_redact_stream_put(s, "secret-", 7, collect, &t);
	assert_string_equal(t.p, "line\nsecretary\n");
	fb_redact_stream_end(s, collect, &t);
	assert_string_equal(t.p, "line\nsecretary\nsecret-");
	fb_text_clear(&t);
	fb_redactor_free(r);
}

/* The plainest way to say what redaction is: mask every occurrence of every value. */
static void mask_naively(char *text, const char *original, const char *const *values)
{
	for (; *values; values++)
		for (const char *p = original; (p = strstr(p, *values)); p++)
			memset(text + (p - original), '*', strlen(*values));
}

static void random_texts_are_redacted_as_by_plain_search(void **state)
{
	static const char *const values[] = {"abab", "babba", "aaaa", "bbaab", NULL};
	struct fb_redactor *r = fb_redactor_new();
	uint32_t seed = 20260120;

	(void)state;
	for (size_t i = 0; values[i]; i++)
		fb_redactor_add(r, values[i]);
	for (int round = 0; round < 500; round++) {
		char text[201], expected[201];
		struct fb_redact_stream *s = fb_redact_stream_new(r);
		struct fb_text t = {0};
		size_t done = 0;

		for (size_t i = 0; i < 200; i++) {
			seed = seed * 1664525u + 1013904223u;
			text[i] = seed >> 28 ? (seed >> 24 & 1 ? 'a' : 'b') : 'c';
		}
		text[200] = 0;
		strcpy(expected, text);
		mask_naively(expected, text, values);
		assert_string_equal(redacted(r, text), expected);
		while (done < 200) {
			size_t n = seed % 7 < 200 - done ? seed % 7 : 200 - done;

			seed = seed * 1664525u + 1013904223u;
			fb_redact_stream_put(s, text + done, n, collect, &t);
			done += n;
		}
		fb_redact_stream_end(s, collect, &t);
		assert_string_equal(t.p, expected);
		fb_text_clear(&t);
	}
	fb_redactor_free(r);
}

static void a_stream_of_long_values_and_any_bytes_keeps_its_length(void **state)
{
	struct fb_redactor *r = fb_redactor_new();
	struct fb_redact_stream *s;
	struct fb_text t = {0};
	char *value = fb_alloc(20001);

	(void)state;
	memset(value, 'k', 20000);
	fb_redactor_add(r, value);
	s = fb_redact_stream_new(r);
	fb_redact_stream_put(s, "\0\xff\n", 3, collect, &t);
	fb_redact_stream_put(s, value, 20000, collect, &t);
	fb_redact_stream_put(s, value, 19999, collect, &t);
	fb_redact_stream_put(s, "!", 1, collect, &t);
	fb_redact_stream_end(s, collect, &t);
	assert_int_equal(t.n, 3 + 20000 + 19999 + 1);
	assert_memory_equal(t.p, "\0\xff\n***", 6);
	assert_int_equal(t.p[t.n - 1], '!');
	assert_null(memchr(t.p, 'k', t.n));
	fb_text_clear(&t);
	fb_free(value);
	fb_redactor_free(r);
	fb_redactor_free(NULL);
}

/* ---- by look ---- */

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* The text with line feeds as JSON writes them when `json`. */
static void add(struct fb_text *t, const char *s, bool json)
{
	for (; *s; s++)
		if (json && (*s == '\n' || *s == '"' || *s == '\\'))
			fb_text_printf(t, "\\%c", *s == '\n' ? 'n' : *s);
		else
			fb_text_add(t, s, 1);
}

/* One place in which people meet secrets: 0 a line of a log, 1 a URL, 2 a list of variables, 3 JSON, 4 a coloured line, 5 JSON within JSON. */
enum { PLACES = 6 };
static const char *const opens[PLACES] = {"2026-01-20T10:00:00Z ERROR step 3: ", "GET https://api.example.net/v1/x?page=2&q=", "PATH=/usr/bin\nHOME=/root\nX=",
					  "{\"level\": \"info\", \"n\": [1, 2], \"x\": \"", "\x1b[31m", "{\"log\":\"{\\\"x\\\":\\\""};
static const char *const closes[PLACES] = {" was refused by peer", " HTTP/1.1", "\nLANG=C\n", "\", \"ok\": true}", "\x1b[0m done", "\\\"}\",\"n\":7}"};
static const char *const key_opens[PLACES] = {"2026-01-20T10:00:00Z INFO with ", "GET https://api.example.net/v1/x?page=2&", "PATH=/usr/bin\n", "{\"n\": [1], \"", "  - name: ", "{\"log\":\"{\\\""};
static const char *const key_mids[PLACES] = {"=", "=", "=", "\": \"", "\n    value: ", "\\\":\\\""};
static const char *const key_closes[PLACES] = {" for a while", "&z=1 HTTP/1.1", "\nLANG=C\n", "\", \"ok\": true}", "\n", "\\\"}\",\"n\":7}"};

static void place(struct fb_text *t, const struct sample *s, bool key, int where, size_t *ret_from, size_t *ret_size)
{
	bool json = where == 3 || where == 5;

	fb_text_puts(t, key ? key_opens[where] : opens[where]);
	add(t, s->before, json && !key);
	if (key)
		fb_text_puts(t, key_mids[where]);
	*ret_from = t->n;
	add(t, s->secret, json);
	*ret_size = t->n - *ret_from;
	add(t, s->after, json);
	fb_text_puts(t, key ? key_closes[where] : closes[where]);
}

static void assert_gone(const struct sample *s, int where, const char *text, const char *out, size_t from, size_t size)
{
	size_t opening = from > 24 ? from - 24 : 0; /* a shorter prefix may have been enough: "sk-" of "sk-proj-" */
	bool good = !memcmp(text, out, opening);

	for (size_t i = 0; i < size && good; i++) /* line feeds of a block stay, as do their names in JSON */
		good = out[from + i] == '*' || text[from + i] == '\n' || text[from + i] == '\\' || (i && text[from + i - 1] == '\\');
	if (!good)
		fail_msg("%s, place %d:\n%s\nbecame\n%s", s->kind, where, text, out);
}

static void each_place(void (*check)(const struct fb_redactor *r, const struct sample *s, int where, const struct fb_text *t, size_t from, size_t size))
{
	struct fb_redactor *r = fb_redactor_new();

	for (size_t i = 0; i < COUNT(tokens) + COUNT(keys); i++)
		for (int where = 0; where < PLACES; where++) {
			const struct sample *s = i < COUNT(tokens) ? &tokens[i] : &keys[i - COUNT(tokens)];
			struct fb_text t = {0};
			size_t from, size;

			place(&t, s, i >= COUNT(tokens), where, &from, &size);
			check(r, s, where, &t, from, size);
			fb_text_clear(&t);
		}
	fb_redactor_free(r);
}

static void check_whole(const struct fb_redactor *r, const struct sample *s, int where, const struct fb_text *t, size_t from, size_t size)
{
	char *out = fb_strdup(t->p);
	json_t *json;

	fb_redact(r, out, t->n);
	assert_gone(s, where, t->p, out, from, size);
	if (where == 3 || where == 5) {
		json = json_loads(out, 0, NULL);
		if (!json)
			fail_msg("%s: no JSON any more: %s", s->kind, out);
		json_decref(json);
	}
	fb_free(out);
}

static void secrets_of_all_kinds_go_wherever_they_stand(void **state)
{
	(void)state;
	assert_true(COUNT(tokens) + COUNT(keys) >= 60);
	each_place(check_whole);
}

static void check_cut(const struct fb_redactor *r, const struct sample *s, int where, const struct fb_text *t, size_t from, size_t size)
{
	struct fb_redact_stream *whole = fb_redact_stream_new(r);
	struct fb_text expected = {0};

	fb_redact_stream_put(whole, t->p, t->n, collect, &expected);
	fb_redact_stream_end(whole, collect, &expected);
	assert_gone(s, where, t->p, expected.p, from, size);
	for (size_t cut = 0; cut <= t->n + 1; cut++) {
		struct fb_redact_stream *stream = fb_redact_stream_new(r);
		struct fb_text out = {0};

		for (size_t at = 0; at < t->n;) { /* the last round: byte by byte */
			size_t n = cut > t->n ? 1 : at < cut ? cut : t->n - at;

			fb_redact_stream_put(stream, t->p + at, n, collect, &out);
			at += n;
		}
		fb_redact_stream_end(stream, collect, &out);
		assert_int_equal(out.n, t->n);
		assert_string_equal(out.p, expected.p);
		fb_text_clear(&out);
	}
	fb_text_clear(&expected);
}

static void secrets_go_wherever_a_stream_is_cut(void **state)
{
	(void)state;
	each_place(check_cut);
}

static void what_is_no_secret_stays_readable(void **state)
{
	struct fb_redactor *r = fb_redactor_new();

	(void)state;
	for (size_t i = 0; i < COUNT(stays); i++) {
		struct fb_redact_stream *s = fb_redact_stream_new(r);
		struct fb_text t = {0};

		assert_string_equal(redacted(r, stays[i]), stays[i]);
		fb_redact_stream_put(s, stays[i], strlen(stays[i]), collect, &t);
		fb_redact_stream_end(s, collect, &t);
		assert_string_equal(t.p, stays[i]);
		fb_text_clear(&t);
	}
	fb_redactor_free(r);
}

/* What is beyond doubt is named; what may be a secret, or is none, is not. */
static void a_token_is_named_by_its_kind(void **state)
{
	(void)state;
	assert_string_equal(fb_secret_kind_of("curl -H 'X-Token: ghp_" "abcdefghij0123456789abcdefghij012345'"), "GitHub token");
	assert_string_equal(fb_secret_kind_of("AKIA" "IOSFODNN7EXAMPLE"), "AWS access key");
	assert_string_equal(fb_secret_kind_of("-----BEGIN EC " "PRIVATE KEY-----\nMHc"), "PEM private key");
	assert_null(fb_secret_kind_of(""));
	assert_null(fb_secret_kind_of("-----BEGIN CERTIFICATE-----"));
	assert_null(fb_secret_kind_of("xghp_" "abcdefghij0123456789abcdefghij012345"));
	assert_null(fb_secret_kind_of("ghp_short"));
	assert_null(fb_secret_kind_of("AKIA" "IOSFODNN7EXAMPLEandmore"));
	assert_null(fb_secret_kind_of("psql password=$PASSWORD"));
	for (size_t i = 0; i < COUNT(stays); i++)
		assert_null(fb_secret_kind_of(stays[i]));
}

/* Bytes that are likely to begin, end and confuse: what is JSON stays JSON, lengths are kept, cuts change nothing. */
static void rubbish_is_redacted_alike_however_it_is_cut(void **state)
{
	static const char *const pieces[] = {"password", "\"", "'", "\\", "\\\"", ":", "=", " ", "\n", "-----BEGIN RSA PRIVATE KEY-----", "-----END", "eyJ", ".", "://", "@", "ghp_", "AKIA", "x",
					     "abcdefghijklmnopqrstuvwxyz012345", "value", "Bearer ", "curl ", " -u ", "sig=", "%3D", "token", "$", "{", "}", "<", ">", "sha256:", "\xff", "7", ",", "Cookie"};
	struct fb_redactor *r = fb_redactor_new();
	uint32_t seed = 20260121;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		struct fb_redact_stream *a = fb_redact_stream_new(r), *b = fb_redact_stream_new(r);
		struct fb_text t = {0}, one = {0}, many = {0};

		for (int i = 0; i < 30; i++) {
			seed = seed * 1664525u + 1013904223u;
			fb_text_puts(&t, pieces[(seed >> 16) % COUNT(pieces)]);
		}
		fb_redact_stream_put(a, t.p, t.n, collect, &one);
		fb_redact_stream_end(a, collect, &one);
		for (size_t i = 0; i < t.n; i++)
			fb_redact_stream_put(b, t.p + i, 1, collect, &many);
		fb_redact_stream_end(b, collect, &many);
		assert_int_equal(one.n, t.n);
		assert_memory_equal(one.p, many.p, t.n);
		fb_text_clear(&t);
		fb_text_clear(&one);
		fb_text_clear(&many);
	}
	fb_redactor_free(r);
}

static void json_of_any_texts_is_json_after(void **state)
{
	static const char *const pieces[] = {"password", "\"", "'", "\\", ":", "=", " ", "\n", "-----BEGIN RSA PRIVATE KEY-----\n", "-----END", "eyJ", ".", "://", "@", "ghp_", "x", "\x01",
					     "abcdefghijklmnopqrstuvwxyz012345", "value", "Bearer ", "curl ", " -u ", "token", "\t", "Authorization", "Cookie: a=", "Set-Cookie", "\u00e9", "`"};
	struct fb_redactor *r = fb_redactor_new();
	uint32_t seed = 20260122;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		json_t *object = json_object(), *again;
		char *text;

		for (int k = 0; k < 4; k++) {
			struct fb_text t = {0};

			for (int i = 0; i < 12; i++) {
				seed = seed * 1664525u + 1013904223u;
				fb_text_puts(&t, pieces[(seed >> 16) % COUNT(pieces)]);
			}
			json_object_set_new(object, k == 0 ? "password" : k == 1 ? "token" : k == 2 ? t.p : "x", seed & 65536 ? json_string(t.p) : json_integer(seed));
			fb_text_clear(&t);
		}
		text = json_dumps(object, round & 1 ? JSON_COMPACT : JSON_INDENT(2));
		assert_non_null(text);
		fb_redact(r, text, strlen(text));
		again = json_loads(text, 0, NULL);
		if (!again)
			fail_msg("no JSON any more: %s", text);
		json_decref(again);
		json_decref(object);
		free(text);
	}
	fb_redactor_free(r);
}

/* A byte that stands for the end is none of the text: what ends in the middle of an escape is covered no further. */
static void a_text_that_ends_in_an_escape_is_covered_to_its_end(void **state)
{
	static const char *const texts[] = {"Cookie: abc=defgh\\", "Authorization: Bearer abcdefgh\\", "password=\"abcdefghijklmnopqrstuvwxyz0123456789\\", "password=abcdefghijklmnopqrstuvwxyz0123456789\\"};
	struct fb_redactor *r = fb_redactor_new();

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		size_t n = strlen(texts[i]);
		char *exact = fb_alloc(n + 1);
		struct fb_redact_stream *s = fb_redact_stream_new(r);
		struct fb_text t = {0};

		memcpy(exact, texts[i], n);
		exact[n] = 'x'; /* must stay */
		fb_redact(r, exact, n);
		assert_int_equal(exact[n], 'x');
		assert_non_null(memchr(exact, '*', n));
		fb_redact_stream_put(s, texts[i], n, collect, &t);
		fb_redact_stream_end(s, collect, &t);
		assert_int_equal(t.n, n);
		fb_text_clear(&t);
		fb_free(exact);
	}
	fb_redactor_free(r);
}

static void facts_are_redacted_by_value_alone(void **state)
{
	struct fb_redactor *r = fb_redactor_new();
	char text[] = "password=open-sesame token=abcdefgh12345678";

	(void)state;
	fb_redact_values(r, text, strlen(text));
	assert_string_equal(text, "password=open-sesame token=abcdefgh12345678");
	fb_redactor_add(r, "open-sesame");
	fb_redact_values(r, text, strlen(text));
	assert_string_equal(text, "password=*********** token=abcdefgh12345678");
	fb_redactor_free(r);
}

static void what_waits_is_bounded(void **state)
{
	static const char *const openings[] = {"https://", "https://u:", "eyJabcdefgh", "token: ", "password='", "sk-", "-----BEGIN PRIVATE KEY-----", "curl -u a:", "Cookie: "};
	struct fb_redactor *r = fb_redactor_new();

	(void)state;
	for (size_t i = 0; i < COUNT(openings); i++) {
		struct fb_redact_stream *s = fb_redact_stream_new(r);
		struct fb_text t = {0};

		fb_redact_stream_put(s, openings[i], strlen(openings[i]), collect, &t);
		for (size_t n = strlen(openings[i]) + 1; n < 40000; n++) {
			fb_redact_stream_put(s, "a", 1, collect, &t);
			assert_true(n - t.n < 4096);
		}
		fb_redact_stream_end(s, collect, &t);
		fb_text_clear(&t);
	}
	fb_redactor_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_of_a_value_becomes_a_star),
		cmocka_unit_test(values_under_four_bytes_are_not_taken),
		cmocka_unit_test(values_that_overlap_are_all_covered),
		cmocka_unit_test(a_value_within_another_is_covered_when_the_longer_one_does_not_come),
		cmocka_unit_test(base64_and_percent_encoded_forms_are_covered),
		cmocka_unit_test(a_stream_cut_anywhere_gives_what_the_whole_gives),
		cmocka_unit_test(a_stream_holds_back_only_what_may_be_the_beginning_of_a_value),
		cmocka_unit_test(random_texts_are_redacted_as_by_plain_search),
		cmocka_unit_test(a_stream_of_long_values_and_any_bytes_keeps_its_length),
		cmocka_unit_test(secrets_of_all_kinds_go_wherever_they_stand),
		cmocka_unit_test(secrets_go_wherever_a_stream_is_cut),
		cmocka_unit_test(what_is_no_secret_stays_readable),
		cmocka_unit_test(a_token_is_named_by_its_kind),
		cmocka_unit_test(rubbish_is_redacted_alike_however_it_is_cut),
		cmocka_unit_test(json_of_any_texts_is_json_after),
		cmocka_unit_test(a_text_that_ends_in_an_escape_is_covered_to_its_end),
		cmocka_unit_test(facts_are_redacted_by_value_alone),
		cmocka_unit_test(what_waits_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
