/* SPDX-License-Identifier: Apache-2.0 */
/* The fake host's table: what a plugin asks is recorded and answered as the test has scripted it. Processes are in process.c, options in options.c. */
#include "tests/fake/private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"

static struct fake *fake_of(const struct fb_call *call)
{
	assert_non_null(call);
	assert_non_null(call->handle);
	return call->handle;
}

const char *fake_keep(struct fake *f, int slot, char *text)
{
	fb_free(f->p->kept[slot]);
	f->p->kept[slot] = text;
	return text;
}

static char *FB_PRINTF(1, 0) format_text(const char *format, va_list args)
{
	struct fb_text t = {0};

	fb_text_vprintf(&t, format, args);
	return fb_text_take(&t);
}

static void FB_PRINTF(3, 4) host_log(const struct fb_call *call, int32_t level, const char *format, ...)
{
	va_list args;
	json_t *text;
	char *s;

	assert_true(level >= FB_LOG_DEBUG && level <= FB_LOG_ERROR);
	va_start(args, format);
	s = format_text(format, args);
	va_end(args);
	if (getenv("FB_TEST_VERBOSE"))
		fprintf(stderr, "[log %d] %s\n", (int)level, s);
	text = json_string(s);
	json_array_append_new(fake_of(call)->logs, json_pack("{s:i,s:o}", "level", level, "text", text ? text : json_string("(not UTF-8)")));
	fb_free(s);
}

static void FB_PRINTF(2, 3) host_fail(const struct fb_call *call, const char *format, ...)
{
	struct fake *f = fake_of(call);
	va_list args;

	fb_free(f->message);
	va_start(args, format);
	f->message = format_text(format, args);
	va_end(args);
	assert_true(*f->message);
	if (getenv("FB_TEST_VERBOSE"))
		fprintf(stderr, "[fail] %s\n", f->message);
}

static void host_advise(const struct fb_call *call, const char *text, const char *command)
{
	assert_true(text && *text);
	json_array_append_new(fake_of(call)->advice, json_pack("{s:s,s:s?}", "text", text, "command", command));
}

static void host_progress(const struct fb_call *call, int32_t bp, const char *text)
{
	assert_in_range(bp + 1, 0, 10001);
	json_array_append_new(fake_of(call)->progress, json_pack("{s:i,s:s?}", "bp", bp, "text", text));
}

static const char *host_option(const struct fb_call *call, const char *path)
{
	struct fake *f = fake_of(call);

	return fake_keep(f, KEPT_OPTION, fake_scalar_text(fake_find(f->options, path)));
}

static int64_t host_option_int(const struct fb_call *call, const char *path, int64_t absent)
{
	const json_t *v = fake_find(fake_of(call)->options, path);

	if (json_is_boolean(v))
		return json_is_true(v);
	return json_is_integer(v) ? json_integer_value(v) : absent;
}

static uint32_t host_option_count(const struct fb_call *call, const char *path)
{
	const json_t *v = fake_find(fake_of(call)->options, path);

	return (uint32_t)(json_is_object(v) ? json_object_size(v) : json_array_size(v));
}

static const char *host_option_key(const struct fb_call *call, const char *path, uint32_t index)
{
	struct fake *f = fake_of(call);
	json_t *map = (json_t *)fake_find(f->options, path), *v;
	const char *key;

	json_object_foreach(map, key, v)
		if (!index--)
			return fake_keep(f, KEPT_KEY, fb_strdup(key));
	return NULL;
}

static char *fact_name(int32_t scope, const char *key)
{
	assert_in_range(scope, FB_SCOPE_EXECUTION, FB_SCOPE_SERVICE);
	assert_true(key && *key);
	return fb_asprintf("%d/%s", (int)scope, key);
}

static const char *host_fact(const struct fb_call *call, int32_t scope, const char *key)
{
	struct fake *f = fake_of(call);
	char *name = fact_name(scope, key);
	const char *s = json_string_value(json_object_get(f->facts, name));

	fb_free(name);
	return fake_keep(f, KEPT_FACT, s ? fb_strdup(s) : NULL);
}

static int32_t host_fact_set(const struct fb_call *call, int32_t scope, const char *key, const char *value)
{
	char *name = fact_name(scope, key);
	int rc = json_object_set_new(fake_of(call)->facts, name, json_string(value));

	fb_free(name);
	return rc ? -1 : 0;
}

static char *journal_key(const struct fb_call *call, const char *key)
{
	return fb_asprintf("%s/%u/%s/%s", call->link ? call->link : "", call->operation, call->flags & FB_CALL_UNDO ? "undo" : "do", key);
}

/* What the journal would answer (plugin.h, FB_REPEAT_). */
static int32_t journal_answer(const json_t *entry, int32_t repeat)
{
	if (!entry)
		return FB_ACT_DO;
	if (json_is_true(json_object_get(entry, "done")))
		return FB_ACT_DONE;
	switch (repeat) {
	case FB_REPEAT_IDEMPOTENT:
	case FB_REPEAT_AGAIN:
		return FB_ACT_DO;
	case FB_REPEAT_PROBE:
		return FB_ACT_UNSURE;
	default:
		return FB_ACT_NO;
	}
}

static int32_t host_act(const struct fb_call *call, const char *key, int32_t repeat, const char *text)
{
	struct fake *f = fake_of(call);
	const json_t *scripted;
	char *name;
	json_t *entry;
	int32_t answer;

	if (!key || !*key)
		fail_msg("act without a key");
	if (!text || !*text)
		fail_msg("act '%s' has no text", key);
	if (repeat < FB_REPEAT_IDEMPOTENT || repeat > FB_REPEAT_AGAIN)
		fail_msg("act '%s': repeat %d is none", key, (int)repeat);
	if (f->p->refused)
		fail_msg("act '%s' was asked for after an act was answered NO", key);
	name = journal_key(call, key);
	entry = json_object_get(f->p->journal, name);
	if (json_is_true(json_object_get(entry, "open")) && repeat != FB_REPEAT_AGAIN)
		fail_msg("act '%s' was asked for again while it is open: acted is missing", key);
	scripted = json_object_get(f->p->answers, key);
	answer = scripted ? (int32_t)json_integer_value(scripted) : journal_answer(entry, repeat);
	if (repeat == FB_REPEAT_AGAIN && answer == FB_ACT_UNSURE)
		answer = FB_ACT_DO;
	if (call->flags & FB_CALL_DRY_RUN)
		answer = FB_ACT_DRY;
	if (f->stop)
		answer = FB_ACT_NO;
	f->p->refused = answer == FB_ACT_NO;
	if (answer == FB_ACT_DO || answer == FB_ACT_UNSURE)
		json_object_set_new(f->p->journal, name, json_pack("{s:b,s:b}", "done", 0, "open", 1));
	json_array_append_new(f->acts, json_pack("{s:s,s:i,s:s,s:i,s:b}", "key", key, "repeat", repeat, "text", text, "answer", answer, "acted", 0));
	fb_free(name);
	return answer;
}

static int32_t host_acted(const struct fb_call *call, const char *key, const char *result)
{
	struct fake *f = fake_of(call);
	char *name = journal_key(call, key);
	json_t *entry = json_object_get(f->p->journal, name), *act = NULL, *v;
	size_t i;

	fb_free(name);
	if (!json_is_true(json_object_get(entry, "open")))
		fail_msg("acted '%s' without an open act", key);
	json_object_set_new(entry, "open", json_false());
	if (json_object_get(f->p->lost, key)) {
		json_object_del(f->p->lost, key);
		f->p->refused = true;
		return -1;
	}
	json_object_set_new(entry, "done", json_true());
	if (result)
		json_object_set_new(entry, "result", json_string(result));
	json_array_foreach(f->acts, i, v)
		if (fb_streq(json_string_value(json_object_get(v, "key")), key))
			act = v;
	assert_non_null(act);
	json_object_set_new(act, "acted", json_true());
	if (result)
		json_object_set_new(act, "result", json_string(result));
	return 0;
}

static const char *host_act_result(const struct fb_call *call, const char *key)
{
	struct fake *f = fake_of(call);
	char *name = journal_key(call, key);
	const char *s = json_string_value(json_object_get(json_object_get(f->p->journal, name), "result"));

	fb_free(name);
	return fake_keep(f, KEPT_RESULT, s ? fb_strdup(s) : NULL);
}

static int32_t host_evidence(const struct fb_call *call, const char *path, const char *title)
{
	struct fb_err err;
	char *text;
	size_t size;

	assert_true(path && *path && title && *title);
	if (fb_io_read_file(path, 4 << 20, &text, &size, &err)) {
		host_log(call, FB_LOG_WARNING, "%s", err.text);
		return -1;
	}
	json_array_append_new(fake_of(call)->evidence, json_pack("{s:s,s:s,s:s}", "path", path, "title", title, "text", text));
	free(text);
	return 0;
}

static int32_t host_evidence_text(const struct fb_call *call, const char *name, const char *title, const char *text, uint64_t size)
{
	assert_true(name && *name && title && *title);
	json_array_append_new(fake_of(call)->evidence, json_pack("{s:s,s:s,s:s%}", "name", name, "title", title, "text", text, (size_t)size));
	return 0;
}

static int32_t host_report(const struct fb_call *call, const char *member, const char *json)
{
	json_t *v = json && strlen(json) <= 256 * 1024 ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;

	assert_true(member && *member);
	return v ? json_object_set_new(fake_of(call)->reports, member, v) : -1;
}

static const char *host_document(const struct fb_call *call, const char *name)
{
	struct fake *f = fake_of(call);
	const json_t *v = json_object_get(f->documents, name);

	return fake_keep(f, KEPT_DOCUMENT, v ? json_dumps(v, JSON_COMPACT) : NULL);
}

static int64_t host_remaining(const struct fb_call *call)
{
	int64_t left = call->deadline_ms - fb_clock_ms();

	return fake_of(call)->stop || left < 0 ? 0 : left;
}

static int32_t host_sleep(const struct fb_call *call, int64_t ms)
{
	struct fake *f = fake_of(call);
	int64_t left = host_remaining(call), sleep = ms < left ? ms : left;

	f->slept_ms += sleep;
	if (f->skip_sleeps)
		f->call.deadline_ms -= sleep;
	else if (sleep > 0)
		nanosleep(&(struct timespec){.tv_sec = sleep / 1000, .tv_nsec = sleep % 1000 * 1000000}, NULL);
	return ms > left || f->stop ? -1 : 0;
}

static void give_json(struct fake *f, const char **ret_json, json_t *v, const char *absent)
{
	if (ret_json)
		*ret_json = fake_keep(f, KEPT_JSON, v ? json_dumps(v, JSON_COMPACT) : fb_strdup(absent));
	json_decref(v);
}

static int32_t host_operate(const struct fb_call *call, uint32_t operation, const char *service, uint32_t share, uint32_t flags, const char **ret_json)
{
	struct fake *f = fake_of(call);
	json_t *v = NULL;
	int32_t answer;

	assert_in_range(operation, FB_OP_STATE, FB_OP_CLEANUP);
	json_array_append_new(f->operated, json_pack("{s:i,s:s?,s:i,s:i}", "operation", (int)operation, "service", service, "share", (int)share, "flags", (int)flags));
	answer = f->operate ? f->operate(f, operation, service, &v) : FB_OK;
	give_json(f, ret_json, v, "{\"services\": []}");
	return answer;
}

static int32_t host_probe(const struct fb_call *call, const char *service, const char **ret_json)
{
	struct fake *f = fake_of(call);
	json_t *v = NULL;
	int32_t answer;

	json_array_append_new(f->probed, service ? json_string(service) : json_null());
	answer = f->probe ? f->probe(f, service, &v) : FB_OK;
	give_json(f, ret_json, v, "{\"checks\": []}");
	return answer;
}

static int32_t host_notify(const struct fb_call *call, const char *name, const char *summary, int64_t wait_ms, const char **ret_json)
{
	struct fake *f = fake_of(call);
	json_t *v = NULL;
	int32_t answer;

	json_array_append_new(f->notified, json_pack("{s:s?,s:s?,s:I}", "name", name, "summary", summary, "wait_ms", (json_int_t)wait_ms));
	answer = f->notify ? f->notify(f, name, summary, &v) : FB_OK;
	give_json(f, ret_json, v, "{\"deliveries\": []}");
	return answer;
}

static void host_sample(const struct fb_call *call, const struct fb_sample *s)
{
	json_array_append_new(fake_of(call)->samples,
			      json_pack("{s:s?,s:s?,s:I,s:I,s:I,s:I,s:I,s:i,s:i}", "release", s->release, "source", s->source, "requests", (json_int_t)s->requests,
					"failed", (json_int_t)s->failed, "in_flight", (json_int_t)s->in_flight, "latency_us", (json_int_t)s->latency_us,
					"aborted", (json_int_t)s->aborted, "up", s->up, "reset", s->reset));
}

static void host_retry_after(const struct fb_call *call, int64_t ms)
{
	fake_of(call)->retry_ms = ms;
}

const struct fb_host fake_table = {
	.log = host_log,
	.fail = host_fail,
	.advise = host_advise,
	.progress = host_progress,
	.option = host_option,
	.option_int = host_option_int,
	.option_count = host_option_count,
	.option_key = host_option_key,
	.fact = host_fact,
	.fact_set = host_fact_set,
	.act = host_act,
	.acted = host_acted,
	.act_result = host_act_result,
	.run = fake_run,
	.start_service = fake_start_service,
	.stop_service = fake_stop_service,
	.service_pid = fake_service_pid,
	.evidence = host_evidence,
	.evidence_text = host_evidence_text,
	.report = host_report,
	.document = host_document,
	.remaining_ms = host_remaining,
	.sleep_ms = host_sleep,
	.operate = host_operate,
	.probe = host_probe,
	.notify = host_notify,
	.sample = host_sample,
	.retry_after = host_retry_after,
};
