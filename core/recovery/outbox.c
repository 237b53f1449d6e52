/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outbox: events that people asked for are recorded with what they tell of, and delivered beside the chain, each notifier in order (channel.c).
 * Delivery never changes a status or an exit code.
 */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "journal/events.h"
#include "recovery/channel.h"
#include "recovery/report.h"
#include "recovery/word.h"

struct fb_outbox_waiter {
	void (*done)(void *owner, json_t *deliveries);
	void *owner;
	uv_timer_t timer;
	struct fb_engine *e;
	struct fb_outbox_waiter *next;
};

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

static bool is_spoken_for(const struct fb_outbox_row *row)
{
	return !strcmp(row->status, "dropped") && row->text && strstr(row->text, FB_SPEAKS_FOR_IT);
}

static json_t *deliveries(struct fb_engine *e)
{
	struct fb_outbox_row *rows;
	json_t *list = json_array();
	struct fb_err err;
	size_t n;

	if (fb_journal_outbox(e->x.journal, e->x.id, false, &rows, &n, &err) < 0)
		return list;
	for (size_t i = 0; i < n; i++)
		if (!is_spoken_for(&rows[i]))
			json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?, s:i}", "notifier", rows[i].notifier, "event", rows[i].event, "status", rows[i].status, "text", rows[i].text,
							      "attempts", rows[i].attempts));
	fb_outbox_free(rows, n);
	return list;
}

static void free_waiter(uv_handle_t *handle)
{
	fb_free(handle->data);
}

static void release(struct fb_outbox_waiter *w)
{
	struct fb_outbox_waiter **at = &w->e->outbox->waiters;
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
		if (!fb_channel_idle(&o->channels[i]))
			return false;
	return true;
}

void fb_outbox_look(struct fb_engine *e)
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

/* The execution ends: nothing is held back any more, and what waits for another attempt is told to those that take its place. */
static void last_chance(struct fb_engine *e)
{
	fb_escalate_end(e);
	for (size_t i = 0; i < e->outbox->n && !e->x.is_lost; i++) {
		struct fb_channel *c = &e->outbox->channels[i];

		fb_channel_next(c);
		if (c->waiting && !c->held && !c->leftover)
			fb_channel_give_up_waiting(c);
	}
}

void fb_engine_outbox_drain(struct fb_engine *e, int64_t wait_ms, void (*done)(void *owner, json_t *deliveries), void *owner)
{
	struct fb_outbox_waiter *w = fb_alloc(sizeof *w);

	wait_ms = patience(e, wait_ms, e->told_end);
	if (e->told_end)
		last_chance(e);
	w->done = done;
	w->owner = owner;
	w->e = e;
	w->next = e->outbox->waiters;
	e->outbox->waiters = w;
	uv_timer_init(&e->loop, &w->timer);
	w->timer.data = w;
	uv_timer_start(&w->timer, out_of_time, idle(e->outbox) || wait_ms < 0 ? 0 : (uint64_t)wait_ms, 0);
}

/* ---- events ---- */

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

/* The word of an event, and the report where it is the last one. */
static void add_word(struct fb_engine *e, json_t *p)
{
	struct fb_err err;
	json_t *report = e->told_end ? fb_report_build(e->x.journal, e->x.id, &err) : NULL;

	json_object_set_new(p, "word", fb_word_make(p, report));
	json_decref(report);
}

static const char *state_of(const json_t *p)
{
	const char *state = json_string_value(json_object_get(json_object_get(p, "word"), "state"));

	return state ? state : "news";
}

static void remember(struct fb_outbox *o, const char *event, const char *id, const char *text, const char *state)
{
	fb_free(o->last);
	fb_free(o->last_event);
	fb_free(o->last_id);
	o->last = fb_strdup(text);
	o->last_event = fb_strdup(event);
	o->last_id = fb_strdup(id);
	o->over = !strcmp(state, "over");
}

/* Part of the transaction that records the event. */
static int add_rows(struct fb_engine *e, const char *event, const char *id, const json_t *p, const char *text, struct fb_err *err)
{
	for (size_t i = 0; i < e->outbox->n; i++) {
		struct fb_channel *c = &e->outbox->channels[i];

		if (!fb_channel_wants(c, event))
			continue;
		if (fb_journal_outbox_add(e->x.journal, c->use.name, event, id, text, err) < 0 || fb_escalate_told(c, event, id, severity_of(event), state_of(p), text, err) < 0)
			return -1;
	}
	return 0;
}

void fb_engine_tell(struct fb_engine *e, const char *event, const char *summary)
{
	struct fb_context *x = &e->x;
	bool tells = fb_engine_tells(e);
	char id[192], *text;
	struct fb_err err;
	json_t *p;

	if (x->is_lost)
		return;
	p = payload(e, event, summary, id, sizeof id);
	if (tells)
		add_word(e, p);
	text = json_dumps(p, JSON_COMPACT);
	fb_redact(x->redactor, text, strlen(text));
	if (fb_journal_begin(x->journal, &err) < 0) {
		fb_context_lost(x, &err);
	} else {
		int r = fb_journal_audit(x->journal, x->id, "engine", event, summary, &err);

		if (r == 0 && tells)
			r = add_rows(e, event, id, p, text, &err);
		if (r < 0)
			fb_context_lost(x, &err);
		fb_context_event(x, event, NULL, summary, NULL);
		if (x->is_lost)
			fb_journal_cancel(x->journal);
		else if (fb_journal_end(x->journal, &err) < 0)
			fb_context_lost(x, &err);
	}
	if (tells && !x->is_lost)
		remember(e->outbox, event, id, text, state_of(p));
	for (size_t i = 0; tells && !x->is_lost && i < e->outbox->n; i++) {
		fb_channel_next(&e->outbox->channels[i]);
		if (!x->is_lost && fb_channel_wants(&e->outbox->channels[i], event))
			fb_escalate_watch(&e->outbox->channels[i], severity_of(event), state_of(p));
	}
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
	const json_t *list = json_object_get(e->x.frozen, "notifiers"), *one;
	size_t i;

	e->outbox = fb_alloc(sizeof *e->outbox);
	e->outbox->channels = fb_alloc((json_array_size(list) + 1) * sizeof *e->outbox->channels);
	json_array_foreach(list, i, one) {
		e->outbox->n = i + 1;
		if (fb_channel_init(e, one, &e->outbox->channels[i], err) < 0)
			return -1;
	}
	return 0;
}

/* Is there anything of earlier executions to deliver? */
static bool has_leftovers(struct fb_engine *e)
{
	struct fb_outbox_row *rows;
	struct fb_err err;
	size_t n;

	if (fb_journal_outbox_leftovers(e->x.journal, &rows, &n, &err) < 0)
		return false;
	fb_outbox_free(rows, n);
	return n > 0;
}

/* What earlier executions left is delivered by one process only: this one, unless another that lives is at it. Where nothing is left, nothing is written. */
void fb_engine_outbox_begin(struct fb_engine *e)
{
	struct fb_proc hosts[64];
	const char *names[64];
	struct fb_err err;
	int n;

	if (e->x.dry || !e->outbox->n)
		return;
	for (size_t i = 0; e->x.resumed && i < e->outbox->n; i++)
		fb_escalate_init(&e->outbox->channels[i]);
	if (fb_journal_degraded(e->x.journal) || !has_leftovers(e))
		return;
	n = fb_pool_hosts(e->x.pool, hosts, names, 64);
	if (fb_journal_outbox_claim(e->x.journal, hosts, (size_t)n, &err) == 0)
		e->outbox->leftovers = true;
}

void fb_engine_outbox_clear(struct fb_engine *e)
{
	struct fb_err err;

	if (!e->outbox)
		return;
	if (e->outbox->leftovers && fb_journal_outbox_unclaim(e->x.journal, &err) < 0)
		e->outbox->leftovers = false; /* it ends with this process */
	for (size_t i = 0; i < e->outbox->n; i++)
		fb_channel_clear(&e->outbox->channels[i]);
	fb_free(e->outbox->last);
	fb_free(e->outbox->last_event);
	fb_free(e->outbox->last_id);
	fb_free(e->outbox->channels);
	fb_free(e->outbox);
	e->outbox = NULL;
}
