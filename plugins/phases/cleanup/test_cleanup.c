/* SPDX-License-Identifier: Apache-2.0 */
/* The phase cleanup. */
#include "plugins/phases/test_phase.h"

static void keeps_what_failed_unless_told_otherwise(void **state)
{
	struct script s = {.operate = {{FB_OP_CLEANUP, OK_BACKEND, 0}}};
	struct fake *f = script_new("phase-cleanup", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(f->operated, 0), "flags")), FB_CALL_PRESERVE);
	assert_string_equal(said(f), "release 2.0 of backend kept for a look, out of users' way");
	fake_free(f);
}

static void removes_what_failed_when_told_so(void **state)
{
	struct script s = {.operate = {{FB_OP_CLEANUP, OK_BACKEND, 0}}};
	struct fake *f = script_new("phase-cleanup", "{\"preserve_failed_environment\": false}", &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(f->operated, 0), "flags")), 0);
	assert_string_equal(said(f), "release 2.0 of backend removed");
	fake_free(f);
}

static void a_failure_names_the_service_and_its_reason(void **state)
{
	struct script s = {.operate = {{FB_OP_CLEANUP, FAIL_BACKEND, 0}}};
	struct fake *f = script_new("phase-cleanup", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_non_null(strstr(f->message, "backend: no route to 10.0.0.7"));
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_failed_unless_told_otherwise),
		cmocka_unit_test(removes_what_failed_when_told_so),
		cmocka_unit_test(a_failure_names_the_service_and_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
