/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/run.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"

/* One link under way: its task, or the wait before its next attempt. */
struct step {
	struct fb_run *run;
	struct fb_link *link;    /* whose row is written */
	struct fb_link *by;      /* what is called: the link itself, its fallback or its undo */
	struct fb_task *task;
	uv_timer_t timer;        /* backoff */
	bool timer_open, waiting;
	char *overruled;         /* the message of a failure found outside */
	struct step *next;
};

struct fb_run {
	struct fb_context *x;
	struct fb_chain *chain;
	const struct fb_run_hooks *hooks;
	void *owner;
	int64_t deadline_ms;
	size_t at;               /* index of the top-level link under way; undo: counts down */
	bool undo, ended;
	struct fb_link *failed;
	struct step *steps;
	uv_timer_t kick;         /* moves on from the loop, never from inside a caller */
};

static void advance(struct fb_run *r);
static void attempt(struct step *s);

/* ---- ending ---- */

static void free_run(uv_handle_t *handle)
{
	fb_free(handle->data);
}

static void end(struct fb_run *r)
{
	if (r->ended)
		return;
	r->ended = true;
	r->hooks->done(r->owner, r, r->failed);
	uv_close((uv_handle_t *)&r->kick, free_run);
}

static void on_kick(uv_timer_t *timer)
{
	advance(timer->data);
}

static void kick(struct fb_run *r)
{
	if (!r->ended)
		uv_timer_start(&r->kick, on_kick, 0, 0);
}

static void free_step(uv_handle_t *handle)
{
	struct step *s = handle->data;

	fb_free(s->overruled);
	fb_free(s);
}

static void drop_step(struct step *s)
{
	struct step **at = &s->run->steps;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	uv_close((uv_handle_t *)&s->timer, free_step);
}

/* ---- one link ---- */

static json_t *strings(const char *text)
{
	return text ? json_string(text) : json_null();
}

static void started(struct step *s)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;
	struct fb_err err;

	l->state = FB_LINK_RUNNING;
	/* What an engine's death interrupted is the same attempt still: its actions keep their keys. */
	if (!l->interrupted || r->undo)
		l->attempt++;
	l->interrupted = false;
	if (l->tries++ == 0 && (s->by == l || r->undo)) {
		l->started_ms = fb_clock_wall_ms();
		l->started_boot_ms = fb_clock_ms();
	}
	l->ended_ms = l->ended_boot_ms = 0;
	fb_free(l->log);
	l->log = fb_asprintf("archive/logs/%03d-%s.log", l->seq, l->name);
	if (fb_journal_begin(r->x->journal, &err) < 0) {
		fb_context_lost(r->x, &err);
		return;
	}
	if (!r->undo && fb_link_record(r->x, r->chain->name, l, &err) < 0)
		fb_context_lost(r->x, &err);
	fb_context_event(r->x, "link.started", l->id, l->title,
			 json_pack("{s:i, s:s, s:s, s:s?, s:i, s:I, s:b}", "seq", l->seq, "chain", r->undo ? "undo" : r->chain->name, "title", l->title, "plugin", s->by->use.plugin,
				   "attempt", l->attempt, "timeout_ms", (json_int_t)s->by->timeout_ms, "undo", r->undo));
	if (!r->x->is_lost && fb_journal_end(r->x->journal, &err) < 0)
		fb_context_lost(r->x, &err);
	if (r->x->is_lost)
		fb_journal_cancel(r->x->journal);
}

/* Sets the link's last word, records it with its attempt in one transaction, and tells. */
static void settle(struct step *s, int state, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;
	const char *event = r->undo && state != FB_LINK_FAILED ? "link.undone" : state == FB_LINK_FAILED ? "link.failed" : "link.completed";
	struct fb_err err;

	if (!r->undo || state == FB_LINK_UNDONE)
		l->state = state;
	l->ended_ms = fb_clock_wall_ms();
	l->ended_boot_ms = fb_clock_ms();
	if (r->x->is_lost || fb_journal_begin(r->x->journal, &err) < 0) {
		if (!r->x->is_lost)
			fb_context_lost(r->x, &err);
		return;
	}
	if (fb_link_record(r->x, r->chain->name, l, &err) < 0 ||
	    fb_journal_attempt(r->x->journal, l->id, l->attempt, l->answer, l->message, l->started_ms, l->ended_ms, &err) < 0)
		fb_context_lost(r->x, &err);
	fb_context_event(r->x, event, l->id, l->message,
			 json_pack("{s:I, s:b, s:o, s:o}", "elapsed_ms", (json_int_t)(l->ended_boot_ms - l->started_boot_ms), "skipped", state == FB_LINK_SKIPPED, "message",
				   strings(l->message), "cause", result ? fb_task_cause(result) : json_null()));
	if (!r->x->is_lost && fb_journal_end(r->x->journal, &err) < 0)
		fb_context_lost(r->x, &err);
	if (r->x->is_lost)
		fb_journal_cancel(r->x->journal);
	if (r->hooks->settled)
		r->hooks->settled(r->owner, l);
}

/* Full-jitter over the upper half: between half and the whole of base * 2^(n-1), at most max. */
static int64_t backoff_of(const struct fb_link *l)
{
	int64_t wait = l->backoff_ms;

	for (int i = 1; i < l->tries && wait < l->backoff_max_ms; i++)
		wait *= 2;
	if (wait > l->backoff_max_ms)
		wait = l->backoff_max_ms;
	return wait / 2 + (wait > 1 ? (int64_t)randombytes_uniform((uint32_t)(wait / 2 + 1)) : 0);
}

static int64_t deadline_of(const struct step *s)
{
	int64_t deadline = fb_clock_ms() + s->by->timeout_ms;

	return s->run->deadline_ms && s->run->deadline_ms < deadline ? s->run->deadline_ms : deadline;
}

static void on_backoff(uv_timer_t *timer);

/* Another attempt, if the answer and the link allow one. */
static bool try_again(struct step *s, int answer)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;
	int64_t wait = backoff_of(l);

	if (answer == FB_FATAL || s->overruled || r->x->stop || r->x->is_lost || l->tries > s->by->retries)
		return false;
	if (r->deadline_ms && fb_clock_ms() + wait >= r->deadline_ms)
		return false;
	fb_context_event(r->x, "link.retrying", l->id, l->message, json_pack("{s:i, s:I, s:o}", "attempt", l->attempt + 1, "wait_ms", (json_int_t)wait, "message", strings(l->message)));
	s->waiting = true;
	uv_timer_start(&s->timer, on_backoff, (uint64_t)wait, 0);
	return true;
}

static void give_up(struct step *s, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;

	settle(s, FB_LINK_FAILED, result);
	if ((r->undo || s->link->on_failure != FB_ON_FAILURE_CONTINUE || s->overruled || r->x->stop) && !r->failed)
		r->failed = s->link;
	drop_step(s);
	kick(r);
}

static void on_backoff(uv_timer_t *timer)
{
	struct step *s = timer->data;

	s->waiting = false;
	if (!s->overruled && !s->run->x->stop) {
		attempt(s);
		return;
	}
	if (s->overruled) {
		fb_free(s->link->message);
		s->link->message = fb_strdup(s->overruled);
	}
	give_up(s, NULL);
}

static void keep_reported(struct fb_link *l, struct fb_task *t, const struct fb_call_result *result)
{
	json_t *reported = json_object_get(l->data, "reported");

	json_object_set_new(l->data, "cause", fb_task_cause(result));
	if (json_array_size(t->advice))
		json_object_set(l->data, "advice", t->advice);
	if (result->leftovers)
		json_object_set(l->data, "leftovers", result->leftovers);
	if (!reported) {
		reported = json_object();
		json_object_set_new(l->data, "reported", reported);
	}
	json_object_update(reported, t->reported);
}

/* What a phase says of its success: report("summary", {"text": …}). */
static const char *summary_of(const struct fb_task *t)
{
	return json_string_value(json_object_get(json_object_get(t->reported, "summary"), "text"));
}

static void on_done(void *owner, struct fb_task *t, const struct fb_call_result *result)
{
	struct step *s = owner;
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;
	const char *message = s->overruled ? s->overruled : result->message;
	bool good = !s->overruled && (result->answer == FB_OK || result->answer == FB_SKIP);

	s->task = NULL;
	keep_reported(l, t, result);
	l->answer = good ? result->answer : s->overruled ? FB_FAIL : result->answer;
	fb_free(l->message);
	l->message = fb_strdup(good && !message ? summary_of(t) : message);
	if (l->message)
		fb_redact(r->x->redactor, l->message, strlen(l->message));
	if (r->undo && result->answer == FB_SKIP) {
		/* there was nothing to take back: the link stays as it ended, but who shows it must know that this is over */
		fb_context_event(r->x, "link.undone", s->link->id, "", json_pack("{s:b}", "skipped", 1));
		drop_step(s);
		kick(r);
		return;
	}
	if (!good && try_again(s, l->answer))
		return;
	if (!good && s->by == l && l->fallback && !r->undo && l->on_failure == FB_ON_FAILURE_FALLBACK && !s->overruled && !r->x->stop && !r->x->is_lost) {
		json_object_set_new(l->data, "fallback_for", strings(l->message));
		s->by = l->fallback;
		l->tries = 0;
		attempt(s);
		return;
	}
	if (!good) {
		give_up(s, result);
		return;
	}
	settle(s, r->undo ? FB_LINK_UNDONE : result->answer == FB_SKIP ? FB_LINK_SKIPPED : FB_LINK_COMPLETED, result);
	drop_step(s);
	kick(r);
}

static void attempt(struct step *s)
{
	struct fb_run *r = s->run;
	struct fb_context *x = r->x;
	const struct fb_service *service = fb_context_service(x, s->link->service);
	struct fb_task_spec spec = {.context = x, .use = &s->by->use, .link = s->link->id, .link_name = s->link->name, .service = s->link->service, .owner = s, .done = on_done};

	started(s);
	if (x->is_lost)
		return;
	spec.undo = r->undo;
	spec.operation = r->undo && s->by == s->link ? "undo" : "run";
	spec.attempt = (uint32_t)s->link->attempt;
	spec.deadline_ms = deadline_of(s);
	spec.log = s->link->log + strlen("archive/logs/");
	if (service) {
		spec.release = x->recovering ? service->last_good : service->release;
		spec.last_good = service->last_good;
		spec.failed = service->failed;
	} else if (!x->recovering) {
		spec.release = json_string_value(json_object_get(x->frozen, "release")); /* a plan has one, whatever its services */
	}
	s->task = fb_task_start(&spec);
}

static void begin_link(struct fb_run *r, struct fb_link *l, struct fb_link *by)
{
	struct step *s = fb_alloc(sizeof *s);

	s->run = r;
	s->link = l;
	s->by = by;
	s->next = r->steps;
	r->steps = s;
	uv_timer_init(r->x->loop, &s->timer);
	s->timer.data = s;
	l->tries = 0;
	attempt(s);
}

/* ---- the order ---- */

static bool settled(const struct fb_link *l)
{
	return l->state >= FB_LINK_COMPLETED;
}

static bool under_way(const struct fb_run *r, const struct fb_link *l)
{
	for (const struct step *s = r->steps; s; s = s->next)
		if (s->link == l)
			return true;
	return false;
}

static bool may_begin(const struct fb_link *group, const struct fb_link *l)
{
	for (const char *const *name = (const char *const *)l->after; *name; name++)
		for (size_t i = 0; i < group->parallel_count; i++)
			if (!strcmp(group->parallel[i].name, *name) && !settled(&group->parallel[i]))
				return false;
	return true;
}

/* A failure that an earlier engine recorded ends the chain as it would have then. */
static bool passed(struct fb_run *r, struct fb_link *l)
{
	if (!settled(l))
		return false;
	if (l->state == FB_LINK_FAILED && l->on_failure != FB_ON_FAILURE_CONTINUE && !r->failed)
		r->failed = l;
	return true;
}

/* May links still begin? After a failure only, where the owner wants it, those that never end a chain. */
static bool open_for(const struct fb_run *r, const struct fb_link *l)
{
	if (r->x->stop)
		return false;
	return !r->failed || (r->hooks->after_failure && l->on_failure == FB_ON_FAILURE_CONTINUE);
}

static bool begin_if_may(struct fb_run *r, struct fb_link *l)
{
	if (under_way(r, l) || !open_for(r, l) || (r->hooks->hold && r->hooks->hold(r->owner, l)))
		return false;
	begin_link(r, l, l);
	return true;
}

/* Starts what can be started of a group. True when nothing of it is left to do. */
static bool advance_group(struct fb_run *r, struct fb_link *group)
{
	bool all = true;

	for (size_t i = 0; i < group->parallel_count; i++) {
		struct fb_link *l = &group->parallel[i];

		if (passed(r, l) || (!under_way(r, l) && !open_for(r, l)))
			continue;
		all = false;
		if (may_begin(group, l))
			begin_if_may(r, l);
	}
	return all;
}

static void advance_forward(struct fb_run *r)
{
	while (r->at < r->chain->count && !r->x->stop) {
		struct fb_link *l = &r->chain->links[r->at];

		if (l->parallel ? advance_group(r, l) : passed(r, l) || (!under_way(r, l) && !open_for(r, l))) {
			r->at++;
			continue;
		}
		if (!l->parallel)
			begin_if_may(r, l);
		return;
	}
	if (!r->steps)
		end(r);
}

/* Has it done or begun something that its undo could take back? */
static bool to_undo(const struct fb_link *l)
{
	bool touched = l->state == FB_LINK_COMPLETED || l->state == FB_LINK_FAILED || l->interrupted;

	return touched && (l->undo || (l->use.descriptor && fb_use_offers(&l->use, "undo")));
}

static void advance_backward(struct fb_run *r)
{
	while (r->at > 0 && !r->steps && !r->x->is_lost && r->x->stop < 2) {
		struct fb_link *l = &r->chain->links[--r->at];

		for (size_t i = 0; i < l->parallel_count; i++)
			if (to_undo(&l->parallel[i]))
				begin_link(r, &l->parallel[i], l->parallel[i].undo ? l->parallel[i].undo : &l->parallel[i]);
		if (!l->parallel && to_undo(l))
			begin_link(r, l, l->undo ? l->undo : l);
	}
	if (!r->steps)
		end(r);
}

static void advance(struct fb_run *r)
{
	if (r->ended || r->x->is_lost)
		return;
	if (r->undo)
		advance_backward(r);
	else
		advance_forward(r);
}

static struct fb_run *start(struct fb_context *x, struct fb_chain *c, int64_t deadline_ms, const struct fb_run_hooks *hooks, void *owner, bool undo)
{
	struct fb_run *r = fb_alloc(sizeof *r);

	r->x = x;
	r->chain = c;
	r->deadline_ms = deadline_ms;
	r->hooks = hooks;
	r->owner = owner;
	r->undo = undo;
	r->at = undo ? c->count : 0;
	uv_timer_init(x->loop, &r->kick);
	r->kick.data = r;
	kick(r);
	return r;
}

struct fb_run *fb_run_start(struct fb_context *x, struct fb_chain *c, int64_t deadline_ms, const struct fb_run_hooks *hooks, void *owner)
{
	return start(x, c, deadline_ms, hooks, owner, false);
}

struct fb_run *fb_run_undo(struct fb_context *x, struct fb_chain *c, int64_t deadline_ms, const struct fb_run_hooks *hooks, void *owner)
{
	return start(x, c, deadline_ms, hooks, owner, true);
}

void fb_run_go_on(struct fb_run *r)
{
	kick(r);
}

struct fb_link *fb_run_current(struct fb_run *r)
{
	if (r->steps)
		return r->steps->link;
	return r->at < r->chain->count ? &r->chain->links[r->at] : NULL;
}

void fb_run_fail(struct fb_run *r, const char *message)
{
	bool any = false;

	for (struct step *s = r->steps; s; s = s->next) {
		if (s->overruled)
			return;
		s->overruled = fb_strdup(message);
		any = true;
		if (s->waiting)
			uv_timer_start(&s->timer, on_backoff, 0, 0);
		else if (s->task)
			fb_task_stop(s->task, true);
	}
	if (!any && !r->failed && r->chain->count) {
		/* Between two links: the next one is the one that it happened before. */
		struct fb_link *l = fb_run_current(r);

		if (!l)
			l = &r->chain->links[r->chain->count - 1];
		fb_free(l->message);
		l->message = fb_strdup(message);
		r->failed = l;
		kick(r);
	}
}

void fb_run_stop(struct fb_run *r, bool force)
{
	for (struct step *s = r->steps; s; s = s->next) {
		if (s->waiting)
			uv_timer_start(&s->timer, on_backoff, 0, 0);
		else if (s->task)
			fb_task_stop(s->task, force);
	}
	for (struct fb_task *t = r->x->tasks; t && force; t = t->next)
		fb_task_stop(t, true);
	kick(r);
}
