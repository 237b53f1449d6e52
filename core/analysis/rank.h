/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From findings to candidates, best first. Additive, few weights, all of them here. Knows nothing of files.
 */
#ifndef FB_ANALYSIS_RANK_H
#define FB_ANALYSIS_RANK_H

#include "analysis/findings.h"

#define FB_CANDIDATES 24
#define FB_CANDIDATE_EVIDENCE 4

struct fb_candidate {
	const char *category;
	const struct fb_finding *evidence[FB_CANDIDATE_EVIDENCE]; /* the first is what it rests on */
	size_t evidence_count;
	int score;
	bool overcome; /* a verdict that all went well comes after it */
};

struct fb_ranking {
	struct fb_candidate v[FB_CANDIDATES];
	size_t n;
	bool known; /* the first is sure enough to be named */
};

void fb_rank(const struct fb_signatures *s, const struct fb_findings *f, struct fb_ranking *ret);
/* Adds a weight to each candidate that is a cause, and orders them anew. What was not sure enough to be named does not become so. */
void fb_rank_weigh(struct fb_ranking *r, int (*weight)(const void *ctx, const struct fb_candidate *c), const void *ctx);
/* The probability that a candidate of this score is right, from 0 to 1: measured, failback-signatures(5). */
double fb_rank_confidence(int score);
/* text with each ${name} replaced by the finding's parameter, quoted for the shell if asked; to be freed. NULL: it has one that was not found. */
char *fb_rank_fill(const char *text, const struct fb_finding *f, bool shell);

#endif
