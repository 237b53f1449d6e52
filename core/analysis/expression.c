/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/expression.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define MATCH_LIMIT 200000 /* steps: a line of 8 KiB with an honest expression takes some thousands */
#define DEPTH_LIMIT 2000

struct fb_expression {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

/* The short forms written out. */
static char *expand(const char *source)
{
	struct fb_text t = {0};

	for (const char *p = source; *p; p++) {
		if (*p == '\\' && p[1])
			fb_text_add(&t, p++, 2);
		else if (*p == '%' && p[1] == 'q')
			fb_text_puts(&t, "['\"`]"), p++;
		else if (*p == '%' && p[1] == 's')
			fb_text_puts(&t, "[^'\"`\\n]+"), p++;
		else if (*p == '%' && p[1] == '%')
			fb_text_puts(&t, "%"), p++;
		else
			fb_text_add(&t, p, 1);
	}
	return fb_text_take(&t);
}

/* The end of the class that begins at p with '['. */
static const char *class_end(const char *p)
{
	p += p[1] == '^' ? 2 : 1;
	if (*p == ']')
		p++;
	for (; *p && *p != ']'; p++)
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '[' && p[1] == ':' && strstr(p, ":]"))
			p = strstr(p, ":]") + 1;
	return *p ? p + 1 : p;
}

/* A repetition at the beginning finds no more than one of it does, and costs much of the scan: "[^ ]+: no" is found as "[^ ]: no". */
static void cut_begin(char *s)
{
	char *p = s, *q;

	while (*p == '(' && p[1] != '?')
		p++;
	if (*p != '[' && *p != '.' && *p != '\\')
		return;
	q = *p == '[' ? (char *)(uintptr_t)class_end(p) : p + (*p == '.' ? 1 : 2);
	if (*q == '+')
		memmove(q, q + 1, strlen(q));
	else if (*q == '*')
		*q = '?';
}

/* Nor does one at the end, which would be found anew at each byte of it. Groups may end after it. */
static void cut_end(char *s)
{
	size_t n = strlen(s), end = n, escapes = 0;

	while (end && s[end - 1] == ')' && !(end > 1 && s[end - 2] == '\\'))
		end--;
	if (end > 1 && s[end - 1] == '?' && (s[end - 2] == '+' || s[end - 2] == '*')) {
		memmove(s + end - 1, s + end, n - end + 1);
		end--;
	}
	if (end < 2 || (s[end - 1] != '+' && s[end - 1] != '*'))
		return;
	for (size_t i = end - 1; i > 0 && s[i - 1] == '\\'; i--)
		escapes++;
	if (escapes % 2)
		return;
	if (s[end - 1] == '*')
		s[end - 1] = '?';
	else
		memmove(s + end - 1, s + end, strlen(s + end) + 1);
}

char *fb_expression_for_scan(const char *source)
{
	char *whole = expand(source), *ret;
	struct fb_text t = {0};

	for (const char *p = whole; *p; p++) {
		if (*p == '\\' && p[1]) {
			fb_text_add(&t, p++, 2);
		} else if (*p == '[') {
			const char *end = class_end(p);
			size_t head = p[1] != '^' ? 1 : p[2] == ']' ? 3 : 2;

			fb_text_add(&t, p, head);
			if (head > 1) /* what is sought is in one line */
				fb_text_puts(&t, "\\n");
			fb_text_add(&t, p + head, (size_t)(end - p) - head);
			p = end - 1;
		} else if (!strncmp(p, "(?<", 3) && p[3] != '=' && p[3] != '!' && strchr(p, '>')) {
			fb_text_puts(&t, "(");
			p = strchr(p, '>');
		} else {
			fb_text_add(&t, p, 1);
		}
	}
	fb_free(whole);
	ret = fb_text_take(&t);
	cut_begin(ret);
	cut_end(ret);
	return ret;
}

int fb_expression_new(const char *source, struct fb_expression **ret, struct fb_err *err)
{
	char *whole = expand(source);
	struct fb_expression *e = fb_alloc(sizeof *e);
	int code;
	PCRE2_SIZE at;

	*ret = NULL;
	e->code = pcre2_compile((PCRE2_SPTR)whole, PCRE2_ZERO_TERMINATED, PCRE2_CASELESS | PCRE2_MULTILINE | PCRE2_NEVER_UTF, &code, &at, NULL);
	fb_free(whole);
	if (!e->code) {
		PCRE2_UCHAR text[128];

		pcre2_get_error_message(code, text, sizeof text);
		fb_free(e);
		return fb_err_set(err, FB_EXIT_CONFIG, "the expression %s is not well-formed at its byte %zu: %s", source, (size_t)at, (char *)text);
	}
	e->data = pcre2_match_data_create_from_pattern(e->code, NULL);
	e->limits = pcre2_match_context_create(NULL);
	if (!e->data || !e->limits) {
		fb_expression_free(e);
		return fb_err_set(err, FB_EXIT_BUG, "no memory for an expression");
	}
	pcre2_set_match_limit(e->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(e->limits, DEPTH_LIMIT);
	*ret = e;
	return 0;
}

void fb_expression_free(struct fb_expression *e)
{
	if (!e)
		return;
	pcre2_match_context_free(e->limits);
	pcre2_match_data_free(e->data);
	pcre2_code_free(e->code);
	fb_free(e);
}

static size_t take_groups(const struct fb_expression *e, const char *line, struct fb_group groups[FB_GROUPS])
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(e->data);
	uint32_t names = 0, size = 0;
	PCRE2_SPTR table = NULL;
	size_t n = 0;

	pcre2_pattern_info(e->code, PCRE2_INFO_NAMECOUNT, &names);
	pcre2_pattern_info(e->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(e->code, PCRE2_INFO_NAMETABLE, &table);
	for (uint32_t i = 0; i < names && n < FB_GROUPS; i++, table += size) {
		uint32_t group = (uint32_t)table[0] << 8 | table[1];

		if (at[2 * group] == PCRE2_UNSET || at[2 * group] == at[2 * group + 1])
			continue;
		snprintf(groups[n].name, sizeof groups[n].name, "%s", (const char *)table + 2);
		groups[n].text = line + at[2 * group];
		groups[n++].n = at[2 * group + 1] - at[2 * group];
	}
	return n;
}

bool fb_expression_match(const struct fb_expression *e, const char *line, size_t n, size_t *ret_from, size_t *ret_to, struct fb_group groups[FB_GROUPS], size_t *ret_count)
{
	const PCRE2_SIZE *at;

	if (ret_count)
		*ret_count = 0;
	if (pcre2_match(e->code, (PCRE2_SPTR)line, n, 0, 0, e->data, e->limits) <= 0)
		return false;
	at = pcre2_get_ovector_pointer(e->data);
	if (ret_from)
		*ret_from = at[0];
	if (ret_to)
		*ret_to = at[1];
	if (groups && ret_count)
		*ret_count = take_groups(e, line, groups);
	return true;
}
