/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/run.h"

#include <string.h>

#include "base/mem.h"
#include "chain/step.h"
#include "failback/plugin.h"

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
	fb_run_advance(timer->data);
}

void fb_run_kick(struct fb_run *r)
{
	if (!r->ended)
		uv_timer_start(&r->kick, on_kick, 0, 0);
}

/* ---- the order ---- */

static bool settled(const struct fb_link *l)
{
	return l->state >= FB_LINK_COMPLETED;
}

static bool under_way(const struct fb_run *r, const struct fb_link *l)
{
	for (const struct fb_step *s = r->steps; s; s = s->next)
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
	fb_step_begin(r, l, l);
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
				fb_step_begin(r, &l->parallel[i], l->parallel[i].undo ? l->parallel[i].undo : &l->parallel[i]);
		if (!l->parallel && to_undo(l))
			fb_step_begin(r, l, l->undo ? l->undo : l);
	}
	if (!r->steps)
		end(r);
}

void fb_run_advance(struct fb_run *r)
{
	if (r->ended || r->x->is_lost)
		return;
	if (r->undo)
		advance_backward(r);
	else
		advance_forward(r);
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
	fb_run_kick(r);
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
	fb_run_kick(r);
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

	for (struct fb_step *s = r->steps; s; s = s->next) {
		if (s->overruled)
			return;
		s->overruled = fb_strdup(message);
		any = true;
		if (s->waiting)
			fb_step_wake(s);
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
		fb_run_kick(r);
	}
}

void fb_run_stop(struct fb_run *r, bool force)
{
	for (struct fb_step *s = r->steps; s; s = s->next) {
		if (s->waiting)
			fb_step_wake(s);
		else if (s->task)
			fb_task_stop(s->task, force);
	}
	for (struct fb_task *t = r->x->tasks; t && force; t = t->next)
		fb_task_stop(t, true);
	fb_run_kick(r);
}
