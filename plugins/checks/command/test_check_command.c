/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/fake/host.h"

struct expectation {
	const char *options;
	int32_t state;
	const char *text;
};

static void probes(const struct expectation *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct fake *f = fake_new("check-command", cases[i].options);
		assert_int_equal(fake_call(f, FB_OP_CHECK), FB_OK);
		assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
		if (f->health.state != cases[i].state || !strstr(f->health.text, cases[i].text))
			fail_msg("%s: state %d, '%s'", cases[i].options, (int)f->health.state, f->health.text);
		fake_free(f);
	}
}
#define PROBES(cases) probes(cases, sizeof(cases) / sizeof((cases)[0]))

static void an_exit_code_is_healthy_or_failed(void **state)
{
	static const struct expectation cases[] = {
		{"{\"run\": \"exit 0\"}", FB_HEALTH_HEALTHY, "exit code 0"},
		{"{\"run\": \"echo disk full; exit 1\"}", FB_HEALTH_FAILED, "exit code 1: disk full"},
		{"{\"command\": [\"/bin/sh\", \"-c\", \"exit $1\", \"sh\", \"3\"]}", FB_HEALTH_FAILED, "exit code 3"},
		{"{\"run\": \"test \\\"$COLOUR\\\" = blue\", \"environment\": {\"COLOUR\": \"blue\"}}", FB_HEALTH_HEALTHY, ""},
		{"{\"run\": \"test $(pwd) = /tmp\", \"directory\": \"/tmp\"}", FB_HEALTH_HEALTHY, ""},
	};

	(void)state;
	PROBES(cases);
}

static void nagios_codes_have_four_meanings(void **state)
{
	static const struct expectation cases[] = {
		{"{\"mode\": \"nagios\", \"run\": \"exit 0\"}", FB_HEALTH_HEALTHY, ""},
		{"{\"mode\": \"nagios\", \"run\": \"exit 1\"}", FB_HEALTH_WARNING, ""},
		{"{\"mode\": \"nagios\", \"run\": \"exit 2\"}", FB_HEALTH_FAILED, ""},
		{"{\"mode\": \"nagios\", \"run\": \"exit 3\"}", FB_HEALTH_BLIND, ""},
		{"{\"mode\": \"nagios\", \"run\": \"exit 77\"}", FB_HEALTH_BLIND, ""},
	};

	(void)state;
	PROBES(cases);
}

#define NUMBER(print, rest) "{\"mode\": \"number\", \"run\": \"" print "\", " rest "}"

static void a_number_is_held_against_thresholds(void **state)
{
	static const struct expectation cases[] = {
		{NUMBER("echo 10", "\"threshold_warning\": 80, \"threshold_critical\": 95"), FB_HEALTH_HEALTHY, "10"},
		{NUMBER("echo 80", "\"threshold_warning\": 80, \"threshold_critical\": 95"), FB_HEALTH_WARNING, "80"},
		{NUMBER("echo 95.5", "\"threshold_warning\": 80, \"threshold_critical\": 95"), FB_HEALTH_FAILED, "95.5"},
		{NUMBER("echo 5", "\"direction\": \"below\", \"threshold_warning\": 10, \"threshold_critical\": 2"), FB_HEALTH_WARNING, "below"},
		{NUMBER("echo 1e0", "\"direction\": \"below\", \"threshold_warning\": 10, \"threshold_critical\": 2"), FB_HEALTH_FAILED, "below"},
		{NUMBER("echo looking; echo ' 3 '; echo", "\"threshold_critical\": 5"), FB_HEALTH_HEALTHY, "3"},
	};

	(void)state;
	PROBES(cases);
}

static void what_saw_nothing_is_blind(void **state)
{
	static const struct expectation cases[] = {
		{"{\"run\": \"/nonexistent/command\"}", FB_HEALTH_BLIND, "127"},
		{"{\"run\": \"/etc\"}", FB_HEALTH_BLIND, "126"},
		{"{\"run\": [\"/nonexistent/command\"]}", FB_HEALTH_BLIND, "could not be started"},
		{"{\"run\": \"kill -SEGV $$\"}", FB_HEALTH_BLIND, "SIGSEGV"},
		{NUMBER("echo nan", "\"threshold_critical\": 5"), FB_HEALTH_BLIND, "not a number"},
		{NUMBER("echo inf", "\"threshold_critical\": 5"), FB_HEALTH_BLIND, "not a number"},
		{NUMBER("echo null", "\"threshold_critical\": 5"), FB_HEALTH_BLIND, "null"},
		{NUMBER("true", "\"threshold_critical\": 5"), FB_HEALTH_BLIND, "not a number"},
		{NUMBER("echo 1; exit 7", "\"threshold_critical\": 5"), FB_HEALTH_BLIND, "exit code 7"},
	};

	(void)state;
	PROBES(cases);
}

static void a_command_that_does_not_end_is_ended(void **state)
{
	struct fake *f = fake_new("check-command", "{\"run\": \"sleep 60\"}");

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 250;
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	assert_true(fake_now_ms() < f->call.deadline_ms + 10000);
	assert_int_equal(f->health.state, FB_HEALTH_FAILED);
	assert_non_null(strstr(f->health.text, "not finished"));
	fake_set_options(f, "{\"run\": \"sleep 60\", \"on_timeout\": \"blind\"}");
	f->call.deadline_ms = fake_now_ms() + 250;
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	assert_int_equal(f->health.state, FB_HEALTH_BLIND);
	fake_free(f);
}

static void the_number_is_the_value_in_millionths(void **state)
{
	struct fake *f = fake_new("check-command", NUMBER("echo 12.25", "\"threshold_critical\": 100"));

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	assert_int_equal(f->health.value_u, 12250000);
	assert_true(f->health.latency_us >= 0);
	fake_free(f);
}

static void options_that_cannot_work_are_refused_before(void **state)
{
	static const char *const cases[][2] = {
		{"{\"run\": \"true\", \"mode\": \"number\"}", "threshold_critical"},
		{"{\"run\": \"true\", \"threshold_critical\": 5}", "mode"},
		{NUMBER("echo 1", "\"threshold_warning\": 9, \"threshold_critical\": 5"), "can never warn"},
		{NUMBER("echo 1", "\"direction\": \"below\", \"threshold_warning\": 1, \"threshold_critical\": 5"), "can never warn"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake *f = fake_new("check-command", cases[i][0]);
		assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
		assert_non_null(strstr(f->message, cases[i][1]));
		fake_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exit_code_is_healthy_or_failed),
		cmocka_unit_test(nagios_codes_have_four_meanings),
		cmocka_unit_test(a_number_is_held_against_thresholds),
		cmocka_unit_test(what_saw_nothing_is_blind),
		cmocka_unit_test(a_command_that_does_not_end_is_ended),
		cmocka_unit_test(the_number_is_the_value_in_millionths),
		cmocka_unit_test(options_that_cannot_work_are_refused_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
