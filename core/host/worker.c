/* SPDX-License-Identifier: Apache-2.0 */
/* One call in a process of its own: reads it, carries the operation out, answers, ends. Never returns into the host's own loop. */
#include "host/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/abi.h"
#include "host/operations.h"
#include "host/sandbox.h"

#define STEP_WAIT_MAX 60000

static void *give(const struct fb_worker *w, int slot, const void *ours)
{
	return fb_abi_give(&fb_abi_structs[slot], w->loaded->plugin.sizes[slot], ours);
}

void fb_worker_take(const struct fb_worker *w, int slot, void *ours, const void *theirs)
{
	fb_abi_take(&fb_abi_structs[slot], ours, theirs, w->loaded->plugin.sizes[slot]);
}

void fb_worker_put(const struct fb_worker *w, int slot, void *theirs, const void *ours)
{
	fb_abi_put(&fb_abi_structs[slot], theirs, w->loaded->plugin.sizes[slot], ours);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s && *s ? s : NULL;
}

static void read_call(struct fb_worker *w)
{
	struct fb_call *c = &w->call;
	const json_t *q = w->request, *context = json_object_get(q, "context");

	c->host = give(w, FB_SIZE_HOST, fb_services());
	c->handle = w;
	c->operation = fb_operation_number(json_string_value(json_object_get(q, "operation")));
	c->flags = (uint32_t)json_integer_value(json_object_get(q, "flags"));
	c->attempt = (uint32_t)json_integer_value(json_object_get(q, "attempt"));
	c->share = (uint32_t)json_integer_value(json_object_get(q, "share"));
	c->deadline_ms = json_integer_value(json_object_get(q, "deadline_ms"));
	c->execution = text_of(context, "execution");
	c->environment = text_of(context, "environment");
	c->service = text_of(context, "service");
	c->release = text_of(context, "release");
	c->last_good = text_of(context, "last_good");
	c->failed = text_of(context, "failed");
	c->link = text_of(context, "link");
	c->reason = text_of(context, "reason");
	c->archive = text_of(context, "archive");
	c->scratch = text_of(context, "scratch");
	w->options = json_object_get(q, "options");
	w->theirs = give(w, FB_SIZE_CALL, c);
}

static void say(struct fb_worker *w, const char *format, ...) FB_PRINTF(2, 3);

static void say(struct fb_worker *w, const char *format, ...)
{
	struct fb_text t = {0};
	va_list args;

	va_start(args, format);
	fb_text_vprintf(&t, format, args);
	va_end(args);
	fb_free(w->message);
	w->message = fb_text_take(&t);
}

static int32_t not_offered(struct fb_worker *w)
{
	say(w, "not offered");
	return FB_SKIP;
}

/* Waits for what a state machine asked for; a stop or the deadline ends the wait. false: no more. */
static bool wait_step(struct fb_worker *w, const struct fb_wait *wait)
{
	struct pollfd v[2] = {{.fd = w->sock, .events = POLLIN}, {.fd = wait->fd, .events = (short)((wait->events & FB_WAIT_READ ? POLLIN : 0) | (wait->events & FB_WAIT_WRITE ? POLLOUT : 0))}};
	int64_t left = fb_worker_remaining_ms(w), until = wait->until_ms - fb_clock_ms();

	if (left == 0)
		return false;
	until = until < 0 ? 0 : until > STEP_WAIT_MAX ? STEP_WAIT_MAX : until;
	poll(v, wait->fd >= 0 ? 2 : 1, (int)(until < left ? until : left));
	return fb_worker_remaining_ms(w) > 0;
}

static const struct fb_health nothing_found = {.latency_us = -1, .value_u = INT64_MIN};
static const struct fb_wait for_time_only = {.fd = -1};

/* health is the plugin's, in its author's size */
static int32_t step_to_end(struct fb_worker *w, struct fb_health *health)
{
	const struct fb_check_ops *ops = &w->loaded->check;
	struct fb_wait *theirs = give(w, FB_SIZE_WAIT, &for_time_only), wait;
	void *state = NULL;
	int32_t r, answer = FB_OK;

	for (;;) {
		fb_worker_put(w, FB_SIZE_WAIT, theirs, &for_time_only);
		r = ops->step(w->theirs, &state, theirs, health);
		if (r != FB_STEP_WAIT)
			break;
		fb_worker_take(w, FB_SIZE_WAIT, &wait, theirs);
		if (!wait_step(w, &wait)) {
			say(w, "no result by its deadline");
			answer = FB_FAIL;
			break;
		}
	}
	ops->end(w->theirs, state);
	fb_free(theirs);
	if (r != FB_STEP_DONE && r != FB_STEP_WAIT) {
		struct fb_health blind = nothing_found;

		blind.state = FB_HEALTH_BLIND;
		blind.text = fb_worker_keep(w, FB_TEXT_DOCUMENT, fb_asprintf("the plugin's step answered %" PRId32 ", which is none (FB_STEP_DONE 0, FB_STEP_WAIT 1)", r));
		fb_worker_put(w, FB_SIZE_HEALTH, health, &blind);
	}
	return answer;
}

static json_t *health_json(struct fb_worker *w, const struct fb_health *h)
{
	if (h->state < FB_HEALTH_HEALTHY || h->state > FB_HEALTH_BLIND) {
		char *words = fb_asprintf("the plugin reported the state %" PRId32 ", which is none (1 to 4)", h->state);
		json_t *blind = json_pack("{s:i, s:i, s:I, s:o}", "state", FB_HEALTH_BLIND, "latency_us", -1, "value_u", (json_int_t)INT64_MIN, "text", fb_frame_text(words, FB_TEXT_LIMIT));

		(void)w;
		fb_free(words);
		return blind;
	}
	return json_pack("{s:i, s:I, s:I, s:o}", "state", h->state, "latency_us", (json_int_t)h->latency_us, "value_u", (json_int_t)h->value_u, "text",
			 fb_frame_text(h->text, FB_TEXT_LIMIT));
}

static int32_t do_probe(struct fb_worker *w, json_t **ret_health)
{
	const struct fb_check_ops *ops = &w->loaded->check;
	struct fb_health *theirs, health;
	int32_t answer;

	if (!ops->probe && !ops->step)
		return not_offered(w);
	theirs = give(w, FB_SIZE_HEALTH, &nothing_found);
	answer = ops->probe ? ops->probe(w->theirs, theirs) : step_to_end(w, theirs);
	fb_worker_take(w, FB_SIZE_HEALTH, &health, theirs);
	if (answer == FB_OK)
		*ret_health = health_json(w, &health);
	fb_free(theirs);
	return answer;
}

static int32_t do_observe(struct fb_worker *w)
{
	struct fb_wait *theirs = give(w, FB_SIZE_WAIT, &for_time_only), wait;
	void *state = NULL;

	for (bool last = false;; last = !wait_step(w, &wait)) { /* once more when it shall stop: remaining_ms is 0 then */
		fb_worker_put(w, FB_SIZE_WAIT, theirs, &for_time_only);
		if (w->loaded->strategy.observe(w->theirs, &state, theirs) != FB_STEP_WAIT || last)
			break;
		fb_worker_take(w, FB_SIZE_WAIT, &wait, theirs);
	}
	fb_free(theirs);
	return FB_OK;
}

static int32_t do_notify(struct fb_worker *w)
{
	struct fb_event e = {0}, *theirs;
	const json_t *event = json_object_get(json_object_get(w->request, "context"), "event"), *data = json_object_get(event, "data");
	char *dumped = json_is_object(data) ? json_dumps(data, JSON_COMPACT) : NULL;
	int32_t answer;

	e.id = text_of(event, "id");
	e.name = text_of(event, "name");
	e.time = text_of(event, "time");
	e.severity = text_of(event, "severity");
	e.summary = text_of(event, "summary");
	e.incident = text_of(event, "incident");
	e.report = text_of(event, "report");
	e.data = dumped ? dumped : text_of(event, "data");
	theirs = give(w, FB_SIZE_EVENT, &e);
	answer = w->loaded->notifier.notify(w->theirs, theirs);
	free(dumped);
	fb_free(theirs);
	return answer;
}

typedef int32_t operation_fn(const struct fb_call *call);

static operation_fn *strategy_operation(const struct fb_strategy_ops *s, uint32_t operation)
{
	switch (operation) {
	case FB_OP_CHECK:
		return s->check;
	case FB_OP_STATE:
		return s->state;
	case FB_OP_CAPTURE:
		return s->capture;
	case FB_OP_PROVE:
		return s->prove;
	case FB_OP_PREPARE:
		return s->prepare;
	case FB_OP_SHIFT:
		return s->shift;
	case FB_OP_PROTECT:
		return s->protect;
	case FB_OP_RESTORE:
		return s->restore;
	case FB_OP_VERIFY:
		return s->verify;
	case FB_OP_EVIDENCE:
		return s->evidence;
	case FB_OP_COMMIT:
		return s->commit;
	case FB_OP_CLEANUP:
		return s->cleanup;
	default:
		return NULL;
	}
}

static operation_fn *plain_operation(const struct fb_loaded *l, const struct fb_call *c)
{
	switch (l->plugin.kind) {
	case FB_KIND_PHASE:
		if (c->operation == FB_OP_CHECK)
			return l->phase.check;
		if (c->operation == FB_OP_UNDO || (c->operation == FB_OP_RUN && c->flags & FB_CALL_UNDO))
			return l->phase.undo;
		return c->operation == FB_OP_RUN ? l->phase.run : NULL;
	case FB_KIND_STRATEGY:
		return c->flags & FB_CALL_UNDO ? l->strategy.undo : strategy_operation(&l->strategy, c->operation);
	case FB_KIND_CHECK:
		return c->operation == FB_OP_CHECK ? l->check.check : NULL;
	default:
		return c->operation == FB_OP_CHECK ? l->notifier.check : NULL;
	}
}

static int32_t dispatch(struct fb_worker *w, json_t **ret_health)
{
	const struct fb_loaded *l = w->loaded;
	const struct fb_call *c = &w->call;
	operation_fn *f;

	if (l->plugin.kind == FB_KIND_CHECK && c->operation == FB_OP_PROBE)
		return do_probe(w, ret_health);
	if (l->plugin.kind == FB_KIND_STRATEGY && c->operation == FB_OP_OBSERVE && !(c->flags & FB_CALL_UNDO))
		return l->strategy.observe ? do_observe(w) : not_offered(w);
	if (l->plugin.kind == FB_KIND_NOTIFIER && c->operation == FB_OP_NOTIFY)
		return do_notify(w);
	f = plain_operation(l, c);
	return f ? f(w->theirs) : not_offered(w);
}

static bool wait_for_call(struct fb_worker *w)
{
	for (;;) {
		struct pollfd wait = {.fd = w->sock, .events = POLLIN};
		int r = fb_frame_next(&w->reader, &w->request, NULL);

		if (r < 0)
			return false;
		if (r > 0 && fb_streq(json_string_value(json_object_get(w->request, "m")), "call"))
			return true;
		if (r > 0) { /* a stop that came before the call */
			json_decref(w->request);
			w->stopped = true;
			continue;
		}
		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			return false;
		if (fb_frame_fill(&w->reader, w->sock, NULL) < 0)
			return false;
	}
}

void fb_worker_run(const struct fb_loaded *loaded, int sock, const char *marker)
{
	struct fb_worker w = {.loaded = loaded, .sock = sock, .marker = marker};
	json_t *health = NULL;
	int32_t answer;
	int r;

	getrlimit(RLIMIT_AS, &w.memory);
#ifndef FB_SANITIZED
	/* The soft limit only, so that commands get theirs back; never raised, which a container may refuse. */
	if (w.memory.rlim_cur == RLIM_INFINITY || w.memory.rlim_cur > FB_WORKER_MEMORY) {
		struct rlimit lower = {.rlim_cur = FB_WORKER_MEMORY, .rlim_max = w.memory.rlim_max};

		setrlimit(RLIMIT_AS, &lower);
	}
#endif
	if (!wait_for_call(&w))
		_exit(0);
	read_call(&w);
	setvbuf(stdout, NULL, _IOLBF, 0);
	answer = dispatch(&w, &health);
	fflush(stdout);
	fflush(stderr);
	r = fb_worker_tell(&w, json_pack("{s:s, s:i, s:o, s:o, s:o}", "m", "done", "answer", answer, "message", fb_frame_text(w.message, FB_TEXT_LIMIT), "health",
					 health ? health : json_null(), "refused", fb_frame_text(*fb_sandbox_refused() ? fb_sandbox_refused() : NULL, FB_TEXT_LIMIT)));
	(void)r; /* without an answer the engine says so */
	_exit(0);
}
