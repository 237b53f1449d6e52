/* SPDX-License-Identifier: Apache-2.0 */
/* What people confirmed and corrected, as small weights: they change the order of what was found, and find nothing. */
#ifndef FB_ANALYSIS_PRIOR_H
#define FB_ANALYSIS_PRIOR_H

#include "analysis/rank.h"

#define FB_PRIOR_MOST 6    /* no word makes a cause surer by more, */
#define FB_PRIOR_LEAST -15 /* or less sure by more */

struct fb_prior;
/* From a file {"signatures": {ID: WEIGHT}, "types": {CATEGORY: WEIGHT}}; weights beyond the bounds are cut. NULL with err. */
struct fb_prior *fb_prior_read(const char *path, struct fb_err *err);
void fb_prior_free(struct fb_prior *p); /* takes NULL */
void fb_prior_apply(const struct fb_prior *p, struct fb_ranking *r); /* p may be NULL */

#endif
