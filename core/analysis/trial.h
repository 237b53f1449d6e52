/* SPDX-License-Identifier: Apache-2.0 */
/* How often signatures are right on logs with known causes: labels.tsv, with the columns id and category at least, and ID.log beside it. */
#ifndef FB_ANALYSIS_TRIAL_H
#define FB_ANALYSIS_TRIAL_H

#include <jansson.h>

#include "analysis/findings.h"

/* {"right", "logs", "categories": {NAME: {"right", "logs"}}, "wrong": [{"id", "category", "found", "line"}]}; NULL: err says why. */
json_t *fb_trial(const struct fb_signatures *s, struct fb_findings *f, const char *folder, struct fb_err *err);

#endif
