/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Old plugins with new hosts and new plugins with old hosts: one sample of every kind, compiled against each frozen header, today's and a next one, run by
 * today's host, a next one, and both cut down to each release. What a side does not have reads as nothing, what it has arrives whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "host/operations.h"
#include "tests/abi/rig.h"

/* Today's header has all that was released, where it was released: this file does not compile otherwise. */
#include "tests/abi/1.0-rc/layout.h"
#include "tests/abi/1.0-rc2/layout.h"

struct side {
	const char *what, *path;
	bool next; /* has the members of the next minor */
};

static const struct side hosts[] = {
	{"today's host", "./failback-host", false},
	{"today's host cut to 1.0-rc", "tests/abi/host_cut", false},
	{"the next host", "tests/abi/host_next", true},
	{"the next host cut to 1.0-rc", "tests/abi/host_next_cut", false},
};

static const struct side plugins[] = {
	{"plugins of 1.0-rc", "tests/abi/built/1.0-rc", false},
	{"binaries kept of 1.0-rc", "tests/abi/built/1.0-rc-kept", false},
	{"plugins of 1.0-rc2", "tests/abi/built/1.0-rc2", false},
	{"binaries kept of 1.0-rc2", "tests/abi/built/1.0-rc2-kept", false},
	{"today's plugins", "tests/abi/built/today", false},
	{"plugins of the next minor", "tests/abi/built/next", true},
};

#define CONTEXT                                                                                                                                   \
	"\"execution\":\"e-1\",\"environment\":\"production\",\"service\":\"web\",\"release\":\"2.1\",\"last_good\":\"2.0\",\"failed\":\"2.2\",\"link\":\"l\"," \
	"\"reason\":\"why\",\"archive\":\"/archive\",\"scratch\":\"/scratch\""

/* One meeting of a host and plugins, and what is expected of the call under way */
struct meeting {
	const struct side *host, *plugins;
	struct rig rig;
	struct heard *h;
	size_t line; /* how many have been compared */
};

static bool both_next(const struct meeting *m)
{
	return m->host->next && m->plugins->next;
}

static void begin(struct meeting *m, const struct ask *ask)
{
	m->h = rig_begin(&m->rig, ask);
	m->line = 0;
}

static void said(struct meeting *m, const char *format, ...) FB_PRINTF(2, 3);

/* The next line of the log */
static void said(struct meeting *m, const char *format, ...)
{
	const json_t *frame = rig_frame(m->h, "log", m->line++);
	const char *line = json_string_value(json_object_get(frame, "text"));
	struct fb_text expected = {0};
	va_list args;

	va_start(args, format);
	fb_text_vprintf(&expected, format, args);
	va_end(args);
	if (!line || strcmp(line, expected.p) != 0)
		fail_msg("%s with %s: line %zu is\n%s\nexpected\n%s\n(%s)", m->host->what, m->plugins->what, m->line, line ? line : "not there", expected.p, m->h->message);
	fb_text_clear(&expected);
}

/* What a plugin of the next minor sees of what only a host of the next minor has */
static void said_next(struct meeting *m, const char *what)
{
	if (m->plugins->next)
		said(m, "next %s: %s", what, m->host->next ? "told by the host 7 9" : "- 0 0");
}

static void said_call(struct meeting *m, unsigned operation, unsigned flags, unsigned share)
{
	said(m, "call: operation %u flags %u attempt 1 share %u", operation, flags, share);
	said(m, "call: e-1 production web 2.1 2.0 2.2 l");
	said(m, "call: why /archive /scratch deadline 1");
	said_next(m, "call");
}

static void end(struct meeting *m, int answer, const char *message)
{
	assert_null(rig_frame(m->h, "log", m->line));
	if (m->h->r.cause != FB_CAUSE_ANSWER || m->h->r.answer != answer)
		fail_msg("%s with %s: cause %d, answer %d, %s", m->host->what, m->plugins->what, m->h->r.cause, m->h->r.answer, m->h->message);
	assert_string_equal(m->h->message, message);
	rig_forget(m->h);
}

static const char *frame_text(const struct meeting *m, const char *method, size_t n, const char *member)
{
	const char *s = json_string_value(json_object_get(rig_frame(m->h, method, n), member));

	return s ? s : "(none)";
}

static json_int_t frame_number(const struct meeting *m, const char *method, size_t n, const char *member)
{
	return json_integer_value(json_object_get(rig_frame(m->h, method, n), member));
}

static void option_is(const json_t *options, size_t i, const char *name, const char *type, const char *default_value, const char *unit)
{
	const json_t *o = json_array_get(options, i);
	const char *d = json_string_value(json_object_get(o, "default")), *u = json_string_value(json_object_get(o, "unit"));

	assert_string_equal(json_string_value(json_object_get(o, "name")), name);
	assert_string_equal(json_string_value(json_object_get(o, "type")), type);
	assert_string_equal(d ? d : "-", default_value);
	assert_string_equal(u ? u : "-", unit);
}

/* Its array is walked by the plugin's stride: the last entry is as whole as the first. */
static void descriptor_is_whole(struct meeting *m)
{
	struct fb_err err = {0};
	const json_t *d = fb_pool_describe(m->rig.pool, "phase", "sample", &err), *options = json_object_get(d, "options"), *o;
	size_t i;

	if (!d)
		fail_msg("%s with %s: %s", m->host->what, m->plugins->what, err.text);
	assert_string_equal(json_string_value(json_object_get(d, "abi")), m->plugins->next ? "1.1" : "1.0");
	assert_string_equal(json_string_value(json_object_get(d, "version")), "1.2");
	assert_string_equal(json_string_value(json_object_get(d, "summary")), both_next(m) ? "told by the plugin" : "A sample");
	assert_int_equal(json_array_size(options), 18);
	option_is(options, 0, "string", "string", "-", "-");
	option_is(options, 3, "duration", "duration", "5s", "s");
	option_is(options, 4, "size", "size", "4KiB", "bytes");
	option_is(options, 5, "choice", "choice", "b", "-");
	option_is(options, 17, "groups[].count", "int", "3", "-");
	assert_true(json_is_true(json_object_get(json_array_get(options, 0), "secret")));
	assert_true(json_is_true(json_object_get(json_array_get(options, 1), "required")));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(options, 1), "max")), 10);
	assert_int_equal(json_array_size(json_object_get(json_array_get(options, 5), "choices")), 2);
	json_array_foreach(options, i, o)
		assert_int_equal(strcmp(json_string_value(json_object_get(o, "summary")), "told by the plugin") == 0, both_next(m));
}

#define OPTIONS                                                                                                                                        \
	"{\"string\":\"s\",\"int\":4,\"bool\":false,\"command\":\"true\",\"command-list\":[\"a\",\"b\"],\"list\":[\"x\",\"y\"],\"map\":{\"a\":\"1\",\"b\":\"2\"}," \
	"\"group\":{\"member\":\"m\"},\"groups\":[{\"path\":\"/a\",\"count\":5},{\"path\":\"/b\"}]}"

static void lines_are(struct meeting *m, const char *const *lines)
{
	for (; *lines; lines++)
		said(m, "%s", *lines);
}

static void a_phase_runs(struct meeting *m)
{
	static const char *const first[] = {"option string=s", "option choice=b", "option other-choice=b", "option url=http://localhost/", "option path=/etc", "option float=0.5",
		"option command=true", "option group.member=m", "option groups[1].path=/b", "option map.b=2", "option nothing=-", "option_int int=4", "option_int bool=0",
		"option_int duration=5000", "option_int size=4096", "option_int percent=5000", "option_int groups[0].count=5", "option_int nothing=-7", "option_count list=2",
		"option_count map=2", "option_count groups=2", "option_count command-list=2", "option_count nothing=0", "option_key 1=b", "option_key 9=-", "option list[1]=y",
		"fact=blue", "fact_set=0", "act=1", "acted=0", "act_result=was made", "run=0",
		"result: exit 3 signal 0 timed out 0 reserved 0 size 23 elapsed 1 guard 1", "output: /\nfrom its input of it\n", NULL};
	static const char *const second[] = {"run=0", "result: exit -1 signal 9 guard 1", "start_service=0", "pid=99", "service_pid=4711", "stop_service=0",
		"evidence: cannot open /proc/self/there-is-none: No such file or directory", "evidence=-1", "evidence_text=0", "report=0", "document=[]", "remaining_ms=1", "sleep_ms=0",
		"operate=1", "operated: {\"services\":[]}", "probe=0", "probed: {\"checks\":[]}", "notify=3", "notified: {}", NULL};

	begin(m, &(struct ask){.name = "sample", .share = 77, .flags = FB_CALL_RECOVERY, .options = OPTIONS, .context = "{" CONTEXT "}"});
	json_object_set_new(m->h->replies, "fact", json_pack("{s:s}", "value", "blue"));
	json_object_set_new(m->h->replies, "act", json_pack("{s:i}", "value", FB_ACT_DO));
	json_object_set_new(m->h->replies, "act_result", json_pack("{s:s}", "value", "was made"));
	json_object_set_new(m->h->replies, "start_service", json_pack("{s:i, s:i}", "value", 0, "pid", 99));
	json_object_set_new(m->h->replies, "service_pid", json_pack("{s:i}", "value", 4711));
	json_object_set_new(m->h->replies, "document", json_pack("{s:s}", "value", "[]"));
	json_object_set_new(m->h->replies, "operate", json_pack("{s:i, s:{s:[]}}", "value", FB_SKIP, "json", "services"));
	json_object_set_new(m->h->replies, "probe", json_pack("{s:i, s:{s:[]}}", "value", FB_OK, "json", "checks"));
	json_object_set_new(m->h->replies, "notify", json_pack("{s:i}", "value", FB_FAIL));
	rig_wait(m->h);
	said_call(m, FB_OP_RUN, FB_CALL_RECOVERY, 77);
	lines_are(m, first);
	said_next(m, "result");
	lines_are(m, second);
	if (both_next(m))
		said(m, "the host was asked: hello");
	if (m->plugins->next)
		said(m, "next service: %d", m->host->next ? 42 : -1);
	assert_string_equal(frame_text(m, "fact_set", 0, "value"), "green");
	assert_string_equal(frame_text(m, "act", 0, "text"), "first");
	assert_string_equal(frame_text(m, "start_service", 0, "shell"), "kill -9 $$");
	assert_string_equal(frame_text(m, "start_service", 0, "log"), both_next(m) ? "told by the plugin" : "other.log");
	assert_int_equal(frame_number(m, "stop_service", 0, "grace_ms"), 100);
	assert_string_equal(m->h->evidence, "12345");
	assert_string_equal(frame_text(m, "report", 0, "member"), "items");
	assert_int_equal(frame_number(m, "progress", 0, "bp"), 2500);
	assert_string_equal(frame_text(m, "advise", 0, "command"), "ls");
	assert_string_equal(frame_text(m, "operate", 0, "operation"), "verify");
	assert_string_equal(frame_text(m, "operate", 0, "service"), "web");
	assert_int_equal(frame_number(m, "operate", 0, "flags"), FB_CALL_UNDO);
	assert_string_equal(frame_text(m, "notify", 0, "summary"), "it has begun");
	end(m, FB_RETRY, "failed as it should");
}

/* An operation of the plain form: says its name and its call */
static void an_operation_runs(struct meeting *m, const char *kind, const char *operation, const char *name, unsigned flags)
{
	begin(m, &(struct ask){.kind = kind, .name = "sample", .operation = operation, .share = 5000, .flags = flags, .context = "{" CONTEXT "}"});
	rig_wait(m->h);
	said(m, "%s", name);
	said_call(m, fb_operation_number(operation), flags, 5000);
	end(m, FB_OK, "");
}

static void a_strategy_runs(struct meeting *m)
{
	static const char *const all[] = {"check", "state", "capture", "prove", "prepare", "shift", "protect", "restore", "verify", "evidence", "commit", "cleanup"};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		an_operation_runs(m, "strategy", all[i], all[i], i % 2 ? FB_CALL_RESUMED : FB_CALL_PRESERVE);
	an_operation_runs(m, "strategy", "shift", "undo", FB_CALL_UNDO);
	begin(m, &(struct ask){.kind = "strategy", .name = "sample", .operation = "observe"});
	rig_wait(m->h);
	for (int i = 0; i < 3; i++) {
		said(m, "round %d: fd -1 events 0 until 0 state %d", i, i > 0);
		said_next(m, "wait");
		assert_string_equal(frame_text(m, "sample", (size_t)i, "release"), "2.1");
		assert_string_equal(frame_text(m, "sample", (size_t)i, "source"), both_next(m) ? "told by the plugin" : "a counter");
		assert_int_equal(frame_number(m, "sample", (size_t)i, "requests"), 100 + i);
		assert_int_equal(frame_number(m, "sample", (size_t)i, "failed"), 2);
		assert_int_equal(frame_number(m, "sample", (size_t)i, "in_flight"), 3);
		assert_int_equal(frame_number(m, "sample", (size_t)i, "latency_us"), 4);
		assert_int_equal(frame_number(m, "sample", (size_t)i, "aborted"), -1);
		assert_int_equal(frame_number(m, "sample", (size_t)i, "up"), 1);
		assert_int_equal(json_is_true(json_object_get(rig_frame(m->h, "sample", (size_t)i), "reset")), i == 0);
	}
	end(m, FB_OK, "");
}

static void health_is_whole(struct meeting *m)
{
	assert_int_equal(json_integer_value(json_object_get(m->h->health, "state")), FB_HEALTH_WARNING);
	assert_int_equal(json_integer_value(json_object_get(m->h->health, "latency_us")), 1500);
	assert_int_equal(json_integer_value(json_object_get(m->h->health, "value_u")), 2500000);
	assert_string_equal(json_string_value(json_object_get(m->h->health, "text")), both_next(m) ? "told by the plugin" : "as it should be");
}

static void a_check_runs(struct meeting *m)
{
	an_operation_runs(m, "check", "check", "check", FB_CALL_DRY_RUN);
	begin(m, &(struct ask){.kind = "check", .name = "sample", .operation = "probe", .context = "{" CONTEXT "}"});
	rig_wait(m->h);
	said_call(m, FB_OP_PROBE, 0, 0);
	said(m, "health: state 0 reserved 0 latency -1 value 1 text -");
	said_next(m, "health");
	health_is_whole(m);
	end(m, FB_OK, "");
	begin(m, &(struct ask){.kind = "check", .name = "stepping", .operation = "probe"});
	rig_wait(m->h);
	for (int i = 0; i < 3; i++) {
		said(m, "step %d: fd -1 events 0 until 0 state %d", i, i > 0);
		said_next(m, "wait");
	}
	said(m, "health: state 0 reserved 0 latency -1 value 1 text -");
	said_next(m, "health");
	said(m, "end: state 1");
	health_is_whole(m);
	end(m, FB_OK, "");
}

static void a_notifier_runs(struct meeting *m)
{
	an_operation_runs(m, "notifier", "check", "check", 0);
	begin(m, &(struct ask){.kind = "notifier", .name = "sample", .operation = "notify",
			       .context = "{" CONTEXT ",\"event\":{\"id\":\"i\",\"name\":\"n\",\"time\":\"t\",\"severity\":\"s\",\"summary\":\"u\",\"incident\":\"c\",\"data\":{\"a\":1},\"report\":\"/r\"}}"});
	rig_wait(m->h);
	said_call(m, FB_OP_NOTIFY, 0, 0);
	said(m, "event: i n t s u c {\"a\":1} /r");
	said_next(m, "event");
	assert_int_equal(frame_number(m, "retry_after", 0, "ms"), 1500);
	end(m, FB_RETRY, "come back later");
}

static void meet(const struct side *host, const struct side *with)
{
	struct meeting m = {.host = host, .plugins = with};
	struct stat st;

	if (stat(with->path, &st) < 0) {
		if (!strstr(with->path, "-kept")) /* binaries are kept of some machines; all else was just built */
			fail_msg("%s: there is no folder %s", with->what, with->path);
		print_message("  %s: none for this machine\n", with->what);
		return;
	}
	print_message("  %s, %s\n", host->what, with->what);
	rig_start_host(&m.rig, host->path, with->path);
	descriptor_is_whole(&m);
	a_phase_runs(&m);
	an_operation_runs(&m, "phase", "check", "check", 0);
	an_operation_runs(&m, "phase", "undo", "undo", 0);
	an_operation_runs(&m, "phase", "run", "undo", FB_CALL_UNDO);
	a_strategy_runs(&m);
	a_check_runs(&m);
	a_notifier_runs(&m);
	rig_end(&m.rig);
}

static void plugins_of_every_release_work_with_hosts_of_every_release(void **state)
{
	(void)state;
	for (size_t h = 0; h < sizeof hosts / sizeof *hosts; h++)
		for (size_t p = 0; p < sizeof plugins / sizeof *plugins; p++)
			meet(&hosts[h], &plugins[p]);
}

#ifdef __x86_64__
static void binaries_of_every_release_are_kept_for_this_machine(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat("tests/abi/built/1.0-rc-kept/phase-sample.so", &st), 0);
	assert_int_equal(stat("tests/abi/built/1.0-rc2-kept/phase-sample.so", &st), 0);
}
#endif

static void a_plugin_that_needs_a_newer_host_is_refused_by_one_that_was_cut(void **state)
{
	struct rig rig;
	struct fb_err err = {0};

	(void)state;
	rig_start_host(&rig, "tests/abi/host_next_cut", "tests/abi/built/next-only");
	assert_null(fb_pool_describe(rig.pool, "notifier", "sample", &err));
	assert_non_null(strstr(err.text, "needs a host with plugin ABI 1.1 or newer, this failback has 1.0: install a newer failback"));
	rig_end(&rig);
	rig_start_host(&rig, "tests/abi/host_next", "tests/abi/built/next-only");
	assert_non_null(fb_pool_describe(rig.pool, "notifier", "sample", &err));
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plugins_of_every_release_work_with_hosts_of_every_release),
#ifdef __x86_64__
		cmocka_unit_test(binaries_of_every_release_are_kept_for_this_machine),
#endif
		cmocka_unit_test(a_plugin_that_needs_a_newer_host_is_refused_by_one_that_was_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
