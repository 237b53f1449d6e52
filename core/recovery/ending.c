/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an execution: what it has come to, the last word to people, the report. */
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/internal.h"
#include "recovery/report.h"

char *fb_engine_report_path(const struct fb_engine *e)
{
	return fb_asprintf("%s/report.json", e->x.dir);
}

static void write_report(struct fb_engine *e)
{
	char *path = fb_engine_report_path(e), *text;
	struct fb_err err;
	json_t *report = fb_report_build(e->x.journal, e->x.id, &err);

	if (report && fb_journal_degraded(e->x.journal)) /* nobody else can read it */
		fb_engine_say(e, json_pack("{s:O}", "report", report));
	if (report) {
		text = json_dumps(report, JSON_INDENT(2));
		fb_redact(e->x.redactor, text, strlen(text));
		if (fb_io_replace_file(path, text, strlen(text), 0640, &err) < 0)
			fb_context_note(&e->x, NULL, FB_LOG_WARNING, err.text);
		fb_free(text);
		json_decref(report);
	}
	fb_free(path);
}

void fb_engine_final_word(struct fb_engine *e)
{
	char *text;

	if (e->told_end || !fb_engine_begin_record(e))
		return;
	e->told_end = true;
	fb_outcome_decide(e);
	fb_outcome_record(e);
	if (fb_engine_tells(e) && !fb_journal_degraded(e->x.journal)) /* who is told may read it */
		write_report(e);
	text = fb_outcome_summary(e);
	if (!strcmp(e->status, "completed") && e->deploys)
		fb_engine_tell(e, "deployment.completed", text);
	else if (e->exit_code == FB_EXIT_INCOMPLETE && e->x.recovering && e->enhanced)
		fb_engine_tell(e, "rollback.incomplete", text);
	else if (e->x.recovering && e->enhanced)
		fb_engine_tell(e, "rollback.completed", text);
	fb_free(text);
	fb_engine_end_record(e);
}

static void drained(void *owner, json_t *deliveries)
{
	struct fb_engine *e = owner;
	struct fb_err err;

	(void)deliveries;
	if (e->x.is_lost)
		return;
	/* Before the last commit, which then begins the log anew: after it, the next engine would find the whole log and go on behind it. */
	fb_journal_checkpoint(e->x.journal);
	if (!fb_engine_begin_record(e))
		return;
	fb_engine_clock(e, "reported");
	fb_engine_clock(e, "ended");
	fb_context_event(&e->x, "execution.ended", NULL, e->status, json_pack("{s:s, s:i}", "status", e->status, "exit_code", e->exit_code));
	if (!e->x.is_lost && (fb_journal_audit(e->x.journal, e->x.id, "engine", "execution.ended", e->status, &err) < 0 ||
			      fb_journal_status(e->x.journal, e->status, true, e->exit_code, &err) < 0))
		fb_context_lost(&e->x, &err);
	if (!fb_engine_end_record(e))
		return;
	write_report(e);
	e->finished = true;
	uv_stop(&e->loop);
}

static void observed(struct fb_engine *e)
{
	if (!fb_engine_begin_record(e))
		return;
	fb_engine_final_word(e);
	fb_outcome_record(e); /* the numbers are final now */
	if (!fb_engine_end_record(e))
		return;
	fb_engine_outbox_drain(e, fb_context_setting(&e->x, "notify_timeout", 10000), drained, e);
}

void fb_engine_conclude(struct fb_engine *e)
{
	if (e->ending)
		return;
	e->ending = true;
	e->stage = FB_STAGE_END;
	fb_observe_finish(e, observed);
}
