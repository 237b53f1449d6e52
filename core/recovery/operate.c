/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategy operations over the services of an execution: who takes part, in which order, what each is told, and what is made of the answers.
 * Dependents are led away first, dependencies are restored first, independent services go at the same time.
 */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/internal.h"

#define RETRY_FIRST_MS 50
#define RETRY_MOST_MS 1000

struct operation;

struct member {
	struct operation *o;
	struct fb_service *service;
	struct fb_task *task;
	uv_timer_t timer;   /* between tries of a switch */
	bool begun, settled, timer_open;
	int answer, tries;
	char *message;
	json_t *reported;
	int64_t begun_ms, ended_ms;
};

struct operation {
	struct fb_operation_spec spec;
	char *link, *link_name;
	struct member *members;
	size_t count;
	size_t open_timers;
	bool done, backing_out; /* backing_out: a failed prepare is being undone */
	int answer;
	uv_timer_t kick;
};

static struct fb_context *context(struct operation *o)
{
	return &o->spec.engine->x;
}

static bool is_in(unsigned operation, const char *set)
{
	const char *name = fb_operation_name(operation);

	return name && strstr(set, name);
}

/* ---- order ---- */

/* Whose releases and states decide: an item goes where its service goes. */
static const struct fb_service *whose(const struct fb_service *s)
{
	return s->item_of ? s->item_of : s;
}

static bool depends_on(const struct fb_context *x, const struct fb_service *s, const struct fb_service *on)
{
	if (s->item_of)
		return false;
	if (on->item_of == s) /* what it stands on is back before it is */
		return true;
	for (size_t i = 0; i < s->depend_count; i++)
		if (&x->services[s->depends[i]] == on || depends_on(x, &x->services[s->depends[i]], on))
			return true;
	return false;
}

/* 1: may begin, 0: waits, -1: never, because what it stands on failed (*ret names it). */
static int may_begin(struct operation *o, const struct member *m, const struct fb_service **ret)
{
	struct fb_context *x = context(o);
	unsigned op = o->spec.operation;

	for (size_t i = 0; i < o->count; i++) {
		const struct member *other = &o->members[i];
		bool below = depends_on(x, m->service, other->service), above = depends_on(x, other->service, m->service);

		if (other == m)
			continue;
		if (op == FB_OP_PROTECT && above && !other->settled)
			return 0;
		if (is_in(op, "restore shift commit") && below) {
			if (!other->settled)
				return 0;
			if (op == FB_OP_RESTORE && other->answer > FB_SKIP) {
				*ret = other->service;
				return -1;
			}
		}
		/* What cannot prepare goes last, so that it is not switched in vain. */
		if (op == FB_OP_RESTORE && !fb_use_offers(&m->service->strategy, "prepare") && fb_use_offers(&other->service->strategy, "prepare") && !above && !other->settled)
			return 0;
	}
	return 1;
}

/* ---- results ---- */

static json_t *results_of(struct operation *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->count; i++) {
		struct member *m = &o->members[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s?, s:b, s:i, s:I, s:I, s:O?}", "service", m->service->name, "operation", fb_operation_name(o->spec.operation),
						      "answer", m->answer, "message", m->message, "skipped", m->answer == FB_SKIP, "tries", m->tries, "started_ms", (json_int_t)m->begun_ms,
						      "elapsed_ms", (json_int_t)(m->ended_ms - m->begun_ms), "reported", m->reported));
	}
	return json_pack("{s:o}", "services", list);
}

static void keep_in_link(struct operation *o, json_t *results)
{
	struct fb_link *l = fb_engine_link(o->spec.engine, o->link);
	json_t *all, *one;
	size_t i;

	if (!l)
		return;
	all = json_object_get(l->data, "operations");
	if (!all) {
		all = json_array();
		json_object_set_new(l->data, "operations", all);
	}
	/* verify is asked over and over: the last round is the one that counts */
	if (o->spec.operation == FB_OP_VERIFY)
		for (i = json_array_size(all); i-- > 0;)
			if (fb_streq(json_string_value(json_object_get(json_array_get(all, i), "operation")), "verify"))
				json_array_remove(all, i);
	json_array_foreach(json_object_get(results, "services"), i, one)
		json_array_append(all, one);
}

static void free_operation(struct operation *o)
{
	for (size_t i = 0; i < o->count; i++) {
		fb_free(o->members[i].message);
		json_decref(o->members[i].reported);
	}
	fb_free(o->members);
	fb_free(o->link);
	fb_free(o->link_name);
	fb_free(o);
}

static void closed(uv_handle_t *handle)
{
	struct operation *o = handle->data;

	if (--o->open_timers == 0)
		free_operation(o);
}

static void closed_member(uv_handle_t *handle)
{
	struct member *m = handle->data;

	handle->data = m->o;
	closed(handle);
}

static void back_out(struct operation *o);

static void finish(struct operation *o)
{
	json_t *results;

	if (o->done)
		return;
	o->answer = FB_SKIP;
	for (size_t i = 0; i < o->count; i++) {
		int a = o->members[i].answer;

		if (a != FB_SKIP && (a > o->answer || o->answer == FB_SKIP))
			o->answer = a;
	}
	if (!o->count)
		o->answer = FB_SKIP;
	if (o->spec.operation == FB_OP_PREPARE && o->answer > FB_SKIP && context(o)->recovering && !o->spec.undo && !o->backing_out) {
		back_out(o);
		return;
	}
	o->done = true;
	results = results_of(o);
	if (!o->spec.silent)
		keep_in_link(o, results);
	o->spec.done(o->spec.owner, o->answer, results);
	json_decref(results);
	for (size_t i = 0; i < o->count; i++)
		uv_close((uv_handle_t *)&o->members[i].timer, closed_member);
	uv_close((uv_handle_t *)&o->kick, closed);
}

/* ---- one member ---- */

static void advance(struct operation *o);
static void call(struct member *m);

static void settle(struct member *m, int answer, const char *message)
{
	m->settled = true;
	m->answer = answer;
	m->ended_ms = fb_clock_wall_ms();
	fb_free(m->message);
	m->message = fb_strdup(message);
	advance(m->o);
}

static void on_retry(uv_timer_t *timer)
{
	call(timer->data);
}

/* The switch is retried to its deadline: there is no way but forward. */
static bool try_again(struct member *m, int answer)
{
	struct operation *o = m->o;
	struct fb_context *x = context(o);
	int64_t wait = RETRY_FIRST_MS;

	if (o->spec.operation != FB_OP_RESTORE || o->spec.undo || (answer != FB_RETRY && answer != FB_FAIL) || x->stop || x->is_lost)
		return false;
	for (int i = 1; i < m->tries && wait < RETRY_MOST_MS; i++)
		wait *= 2;
	if (wait > RETRY_MOST_MS)
		wait = RETRY_MOST_MS;
	if (fb_clock_ms() + wait + RETRY_MOST_MS / 2 >= o->spec.deadline_ms)
		return false;
	uv_timer_start(&m->timer, on_retry, (uint64_t)wait, 0);
	return true;
}

static void keep_advice(struct operation *o, const struct member *m, struct fb_task *t)
{
	struct fb_link *l = fb_engine_link(o->spec.engine, o->link);
	json_t *all, *one;
	size_t i;

	if (!l || !json_array_size(t->advice))
		return;
	all = json_object_get(l->data, "advice");
	if (!all) {
		all = json_array();
		json_object_set_new(l->data, "advice", all);
	}
	json_array_foreach(t->advice, i, one) {
		json_object_set_new(one, "service", json_string(m->service->name));
		json_array_append(all, one);
	}
}

static void on_done(void *owner, struct fb_task *t, const struct fb_call_result *result)
{
	struct member *m = owner;
	struct operation *o = m->o;
	char *message = fb_strdup(result->message);

	m->task = NULL;
	if (message)
		fb_redact(context(o)->redactor, message, strlen(message));
	json_decref(m->reported);
	m->reported = json_incref(t->reported);
	if (result->answer > FB_SKIP && try_again(m, result->answer)) {
		fb_context_note(context(o), o->link, FB_LOG_WARNING, message);
		fb_free(message);
		return;
	}
	keep_advice(o, m, t);
	settle(m, result->answer, message);
	fb_free(message);
}

/* Somebody else's call that may still act on the service: of a phase that has ended before it. Evidence changes nothing. */
static struct fb_task *occupant(const struct member *m)
{
	if (m->o->spec.operation == FB_OP_EVIDENCE)
		return NULL;
	for (struct fb_task *t = context(m->o)->tasks; t; t = t->next)
		if (!t->spec.silent && !strcmp(t->spec.use->kind, "strategy") && !strcmp(t->spec.service, m->service->name) && strcmp(t->spec.operation, "evidence"))
			return t;
	return NULL;
}

static void call(struct member *m)
{
	struct operation *o = m->o;
	struct fb_context *x = context(o);
	struct fb_task *other = o->spec.silent ? NULL : occupant(m);
	const struct fb_link *l = fb_engine_link(o->spec.engine, o->link);
	const struct fb_service *s = whose(m->service);
	const char *name = fb_operation_name(o->spec.operation);
	char *log = o->spec.silent ? NULL : fb_asprintf("%s.%s.%s%s.log", o->link_name, m->service->name, o->spec.undo || o->backing_out ? "undo-" : "", name);
	struct fb_task_spec spec = {.context = x, .use = &m->service->strategy, .link = o->link, .link_name = o->link_name, .operation = name,
				    .service = m->service->name, .undo = o->spec.undo || o->backing_out, .silent = o->spec.silent, .share = o->spec.share, .preserve = o->spec.preserve,
				    .deadline_ms = o->spec.deadline_ms, .log = log, .done = on_done, .owner = m};

	if (other) {
		fb_task_stop(other, true);
		uv_timer_start(&m->timer, on_retry, 1, 0);
		fb_free(log);
		return;
	}
	m->tries++;
	/* The same for the same try of a resumed engine: strategies make their actions' keys of it. */
	spec.attempt = (uint32_t)((l && l->attempt > 0 ? l->attempt - 1 : 0) * 100 + m->tries);
	spec.release = x->recovering ? s->last_good : s->release;
	if (is_in(o->spec.operation, "evidence"))
		spec.release = s->failed ? s->failed : s->release;
	if (is_in(o->spec.operation, "capture prove state") || s->adopting)
		spec.release = s->last_good;
	spec.last_good = s->last_good;
	spec.failed = s->failed;
	m->task = fb_task_start(&spec);
	fb_free(log);
}

static void begin(struct member *m)
{
	struct operation *o = m->o;
	struct fb_context *x = context(o);
	bool back = o->spec.undo || o->backing_out;

	m->begun = true;
	m->begun_ms = m->ended_ms = fb_clock_wall_ms();
	if (!fb_use_offers(&m->service->strategy, back ? "undo" : fb_operation_name(o->spec.operation))) {
		settle(m, FB_SKIP, "not offered by its strategy");
		return;
	}
	if (x->recovering && !back && o->spec.operation == FB_OP_CLEANUP && !(o->spec.engine->restored && o->spec.engine->verified)) {
		settle(m, FB_SKIP, "kept as it is: the last known good is not verified");
		return;
	}
	if (x->recovering && !whose(m->service)->last_good && is_in(o->spec.operation, "prepare restore verify")) {
		settle(m, FB_FATAL, "there is nothing to go back to: no release of it was ever verified and committed");
		return;
	}
	if (x->dry && o->spec.operation == FB_OP_VERIFY) {
		settle(m, FB_OK, "would be verified");
		return;
	}
	if (o->spec.operation == FB_OP_SHIFT && !o->spec.undo)
		fb_observe_shifted(o->spec.engine, m->service->name);
	call(m);
}

static void advance(struct operation *o)
{
	bool all = true;

	if (o->done)
		return;
	for (size_t i = 0; i < o->count; i++) {
		struct member *m = &o->members[i];
		const struct fb_service *cause = NULL;
		int may = m->begun ? 0 : may_begin(o, m, &cause);

		if (may > 0) {
			begin(m);
			return advance(o);
		}
		if (may < 0) {
			char *message = fb_asprintf("not switched, because '%s', which it depends on, could not be restored", cause->name);

			m->begun = true;
			m->begun_ms = fb_clock_wall_ms();
			settle(m, FB_FAIL, message);
			fb_free(message);
			return;
		}
		all = all && m->settled;
	}
	if (all)
		finish(o);
}

/* ---- prepare failed somewhere: nothing has been switched; take back what was prepared ---- */

struct backing {
	struct operation *o;
	json_t *results;
};

static void backed_out(void *owner, int answer, json_t *results)
{
	struct operation *o = owner;

	(void)answer;
	(void)results;
	finish(o);
}

static void back_out(struct operation *o)
{
	struct fb_operation_spec undo = o->spec;

	o->backing_out = true;
	undo.undo = true;
	undo.link = o->link;
	undo.link_name = o->link_name;
	undo.deadline_ms = o->spec.deadline_ms;
	undo.done = backed_out;
	undo.owner = o;
	fb_operate(&undo);
}

/* ---- start ---- */

static bool takes_part(const struct fb_operation_spec *spec, const struct fb_service *s)
{
	const char *operation = spec->undo ? "undo" : fb_operation_name(spec->operation);

	/* Users know nothing of items, a promotion does not touch them, and their state is their service's. */
	if (s->item_of) {
		if (!fb_use_offers(&s->strategy, operation))
			return false;
		if (spec->service && !strcmp(s->name, spec->service))
			return true;
		if (!is_in(spec->operation, spec->engine->x.recovering ? "capture prove prepare restore verify" : "capture prove"))
			return false;
	}
	if (spec->service)
		return !strcmp(whose(s)->name, spec->service);
	/* A dependent that is not deployed is claimed, looked at, and left as it is. */
	return s->deploys || spec->operation == FB_OP_STATE;
}

static void add_member(struct operation *o, struct fb_service *s)
{
	struct member *m = &o->members[o->count];

	if (!takes_part(&o->spec, s))
		return;
	m->o = o;
	m->service = s;
	uv_timer_init(context(o)->loop, &m->timer);
	m->timer.data = m;
	o->count++;
}

static void on_kick(uv_timer_t *timer)
{
	advance(timer->data);
}

void fb_operate(const struct fb_operation_spec *spec)
{
	struct operation *o = fb_alloc(sizeof *o);
	struct fb_context *x = &spec->engine->x;
	size_t most = 0;

	for (size_t i = 0; i < x->service_count; i++)
		most += 1 + x->services[i].item_count;
	o->spec = *spec;
	o->link = fb_strdup(spec->link);
	o->link_name = fb_strdup(spec->link_name);
	o->members = fb_alloc((most + 1) * sizeof *o->members);
	for (size_t i = 0; i < x->service_count; i++) {
		for (size_t k = 0; k < x->services[i].item_count; k++)
			add_member(o, &x->services[i].items[k]);
		add_member(o, &x->services[i]);
	}
	o->open_timers = o->count + 1;
	uv_timer_init(x->loop, &o->kick);
	o->kick.data = o;
	uv_timer_start(&o->kick, on_kick, 0, 0);
}
