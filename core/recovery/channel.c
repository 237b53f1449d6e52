/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One notifier's queue: which notification is next, its attempts, what takes its place. The order is that of the events; what waits for a grouped channel
 * is one message, that of the newest event; a permanent error closes the channel for the run. Notifications of executions that have ended are
 * delivered by the process that has claimed them, after its own.
 */
#include "recovery/channel.h"

#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/word.h"

#define KEPT_MS (INT64_C(7) * 24 * 3600 * 1000) /* a notification of an execution that has ended is news no longer */

/* ---- rows ---- */

static void set_row(struct fb_channel *c, int64_t row, const char *status, const char *text, int64_t next_ms)
{
	struct fb_err err;

	if (!c->e->x.is_lost && fb_journal_outbox_set(c->e->x.journal, row, status, text, next_ms, &err) < 0)
		fb_context_lost(&c->e->x, &err);
	if (c->e->outbox->delivered)
		c->e->outbox->delivered(c->e->outbox->owner, c, status, text);
}

struct fb_channel *fb_channel_find(struct fb_engine *e, const char *name)
{
	for (size_t i = 0; name && i < e->outbox->n; i++)
		if (!strcmp(e->outbox->channels[i].use.name, name))
			return &e->outbox->channels[i];
	return NULL;
}

int fb_channel_add_to(struct fb_engine *e, const json_t *names, const char *event, const char *id, const char *payload, struct fb_err *err)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
		if (fb_channel_find(e, json_string_value(name)) && fb_journal_outbox_add(e->x.journal, json_string_value(name), event, id, payload, err) < 0)
			return -1;
	return 0;
}

static void nudge_fallback(struct fb_channel *c)
{
	for (size_t i = 0; i < json_array_size(c->fallback) && !c->e->x.is_lost; i++) {
		struct fb_channel *other = fb_channel_find(c->e, json_string_value(json_array_get(c->fallback, i)));

		if (other && other != c)
			fb_channel_next(other);
	}
}

/* Part of a transaction. */
static void copy_to_fallback(struct fb_channel *c, int64_t row)
{
	struct fb_err err;

	for (size_t i = 0; i < json_array_size(c->fallback) && !c->e->x.is_lost; i++) {
		const char *name = json_string_value(json_array_get(c->fallback, i));

		if (fb_channel_find(c->e, name) && fb_journal_outbox_copy(c->e->x.journal, row, name, &err) < 0)
			fb_context_lost(&c->e->x, &err);
	}
}

/* A row that this channel will not deliver goes to those that take its place: with its status, in one commit. */
static void give_up(struct fb_channel *c, int64_t row, const char *status, const char *text)
{
	if (!fb_engine_begin_record(c->e))
		return;
	set_row(c, row, status, text, 0);
	copy_to_fallback(c, row);
	if (fb_engine_end_record(c->e))
		nudge_fallback(c);
}

/* ---- one attempt ---- */

static void on_timer(uv_timer_t *timer)
{
	struct fb_channel *c = timer->data;

	c->waiting = c->held = false;
	fb_channel_next(c);
	fb_outbox_look(c->e);
}

static void wait_for(struct fb_channel *c, int64_t ms, bool held)
{
	c->waiting = true;
	c->held = held;
	uv_timer_start(&c->timer, on_timer, (uint64_t)(ms > 0 ? ms : 0), 0);
}

static int64_t backoff(int attempts, int64_t asked_ms)
{
	int64_t wait = 500;

	for (int i = 1; i < attempts && wait < 30000; i++)
		wait *= 2;
	return asked_ms > wait ? asked_ms : wait;
}

/* No attempt is left, or none makes sense. */
static void failed(struct fb_channel *c, bool passing, const char *text)
{
	c->closed = c->closed || !passing;
	if (passing && c->leftover) {
		c->spent = true; /* it stays: the next process tries again */
		set_row(c, c->row, "waiting", text, 0);
	} else {
		give_up(c, c->row, "failed", text);
	}
}

static void on_done(void *owner, struct fb_task *t, const struct fb_call_result *result)
{
	struct fb_channel *c = owner;
	bool passing = result->answer == FB_RETRY || result->cause != FB_CAUSE_ANSWER;
	const char *text = result->message;

	c->task = NULL; /* c->event stays until the next: it says of what this was */
	if (c->e->x.is_lost)
		return;
	if (result->answer == FB_OK || result->answer == FB_SKIP) {
		set_row(c, c->row, "sent", text, 0);
	} else if (passing && c->attempts < c->retries + 1 && !c->e->x.stop) {
		int64_t wait = backoff(c->attempts, t->retry_after_ms);

		set_row(c, c->row, "waiting", text, fb_clock_wall_ms() + wait);
		wait_for(c, wait, false);
		if (c->e->told_end && !c->leftover)
			fb_channel_give_up_waiting(c);
		fb_outbox_look(c->e);
		return;
	} else {
		failed(c, passing, text);
	}
	c->attempts = 0;
	fb_channel_next(c);
	fb_outbox_look(c->e);
}

/* Members of the call as the event has them. Of several services none speaks for all. */
static json_t *about_of(const json_t *event)
{
	const json_t *services = json_object_get(event, "services"), *one = json_array_size(services) == 1 ? json_array_get(services, 0) : NULL;

	return json_pack("{s:O?, s:O?, s:O?, s:O?, s:O?, s:O?, s:O?}", "reason", json_object_get(event, "failure"), "service", json_object_get(one, "name"), "release",
			 json_object_get(one, "release"), "last_good", json_object_get(one, "last_good"), "failed", json_object_get(one, "failed"), "execution", json_object_get(event, "execution"),
			 "environment", json_object_get(event, "environment"));
}

static char *report_of(const struct fb_channel *c)
{
	const char *slash = c->e->x.dir ? strrchr(c->e->x.dir, '/') : NULL;

	return slash ? fb_asprintf("%.*s/%s/report.json", (int)(slash - c->e->x.dir), c->e->x.dir, c->execution) : fb_strdup("");
}

static void deliver(struct fb_channel *c, const struct fb_outbox_row *row)
{
	struct fb_task_spec spec = {.context = &c->e->x, .use = &c->use, .link = "outbox", .link_name = "notify", .operation = "notify", .silent = true, .done = on_done, .owner = c};
	char *log = fb_asprintf("notifier-%s.log", c->use.name), *report;
	json_t *about;

	c->attempts = c->attempts_row == row->id ? c->attempts + 1 : 1;
	c->attempts_row = c->row = row->id;
	c->leftover = !fb_streq(row->execution, c->e->x.id);
	fb_free(c->execution);
	c->execution = fb_strdup(row->execution);
	json_decref(c->event);
	c->event = json_loads(row->payload, 0, NULL);
	if (!c->event)
		c->event = json_object(); /* a damaged file: the plugin is told so by an event without a name */
	fb_word_dress(json_object_get(c->event, "word"), c->title, c->text);
	spec.about = about = about_of(c->event);
	json_object_set_new(c->event, "data", json_copy(c->event));
	report = report_of(c);
	if (access(report, R_OK) == 0)
		json_object_set_new(c->event, "report", json_string(report));
	spec.attempt = (uint32_t)row->attempts + 1;
	spec.deadline_ms = fb_clock_ms() + c->timeout_ms;
	spec.event = c->event;
	spec.told_of = c->execution;
	spec.log = c->leftover ? NULL : log;
	c->task = fb_task_start(&spec);
	json_decref(about);
	fb_free(report);
	fb_free(log);
}

/* ---- which is next ---- */

static bool is_mine(const struct fb_channel *c, const struct fb_outbox_row *row)
{
	return !strcmp(row->notifier, c->use.name);
}

/* The newest of the rows that are of the same incident as the one at first. */
static size_t newest(const struct fb_channel *c, const struct fb_outbox_row *rows, size_t n, size_t first)
{
	size_t last = first;

	for (size_t i = first + 1; i < n; i++)
		if (is_mine(c, &rows[i]) && fb_streq(rows[i].execution, rows[first].execution))
			last = i;
	return last;
}

/* Of a grouped channel: the newest speaks for those before it; may it be sent already? */
static bool take_group(struct fb_channel *c, const struct fb_outbox_row *rows, size_t first, size_t last)
{
	bool own = fb_streq(rows[first].execution, c->e->x.id);
	int64_t since = fb_clock_wall_ms() - rows[first].created_ms, left = c->group_wait_ms - (since > 0 ? since : 0);

	if (own && !c->e->told_end && !fb_word_is_final(rows[last].event) && left > 0 && rows[first].attempts == 0) {
		wait_for(c, left, true);
		return false;
	}
	for (size_t i = first; i < last && !c->e->x.is_lost; i++)
		if (is_mine(c, &rows[i]) && fb_streq(rows[i].execution, rows[first].execution)) {
			char *text = fb_asprintf("%s" FB_SPEAKS_FOR_IT, rows[last].event);

			set_row(c, rows[i].id, "dropped", text, 0);
			fb_free(text);
		}
	return !c->e->x.is_lost;
}

static void take(struct fb_channel *c, const struct fb_outbox_row *rows, size_t n)
{
	for (size_t i = 0; i < n && !c->task && !c->waiting && !c->e->x.is_lost; i++) {
		int64_t left = rows[i].next_ms - fb_clock_wall_ms();
		size_t last = i;

		if (!is_mine(c, &rows[i]))
			continue;
		if (c->closed) {
			give_up(c, rows[i].id, "dropped", "the notifier failed for good earlier in this execution");
			continue;
		}
		if (c->grouped) {
			last = newest(c, rows, n, i);
			if (!take_group(c, rows, i, last))
				return;
		}
		if (left > 0 && last == i && c->attempts_row != rows[i].id) { /* an engine before this one was asked to wait */
			wait_for(c, left, false);
			return;
		}
		deliver(c, &rows[last]);
	}
}

static void take_leftovers(struct fb_channel *c)
{
	struct fb_outbox_row *rows;
	struct fb_err err;
	size_t n, kept = 0;

	if (c->spent || c->closed || fb_journal_outbox_leftovers(c->e->x.journal, &rows, &n, &err) < 0)
		return;
	for (size_t i = 0; i < n && !c->e->x.is_lost; i++) {
		if (is_mine(c, &rows[i]) && fb_clock_wall_ms() - rows[i].created_ms > KEPT_MS) {
			set_row(c, rows[i].id, "dropped", "it could not be delivered for seven days", 0);
			fb_outbox_free_one(&rows[i]);
		} else {
			rows[kept++] = rows[i];
		}
	}
	take(c, rows, kept);
	fb_outbox_free(rows, kept);
}

void fb_channel_next(struct fb_channel *c)
{
	struct fb_outbox_row *rows;
	struct fb_err err;
	size_t n;

	if (c->task || c->e->x.is_lost || c->e->finished)
		return;
	if (c->waiting && (c->held || c->leftover)) { /* what is new may be sent before, or in place of what is held */
		uv_timer_stop(&c->timer);
		c->waiting = c->held = c->leftover = false;
	}
	if (c->waiting)
		return;
	if (*c->e->x.id && fb_journal_outbox(c->e->x.journal, c->e->x.id, true, &rows, &n, &err) < 0) {
		fb_context_lost(&c->e->x, &err);
		return;
	}
	if (*c->e->x.id) {
		take(c, rows, n);
		fb_outbox_free(rows, n);
	}
	if (!c->task && !c->waiting && !c->e->x.is_lost && c->e->outbox->leftovers && !c->e->told_end)
		take_leftovers(c);
}

void fb_channel_give_up_waiting(struct fb_channel *c)
{
	struct fb_outbox_row *rows;
	struct fb_err err;
	size_t n;

	if (!json_array_size(c->fallback) || c->e->x.is_lost || fb_journal_outbox(c->e->x.journal, c->e->x.id, true, &rows, &n, &err) < 0)
		return;
	if (fb_engine_begin_record(c->e)) {
		for (size_t i = 0; i < n; i++)
			if (is_mine(c, &rows[i]))
				copy_to_fallback(c, rows[i].id);
		if (fb_engine_end_record(c->e))
			nudge_fallback(c);
	}
	fb_outbox_free(rows, n);
}

bool fb_channel_idle(const struct fb_channel *c)
{
	return !c->task && (!c->waiting || c->leftover);
}

bool fb_channel_wants(const struct fb_channel *c, const char *event)
{
	const json_t *pattern;
	size_t i;

	json_array_foreach(c->on, i, pattern)
		if (json_is_string(pattern) && fnmatch(json_string_value(pattern), event, 0) == 0)
			return true;
	return false;
}

/* ---- life ---- */

static int64_t number(const json_t *o, const char *name, int64_t absent)
{
	const json_t *v = json_object_get(o, name);

	return json_is_integer(v) ? json_integer_value(v) : absent;
}

int fb_channel_init(struct fb_engine *e, const json_t *json, struct fb_channel *c, struct fb_err *err)
{
	c->e = e;
	if (fb_context_use(&e->x, "notifier", json, &c->use, err) < 0)
		return -1;
	c->on = json_object_get(json, "on");
	c->fallback = json_object_get(json, "fallback");
	c->escalate = json_object_get(json, "escalate");
	c->title = json_string_value(json_object_get(json, "title"));
	c->text = json_string_value(json_object_get(json, "text"));
	c->timeout_ms = number(json, "timeout", 10000);
	c->retries = (int)number(json, "retries", 5);
	c->escalate_after_ms = number(json, "escalate_after", -1);
	/* Options by which a plugin says how its events become messages (failback-plugin(3)) */
	c->grouped = fb_streq(json_string_value(json_object_get(c->use.options, "group")), "incident");
	c->group_wait_ms = number(c->use.options, "group_wait", 0);
	uv_timer_init(&e->loop, &c->timer);
	uv_timer_init(&e->loop, &c->escalation);
	c->timer.data = c->escalation.data = c;
	return 0;
}

void fb_channel_clear(struct fb_channel *c)
{
	fb_use_clear(&c->use);
	json_decref(c->event);
	fb_free(c->execution);
}
