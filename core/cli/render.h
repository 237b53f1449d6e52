/* SPDX-License-Identifier: Apache-2.0 */
/* Renderings of the report and of dry runs: from JSON to text, pure. What stands in a report came from logs and plugins: it is made harmless here. */
#ifndef FB_CLI_RENDER_H
#define FB_CLI_RENDER_H

#include <jansson.h>

#include "cli/style.h"

/* The whole report for a terminal of 80 to 120 columns. */
void fb_render_text(const struct fb_style *s, const json_t *report, struct fb_text *t);
/* The end of a run: how it went, what users felt, why, what to do. */
void fb_render_summary(const struct fb_style *s, const json_t *report, struct fb_text *t);
/* An entry for a rollback log in Markdown. */
void fb_render_markdown(const json_t *report, struct fb_text *t);
/* A page that needs nothing else. */
void fb_render_html(const json_t *report, struct fb_text *t);
/* JUnit XML for pipelines. */
void fb_render_junit(const json_t *report, struct fb_text *t);
void fb_render_dry_run(const struct fb_style *s, const json_t *dry_run, struct fb_text *t);

/* Parts that other commands use as well. */
void fb_render_seconds(const json_t *seconds, struct fb_text *t); /* "1.2 s"; "-" for null */
const char *fb_render_string(const json_t *object, const char *name, const char *otherwise);
/* Rows of links: mark, title, duration, message. */
void fb_render_phases(const struct fb_style *s, const json_t *phases, struct fb_text *t);

#endif
