/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

#define LINE_MOST 200
#define LETTERS_LEAST 6 /* that the expression has as they are */
#define ID_WORDS 4

struct draft {
	struct fb_text match;
	bool name, path; /* a group has been given */
	size_t letters;
};

static size_t run_of(const char *p, size_t n, const char *also)
{
	size_t i = 0;

	while (i < n && (isalnum((unsigned char)p[i]) || strchr(also, p[i])))
		i++;
	return i;
}

/* What stands between two quotes of a kind, with them; 0: nothing does. */
static size_t quoted(const char *p, size_t n)
{
	const char *end = n > 2 && strchr("'\"`", *p) ? memchr(p + 1, *p == '`' ? '\'' : *p, n - 1) : NULL;

	if (!end && n > 2 && *p == '`')
		end = memchr(p + 1, '`', n - 1);
	for (const char *s = p + 1; end && s < end; s++)
		if (strchr("'\"`", *s))
			return 0;
	return end && end > p + 1 ? (size_t)(end - p) + 1 : 0;
}

static bool has_digit(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (isdigit((unsigned char)p[i]))
			return true;
	return false;
}

static void literal(struct draft *d, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strchr("\\^$.|?*+()[]{}", p[i]))
			fb_text_add(&d->match, "\\", 1);
		fb_text_add(&d->match, p[i] == '%' ? "%%" : p + i, p[i] == '%' ? 2 : 1);
		d->letters += isalpha((unsigned char)p[i]) != 0;
	}
}

/* Takes what begins at p, and tells how much that is. */
static size_t take(struct draft *d, const char *p, size_t n, bool word_begins)
{
	size_t w;

	if ((w = quoted(p, n))) {
		fb_text_puts(&d->match, d->name ? "%q%s%q" : "%q(?<name>%s)%q");
		d->name = true;
	} else if (word_begins && *p == '/' && (w = 1 + run_of(p + 1, n - 1, "/._-")) > 3) {
		fb_text_puts(&d->match, d->path ? "/[^ :'\"]+" : "(?<path>/[^ :'\"]+)");
		d->path = true;
	} else if (isdigit((unsigned char)*p) || (isalnum((unsigned char)*p) && word_begins && has_digit(p, run_of(p, n, "")))) {
		w = run_of(p, n, "");
		fb_text_puts(&d->match, w == strspn(p, "0123456789") ? "[0-9]+" : "\\w+");
	} else {
		w = 1;
		literal(d, p, 1);
	}
	return w;
}

/* As a text of libconfig. */
static void put_quoted(struct fb_text *t, const char *s)
{
	fb_text_puts(t, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fb_text_puts(t, "\\");
		fb_text_add(t, s, 1);
	}
	fb_text_puts(t, "\"");
}

/* The first words of the line, in small letters: "own-cannot-find-the" */
static void put_id(struct fb_text *t, const char *line)
{
	size_t words = 0;

	fb_text_puts(t, "own");
	for (const char *p = line; *p && words < ID_WORDS;) {
		size_t n = 0;

		while (isalpha((unsigned char)p[n]))
			n++;
		if (n > 1) {
			fb_text_puts(t, "-");
			for (size_t i = 0; i < n && i < 16; i++) {
				char c = (char)tolower((unsigned char)p[i]);

				fb_text_add(t, &c, 1);
			}
			words++;
		}
		p += n ? n : 1;
	}
}

static char *file_of(const struct draft *d, const char *line, const char *match)
{
	struct fb_text t = {0};

	fb_text_puts(&t, "signatures = (\n  {\n    id = \"");
	put_id(&t, line);
	fb_text_puts(&t, "\";\n    category = \"unknown\"; # which it is: failback-signatures(5) lists them\n    weight = 85;\n");
	if (d->path || d->name) {
		fb_text_puts(&t, "    parameter = \"");
		fb_text_puts(&t, d->path ? "path" : "name");
		fb_text_puts(&t, "\";\n");
	}
	fb_text_puts(&t, "    match = ");
	put_quoted(&t, match);
	fb_text_puts(&t, ";\n    example = ");
	put_quoted(&t, line);
	fb_text_puts(&t, ";\n    fixes = ( { priority = \"high\"; action = \"what is to be done about it\"; } );\n  }\n);\n");
	return fb_text_take(&t);
}

char *fb_suggest(const char *line)
{
	struct draft d = {{0}, false, false, 0};
	char *copy, *match, *ret;
	size_t n;

	line += strspn(line, " \t");
	n = strcspn(line, "\n");
	for (n = n > LINE_MOST ? LINE_MOST : n; n && (isspace((unsigned char)line[n - 1]) || ((unsigned char)line[n - 1] & 0x80)); n--)
		;
	copy = fb_asprintf("%.*s", (int)n, line);
	for (size_t i = 0; i < n;)
		i += take(&d, copy + i, n - i, !i || !isalnum((unsigned char)copy[i - 1]));
	match = fb_text_take(&d.match);
	ret = d.letters >= LETTERS_LEAST ? file_of(&d, copy, match) : NULL;
	fb_free(match);
	fb_free(copy);
	return ret;
}
