/* SPDX-License-Identifier: Apache-2.0 */
/* The bottom of a terminal: settled lines scroll away above a few lines that are drawn again and again. */
#ifndef FB_CLI_SCREEN_H
#define FB_CLI_SCREEN_H

#include <stdbool.h>

#include "cli/style.h"

struct fb_screen {
	int fd;
	bool hidden;          /* the cursor is hidden */
	struct fb_text drawn; /* the live lines as they stand there now */
};

/* Adds to t what has to be written so that the settled lines (each ends in a line end) stand above the live ones: pure. columns: the width
 * now, which may be another than when the live lines were drawn. */
void fb_screen_compose(const struct fb_screen *s, int columns, const char *settled, const char *live, struct fb_text *t);
/* Writes it, in one write. 0, or -1 when the terminal is gone. */
int fb_screen_draw(struct fb_screen *s, int columns, const char *settled, const char *live) FB_MUST_USE;
/* Shows the cursor again; the live lines stay if keep. */
void fb_screen_end(struct fb_screen *s, bool keep);

#endif
