/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a configuration file before libconfig sees it. libconfig 1.5 opens any path that is included, cuts integers that do not
 * fit without a word, and recurses as deep as the brackets go: so files are read, trusted and put together here, and those literals
 * and depths are refused here. Knows the lexical rules of the language and nothing of its settings.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "config/tree.h"

struct scanner {
	struct fb_scan *scan;
	struct fb_tree *tree;
	struct fb_errs *errs;
	struct fb_text text;
	uid_t trusted;
	int depth;    /* of brackets */
	int includes; /* of files */
	const struct fb_source *source;
	int line;
};

static void broken(struct scanner *s, const char *text)
{
	if (!s->scan->broken)
		fb_errs_addf(s->errs, FB_EXIT_CONFIG, s->source->path, s->line, "%s", text);
	s->scan->broken = true;
}

/* Says where the output's line that begins now comes from. */
static void begin_line(struct scanner *s)
{
	struct fb_scan *scan = s->scan;

	if ((scan->line_count & (scan->line_count - 1)) == 0)
		scan->lines = fb_realloc(scan->lines, (scan->line_count ? scan->line_count * 2 : 1) * sizeof *scan->lines);
	scan->lines[scan->line_count++] = (struct fb_scan_line){.source = s->source, .line = s->line};
}

/* An integer literal of n bytes at p: does it keep its value in libconfig? */
static void check_number(struct scanner *s, const char *p, size_t n)
{
	char buf[80], *end, *digits = buf;
	long long value;
	bool hex;

	if (n >= sizeof buf)
		n = sizeof buf - 1;
	memcpy(buf, p, n);
	buf[n] = 0;
	digits += *digits == '-' || *digits == '+';
	hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	if (!hex && strpbrk(buf, ".eE"))
		return;
	errno = 0;
	value = strtoll(buf, &end, hex ? 16 : 10);
	if (!errno && (*end == 'L' || (value >= INT_MIN && value <= INT_MAX)))
		return;
	s->scan->lines[s->scan->line_count - 1].bad = true;
	if (errno)
		fb_errs_addf(s->errs, FB_EXIT_CONFIG, s->source->path, s->line, "the number %s does not fit in 64 bits", buf);
	else
		fb_errs_addf(s->errs, FB_EXIT_CONFIG, s->source->path, s->line, "the number %s does not fit in 32 bits: write %sL", buf, buf);
}

static void scan_file(struct scanner *s, const char *path);

/* p is at "@include" at the beginning of a line. Puts the file in its place; returns what follows the closing quote. */
static const char *take_include(struct scanner *s, const char *p)
{
	const char *name = p + strlen("@include"), *end, *slash = strrchr(s->source->path, '/');
	const struct fb_source *source = s->source;
	int line = s->line;
	char *path;

	name += strspn(name, " \t");
	end = *name == '"' ? strpbrk(name + 1, "\"\n") : NULL;
	if (!end || *end != '"') {
		broken(s, "cannot read this @include: expected @include \"FILE\"");
		return p + 1;
	}
	name++;
	if (s->includes == FB_TREE_INCLUDES) {
		broken(s, "files include one another more than 10 deep");
		return end + 1;
	}
	if (*name == '/' || !slash)
		path = fb_asprintf("%.*s", (int)(end - name), name);
	else
		path = fb_asprintf("%.*s/%.*s", (int)(slash - source->path), source->path, (int)(end - name), name);
	s->includes++;
	fb_text_puts(&s->text, "\n"); /* the line that has begun stays empty: the file begins its own */
	scan_file(s, path);
	s->includes--;
	fb_free(path);
	s->source = source;
	s->line = line;
	fb_text_puts(&s->text, "\n");
	begin_line(s);
	return end + 1;
}

/* Copies n bytes, counting lines. */
static const char *copy(struct scanner *s, const char *p, size_t n)
{
	for (const char *q = p; q < p + n; q++) {
		fb_text_add(&s->text, q, 1);
		if (*q == '\n') {
			s->line++;
			begin_line(s);
		}
	}
	return p + n;
}

/* Copies a comment, a string, a word, a number or one other byte at p; returns what follows. */
static const char *take_token(struct scanner *s, const char *p)
{
	size_t n;

	if (*p == '#' || (p[0] == '/' && p[1] == '/'))
		return copy(s, p, strcspn(p, "\n"));
	if (p[0] == '/' && p[1] == '*') {
		const char *end = strstr(p + 2, "*/");

		if (!end)
			broken(s, "this comment has no end");
		return copy(s, p, end ? (size_t)(end + 2 - p) : strlen(p));
	}
	if (*p == '"') {
		for (n = 1; p[n] && p[n] != '"'; n++)
			if (p[n] == '\\' && p[n + 1])
				n++;
		if (!p[n])
			broken(s, "this string has no end");
		return copy(s, p, p[n] ? n + 1 : n);
	}
	if (isalpha((unsigned char)*p) || *p == '*') {
		for (n = 1; isalnum((unsigned char)p[n]) || (p[n] && strchr("-_*", p[n])); n++)
			;
		return copy(s, p, n);
	}
	if (isdigit((unsigned char)*p) || ((*p == '-' || *p == '+' || *p == '.') && isdigit((unsigned char)p[1]))) {
		for (n = 1; isalnum((unsigned char)p[n]) || p[n] == '.' || ((p[n] == '-' || p[n] == '+') && strchr("eE", p[n - 1])); n++)
			;
		check_number(s, p, n);
		return copy(s, p, n);
	}
	if (strchr("{([", *p) && ++s->depth > FB_TREE_DEPTH)
		broken(s, "brackets are nested more than 32 deep");
	if (strchr("})]", *p) && s->depth)
		s->depth--;
	return copy(s, p, 1);
}

static void scan_text(struct scanner *s, const struct fb_source *source, const char *text)
{
	const char *p = text;
	bool line_start = true;

	s->source = source;
	s->line = 1;
	begin_line(s);
	while (*p && !s->scan->broken) {
		if (line_start) {
			size_t blank = strspn(p, " \t");

			if (fb_has_prefix(p + blank, "@include")) {
				p = take_include(s, p + blank);
				line_start = false;
				continue;
			}
		}
		line_start = *p == '\n';
		p = take_token(s, p);
	}
}

static void scan_file(struct scanner *s, const char *path)
{
	const struct fb_source *from = s->source;
	const char *file = from ? from->path : NULL;
	struct fb_err err = {0};
	struct stat st;
	char *text = NULL;
	size_t size = 0;

	if (stat(path, &st) < 0) {
		fb_err_set(&err, FB_EXIT_CONFIG, "cannot read %s: %s", path, strerror(errno));
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		fb_err_set(&err, FB_EXIT_CONFIG, "cannot read %s: it is not a regular file", path);
		goto fail;
	}
	if (fb_io_safe_path(path, s->trusted, &err) < 0 || fb_io_read_file(path, FB_TREE_FILE_LIMIT, &text, &size, &err) < 0)
		goto fail;
	if (memchr(text, 0, size)) {
		fb_err_set(&err, FB_EXIT_CONFIG, "%s is not a text file: it has a zero byte", path);
		goto fail;
	}
	if (s->text.n + size > FB_TREE_FILE_LIMIT) {
		fb_err_set(&err, FB_EXIT_CONFIG, "%s and what it is included with are larger than 1 MiB", path);
		goto fail;
	}
	scan_text(s, fb_tree_source(s->tree, path, (st.st_mode & S_IROTH) != 0), text);
	fb_free(text);
	return;
fail:
	s->scan->broken = true;
	fb_errs_addf(s->errs, FB_EXIT_CONFIG, file ? file : path, file ? s->line : 0, "%s", err.text);
	fb_free(text);
}

static void finish(struct scanner *s)
{
	s->scan->text = fb_text_take(&s->text);
}

void fb_scan_file(struct fb_scan *scan, struct fb_tree *tree, const char *path, uid_t trusted, struct fb_errs *errs)
{
	struct scanner s = {.scan = scan, .tree = tree, .errs = errs, .trusted = trusted};

	scan_file(&s, path);
	finish(&s);
}

void fb_scan_text(struct fb_scan *scan, struct fb_tree *tree, const char *path, const char *text, struct fb_errs *errs)
{
	struct scanner s = {.scan = scan, .tree = tree, .errs = errs};

	scan_text(&s, fb_tree_source(tree, path, false), text);
	finish(&s);
}

void fb_scan_clear(struct fb_scan *scan)
{
	fb_free(scan->text);
	fb_free(scan->lines);
	*scan = (struct fb_scan){0};
}
