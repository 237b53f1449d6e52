/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What belongs together in a log: a test's report, a compiler's message with what it points at, a stack trace. Where one begins and ends is said in files *.blocks beside the signatures,
 * failback-signatures(5). Knows lines, and nothing of findings.
 */
#ifndef FB_ANALYSIS_BLOCKS_H
#define FB_ANALYSIS_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define FB_BLOCK_LINES 60  /* of a kind that does not say otherwise; so far above a line its beginning is looked for */
#define FB_BLOCK_MOST 400  /* no kind says more */

struct fb_block_kind {
	char *id;        /* unique; a later file's block of the same id takes its place */
	char *component; /* whose block it is: "pytest" */
	char *start;     /* the expression of its first line */
	char *lead;      /* lines above that belong to it; NULL: none */
	char *more;      /* it goes on for as long as lines match; NULL: whatever they are, until its end */
	char *end, *last; /* it ends before, or with, a line that matches; NULL: no such line */
	char **example;  /* lines; the first `skip` and the last `rest` of them are not in it */
	int skip, rest, lines, level; /* of two that hold a line the higher level counts: a test holds the trace of its exception */
	char *file;
	int line;
};

struct fb_blocks;
/* All *.blocks of the folders (ends in NULL), in order; a folder that is not there is none. Every error is added to errs. -1 when there was one; *ret is then what could be read. */
int fb_blocks_read(const char *const *folders, struct fb_blocks **ret, struct fb_errs *errs) FB_MUST_USE;
void fb_blocks_free(struct fb_blocks *b); /* takes NULL */
size_t fb_blocks_count(const struct fb_blocks *b);
const struct fb_block_kind *fb_blocks_kind(const struct fb_blocks *b, size_t i);
/* Every expression is well-formed, every example is the block that it says. -1: not, and errs says what. */
int fb_blocks_lint(struct fb_blocks *b, struct fb_errs *errs);
/* Makes ready what finds them fast, which is otherwise done when it is first needed; cache as in fb_database_open. -1: it cannot be, and they are found slowly. */
int fb_blocks_open(struct fb_blocks *b, const char *cache, struct fb_errs *errs);
/* The block that holds the line at text[at]: [*ret_from, *ret_to) are whole lines, the last without its end. NULL: none does. Bounded in time by the lines that a block may have. */
const struct fb_block_kind *fb_blocks_find(struct fb_blocks *b, const char *text, size_t n, size_t at, size_t *ret_from, size_t *ret_to);

#endif
