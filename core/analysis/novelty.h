/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of what the reader gives, one by one, to what learns them and to the excerpt. Knows where they stand in the file, and nothing of signatures. */
#ifndef FB_ANALYSIS_NOVELTY_H
#define FB_ANALYSIS_NOVELTY_H

#include "analysis/excerpt.h"
#include "analysis/reader.h"

struct fb_meaning {
	uint32_t start; /* of the line, in the text */
	bool found, dull;
};

struct fb_meanings { /* in the order of the lines */
	struct fb_meaning *v;
	size_t n, room;
};

void fb_meanings_add(struct fb_meanings *m, size_t start, bool found, bool dull);
/* Learns what is new of the block. */
void fb_novelty_learn(struct fb_familiar *f, const struct fb_log_block *b);
/* Gives what is new of the block to the excerpt. */
void fb_novelty_take(struct fb_excerpt *x, const struct fb_familiar *known, const struct fb_meanings *m, const struct fb_log_block *b);

#endif
