/* SPDX-License-Identifier: Apache-2.0 */
/* What the messages of a program do: each is one function of the host's table, in JSON. They have been checked already (message.c). */
#include "plugins/common/exec/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOR(kind) (1u << FB_KIND_##kind)

static const char *text_of(const json_t *m, const char *name)
{
	return json_string_value(json_object_get(m, name));
}

static int64_t number_of(const json_t *m, const char *name, int64_t absent)
{
	const json_t *v = json_object_get(m, name);

	return json_is_integer(v) ? json_integer_value(v) : absent;
}

/* The place of a word among the message's own, 0 for the first; absent when it is not there. */
static int32_t word_of(const json_t *m, const char *name, const char *words, int32_t absent)
{
	const char *s = text_of(m, name);
	int32_t i = 0;

	for (const char *p = words; s && *p; i++) {
		size_t n = strcspn(p, "|");

		if (n == strlen(s) && !memcmp(p, s, n))
			return i;
		p += n + (p[n] == '|');
	}
	return absent;
}

static void set(char **place, const char *text)
{
	free(*place);
	*place = run_copy(text);
}

static void answer_done(struct exec *x, int32_t r)
{
	exec_answer(x, r ? "no" : "ok", NULL);
}

/* A text that may be there. */
static void answer_text(struct exec *x, const char *s)
{
	exec_answer(x, s ? "ok" : "none", s ? json_pack("{s:s}", "value", s) : NULL);
}

/* ---- told ---- */

#define LEVELS "debug|info|warning|error"

static void tell_log(struct exec *x, const json_t *m)
{
	x->call->host->log(x->call, word_of(m, "level", LEVELS, FB_LOG_INFO), "%s", text_of(m, "text"));
}

static void tell_fail(struct exec *x, const json_t *m)
{
	set(&x->fail, text_of(m, "text"));
}

static void tell_advise(struct exec *x, const json_t *m)
{
	if (*text_of(m, "text"))
		x->call->host->advise(x->call, text_of(m, "text"), text_of(m, "command"));
	else
		exec_bad(x, "sent 'advise' with an empty 'text'");
}

static void tell_progress(struct exec *x, const json_t *m)
{
	int64_t bp = number_of(m, "basis_points", -1);

	if (bp < -1 || bp > 10000)
		exec_bad(x, "sent 'progress' with the basis_points %" PRId64 ": they go from 0 to 10000, or -1 for unknown", bp);
	else
		x->call->host->progress(x->call, (int32_t)bp, text_of(m, "text") ? text_of(m, "text") : "");
}

static void tell_report(struct exec *x, const json_t *m)
{
	char *json = json_dumps(json_object_get(m, "value"), JSON_COMPACT | JSON_ENCODE_ANY);

	if (!json || !*text_of(m, "member") || x->call->host->report(x->call, text_of(m, "member"), json))
		exec_bad(x, "sent a 'report' of '%.40s' that was not taken: at most 256 KiB, and a name", text_of(m, "member"));
	free(json);
}

#define STATES "healthy|warning|failed|blind"

static void tell_health(struct exec *x, const json_t *m)
{
	const json_t *value = json_object_get(m, "value");
	double d = json_number_value(value);

	if (value && !json_is_null(value) && (!json_is_number(value) || fabs(d) >= 9e12)) {
		exec_bad(x, "sent 'health' with a wrong 'value': it must be a number below 9e12");
		return;
	}
	x->health.told = true;
	x->health.state = word_of(m, "state", STATES, 3) + FB_HEALTH_HEALTHY;
	x->health.latency_us = number_of(m, "latency_us", -1);
	x->health.value_u = json_is_number(value) ? (int64_t)(d * 1e6 + (d < 0 ? -0.5 : 0.5)) : INT64_MIN;
	set(&x->health.text, text_of(m, "text"));
}

static void tell_sample(struct exec *x, const json_t *m)
{
	const json_t *up = json_object_get(m, "up");
	struct fb_sample s = {.release = text_of(m, "release"), .source = text_of(m, "source"), .requests = number_of(m, "requests", -1), .failed = number_of(m, "failed", -1),
			      .in_flight = number_of(m, "in_flight", -1), .latency_us = number_of(m, "latency_us", -1), .aborted = number_of(m, "aborted", -1),
			      .up = json_is_boolean(up) ? json_is_true(up) : -1, .reset = json_is_true(json_object_get(m, "reset"))};

	if (x->call->operation == FB_OP_OBSERVE)
		x->call->host->sample(x->call, &s);
	else
		exec_bad(x, "sent 'sample' in the operation %s: it is for observe only", exec_operation_name(x->call));
}

static void tell_retry_after(struct exec *x, const json_t *m)
{
	x->call->host->retry_after(x->call, number_of(m, "ms", 0));
}

/* ---- asked: the journal ---- */

#define SCOPES "execution|own|service"
#define REPEATS "idempotent|probe|once|again"

static bool has_key(struct exec *x, const json_t *m, const char *what)
{
	if (*text_of(m, "key"))
		return true;
	exec_bad(x, "asked '%s' with an empty 'key'", what);
	return false;
}

static int32_t scope_of(const json_t *m)
{
	return word_of(m, "scope", SCOPES, 0) + FB_SCOPE_EXECUTION;
}

static void ask_fact(struct exec *x, const json_t *m)
{
	if (has_key(x, m, "fact"))
		answer_text(x, x->call->host->fact(x->call, scope_of(m), text_of(m, "key")));
}

static void ask_fact_set(struct exec *x, const json_t *m)
{
	if (has_key(x, m, "fact_set"))
		answer_done(x, x->call->host->fact_set(x->call, scope_of(m), text_of(m, "key"), text_of(m, "value")));
}

static void ask_act(struct exec *x, const json_t *m)
{
	static const char *const words[] = {"no", "do", "done", "unsure", "dry"};
	const struct fb_host *h = x->call->host;
	const char *key = text_of(m, "key"), *result;
	int32_t repeat = word_of(m, "repeat", REPEATS, 0) + FB_REPEAT_IDEMPOTENT, answer;

	if (!has_key(x, m, "act"))
		return;
	if (!*text_of(m, "text")) {
		exec_bad(x, "asked to act '%.40s' with an empty 'text': it says what will change, for dry run, audit and report", key);
		return;
	}
	if (x->refused) {
		exec_bad(x, "asked to act '%.40s' after '%.40s' was answered \"no\": it must return at once", key, x->refused);
		return;
	}
	if (json_object_get(x->open, key) && repeat != FB_REPEAT_AGAIN) {
		exec_bad(x, "asked to act '%.40s' a second time before it said how it ended: 'acted' is missing", key);
		return;
	}
	answer = h->act(x->call, key, repeat, text_of(m, "text"));
	if (answer < FB_ACT_NO || answer > FB_ACT_DRY)
		answer = FB_ACT_NO;
	if (answer == FB_ACT_NO)
		set(&x->refused, key);
	if (answer == FB_ACT_DO || answer == FB_ACT_UNSURE)
		json_object_set_new(x->open, key, json_string(text_of(m, "text")));
	result = answer == FB_ACT_DONE ? h->act_result(x->call, key) : NULL;
	exec_answer(x, words[answer], result ? json_pack("{s:s}", "result", result) : NULL);
}

static void ask_acted(struct exec *x, const json_t *m)
{
	const char *key = text_of(m, "key");
	int32_t r;

	if (!json_object_get(x->open, key)) {
		exec_bad(x, "said that '%.40s' was made, but was not told to make it: only \"do\" and \"unsure\" are followed by 'acted'", key);
		return;
	}
	r = x->call->host->acted(x->call, key, text_of(m, "result"));
	if (!r)
		json_object_del(x->open, key);
	answer_done(x, r);
}

static void ask_act_result(struct exec *x, const json_t *m)
{
	if (has_key(x, m, "act_result"))
		answer_text(x, x->call->host->act_result(x->call, text_of(m, "key")));
}

/* ---- asked: documents and evidence ---- */

static void ask_document(struct exec *x, const json_t *m)
{
	const char *text = x->call->host->document(x->call, text_of(m, "name"));
	json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	exec_answer(x, value ? "ok" : "none", value ? json_pack("{s:o}", "value", value) : NULL);
}

static void ask_evidence(struct exec *x, const json_t *m)
{
	const struct fb_host *h = x->call->host;
	const char *path = text_of(m, "path"), *name = text_of(m, "name"), *text = text_of(m, "text"), *title = text_of(m, "title");

	if (!*title || (path != NULL) == (text != NULL) || (text && (!name || !*name)) || (path && *path != '/'))
		exec_bad(x, "asked for 'evidence' without what it needs: a title, and an absolute path, or a name and a text");
	else if (path)
		answer_done(x, h->evidence(x->call, path, title));
	else
		answer_done(x, h->evidence_text(x->call, name, title, text, strlen(text)));
}

static void ask_remaining(struct exec *x, const json_t *m)
{
	(void)m;
	exec_answer(x, "ok", json_pack("{s:I}", "ms", (json_int_t)x->call->host->remaining_ms(x->call)));
}

/* ---- asked: what outlives the call ---- */

static void ask_start_service(struct exec *x, const json_t *m)
{
	const json_t *argv = json_object_get(m, "argv");
	const char *shell = text_of(m, "shell"), *key;
	struct run_spec spec = {0};
	json_t *item;
	int64_t pid = 0;
	size_t i;
	int32_t r;

	if ((json_array_size(argv) > 0) == (shell != NULL) || !*text_of(m, "name")) {
		exec_bad(x, "asked for 'start_service' without what it needs: a name, and either argv or shell");
		return;
	}
	spec.argv = argv ? calloc(json_array_size(argv) + 1, sizeof(*spec.argv)) : NULL;
	json_array_foreach((json_t *)(uintptr_t)argv, i, item)
		if (spec.argv)
			spec.argv[i] = run_copy(json_string_value(item));
	spec.shell = run_copy(shell);
	spec.command.shell = spec.shell;
	spec.command.argv = (const char *const *)spec.argv;
	spec.command.log = text_of(m, "log");
	run_set_directory(&spec, text_of(m, "directory"));
	json_object_foreach(json_object_get(m, "environment"), key, item)
		run_add_environment(&spec, key, json_string_value(item));
	r = x->call->host->start_service(x->call, text_of(m, "name"), &spec.command, &pid);
	exec_answer(x, r ? "no" : "ok", r ? NULL : json_pack("{s:I}", "pid", (json_int_t)pid));
	run_clear(&spec);
}

static void ask_stop_service(struct exec *x, const json_t *m)
{
	answer_done(x, x->call->host->stop_service(x->call, text_of(m, "name"), number_of(m, "grace_ms", 2000)));
}

static void ask_service_pid(struct exec *x, const json_t *m)
{
	int64_t pid = x->call->host->service_pid(x->call, text_of(m, "name"));

	exec_answer(x, pid ? "ok" : "none", pid ? json_pack("{s:I}", "pid", (json_int_t)pid) : NULL);
}

/* ---- asked: what the core does for a phase ---- */

static void answer_work(struct exec *x, int32_t answer, const char *json)
{
	static const char *const words[] = {"ok", "skip", "retry", "fail", "fatal"};
	json_t *value = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;

	exec_answer(x, words[answer >= FB_OK && answer <= FB_FATAL ? answer : FB_FATAL], json_pack("{s:o}", "value", value ? value : json_object()));
}

#define OPERATIONS "state|capture|prove|prepare|shift|protect|restore|verify|evidence|observe|commit|cleanup"

static void ask_operate(struct exec *x, const json_t *m)
{
	int32_t operation = word_of(m, "operation", OPERATIONS, 0);
	/* The words stand in the header's order, where observe comes after evidence; it is the one that cannot be asked for. */
	uint32_t number = FB_OP_STATE + (uint32_t)operation;
	uint32_t flags = (json_is_true(json_object_get(m, "undo")) ? FB_CALL_UNDO : 0) | (json_is_true(json_object_get(m, "preserve")) ? FB_CALL_PRESERVE : 0);
	int64_t share = number_of(m, "share", 0);
	const char *json = NULL;
	int32_t answer;

	if (number == FB_OP_OBSERVE || share < 0 || share > 10000) {
		exec_bad(x, number == FB_OP_OBSERVE ? "asked to operate observe: it runs by itself" : "asked to operate with a 'share' outside of 0 to 10000");
		return;
	}
	answer = x->call->host->operate(x->call, number, text_of(m, "service"), (uint32_t)share, flags, &json);
	answer_work(x, answer, json);
}

static void ask_probe(struct exec *x, const json_t *m)
{
	const char *json = NULL;
	int32_t answer = x->call->host->probe(x->call, text_of(m, "service"), &json);

	answer_work(x, answer, json);
}

static void ask_notify(struct exec *x, const json_t *m)
{
	const char *json = NULL;
	int32_t answer = x->call->host->notify(x->call, text_of(m, "name"), text_of(m, "summary"), number_of(m, "wait_ms", 0), &json);

	answer_work(x, answer, json);
}

const struct exec_message exec_messages[] = {
	{"log", false, 0, tell_log, {"C level " LEVELS, "s text"}},
	{"fail", false, 0, tell_fail, {"s text"}},
	{"advise", false, 0, tell_advise, {"s text", "S command"}},
	{"progress", false, 0, tell_progress, {"I basis_points", "S text"}},
	{"report", false, FOR(PHASE) | FOR(STRATEGY), tell_report, {"s member", "v value"}},
	{"health", false, FOR(CHECK), tell_health, {"c state " STATES, "I latency_us", "V value", "S text"}},
	{"sample", false, FOR(STRATEGY), tell_sample,
	 {"S release", "S source", "I requests", "I failed", "I in_flight", "I latency_us", "I aborted", "b up", "b reset"}},
	{"retry_after", false, FOR(NOTIFIER), tell_retry_after, {"i ms"}},
	{"fact", true, 0, ask_fact, {"C scope " SCOPES, "s key"}},
	{"fact_set", true, 0, ask_fact_set, {"C scope " SCOPES, "s key", "s value"}},
	{"act", true, FOR(PHASE) | FOR(STRATEGY), ask_act, {"s key", "c repeat " REPEATS, "s text"}},
	{"acted", true, FOR(PHASE) | FOR(STRATEGY), ask_acted, {"s key", "S result"}},
	{"act_result", true, FOR(PHASE) | FOR(STRATEGY), ask_act_result, {"s key"}},
	{"document", true, 0, ask_document, {"s name"}},
	{"evidence", true, FOR(PHASE) | FOR(STRATEGY), ask_evidence, {"s title", "S path", "S name", "S text"}},
	{"remaining", true, 0, ask_remaining, {NULL}},
	{"start_service", true, FOR(PHASE) | FOR(STRATEGY), ask_start_service, {"s name", "l argv", "S shell", "S directory", "m environment", "S log"}},
	{"stop_service", true, FOR(PHASE) | FOR(STRATEGY), ask_stop_service, {"s name", "I grace_ms"}},
	{"service_pid", true, FOR(PHASE) | FOR(STRATEGY), ask_service_pid, {"s name"}},
	{"operate", true, FOR(PHASE), ask_operate, {"c operation " OPERATIONS, "S service", "I share", "b undo", "b preserve"}},
	{"probe", true, FOR(PHASE), ask_probe, {"S service"}},
	{"notify", true, FOR(PHASE), ask_notify, {"S name", "S summary", "I wait_ms"}},
	{0},
};
