/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the signatures find in a log: bounded memory, whatever the log. Each finding rests on bytes of the file. Knows nothing of ranking.
 */
#ifndef FB_ANALYSIS_FINDINGS_H
#define FB_ANALYSIS_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/blocks.h"
#include "analysis/database.h"
#include "analysis/excerpt.h"
#include "analysis/expression.h"
#include "analysis/quote.h"

#define FB_FINDINGS_FIRST 3 /* kept of one signature: so many first ones, and the last */
#define FB_FINDINGS_FAILED 3 /* and so many of steps that failed */
#define FB_WINDOWS 16       /* steps that failed: so many are remembered */

struct fb_parameter {
	char name[32];
	char value[256];
};

struct fb_place { /* the block that a line is in: all of it, and what of it is quoted */
	const struct fb_block_kind *kind; /* NULL: it is in none */
	int64_t line, last_line, offset, end;
	struct fb_span *quote; /* NULL: it cannot be quoted, or says no more than the line */
};

struct fb_finding {
	const struct fb_signature *signature;
	struct fb_quote quote;
	struct fb_parameter parameters[FB_GROUPS];
	size_t parameter_count;
	int penalty;   /* the line warns, informs, or speaks of something optional */
	bool familiar; /* a log of a success has such a line, too */
	bool placed;   /* its block was looked for */
	struct fb_place block;
	bool novel;    /* it has a word that none of the successes that are known had */
};

struct fb_found { /* by one signature */
	struct fb_finding *first, *last, *failed; /* kept, one, and failed_count of them; NULL when count is 0 */
	size_t kept, failed_count;
	int64_t count;
};

struct fb_window { /* a step that failed, from its first line to the verdict, in bytes and lines of the file */
	int64_t from, to, line, last_line;
};

/* What the log's own marks say: which steps failed, and how it ended. Offsets are -1 where there is none. */
struct fb_structure {
	struct fb_window windows[FB_WINDOWS];
	size_t count;
	int64_t last_failure, last_success, end;
};

struct fb_findings;
int fb_findings_new(const struct fb_signatures *s, const char *cache, struct fb_findings **ret, struct fb_errs *errs) FB_MUST_USE;
void fb_findings_free(struct fb_findings *f); /* takes NULL */
/* Learns what a log of a success has. To be called before fb_findings_scan. 0, or -1 with errno. */
int fb_findings_learn(struct fb_findings *f, int fd);
/* What lines are told together; to be called before fb_findings_scan. NULL: each stands alone. It has to outlive the findings. */
void fb_findings_use(struct fb_findings *f, struct fb_blocks *blocks);
/* What is known of successes (borrowed, at most FB_KNOWN_MOST): counts as what was learned does. */
#define FB_KNOWN_MOST 16
struct fb_known;
void fb_findings_know(struct fb_findings *f, const struct fb_known *known);
/* What is found before this byte of the file does not count: 0, or for the next scan only. */
void fb_findings_from(struct fb_findings *f, int64_t offset);
/* Forgets what was found in a log, not what was learned. */
void fb_findings_forget(struct fb_findings *f);
/* Scans the log. 0, or -1 with errno. */
int fb_findings_scan(struct fb_findings *f, int fd, int64_t *ret_bytes, int64_t *ret_lines);
/* NULL: there was no log of a success. */
const struct fb_excerpt *fb_findings_excerpt(const struct fb_findings *f);
const struct fb_structure *fb_findings_structure(const struct fb_findings *f);
/* One for each signature, in their order. */
const struct fb_found *fb_findings_of(const struct fb_findings *f, size_t signature);

#endif
