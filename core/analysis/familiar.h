/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What logs of successes have said: lines, but for their numbers and blanks, and words. Bounded; nothing of the text itself is kept. Knows nothing of files.
 */
#ifndef FB_ANALYSIS_FAMILIAR_H
#define FB_ANALYSIS_FAMILIAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FB_FAMILIAR_MOST ((size_t)1 << 20) /* lines and words; what comes later is not learned */

struct fb_familiar { /* a hash table, {0} is empty; 0 is a free place, and the room a power of two */
	uint64_t *table;
	size_t count, room;
};

void fb_familiar_clear(struct fb_familiar *f);
/* The number of a line: the same for lines that differ in words with digits, in the case of letters and in blanks alone. Never 0. */
uint64_t fb_familiar_shape(const char *line, size_t n);
/* Learns one number. */
void fb_familiar_add(struct fb_familiar *f, uint64_t number);
bool fb_familiar_has(const struct fb_familiar *f, uint64_t number);
/* Learns a line and its words. */
void fb_familiar_learn(struct fb_familiar *f, const char *line, size_t n);
/* Has it a word of three letters or more that was never seen? Only its first bytes are looked at. */
bool fb_familiar_new_word(const struct fb_familiar *f, const char *line, size_t n);

#endif
