/* SPDX-License-Identifier: Apache-2.0 */
/* What one line says beside what an expression found in it: how soft it is, and what its groups hold. */
#ifndef FB_ANALYSIS_LINE_H
#define FB_ANALYSIS_LINE_H

#include "analysis/findings.h"

/* How much less the line counts: it warns, informs, or speaks of something optional. */
int fb_finding_penalty(const char *line, size_t n);
/* The groups become parameters, as far as they may be shown. */
void fb_finding_parameters(struct fb_finding *ret, const struct fb_group *groups, size_t n);

#endif
