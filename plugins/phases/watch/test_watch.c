/* SPDX-License-Identifier: Apache-2.0 */
/* The phase watch: fails on failures in a row, never on blindness. */
#include "plugins/phases/test_phase.h"

#define FAST "{\"for\": \"500ms\", \"interval\": \"4ms\"}"

static void says_what_was_seen(void **state)
{
	struct script s = {.probe = {{HEALTHY, 0}}};
	struct fake *f = script_new("phase-watch", FAST, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_non_null(strstr(said(f), "2 of 2 checks healthy for "));
	assert_true(json_array_size(f->probed) > 1);
	fake_free(f);
}

static void fails_when_one_check_failed_three_times_in_a_row(void **state)
{
	struct script s = {.probe = {{HEALTHY, 1}, {FAILING, 0}}};
	struct fake *f = script_new("phase-watch", "{\"for\": \"20s\", \"interval\": \"1ms\"}", &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_int_equal(json_array_size(f->probed), 4);
	assert_non_null(strstr(f->message, "backend/http failed 3 times in a row: 503 from /health"));
	fake_free(f);
}

static void a_passing_round_between_failures_forgives_them(void **state)
{
	struct script s = {.probe = {{FAILING, 2}, {HEALTHY, 1}, {FAILING, 2}, {HEALTHY, 0}}};
	struct fake *f = script_new("phase-watch", "{\"for\": \"500ms\", \"interval\": \"1ms\"}", &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_non_null(strstr(said(f), "4 failed, 0 blind"));
	fake_free(f);
}

static void blindness_never_fails_a_deployment_but_is_said(void **state)
{
	struct script s = {.probe = {{BLIND, 0}}};
	struct fake *f = script_new("phase-watch", FAST, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_non_null(strstr(said(f), "nothing could be seen"));
	assert_true(fake_logged(f, "not seen healthy"));
	fake_free(f);
}

static void a_stop_is_not_a_success(void **state)
{
	struct script s = {.probe = {{HEALTHY, 0}}};
	struct fake *f = script_new("phase-watch", NULL, &s);

	(void)state;
	f->stop = true;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_non_null(strstr(f->message, "the watch ended after"));
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_was_seen),
		cmocka_unit_test(fails_when_one_check_failed_three_times_in_a_row),
		cmocka_unit_test(a_passing_round_between_failures_forgives_them),
		cmocka_unit_test(blindness_never_fails_a_deployment_but_is_said),
		cmocka_unit_test(a_stop_is_not_a_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
