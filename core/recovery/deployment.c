/* SPDX-License-Identifier: Apache-2.0 */
/* The way forward: the backup, the plan, and the commit of a release that is good. What follows from a failure is the recovery's business. */

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/aside.h"
#include "recovery/internal.h"
#include "recovery/targets.h"

#define COMMIT_MS 30000

static void backup_done(void *owner, struct fb_run *r, struct fb_link *failed);
static void plan_done(void *owner, struct fb_run *r, struct fb_link *failed);

static const struct fb_run_hooks backup_hooks = {.done = backup_done};
static void keep_near(void *owner);
static const struct fb_run_hooks plan_hooks = {.hold = fb_engine_stop_asked, .begun = keep_near, .done = plan_done};

static char *failure_of(const struct fb_link *l)
{
	return fb_asprintf("step %s failed: %s", l->title, l->message ? l->message : "it did not say why");
}

void fb_engine_begin_backup(struct fb_engine *e)
{
	e->stage = FB_STAGE_BACKUP;
	e->run = fb_run_start(&e->x, &e->backup, 0, &backup_hooks, e);
}

/* Also after a step that is of a plugin of the recovery's: it took the worker that was forked for it. */
static void keep_near(void *owner)
{
	struct fb_engine *e = owner;

	fb_run_near(&e->x, &e->recovery);
}

static void begin_plan(struct fb_engine *e)
{
	struct fb_err err;

	e->stage = FB_STAGE_PLAN;
	if (fb_targets_deploying(e, &err) < 0) {
		fb_context_lost(&e->x, &err);
		return;
	}
	e->run = fb_run_start(&e->x, &e->plan, 0, &plan_hooks, e);
	keep_near(e);
}

static void backup_done(void *owner, struct fb_run *r, struct fb_link *failed)
{
	struct fb_engine *e = owner;

	(void)r;
	e->run = NULL;
	if (e->x.is_lost)
		return;
	if (failed || e->x.stop) {
		char *text = failed ? failure_of(failed) : fb_strdup("it was stopped before anything was changed");

		e->failed_link = failed;
		fb_engine_set_failure(e, text);
		fb_engine_tell(e, failed ? "backup.failed" : "execution.stopped", text);
		e->status = failed ? "failed" : "stopped";
		e->exit_code = failed ? FB_EXIT_FAILED : FB_EXIT_STOPPED;
		fb_free(text);
		fb_engine_conclude(e);
		return;
	}
	for (size_t i = 0; i < e->backup.count; i++)
		e->backup_created = e->backup_created || e->backup.links[i].state == FB_LINK_COMPLETED;
	if (e->backup_created)
		fb_engine_tell(e, "backup.created", "the way back is recorded and proven");
	begin_plan(e);
}

static void committed(void *owner, int answer, json_t *results)
{
	struct fb_engine *e = owner;
	struct fb_err err;

	(void)results;
	if (e->x.is_lost)
		return;
	if (answer > FB_SKIP)
		fb_context_note(&e->x, NULL, FB_LOG_WARNING, "the release is good, but what it replaced could not be retired: see the log");
	if (fb_targets_committed(e, &err) < 0) {
		fb_context_lost(&e->x, &err);
		return;
	}
	fb_aside_learn(e);
	fb_engine_conclude(e);
}

static void plan_done(void *owner, struct fb_run *r, struct fb_link *failed)
{
	struct fb_engine *e = owner;
	struct fb_operation_spec commit = {.engine = e, .operation = FB_OP_COMMIT, .link = "commit", .link_name = "commit",
					   .deadline_ms = fb_clock_ms() + COMMIT_MS, .done = committed, .owner = e};

	(void)r;
	e->run = NULL;
	if (e->x.is_lost)
		return;
	if (e->x.stop == 2) {
		fb_engine_set_failure(e, "it was stopped by force");
		fb_engine_conclude(e);
		return;
	}
	if (failed || e->x.stop) {
		char *text = e->x.stop ? fb_strdup("the deployment was stopped") : failure_of(failed);

		fb_engine_begin_recovery(e, failed, text);
		fb_free(text);
		return;
	}
	e->stage = FB_STAGE_COMMIT;
	e->status = "completed";
	e->exit_code = FB_EXIT_DONE;
	fb_operate(&commit);
}

void fb_engine_detected(struct fb_engine *e, const char *message)
{
	if (e->stage == FB_STAGE_PLAN && e->run && !e->x.stop)
		fb_run_fail(e->run, message);
}
