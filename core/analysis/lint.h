/* SPDX-License-Identifier: Apache-2.0 */
/* Are signatures right? Their expressions, names and examples are tried. */
#ifndef FB_ANALYSIS_LINT_H
#define FB_ANALYSIS_LINT_H

#include "analysis/database.h"

/* Adds what is wrong to errs, and what could be better to warnings. d: made of s, does it find the examples? NULL: that is not tried. -1 when something is wrong. */
int fb_lint(const struct fb_signatures *s, struct fb_database *d, struct fb_errs *errs, struct fb_errs *warnings) FB_MUST_USE;

#endif
