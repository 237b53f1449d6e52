/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void no_memory(void)
{
	fputs("failback: out of memory; what was recorded is safe, go on with 'failback resume'\n", stderr);
	_Exit(FB_EXIT_BUG);
}

void *fb_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		no_memory();
	return p;
}

void *fb_realloc(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		no_memory();
	return p;
}

void fb_free(void *p)
{
	free(p);
}

char *fb_strdup(const char *s)
{
	return s ? strcpy(fb_alloc(strlen(s) + 1), s) : NULL;
}

char *fb_asprintf(const char *format, ...)
{
	struct fb_text t = {0};
	va_list args;

	va_start(args, format);
	fb_text_vprintf(&t, format, args);
	va_end(args);
	return fb_text_take(&t);
}

static void make_room(struct fb_text *t, size_t n)
{
	if (t->n + n + 1 <= t->room)
		return;
	t->room = (t->n + n + 1) * 3 / 2 + 32;
	t->p = fb_realloc(t->p, t->room);
}

void fb_text_add(struct fb_text *t, const char *s, size_t n)
{
	make_room(t, n);
	if (n)
		memcpy(t->p + t->n, s, n);
	t->n += n;
	t->p[t->n] = 0;
}

void fb_text_puts(struct fb_text *t, const char *s)
{
	fb_text_add(t, s, strlen(s));
}

void fb_text_vprintf(struct fb_text *t, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	if (n > 0) {
		make_room(t, (size_t)n);
		vsnprintf(t->p + t->n, (size_t)n + 1, format, again);
		t->n += (size_t)n;
	}
	va_end(again);
}

void fb_text_printf(struct fb_text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fb_text_vprintf(t, format, args);
	va_end(args);
}

char *fb_text_take(struct fb_text *t)
{
	char *p = t->p ? t->p : fb_strdup("");

	*t = (struct fb_text){0};
	return p;
}

void fb_text_clear(struct fb_text *t)
{
	fb_free(t->p);
	*t = (struct fb_text){0};
}

void fb_text_shell_quote(struct fb_text *t, const char *s)
{
	if (*s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,")]) {
		fb_text_puts(t, s);
		return;
	}
	fb_text_puts(t, "'");
	for (; *s; s++) {
		if (*s == '\'')
			fb_text_puts(t, "'\\''");
		else
			fb_text_add(t, s, 1);
	}
	fb_text_puts(t, "'");
}

bool fb_streq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool fb_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool fb_name_valid(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > 63 || s[0] == '-')
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* Levenshtein distance, both at most 63 bytes; letters of other case count as equal. */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), row[64];

	if (la > 63 || lb > 63)
		return 64;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]) ? 0 : 1;
			size_t best = diagonal + same;

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[lb];
}

const char *fb_nearest(const char *s, const char *const *names)
{
	const char *best = NULL;
	size_t limit = strlen(s) / 3 + 1, found = limit + 1;

	for (; *names; names++) {
		size_t d = distance(s, *names);

		if (d < found && d < strlen(*names)) {
			found = d;
			best = *names;
		}
	}
	return best;
}
