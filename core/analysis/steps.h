/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of a job as they are read: where each begins, and which of them failed. */
#ifndef FB_ANALYSIS_STEPS_H
#define FB_ANALYSIS_STEPS_H

#include "analysis/findings.h"

struct fb_steps {
	struct fb_structure structure;
	uint64_t step, failed; /* counted from 1; the last that failed */
	int64_t from, line;    /* of the step that is being read */
};

void fb_steps_clear(struct fb_steps *s);
void fb_steps_begin(struct fb_steps *s, int64_t offset, int64_t line);
/* The step that is being read has failed, as is said here. */
void fb_steps_fail(struct fb_steps *s, int64_t offset, int64_t line);

#endif
