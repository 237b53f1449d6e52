/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outbox: events that people asked for are recorded with what they tell of, and delivered beside the chain, each notifier in order, with
 * retries. Delivery never changes a status or an exit code.
 */
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "journal/events.h"
#include "recovery/internal.h"

struct channel {
	struct fb_engine *e;
	struct fb_use use;
	const json_t *on;
	int64_t timeout_ms;
	int retries;
	struct fb_task *task;
	uv_timer_t timer;       /* until the next attempt */
	bool waiting, closed;   /* closed: a permanent error; the rest of the run goes without it */
	int64_t row;            /* under way */
	int attempts;
	json_t *event;
};

struct waiter {
	void (*done)(void *owner, json_t *deliveries);
	void *owner;
	uv_timer_t timer;
	struct fb_engine *e;
	struct waiter *next;
};

struct fb_outbox {
	struct channel *channels;
	size_t n;
	struct waiter *waiters;
};

static void next(struct channel *c);

static const char *severity_of(const char *event)
{
#define X(name, severity, meaning) {name, severity},
	static const char *const table[][2] = {FB_EVENTS(X)};
#undef X

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(table[i][0], event))
			return table[i][1];
	return "info";
}

/* ---- who waits for the outbox ---- */

static json_t *deliveries(struct fb_engine *e)
{
	struct fb_outbox_row *rows;
	json_t *list = json_array();
	struct fb_err err;
	size_t n;

	if (fb_journal_outbox(e->x.journal, e->x.id, false, &rows, &n, &err) < 0)
		return list;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?, s:i}", "notifier", rows[i].notifier, "event", rows[i].event, "status", rows[i].status, "text", rows[i].text,
						      "attempts", rows[i].attempts));
	fb_outbox_free(rows, n);
	return list;
}

static void free_waiter(uv_handle_t *handle)
{
	fb_free(handle->data);
}

static void release(struct waiter *w)
{
	struct waiter **at = &w->e->outbox->waiters;
	json_t *list = deliveries(w->e);

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->done(w->owner, list);
	json_decref(list);
	uv_close((uv_handle_t *)&w->timer, free_waiter);
}

static bool idle(const struct fb_outbox *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->channels[i].task || o->channels[i].waiting)
			return false;
	return true;
}

static void look(struct fb_engine *e)
{
	while (e->outbox->waiters && idle(e->outbox))
		release(e->outbox->waiters);
}

static void out_of_time(uv_timer_t *timer)
{
	release(timer->data);
}

/* How long may still be waited? The end of an execution waits notify_timeout once, however often it is asked to. */
static int64_t patience(struct fb_engine *e, int64_t wait_ms, bool final)
{
	int64_t limit = fb_context_setting(&e->x, "notify_timeout", 10000), now = fb_clock_ms();

	if (final && !e->word_until_ms)
		e->word_until_ms = now + limit;
	if (e->word_until_ms)
		limit = e->word_until_ms > now ? e->word_until_ms - now : 0;
	return wait_ms < limit ? wait_ms : limit;
}

void fb_engine_outbox_drain(struct fb_engine *e, int64_t wait_ms, void (*done)(void *owner, json_t *deliveries), void *owner)
{
	struct waiter *w = fb_alloc(sizeof *w);

	wait_ms = patience(e, wait_ms, e->told_end);
	w->done = done;
	w->owner = owner;
	w->e = e;
	w->next = e->outbox->waiters;
	e->outbox->waiters = w;
	uv_timer_init(&e->loop, &w->timer);
	w->timer.data = w;
	uv_timer_start(&w->timer, out_of_time, idle(e->outbox) || wait_ms < 0 ? 0 : (uint64_t)wait_ms, 0);
}

/* ---- delivery ---- */

static void set_row(struct channel *c, const char *status, const char *text, int64_t next_ms)
{
	struct fb_err err;

	if (!c->e->x.is_lost && fb_journal_outbox_set(c->e->x.journal, c->row, status, text, next_ms, &err) < 0)
		fb_context_lost(&c->e->x, &err);
}

static void on_timer(uv_timer_t *timer)
{
	struct channel *c = timer->data;

	c->waiting = false;
	next(c);
	look(c->e);
}

static int64_t backoff(int attempts, int64_t asked_ms)
{
	int64_t wait = 500;

	for (int i = 1; i < attempts && wait < 30000; i++)
		wait *= 2;
	return asked_ms > wait ? asked_ms : wait;
}

static void on_done(void *owner, struct fb_task *t, const struct fb_call_result *result)
{
	struct channel *c = owner;
	bool passing = result->answer == FB_RETRY || result->cause != FB_CAUSE_ANSWER;
	const char *text = result->message;

	c->task = NULL;
	json_decref(c->event);
	c->event = NULL;
	if (c->e->x.is_lost)
		return;
	if (result->answer == FB_OK || result->answer == FB_SKIP) {
		set_row(c, "sent", text, 0);
	} else if (passing && c->attempts < c->retries + 1 && !c->e->x.stop) {
		int64_t wait = backoff(c->attempts, t->retry_after_ms);

		set_row(c, "waiting", text, fb_clock_wall_ms() + wait);
		c->waiting = true;
		uv_timer_start(&c->timer, on_timer, (uint64_t)wait, 0);
		return;
	} else {
		set_row(c, "failed", text, 0);
		c->closed = !passing;
	}
	c->attempts = 0;
	next(c);
	look(c->e);
}

/* Members of the call as the event has them. Of several services none speaks for all. */
static json_t *about_of(const json_t *event)
{
	const json_t *services = json_object_get(event, "services"), *one = json_array_size(services) == 1 ? json_array_get(services, 0) : NULL;

	return json_pack("{s:O?, s:O?, s:O?, s:O?, s:O?}", "reason", json_object_get(event, "failure"), "service", json_object_get(one, "name"), "release", json_object_get(one, "release"),
			 "last_good", json_object_get(one, "last_good"), "failed", json_object_get(one, "failed"));
}

static void deliver(struct channel *c, const struct fb_outbox_row *row)
{
	struct fb_task_spec spec = {.context = &c->e->x, .use = &c->use, .link = "outbox", .link_name = "notify", .operation = "notify", .silent = true, .done = on_done, .owner = c};
	char *log = fb_asprintf("notifier-%s.log", c->use.name), *report = fb_engine_report_path(c->e);
	json_t *about;

	c->row = row->id;
	c->attempts = row->attempts + 1;
	c->event = json_loads(row->payload, 0, NULL);
	spec.about = about = about_of(c->event);
	json_object_set_new(c->event, "data", json_copy(c->event));
	if (access(report, R_OK) == 0)
		json_object_set_new(c->event, "report", json_string(report));
	spec.attempt = (uint32_t)c->attempts;
	spec.deadline_ms = fb_clock_ms() + c->timeout_ms;
	spec.event = c->event;
	spec.log = log;
	c->task = fb_task_start(&spec);
	json_decref(about);
	fb_free(report);
	fb_free(log);
}

static void next(struct channel *c)
{
	struct fb_outbox_row *rows;
	struct fb_err err;
	size_t n;

	if (c->task || c->waiting || c->e->x.is_lost || c->e->finished)
		return;
	if (fb_journal_outbox(c->e->x.journal, c->e->x.id, true, &rows, &n, &err) < 0) {
		fb_context_lost(&c->e->x, &err);
		return;
	}
	for (size_t i = 0; i < n && !c->task; i++) {
		if (strcmp(rows[i].notifier, c->use.name))
			continue;
		if (c->closed) {
			c->row = rows[i].id;
			set_row(c, "dropped", "the notifier failed for good earlier in this execution", 0);
		} else {
			deliver(c, &rows[i]);
		}
	}
	fb_outbox_free(rows, n);
}

/* ---- events ---- */

static bool asked_for(const struct channel *c, const char *event)
{
	const json_t *pattern;
	size_t i;

	json_array_foreach(c->on, i, pattern)
		if (json_is_string(pattern) && fnmatch(json_string_value(pattern), event, 0) == 0)
			return true;
	return false;
}

static json_t *payload(struct fb_engine *e, const char *event, const char *summary, char *ret_id, size_t size)
{
	struct fb_context *x = &e->x;
	char time[FB_TIME_SIZE], head[65] = "", *incident = fb_asprintf("INC-%s", x->id);
	int64_t rows;
	struct fb_err err;
	json_t *p;

	snprintf(ret_id, size, "%s-%s", x->id, event);
	if (fb_journal_audit_head(x->journal, head, &rows, &err) < 0)
		head[0] = 0;
	p = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:O, s:O, s:O}", "schema", "failback.event/1", "id", ret_id, "name", event, "time",
		      fb_clock_format(fb_clock_wall_ms(), time), "severity", severity_of(event), "summary", summary, "incident", incident, "execution", x->id, "status", e->status,
		      "audit_head", head, "environment", json_object_get(x->frozen, "environment"), "kind", json_object_get(x->frozen, "kind"), "title",
		      json_object_get(x->frozen, "title"));
	json_object_set_new(p, "failure", e->failure ? json_string(e->failure) : json_null());
	json_object_set_new(p, "services", json_array());
	for (size_t i = 0; i < x->service_count; i++)
		if (x->services[i].deploys)
			json_array_append_new(json_object_get(p, "services"), json_pack("{s:s, s:s?, s:s?, s:s?}", "name", x->services[i].name, "release", x->services[i].release,
											  "last_good", x->services[i].last_good, "failed", x->services[i].failed));
	fb_free(incident);
	return p;
}

bool fb_engine_tells(const struct fb_engine *e)
{
	return e->outbox && e->outbox->n > 0 && !e->x.dry;
}

void fb_engine_tell(struct fb_engine *e, const char *event, const char *summary)
{
	struct fb_context *x = &e->x;
	char id[192], *text;
	struct fb_err err;
	json_t *p;

	if (x->is_lost)
		return;
	p = payload(e, event, summary, id, sizeof id);
	text = json_dumps(p, JSON_COMPACT);
	fb_redact(x->redactor, text, strlen(text));
	if (fb_journal_begin(x->journal, &err) < 0) {
		fb_context_lost(x, &err);
	} else {
		int r = fb_journal_audit(x->journal, x->id, "engine", event, summary, &err);

		for (size_t i = 0; r == 0 && !x->dry && e->outbox && i < e->outbox->n; i++)
			if (asked_for(&e->outbox->channels[i], event))
				r = fb_journal_outbox_add(x->journal, e->outbox->channels[i].use.name, event, id, text, &err);
		if (r < 0)
			fb_context_lost(x, &err);
		fb_context_event(x, event, NULL, summary, NULL);
		if (x->is_lost)
			fb_journal_cancel(x->journal);
		else if (fb_journal_end(x->journal, &err) < 0)
			fb_context_lost(x, &err);
	}
	for (size_t i = 0; !x->is_lost && !x->dry && e->outbox && i < e->outbox->n; i++)
		next(&e->outbox->channels[i]);
	fb_free(text);
	json_decref(p);
}

/* ---- the hook: a phase asks ---- */

struct request {
	struct fb_task *caller; /* NULL: it has ended */
};

static void forget(void *waiting)
{
	((struct request *)waiting)->caller = NULL;
}

static void answer(void *owner, json_t *list)
{
	struct request *r = owner;

	if (r->caller)
		fb_task_reply(r->caller, json_pack("{s:i, s:{s:O}}", "value", FB_OK, "json", "deliveries", list));
	fb_free(r);
}

void fb_engine_notify(struct fb_context *x, struct fb_task *caller, const char *name, const char *summary, int64_t wait_ms)
{
	struct request *r = fb_alloc(sizeof *r);

	r->caller = caller;
	caller->waiting = r;
	caller->cancel = forget;
	if (name)
		fb_engine_tell(x->owner, name, summary ? summary : "");
	else
		fb_engine_final_word(x->owner);
	fb_engine_outbox_drain(x->owner, wait_ms, answer, r);
}

/* ---- life ---- */

int fb_engine_outbox_init(struct fb_engine *e, struct fb_err *err)
{
	const json_t *list = json_object_get(e->x.frozen, "notifiers"), *one, *v;
	size_t i;

	e->outbox = fb_alloc(sizeof *e->outbox);
	e->outbox->channels = fb_alloc((json_array_size(list) + 1) * sizeof *e->outbox->channels);
	json_array_foreach(list, i, one) {
		struct channel *c = &e->outbox->channels[i];

		c->e = e;
		if (fb_context_use(&e->x, "notifier", one, &c->use, err) < 0)
			return -1;
		c->on = json_object_get(one, "on");
		v = json_object_get(one, "timeout");
		c->timeout_ms = json_is_integer(v) ? json_integer_value(v) : 10000;
		v = json_object_get(one, "retries");
		c->retries = json_is_integer(v) ? (int)json_integer_value(v) : 5;
		uv_timer_init(&e->loop, &c->timer);
		c->timer.data = c;
		e->outbox->n = i + 1;
	}
	return 0;
}

void fb_engine_outbox_clear(struct fb_engine *e)
{
	if (!e->outbox)
		return;
	for (size_t i = 0; i < e->outbox->n; i++) {
		fb_use_clear(&e->outbox->channels[i].use);
		json_decref(e->outbox->channels[i].event);
	}
	fb_free(e->outbox->channels);
	fb_free(e->outbox);
	e->outbox = NULL;
}
