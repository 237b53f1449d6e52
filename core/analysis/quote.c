/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/quote.h"

#include <string.h>

#include "base/mem.h"

size_t fb_quote_character(const unsigned char *p, size_t left)
{
	size_t n = *p >= 0x20 && *p < 0x7f ? 1 : *p == '\t' ? 1 : *p >= 0xc2 && *p <= 0xdf ? 2 : *p >= 0xe0 && *p <= 0xef ? 3 : *p >= 0xf0 && *p <= 0xf4 ? 4 : 0;

	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f) || (*p == 0xc2 && p[1] < 0xa0))
		return 0;
	return n;
}

size_t fb_quote_escape(const unsigned char *p, size_t left)
{
	size_t n = 2;

	if (left < 2 || p[0] != 0x1b || p[1] != '[')
		return 1;
	while (n < left && p[n] >= 0x20 && p[n] <= 0x3f)
		n++;
	return n < left && p[n] >= 0x40 && p[n] <= 0x7e ? n + 1 : n;
}

static void take_longer(size_t begin, size_t end, size_t from, size_t *best_from, size_t *best_to)
{
	if (end > from && end - begin > *best_to - *best_from) {
		*best_from = begin;
		*best_to = end;
	}
}

bool fb_quote_take(const struct fb_log_block *b, size_t start, size_t end, size_t from, struct fb_quote *q)
{
	const unsigned char *raw = (const unsigned char *)b->raw;
	size_t begin = start, at = start, best_from, best_to;

	if (end - start > FB_QUOTE_SIZE) { /* what is before the match is cut first */
		if (from - start > FB_QUOTE_SIZE / 4)
			start = from - FB_QUOTE_SIZE / 4;
		end = end - start > FB_QUOTE_SIZE ? start + FB_QUOTE_SIZE : end;
	}
	while (start < from && (raw[start] & 0xc0) == 0x80)
		start++;
	best_from = best_to = start;
	for (begin = at = start; at < end;) { /* stretches without what may not be quoted; the longest that is not wholly before the match */
		size_t n = fb_quote_character(raw + at, end - at);

		if (!n) {
			take_longer(begin, at, from, &best_from, &best_to);
			begin = at + fb_quote_escape(raw + at, end - at);
		}
		at += n ? n : fb_quote_escape(raw + at, end - at);
	}
	take_longer(begin, at, from, &best_from, &best_to);
	begin = best_from;
	at = best_to;
	while (at > begin && !fb_quote_character(raw + at - 1, 1) && (raw[at - 1] & 0x80) == 0)
		at--;
	while (at > begin && (raw[at - 1] == ' ' || raw[at - 1] == '\t'))
		at--;
	while (begin < at && (raw[begin] == ' ' || raw[begin] == '\t'))
		begin++;
	if (at <= begin)
		return false;
	q->offset = b->offset + (int64_t)begin;
	q->length = at - begin;
	memcpy(q->text, raw + begin, q->length);
	q->text[q->length] = 0;
	return true;
}

/* May the line be quoted as it is? */
static bool is_clean(const unsigned char *p, size_t n)
{
	for (size_t i = 0, c; i < n; i += c)
		if (!(c = fb_quote_character(p + i, n - i)) && !(p[i] == '\r' && i + 1 == n && (c = 1)))
			return false;
	return true;
}

struct span {
	size_t from, to;
};

static size_t end_of(const struct fb_log_block *b, size_t at)
{
	const char *p = memchr(b->raw + at, '\n', b->raw_n - at);

	return p ? (size_t)(p - b->raw) : b->raw_n;
}

static size_t start_of(const struct fb_log_block *b, size_t at)
{
	const char *p = at ? memrchr(b->raw, '\n', at) : NULL;

	return p ? (size_t)(p - b->raw) + 1 : 0;
}

/* The whole lines of [s.from, s.to) around the one at `at` that may be quoted together; lines below are taken first, for a message stands above what explains it. */
static struct span grow(const struct fb_log_block *b, struct span s, size_t at)
{
	struct span ret = {start_of(b, at), end_of(b, at)};
	size_t above = ret.from, below = ret.to, lines = 1;
	bool up = true, down = true;

	/* what is above comes first as long as it is little: the block's beginning says what it is about */
	while (up && above > s.from && lines < FB_SPAN_LINES / 2) {
		size_t p = start_of(b, above - 1);

		up = ret.to - p <= FB_SPAN_SIZE / 2 && is_clean((const unsigned char *)b->raw + p, above - 1 - p);
		above = up ? p : above;
		lines += up;
	}
	while (down && below + 1 < s.to && lines < FB_SPAN_LINES) {
		size_t p = end_of(b, below + 1);

		down = p - above <= FB_SPAN_SIZE && is_clean((const unsigned char *)b->raw + below + 1, p - below - 1);
		below = down ? p : below;
		lines += down;
	}
	for (up = true; up && above > s.from && lines < FB_SPAN_LINES;) {
		size_t p = start_of(b, above - 1);

		up = below - p <= FB_SPAN_SIZE && is_clean((const unsigned char *)b->raw + p, above - 1 - p);
		above = up ? p : above;
		lines += up;
	}
	return (struct span){above, below};
}

struct fb_span *fb_span_take(const struct fb_log_block *b, size_t from, size_t to, size_t at)
{
	const unsigned char *raw = (const unsigned char *)b->raw;
	struct span s = {start_of(b, from), end_of(b, to)};
	struct fb_span *ret;

	if (!is_clean(raw + start_of(b, at), end_of(b, at) - start_of(b, at)) || end_of(b, at) - start_of(b, at) > FB_SPAN_SIZE)
		return NULL;
	s = grow(b, s, at);
	while (s.to > s.from && (raw[s.to - 1] == '\r' || raw[s.to - 1] == ' ' || raw[s.to - 1] == '\t' || raw[s.to - 1] == '\n'))
		s.to--;
	if (s.to <= s.from || !memchr(raw + s.from, '\n', s.to - s.from)) /* one line says no more than the finding's */
		return NULL;
	ret = fb_alloc(sizeof *ret + s.to - s.from + 1);
	ret->offset = b->offset + (int64_t)s.from;
	ret->length = s.to - s.from;
	memcpy(ret->text, raw + s.from, ret->length);
	ret->text[ret->length] = 0;
	return ret;
}
