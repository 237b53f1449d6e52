/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/steps.h"

void fb_steps_clear(struct fb_steps *s)
{
	*s = (struct fb_steps){.structure = {.last_failure = -1, .last_success = -1, .end = -1}, .step = 1, .line = 1};
}

void fb_steps_begin(struct fb_steps *s, int64_t offset, int64_t line)
{
	s->step++;
	s->from = offset;
	s->line = line;
}

void fb_steps_fail(struct fb_steps *s, int64_t offset, int64_t line)
{
	struct fb_structure *t = &s->structure;

	t->last_failure = offset;
	if (s->failed == s->step) { /* says so once more */
		t->windows[t->count - 1].to = offset;
		t->windows[t->count - 1].last_line = line;
	} else if (t->count < FB_WINDOWS) {
		t->windows[t->count++] = (struct fb_window){s->from, offset, s->line, line};
		s->failed = s->step;
	}
}
