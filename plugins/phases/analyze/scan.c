/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where in an escape sequence (ECMA-48) the reader is */
enum { PLAIN, ESCAPE, CSI, STRING, STRING_ESCAPE };

struct reader {
	struct scan_line *line;
	int state;
	unsigned char quote[3]; /* the beginning of what may be a typographic quote: E2 80 98 to 9D */
	int quote_n;
	void (*out)(void *ctx, const struct scan_line *line);
	void *ctx;
};

static void flush_line(struct reader *r, int64_t end)
{
	struct scan_line *l = r->line;

	while (l->n && isspace((unsigned char)l->text[l->n - 1]))
		end = l->at[--l->n];
	if (l->n) {
		l->text[l->n] = l->lower[l->n] = '\0';
		l->at[l->n] = end;
		r->out(r->ctx, l);
	}
	l->n = 0;
}

static void add_byte(struct reader *r, unsigned char c, int64_t at)
{
	struct scan_line *l = r->line;

	if (l->n == SCAN_LINE)
		flush_line(r, at);
	if (!l->n && isspace(c))
		return;
	/* In JSON logs quotes come as \": the backslash is not what a person would have seen */
	if ((c == '"' || c == '\'') && l->n && l->text[l->n - 1] == '\\') {
		l->text[l->n - 1] = l->lower[l->n - 1] = (char)c;
		return;
	}
	l->text[l->n] = (char)c;
	l->lower[l->n] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	l->at[l->n++] = at;
}

/* Makes ' and " of their typographic forms; passes all other bytes on. */
static void add_visible(struct reader *r, unsigned char c, int64_t at)
{
	if (r->quote_n == 0 && c == 0xe2) {
		r->quote[r->quote_n++] = c;
	} else if (r->quote_n == 1 && c == 0x80) {
		r->quote[r->quote_n++] = c;
	} else if (r->quote_n == 2 && c >= 0x98 && c <= 0x9d) {
		r->quote_n = 0;
		add_byte(r, c <= 0x9b ? '\'' : '"', at - 2);
	} else {
		int n = r->quote_n;

		r->quote_n = 0;
		for (int i = 0; i < n; i++)
			add_byte(r, r->quote[i], at - n + i);
		if (c == 0xe2)
			r->quote[r->quote_n++] = c;
		else
			add_byte(r, c, at);
	}
}

/* One byte inside an escape sequence. */
static void skip_escape(struct reader *r, unsigned char c)
{
	switch (r->state) {
	case ESCAPE:
		r->state = c == '[' ? CSI : c == ']' || c == 'P' || c == '_' || c == '^' ? STRING : c >= 0x20 && c <= 0x2f ? ESCAPE : PLAIN;
		break;
	case CSI:
		if (c >= 0x40 && c <= 0x7e)
			r->state = PLAIN;
		break;
	case STRING:
		r->state = c == 0x07 ? PLAIN : c == 0x1b ? STRING_ESCAPE : STRING;
		break;
	default:
		r->state = c == '\\' ? PLAIN : STRING;
	}
}

static void take_byte(struct reader *r, unsigned char c, int64_t at)
{
	if (c == '\n' || c == '\r') { /* also ends a sequence that was cut off */
		r->state = PLAIN;
		if (r->quote_n)
			add_visible(r, ' ', at);
		flush_line(r, at);
		r->line->number += c == '\n';
	} else if (r->state != PLAIN) {
		skip_escape(r, c);
	} else if (c == 0x1b) {
		r->state = ESCAPE;
	} else if (c == '\t') {
		add_visible(r, ' ', at);
	} else if (c >= 0x20 && c != 0x7f) {
		add_visible(r, c, at);
	}
}

/* Counts the line feeds of what is not scanned, so that line numbers hold. */
static int count_head(int fd, char *buf, size_t room, int64_t end, int64_t *ret_lines)
{
	for (int64_t at = 0; at < end;) {
		ssize_t n = pread(fd, buf, (size_t)(end - at < (int64_t)room ? end - at : (int64_t)room), at);
		char *p = buf, *q;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : 0;
		for (; (q = memchr(p, '\n', (size_t)(buf + n - p))); p = q + 1)
			++*ret_lines;
		at += n;
	}
	return 0;
}

static int read_all(int fd, char *buf, size_t room, int64_t at, int64_t end, struct reader *r, bool (*keep_on)(void *ctx))
{
	while (at < end && (!keep_on || keep_on(r->ctx))) {
		ssize_t n = pread(fd, buf, (size_t)(end - at < (int64_t)room ? end - at : (int64_t)room), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		for (ssize_t i = 0; i < n; i++)
			take_byte(r, (unsigned char)buf[i], at + i);
		at += n;
	}
	if (r->quote_n)
		add_visible(r, ' ', at);
	flush_line(r, at);
	return 0;
}

int scan_file(int fd, void (*out)(void *ctx, const struct scan_line *line), bool (*keep_on)(void *ctx), void *ctx, int64_t *ret_size)
{
	enum { ROOM = 65536 };
	struct reader r = {.out = out, .ctx = ctx};
	struct stat st;
	char *buf;
	int64_t start, lines = 0;
	int rc;

	if (fstat(fd, &st))
		return -1;
	*ret_size = st.st_size;
	start = st.st_size > SCAN_FILE ? st.st_size - SCAN_FILE : 0;
	buf = malloc(ROOM);
	r.line = malloc(sizeof *r.line);
	if (!buf || !r.line) {
		rc = -1;
	} else {
		rc = count_head(fd, buf, ROOM, start, &lines);
		r.line->n = 0;
		r.line->number = 1 + lines;
		if (!rc)
			rc = read_all(fd, buf, ROOM, start, st.st_size, &r, keep_on);
	}
	free(r.line);
	free(buf);
	return rc;
}
