/* SPDX-License-Identifier: Apache-2.0 */
/* One link under way: its attempts, the waits between them, its fallback, and what its end means for the chain. */
#include "chain/step.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"

static void attempt(struct fb_step *s);

static void free_step(uv_handle_t *handle)
{
	struct fb_step *s = handle->data;

	fb_free(s->overruled);
	fb_free(s->undo_log);
	fb_free(s);
}

static void drop_step(struct fb_step *s)
{
	struct fb_step **at = &s->run->steps;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	uv_close((uv_handle_t *)&s->timer, free_step);
}

/* ---- attempts ---- */

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

static int64_t deadline_of(const struct fb_step *s)
{
	int64_t deadline = fb_clock_ms() + s->by->timeout_ms;

	return s->run->deadline_ms && s->run->deadline_ms < deadline ? s->run->deadline_ms : deadline;
}

static void on_backoff(uv_timer_t *timer);

/* Another attempt, if the answer and the link allow one. */
static bool try_again(struct fb_step *s, int answer, const char *message)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;
	int64_t wait = backoff_of(l);
	struct fb_err err;

	if (answer == FB_FATAL || s->overruled || r->x->stop || r->x->is_lost || l->tries > s->by->retries)
		return false;
	if (r->deadline_ms && fb_clock_ms() + wait >= r->deadline_ms)
		return false;
	if (fb_step_record_attempt(s, answer, message, &err) < 0) {
		fb_context_lost(r->x, &err);
		return false;
	}
	fb_context_event(r->x, "link.retrying", l->id, message,
			 json_pack("{s:i, s:I, s:o}", "attempt", (r->undo ? l->tries : l->attempt) + 1, "wait_ms", (json_int_t)wait, "message", fb_step_text(message)));
	s->waiting = true;
	uv_timer_start(&s->timer, on_backoff, (uint64_t)wait, 0);
	return true;
}

static void give_up(struct fb_step *s, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;

	fb_step_settle(s, FB_LINK_FAILED, result);
	if ((s->link->on_failure != FB_ON_FAILURE_CONTINUE || s->overruled || r->x->stop) && !r->failed)
		r->failed = s->link;
	drop_step(s);
	fb_run_kick(r);
}

/* Steals message. */
static void undo_ended(struct fb_step *s, bool good, char *message, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;

	fb_step_settle_undo(s, good, message, result);
	fb_free(message);
	if (!good && !r->failed)
		r->failed = s->link;
	drop_step(s);
	fb_run_kick(r);
}

static void on_backoff(uv_timer_t *timer)
{
	struct fb_step *s = timer->data;

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

static void on_undone(struct fb_step *s, struct fb_task *t, const struct fb_call_result *result)
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
		fb_run_kick(r);
	} else if (good || !try_again(s, result->answer, message)) {
		undo_ended(s, good, message, result);
	} else {
		fb_free(message);
	}
}

static void ended(struct fb_step *s, struct fb_task *t, const struct fb_call_result *result)
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
		json_object_set_new(l->data, "fallback_for", fb_step_text(l->message));
		s->by = l->fallback;
		l->tries = 0;
		attempt(s);
		return;
	}
	if (!good) {
		give_up(s, result);
		return;
	}
	fb_step_settle(s, result->answer == FB_SKIP ? FB_LINK_SKIPPED : FB_LINK_COMPLETED, result);
	drop_step(s);
	fb_run_kick(r);
}

static void record_and_go_on(struct fb_step *s, struct fb_task *t, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;

	s->task = NULL;
	s->ended = t;
	if (!s->recorded && !r->x->is_lost)
		fb_step_record_start_alone(s);
	ended(s, t, result);
	s->ended = NULL;
	if (!r->undo && r->at + 1 < r->chain->count) /* what ends the chain is done from the loop */
		fb_run_advance(r);
}

/* What a link came to and that the next one begins is one commit: users may wait for it. Nothing is told to a worker before it. */
static void on_done(void *owner, struct fb_task *t, const struct fb_call_result *result)
{
	struct fb_context *x = ((struct fb_step *)owner)->run->x;
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

/* With its process, in one transaction, before it is told what to do. */
static int on_started(void *owner, struct fb_task *t, struct fb_err *err)
{
	(void)t;
	return fb_step_record_start(owner, err);
}

static void attempt(struct fb_step *s)
{
	struct fb_run *r = s->run;
	struct fb_context *x = r->x;
	const struct fb_service *service = fb_context_service(x, s->link->service);
	struct fb_task_spec spec = {.context = x, .use = &s->by->use, .link = s->link->id, .link_name = s->link->name, .service = s->link->service, .owner = s, .started = on_started, .done = on_done};

	if (x->is_lost)
		return;
	fb_step_record_begin(s);
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
	if (r->hooks->begun)
		r->hooks->begun(r->owner);
}

void fb_step_begin(struct fb_run *r, struct fb_link *l, struct fb_link *by)
{
	struct fb_step *s = fb_alloc(sizeof *s);

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

void fb_step_wake(struct fb_step *s)
{
	uv_timer_start(&s->timer, on_backoff, 0, 0);
}
