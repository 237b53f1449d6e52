/* SPDX-License-Identifier: Apache-2.0 */
/* What the two forms of the progress view (view.c on a terminal, view_plain.c elsewhere) share. */
#ifndef FB_CLI_VIEW_MODEL_H
#define FB_CLI_VIEW_MODEL_H

#include <jansson.h>

#include "cli/view.h"

/* A link that runs, or waits to be tried again */
struct fb_view_item {
	char *link, *title, *text;
	int attempt, basis_points; /* -1: not told */
	int64_t started_ms, timeout_ms, retry_at_ms;
	bool waiting;
};

struct fb_view {
	struct fb_view_item *items;
	size_t n;
	char *chain;  /* whose heading was last */
	char *source; /* of the impact's numbers */
	int64_t detected_ms, requests, failed;
	bool impact, verbose, failure_told;
};

struct fb_view_item *fb_view_item(struct fb_view *v, const char *link);
/* Detection and impact, whatever the form. */
void fb_view_note_moment(struct fb_view *v, const struct fb_event_row *e, const json_t *data);
/* The title of the link that an event is about. */
const char *fb_view_title(const json_t *data, const struct fb_event_row *e);
/* "1,204 requests, 0 failed (haproxy frontend web)" */
void fb_view_impact(const struct fb_view *v, struct fb_text *t);
void fb_view_number(struct fb_text *t, int64_t n);
/* Remembers a link's title by its start and forgets it by its end: for view_plain.c. */
void fb_view_track(struct fb_view *v, const struct fb_event_row *e, const json_t *data);

#endif
