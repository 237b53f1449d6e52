/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One execution from its first look at the world to its report: preflight, backup, plan, and when that fails, the recovery. Which link runs when
 * is the chain's business; what follows from its outcome is decided here. A resumed execution enters at the place that the journal names.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/internal.h"
#include "recovery/report.h"
#include "recovery/targets.h"

#define STAGE_PREFLIGHT 0
#define STAGE_BACKUP 1
#define STAGE_PLAN 2
#define STAGE_COMMIT 3
#define STAGE_RECOVERY 4
#define STAGE_END 5
#define STOP_LOOK_MS 100

static void begin_backup(struct fb_engine *e);
static void begin_plan(struct fb_engine *e);
static void begin_recovery(struct fb_engine *e, struct fb_link *failed, const char *failure);
static void conclude(struct fb_engine *e);

/* ---- small words ---- */

void fb_engine_say(struct fb_engine *e, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	struct fb_text whole = {0}; /* in one piece, so that the command wakes once */

	/* Nobody needs to listen: the journal has it all. */
	fb_text_printf(&whole, "%s\n", text ? text : "{}");
	if (e->say >= 0 && fb_io_write_all(e->say, whole.p, whole.n) < 0) {
		close(e->say);
		e->say = -1;
	}
	fb_text_clear(&whole);
	fb_free(text);
	json_decref(line);
}

void fb_engine_clock(struct fb_engine *e, const char *name)
{
	struct fb_err err;

	if (!e->x.is_lost && fb_journal_clock(e->x.journal, name, fb_clock_wall_ms(), fb_clock_ms(), &err) < 0)
		fb_context_lost(&e->x, &err);
}

/* What belongs together is recorded together: an engine that dies on the way leaves all of it or none. */
static bool begin_record(struct fb_engine *e)
{
	struct fb_err err;

	if (e->x.is_lost)
		return false;
	if (fb_journal_begin(e->x.journal, &err) == 0)
		return true;
	fb_context_lost(&e->x, &err);
	return false;
}

static bool end_record(struct fb_engine *e)
{
	struct fb_err err;

	if (e->x.is_lost)
		fb_journal_cancel(e->x.journal);
	else if (fb_journal_end(e->x.journal, &err) < 0)
		fb_context_lost(&e->x, &err);
	return !e->x.is_lost;
}

static struct fb_link *find(struct fb_link *l, const char *id)
{
	if (!strcmp(l->id, id))
		return l;
	for (size_t i = 0; i < l->parallel_count; i++)
		if (!strcmp(l->parallel[i].id, id))
			return &l->parallel[i];
	return NULL;
}

struct fb_link *fb_engine_link(struct fb_engine *e, const char *id)
{
	struct fb_chain *chains[] = {&e->backup, &e->plan, &e->recovery};
	struct fb_link *l = NULL;

	for (size_t c = 0; c < 3; c++)
		for (size_t i = 0; i < chains[c]->count && !l; i++)
			l = find(&chains[c]->links[i], id);
	return l;
}

static void set_document(struct fb_engine *e, const char *name, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	struct fb_err err;

	fb_redact(e->x.redactor, text, strlen(text));
	if (!e->x.is_lost && fb_journal_document_set(e->x.journal, name, text, &err) < 0)
		fb_context_lost(&e->x, &err);
	fb_free(text);
	json_decref(value);
}

static void set_failure(struct fb_engine *e, const char *text)
{
	fb_free(e->failure);
	e->failure = fb_strdup(text);
}

/* ---- preflight: what is live, what we would return to, could it work at all ---- */

static void refuse(struct fb_engine *e, const char *text)
{
	set_failure(e, text);
	e->status = "refused";
	e->exit_code = FB_EXIT_REFUSED;
	conclude(e);
}

/* What is to be done is known, and people are told that it begins: from here on, a resumed engine does not choose anew. */
static bool record_start(struct fb_engine *e)
{
	struct fb_err err;

	if (!begin_record(e))
		return false;
	if (fb_targets_store(e, &err) < 0)
		fb_context_lost(&e->x, &err);
	if (e->deploys) {
		char *text = fb_asprintf("%s has begun", json_string_value(json_object_get(e->x.frozen, "title")));

		fb_engine_tell(e, "deployment.started", text);
		fb_free(text);
	}
	return end_record(e);
}

static void ready(struct fb_engine *e)
{
	if (!record_start(e))
		return;
	fb_observe_start(e);
	if (e->deploys)
		begin_backup(e);
	else
		begin_recovery(e, NULL, e->x.reason ? e->x.reason : "asked for");
}

static void checked(void *owner, int answer, json_t *results)
{
	struct fb_engine *e = owner;
	json_t *one;
	size_t i;

	if (e->x.is_lost)
		return;
	json_array_foreach(json_object_get(results, "services"), i, one) {
		const char *message = json_string_value(json_object_get(one, "message"));
		char *text;

		if (answer <= FB_SKIP || json_integer_value(json_object_get(one, "answer")) <= FB_SKIP)
			continue;
		text = fb_asprintf("the strategy of '%s' cannot work: %s", json_string_value(json_object_get(one, "service")), message ? message : "it did not say why");
		/* A recovery is not refused for a finding: it does what it can. */
		if (e->deploys) {
			refuse(e, text);
			fb_free(text);
			return;
		}
		fb_context_event(&e->x, "link.note", NULL, text, json_pack("{s:i}", "level", FB_LOG_WARNING));
		fb_free(text);
	}
	ready(e);
}

static void ask_strategies(struct fb_engine *e, unsigned operation, void (*done)(void *, int, json_t *))
{
	struct fb_operation_spec spec = {.engine = e, .operation = operation, .link = "preflight", .link_name = "preflight", .deadline_ms = fb_clock_ms() + 10000,
					 .silent = operation != FB_OP_CHECK, .done = done, .owner = e};

	fb_operate(&spec);
}

static void adopted(void *owner, int answer, json_t *results)
{
	struct fb_engine *e = owner;
	struct fb_err err;

	(void)answer;
	if (e->x.is_lost)
		return;
	if (fb_targets_adopt(e, results, &err) < 0)
		fb_context_lost(&e->x, &err);
	else
		ask_strategies(e, FB_OP_CHECK, checked);
}

static void looked(void *owner, int answer, json_t *results)
{
	struct fb_engine *e = owner;
	struct fb_err err = {0};

	(void)answer;
	if (e->x.is_lost)
		return;
	fb_targets_states(e, results);
	if (e->x.resumed && fb_targets_restore(e)) {
		if (e->stage == STAGE_RECOVERY) {
			fb_observe_start(e);
			begin_recovery(e, e->failed_link, e->failure);
		} else {
			fb_observe_start(e);
			begin_backup(e);
		}
		return;
	}
	switch (fb_targets_choose(e, &err)) {
	case FB_TARGETS_CHOSEN:
		ask_strategies(e, FB_OP_CHECK, checked);
		break;
	case FB_TARGETS_ADOPT:
		ask_strategies(e, FB_OP_VERIFY, adopted);
		break;
	case FB_TARGETS_NONE:
		refuse(e, err.text);
		break;
	default:
		fb_context_lost(&e->x, &err);
	}
}

/* ---- backup and plan ---- */

static bool hold(void *owner, struct fb_link *l);
static bool stop_asked(void *owner, struct fb_link *l);
static void settled(void *owner, struct fb_link *l);
static void backup_done(void *owner, struct fb_run *r, struct fb_link *failed);
static void plan_done(void *owner, struct fb_run *r, struct fb_link *failed);
static void recovery_done(void *owner, struct fb_run *r, struct fb_link *failed);

static const struct fb_run_hooks backup_hooks = {.done = backup_done};
static const struct fb_run_hooks plan_hooks = {.hold = stop_asked, .done = plan_done};
static const struct fb_run_hooks recovery_hooks = {.hold = hold, .settled = settled, .after_failure = true, .done = recovery_done};

static char *failure_of(const struct fb_link *l)
{
	return fb_asprintf("step %s failed: %s", l->title, l->message ? l->message : "it did not say why");
}

static void begin_backup(struct fb_engine *e)
{
	e->stage = STAGE_BACKUP;
	e->run = fb_run_start(&e->x, &e->backup, 0, &backup_hooks, e);
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
		set_failure(e, text);
		fb_engine_tell(e, failed ? "backup.failed" : "execution.stopped", text);
		e->status = failed ? "failed" : "stopped";
		e->exit_code = failed ? FB_EXIT_FAILED : FB_EXIT_STOPPED;
		fb_free(text);
		conclude(e);
		return;
	}
	for (size_t i = 0; i < e->backup.count; i++)
		e->backup_created = e->backup_created || e->backup.links[i].state == FB_LINK_COMPLETED;
	if (e->backup_created)
		fb_engine_tell(e, "backup.created", "the way back is recorded and proven");
	begin_plan(e);
}

static void begin_plan(struct fb_engine *e)
{
	struct fb_err err;

	e->stage = STAGE_PLAN;
	if (fb_targets_deploying(e, &err) < 0) {
		fb_context_lost(&e->x, &err);
		return;
	}
	e->run = fb_run_start(&e->x, &e->plan, 0, &plan_hooks, e);
}

static void committed(void *owner, int answer, json_t *results)
{
	struct fb_engine *e = owner;
	struct fb_err err;

	(void)results;
	if (e->x.is_lost)
		return;
	if (answer > FB_SKIP)
		fb_context_event(&e->x, "link.note", NULL, "the release is good, but what it replaced could not be retired: see the log", json_pack("{s:i}", "level", FB_LOG_WARNING));
	if (fb_targets_committed(e, &err) < 0) {
		fb_context_lost(&e->x, &err);
		return;
	}
	conclude(e);
}

static void plan_done(void *owner, struct fb_run *r, struct fb_link *failed)
{
	struct fb_engine *e = owner;

	(void)r;
	e->run = NULL;
	if (e->x.is_lost)
		return;
	if (e->x.stop == 2) {
		set_failure(e, "it was stopped by force");
		conclude(e);
		return;
	}
	if (failed || e->x.stop) {
		char *text = e->x.stop ? fb_strdup("the deployment was stopped") : failure_of(failed);

		begin_recovery(e, failed, text);
		fb_free(text);
		return;
	}
	e->stage = STAGE_COMMIT;
	e->status = "completed";
	e->exit_code = FB_EXIT_DONE;
	{
		struct fb_operation_spec spec = {.engine = e, .operation = FB_OP_COMMIT, .link = "commit", .link_name = "commit", .deadline_ms = fb_clock_ms() + 30000,
						 .done = committed, .owner = e};

		fb_operate(&spec);
	}
}

void fb_engine_detected(struct fb_engine *e, const char *message)
{
	if (e->stage == STAGE_PLAN && e->run && !e->x.stop)
		fb_run_fail(e->run, message);
}

/* ---- recovery ---- */

static void go_on(struct fb_engine *e)
{
	if (e->run)
		fb_run_go_on(e->run);
}

#define EVIDENCE_LOOK_MS 2
#define EVIDENCE_AFTER_MS 100

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
		conclude(e);
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

void fb_engine_operated(struct fb_engine *e, unsigned operation, const struct fb_task *caller)
{
	bool any = false;

	for (size_t i = 0; i < e->x.service_count; i++)
		any = any || e->x.services[i].deploys;
	if (!any)
		return; /* a plan of commands only: nothing was protected or restored */
	if (operation == FB_OP_PROTECT && !e->protected_traffic && begin_record(e)) {
		e->protected_traffic = true;
		fb_engine_clock(e, "traffic_safe");
		fb_engine_tell(e, "rollback.traffic_safe", "no user is sent to the failed release any more");
		end_record(e);
		if (e->evidence_wanted && !e->x.is_lost)
			gather_evidence(e);
	} else if (operation == FB_OP_RESTORE && !e->restored && begin_record(e)) {
		e->restored = true;
		fb_engine_clock(e, "restored");
		if (!e->protected_traffic)
			fb_engine_clock(e, "traffic_safe");
		fb_engine_tell(e, "rollback.restored", "the last known good is live");
		end_record(e);
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
	if (!e->restored || !begin_record(e))
		return;
	e->verified = true;
	fb_engine_clock(e, "verified");
	if (fb_targets_recovered(e, &err) < 0)
		fb_context_lost(&e->x, &err);
	fb_engine_tell(e, "rollback.verified", l->message ? l->message : "it was healthy for the whole stability window");
	end_record(e);
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
	if (!begin_record(e))
		return false;
	if (!again) {
		fb_engine_clock(e, "detected");
		if (e->deploys)
			fb_engine_tell(e, "deployment.failed", e->failure);
	}
	if (e->x.recovering)
		fb_targets_failed(e);
	if (e->x.recovering && !again) {
		set_document(e, "failure", json_pack("{s:s, s:s?}", "message", e->failure, "link", e->failed_link ? e->failed_link->id : NULL));
		if (e->enhanced)
			fb_engine_tell(e, "rollback.started", e->failure);
	}
	return end_record(e);
}

static void begin_recovery(struct fb_engine *e, struct fb_link *failed, const char *failure)
{
	bool again = e->stage == STAGE_RECOVERY;
	int64_t limit = fb_context_setting(&e->x, "rollback_timeout", 60000);
	char *text = fb_strdup(failure);

	e->stage = STAGE_RECOVERY;
	e->failed_link = failed;
	set_failure(e, text);
	fb_free(text);
	e->x.stop = 0;
	if (!record_failure(e, again))
		return;
	if (!e->x.recovering) {
		conclude(e);
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

static void recovery_done(void *owner, struct fb_run *r, struct fb_link *failed)
{
	struct fb_engine *e = owner;

	(void)r;
	(void)failed;
	e->run = NULL;
	if (!e->x.is_lost)
		conclude(e);
}

/* ---- the end ---- */

static void write_report(struct fb_engine *e)
{
	char *path = fb_asprintf("%s/report.json", e->x.dir), *text;
	struct fb_err err;
	json_t *report = fb_report_build(e->x.journal, e->x.id, &err);

	if (report && fb_journal_degraded(e->x.journal)) /* nobody else can read it */
		fb_engine_say(e, json_pack("{s:O}", "report", report));
	if (report) {
		text = json_dumps(report, JSON_INDENT(2));
		fb_redact(e->x.redactor, text, strlen(text));
		if (fb_io_replace_file(path, text, strlen(text), 0640, &err) < 0)
			fb_context_event(&e->x, "link.note", NULL, err.text, json_pack("{s:i}", "level", FB_LOG_WARNING));
		fb_free(text);
		json_decref(report);
	}
	fb_free(path);
}

void fb_engine_final_word(struct fb_engine *e)
{
	char *text;

	if (e->told_end || !begin_record(e))
		return;
	e->told_end = true;
	fb_outcome_decide(e);
	fb_outcome_record(e);
	text = fb_outcome_summary(e);
	if (!strcmp(e->status, "completed") && e->deploys)
		fb_engine_tell(e, "deployment.completed", text);
	else if (e->exit_code == FB_EXIT_INCOMPLETE && e->x.recovering && e->enhanced)
		fb_engine_tell(e, "rollback.incomplete", text);
	else if (e->x.recovering && e->enhanced)
		fb_engine_tell(e, "rollback.completed", text);
	fb_free(text);
	end_record(e);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle) && (handle->type == UV_TIMER || handle->type == UV_SIGNAL))
		uv_close(handle, NULL);
}

static void drained(void *owner, json_t *deliveries)
{
	struct fb_engine *e = owner;
	struct fb_err err;

	(void)deliveries;
	if (e->x.is_lost)
		return;
	if (!begin_record(e))
		return;
	fb_engine_clock(e, "reported");
	fb_engine_clock(e, "ended");
	fb_context_event(&e->x, "execution.ended", NULL, e->status, json_pack("{s:s, s:i}", "status", e->status, "exit_code", e->exit_code));
	if (!e->x.is_lost && (fb_journal_audit(e->x.journal, e->x.id, "engine", "execution.ended", e->status, &err) < 0 ||
			      fb_journal_status(e->x.journal, e->status, true, e->exit_code, &err) < 0))
		fb_context_lost(&e->x, &err);
	if (!end_record(e))
		return;
	write_report(e);
	e->finished = true;
	uv_stop(&e->loop);
}

static void observed(struct fb_engine *e)
{
	if (!begin_record(e))
		return;
	fb_engine_final_word(e);
	fb_outcome_record(e); /* the numbers are final now */
	if (!end_record(e))
		return;
	fb_engine_outbox_drain(e, fb_context_setting(&e->x, "notify_timeout", 10000), drained, e);
}

static void conclude(struct fb_engine *e)
{
	if (e->ending)
		return;
	e->ending = true;
	e->stage = STAGE_END;
	fb_observe_finish(e, observed);
}

/* ---- stop ---- */

static void stop(struct fb_engine *e, int how)
{
	if (how == 2 && e->x.stop < 2) {
		e->x.stop = 2;
		e->status = "stopped";
		e->exit_code = FB_EXIT_STOPPED;
		fb_engine_tell(e, "execution.stopped", "it was stopped by force; nothing more is changed");
		if (e->undoing)
			fb_run_stop(e->undoing, true);
		if (e->run)
			fb_run_stop(e->run, true);
	} else if (how == 1 && e->x.recovering) {
		char *text = fb_asprintf("a recovery is not stopped on the way: it would leave things half done; to do it all the same: failback stop %s --force", e->x.id);

		fb_context_event(&e->x, "link.note", NULL, text, json_pack("{s:i}", "level", FB_LOG_WARNING));
		fb_free(text);
	} else if (how == 1 && e->x.stop == 0 && e->run) {
		e->x.stop = 1;
		fb_run_stop(e->run, false);
		for (struct fb_task *t = e->x.tasks; t; t = t->next)
			if (!t->spec.silent)
				fb_task_stop(t, false);
	}
}

/* Before each step of a plan: what was asked for since the last look must not wait for one action more. */
static bool stop_asked(void *owner, struct fb_link *l)
{
	struct fb_engine *e = owner;
	int how = e->x.dry ? 0 : fb_journal_stop_asked(e->x.journal);

	(void)l;
	if (how > e->x.stop)
		stop(e, how);
	return e->x.stop != 0;
}

static void look_for_stop(uv_timer_t *timer)
{
	struct fb_engine *e = timer->data;
	int how = e->x.is_lost || e->ending ? 0 : fb_journal_stop_asked(e->x.journal);

	if (how == 2 || (how == 1 && !e->x.recovering))
		stop(e, how);
}

static void on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	if (!((struct fb_engine *)handle->data)->ending)
		stop(handle->data, 1);
}

/* ---- hooks and start ---- */

static char *document(struct fb_context *x, const char *name)
{
	struct fb_err err;
	json_t *d;
	char *text;

	if (!strcmp(name, "services"))
		return json_dumps(json_object_get(x->frozen, "services"), JSON_COMPACT);
	if (!strcmp(name, "facts")) {
		text = fb_journal_facts(x->journal, x->id, &err);
		d = text ? json_loads(text, 0, NULL) : NULL;
		fb_free(text);
		text = d && json_object_get(d, "") ? json_dumps(json_object_get(d, ""), JSON_COMPACT) : NULL;
		json_decref(d);
		return text;
	}
	if (strcmp(name, "report"))
		return fb_journal_document(x->journal, x->id, name);
	d = fb_report_build(x->journal, x->id, &err);
	text = d ? json_dumps(d, JSON_COMPACT) : NULL;
	json_decref(d);
	return text;
}

static void news(struct fb_context *x, int64_t seq, const char *event)
{
	(void)event;
	fb_engine_say(x->owner, json_pack("{s:I}", "news", (json_int_t)seq));
}

static void lost(struct fb_context *x, const struct fb_err *err)
{
	struct fb_engine *e = x->owner;

	e->fatal = *err;
	uv_stop(&e->loop);
}

static const struct fb_hooks hooks = {
	.operate = fb_engine_operate,
	.probe = fb_engine_probe,
	.notify = fb_engine_notify,
	.document = document,
	.sample = fb_observe_sample,
	.news = news,
	.lost = lost,
};

static int load(struct fb_engine *e, struct fb_err *err)
{
	int seq = 1;
	char *failure;

	if (fb_chain_load(&e->x, "backup", seq, &e->backup, err) < 0)
		return -1;
	seq += 1 + fb_chain_size(&e->backup);
	if (fb_chain_load(&e->x, "plan", seq, &e->plan, err) < 0)
		return -1;
	seq += 1 + fb_chain_size(&e->plan);
	if (fb_chain_load(&e->x, "recovery", seq, &e->recovery, err) < 0 || fb_engine_outbox_init(e, err) < 0)
		return -1;
	failure = e->x.resumed ? fb_journal_document(e->x.journal, e->x.id, "failure") : NULL;
	if (failure) {
		json_t *f = json_loads(failure, 0, NULL);
		const char *link = json_string_value(json_object_get(f, "link"));

		e->stage = STAGE_RECOVERY;
		e->changed = true;
		set_failure(e, json_string_value(json_object_get(f, "message")));
		e->failed_link = link ? fb_engine_link(e, link) : NULL;
		json_decref(f);
		fb_free(failure);
	}
	return 0;
}

static int record_hosts(struct fb_engine *e, struct fb_err *err)
{
	struct fb_proc hosts[64];
	const char *names[64];
	int n = fb_pool_hosts(e->x.pool, hosts, names, 64);

	if (fb_journal_begin_ordered(e->x.journal, err) < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (fb_journal_process(e->x.journal, "host", e->x.environment, NULL, names[i], &hosts[i], err) < 0) {
			fb_journal_cancel(e->x.journal);
			return -1;
		}
	return fb_journal_end(e->x.journal, err);
}

static void clear(struct fb_engine *e)
{
	fb_chain_clear(&e->backup);
	fb_chain_clear(&e->plan);
	fb_chain_clear(&e->recovery);
	fb_engine_outbox_clear(e);
	fb_observe_clear(e);
	fb_free(e->failure);
	fb_free(e->verify_link);
	fb_context_clear(&e->x);
}

int fb_execution_run(struct fb_engine *e, struct fb_err *err)
{
	e->x.loop = &e->loop;
	e->x.hooks = &hooks;
	e->x.owner = e;
	e->status = "running";
	e->exit_code = -1;
	uv_timer_init(&e->loop, &e->evidence_timer);
	uv_timer_init(&e->loop, &e->stop_timer);
	uv_signal_init(&e->loop, &e->sigint);
	uv_signal_init(&e->loop, &e->sigterm);
	e->evidence_timer.data = e->stop_timer.data = e->sigint.data = e->sigterm.data = e;
	if (load(e, err) < 0 || fb_pool_attach(e->x.pool, &e->loop, err) < 0 || record_hosts(e, err) < 0) {
		clear(e);
		return -1;
	}
	uv_timer_start(&e->stop_timer, look_for_stop, STOP_LOOK_MS, STOP_LOOK_MS);
	uv_signal_start(&e->sigint, on_signal, SIGINT);
	uv_signal_start(&e->sigterm, on_signal, SIGTERM);
	if (!e->x.resumed)
		fb_engine_clock(e, "started");
	else
		fb_engine_tell(e, "execution.resumed", "another engine goes on with it");
	ask_strategies(e, FB_OP_STATE, looked);
	uv_run(&e->loop, UV_RUN_DEFAULT);
	/* Calls that are still under way end with their hosts; nothing may start another. */
	e->x.is_lost = true;
	fb_pool_detach(e->x.pool);
	uv_walk(&e->loop, close_handle, NULL);
	uv_run(&e->loop, UV_RUN_DEFAULT);
	clear(e);
	if (e->finished)
		return 0;
	*err = e->fatal;
	return -1;
}
