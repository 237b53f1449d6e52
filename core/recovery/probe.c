/* SPDX-License-Identifier: Apache-2.0 */
/* Checks: each of a service's, or of all that are involved, made once, at the same time. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/internal.h"

struct round {
	struct fb_context *x;
	struct fb_task *caller; /* NULL: it has ended */
	json_t *checks;
	size_t pending;
	int answer;
};

struct probe {
	struct round *round;
	const struct fb_service *service;
	const struct fb_check_use *check;
};

static void forget(void *waiting)
{
	((struct round *)waiting)->caller = NULL;
}

static void answer(struct round *r)
{
	if (r->caller)
		fb_task_reply(r->caller, json_pack("{s:i, s:{s:O}}", "value", r->answer, "json", "checks", r->checks));
	json_decref(r->checks);
	fb_free(r);
}

static const char *state_name(const struct fb_call_result *result)
{
	static const char *const names[] = {NULL, "healthy", "warning", "failed", "blind"};
	json_int_t state = json_integer_value(json_object_get(result->health, "state"));

	/* A check that crashed or ran out of time says nothing of the service: blind. */
	if (result->answer != FB_OK || !result->health || state < FB_HEALTH_HEALTHY || state > FB_HEALTH_BLIND)
		return "blind";
	return names[state];
}

static void on_done(void *owner, struct fb_task *t, const struct fb_call_result *result)
{
	struct probe *p = owner;
	struct round *r = p->round;
	const char *state = state_name(result), *text = json_string_value(json_object_get(result->health, "text"));
	json_t *latency = json_object_get(result->health, "latency_us"), *value = json_object_get(result->health, "value_u");

	(void)t;
	json_array_append_new(r->checks, json_pack("{s:s, s:s, s:s, s:O?, s:O?, s:s?}", "service", p->service->name, "check", p->check->use.name, "state", state, "latency_us", latency,
						   "value", value, "text", text ? text : result->message));
	if (!strcmp(state, "failed"))
		r->answer = FB_FAIL;
	fb_free(p);
	if (--r->pending == 0)
		answer(r);
}

static void start(struct round *r, const struct fb_service *s, const struct fb_check_use *c, int64_t latest_ms)
{
	struct probe *p = fb_alloc(sizeof *p);
	struct fb_task_spec spec = {.context = r->x, .use = &c->use, .link = r->caller->spec.link, .link_name = r->caller->spec.link_name, .operation = "probe",
				    .service = s->name, .silent = true, .attempt = 1, .done = on_done, .owner = p};

	*p = (struct probe){.round = r, .service = s, .check = c};
	spec.deadline_ms = fb_clock_ms() + c->timeout_ms;
	if (spec.deadline_ms > latest_ms)
		spec.deadline_ms = latest_ms;
	spec.release = r->x->recovering ? s->last_good : s->release;
	spec.last_good = s->last_good;
	spec.failed = s->failed;
	r->pending++;
	fb_task_start(&spec);
}

void fb_engine_probe(struct fb_context *x, struct fb_task *caller, const char *service)
{
	struct round *r;

	if (service && !fb_context_service(x, service)) {
		fb_task_reply(caller, json_pack("{s:i, s:{s:[]}}", "value", FB_FATAL, "json", "checks"));
		return;
	}
	r = fb_alloc(sizeof *r);
	r->x = x;
	r->caller = caller;
	r->checks = json_array();
	r->answer = FB_OK;
	caller->waiting = r;
	caller->cancel = forget;
	for (size_t i = 0; i < x->service_count && !x->dry; i++)
		for (size_t k = 0; k < x->services[i].check_count; k++)
			if (service ? !strcmp(service, x->services[i].name) : x->services[i].deploys)
				start(r, &x->services[i], &x->services[i].checks[k], caller->spec.deadline_ms);
	if (!r->pending) {
		r->answer = FB_SKIP;
		answer(r);
	}
}
