/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The expressions of signatures. They are those of PCRE2, letters of either case, ^ and $ at a line's ends, with two short forms: %q is a quote of any kind, %s what may stand
 * between quotes, %% a per cent sign. Knows nothing of signatures.
 */
#ifndef FB_ANALYSIS_EXPRESSION_H
#define FB_ANALYSIS_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define FB_GROUPS 8

struct fb_group {
	char name[32];
	const char *text; /* in the line */
	size_t n;
};

struct fb_expression; /* ready to be matched; NULL never is */
int fb_expression_new(const char *source, struct fb_expression **ret, struct fb_err *err) FB_MUST_USE;
void fb_expression_free(struct fb_expression *e); /* takes NULL */
/* Matches in a line of n bytes. *ret_from, *ret_to: where; groups: those with names that took part, *ret_count of them. All may be NULL. An expression that would take too long does not match. */
bool fb_expression_match(const struct fb_expression *e, const char *line, size_t n, size_t *ret_from, size_t *ret_to, struct fb_group groups[FB_GROUPS], size_t *ret_count);
/* An expression for Hyperscan, which knows no names, that is found at least where this one matches in a line; to be freed. */
char *fb_expression_for_scan(const char *source);

#endif
