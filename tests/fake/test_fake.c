/* SPDX-License-Identifier: Apache-2.0 */
/* The fake host itself: options as the core normalises them, acts as the journal answers them, commands and services as they really run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/fake/host.h"

static const struct fb_option options[] = {
	{.name = "url", .type = FB_TYPE_URL, .flags = FB_OPTION_REQUIRED, .summary = "Where"},
	{.name = "timeout", .type = FB_TYPE_DURATION, .default_value = "5s", .alias = "timeout_seconds", .unit = "s", .summary = "How long"},
	{.name = "size", .type = FB_TYPE_SIZE, .default_value = "4KiB", .summary = "How much"},
	{.name = "share", .type = FB_TYPE_PERCENT, .default_value = "50%", .summary = "Part"},
	{.name = "follow", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Redirects"},
	{.name = "blue.server", .type = FB_TYPE_STRING, .default_value = "blue", .summary = "Server"},
	{.name = "headers", .type = FB_TYPE_MAP, .summary = "Headers"},
	{.name = "words", .type = FB_TYPE_LIST, .summary = "Words"},
	{.name = "items", .type = FB_TYPE_GROUPS, .summary = "Items"},
	{.name = "items[].path", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "Path"},
	{.name = "items[].keep", .type = FB_TYPE_INT, .default_value = "3", .min = 1, .max = 9, .summary = "Kept"},
	{0},
};

static int32_t (*run_now)(const struct fb_call *call);

static int32_t run(const struct fb_call *call)
{
	return run_now(call);
}

static const struct fb_plugin *plugin(void)
{
	static const struct fb_phase_ops ops = {.run = run};
	static struct fb_plugin p = {.kind = FB_KIND_PHASE, .name = "sample", .options = options, .phase = &ops};

	p.sizes[FB_SIZE_OPTION] = sizeof(struct fb_option);
	return &p;
}

static void options_are_normalised_and_defaults_filled_in(void **state)
{
	struct fake *f = fake_new_plugin(plugin(), "{\"url\": \"http://x/\", \"timeout_seconds\": 7, \"headers\": {\"X-Key\": 5},"
						   " \"items\": [{\"path\": \"/a\"}, {\"path\": \"/b\", \"keep\": 1}]}");
	const struct fb_host *h = f->call.host;

	(void)state;
	assert_int_equal(h->option_int(&f->call, "timeout", 0), 7000);
	assert_int_equal(h->option_int(&f->call, "size", 0), 4096);
	assert_int_equal(h->option_int(&f->call, "share", 0), 5000);
	assert_int_equal(h->option_int(&f->call, "follow", 0), 1);
	assert_string_equal(h->option(&f->call, "blue.server"), "blue");
	assert_int_equal(h->option_count(&f->call, "headers"), 1);
	assert_string_equal(h->option_key(&f->call, "headers", 0), "X-Key");
	assert_string_equal(h->option(&f->call, "headers.X-Key"), "5");
	assert_int_equal(h->option_count(&f->call, "items"), 2);
	assert_string_equal(h->option(&f->call, "items[1].path"), "/b");
	assert_int_equal(h->option_int(&f->call, "items[0].keep", 0), 3);
	assert_null(h->option(&f->call, "items[2].path"));
	assert_int_equal(h->option_int(&f->call, "none", -7), -7);
	fake_free(f);
}

static void options_that_the_core_would_refuse_are_refused(void **state)
{
	static const char *const cases[][2] = {
		{"{}", "required"},
		{"{\"url\": \"ftp://x\"}", "http"},
		{"{\"url\": \"http://x\", \"nonsense\": 1}", "not declared"},
		{"{\"url\": \"http://x\", \"follow\": \"yes\"}", "another type"},
		{"{\"url\": \"http://x\", \"items\": [{\"path\": \"/a\", \"keep\": 10}]}", "not within"},
		{"{\"url\": \"http://x\", \"items\": [{}]}", "required"},
		{"{\"url\": \"http://x\", \"blue\": {\"server\": 5}}", "another type"},
		{"{\"url\": \"http://x\", \"words\": \"one\"}", "another type"},
		{"{\"url\": \"http://x\", \"words\": [1]}", "another type"},
		{"{\"url\": \"http://x\", \"size\": 10}", "another type"},
		{"{\"url\": \"http://x\", \"blue\": {\"colour\": 1}}", "not declared"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *why = fake_refuse_options(plugin(), cases[i][0]);
		assert_non_null(why);
		assert_non_null(strstr(why, cases[i][1]));
		free(why);
	}
	assert_null(fake_refuse_options(plugin(), "{\"url\": \"http://x\"}"));
}

static int32_t act_twice(const struct fb_call *call)
{
	int32_t a = call->host->act(call, "one", FB_REPEAT_PROBE, "does one");

	if (a == FB_ACT_UNSURE)
		a = call->host->act(call, "one", FB_REPEAT_AGAIN, "does one");
	if (a == FB_ACT_DO && call->host->acted(call, "one", "r1")) {
		(call->host->fail)(call, "lost"); /* fail( is a macro of cmocka */
		return FB_FAIL;
	}
	return a == FB_ACT_NO ? FB_FAIL : FB_OK;
}

static void acts_are_answered_as_the_journal_would(void **state)
{
	struct fake *f = fake_new_plugin(plugin(), "{\"url\": \"http://x\"}");
	const struct fb_host *h = f->call.host;
	char *keys;

	(void)state;
	run_now = act_twice;
	fake_lose_acted(f, "one");
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_false(fake_did(f, "one"));
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK); /* UNSURE, AGAIN, DO */
	assert_true(fake_did(f, "one"));
	assert_string_equal(h->act_result(&f->call, "one"), "r1");
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK); /* DONE */
	assert_int_equal(json_integer_value(json_object_get(fake_act(f, "one"), "answer")), FB_ACT_DONE);
	keys = fake_act_keys(f);
	assert_string_equal(keys, "one one one one");
	free(keys);
	fake_forget(f, true);
	fake_answer(f, "one", FB_ACT_NO);
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	fake_answer(f, "one", -1);
	f->call.flags = FB_CALL_DRY_RUN;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_false(fake_did(f, "one"));
	fake_free(f);
}

static void commands_really_run(void **state)
{
	struct fake *f = fake_new_plugin(plugin(), "{\"url\": \"http://x\"}");
	const struct fb_host *h = f->call.host;
	const char *env[] = {"WHO=world", NULL}, *argv[] = {"/nonexistent/program", NULL};
	struct fb_command c = {.shell = "read a; echo \"$a $WHO $FAILBACK_SERVICE\"; pwd; exit 3", .input = "hello\n", .environment = env};
	struct fb_command_result r;

	(void)state;
	assert_int_equal(h->run(&f->call, &c, &r), 0);
	assert_int_equal(r.exit_code, 3);
	assert_string_equal(r.output, "hello world web\n/\n");
	c = (struct fb_command){.shell = "kill -9 $$"};
	assert_int_equal(h->run(&f->call, &c, &r), 0);
	assert_int_equal(r.signal, 9);
	assert_int_equal(r.exit_code, -1);
	c = (struct fb_command){.shell = "sleep 60 & sleep 60", .timeout_ms = 50};
	assert_int_equal(h->run(&f->call, &c, &r), 0);
	assert_int_equal(r.timed_out, 1);
	assert_true(r.elapsed_ms < 10000);
	c = (struct fb_command){.argv = argv};
	assert_int_equal(h->run(&f->call, &c, &r), -1);
	assert_true(fake_logged(f, "/nonexistent/program"));
	fake_free(f);
}

static void services_outlive_the_call_and_are_ended(void **state)
{
	struct fake *f = fake_new_plugin(plugin(), "{\"url\": \"http://x\"}");
	const struct fb_host *h = f->call.host;
	const struct fb_command c = {.shell = "trap '' TERM; while :; do sleep 1; done"};
	int64_t pid, again;

	(void)state;
	assert_int_equal(h->service_pid(&f->call, "web"), 0);
	assert_int_equal(h->start_service(&f->call, "web", &c, &pid), 0);
	assert_int_equal(h->start_service(&f->call, "web", &c, &again), 0);
	assert_int_equal(pid, again);
	assert_int_equal(h->service_pid(&f->call, "web"), pid);
	assert_int_equal(h->stop_service(&f->call, "web", 20), 0);
	assert_int_equal(h->service_pid(&f->call, "web"), 0);
	assert_int_equal(h->start_service(&f->call, "left", &c, &pid), 0);
	fake_free(f); /* ends it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_normalised_and_defaults_filled_in),
		cmocka_unit_test(options_that_the_core_would_refuse_are_refused),
		cmocka_unit_test(acts_are_answered_as_the_journal_would),
		cmocka_unit_test(commands_really_run),
		cmocka_unit_test(services_outlive_the_call_and_are_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
