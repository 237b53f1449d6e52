/* SPDX-License-Identifier: Apache-2.0 */
/* One line at the bottom of a terminal that says how far something has come. */
#ifndef FB_CLI_BACKUP_PROGRESS_H
#define FB_CLI_BACKUP_PROGRESS_H

#include "cli/style.h"

struct fb_progress;
/* NULL when fd is no terminal that can draw. doing: "verifying"; lives as long. text: what, at first. */
struct fb_progress *fb_progress_new(const struct fb_style *style, int fd, const char *doing, const char *text);
void fb_progress_free(struct fb_progress *p); /* takes NULL; the line goes away */
/* Takes "progress BYTES TOTAL TEXT". False: it is no such line. */
bool fb_progress_take(struct fb_progress *p, const char *line);
void fb_progress_draw(struct fb_progress *p);

/* The line, for tests: pure. total 0: not known. */
void fb_progress_line(const struct fb_style *s, const char *doing, const char *text, uint64_t bytes, uint64_t total, int64_t elapsed_ms, struct fb_text *t);

#endif
