/* SPDX-License-Identifier: Apache-2.0 */
/* Owns what the progress view knows and how it says it on a terminal: from events to lines. It must not touch files or the clock. */
#include "cli/view.h"

#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "cli/view_model.h"

struct fb_view *fb_view_new(bool verbose)
{
	struct fb_view *v = fb_alloc(sizeof *v);
	v->verbose = verbose;
	return v;
}

static void item_clear(struct fb_view_item *i)
{
	fb_free(i->link);
	fb_free(i->title);
	fb_free(i->text);
}

void fb_view_free(struct fb_view *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n; i++)
		item_clear(&v->items[i]);
	fb_free(v->items);
	fb_free(v->chain);
	fb_free(v->source);
	fb_free(v);
}

bool fb_view_recovering(const struct fb_view *v)
{
	return v->detected_ms != 0;
}

struct fb_view_item *fb_view_item(struct fb_view *v, const char *link)
{
	for (size_t i = 0; i < v->n; i++)
		if (fb_streq(v->items[i].link, link))
			return &v->items[i];
	return NULL;
}

static void item_remove(struct fb_view *v, struct fb_view_item *item)
{
	size_t at = (size_t)(item - v->items);
	item_clear(item);
	memmove(item, item + 1, (--v->n - at) * sizeof *item);
}

static struct fb_view_item *item_start(struct fb_view *v, const struct fb_event_row *e, const json_t *data)
{
	struct fb_view_item *i = fb_view_item(v, e->link);
	const char *title = json_string_value(json_object_get(data, "title"));
	if (!i) {
		v->items = fb_realloc(v->items, (v->n + 1) * sizeof *v->items);
		i = &v->items[v->n++];
		*i = (struct fb_view_item){.link = fb_strdup(e->link), .started_ms = e->at_ms};
	}
	fb_free(i->title);
	bool undo = json_is_true(json_object_get(data, "undo"));
	i->title = fb_asprintf("%s%s", undo ? "Undo: " : "", title && *title ? title : e->link ? e->link : "?");
	i->attempt = undo ? 1 : (int)json_integer_value(json_object_get(data, "attempt")); /* numbers go on over runs and undos */
	i->timeout_ms = json_integer_value(json_object_get(data, "timeout_ms"));
	i->basis_points = -1;
	i->waiting = false;
	fb_free(i->text);
	i->text = NULL;
	return i;
}

/* The name of the chain that a link is in: the member of link.started, else what stands before the slash of its id. */
static char *chain_of(const struct fb_event_row *e, const json_t *data)
{
	const char *chain = json_string_value(json_object_get(data, "chain"));
	if (chain)
		return fb_strdup(chain);
	return e->link ? fb_asprintf("%.*s", (int)strcspn(e->link, "/"), e->link) : NULL;
}

static void heading(struct fb_view *v, const struct fb_style *s, const char *chain, struct fb_text *out)
{
	static const char *const names[][2] = {{"backup", "Backup"}, {"plan", "Plan"}, {"recovery", "Recovery"}};
	const char *name = chain;
	if (fb_streq(v->chain, chain))
		return;
	fb_free(v->chain);
	v->chain = fb_strdup(chain);
	for (size_t i = 0; i < 3; i++)
		if (fb_streq(names[i][0], chain))
			name = names[i][1];
	fb_style_on(s, out, FB_TONE_BOLD);
	fb_style_safe(s, out, name);
	fb_style_off(s, out);
	fb_text_puts(out, "\n");
}

/* "  ✓ Title                 1.2 s   message", cut to the width */
static void add_row(const struct fb_style *s, struct fb_text *out, const char *mark, enum fb_tone tone, const char *title, const char *time, const char *rest, enum fb_tone rest_tone)
{
	struct fb_text line = {0}, name = {0};
	int width = s->width > 0 ? s->width : 100, title_columns = width >= 110 ? 34 : width >= 60 ? 28 : width >= 40 ? width / 2 - 4 : width - 6;
	fb_text_puts(&line, "  ");
	fb_style_put(s, &line, tone, mark);
	fb_text_puts(&line, " ");
	fb_style_safe(s, &name, title);
	size_t from = line.n;
	fb_style_cut(s, &line, name.p ? name.p : "", title_columns > 4 ? title_columns : 4);
	fb_style_pad(&line, from, title_columns > 4 ? title_columns : 4);
	if (width >= 40 || !rest)
		fb_text_printf(&line, " %9s", time);
	if (rest && *rest) {
		fb_text_puts(&line, "  ");
		fb_style_on(s, &line, rest_tone);
		fb_style_safe(s, &line, rest);
		fb_style_off(s, &line);
	}
	while (line.n && line.p[line.n - 1] == ' ')
		line.p[--line.n] = 0;
	fb_style_cut(s, out, line.p, s->width);
	fb_text_puts(out, "\n");
	fb_text_clear(&line);
	fb_text_clear(&name);
}

/* cut: a live line must stay one row; a settled one may take as many as it needs */
static void add_note(const struct fb_style *s, struct fb_text *out, const char *mark, enum fb_tone tone, const char *text, bool cut)
{
	struct fb_text line = {0};
	fb_text_puts(&line, "  ");
	fb_style_on(s, &line, tone);
	fb_text_printf(&line, "%s ", mark);
	if (cut)
		fb_style_safe(s, &line, text);
	else
		fb_style_wrap(s, &line, text, 4);
	fb_style_off(s, &line);
	fb_style_cut(s, out, line.p, cut ? s->width : 0);
	fb_text_puts(out, "\n");
	fb_text_clear(&line);
}

static void on_link_end(struct fb_view *v, const struct fb_style *s, const struct fb_event_row *e, const json_t *data, struct fb_text *out)
{
	struct fb_view_item *i = fb_view_item(v, e->link);
	bool failed = strcmp(e->name, "link.failed") == 0, undone = strcmp(e->name, "link.undone") == 0;
	bool skipped = json_is_true(json_object_get(data, "skipped"));
	enum fb_mark mark = failed ? FB_MARK_FAIL : undone ? FB_MARK_UNDONE : skipped ? FB_MARK_SKIP : FB_MARK_OK;
	const json_t *elapsed = json_object_get(data, "elapsed_ms");
	const char *message = json_string_value(json_object_get(data, "message"));
	struct fb_text rest = {0};
	char time[32];
	if (undone && skipped) { /* there was nothing to undo: no line */
		if (i)
			item_remove(v, i);
		return;
	}
	v->failure_told |= failed;
	fb_duration_format(json_is_integer(elapsed) ? json_integer_value(elapsed) : i ? e->at_ms - i->started_ms : 0, time, sizeof time);
	if (i && i->attempt > 1)
		fb_text_printf(&rest, "attempt %d  ", i->attempt);
	if (undone)
		fb_text_puts(&rest, "undone");
	else if (failed && !message)
		fb_text_puts(&rest, e->summary ? e->summary : "failed");
	else if (message)
		fb_text_puts(&rest, message);
	else if (skipped)
		fb_text_puts(&rest, "nothing to do");
	/* why something failed is never cut: what does not fit beside it stands below */
	bool below = failed && s->width > 0 && rest.n > (size_t)(s->width > 60 ? s->width - 46 : 0);
	add_row(s, out, fb_style_mark(s, mark), fb_style_mark_tone(mark), i ? i->title : fb_view_title(data, e), time, below ? NULL : rest.p, failed ? FB_TONE_BAD : FB_TONE_DIM);
	if (below) {
		fb_text_puts(out, "    ");
		fb_style_on(s, out, FB_TONE_BAD);
		fb_style_wrap(s, out, rest.p, 4);
		fb_style_off(s, out);
		fb_text_puts(out, "\n");
	}
	fb_text_clear(&rest);
	if (i)
		item_remove(v, i);
}

static void on_link(struct fb_view *v, const struct fb_style *s, const struct fb_event_row *e, const json_t *data, struct fb_text *out)
{
	struct fb_view_item *i = fb_view_item(v, e->link);
	const char *kind = e->name + strlen("link.");
	const json_t *text = json_object_get(data, "text");
	if (strcmp(kind, "started") == 0) {
		char *chain = chain_of(e, data);
		/* an undo is part of the chain that asked for it: it gets no heading of its own */
		if (chain && !json_is_true(json_object_get(data, "undo")))
			heading(v, s, chain, out);
		fb_free(chain);
		item_start(v, e, data);
	} else if (strcmp(kind, "progress") == 0 && i) {
		const json_t *bp = json_object_get(data, "basis_points");
		i->basis_points = json_is_integer(bp) ? (int)json_integer_value(bp) : -1;
		if (json_is_string(text)) {
			fb_free(i->text);
			i->text = fb_strdup(json_string_value(text));
		}
	} else if (strcmp(kind, "retrying") == 0) {
		const char *message = json_string_value(json_object_get(data, "message"));
		if (i) {
			i->waiting = true;
			i->retry_at_ms = e->at_ms + json_integer_value(json_object_get(data, "wait_ms"));
			i->attempt = (int)json_integer_value(json_object_get(data, "attempt"));
			fb_free(i->text);
			i->text = fb_strdup(message);
		}
	} else if (strcmp(kind, "note") == 0) {
		const char *level = json_string_value(json_object_get(data, "level"));
		if (v->verbose || !fb_streq(level, "debug"))
			add_note(s, out, fb_style_mark(s, FB_MARK_NOTE), fb_streq(level, "warning") || fb_streq(level, "error") ? FB_TONE_WARN : FB_TONE_DIM,
				 json_is_string(text) ? json_string_value(text) : e->summary, false);
	} else if (strcmp(kind, "completed") == 0 || strcmp(kind, "failed") == 0 || strcmp(kind, "undone") == 0) {
		on_link_end(v, s, e, data, out);
	}
}

/* The moments of an execution that are worth a line, and how they look. */
static const struct moment {
	const char *name;
	enum fb_mark mark;
	enum fb_tone tone;
	bool since; /* say how long after detection */
} moments[] = {
	{"deployment.failed", FB_MARK_FAIL, FB_TONE_BAD, false},     {"rollback.traffic_safe", FB_MARK_DOT, FB_TONE_DIM, true},
	{"rollback.restored", FB_MARK_DOT, FB_TONE_DIM, true},        {"rollback.verified", FB_MARK_DOT, FB_TONE_DIM, true},
	{"rollback.incomplete", FB_MARK_FAIL, FB_TONE_BAD, false},    {"backup.failed", FB_MARK_RETRY, FB_TONE_WARN, false},
	{"approval.waiting", FB_MARK_RETRY, FB_TONE_WARN, false},     {"approval.decided", FB_MARK_DOT, FB_TONE_DIM, false},
	{"execution.resumed", FB_MARK_RETRY, FB_TONE_WARN, false},    {"execution.interrupted", FB_MARK_RETRY, FB_TONE_WARN, false},
	{"execution.stopped", FB_MARK_SKIP, FB_TONE_WARN, false},     {"journal.degraded", FB_MARK_RETRY, FB_TONE_BAD, false},
	{"journal.caught_up", FB_MARK_DOT, FB_TONE_DIM, false},
};

static void on_moment(struct fb_view *v, const struct fb_style *s, const struct fb_event_row *e, struct fb_text *out)
{
	struct fb_text text = {0};
	char time[32];
	for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
		if (strcmp(moments[i].name, e->name) != 0)
			continue;
		if (v->failure_told && strcmp(e->name, "deployment.failed") == 0)
			break; /* its step has just said the same */
		/* what verify said stands in its own line */
		fb_text_puts(&text, strcmp(e->name, "rollback.verified") == 0 ? "the last known good is verified" : e->summary && *e->summary ? e->summary : e->name);
		if (moments[i].since && v->detected_ms && e->at_ms >= v->detected_ms)
			fb_text_printf(&text, " (%s after detection)", fb_duration_format(e->at_ms - v->detected_ms, time, sizeof time));
		add_note(s, out, fb_style_mark(s, moments[i].mark), moments[i].tone, text.p, false);
	}
	fb_text_clear(&text);
}

void fb_view_note_moment(struct fb_view *v, const struct fb_event_row *e, const json_t *data)
{
	if (strcmp(e->name, "rollback.started") == 0)
		v->detected_ms = e->at_ms;
	if (strcmp(e->name, "impact.changed") != 0)
		return;
	v->requests = json_integer_value(json_object_get(data, "requests"));
	v->failed = json_integer_value(json_object_get(data, "failed"));
	v->impact = true;
	fb_free(v->source);
	v->source = fb_strdup(json_string_value(json_object_get(data, "source")));
}

void fb_view_event(struct fb_view *v, const struct fb_style *s, const struct fb_event_row *e, struct fb_text *ret_settled)
{
	json_t *data = e->data ? json_loads(e->data, 0, NULL) : NULL;
	fb_view_note_moment(v, e, data);
	if (fb_has_prefix(e->name, "link."))
		on_link(v, s, e, data, ret_settled);
	else
		on_moment(v, s, e, ret_settled);
	json_decref(data);
}

static void live_row(const struct fb_style *s, const struct fb_view_item *i, int64_t now_ms, struct fb_text *ret)
{
	struct fb_text rest = {0};
	char time[32], wait[32];
	int64_t elapsed = now_ms > i->started_ms ? now_ms - i->started_ms : 0;
	if (i->attempt > 1)
		fb_text_printf(&rest, "attempt %d  ", i->attempt);
	if (i->waiting && i->retry_at_ms > now_ms)
		fb_text_printf(&rest, "again in %s  ", fb_duration_format(i->retry_at_ms - now_ms, wait, sizeof wait));
	if (i->basis_points >= 0)
		fb_text_printf(&rest, "%d %%  ", i->basis_points / 100);
	if (i->text)
		fb_text_puts(&rest, i->text);
	else if (i->timeout_ms && elapsed > i->timeout_ms / 2)
		fb_text_printf(&rest, "of %s at most", fb_duration_format(i->timeout_ms, wait, sizeof wait));
	/* whole tenths only, so that the column does not flutter */
	fb_duration_format(elapsed < 1000 ? elapsed / 100 * 100 : elapsed, time, sizeof time);
	add_row(s, ret, i->waiting ? fb_style_mark(s, FB_MARK_RETRY) : fb_style_spinner(s, elapsed), i->waiting ? FB_TONE_WARN : FB_TONE_ACCENT, i->title, time, rest.p,
		FB_TONE_DIM);
	fb_text_clear(&rest);
}

void fb_view_live(const struct fb_view *v, const struct fb_style *s, int64_t now_wall_ms, int rows, struct fb_text *ret)
{
	size_t room = rows > 0 ? (size_t)rows : v->n + 2, shown = v->n, for_impact = v->impact && room > 1;
	if (shown + for_impact > room)
		shown = room > for_impact + 1 ? room - for_impact - 1 : 0;
	for (size_t i = 0; i < shown; i++)
		live_row(s, &v->items[i], now_wall_ms, ret);
	if (shown < v->n) {
		char *more = fb_asprintf("and %zu more at work", v->n - shown);
		add_note(s, ret, fb_style_mark(s, FB_MARK_DOT), FB_TONE_DIM, more, true);
		fb_free(more);
	}
	if (for_impact) {
		struct fb_text text = {0};
		fb_view_impact(v, &text);
		add_note(s, ret, fb_style_mark(s, FB_MARK_DOT), v->failed > 0 ? FB_TONE_WARN : FB_TONE_DIM, text.p, true);
		fb_text_clear(&text);
	}
}
