/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/redact.h"

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
	assert_string_equal(redacted(r, "Basic dXNlcjpwQHNzIHc/cmQvMT4="), "Basic dXNlcjp***************4=");
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
