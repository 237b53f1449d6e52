/* SPDX-License-Identifier: Apache-2.0 */
/* What is recorded and told of a link: that an attempt has begun, what it came to, and the link's last word, each in one transaction. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "chain/step.h"

json_t *fb_step_text(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* A link's name may hold what a file's name may not. */
static char *log_of(const struct fb_link *l, const char *end)
{
	char *path = fb_asprintf("archive/logs/%03d-%s%s.log", l->seq, l->name, end);

	for (char *c = path + strlen("archive/logs/"); *c; c++)
		if (*c == '/')
			*c = '_';
	return path;
}

static void begin_attempt(struct fb_link *l, bool first)
{
	l->state = FB_LINK_RUNNING;
	/* What an engine's death interrupted is the same attempt still: its actions keep their keys. */
	if (!l->interrupted)
		l->attempt++;
	l->interrupted = false;
	if (first) {
		l->started_ms = fb_clock_wall_ms();
		l->started_boot_ms = fb_clock_ms();
	}
	l->ended_ms = l->ended_boot_ms = 0;
	fb_free(l->log);
	l->log = log_of(l, "");
}

/* The row of a link that is undone goes on telling of its run; the undo has a place of its own in the link's data. */
static void begin_undo_attempt(struct fb_step *s, bool first)
{
	if (first)
		s->begun_boot_ms = fb_clock_ms();
	fb_free(s->undo_log);
	s->undo_log = log_of(s->link, "-undo");
}

void fb_step_record_begin(struct fb_step *s)
{
	bool first = s->link->tries++ == 0;

	s->begun_ms = fb_clock_wall_ms();
	s->recorded = false;
	if (s->run->undo)
		begin_undo_attempt(s, first);
	else
		begin_attempt(s->link, first && s->by == s->link);
}

int fb_step_record_start(struct fb_step *s, struct fb_err *err)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;

	s->recorded = true;
	if (!r->undo && fb_link_record(r->x, r->chain->name, l, err) < 0)
		return -1;
	fb_context_event(r->x, "link.started", l->id, l->title,
			 json_pack("{s:i, s:s, s:s, s:s?, s:i, s:I, s:b}", "seq", l->seq, "chain", r->undo ? "undo" : r->chain->name, "title", l->title, "plugin", s->by->use.plugin,
				   "attempt", r->undo ? l->tries : l->attempt, "timeout_ms", (json_int_t)s->by->timeout_ms, "undo", r->undo));
	return r->x->is_lost ? fb_err_set(err, FB_EXIT_JOURNAL, "its start could not be recorded") : 0;
}

void fb_step_record_start_alone(struct fb_step *s)
{
	struct fb_context *x = s->run->x;
	struct fb_err err;

	if (fb_journal_begin_ordered(x->journal, &err) < 0) {
		fb_context_lost(x, &err);
		return;
	}
	if (fb_step_record_start(s, &err) < 0 || fb_journal_end(x->journal, &err) < 0)
		fb_context_lost(x, &err);
	if (x->is_lost)
		fb_journal_cancel(x->journal);
}

int fb_step_record_attempt(struct fb_step *s, int answer, const char *message, struct fb_err *err)
{
	struct fb_link *l = s->link;
	char *id = s->run->undo ? fb_asprintf("%s.undo", l->id) : fb_strdup(l->id);
	int r = fb_journal_attempt(s->run->x->journal, id, s->run->undo ? l->tries : l->attempt, answer, message, s->begun_ms, fb_clock_wall_ms(), err);

	fb_free(id);
	return r;
}

/* Records the link's last word with its attempt in one transaction, and tells. */
static void record_end(struct fb_step *s, const char *event, bool skipped, int64_t elapsed_ms, int answer, const char *message, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;
	struct fb_err err;

	if (r->x->is_lost)
		return;
	if (fb_journal_begin(r->x->journal, &err) < 0) {
		fb_context_lost(r->x, &err);
		return;
	}
	if ((s->ended && fb_task_gone(s->ended, &err) < 0) || fb_link_record(r->x, r->chain->name, l, &err) < 0 ||
	    fb_step_record_attempt(s, answer, message, &err) < 0)
		fb_context_lost(r->x, &err);
	fb_context_event(r->x, event, l->id, message,
			 json_pack("{s:I, s:b, s:o, s:o, s:b}", "elapsed_ms", (json_int_t)elapsed_ms, "skipped", skipped, "message", fb_step_text(message), "cause",
				   result ? fb_task_cause(result) : json_null(), "undo", r->undo));
	if (!r->x->is_lost && fb_journal_end(r->x->journal, &err) < 0)
		fb_context_lost(r->x, &err);
	if (r->x->is_lost)
		fb_journal_cancel(r->x->journal);
}

void fb_step_settle(struct fb_step *s, int state, const struct fb_call_result *result)
{
	struct fb_run *r = s->run;
	struct fb_link *l = s->link;

	l->state = state;
	l->ended_ms = fb_clock_wall_ms();
	l->ended_boot_ms = fb_clock_ms();
	json_object_set_new(l->data, "ended_us", json_integer(fb_clock_us())); /* on the boot clock, for what milliseconds do not show */
	record_end(s, state == FB_LINK_FAILED ? "link.failed" : "link.completed", state == FB_LINK_SKIPPED, l->ended_boot_ms - l->started_boot_ms, l->answer, l->message, result);
	if (r->hooks->settled)
		r->hooks->settled(r->owner, l);
}

void fb_step_settle_undo(struct fb_step *s, bool good, const char *message, const struct fb_call_result *result)
{
	struct fb_link *l = s->link;
	int64_t elapsed = fb_clock_ms() - s->begun_boot_ms;
	json_t *undo = json_pack("{s:s, s:o, s:i, s:I, s:I, s:s, s:o}", "status", good ? "undone" : "failed", "message", fb_step_text(message), "attempts", l->tries, "elapsed_ms",
				 (json_int_t)elapsed, "ended_ms", (json_int_t)fb_clock_wall_ms(), "log", s->undo_log, "cause", result ? fb_task_cause(result) : json_null());

	if (result && result->leftovers)
		json_object_set(undo, "leftovers", result->leftovers);
	json_object_set_new(l->data, "undo", undo);
	if (good && l->state == FB_LINK_COMPLETED)
		l->state = FB_LINK_UNDONE;
	record_end(s, good ? "link.undone" : "link.failed", false, elapsed, good ? 0 : result ? result->answer : -1, message, result);
}
