/* SPDX-License-Identifier: Apache-2.0 */
/* Text for a terminal: marks, colours, width in columns, and the taming of what comes from logs and plugins. */
#ifndef FB_CLI_STYLE_H
#define FB_CLI_STYLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct fb_style {
	int width;     /* columns; 0: no limit */
	bool utf8;
	bool colour;   /* escape codes may be written */
};

/* What fd is: a terminal's width, colours only there and without NO_COLOR or TERM=dumb, UTF-8 as the locale says (call setlocale first). */
struct fb_style fb_style_of(int fd);
/* Columns of the terminal now; 0 when fd is none. */
int fb_style_columns(int fd);

enum fb_tone { FB_TONE_NONE, FB_TONE_GOOD, FB_TONE_BAD, FB_TONE_WARN, FB_TONE_DIM, FB_TONE_BOLD, FB_TONE_ACCENT };
void fb_style_on(const struct fb_style *s, struct fb_text *t, enum fb_tone tone);
void fb_style_off(const struct fb_style *s, struct fb_text *t);
void fb_style_put(const struct fb_style *s, struct fb_text *t, enum fb_tone tone, const char *text);

enum fb_mark { FB_MARK_OK, FB_MARK_FAIL, FB_MARK_SKIP, FB_MARK_RUN, FB_MARK_RETRY, FB_MARK_UNDONE, FB_MARK_DOT, FB_MARK_NOTE, FB_MARK_ARROW };
/* One column each ("->" for the arrow without UTF-8). */
const char *fb_style_mark(const struct fb_style *s, enum fb_mark mark);
enum fb_tone fb_style_mark_tone(enum fb_mark mark);
/* The mark and tone of a link's or execution's status. */
enum fb_mark fb_style_status_mark(const char *status);
const char *fb_style_spinner(const struct fb_style *s, int64_t ms);

/* Adds text made harmless and of one line: control characters, bidirectional overrides and bytes that are not UTF-8 become visible
 * escapes (\x1b), line ends and tabs become a blank; without UTF-8, what is not ASCII becomes '?'. NULL adds nothing. */
void fb_style_safe(const struct fb_style *s, struct fb_text *t, const char *text);
/* The same, line ends kept, each line after the first indented by so many blanks. */
void fb_style_safe_lines(const struct fb_style *s, struct fb_text *t, const char *text, int indent);

/* Columns that a text takes; escape codes written by this file take none. */
int fb_style_width(const char *text);
/* Cuts a text to so many columns, with an ellipsis when something was lost; escape codes are kept and closed. columns <= 0: as it is. */
void fb_style_cut(const struct fb_style *s, struct fb_text *t, const char *text, int columns);
/* Adds blanks so that the text from `from` on takes at least so many columns. */
void fb_style_pad(struct fb_text *t, size_t from, int columns);
/* Wraps words at the style's width (100 when there is none); lines after the first are indented. */
void fb_style_wrap(const struct fb_style *s, struct fb_text *t, const char *text, int indent);

#endif
