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
	struct fb_task *ended;   /* it has, and its end is not recorded yet */
	uv_timer_t timer;        /* backoff */
	bool waiting, recorded;  /* recorded: that this attempt has begun */
	char *overruled;         /* the message of a failure found outside */
	int64_t begun_ms;        /* wall: this attempt */
	int64_t begun_boot_ms;   /* undo: the first attempt */
	char *undo_log;          /* undo: relative to the execution's folder */
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
	fb_free(s->undo_log);
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

/* A link's name may hold what a file's name may not. */
static char *log_of(const struct fb_link *l, const char *end)
{
	char *path = fb_asprintf("archive/logs/%03d-%s%s.log", l->seq, l->name, end);

	for (char *c = path + strlen("archive/logs/"); *c; c++)
		if (*c == '/')
			*c = '_';
	return path;
}

static void begin_attempt(struct fb_link *l, bool first)
{
	l->state = FB_LINK_RUNNING;
	/* What an engine's death interrupted is the same attempt still: its actions keep their keys. */
	if (!l->interrupted)
		l->attempt++;
	l->interrupted = false;
	if (first) {
		l->started_ms = fb_clock_wall_ms();
		l->started_boot_ms = fb_clock_ms();
	}
	l->ended_ms = l->ended_boot_ms = 0;
	fb_free(l->log);
	l->log = log_of(l, "");
}

/* The row of a link that is undone goes on telling of its run; the undo has a place of its own in the link's data. */
static void begin_undo_attempt(struct step *s, bool first)
{
	if (first)
		s->begun_boot_ms = fb_clock_ms();
	fb_free(s->undo_log);
	s->undo_log = log_of(s->link, "-undo");
}

static void begin_step(struct step *s)
{
	bool first = s->link->tries++ == 0;

	s->begun_ms = fb_clock_wall_ms();
	s->recorded = false;
	if (s->run->undo)
		begin_undo_attempt(s, first);
	else
		begin_attempt(s->link, first && s->by == s->link);
}

static int record_start(struct step *s, struct fb_err *err)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;

	s->recorded = true;
	if (!r->undo && fb_link_record(r->x, r->chain->name, l, err) < 0)
		return -1;
	fb_context_event(r->x, "link.started", l->id, l->title,
			 json_pack("{s:i, s:s, s:s, s:s?, s:i, s:I, s:b}", "seq", l->seq, "chain", r->undo ? "undo" : r->chain->name, "title", l->title, "plugin", s->by->use.plugin,
				   "attempt", r->undo ? l->tries : l->attempt, "timeout_ms", (json_int_t)s->by->timeout_ms, "undo", r->undo));
	return r->x->is_lost ? fb_err_set(err, FB_EXIT_JOURNAL, "its start could not be recorded") : 0;
}

/* With its process, in one transaction, before it is told what to do. */
static int on_started(void *owner, struct fb_task *t, struct fb_err *err)
{
	(void)t;
	return record_start(owner, err);
}

/* A process never came to be. */
static void record_start_alone(struct step *s)
{
	struct fb_context *x = s->run->x;
	struct fb_err err;

	if (fb_journal_begin_ordered(x->journal, &err) < 0) {
		fb_context_lost(x, &err);
		return;
	}
	if (record_start(s, &err) < 0 || fb_journal_end(x->journal, &err) < 0)
		fb_context_lost(x, &err);
	if (x->is_lost)
		fb_journal_cancel(x->journal);
}

/* Each attempt has its own row: what the last one came to is not what the first one came to. */
static int record_attempt(struct step *s, int answer, const char *message, struct fb_err *err)
{
	struct fb_link *l = s->link;
	char *id = s->run->undo ? fb_asprintf("%s.undo", l->id) : fb_strdup(l->id);
	int r = fb_journal_attempt(s->run->x->journal, id, s->run->undo ? l->tries : l->attempt, answer, message, s->begun_ms, fb_clock_wall_ms(), err);

	fb_free(id);
	return r;
}

/* Records the link's last word with its attempt in one transaction, and tells. */
static void record_end(struct step *s, const char *event, bool skipped, int64_t elapsed_ms, int answer, const char *message, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;
	struct fb_err err;

	if (r->x->is_lost)
		return;
	if (fb_journal_begin(r->x->journal, &err) < 0) {
		fb_context_lost(r->x, &err);
		return;
	}
	if ((s->ended && fb_task_gone(s->ended, &err) < 0) || fb_link_record(r->x, r->chain->name, l, &err) < 0 ||
	    record_attempt(s, answer, message, &err) < 0)
		fb_context_lost(r->x, &err);
	fb_context_event(r->x, event, l->id, message,
			 json_pack("{s:I, s:b, s:o, s:o, s:b}", "elapsed_ms", (json_int_t)elapsed_ms, "skipped", skipped, "message", strings(message), "cause",
				   result ? fb_task_cause(result) : json_null(), "undo", r->undo));
	if (!r->x->is_lost && fb_journal_end(r->x->journal, &err) < 0)
		fb_context_lost(r->x, &err);
	if (r->x->is_lost)
		fb_journal_cancel(r->x->journal);
}

/* Sets the link's last word. */
static void settle(struct step *s, int state, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;

	l->state = state;
	l->ended_ms = fb_clock_wall_ms();
	l->ended_boot_ms = fb_clock_ms();
	json_object_set_new(l->data, "ended_us", json_integer(fb_clock_us())); /* on the boot clock, for what milliseconds do not show */
	record_end(s, state == FB_LINK_FAILED ? "link.failed" : "link.completed", state == FB_LINK_SKIPPED, l->ended_boot_ms - l->started_boot_ms, l->answer, l->message, result);
	if (r->hooks->settled)
		r->hooks->settled(r->owner, l);
}

/* A link that failed, or was interrupted, stays one that did. */
static void settle_undo(struct step *s, bool good, char *message, const struct fb_call_result *result)
{
	struct fb_link *l = s->link;
	int64_t elapsed = fb_clock_ms() - s->begun_boot_ms;
	json_t *undo = json_pack("{s:s, s:o, s:i, s:I, s:I, s:s, s:o}", "status", good ? "undone" : "failed", "message", strings(message), "attempts", l->tries, "elapsed_ms",
				 (json_int_t)elapsed, "ended_ms", (json_int_t)fb_clock_wall_ms(), "log", s->undo_log, "cause", result ? fb_task_cause(result) : json_null());

	if (result && result->leftovers)
		json_object_set(undo, "leftovers", result->leftovers);
	json_object_set_new(l->data, "undo", undo);
	if (good && l->state == FB_LINK_COMPLETED)
		l->state = FB_LINK_UNDONE;
	record_end(s, good ? "link.undone" : "link.failed", false, elapsed, good ? 0 : result ? result->answer : -1, message, result);
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
static bool try_again(struct step *s, int answer, const char *message)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;
	int64_t wait = backoff_of(l);
	struct fb_err err;

	if (answer == FB_FATAL || s->overruled || r->x->stop || r->x->is_lost || l->tries > s->by->retries)
		return false;
	if (r->deadline_ms && fb_clock_ms() + wait >= r->deadline_ms)
		return false;
	if (record_attempt(s, answer, message, &err) < 0) {
		fb_context_lost(r->x, &err);
		return false;
	}
	fb_context_event(r->x, "link.retrying", l->id, message,
			 json_pack("{s:i, s:I, s:o}", "attempt", (r->undo ? l->tries : l->attempt) + 1, "wait_ms", (json_int_t)wait, "message", strings(message)));
	s->waiting = true;
	uv_timer_start(&s->timer, on_backoff, (uint64_t)wait, 0);
	return true;
}

static void give_up(struct step *s, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;

	settle(s, FB_LINK_FAILED, result);
	if ((s->link->on_failure != FB_ON_FAILURE_CONTINUE || s->overruled || r->x->stop) && !r->failed)
		r->failed = s->link;
	drop_step(s);
	kick(r);
}

/* Steals message. */
static void undo_ended(struct step *s, bool good, char *message, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;

	settle_undo(s, good, message, result);
	fb_free(message);
	if (!good && !r->failed)
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
	if (s->run->undo) {
		undo_ended(s, false, fb_strdup("it was stopped before the next attempt"), NULL);
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

static void on_undone(struct step *s, struct fb_task *t, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;
	bool good = result->answer == FB_OK;
	char *message = fb_strdup(good && !result->message ? summary_of(t) : result->message);

	if (message)
		fb_redact(r->x->redactor, message, strlen(message));
	if (result->answer == FB_SKIP) {
		/* There was nothing to take back: the link stays as it ended, but who shows it must know that this is over. */
		fb_context_event(r->x, "link.undone", s->link->id, "", json_pack("{s:b}", "skipped", 1));
		fb_free(message);
		drop_step(s);
		kick(r);
	} else if (good || !try_again(s, result->answer, message)) {
		undo_ended(s, good, message, result);
	} else {
		fb_free(message);
	}
}

static void ended(struct step *s, struct fb_task *t, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;
	const char *message = s->overruled ? s->overruled : result->message;
	bool good = !s->overruled && (result->answer == FB_OK || result->answer == FB_SKIP);

	if (r->undo) {
		on_undone(s, t, result);
		return;
	}
	keep_reported(l, t, result);
	l->answer = good ? result->answer : s->overruled ? FB_FAIL : result->answer;
	fb_free(l->message);
	l->message = fb_strdup(good && !message ? summary_of(t) : message);
	if (l->message)
		fb_redact(r->x->redactor, l->message, strlen(l->message));
	if (!good && try_again(s, l->answer, l->message))
		return;
	if (!good && s->by == l && l->fallback && l->on_failure == FB_ON_FAILURE_FALLBACK && !s->overruled && !r->x->stop && !r->x->is_lost) {
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
	settle(s, result->answer == FB_SKIP ? FB_LINK_SKIPPED : FB_LINK_COMPLETED, result);
	drop_step(s);
	kick(r);
}

static void record_and_go_on(struct step *s, struct fb_task *t, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;

	s->task = NULL;
	s->ended = t;
	if (!s->recorded && !r->x->is_lost)
		record_start_alone(s);
	ended(s, t, result);
	s->ended = NULL;
	if (!r->undo && r->at + 1 < r->chain->count) /* what ends the chain is done from the loop */
		advance(r);
}

/* What a link came to and that the next one begins is one commit: users may wait for it. Nothing is told to a worker before it. */
static void on_done(void *owner, struct fb_task *t, const struct fb_call_result *result)
{
	struct fb_context *x = ((struct step *)owner)->run->x;
	struct fb_err err;

	if (x->is_lost || fb_journal_begin(x->journal, &err) < 0) {
		if (!x->is_lost)
			fb_context_lost(x, &err);
		record_and_go_on(owner, t, result);
		return;
	}
	fb_pool_hold(x->pool);
	record_and_go_on(owner, t, result);
	if (x->is_lost)
		fb_journal_cancel(x->journal);
	else if (fb_journal_end(x->journal, &err) < 0)
		fb_context_lost(x, &err);
	if (!x->is_lost)
		fb_pool_release(x->pool);
}

static void attempt(struct step *s)
{
	struct fb_run *r = s->run;
	struct fb_context *x = r->x;
	const struct fb_service *service = fb_context_service(x, s->link->service);
	struct fb_task_spec spec = {.context = x, .use = &s->by->use, .link = s->link->id, .link_name = s->link->name, .service = s->link->service, .owner = s, .started = on_started, .done = on_done};

	if (x->is_lost)
		return;
	begin_step(s);
	spec.undo = r->undo;
	spec.operation = r->undo && s->by == s->link ? "undo" : "run";
	spec.attempt = (uint32_t)(r->undo ? s->link->tries : s->link->attempt);
	spec.deadline_ms = deadline_of(s);
	spec.log = (r->undo ? s->undo_log : s->link->log) + strlen("archive/logs/");
	if (service) {
		spec.release = x->recovering ? service->last_good : service->release;
		spec.last_good = service->last_good;
		spec.failed = service->failed;
	} else if (!x->recovering) {
		spec.release = json_string_value(json_object_get(x->frozen, "release")); /* a plan has one, whatever its services */
	}
	s->task = fb_task_start(&spec);
	if (!r->undo && r->at + 1 < r->chain->count && r->chain->links[r->at + 1].use.plugin)
		fb_pool_near(x->pool, "phase", r->chain->links[r->at + 1].use.plugin);
}

void fb_run_near(struct fb_context *x, const struct fb_chain *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct fb_link *l = &c->links[i];

		if (l->use.plugin)
			fb_pool_near(x->pool, "phase", l->use.plugin);
		for (size_t k = 0; k < l->parallel_count; k++)
			fb_pool_near(x->pool, "phase", l->parallel[k].use.plugin);
	}
	for (size_t i = 0; i < x->service_count; i++)
		fb_pool_near(x->pool, "strategy", x->services[i].strategy.plugin);
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
	bool done = fb_streq(json_string_value(json_object_get(json_object_get(l->data, "undo"), "status")), "undone");

	return touched && !done && (l->undo || (l->use.descriptor && fb_use_offers(&l->use, "undo")));
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
