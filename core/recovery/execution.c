/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One execution from its first look at the world to its report: its loop, what all of its stages share, and how it is stopped. Which link runs when is
 * the chain's business; the stages are preflight.c, deployment.c, recover.c and ending.c. A resumed execution enters at the place that the journal names.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/aside.h"
#include "recovery/internal.h"
#include "recovery/learned.h"
#include "recovery/report.h"

#define STOP_LOOK_MS 100

/* ---- what the stages share ---- */

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

bool fb_engine_begin_record(struct fb_engine *e)
{
	struct fb_err err;

	if (e->x.is_lost)
		return false;
	if (fb_journal_begin(e->x.journal, &err) == 0)
		return true;
	fb_context_lost(&e->x, &err);
	return false;
}

bool fb_engine_end_record(struct fb_engine *e)
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

void fb_engine_set_document(struct fb_engine *e, const char *name, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	struct fb_err err;

	fb_redact(e->x.redactor, text, strlen(text));
	if (!e->x.is_lost && fb_journal_document_set(e->x.journal, name, text, &err) < 0)
		fb_context_lost(&e->x, &err);
	fb_free(text);
	json_decref(value);
}

void fb_engine_set_failure(struct fb_engine *e, const char *text)
{
	fb_free(e->failure);
	e->failure = fb_strdup(text);
	e->x.reason = e->failure; /* of all that is called from now on */
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

		fb_context_note(&e->x, NULL, FB_LOG_WARNING, text);
		fb_free(text);
	} else if (how == 1 && e->x.stop == 0 && e->run) {
		e->x.stop = 1;
		fb_run_stop(e->run, false);
		for (struct fb_task *t = e->x.tasks; t; t = t->next)
			if (!t->spec.silent)
				fb_task_stop(t, false);
	}
}

bool fb_engine_stop_asked(void *owner, struct fb_link *l)
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

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle) && (handle->type == UV_TIMER || handle->type == UV_SIGNAL))
		uv_close(handle, NULL);
}

/* ---- hooks and start ---- */

static char *document(struct fb_context *x, const char *name)
{
	struct fb_err err;
	json_t *d;
	char *text;

	if (!strcmp(name, "services"))
		return json_dumps(json_object_get(x->frozen, "services"), JSON_COMPACT);
	if (!strcmp(name, "configuration")) /* in force, with references to secrets: for people */
		return json_dumps(x->frozen, JSON_COMPACT);
	if (!strcmp(name, "backup_store"))
		return json_dumps(json_object_get(json_object_get(x->frozen, "settings"), "backup_store"), JSON_COMPACT);
	if (!strcmp(name, "facts")) {
		text = fb_journal_facts(x->journal, x->id, &err);
		d = text ? json_loads(text, 0, NULL) : NULL;
		fb_free(text);
		text = d && json_object_get(d, "") ? json_dumps(json_object_get(d, ""), JSON_COMPACT) : NULL;
		json_decref(d);
		return text;
	}
	if (!strcmp(name, "learned")) { /* of causes, from before: for analyze and recommend */
		d = fb_learned(x->journal, x->id, &err);
		text = d ? json_dumps(d, JSON_COMPACT) : NULL;
		json_decref(d);
		return text;
	}
	if (!strcmp(name, "known"))
		return fb_aside_known(x->owner);
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

		e->stage = FB_STAGE_RECOVERY;
		e->changed = true;
		fb_engine_set_failure(e, json_string_value(json_object_get(f, "message")));
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

/* What of the sandboxes is not what was asked for, said once, at the start. */
static void say_unenforced(struct fb_engine *e)
{
	const json_t *d, *item;
	size_t i, k;

	json_array_foreach(json_object_get(e->x.frozen, "plugins"), i, d)
		json_array_foreach(json_object_get(d, "unenforced"), k, item) {
			char *text = fb_asprintf("the sandbox of %s-%s: %s", json_string_value(json_object_get(d, "kind")), json_string_value(json_object_get(d, "name")), json_string_value(item));

			fb_context_note(&e->x, NULL, FB_LOG_WARNING, text);
			fb_free(text);
		}
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
	fb_engine_outbox_begin(e);
	uv_timer_start(&e->stop_timer, look_for_stop, STOP_LOOK_MS, STOP_LOOK_MS);
	uv_signal_start(&e->sigint, on_signal, SIGINT);
	uv_signal_start(&e->sigterm, on_signal, SIGTERM);
	if (!e->x.resumed) {
		fb_engine_clock(e, "started");
		say_unenforced(e);
	} else {
		fb_engine_tell(e, "execution.resumed", "another engine goes on with it");
	}
	fb_engine_preflight(e);
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
