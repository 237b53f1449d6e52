/* SPDX-License-Identifier: Apache-2.0 */
/* The phase protect-traffic. */
#include "plugins/phases/test_phase.h"

static void says_that_no_user_is_sent_to_the_failed_release(void **state)
{
	struct script s = {.operate = {{FB_OP_PROTECT, OK_BACKEND, 0}}};
	struct fake *f = script_new("phase-protect-traffic", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_string_equal(said(f), "no user of backend is sent to release 2.0 any more");
	assert_true(json_is_null(json_object_get(json_array_get(f->operated, 0), "service")));
	fake_free(f);
}

static void fails_with_the_strategy_s_own_words(void **state)
{
	struct script s = {.operate = {{FB_OP_PROTECT, FAIL_BACKEND, 0}}};
	struct fake *f = script_new("phase-protect-traffic", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_non_null(strstr(f->message, "backend: no route to 10.0.0.7"));
	assert_string_equal(said(f), "");
	fake_free(f);
}

static void is_skipped_when_no_strategy_can_protect(void **state)
{
	struct script s = {.operate = {{FB_OP_PROTECT, SKIP_BACKEND, 0}}};
	struct fake *f = script_new("phase-protect-traffic", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_SKIP);
	assert_non_null(strstr(said(f), "nothing to protect"));
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_that_no_user_is_sent_to_the_failed_release),
		cmocka_unit_test(fails_with_the_strategy_s_own_words),
		cmocka_unit_test(is_skipped_when_no_strategy_can_protect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
