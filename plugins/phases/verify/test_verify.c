/* SPDX-License-Identifier: Apache-2.0 */
/* The phase verify: a whole window without one failure, seen. */
#include "plugins/phases/test_phase.h"

#define FAST "{\"stable_for\": \"30ms\", \"interval\": \"2ms\"}"

static void holds_for_the_whole_window(void **state)
{
	struct script s = {.operate = {{FB_OP_VERIFY, OK_BACKEND, 0}}, .probe = {{HEALTHY, 0}}};
	struct fake *f = script_new("phase-verify", FAST, &s);
	int64_t began = fake_now_ms();

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_true(fake_now_ms() - began >= 29);
	assert_non_null(strstr(said(f), "2 of 2 checks healthy for "));
	assert_int_equal(json_array_size(json_object_get(f->reports, "checks")), 2);
	fake_free(f);
}

static void a_failure_starts_the_window_anew(void **state)
{
	struct script s = {.probe = {{HEALTHY, 2}, {FAILING, 1}, {HEALTHY, 1}, {BLIND, 0}}};
	struct fake *f = script_new("phase-verify", "{\"stable_for\": \"5s\", \"interval\": \"20ms\"}", &s);

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 6000;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_non_null(strstr(f->message, "seen healthy for 0 ms of 5.0 s"));
	fake_free(f);
}

static void blind_rounds_do_not_start_the_window_anew(void **state)
{
	struct script s = {.probe = {{HEALTHY, 2}, {BLIND, 0}}};
	struct fake *f = script_new("phase-verify", "{\"stable_for\": \"5s\", \"interval\": \"20ms\"}", &s);

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 6000;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_non_null(strstr(f->message, "seen healthy for "));
	assert_null(strstr(f->message, "seen healthy for 0 ms"));
	fake_free(f);
}

static void blind_rounds_do_not_count(void **state)
{
	struct script s = {.probe = {{HEALTHY, 1}, {BLIND, 1}, {HEALTHY, 1}, {BLIND, 1}, {HEALTHY, 1}, {BLIND, 0}}};
	struct fake *f = script_new("phase-verify", "{\"stable_for\": \"1ms\", \"interval\": \"5ms\"}", &s);

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 300;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_non_null(strstr(f->message, "seen healthy for 0 ms"));
	fake_free(f);
}

static void is_never_satisfied_by_blindness(void **state)
{
	struct script s = {.probe = {{BLIND, 0}}};
	struct fake *f = script_new("phase-verify", FAST, &s);

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 100;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_non_null(strstr(f->message, "health could not be seen: backend/http: resolver down"));
	fake_free(f);
}

static void gives_up_before_its_deadline_with_what_failed(void **state)
{
	struct script s = {.probe = {{FAILING, 0}}};
	struct fake *f = script_new("phase-verify", FAST, &s);

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 150;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_true(fake_now_ms() < f->call.deadline_ms + 1000);
	assert_non_null(strstr(f->message, "not stable: backend/http: 503 from /health"));
	fake_free(f);
}

static void strategies_are_asked_at_the_end_too(void **state)
{
	struct script s = {.operate = {{FB_OP_VERIFY, OK_BACKEND, 1}, {FB_OP_VERIFY, FAIL_BACKEND, 1}, {FB_OP_VERIFY, OK_BACKEND, 0}}, .probe = {{HEALTHY, 0}}};
	struct fake *f = script_new("phase-verify", FAST, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(json_array_size(f->operated), 4);
	fake_free(f);
}

static void strategies_alone_can_fill_the_window(void **state)
{
	struct script s = {.operate = {{FB_OP_VERIFY, OK_BACKEND, 0}}};
	struct fake *f = script_new("phase-verify", FAST, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_true(json_array_size(f->operated) > 2);
	assert_non_null(strstr(said(f), "no checks; strategies saw the release healthy for"));
	fake_free(f);
}

static void nothing_to_ask_is_a_failure_unless_allowed(void **state)
{
	struct script s = {.operate = {{FB_OP_VERIFY, SKIP_BACKEND, 0}}};
	struct fake *f = script_new("phase-verify", FAST, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_non_null(strstr(f->message, "nothing could be verified"));
	fake_set_options(f, "{\"allow_unverified\": true}");
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_SKIP);
	assert_non_null(strstr(said(f), "nothing was verified"));
	fake_free(f);
}

static void a_stop_ends_it_at_once(void **state)
{
	struct script s = {.probe = {{HEALTHY, 0}}};
	struct fake *f = script_new("phase-verify", "{\"stable_for\": \"10s\"}", &s);

	(void)state;
	f->stop = true;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_int_equal(json_array_size(f->probed), 1);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_for_the_whole_window),
		cmocka_unit_test(a_failure_starts_the_window_anew),
		cmocka_unit_test(blind_rounds_do_not_start_the_window_anew),
		cmocka_unit_test(blind_rounds_do_not_count),
		cmocka_unit_test(is_never_satisfied_by_blindness),
		cmocka_unit_test(gives_up_before_its_deadline_with_what_failed),
		cmocka_unit_test(strategies_are_asked_at_the_end_too),
		cmocka_unit_test(strategies_alone_can_fill_the_window),
		cmocka_unit_test(nothing_to_ask_is_a_failure_unless_allowed),
		cmocka_unit_test(a_stop_ends_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
