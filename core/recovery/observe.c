/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users feel, from counters: one observer task for each service whose strategy can observe, from before the first effect until the report.
 * Two things live on its samples: the measured impact, and the detection of a release that fails while users are on it.
 *
 * Detection: in a sliding window the release must have answered at least min_requests requests, failed at least min_failed of them, failed at
 * least error_ratio of them, and at least baseline_factor times the share that the release before it failed. A few errors, a steady
 * background of them, and clients that give up are not enough. A release that its own load balancer sees down is found at once.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/internal.h"

#define POINTS 512
#define RESTART_MS 100

struct point {
	int64_t at_ms, requests, failed;
};

/* The counters of one release, or (release NULL) of all users of the service. Cumulative over restarts of the observer. */
struct count {
	char *release;
	int64_t requests, failed, aborted, latency_us; /* since the observation began */
	int64_t before_requests, before_failed, before_aborted; /* from before the observer last died */
	int up;
	struct point points[POINTS];
	size_t next, n;
};

struct fb_observer {
	struct fb_engine *e;
	const struct fb_service *service;
	struct fb_task *task;
	uv_timer_t restart;
	struct count *counts;
	size_t n;
	char *source;
	int64_t from_ms, to_ms;
	int64_t shown_ms, shown_failed;
	bool gap;      /* the source or the observer began anew: something may have been missed */
	bool shifted;  /* the new release may take traffic */
	bool ending, fresh;
};

/* ---- counts ---- */

static struct count *count_of(struct fb_observer *o, const char *release)
{
	for (size_t i = 0; i < o->n; i++)
		if (fb_streq(o->counts[i].release, release))
			return &o->counts[i];
	if (o->n >= 16)
		return NULL;
	o->counts = fb_realloc(o->counts, (o->n + 1) * sizeof *o->counts);
	o->counts[o->n] = (struct count){.release = fb_strdup(release), .up = -1};
	return &o->counts[o->n++];
}

static int64_t number(const json_t *sample, const char *name)
{
	const json_t *v = json_object_get(sample, name);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static void add_point(struct count *c, int64_t now)
{
	c->points[c->next] = (struct point){.at_ms = now, .requests = c->requests, .failed = c->failed};
	c->next = (c->next + 1) % POINTS;
	if (c->n < POINTS)
		c->n++;
}

static void begin_anew(struct count *c)
{
	c->before_requests = c->requests;
	c->before_failed = c->failed;
	c->before_aborted = c->aborted;
}

/* What was counted within the last window_ms: from the newest point that is older than it. */
static struct point within(const struct count *c, int64_t now, int64_t window_ms)
{
	struct point oldest = {.requests = c->requests, .failed = c->failed};

	for (size_t k = 1; k <= c->n; k++) {
		const struct point *p = &c->points[(c->next + POINTS - k) % POINTS];

		oldest = *p;
		if (now - p->at_ms >= window_ms)
			break;
	}
	return (struct point){.requests = c->requests - oldest.requests, .failed = c->failed - oldest.failed};
}

/* ---- detection ---- */

static double setting(const struct fb_engine *e, const char *name, double absent)
{
	const json_t *v = json_object_get(json_object_get(json_object_get(e->x.frozen, "settings"), "detection"), name);

	return json_is_number(v) ? json_number_value(v) : absent;
}

static void detect(struct fb_observer *o)
{
	struct fb_engine *e = o->e;
	struct count *c = NULL, *old = NULL;
	int64_t window = (int64_t)setting(e, "window", 250);
	double ratio, base;
	struct point p;
	char *message;

	if (!o->shifted || e->x.recovering || !o->service->release || !e->run)
		return;
	for (size_t i = 0; i < o->n; i++) {
		if (fb_streq(o->counts[i].release, o->service->release))
			c = &o->counts[i];
		else if (o->service->last_good && fb_streq(o->counts[i].release, o->service->last_good))
			old = &o->counts[i];
	}
	if (!c)
		return;
	if (c->up == 0) {
		message = fb_asprintf("release %s of %s is down, says its load balancer", c->release, o->service->name);
		fb_engine_detected(e, message);
		fb_free(message);
		return;
	}
	p = within(c, fb_clock_ms(), window);
	if (p.requests < (int64_t)setting(e, "min_requests", 10) || p.failed < (int64_t)setting(e, "min_failed", 10))
		return;
	ratio = (double)p.failed / (double)p.requests;
	base = old && old->requests > 0 ? (double)old->failed / (double)old->requests : 0;
	if (ratio < setting(e, "error_ratio", 0.5) || ratio < base * setting(e, "baseline_factor", 3.0))
		return;
	message = fb_asprintf("release %s of %s fails: %" PRId64 " of the last %" PRId64 " requests (%.0f %%); the release before it failed %.2g %%", c->release, o->service->name,
			      p.failed, p.requests, ratio * 100, base * 100);
	fb_engine_detected(e, message);
	fb_free(message);
}

static void show(struct fb_observer *o, const struct count *c)
{
	int64_t now = fb_clock_ms();

	if (now - o->shown_ms < 500 || (c->failed == o->shown_failed && now - o->shown_ms < 2000))
		return;
	o->shown_ms = now;
	o->shown_failed = c->failed;
	fb_context_event(&o->e->x, "impact.changed", NULL, "",
			 json_pack("{s:s, s:I, s:I, s:s?}", "service", o->service->name, "requests", (json_int_t)c->requests, "failed", (json_int_t)c->failed, "source", o->source));
}

static struct fb_observer *observer_of(struct fb_engine *e, const struct fb_task *task)
{
	for (size_t i = 0; i < e->observer_count; i++)
		if (e->observers[i].task == task)
			return &e->observers[i];
	return NULL;
}

static void ended(struct fb_engine *e)
{
	if (e->observed && e->observers_pending == 0) {
		void (*done)(struct fb_engine *) = e->observed;

		e->observed = NULL;
		done(e);
	}
}

void fb_observe_sample(struct fb_context *x, struct fb_task *caller, const json_t *sample)
{
	struct fb_observer *o = observer_of(x->owner, caller);
	const char *source = json_string_value(json_object_get(sample, "source"));
	struct count *c;

	if (!o || !(c = count_of(o, json_string_value(json_object_get(sample, "release")))))
		return;
	/* What the report's numbers come from is the users' row; a release's row is named only where there is none. */
	if (source && (!c->release || !o->source) && !fb_streq(source, o->source)) {
		fb_free(o->source);
		o->source = fb_strdup(source);
	}
	/* The plugin goes on counting; what passed between its source's last answer and the new beginning is not in it. */
	if (json_is_true(json_object_get(sample, "reset")))
		o->gap = true;
	if (number(sample, "requests") >= 0)
		c->requests = c->before_requests + number(sample, "requests");
	if (number(sample, "failed") >= 0)
		c->failed = c->before_failed + number(sample, "failed");
	if (number(sample, "aborted") >= 0)
		c->aborted = c->before_aborted + number(sample, "aborted");
	c->latency_us = number(sample, "latency_us");
	c->up = (int)number(sample, "up");
	o->to_ms = fb_clock_wall_ms();
	if (!o->from_ms)
		o->from_ms = o->to_ms;
	add_point(c, fb_clock_ms());
	if (!c->release) {
		show(o, c);
		/* The users' row is the last of a round: one whole round after the end was asked for is the final word. */
		if (o->ending && o->fresh && o->task)
			fb_task_stop(o->task, true);
		o->fresh = o->ending;
	}
	detect(o);
}

/* ---- life ---- */

static void start(struct fb_observer *o);

static void on_restart(uv_timer_t *timer)
{
	struct fb_observer *o = timer->data;

	if (!o->ending && !o->e->ending)
		start(o);
}

static void on_done(void *owner, struct fb_task *task, const struct fb_call_result *result)
{
	struct fb_observer *o = owner;

	(void)task;
	(void)result;
	o->task = NULL;
	if (o->ending) {
		o->e->observers_pending--;
		ended(o->e);
		return;
	}
	/* It died: what passed meanwhile was not counted, and the report will say so. */
	o->gap = true;
	for (size_t i = 0; i < o->n; i++)
		begin_anew(&o->counts[i]);
	uv_timer_start(&o->restart, on_restart, RESTART_MS, 0);
}

static void start(struct fb_observer *o)
{
	struct fb_task_spec spec = {.context = &o->e->x, .use = &o->service->strategy, .link = "observe", .link_name = "observe", .operation = "observe",
				    .service = o->service->name, .silent = true, .attempt = 1, .done = on_done, .owner = o};

	spec.deadline_ms = fb_clock_ms() + 86400000;
	spec.release = o->service->release;
	spec.last_good = o->service->last_good;
	spec.failed = o->service->failed;
	o->task = fb_task_start(&spec);
}

void fb_observe_start(struct fb_engine *e)
{
	e->observers = fb_alloc((e->x.service_count + 1) * sizeof *e->observers);
	for (size_t i = 0; i < e->x.service_count && !e->x.dry; i++) {
		struct fb_observer *o = &e->observers[e->observer_count];
		const struct fb_service *s = &e->x.services[i];

		if (!s->deploys || !fb_use_offers(&s->strategy, "observe"))
			continue;
		o->e = e;
		o->service = s;
		o->gap = e->x.resumed; /* nobody counted while the engine was dead */
		uv_timer_init(&e->loop, &o->restart);
		o->restart.data = o;
		e->observer_count++;
		start(o);
	}
}

void fb_observe_shifted(struct fb_engine *e, const char *service)
{
	e->changed = true;
	for (size_t i = 0; i < e->observer_count; i++)
		if (!strcmp(e->observers[i].service->name, service))
			e->observers[i].shifted = true;
}

static void give_up(uv_timer_t *timer)
{
	struct fb_observer *o = timer->data;

	if (o->task)
		fb_task_stop(o->task, true);
}

void fb_observe_finish(struct fb_engine *e, void (*done)(struct fb_engine *e))
{
	e->observed = done;
	for (size_t i = 0; i < e->observer_count; i++) {
		struct fb_observer *o = &e->observers[i];

		o->ending = true;
		uv_timer_stop(&o->restart);
		if (!o->task)
			continue;
		e->observers_pending++;
		/* A source that has nothing to say any more shall not hold up the report. */
		uv_timer_start(&o->restart, give_up, 500, 0);
	}
	ended(e);
}

void fb_observe_clear(struct fb_engine *e)
{
	for (size_t i = 0; i < e->observer_count; i++) {
		for (size_t k = 0; k < e->observers[i].n; k++)
			fb_free(e->observers[i].counts[k].release);
		fb_free(e->observers[i].counts);
		fb_free(e->observers[i].source);
	}
	fb_free(e->observers);
	e->observers = NULL;
	e->observer_count = 0;
}

static json_t *service_impact(const struct fb_observer *o, int64_t *requests, int64_t *failed, int64_t *aborted, bool *counted)
{
	json_t *releases = json_object();
	int64_t r = -1, f = -1;

	for (size_t i = 0; i < o->n; i++) {
		const struct count *c = &o->counts[i];

		if (c->release) {
			json_object_set_new(releases, c->release, json_pack("{s:I, s:I, s:I}", "requests", (json_int_t)c->requests, "failed", (json_int_t)c->failed, "latency_us",
									    (json_int_t)c->latency_us));
			continue;
		}
		r = c->requests;
		f = c->failed;
		*requests += r;
		*failed += f;
		*aborted += c->aborted > 0 ? c->aborted : 0;
		*counted = true;
	}
	return json_pack("{s:s, s:s?, s:I, s:I, s:b, s:o}", "service", o->service->name, "source", o->source, "requests", (json_int_t)r, "failed", (json_int_t)f, "gap", o->gap, "releases",
			 releases);
}

json_t *fb_observe_impact(const struct fb_engine *e)
{
	json_t *services = json_array(), *window = json_null();
	int64_t requests = 0, failed = 0, aborted = 0, from = 0, to = 0;
	bool all = e->observer_count > 0, gap = false;
	const char *source = NULL, *impact;
	char a[FB_TIME_SIZE], b[FB_TIME_SIZE];
	size_t deploying = 0;

	for (size_t i = 0; i < e->observer_count; i++) {
		const struct fb_observer *o = &e->observers[i];
		bool counted = false;

		json_array_append_new(services, service_impact(o, &requests, &failed, &aborted, &counted));
		all = all && counted;
		gap = gap || o->gap;
		source = o->source ? o->source : source;
		from = !from || (o->from_ms && o->from_ms < from) ? o->from_ms : from;
		to = o->to_ms > to ? o->to_ms : to;
	}
	for (size_t i = 0; i < e->x.service_count; i++)
		deploying += e->x.services[i].deploys;
	all = all && deploying == e->observer_count;
	impact = failed > 0 ? "SOME" : all && !gap ? "ZERO" : "UNKNOWN";
	if (from)
		window = json_pack("{s:s, s:s}", "from", fb_clock_format(from, a), "to", fb_clock_format(to, b));
	return json_pack("{s:s, s:o, s:o, s:o, s:s?, s:o, s:b, s:o}", "user_impact", impact, "requests", all ? json_integer(requests) : json_null(), "failed",
			 all || failed ? json_integer(failed) : json_null(), "aborted", all ? json_integer(aborted) : json_null(), "source", source, "window", window, "gap", gap,
			 "services", services);
}
