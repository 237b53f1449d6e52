/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of redact_scan share: the automaton of anchors, a look at one byte of a stream, and the small machines that an anchor opens. */
#ifndef FB_BASE_REDACT_MACHINE_H
#define FB_BASE_REDACT_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/redact_kinds.h"
#include "base/redact_scan.h"

#define FB_SCAN_WORD 32           /* bytes of a value after which it is no known word */
#define FB_SCAN_LONGEST_RUN 400   /* bytes in which a run must show its digit */
#define FB_SCAN_LONGEST_USER 256
#define FB_SCAN_NOWHERE UINT64_MAX

/* ---- the automaton (redact_net.c) ---- */

#define FB_SCAN_ROOM 4096
#define FB_SCAN_CLASSES 64

struct fb_scan_net {
	bool made;
	uint16_t next[FB_SCAN_ROOM][FB_SCAN_CLASSES];
	uint16_t kind[FB_SCAN_ROOM];  /* 1 + the first kind whose anchor ends here; 0: none */
	uint16_t other[FB_SCAN_ROOM]; /* the longest suffix at which some anchor ends; 0: none */
	uint16_t same[512];           /* 1 + the next kind with this kind's anchor */
	uint8_t ends[FB_SCAN_ROOM];   /* does any anchor end here? */
	uint8_t class[256];
	uint32_t set[256];
	size_t n;
};
extern struct fb_scan_net fb_scan_net;
/* Makes it, once. */
void fb_scan_net_make(void);

static inline unsigned char fb_scan_fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

static inline bool fb_scan_is_word(unsigned char c)
{
	return fb_scan_net.set[c] & (FB_SET_ALNUM | FB_SET_UNDER);
}

/* ---- a look at one byte ---- */

struct fb_scan_look {
	struct fb_scan *s;
	const unsigned char *data;
	size_t i; /* the current byte */
	void (*cover)(void *ctx, uint64_t from, uint64_t to, char by);
	void *ctx;
	uint64_t end; /* nothing is covered from here on: the byte that stands for the end of the stream is none of it */
};

/* The byte n before the current one; a line feed before the beginning. */
static inline unsigned char fb_scan_back(const struct fb_scan_look *l, size_t n)
{
	if (n <= l->i)
		return l->data[l->i - n];
	n -= l->i;
	return n <= FB_SCAN_BACK && n <= l->s->position - l->i ? l->s->back[FB_SCAN_BACK - n] : '\n';
}

static inline void fb_scan_cover(const struct fb_scan_look *l, uint64_t from, uint64_t to)
{
	if (to > l->end)
		to = l->end;
	if (to > from)
		l->cover(l->ctx, from, to, '*');
}

/* From now on each byte is covered as it comes. */
static inline void fb_scan_take(const struct fb_scan_look *l, struct fb_scan_open *o, uint64_t to)
{
	o->covering = true;
	o->hold = FB_SCAN_NOWHERE;
	fb_scan_cover(l, o->from, to);
}

static inline void fb_scan_remember(struct fb_scan_open *o, unsigned char c)
{
	if (o->n < FB_SCAN_WORD)
		o->word[o->n] = (char)fb_scan_fold(c);
	o->n++;
	o->digit |= (fb_scan_net.set[c] & FB_SET_DIGIT) != 0;
	o->plain &= fb_scan_is_word(c) || c == '.' || c == '-' || c == '>';
}

/* In JSON the quotation mark behind "Password: " was the end of a text when this follows. */
static inline bool fb_scan_ends_json(const struct fb_scan_look *l, unsigned char c)
{
	return l->s->text && (c <= ' ' || strchr(",:}]", c));
}

/* ---- what an anchor opens: false when it has ended ---- */

/* The value of a key (redact_value.c) */
bool fb_scan_feed_value(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p);
/* All others (redact_form.c) */
bool fb_scan_feed_form(const struct fb_scan_look *l, struct fb_scan_open *o, unsigned char c, uint64_t p);

#endif
