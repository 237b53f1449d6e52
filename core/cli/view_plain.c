/* SPDX-License-Identifier: Apache-2.0 */
/* The progress view where there is no terminal: one line an event, with its time, no escape codes. */
#include <string.h>

#include "base/clock.h"
#include "cli/view_model.h"

const char *fb_view_title(const json_t *data, const struct fb_event_row *e)
{
	const char *title = json_string_value(json_object_get(data, "title"));
	return title && *title ? title : e->link ? e->link : "?";
}

void fb_view_number(struct fb_text *t, int64_t n)
{
	char digits[32];
	int length = snprintf(digits, sizeof digits, "%lld", (long long)n);
	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
			fb_text_puts(t, ",");
		fb_text_add(t, &digits[i], 1);
	}
}

void fb_view_impact(const struct fb_view *v, struct fb_text *t)
{
	fb_view_number(t, v->requests);
	fb_text_puts(t, v->requests == 1 ? " request, " : " requests, ");
	fb_view_number(t, v->failed);
	fb_text_puts(t, " failed");
	if (v->source)
		fb_text_printf(t, " (%s)", v->source);
}

/* "started", "done in 1.2 s", … for link events; NULL: nothing to say */
static bool link_words(const struct fb_event_row *e, const json_t *data, bool verbose, struct fb_text *t)
{
	const char *kind = e->name + strlen("link."), *message = json_string_value(json_object_get(data, "message"));
	const char *text = json_string_value(json_object_get(data, "text")), *level = json_string_value(json_object_get(data, "level"));
	int64_t attempt = json_integer_value(json_object_get(data, "attempt"));
	char time[32] = "", wait[32];
	if (json_is_integer(json_object_get(data, "elapsed_ms")))
		fb_duration_format(json_integer_value(json_object_get(data, "elapsed_ms")), time, sizeof time);
	bool undo = json_is_true(json_object_get(data, "undo")), skipped = json_is_true(json_object_get(data, "skipped"));
	if (strcmp(kind, "started") == 0 && undo) {
		if (verbose) /* most have nothing to undo: that is told, or not, at the end */
			fb_text_puts(t, "being undone");
	} else if (strcmp(kind, "started") == 0 && attempt > 1)
		fb_text_printf(t, "started, attempt %lld", (long long)attempt);
	else if (strcmp(kind, "started") == 0)
		fb_text_puts(t, "started");
	else if (strcmp(kind, "completed") == 0)
		fb_text_printf(t, "%s%s%s%s%s", skipped ? "skipped" : "done", *time ? " in " : "", time, message ? ": " : "",
			       message ? message : "");
	else if (strcmp(kind, "failed") == 0)
		fb_text_printf(t, "FAILED%s%s: %s", *time ? " after " : "", time, message ? message : e->summary ? e->summary : "no reason was given");
	else if (strcmp(kind, "undone") == 0 && !skipped)
		fb_text_printf(t, "undone%s%s", *time ? " in " : "", time);
	else if (strcmp(kind, "retrying") == 0)
		fb_text_printf(t, "attempt %lld in %s: %s", (long long)attempt,
			       fb_duration_format(json_integer_value(json_object_get(data, "wait_ms")), wait, sizeof wait), message ? message : "");
	else if (strcmp(kind, "note") == 0 && (verbose || !fb_streq(level, "debug")))
		fb_text_printf(t, "%s%s%s", level ? level : "", level ? ": " : "", text ? text : e->summary ? e->summary : "");
	else if (strcmp(kind, "progress") == 0 && verbose && text)
		fb_text_puts(t, text);
	return t->n > 0;
}

void fb_view_track(struct fb_view *v, const struct fb_event_row *e, const json_t *data)
{
	struct fb_view_item *i = fb_view_item(v, e->link);
	if (strcmp(e->name, "link.started") != 0 || i)
		return;
	v->items = fb_realloc(v->items, (v->n + 1) * sizeof *v->items);
	v->items[v->n++] = (struct fb_view_item){.link = fb_strdup(e->link), .title = fb_strdup(fb_view_title(data, e)), .started_ms = e->at_ms};
}

void fb_view_plain(struct fb_view *v, const struct fb_style *s, const struct fb_event_row *e, struct fb_text *ret)
{
	json_t *data = e->data ? json_loads(e->data, 0, NULL) : NULL;
	struct fb_text words = {0}, line = {0};
	char at[FB_TIME_SIZE], since[32];
	int64_t failed = v->failed;
	fb_view_note_moment(v, e, data);
	if (fb_has_prefix(e->name, "link.")) {
		fb_view_track(v, e, data);
		const struct fb_view_item *i = fb_view_item(v, e->link);
		if (link_words(e, data, v->verbose, &words)) {
			const char *chain = e->link ? e->link : "";
			fb_text_printf(&line, "%.*s: %s: %s", (int)strcspn(chain, "/"), chain, i ? i->title : fb_view_title(data, e), words.p);
		}
	} else if (strcmp(e->name, "impact.changed") == 0) {
		fb_view_impact(v, &words);
		if (v->verbose || v->failed != failed) /* a line each two seconds that says nothing new is noise in a log */
			fb_text_printf(&line, "impact: %s", words.p);
	} else {
		fb_text_printf(&line, "%s: %s", e->name, e->summary ? e->summary : "");
		if (fb_has_prefix(e->name, "rollback.") && v->detected_ms && e->at_ms > v->detected_ms)
			fb_text_printf(&line, " (%s after detection)", fb_duration_format(e->at_ms - v->detected_ms, since, sizeof since));
	}
	if (line.n) {
		fb_text_printf(ret, "%s ", fb_clock_format(e->at_ms, at));
		fb_style_safe(s, ret, line.p);
		fb_text_puts(ret, "\n");
	}
	fb_text_clear(&words);
	fb_text_clear(&line);
	json_decref(data);
}
