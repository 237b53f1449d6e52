/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escalation: an incident that is critical, or that is not over some time after a channel was told of it, goes to further channels, and so does what comes
 * after. That it was escalated is a fact of the execution.
 */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "recovery/channel.h"
#include "recovery/word.h"

static char *fact_name(const struct fb_channel *c)
{
	return fb_asprintf("escalated/%s", c->use.name);
}

static int record(struct fb_channel *c, struct fb_err *err)
{
	char *name = fact_name(c);
	int r = c->escalated ? 0 : fb_journal_fact_set(c->e->x.journal, "outbox", name, "1", err);

	fb_free(name);
	c->escalated = true;
	return r;
}

static void nudge(struct fb_channel *c)
{
	for (size_t i = 0; i < json_array_size(c->escalate) && !c->e->x.is_lost; i++) {
		struct fb_channel *other = fb_channel_find(c->e, json_string_value(json_array_get(c->escalate, i)));

		if (other)
			fb_channel_next(other);
	}
}

static void now(struct fb_channel *c)
{
	struct fb_outbox *o = c->e->outbox;
	struct fb_err err;

	if (c->escalated || o->over || !o->last || !fb_engine_begin_record(c->e))
		return;
	if (record(c, &err) < 0 || fb_channel_add_to(c->e, c->escalate, o->last_event, o->last_id, o->last, &err) < 0)
		fb_context_lost(&c->e->x, &err);
	if (fb_engine_end_record(c->e))
		nudge(c);
}

static void on_time(uv_timer_t *timer)
{
	now(timer->data);
}

static bool is_broken(const char *state)
{
	return !strcmp(state, "open") || !strcmp(state, "recovering");
}

int fb_escalate_told(struct fb_channel *c, const char *event, const char *id, const char *severity, const char *state, const char *payload, struct fb_err *err)
{
	if (!json_array_size(c->escalate))
		return 0;
	if (!c->escalated && (fb_word_rank(severity) < 3 || !is_broken(state)))
		return 0;
	return record(c, err) < 0 ? -1 : fb_channel_add_to(c->e, c->escalate, event, id, payload, err);
}

void fb_escalate_watch(struct fb_channel *c, const char *severity, const char *state)
{
	if (c->escalated) {
		nudge(c);
	} else if (json_array_size(c->escalate) && c->escalate_after_ms >= 0 && !c->watching && fb_word_rank(severity) >= 1 && is_broken(state)) {
		c->watching = true;
		uv_timer_start(&c->escalation, on_time, (uint64_t)c->escalate_after_ms, 0);
	}
}

void fb_escalate_end(struct fb_engine *e)
{
	for (size_t i = 0; i < e->outbox->n; i++)
		if (e->outbox->channels[i].watching)
			now(&e->outbox->channels[i]);
}

/* An engine before this one may have begun. */
void fb_escalate_init(struct fb_channel *c)
{
	struct fb_outbox_row *rows;
	struct fb_err err;
	char *name = fact_name(c), *value = fb_journal_fact(c->e->x.journal, c->e->x.id, "outbox", name);
	size_t n;

	c->escalated = value != NULL;
	fb_free(value);
	fb_free(name);
	if (c->escalated || c->escalate_after_ms < 0 || !json_array_size(c->escalate) || fb_journal_outbox(c->e->x.journal, c->e->x.id, false, &rows, &n, &err) < 0)
		return;
	for (size_t i = 0; i < n && !c->watching; i++) {
		json_t *payload = json_loads(rows[i].payload, 0, NULL);
		const char *severity = json_string_value(json_object_get(payload, "severity")), *state = json_string_value(json_object_get(json_object_get(payload, "word"), "state"));
		int64_t left = rows[i].created_ms + c->escalate_after_ms - fb_clock_wall_ms();

		if (!strcmp(rows[i].notifier, c->use.name) && state && fb_word_rank(severity) >= 1 && is_broken(state)) {
			c->watching = true;
			uv_timer_start(&c->escalation, on_time, (uint64_t)(left > 0 ? left : 0), 0);
		}
		json_decref(payload);
	}
	fb_outbox_free(rows, n);
}
