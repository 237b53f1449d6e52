/* SPDX-License-Identifier: Apache-2.0 */
/* One call of one operation, with an engine whose answers are scripted, and a note of all that the plugin asked for and may not. */
#include <stdarg.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "cli/check/check.h"
#include "failback/plugin.h"

#define GRACE_MS 2000
#define VANISH_MS 200
#define LATE_MS 100 /* how long after the deadline a slow engine answers: SIGTERM has come by then */
#define LOG_LIMIT (1024 * 1024)
#define DESCENDANTS 64

struct fb_check_host {
	uv_loop_t loop;
	struct fb_pool *pool;
	const struct fb_check_run *run;
};

/* A call under way */
struct live {
	const struct fb_check_run *run;
	const struct fb_check_call *spec;
	struct fb_check_heard *heard;
	struct fb_host_call *call;
	json_t *keys;      /* asked for by act */
	int64_t no_ms;     /* when NO was answered first; 0 */
	int64_t deadline_ms, stopped_ms; /* stopped_ms: 0 */
	json_t *unanswered; /* the first request, of a slow engine */
	bool answered, done, vanish;
};

struct fb_check_host *fb_check_host_start(const struct fb_check_run *c, const char *program, int64_t load_ms)
{
	struct fb_check_host *h = fb_alloc(sizeof *h);
	const char *dirs[2] = {c->dir, NULL};
	struct fb_pool_options o = {.host_program = program, .plugin_dirs = dirs, .trusted_owner = c->trusted, .load_timeout_ms = load_ms};
	struct fb_err err;

	h->run = c;
	h->pool = fb_pool_new(&o);
	uv_loop_init(&h->loop);
	(void)!fb_pool_attach(h->pool, &h->loop, &err); /* a new pool has no loop: this cannot be refused */
	return h;
}

bool fb_check_all_gone(void)
{
	struct fb_proc v[DESCENDANTS];
	int64_t end = fb_clock_ms() + 1000;
	bool gone;

	while (!(gone = fb_proc_descendants(getpid(), v, DESCENDANTS) == 0) && fb_clock_ms() < end)
		usleep(2000);
	if (!gone)
		(void)!fb_proc_kill_descendants(getpid(), 1000);
	return gone;
}

bool fb_check_host_end(struct fb_check_host *h)
{
	fb_pool_free(h->pool);
	uv_run(&h->loop, UV_RUN_DEFAULT); /* handles that were closed */
	uv_loop_close(&h->loop);
	fb_free(h);
	return fb_check_all_gone();
}

const json_t *fb_check_host_describe(struct fb_check_host *h, struct fb_err *err, const char **ret_stage)
{
	const json_t *d = fb_pool_describe(h->pool, h->run->kind, h->run->name, err);

	*ret_stage = d ? "" : fb_pool_stage(h->pool, h->run->kind, h->run->name);
	return d;
}

static void fault(struct live *l, const char *format, ...) FB_PRINTF(2, 3);

static void fault(struct live *l, const char *format, ...)
{
	va_list args;

	if (l->heard->fault[0])
		return; /* the first one counts */
	va_start(args, format);
	vsnprintf(l->heard->fault, sizeof l->heard->fault, format, args);
	va_end(args);
}

static void reply(struct live *l, json_t *answer)
{
	fb_host_call_reply(l->call, answer, -1);
	json_decref(answer);
}

static void take_act(struct live *l, const json_t *frame)
{
	const char *key = json_string_value(json_object_get(frame, "key")), *text = json_string_value(json_object_get(frame, "text"));
	int answer = l->spec->act;

	l->heard->acts++;
	if (!text || !*text)
		fault(l, "asked for the action '%s' without a text that says what will change", key);
	if (json_object_get(l->keys, key) && answer != FB_ACT_UNSURE)
		fault(l, "asked twice for the action '%s': a key stands for one change of an operation", key);
	json_object_set_new(l->keys, key, json_true());
	if (answer != FB_ACT_DRY) {
		l->heard->refused++;
		if (!l->no_ms)
			l->no_ms = fb_clock_ms();
	}
	reply(l, answer == FB_CHECK_NOTHING ? json_object() : json_pack("{s:i}", "value", answer));
}

/* Documents and answers of an engine to which nothing has happened yet. */
static json_t *plain_answer(const struct live *l, const char *m, const json_t *frame)
{
	const char *name = json_string_value(json_object_get(frame, "name"));
	bool phase = strcmp(l->run->kind, "phase") == 0;

	if (strcmp(m, "document") == 0)
		return json_pack("{s:s?}", "value", fb_streq(name, "services") ? "{\"services\": []}" : fb_streq(name, "facts") ? "{}" : NULL);
	if (strcmp(m, "fact") == 0 || strcmp(m, "act_result") == 0)
		return json_pack("{s:n}", "value");
	if (strcmp(m, "operate") == 0)
		return json_pack("{s:i, s:{s:[]}}", "value", phase ? FB_OK : FB_FATAL, "json", "services");
	if (strcmp(m, "probe") == 0)
		return json_pack("{s:i, s:{s:[]}}", "value", phase ? FB_OK : FB_FATAL, "json", "checks");
	if (strcmp(m, "notify") == 0)
		return json_pack("{s:i, s:{s:[]}}", "value", phase ? FB_OK : FB_FATAL, "json", "deliveries");
	return json_pack("{s:i}", "value", 0);
}

static void take_request(struct live *l, const char *m, const json_t *frame)
{
	static const char *const phases_only[] = {"operate", "probe", "notify"};
	bool changes = strcmp(m, "start_service") == 0 || strcmp(m, "stop_service") == 0;

	for (size_t i = 0; i < 3; i++)
		if (strcmp(m, phases_only[i]) == 0 && strcmp(l->run->kind, "phase") != 0)
			fault(l, "asked for %s, which only a phase may", m);
	if (strcmp(m, "acted") == 0)
		fault(l, "said that '%s' was done, but act had not answered DO", json_string_value(json_object_get(frame, "key")));
	if (changes)
		fault(l, "asked for %s '%s', but act had not answered DO", m, json_string_value(json_object_get(frame, "name")));
	if (changes || strcmp(m, "acted") == 0 || (l->spec->deaf && l->spec->act != FB_CHECK_NOTHING && (strcmp(m, "fact_set") == 0 || strcmp(m, "evidence") == 0)))
		reply(l, json_pack("{s:i}", "value", -1));
	else if (l->spec->deaf && l->spec->act == FB_CHECK_NOTHING)
		reply(l, json_object());
	else
		reply(l, plain_answer(l, m, frame));
}

static void answer(struct live *l, const char *m, const json_t *frame)
{
	if (strcmp(m, "act") == 0)
		take_act(l, frame);
	else
		take_request(l, m, frame);
}

static void answer_late(struct live *l)
{
	json_t *frame = l->unanswered;

	l->unanswered = NULL;
	l->answered = true;
	if (frame)
		answer(l, json_string_value(json_object_get(frame, "m")), frame);
	json_decref(frame);
}

static void on_frame(void *ctx, struct fb_host_call *call, const char *m, json_t *frame, int fd)
{
	static const char *const told[] = {"log", "progress", "advise", "report", "sample", "retry_after"};
	struct live *l = ctx;

	l->call = call;
	if (fd >= 0)
		close(fd);
	if (l->spec->vanish)
		l->vanish = true;
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		if (strcmp(m, told[i]) == 0)
			return;
	l->heard->requests++;
	if (l->vanish)
		return; /* never answered */
	if (l->spec->slow && !l->answered)
		l->unanswered = json_incref(frame);
	else
		answer(l, m, frame);
}

static void on_done(void *ctx, struct fb_host_call *call, const struct fb_call_result *r)
{
	struct live *l = ctx;
	struct fb_check_heard *h = l->heard;

	(void)call;
	l->done = true;
	h->cause = r->cause;
	h->answer = r->answer;
	h->number = r->number;
	h->elapsed_ms = r->elapsed_us / 1000;
	h->after_no_ms = l->no_ms ? fb_clock_ms() - l->no_ms : -1;
	if (l->stopped_ms)
		h->over_ms = fb_clock_ms() - l->stopped_ms;
	else if (fb_clock_ms() >= l->deadline_ms)
		h->over_ms = fb_clock_ms() - l->deadline_ms;
	snprintf(h->message, sizeof h->message, "%s", r->message ? r->message : "");
	if (json_array_size(r->leftovers))
		snprintf(h->leftover, sizeof h->leftover, "%s", json_string_value(json_array_get(r->leftovers, 0)));
}

static json_t *context_of(const struct fb_check_run *c, const struct fb_check_call *call)
{
	static const char *const back[] = {"restore", "verify", "protect", "evidence", "cleanup"};
	char time[FB_TIME_SIZE];
	bool recovery = false;
	json_t *event;

	for (size_t i = 0; i < sizeof back / sizeof *back; i++)
		recovery |= strcmp(call->operation, back[i]) == 0;
	event = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s}}", "id", "check-1", "name", "rollback.completed", "time", fb_clock_format(fb_clock_wall_ms(), time), "severity", "warning",
			  "summary", "failback plugin check: this is a test, web is back at 1.0", "incident", "INC-check", "data", "schema", "failback.event/1");
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:o}", "execution", "deploy-check-20260120t110000z-test", "environment", "check", "service", "web", "release",
			 recovery ? "1.0" : "2.0", "last_good", "1.0", "failed", recovery ? "2.0" : NULL, "link", "check", "reason", "failback plugin check tries this plugin", "archive",
			 call->archive ? call->archive : c->world.archive, "scratch", call->scratch ? call->scratch : c->world.scratch, "event", event);
}

/* What a strategy's undo takes back: the first that it offers of those that an undo is for. */
static const char *undone(const struct fb_check_run *c)
{
	static const char *const all[] = {"shift", "prepare", "protect", "restore"};
	const json_t *one;
	size_t k;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		json_array_foreach(json_object_get(c->descriptor, "operations"), k, one)
			if (fb_streq(json_string_value(one), all[i]))
				return all[i];
	return "restore";
}

static void on_tick(uv_timer_t *timer)
{
	(void)timer; /* it only wakes the loop */
}

/* Is it time to ask the operation to return? An observation goes on until it is asked to. */
static bool is_to_stop(const struct live *l, int64_t gone_ms)
{
	if (l->stopped_ms)
		return false;
	if (l->spec->stop && (l->unanswered || (l->spec->stop_ms && gone_ms >= l->spec->stop_ms)))
		return true;
	return strcmp(l->spec->operation, "observe") == 0 && gone_ms > 300;
}

/* The engine dies: nobody is told. What its host would do then waits, so that it is seen what the plugin does. */
static void __attribute__((noreturn)) die(struct fb_check_host *h)
{
	struct fb_proc v[8];
	int n = fb_pool_hosts(h->pool, v, NULL, 8);

	for (int i = 0; i < n; i++)
		(void)!fb_proc_signal(&v[i], SIGSTOP); /* one that is gone does nothing */
	for (;;)
		raise(SIGKILL);
}

/* Runs the loop until the call has ended. */
static void follow(struct fb_check_host *h, struct live *l)
{
	int64_t began = fb_clock_ms();
	uv_timer_t tick;

	uv_timer_init(&h->loop, &tick);
	uv_timer_start(&tick, on_tick, 20, 20);
	while (!l->done && !l->vanish) {
		int64_t now = fb_clock_ms();

		if (is_to_stop(l, now - began)) {
			l->stopped_ms = now;
			fb_host_call_stop(l->call, false);
		}
		if (l->unanswered && (l->spec->stop ? l->stopped_ms != 0 : now >= l->deadline_ms + LATE_MS))
			answer_late(l);
		uv_run(&h->loop, UV_RUN_ONCE);
		if (l->spec->vanish && fb_clock_ms() - began > VANISH_MS)
			l->vanish = true;
	}
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&h->loop, UV_RUN_NOWAIT);
}

void fb_check_make_call(const struct fb_check_run *c, struct fb_check_host *h, const struct fb_check_call *call, struct fb_check_heard *ret)
{
	bool strategy = strcmp(c->kind, "strategy") == 0, undo = strcmp(call->operation, "undo") == 0;
	struct live l = {.run = c, .spec = call, .heard = ret, .keys = json_object()};
	char *before = fb_world_snapshot(&c->world), *after, *changed, *log = fb_asprintf("%s/log", c->world.base);
	json_t *context = context_of(c, call);
	struct fb_call_spec spec = {.kind = c->kind, .name = c->name, .operation = undo && strategy ? undone(c) : call->operation, .attempt = 1, .share = 10000,
				    .flags = call->flags | (undo ? FB_CALL_UNDO : 0), .deadline_ms = fb_clock_ms() + (call->within_ms ? call->within_ms : c->within_ms),
				    .grace_ms = call->grace_ms ? call->grace_ms : GRACE_MS, .context = context, .options = c->options, .redactor = c->redactor, .log_path = log,
				    .log_limit = LOG_LIMIT, .frame = on_frame, .done = on_done, .ctx = &l};

	if (!json_is_null(json_object_get(context, "failed")))
		spec.flags |= FB_CALL_RECOVERY;
	*ret = (struct fb_check_heard){.after_no_ms = -1, .over_ms = -1};
	l.deadline_ms = spec.deadline_ms;
	l.call = fb_host_call(h->pool, &spec);
	follow(h, &l);
	if (!l.done)
		die(h);
	after = fb_world_snapshot(&c->world);
	changed = fb_world_difference(&c->world, before, after);
	if (changed)
		snprintf(ret->changed, sizeof ret->changed, "%s", changed);
	fb_free(changed);
	fb_free(after);
	fb_free(before);
	fb_free(log);
	json_decref(context);
	json_decref(l.keys);
	json_decref(l.unanswered);
}
