/* SPDX-License-Identifier: Apache-2.0 */
/* The machine that finds secrets by their look in a stream of bytes: bounded work and memory for each byte, whatever comes. */
#ifndef FB_BASE_REDACT_SCAN_H
#define FB_BASE_REDACT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FB_SCAN_BACK 64 /* bytes before the current one that can be asked for */
#define FB_SCAN_OPEN 12 /* secrets that may have begun at one time */

struct fb_scan_open {
	const struct fb_secret_kind *kind;
	uint64_t from;   /* where what is to be covered begins */
	uint64_t to;     /* where it ended, when that is not sure yet */
	uint64_t hold;   /* bytes from here on are not settled; UINT64_MAX: all are */
	uint32_t n;      /* bytes since `from`, or of the state */
	uint8_t state;
	uint8_t blanks;
	unsigned char quote, separator;
	bool covering, escaped_quote, key_quoted, digit, plain, escape, option, spaced, json_key, digest;
	char word[34]; /* the value's first bytes, folded to lower case */
};

struct fb_scan {
	uint16_t at; /* state of the automaton of anchors */
	bool text;   /* a whole text, which may be JSON: a quotation mark ends what has no end */
	uint64_t position;
	uint64_t marks[4]; /* position + 1 at which each was seen last; 0: never */
	unsigned char back[FB_SCAN_BACK]; /* the last bytes of the piece before */
	struct fb_scan_open open[FB_SCAN_OPEN];
	size_t count;
};

/* Begins a stream. */
void fb_scan_begin(struct fb_scan *s, bool text);
/* Reads size bytes; calls cover(ctx, from, to, by) for each range of positions that is a secret's, which may reach back to fb_scan_settled. */
void fb_scan_put(struct fb_scan *s, const char *data, size_t size, void (*cover)(void *ctx, uint64_t from, uint64_t to, char by), void *ctx);
/* The stream ends here. */
void fb_scan_end(struct fb_scan *s, void (*cover)(void *ctx, uint64_t from, uint64_t to, char by), void *ctx);
/* All bytes before this position are settled. */
uint64_t fb_scan_settled(const struct fb_scan *s);

#endif
