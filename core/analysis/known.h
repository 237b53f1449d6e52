/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the last successes of one step of a deployment had in their logs: hashes of lines' shapes and of words, in one small file. Nothing of a log can be read back from it.
 * failback-signatures(5) describes what is kept.
 */
#ifndef FB_ANALYSIS_KNOWN_H
#define FB_ANALYSIS_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FB_KNOWN_SUCCESSES 3 /* so many count; what none of them had is forgotten */
#define FB_KNOWN_LINES 65536 /* shapes kept, and as many words: at most 1 MiB a file */
#define FB_KNOWN_ROOM ((int64_t)32 << 20) /* of a folder's files together; those not written for longest go first */

/* The same for lines that differ in digits, words with digits, letters' case and blanks only; never 0. */
uint64_t fb_known_shape(const char *line, size_t n);

struct fb_known;
/* NULL with err when it is not there (err->code FB_EXIT_USAGE) or is damaged. */
struct fb_known *fb_known_read(const char *path, struct fb_err *err);
void fb_known_free(struct fb_known *k); /* takes NULL */
int fb_known_successes(const struct fb_known *k);

/* How well known a line is. */
#define FB_KNOWN_NEVER 0  /* with a word that no success had */
#define FB_KNOWN_NEW 1    /* each word of it is known, the line is not */
#define FB_KNOWN_FADING 2 /* only the oldest success that counts had such a line */
#define FB_KNOWN_USUAL 3
int fb_known_line(const struct fb_known *k, const char *line, size_t n);

/* Learns from the logs of one success: each is read once; a log that cannot be read is left out. Replaces the file, whole or not at all; a damaged one is begun anew.
 * 0, or -1 with err. ret_why (may be NULL) says what was wrong with the earlier file. */
int fb_known_learn(const char *path, const char *const *logs, size_t n, struct fb_err *ret_why, struct fb_err *err) FB_MUST_USE;

#endif
