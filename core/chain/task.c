/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/task.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "failback/plugin.h"

static const char *text_of(const json_t *frame, const char *member)
{
	return json_string_value(json_object_get(frame, member));
}

void fb_task_reply(struct fb_task *t, json_t *reply)
{
	t->waiting = NULL;
	t->cancel = NULL;
	json_object_set_new(reply, "m", json_string("reply"));
	fb_host_call_reply(t->call, reply, -1);
	json_decref(reply);
}

static void reply_answer(struct fb_task *t, int answer)
{
	fb_task_reply(t, json_pack("{s:i}", "value", answer));
}

static void reply_text(struct fb_task *t, const char *text)
{
	fb_task_reply(t, json_pack("{s:s?}", "value", text));
}

/* ---- actions ---- */

static struct fb_action_key key_of(const struct fb_task *t, const json_t *frame)
{
	struct fb_action_key k = {.link = t->spec.link, .service = t->spec.service ? t->spec.service : "", .operation = t->spec.operation, .undo = t->spec.undo};

	k.key = text_of(frame, "key");
	return k;
}

static bool may_act(const struct fb_task *t)
{
	const struct fb_context *x = t->spec.context;

	return !t->stopping && x->stop == 0 && !x->is_lost && fb_clock_ms() < t->spec.deadline_ms;
}

static void do_act(struct fb_task *t, const json_t *frame)
{
	struct fb_context *x = t->spec.context;
	struct fb_action_key k = key_of(t, frame);
	const char *text = text_of(frame, "text");
	int answer, repeat = (int)json_integer_value(json_object_get(frame, "repeat"));
	struct fb_err err;

	/* What has no link of its own (a notifier) has no actions: there is no place in the journal to find them again. */
	if (!k.link || !k.key || !*k.key || !text || !*text || repeat < FB_REPEAT_IDEMPOTENT || repeat > FB_REPEAT_AGAIN || !may_act(t)) {
		reply_answer(t, FB_ACT_NO);
		return;
	}
	if (!x->journal) { /* a notifier that is tried: nothing is recorded */
		reply_answer(t, x->dry ? FB_ACT_DRY : FB_ACT_DO);
		return;
	}
	answer = fb_journal_act(x->journal, &k, repeat, text, x->dry, &err);
	if (answer < 0) {
		fb_context_lost(x, &err);
		answer = FB_ACT_NO;
	}
	if (answer == FB_ACT_DO)
		t->acting++;
	reply_answer(t, answer);
}

static void do_acted(struct fb_task *t, const json_t *frame)
{
	struct fb_context *x = t->spec.context;
	struct fb_action_key k = key_of(t, frame);
	struct fb_err err;

	if (t->acting > 0)
		t->acting--;
	if (!k.link || !k.key || x->dry || x->is_lost) {
		reply_answer(t, -1);
	} else if (!x->journal) {
		reply_answer(t, 0);
	} else if (fb_journal_acted(x->journal, &k, text_of(frame, "result"), &err) < 0) {
		fb_context_lost(x, &err);
		reply_answer(t, -1);
	} else {
		reply_answer(t, 0);
	}
	if (t->stopping && t->acting == 0)
		fb_host_call_stop(t->call, false);
}

static void do_act_result(struct fb_task *t, const json_t *frame)
{
	struct fb_action_key k = key_of(t, frame);
	char *result = k.link && k.key && t->spec.context->journal ? fb_journal_act_result(t->spec.context->journal, &k) : NULL;

	reply_text(t, result);
	fb_free(result);
}

/* ---- facts ---- */

static char *fact_scope(const struct fb_task *t, int scope)
{
	if (scope == FB_SCOPE_EXECUTION)
		return fb_strdup("");
	if (t->spec.service && strcmp(t->spec.use->kind, "phase"))
		return fb_asprintf("service/%s", t->spec.service);
	return fb_asprintf("link/%s", t->spec.link);
}

/* A notifier's own facts belong to the notifier of that name, in the execution that the event is of, which may have ended. */
static bool is_notifiers_own(const struct fb_task *t, int scope)
{
	return scope == FB_SCOPE_OWN && t->spec.told_of;
}

static void do_fact(struct fb_task *t, const json_t *frame)
{
	struct fb_context *x = t->spec.context;
	int scope = (int)json_integer_value(json_object_get(frame, "scope"));
	const char *key = text_of(frame, "key");
	char *where, *value = NULL;

	if (!x->journal) {
		reply_text(t, NULL);
		return;
	}
	if (key && is_notifiers_own(t, scope)) {
		where = fb_asprintf("notifier/%s", t->spec.use->name);
		value = fb_journal_fact(x->journal, t->spec.told_of, where, key);
		fb_free(where);
	} else if (key && scope == FB_SCOPE_SERVICE && t->spec.service) {
		value = fb_journal_memory(x->journal, x->environment, t->spec.service, key);
	} else if (key) {
		where = fact_scope(t, scope);
		value = fb_journal_fact(x->journal, x->id, where, key);
		fb_free(where);
	}
	reply_text(t, value);
	fb_free(value);
}

static void do_fact_set(struct fb_task *t, const json_t *frame)
{
	struct fb_context *x = t->spec.context;
	int scope = (int)json_integer_value(json_object_get(frame, "scope")), r = -1;
	const char *key = text_of(frame, "key"), *given = text_of(frame, "value");
	char *where, *value = fb_strdup(given ? given : "");
	struct fb_err err;

	fb_redact_values(x->redactor, value, strlen(value));
	if (x->is_lost || !key || !*key || (scope == FB_SCOPE_SERVICE && !t->spec.service)) {
		reply_answer(t, -1);
		fb_free(value);
		return;
	}
	if (!x->journal || (x->dry && scope == FB_SCOPE_SERVICE)) {
		r = 0; /* a dry run leaves nothing behind */
	} else if (is_notifiers_own(t, scope)) {
		r = fb_journal_outbox_fact_set(x->journal, t->spec.told_of, t->spec.use->name, key, value, &err);
	} else if (scope == FB_SCOPE_SERVICE) {
		r = fb_journal_memory_set(x->journal, x->environment, t->spec.service, key, value, &err);
	} else {
		where = fact_scope(t, scope);
		r = fb_journal_fact_set(x->journal, where, key, value, &err);
		fb_free(where);
	}
	if (r < 0)
		fb_context_lost(x, &err);
	reply_answer(t, r);
	fb_free(value);
}

/* ---- what needs no answer ---- */

static void note_progress(struct fb_task *t, const json_t *frame)
{
	int64_t now = fb_clock_ms();
	const char *text = text_of(frame, "text");

	if (t->spec.silent || now < t->next_progress_ms)
		return;
	t->next_progress_ms = now + 100;
	fb_context_event(t->spec.context, "link.progress", t->spec.link, text,
			 json_pack("{s:I}", "basis_points", (json_int_t)json_integer_value(json_object_get(frame, "bp"))));
}

static void note_log(struct fb_task *t, const json_t *frame)
{
	json_int_t level = json_integer_value(json_object_get(frame, "level"));

	if (!t->spec.silent && level >= FB_LOG_WARNING)
		fb_context_note(t->spec.context, t->spec.link, level, text_of(frame, "text"));
}

static void note_report(struct fb_task *t, const json_t *frame)
{
	const char *member = text_of(frame, "member");
	char *text = json_dumps(json_object_get(frame, "json"), JSON_ENCODE_ANY | JSON_COMPACT);
	json_t *value;

	if (!member || !text) {
		fb_free(text);
		return;
	}
	fb_redact(t->spec.context->redactor, text, strlen(text));
	value = json_loads(text, JSON_DECODE_ANY, NULL);
	fb_free(text);
	if (value)
		json_object_set_new(t->reported, member, value);
}

static void note_advice(struct fb_task *t, const json_t *frame)
{
	const char *text = text_of(frame, "text"), *command = text_of(frame, "command");

	if (text && json_array_size(t->advice) < 100)
		json_array_append_new(t->advice, json_pack("{s:s, s:s?}", "text", text, "command", command));
}

/* ---- asking the floor above ---- */

static void do_document(struct fb_task *t, const json_t *frame)
{
	struct fb_context *x = t->spec.context;
	const char *name = text_of(frame, "name");
	char *text = name ? x->hooks->document(x, name) : NULL;
	json_t *reply = json_pack("{s:s}", "m", "reply");
	int fd = -1;

	if (text) {
		if (!strcmp(name, "report") || !strcmp(name, "configuration"))
			fb_redact(x->redactor, text, strlen(text));
		else
			fb_redact_values(x->redactor, text, strlen(text)); /* programs go by it */
		fd = memfd_create("failback-document", MFD_CLOEXEC);
		if (fd >= 0 && (fb_io_write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
			close(fd);
			fd = -1;
		}
	}
	fb_host_call_reply(t->call, reply, fd);
	if (fd >= 0)
		close(fd);
	json_decref(reply);
	fb_free(text);
}

static void do_operate(struct fb_task *t, const json_t *frame)
{
	const json_t *o = json_object_get(frame, "operation");
	unsigned operation = json_is_string(o) ? fb_operation_number(json_string_value(o)) : (unsigned)json_integer_value(o);

	if (strcmp(t->spec.use->kind, "phase") || operation < FB_OP_STATE || operation == FB_OP_OBSERVE || !fb_operation_name(operation)) {
		reply_answer(t, FB_FATAL);
		return;
	}
	t->spec.context->hooks->operate(t->spec.context, t, operation, text_of(frame, "service"), (uint32_t)json_integer_value(json_object_get(frame, "share")),
					(uint32_t)json_integer_value(json_object_get(frame, "flags")));
}

static void do_probe(struct fb_task *t, const json_t *frame)
{
	if (strcmp(t->spec.use->kind, "phase"))
		reply_answer(t, FB_FATAL);
	else
		t->spec.context->hooks->probe(t->spec.context, t, text_of(frame, "service"));
}

static void do_notify(struct fb_task *t, const json_t *frame)
{
	if (strcmp(t->spec.use->kind, "phase"))
		reply_answer(t, FB_FATAL);
	else
		t->spec.context->hooks->notify(t->spec.context, t, text_of(frame, "name"), text_of(frame, "summary"),
					       json_integer_value(json_object_get(frame, "wait_ms")));
}

static void on_frame(void *ctx, struct fb_host_call *call, const char *method, json_t *frame, int fd)
{
	static const struct {
		const char *method;
		void (*take)(struct fb_task *t, const json_t *frame);
	} takers[] = {
		{"act", do_act},
		{"acted", do_acted},
		{"act_result", do_act_result},
		{"fact", do_fact},
		{"fact_set", do_fact_set},
		{"progress", note_progress},
		{"log", note_log},
		{"report", note_report},
		{"advise", note_advice},
		{"start_service", fb_task_start_service},
		{"stop_service", fb_task_stop_service},
		{"service_pid", fb_task_service_pid},
		{"document", do_document},
		{"operate", do_operate},
		{"probe", do_probe},
		{"notify", do_notify},
	};
	struct fb_task *t = ctx;

	(void)call;
	if (!strcmp(method, "evidence")) {
		fb_task_evidence(t, frame, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (!strcmp(method, "sample"))
		t->spec.context->hooks->sample(t->spec.context, t, frame);
	else if (!strcmp(method, "retry_after"))
		t->retry_after_ms = json_integer_value(json_object_get(frame, "ms"));
	for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
		if (!strcmp(method, takers[i].method))
			takers[i].take(t, frame);
}

/* ---- life ---- */

static int on_started(void *ctx, struct fb_host_call *call, const struct fb_proc *worker, struct fb_err *err)
{
	struct fb_task *t = ctx;
	struct fb_context *x = t->spec.context;

	(void)call;
	t->worker = *worker;
	if (x->is_lost)
		return fb_err_set(err, FB_EXIT_INTERRUPTED, "this engine is no longer the owner of %s", x->id);
	/* A probe changes nothing: nobody needs to prove later that it is gone. */
	if (t->spec.silent)
		return 0;
	if (fb_journal_begin_ordered(x->journal, err) < 0) {
		fb_context_lost(x, err);
		return -1;
	}
	if (fb_journal_process(x->journal, "worker", x->environment, t->spec.service, t->spec.link, worker, err) < 0 ||
	    (t->spec.started && t->spec.started(t->spec.owner, t, err) < 0) || fb_journal_end(x->journal, err) < 0) {
		fb_context_lost(x, err);
		fb_journal_cancel(x->journal);
		return -1;
	}
	return 0;
}

int fb_task_gone(struct fb_task *t, struct fb_err *err)
{
	if (t->gone || t->spec.silent || !t->worker.pid)
		return 0;
	t->gone = true;
	return fb_journal_process_gone(t->spec.context->journal, &t->worker, err);
}

json_t *fb_task_cause(const struct fb_call_result *r)
{
	static const char *const names[] = {"answer", "signal", "exit", "deadline", "reply", "host", "stopped"};

	return json_pack("{s:s, s:i}", "kind", r->cause >= 0 && r->cause <= FB_CAUSE_STOPPED ? names[r->cause] : "reply", "number", r->number);
}

static void on_done(void *ctx, struct fb_host_call *call, const struct fb_call_result *result)
{
	struct fb_task *t = ctx;
	struct fb_context *x = t->spec.context;
	struct fb_err err;

	(void)call;
	if (t->waiting && t->cancel)
		t->cancel(t->waiting);
	if (t->next)
		t->next->previous = t->previous;
	*(t->previous ? &t->previous->next : &x->tasks) = t->next;
	t->spec.done(t->spec.owner, t, result);
	if (!x->is_lost && fb_task_gone(t, &err) < 0)
		fb_context_lost(x, &err);
	json_decref(t->advice);
	json_decref(t->reported);
	fb_free(t);
}

/* Where commands find the store of backups, and the programs that come with failback. */
static void add_store(const struct fb_context *x, json_t *c)
{
	json_t *path = json_object_get(json_object_get(json_object_get(x->frozen, "settings"), "backup_store"), "path");

	if (!json_is_string(path))
		return;
	json_object_set(c, "store", path);
	json_object_set_new(c, "programs", json_string(x->programs));
	json_object_set_new(c, "engine", json_string(x->engine));
}

static json_t *context_of(const struct fb_task_spec *s)
{
	const struct fb_context *x = s->context;
	json_t *c = json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}", "execution", x->id, "environment", x->environment, "service", s->service,
			      "release", s->release, "last_good", s->last_good, "failed", s->failed, "link", s->link_name, "reason", x->reason, "archive", x->archive,
			      "scratch", x->scratch);

	add_store(x, c);
	if (s->event) {
		json_object_set(c, "event", s->event);
		json_object_update(c, s->about);
	}
	return c;
}

struct fb_task *fb_task_start(const struct fb_task_spec *spec)
{
	struct fb_context *x = spec->context;
	struct fb_task *t = fb_alloc(sizeof *t);
	struct fb_call_spec call = {.kind = spec->use->kind, .name = spec->use->plugin, .operation = spec->operation, .attempt = spec->attempt, .share = spec->share,
				    .deadline_ms = spec->deadline_ms, .options = spec->use->options, .redactor = x->redactor, .log_limit = x->log_limit,
				    .started = on_started, .frame = on_frame, .done = on_done, .ctx = t};
	json_t *context = context_of(spec);
	char *log = spec->log && x->archive ? fb_asprintf("%s/logs/%s", x->archive, spec->log) : NULL;

	t->spec = *spec;
	t->spec.release = t->spec.last_good = t->spec.failed = NULL; /* they have gone into the call */
	t->spec.event = t->spec.about = NULL;
	t->next = x->tasks;
	if (t->next)
		t->next->previous = t;
	x->tasks = t;
	t->advice = json_array();
	t->reported = json_object();
	t->started_ms = fb_clock_wall_ms();
	/* What stands as a link's undo is run, not undone: only its actions are of the other direction. */
	call.flags = (x->dry ? FB_CALL_DRY_RUN : 0) | (x->recovering ? FB_CALL_RECOVERY : 0) | (x->resumed ? FB_CALL_RESUMED : 0) | (spec->undo && strcmp(spec->operation, "run") ? FB_CALL_UNDO : 0) |
		     (spec->preserve ? FB_CALL_PRESERVE : 0);
	call.context = context;
	call.log_path = log;
	t->call = fb_host_call(x->pool, &call);
	json_decref(context);
	fb_free(log);
	return t;
}

void fb_task_stop(struct fb_task *t, bool force)
{
	t->stopping = true;
	if (force || t->acting == 0)
		fb_host_call_stop(t->call, force);
}
