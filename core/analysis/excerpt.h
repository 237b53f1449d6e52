/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lines of a log explain its failure, as far as logs of successes tell: those that none of them has, where something like an error is near. One pass, bounded memory.
 * Knows nothing of signatures.
 */
#ifndef FB_ANALYSIS_EXCERPT_H
#define FB_ANALYSIS_EXCERPT_H

#include "analysis/familiar.h"

#define FB_EXCERPT_RUNS 1024

struct fb_excerpt_run { /* whole lines; the last without its end */
	int64_t line, last_line, offset, end;
	bool named; /* a finding is in it that is told as a cause */
};

struct fb_excerpt_line {
	const char *text; /* as a person saw it */
	size_t n;
	int64_t line, offset, end; /* where it is in the file: its bytes are [offset, end) */
	bool found, dull;          /* a signature calls it an error; or noise, or a part of what went well */
};

struct fb_excerpt;
struct fb_excerpt *fb_excerpt_new(void);
void fb_excerpt_free(struct fb_excerpt *x); /* takes NULL */
void fb_excerpt_forget(struct fb_excerpt *x);
/* The log's next line. */
void fb_excerpt_take(struct fb_excerpt *x, const struct fb_familiar *known, const struct fb_excerpt_line *line);
/* There is no further one. */
void fb_excerpt_end(struct fb_excerpt *x);
/* What is kept, in order; *ret_left_out: so many stretches more there were than are kept. */
const struct fb_excerpt_run *fb_excerpt_runs(const struct fb_excerpt *x, size_t *ret_n, int64_t *ret_left_out);

#endif
