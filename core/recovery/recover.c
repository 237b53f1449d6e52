/* SPDX-License-Identifier: Apache-2.0 */
/* The way back: a failure is recorded, the recovery chain runs, evidence is gathered beside it, the plan's own steps are undone. Which clock starts when. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/internal.h"
#include "recovery/targets.h"

#define EVIDENCE_LOOK_MS 2
#define EVIDENCE_AFTER_MS 100

static void go_on(struct fb_engine *e)
{
	if (e->run)
		fb_run_go_on(e->run);
}

static void look_at_copies(uv_timer_t *timer)
{
	struct fb_engine *e = timer->data;

	if (e->x.copies > 0)
		return;
	uv_timer_stop(timer);
	e->evidence_wanted = e->evidence_patience = false;
	go_on(e);
}

static void evidence_gathered(void *owner, int answer, json_t *results)
{
	struct fb_engine *e = owner;

	(void)answer;
	(void)results;
	if (!e->x.is_lost)
		uv_timer_start(&e->evidence_timer, look_at_copies, 0, EVIDENCE_LOOK_MS);
}

static void evidence_late(uv_timer_t *timer)
{
	struct fb_engine *e = timer->data;

	e->evidence_patience = false;
	go_on(e);
}

static void gather_evidence(struct fb_engine *e)
{
	struct fb_operation_spec spec = {.engine = e, .operation = FB_OP_EVIDENCE, .link = "evidence", .link_name = "evidence", .deadline_ms = fb_clock_ms() + 15000,
					 .done = evidence_gathered, .owner = e};

	if (e->evidence_begun)
		return;
	e->evidence_begun = true;
	for (size_t i = 0; i < e->x.service_count; i++)
		if (e->x.services[i].deploys)
			fb_evidence_of_service(&e->x, e->x.services[i].name);
	uv_timer_start(&e->evidence_timer, evidence_late, (uint64_t)fb_context_setting(&e->x, "evidence_timeout", 500), 0);
	fb_operate(&spec);
}

static void users_waited(uv_timer_t *timer)
{
	gather_evidence(timer->data);
}

/* Beside the protection of users, but never before it where they wait for one: that has the machine to itself for a moment. */
static void want_evidence(struct fb_engine *e)
{
	bool protects = e->recovery.count > 0 && !e->recovery.links[0].parallel && !strcmp(e->recovery.links[0].use.plugin, "protect-traffic"), offered = false;

	e->evidence_wanted = true;
	for (size_t i = 0; i < e->x.service_count; i++) {
		if (!e->x.services[i].deploys)
			continue;
		if (!fb_use_offers(&e->x.services[i].strategy, "prepare"))
			e->evidence_patience = true;
		offered = offered || fb_use_offers(&e->x.services[i].strategy, "protect");
	}
	if (protects && offered)
		uv_timer_start(&e->evidence_timer, users_waited, EVIDENCE_AFTER_MS, 0);
	else
		gather_evidence(e);
}

static bool has_undo(const struct fb_chain *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct fb_link *l = &c->links[i];

		if (l->undo || (l->use.descriptor && fb_use_offers(&l->use, "undo")))
			return true;
		for (size_t k = 0; k < l->parallel_count; k++)
			if (l->parallel[k].undo || fb_use_offers(&l->parallel[k].use, "undo"))
				return true;
	}
	return false;
}

static void undo_done(void *owner, struct fb_run *r, struct fb_link *failed)
{
	struct fb_engine *e = owner;

	(void)r;
	e->undoing = NULL;
	e->undo_failed = failed != NULL;
	if (e->x.is_lost)
		return;
	if (e->run)
		go_on(e);
	else
		fb_engine_conclude(e);
}

static const struct fb_run_hooks undo_hooks = {.done = undo_done};

static void begin_undo(struct fb_engine *e)
{
	e->undo_begun = true;
	e->undoing = fb_run_undo(&e->x, &e->plan, 0, &undo_hooks, e);
}

/* What a recovery's link waits for: cleanup and analysis for the evidence, a restore that cannot prepare a little for it, and what follows the restore for
 * the plan's own steps to be taken back. */
static bool hold(void *owner, struct fb_link *l)
{
	struct fb_engine *e = owner;

	if ((!strcmp(l->use.plugin, "cleanup") || !strcmp(l->use.plugin, "analyze")) && e->evidence_wanted)
		return true;
	if (!strcmp(l->use.plugin, "restore") && e->evidence_patience)
		return true;
	if (e->restored && e->deploys && !e->undo_begun && has_undo(&e->plan))
		begin_undo(e);
	return e->undoing != NULL;
}

void fb_engine_operated(struct fb_engine *e, unsigned operation, bool whole, const struct fb_task *caller)
{
	bool any = false;

	for (size_t i = 0; i < e->x.service_count; i++)
		any = any || e->x.services[i].deploys;
	if (!any)
		return; /* a plan of commands only: nothing was protected or restored */
	if (operation == FB_OP_PROTECT && whole && !e->protected_traffic && fb_engine_begin_record(e)) {
		e->protected_traffic = true;
		fb_engine_clock(e, "traffic_safe");
		fb_engine_tell(e, "rollback.traffic_safe", "no user is sent to the failed release any more");
		fb_engine_end_record(e);
		if (e->evidence_wanted && !e->x.is_lost)
			gather_evidence(e);
	} else if (operation == FB_OP_RESTORE && !e->restored && fb_engine_begin_record(e)) {
		e->restored = true;
		fb_engine_clock(e, "restored");
		if (!e->protected_traffic)
			fb_engine_clock(e, "traffic_safe");
		fb_engine_tell(e, "rollback.restored", "the last known good is live");
		fb_engine_end_record(e);
	} else if (operation == FB_OP_VERIFY && caller && !e->verify_link) {
		e->verify_link = fb_strdup(caller->spec.link);
	}
}

static void settled(void *owner, struct fb_link *l)
{
	struct fb_engine *e = owner;
	struct fb_err err;

	if (e->x.is_lost || e->verified || !e->verify_link || strcmp(e->verify_link, l->id) || l->state != FB_LINK_COMPLETED)
		return;
	if (!e->restored || !fb_engine_begin_record(e))
		return;
	e->verified = true;
	fb_engine_clock(e, "verified");
	if (fb_targets_recovered(e, &err) < 0)
		fb_context_lost(&e->x, &err);
	fb_engine_tell(e, "rollback.verified", l->message ? l->message : "it was healthy for the whole stability window");
	fb_engine_end_record(e);
}

/* The link that verified the recovery may have been recorded, and what follows from it not. */
static void remember_verified(struct fb_engine *e, struct fb_link *l)
{
	const json_t *one;
	size_t i;

	for (i = 0; i < l->parallel_count; i++)
		remember_verified(e, &l->parallel[i]);
	json_array_foreach(json_object_get(l->data, "operations"), i, one)
		if (!e->verify_link && l->state == FB_LINK_COMPLETED && fb_streq(json_string_value(json_object_get(one, "operation")), "verify"))
			e->verify_link = fb_strdup(l->id);
	settled(e, l);
}

/* What an earlier engine of this execution had reached. */
static void remember_recovery(struct fb_engine *e)
{
	struct fb_err err;
	char *clocks = fb_journal_clocks(e->x.journal, e->x.id, &err);
	json_t *c = clocks ? json_loads(clocks, 0, NULL) : NULL;

	e->protected_traffic = json_object_get(c, "traffic_safe") != NULL;
	e->restored = json_object_get(c, "restored") != NULL;
	e->verified = json_object_get(c, "verified") != NULL;
	for (size_t i = 0; i < e->recovery.count; i++)
		remember_verified(e, &e->recovery.links[i]);
	json_decref(c);
	fb_free(clocks);
}

/* That it failed and what follows is one truth, recorded in one commit: users wait. */
static bool record_failure(struct fb_engine *e, bool again)
{
	e->x.recovering = !e->deploys || fb_context_setting(&e->x, "auto_rollback_enabled", 1);
	if (e->x.recovering)
		fb_journal_allow_degrade(e->x.journal);
	if (!fb_engine_begin_record(e))
		return false;
	if (!again)
		fb_engine_clock(e, "detected");
	if (e->x.recovering)
		fb_targets_failed(e);
	if (!again && e->deploys)
		fb_engine_tell(e, "deployment.failed", e->failure);
	if (e->x.recovering && !again) {
		fb_engine_set_document(e, "failure", json_pack("{s:s, s:s?}", "message", e->failure, "link", e->failed_link ? e->failed_link->id : NULL));
		if (e->enhanced)
			fb_engine_tell(e, "rollback.started", e->failure);
	}
	return fb_engine_end_record(e);
}

static void recovery_done(void *owner, struct fb_run *r, struct fb_link *failed)
{
	struct fb_engine *e = owner;

	(void)r;
	(void)failed;
	e->run = NULL;
	if (!e->x.is_lost)
		fb_engine_conclude(e);
}

static const struct fb_run_hooks recovery_hooks = {.hold = hold, .settled = settled, .after_failure = true, .done = recovery_done};

void fb_engine_begin_recovery(struct fb_engine *e, struct fb_link *failed, const char *failure)
{
	bool again = e->stage == FB_STAGE_RECOVERY;
	int64_t limit = fb_context_setting(&e->x, "rollback_timeout", 60000);
	char *text = fb_strdup(failure);

	e->stage = FB_STAGE_RECOVERY;
	e->failed_link = failed;
	fb_engine_set_failure(e, text);
	fb_free(text);
	e->x.stop = 0;
	if (!record_failure(e, again))
		return;
	if (!e->x.recovering) {
		fb_engine_conclude(e);
		return;
	}
	if (again)
		remember_recovery(e);
	if (!e->enhanced) {
		begin_undo(e);
		return;
	}
	e->run = fb_run_start(&e->x, &e->recovery, fb_clock_ms() + limit, &recovery_hooks, e);
	want_evidence(e);
}
