/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets by their look. One automaton (Aho and Corasick, as a table over classes of bytes) finds the anchors of all kinds in one look at each byte;
 * what an anchor opens is a small machine of its own that is fed byte by byte until it is sure. At most FB_SCAN_OPEN are open and each waits a bounded
 * number of bytes: no text makes it slow. Nothing here goes by the borders of pieces.
 */
#include "base/redact_scan.h"

#include <string.h>

#include "base/redact_machine.h"

#define NEAR 300 /* bytes for which a mark counts */

void fb_scan_begin(struct fb_scan *s, bool text)
{
	fb_scan_net_make();
	memset(s, 0, sizeof *s);
	s->text = text;
}

/* Does an anchor of n bytes begin a word? "\n", "%3D" and the end of a colour sequence before it are none of its letters. */
static bool bound(const struct fb_scan_look *l, size_t n)
{
	unsigned char c = fb_scan_back(l, n);
	size_t k = n + 1;

	if (!fb_scan_is_word(c))
		return true;
	if (strchr("nrt", c) && fb_scan_back(l, n + 1) == '\\')
		return true;
	if (fb_scan_back(l, n + 2) == '%' && (fb_scan_net.set[c] & (FB_SET_DIGIT | FB_SET_UPPER | FB_SET_HEX)))
		return true;
	if (c != 'm')
		return false;
	while (k < n + 12 && ((fb_scan_net.set[fb_scan_back(l, k)] & FB_SET_DIGIT) || fb_scan_back(l, k) == ';'))
		k++;
	return fb_scan_back(l, k) == '[';
}

/* ---- opening ---- */

static void feed_all(const struct fb_scan_look *l, unsigned char c, uint64_t p)
{
	struct fb_scan *s = l->s;

	for (size_t i = 0; i < s->count;) {
		if (s->open[i].kind->form == FB_SECRET_VALUE ? fb_scan_feed_value(l, &s->open[i], c, p) : fb_scan_feed_form(l, &s->open[i], c, p)) {
			i++;
		} else {
			s->count--;
			memmove(&s->open[i], &s->open[i + 1], (s->count - i) * sizeof s->open[0]);
		}
	}
}

static bool marked(const struct fb_scan *s, uint32_t flags, uint64_t p)
{
	static const uint32_t bits[] = {FB_SECRET_CURL, FB_SECRET_MYSQL, FB_SECRET_REDIS, FB_SECRET_LOGIN};

	for (size_t i = 0; i < 4; i++)
		if ((flags & bits[i]) && s->marks[i] && p - s->marks[i] < NEAR)
			return true;
	return !(flags & FB_SECRET_MARKS);
}

static void mark(struct fb_scan *s, uint32_t flags, uint64_t p)
{
	static const uint32_t bits[] = {FB_SECRET_CURL, FB_SECRET_MYSQL, FB_SECRET_REDIS, FB_SECRET_LOGIN};

	for (size_t i = 0; i < 4; i++)
		if (flags & bits[i])
			s->marks[i] = p + 1;
}

/* Is the anchor of n bytes that ends here the end of an option's name, "--db-password"? */
static bool is_option(const struct fb_scan_look *l, size_t n)
{
	size_t k = n;

	while (k < FB_SCAN_BACK - 2 && (fb_scan_is_word(fb_scan_back(l, k)) || fb_scan_back(l, k) == '-'))
		k++;
	return k > n && fb_scan_back(l, k - 1) == '-';
}

static bool fits(const struct fb_scan_look *l, const struct fb_secret_kind *k, size_t n, uint64_t p)
{
	bool any = k->form == FB_SECRET_VALUE || k->form == FB_SECRET_MARK || k->form == FB_SECRET_NOT || (k->flags & FB_SECRET_ANYCASE);

	for (size_t i = 0; !any && i < n; i++)
		if (fb_scan_back(l, i) != (unsigned char)k->anchor[n - 1 - i])
			return false;
	if ((k->flags & FB_SECRET_BOUND) && !bound(l, n))
		return false;
	for (size_t i = 0; (k->flags & FB_SECRET_NUMBER) && i < 8; i++)
		if (!(fb_scan_net.set[fb_scan_back(l, n + i)] & FB_SET_DIGIT))
			return false;
	if ((k->flags & FB_SECRET_QUOTED) && (k->flags & FB_SECRET_BOUND) && fb_scan_back(l, n) != '"') /* the key is this and no more */
		return false;
	return k->form == FB_SECRET_MARK || marked(l->s, k->flags, p);
}

static void open_one(const struct fb_scan_look *l, const struct fb_secret_kind *k, size_t n, uint64_t p)
{
	struct fb_scan *s = l->s;
	struct fb_scan_open *o;

	if (s->count == FB_SCAN_OPEN) { /* only a text that was made for it comes to this: the oldest goes */
		memmove(&s->open[0], &s->open[1], (FB_SCAN_OPEN - 1) * sizeof s->open[0]);
		s->count--;
	}
	o = &s->open[s->count++];
	memset(o, 0, sizeof *o);
	o->kind = k;
	o->from = p + 1;
	o->hold = k->form == FB_SECRET_VALUE || k->form == FB_SECRET_PEM ? FB_SCAN_NOWHERE : p + 1;
	o->plain = true;
	o->option = (k->flags & FB_SECRET_OPTION) && is_option(l, n);
	if (k->form == FB_SECRET_VALUE && marked(s, FB_SECRET_LOGIN, p) && !strcmp(k->anchor, "password"))
		o->option = true; /* .netrc: login X password Y */
}

/* An anchor ends at this byte. The longest key is the key. */
static void open_all(const struct fb_scan_look *l, uint64_t p)
{
	bool keyed = false;

	for (uint16_t at = l->s->at; at; at = fb_scan_net.other[at]) {
		for (uint16_t i = fb_scan_net.kind[at]; i; i = fb_scan_net.same[i - 1]) {
			const struct fb_secret_kind *k = &fb_secret_kinds[i - 1];
			size_t n = strlen(k->anchor);

			if ((keyed && k->form == FB_SECRET_VALUE) || !fits(l, k, n, p))
				continue;
			keyed |= k->form == FB_SECRET_VALUE || k->form == FB_SECRET_NOT;
			if (k->form == FB_SECRET_MARK)
				mark(l->s, k->flags, p);
			else if (k->form != FB_SECRET_NOT)
				open_one(l, k, n, p);
		}
	}
}

static void keep_back(struct fb_scan *s, const unsigned char *data, size_t size)
{
	if (size >= FB_SCAN_BACK) {
		memcpy(s->back, data + size - FB_SCAN_BACK, FB_SCAN_BACK);
	} else {
		memmove(s->back, s->back + size, FB_SCAN_BACK - size);
		memcpy(s->back + FB_SCAN_BACK - size, data, size);
	}
}

void fb_scan_put(struct fb_scan *s, const char *data, size_t size, void (*cover_range)(void *ctx, uint64_t from, uint64_t to, char by), void *ctx)
{
	struct fb_scan_look l = {.s = s, .data = (const unsigned char *)data, .cover = cover_range, .ctx = ctx, .end = UINT64_MAX};
	uint64_t base = s->position;
	uint16_t at = s->at;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = l.data[i];

		at = fb_scan_net.next[at][fb_scan_net.class[c]];
		if (__builtin_expect(!s->count && !fb_scan_net.ends[at], 1))
			continue;
		l.i = i;
		s->position = base + i;
		s->at = at;
		if (s->count)
			feed_all(&l, c, base + i);
		if (fb_scan_net.ends[at])
			open_all(&l, base + i);
	}
	s->at = at;
	s->position = base + size;
	if (size)
		keep_back(s, l.data, size);
}

void fb_scan_end(struct fb_scan *s, void (*cover_range)(void *ctx, uint64_t from, uint64_t to, char by), void *ctx)
{
	static const unsigned char end[] = "\n";
	struct fb_scan_look l = {.s = s, .data = end, .cover = cover_range, .ctx = ctx, .end = s->position};

	feed_all(&l, '\n', s->position);
	s->count = 0;
}

uint64_t fb_scan_settled(const struct fb_scan *s)
{
	uint64_t p = s->position;

	for (size_t i = 0; i < s->count; i++)
		if (s->open[i].hold < p)
			p = s->open[i].hold;
	return p;
}
