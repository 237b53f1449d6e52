/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/reader.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* Where in an escape sequence (ECMA-48) the reader is */
enum state { PLAIN, ESCAPE, CSI, STRING, STRING_ESCAPE };

struct cleaner {
	char *text;
	size_t n;
	struct fb_log_shift *shifts;
	size_t count, room;
	enum state state;
};

static bool is_plain_byte(unsigned char b)
{
	return (b >= 0x20 || b == '\t') && b != '\\' && b != 0xe2;
}

#define EACH ((uint64_t)0x0101010101010101u)

/* Has one of the eight bytes this value? */
static uint64_t has(uint64_t word, unsigned char value)
{
	uint64_t x = word ^ EACH * value;

	return (x - EACH) & ~x & EACH * 0x80;
}

/* Is the line text as it is? Not with control characters, backslashes and the first byte of typographic quotes. Eight bytes at a time: most lines are. */
static bool is_plain(const char *raw, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t word;

		memcpy(&word, raw + i, 8);
		if (!(((word - EACH * 0x20) & ~word & EACH * 0x80) | has(word, '\\') | has(word, 0xe2)))
			continue;
		for (size_t k = i; k < i + 8; k++)
			if (!is_plain_byte((unsigned char)raw[k]))
				return false;
	}
	for (; i < n; i++)
		if (!is_plain_byte((unsigned char)raw[i]))
			return false;
	return true;
}

static void shift(struct cleaner *c, size_t raw)
{
	if (c->count == c->room) {
		c->room = c->room ? 2 * c->room : 4096;
		c->shifts = fb_realloc(c->shifts, c->room * sizeof *c->shifts);
	}
	c->shifts[c->count++] = (struct fb_log_shift){(uint32_t)c->n, (uint32_t)raw};
}

static void put(struct cleaner *c, char byte, size_t raw)
{
	const struct fb_log_shift *last = c->count ? &c->shifts[c->count - 1] : NULL;

	if (!last || last->raw + (c->n - last->text) != raw)
		shift(c, raw);
	c->text[c->n++] = byte;
}

static void skip_escape(struct cleaner *c, unsigned char b)
{
	switch (c->state) {
	case ESCAPE:
		c->state = b == '[' ? CSI : b == ']' || b == 'P' || b == '_' || b == '^' ? STRING : b >= 0x20 && b <= 0x2f ? ESCAPE : PLAIN;
		break;
	case CSI:
		if (b >= 0x40 && b <= 0x7e)
			c->state = PLAIN;
		break;
	case STRING:
		c->state = b == 0x07 ? PLAIN : b == 0x1b ? STRING_ESCAPE : STRING;
		break;
	default:
		c->state = b == '\\' ? PLAIN : STRING;
	}
}

/* A typographic quote, U+2018 to U+201D, as a plain one; 0: it is none. */
static char quote(const unsigned char *p, size_t left)
{
	return left < 3 || p[0] != 0xe2 || p[1] != 0x80 || p[2] < 0x98 || p[2] > 0x9d ? 0 : p[2] <= 0x9b ? '\'' : '"';
}

static void put_line(struct cleaner *c, const char *raw, size_t from, size_t to)
{
	const struct fb_log_shift *last = c->count ? &c->shifts[c->count - 1] : NULL;

	if (from == to)
		return;
	if (!last || last->raw + (c->n - last->text) != from)
		shift(c, from);
	memcpy(c->text + c->n, raw + from, to - from);
	c->n += to - from;
}

/* How many bytes from here on stand as they are. */
static size_t plain_run(const char *raw, size_t n)
{
	size_t i = 0;

	while (i + 8 <= n && is_plain(raw + i, 8))
		i += 8;
	while (i < n && is_plain_byte((unsigned char)raw[i]))
		i++;
	return i;
}

static void clean_bytes(struct cleaner *c, const char *raw, size_t from, size_t n)
{
	const unsigned char *p = (const unsigned char *)raw;

	for (size_t i = from; i < n; i++) {
		unsigned char b = p[i];
		char plain;

		if (b == '\n' || b == '\r') { /* also ends a sequence that was cut off */
			c->state = PLAIN;
			if (b == '\n' || i + 1 == n || p[i + 1] != '\n')
				put(c, '\n', i);
		} else if (c->state != PLAIN) {
			skip_escape(c, b);
		} else if (b == 0x1b) {
			c->state = ESCAPE;
		} else if (b == '\\' && i + 1 < n && (p[i + 1] == '"' || p[i + 1] == '\'')) {
			continue;
		} else if (b == 0xe2 && (plain = quote(p + i, n - i))) {
			put(c, plain, i);
			i += 2;
		} else if (b >= 0x20 || b == '\t') {
			size_t run = plain_run(raw + i, n - i);

			run = run ? run : 1;
			put_line(c, raw, i, i + run);
			i += run - 1;
		}
	}
}

/* ---- what stands before a line ---- */

static size_t digits(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && isdigit((unsigned char)p[i]))
		i++;
	return i;
}

/* 12:34:56, with a fraction or not; 0: it is none */
static size_t clock_time(const char *p, size_t n)
{
	size_t i = 8;

	if (n < 8 || digits(p, 3) != 2 || p[2] != ':' || digits(p + 3, 3) != 2 || p[5] != ':' || digits(p + 6, 2) != 2)
		return 0;
	if (i + 1 < n && (p[i] == '.' || p[i] == ',') && isdigit((unsigned char)p[i + 1]))
		i += 1 + digits(p + i + 1, n - i - 1);
	return i;
}

/* 2026-11-22T12:34:56.789Z, or with an offset */
static size_t date_time(const char *p, size_t n)
{
	size_t i;

	if (n < 20 || digits(p, 5) != 4 || p[4] != '-' || p[7] != '-' || p[10] != 'T' || !(i = clock_time(p + 11, n - 11)))
		return 0;
	i += 11;
	if (i < n && p[i] == 'Z')
		return i + 1;
	return i + 6 <= n && (p[i] == '+' || p[i] == '-') && p[i + 3] == ':' ? i + 6 : 0;
}

/* "#12 3.456 " of BuildKit, when a number or a word follows; "web-1  | " of docker compose */
static size_t tool_prefix(const char *p, size_t n)
{
	size_t i = 0, d;

	if (*p == '#' && (d = digits(p + 1, n - 1)) && d < 5 && d + 2 < n && p[d + 1] == ' ') {
		size_t seconds = digits(p + d + 2, n - d - 2);

		i = d + 2 + seconds;
		if (seconds && i < n && p[i] == '.' && (d = digits(p + i + 1, n - i - 1)) && i + 1 + d < n && p[i + 1 + d] == ' ')
			return i + 2 + d;
		return 0;
	}
	while (i < n && i < 64 && (isalnum((unsigned char)p[i]) || p[i] == '-' || p[i] == '_' || p[i] == '.'))
		i++;
	if (i < 2 || i >= n || p[i] != ' ')
		return 0;
	while (i < n && i < 80 && p[i] == ' ')
		i++;
	return i + 1 < n && p[i] == '|' && p[i + 1] == ' ' ? i + 2 : 0;
}

/* How long what a runner puts before a line is: a time, with GitLab's number of the stream; a time in brackets; a service's or a step's name. */
static size_t one_prefix(const char *p, size_t n)
{
	size_t i = 0;

	if (!n)
		return 0;
	if (isdigit((unsigned char)*p)) {
		i = date_time(p, n);
		if (i && i + 5 <= n && p[i] == ' ' && digits(p + i + 1, 2) == 2 && (p[i + 3] == 'O' || p[i + 3] == 'E')) /* "00O " or "00O+" */
			return i + 5;
		i = i ? i : clock_time(p, n);
		return i && i < n && p[i] == ' ' ? i + 1 : 0;
	}
	if (*p == '[' && n > 10 && isdigit((unsigned char)p[1])) {
		i = date_time(p + 1, n - 1);
		i = i ? i : clock_time(p + 1, n - 1);
		return i && i + 2 < n && p[i + 1] == ']' && p[i + 2] == ' ' ? i + 3 : 0;
	}
	if (*p == '#' || isalnum((unsigned char)*p))
		return tool_prefix(p, n);
	return 0;
}

/* "job<tab>step<tab>time " of gh run view, too. Never the whole line. */
static size_t prefix(const char *p, size_t n)
{
	const char *tab = n && isalnum((unsigned char)*p) ? memchr(p, '\t', n < 120 ? n : 120) : NULL, *second;
	size_t at = 0, more;

	if (n > 2 && !memcmp(p, "\xef\xbb\xbf", 3))
		at = 3;
	if (tab && (second = memchr(tab + 1, '\t', n - (size_t)(tab + 1 - p) < 120 ? n - (size_t)(tab + 1 - p) : 120)) && date_time(second + 1, n - (size_t)(second + 1 - p)))
		at = (size_t)(second + 1 - p);
	for (int i = 0; i < 3 && at < n && (more = one_prefix(p + at, n - at)); i++)
		at += more;
	return at < n ? at : 0;
}

/* Adds the bytes [from, n) of raw. */
static void clean(struct cleaner *c, const char *raw, size_t from, size_t n)
{
	for (size_t to; from < n; from = to) {
		const char *end = memchr(raw + from, '\n', n - from);
		size_t text = from;

		to = end ? (size_t)(end - raw) + 1 : n;
		if (c->state == PLAIN)
			text += prefix(raw + from, to - from - (end != NULL));
		if (c->state == PLAIN && is_plain(raw + text, to - text - (end != NULL)))
			put_line(c, raw, text, to);
		else
			clean_bytes(c, raw, text, to);
	}
}

static size_t count_lines(const char *p, size_t n)
{
	const char *end = p + n;
	size_t lines = 0;

	for (; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	return lines;
}

struct reading {
	struct cleaner cleaner;
	int64_t offset, line; /* of what is new */
	fb_log_fn take;
	void *ctx;
	char *buf;
	size_t again, have; /* so many bytes of buf were given before; so many are there in all */
};

/* Gives what is in buf up to n. Whole lines given again are clean at their beginning: an end of line ends a sequence. */
static void give(struct reading *r, size_t n, bool last)
{
	struct fb_log_block b = {.raw = r->buf, .raw_n = n, .offset = r->offset - (int64_t)r->again, .line = r->line, .last = last};

	if (r->again)
		b.line -= (int64_t)count_lines(r->buf, r->again);
	r->cleaner.n = r->cleaner.count = 0;
	clean(&r->cleaner, r->buf, 0, r->again);
	b.fresh = r->cleaner.n;
	clean(&r->cleaner, r->buf, r->again, n);
	b.text = r->cleaner.text;
	b.n = r->cleaner.n;
	b.shifts = r->cleaner.shifts;
	b.shift_count = r->cleaner.count;
	if (b.n)
		r->take(r->ctx, &b);
	r->line += (int64_t)count_lines(r->buf + r->again, n - r->again);
	r->offset += (int64_t)(n - r->again);
}

/* The end of the last whole line in buf; all of it when there is none and the buffer is full. */
static size_t whole_lines(const struct reading *r)
{
	const char *last = memrchr(r->buf + r->again, '\n', r->have - r->again);

	return last ? (size_t)(last - r->buf) + 1 : r->have;
}

/* Of the bytes that were given the last whole lines stay, to be given again; of a line that is longer than all that, nothing. */
static void keep_again(struct reading *r, size_t given)
{
	size_t from = given > FB_READER_AGAIN ? given - FB_READER_AGAIN : 0;
	const char *end = from ? memchr(r->buf + from - 1, '\n', given - from + 1) : NULL;

	from = end ? (size_t)(end - r->buf) + 1 : from ? given : 0;
	r->again = r->buf[given - 1] == '\n' ? given - from : 0;
	memmove(r->buf, r->buf + given - r->again, r->have - given + r->again);
	r->have -= given - r->again;
}

int fb_log_read(int fd, fb_log_fn take, void *ctx, int64_t *ret_bytes, int64_t *ret_lines)
{
	struct reading r = {.line = 1, .take = take, .ctx = ctx, .buf = malloc(FB_READER_BLOCK)};
	ssize_t n = -1;
	int saved;

	r.cleaner.text = malloc(FB_READER_BLOCK);
	while (r.buf && r.cleaner.text) {
		n = read(fd, r.buf + r.have, FB_READER_BLOCK - r.have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		r.have += (size_t)n;
		if (r.have == FB_READER_BLOCK) {
			size_t whole = whole_lines(&r);

			give(&r, whole, false);
			keep_again(&r, whole);
		}
	}
	saved = errno;
	if (n == 0 && r.have)
		give(&r, r.have, true);
	*ret_bytes = r.offset;
	*ret_lines = r.line - 1;
	free(r.buf);
	free(r.cleaner.text);
	fb_free(r.cleaner.shifts);
	errno = saved;
	return n == 0 ? 0 : -1;
}

static int64_t raw_at(const struct fb_log_block *b, size_t at)
{
	size_t low = 0, high = b->shift_count;

	if (!b->shift_count)
		return (int64_t)at;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (b->shifts[middle].text <= at)
			low = middle;
		else
			high = middle;
	}
	return (int64_t)b->shifts[low].raw + (int64_t)(at - b->shifts[low].text);
}

int64_t fb_log_offset(const struct fb_log_block *b, size_t at)
{
	return b->offset + raw_at(b, at);
}

int64_t fb_log_line(const struct fb_log_block *b, size_t at)
{
	return b->line + (int64_t)count_lines(b->raw, (size_t)raw_at(b, at));
}

size_t fb_log_text(const struct fb_log_block *b, int64_t offset)
{
	size_t raw = (size_t)(offset - b->offset), low = 0, high = b->shift_count, at;

	if (!b->shift_count)
		return raw < b->n ? raw : b->n;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (b->shifts[middle].raw <= raw)
			low = middle;
		else
			high = middle;
	}
	if (b->shifts[low].raw > raw)
		return b->shifts[low].text;
	at = b->shifts[low].text + (raw - b->shifts[low].raw);
	if (low + 1 < b->shift_count && at > b->shifts[low + 1].text)
		at = b->shifts[low + 1].text;
	return at < b->n ? at : b->n;
}
