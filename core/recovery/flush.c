/* SPDX-License-Identifier: Apache-2.0 */
#include "recovery/flush.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/channel.h"
#include "recovery/word.h"

/* An engine without an execution */
struct carrier {
	struct fb_engine e;
	uv_timer_t end;
	json_t *list;     /* what came of it */
	int pending;
	json_t *event;    /* the sample; NULL */
};

/* ---- hooks: there is nobody to ask ---- */

static void refuse(struct fb_task *caller)
{
	fb_task_reply(caller, json_pack("{s:i}", "value", FB_FATAL));
}

static void no_operate(struct fb_context *x, struct fb_task *caller, unsigned operation, const char *service, uint32_t share, uint32_t flags)
{
	(void)x, (void)operation, (void)service, (void)share, (void)flags;
	refuse(caller);
}

static void no_probe(struct fb_context *x, struct fb_task *caller, const char *service)
{
	(void)x, (void)service;
	refuse(caller);
}

static void no_notify(struct fb_context *x, struct fb_task *caller, const char *name, const char *summary, int64_t wait_ms)
{
	(void)x, (void)name, (void)summary, (void)wait_ms;
	refuse(caller);
}

static char *no_document(struct fb_context *x, const char *name)
{
	(void)x, (void)name;
	return NULL;
}

static void no_sample(struct fb_context *x, struct fb_task *caller, const json_t *sample)
{
	(void)x, (void)caller, (void)sample;
}

static void no_news(struct fb_context *x, int64_t seq, const char *event)
{
	(void)x, (void)seq, (void)event;
}

static void lost(struct fb_context *x, const struct fb_err *err)
{
	struct fb_engine *e = x->owner;

	e->fatal = *err;
	uv_stop(&e->loop);
}

static const struct fb_hooks hooks = {.operate = no_operate, .probe = no_probe, .notify = no_notify, .document = no_document, .sample = no_sample, .news = no_news, .lost = lost};

/* ---- life ---- */

static void add_error(struct fb_errs *errs, const struct fb_err *err)
{
	fb_errs_add(errs, err);
}

static int open_carrier(struct carrier *k, const struct fb_config *config, struct fb_journal *j, const char *host_program, struct fb_errs *errs)
{
	struct fb_engine *e = &k->e;
	struct fb_catalog_fn catalog;
	struct fb_err err = {0};
	json_t *frozen = NULL;

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	uv_loop_init(&e->loop);
	uv_timer_init(&e->loop, &k->end);
	k->end.data = k;
	k->list = json_array();
	e->say = -1;
	e->status = "running";
	e->x.loop = &e->loop;
	e->x.journal = j;
	e->x.hooks = &hooks;
	e->x.owner = e;
	e->x.id = fb_strdup("");
	e->x.redactor = fb_redactor_new();
	e->x.dir = fb_asprintf("%s/executions/-", fb_config_state_dir(config));
	e->x.pool = fb_hosts_pool(config, host_program, NULL);
	catalog = fb_pool_catalog(e->x.pool);
	if (fb_config_freeze_notifiers(config, &catalog, &frozen, errs) < 0)
		return -1;
	e->x.frozen = frozen;
	e->x.environment = json_string_value(json_object_get(frozen, "environment"));
	if (fb_hosts_warm(e->x.pool, frozen, &err) < 0 || fb_engine_outbox_init(e, &err) < 0 || fb_pool_attach(e->x.pool, &e->loop, &err) < 0) {
		add_error(errs, &err);
		return -1;
	}
	return 0;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle) && handle->type == UV_TIMER)
		uv_close(handle, NULL);
}

static void close_carrier(struct carrier *k)
{
	struct fb_engine *e = &k->e;

	e->x.is_lost = true; /* calls that are under way end with their hosts */
	fb_pool_detach(e->x.pool);
	uv_walk(&e->loop, close_handle, NULL);
	uv_run(&e->loop, UV_RUN_DEFAULT);
	fb_engine_outbox_clear(e);
	fb_context_clear(&e->x);
	fb_pool_free(e->x.pool);
	uv_loop_close(&e->loop);
	json_decref(k->event);
	json_decref(k->list);
}

static void on_end(uv_timer_t *timer)
{
	struct carrier *k = timer->data;

	uv_stop(&k->e.loop);
}

/* ---- flush ---- */

static void delivered(void *owner, const struct fb_channel *c, const char *status, const char *text)
{
	struct carrier *k = owner;
	const char *event = json_string_value(json_object_get(c->event, "name"));

	if (strcmp(status, "waiting") != 0)
		json_array_append_new(k->list, json_pack("{s:s, s:s?, s:s?, s:s, s:s?}", "notifier", c->use.name, "execution", c->execution, "event", event, "status", status, "text", text));
}

static bool all_idle(const struct fb_engine *e)
{
	for (size_t i = 0; i < e->outbox->n; i++)
		if (e->outbox->channels[i].task || e->outbox->channels[i].waiting)
			return false;
	return true;
}

static void look(uv_timer_t *timer)
{
	struct fb_engine *e = timer->data;

	if (all_idle(e))
		uv_stop(&e->loop);
}

static json_t *left_of(struct fb_journal *j)
{
	struct fb_outbox_row *rows;
	json_t *list = json_array();
	struct fb_err err;
	size_t n;

	if (fb_journal_outbox_leftovers(j, &rows, &n, &err) < 0)
		return list;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s?, s:s, s:s, s:s?}", "notifier", rows[i].notifier, "execution", rows[i].execution, "event", rows[i].event, "status",
						      rows[i].status, "text", rows[i].text));
	fb_outbox_free(rows, n);
	return list;
}

static void carry(struct carrier *k, int64_t wait_ms, bool leftovers)
{
	struct fb_engine *e = &k->e;
	uv_timer_t looking;

	uv_timer_init(&e->loop, &looking);
	looking.data = e;
	e->outbox->delivered = delivered;
	e->outbox->owner = k;
	e->outbox->leftovers = leftovers;
	for (size_t i = 0; i < e->outbox->n && !e->x.is_lost; i++)
		fb_channel_next(&e->outbox->channels[i]);
	uv_timer_start(&looking, look, 0, 5);
	uv_timer_start(&k->end, on_end, (uint64_t)wait_ms, 0);
	uv_run(&e->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&looking);
	uv_close((uv_handle_t *)&looking, NULL);
	uv_run(&e->loop, UV_RUN_NOWAIT);
}

int fb_outbox_flush(const struct fb_config *config, struct fb_journal *j, const char *host_program, int64_t wait_ms, json_t **ret, struct fb_errs *errs)
{
	struct carrier *k = fb_alloc(sizeof *k);
	struct fb_proc hosts[64];
	const char *names[64];
	struct fb_err err = {0};
	int r = open_carrier(k, config, j, host_program, errs), n;

	if (r == 0) {
		n = fb_pool_hosts(k->e.x.pool, hosts, names, 64);
		r = fb_journal_outbox_claim(j, hosts, (size_t)n, &err);
		if (r == 0)
			carry(k, wait_ms, true);
		if (r == 0 && k->e.x.is_lost) {
			err = k->e.fatal;
			r = -1;
		}
		if (r)
			add_error(errs, &err);
	}
	*ret = r == 0 ? json_pack("{s:O, s:o}", "deliveries", k->list, "left", left_of(j)) : NULL;
	close_carrier(k);
	fb_free(k);
	return r;
}

/* ---- one event of an execution that waits ---- */

int fb_outbox_tell(const struct fb_config *config, struct fb_journal *j, struct fb_pool *pool, const char *id, json_t *frozen, const char *event, const char *summary, struct fb_err *err)
{
	struct carrier *k = fb_alloc(sizeof *k);
	struct fb_engine *e = &k->e;
	int r = -1;

	uv_loop_init(&e->loop);
	uv_timer_init(&e->loop, &k->end);
	k->end.data = k;
	k->list = json_array();
	e->say = -1;
	e->status = "waiting_approval";
	e->x.loop = &e->loop;
	e->x.journal = j;
	e->x.pool = pool;
	e->x.hooks = &hooks;
	e->x.owner = e;
	if (fb_context_init(&e->x, id, frozen, fb_config_state_dir(config), err) == 0 && fb_engine_outbox_init(e, err) == 0 && fb_pool_attach(pool, &e->loop, err) == 0) {
		fb_engine_tell(e, event, summary);
		for (size_t i = 0; i < e->outbox->n && !e->x.is_lost; i++) { /* nothing that is newer will come */
			e->told_end = true;
			fb_channel_next(&e->outbox->channels[i]);
		}
		carry(k, fb_context_setting(&e->x, "notify_timeout", 10000), false);
		r = e->x.is_lost ? -1 : 0;
		if (r < 0)
			*err = e->fatal;
	}
	e->x.is_lost = true;
	fb_pool_detach(pool);
	uv_walk(&e->loop, close_handle, NULL);
	uv_run(&e->loop, UV_RUN_DEFAULT);
	fb_engine_outbox_clear(e);
	fb_context_clear(&e->x);
	uv_loop_close(&e->loop);
	json_decref(k->list);
	fb_free(k);
	return r;
}

/* ---- try ---- */

static void tried(void *owner, struct fb_task *t, const struct fb_call_result *result)
{
	static const char *const answers[] = {"ok", "skip", "retry", "fail", "fatal"};
	struct fb_channel *c = owner;
	struct carrier *k = c->e->outbox->owner;
	int a = result->answer;

	json_array_append_new(k->list, json_pack("{s:s, s:s, s:s, s:s?, s:O?}", "notifier", c->use.name, "use", c->use.plugin, "answer",
						 result->cause != FB_CAUSE_ANSWER || a < 0 || a > 4 ? "fatal" : answers[a], "text", result->message, "preview",
						 json_object_get(t->reported, "preview")));
	c->task = NULL;
	if (--k->pending == 0)
		uv_stop(&k->e.loop);
}

static void try_one(struct carrier *k, struct fb_channel *c, bool send)
{
	struct fb_task_spec spec = {.context = &k->e.x, .use = &c->use, .link = "outbox", .link_name = "notify", .operation = "notify", .silent = true, .done = tried, .owner = c, .attempt = 1};

	k->e.x.dry = !send;
	c->event = json_deep_copy(k->event);
	fb_word_dress(json_object_get(c->event, "word"), c->title, c->text);
	json_object_set_new(c->event, "data", json_copy(c->event));
	spec.about = json_pack("{s:O, s:O}", "execution", json_object_get(k->event, "execution"), "environment", json_object_get(k->event, "environment"));
	spec.deadline_ms = fb_clock_ms() + c->timeout_ms;
	spec.event = c->event;
	c->task = fb_task_start(&spec);
	json_decref(spec.about);
	k->pending++;
}

static int try_all(struct carrier *k, const char *name, bool send, struct fb_errs *errs)
{
	struct fb_engine *e = &k->e;

	for (size_t i = 0; i < e->outbox->n; i++)
		if (!name || !strcmp(name, e->outbox->channels[i].use.name))
			try_one(k, &e->outbox->channels[i], send);
	if (k->pending) {
		uv_run(&e->loop, UV_RUN_DEFAULT);
		return 0;
	}
	if (name) {
		const char **names = fb_alloc((e->outbox->n + 1) * sizeof *names);
		const char *near;

		for (size_t i = 0; i < e->outbox->n; i++)
			names[i] = e->outbox->channels[i].use.name;
		near = fb_nearest(name, names);
		fb_errs_addf(errs, FB_EXIT_USAGE, NULL, 0, "there is no notifier '%.63s' in the configuration%s%s%s", name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		fb_free(names);
		return -1;
	}
	return 0;
}

int fb_outbox_try(const struct fb_config *config, const char *host_program, const char *name, const char *event, bool send, json_t **ret, struct fb_errs *errs)
{
	struct carrier *k = fb_alloc(sizeof *k);
	int r = open_carrier(k, config, NULL, host_program, errs);

	if (r == 0) {
		k->event = fb_word_sample(event, k->e.x.environment);
		k->e.outbox->owner = k;
		r = try_all(k, name, send, errs);
	}
	*ret = r == 0 ? json_incref(k->list) : NULL;
	close_carrier(k);
	fb_free(k);
	return r;
}
