/* SPDX-License-Identifier: Apache-2.0 */
/* The progress view: a pure function from the journal's events to lines. It draws nothing and reads nothing. */
#ifndef FB_CLI_VIEW_H
#define FB_CLI_VIEW_H

#include "cli/style.h"
#include "journal/journal.h"

struct fb_view;
struct fb_view *fb_view_new(bool verbose);
void fb_view_free(struct fb_view *v); /* takes NULL */

/* Takes one event. For a terminal: what is settled now (headings, finished links, moments) is added to ret_settled as whole lines. */
void fb_view_event(struct fb_view *v, const struct fb_style *s, const struct fb_event_row *e, struct fb_text *ret_settled);
/* The lines that still change: running links and the impact line, as whole lines of at most the style's width, at most rows of them (0: any number). */
void fb_view_live(const struct fb_view *v, const struct fb_style *s, int64_t now_wall_ms, int rows, struct fb_text *ret);
/* For what is not a terminal: one event as a line with its time; nothing for progress. */
void fb_view_plain(struct fb_view *v, const struct fb_style *s, const struct fb_event_row *e, struct fb_text *ret);
/* Is the recovery chain under way (or done)? Then an interrupt does not stop it. */
bool fb_view_recovering(const struct fb_view *v);

#endif
