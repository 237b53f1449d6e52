/* SPDX-License-Identifier: Apache-2.0 */
/* The phase restore: two halves, and nothing is switched before all are ready. */
#include "plugins/phases/test_phase.h"

#define MIXED "[{\"service\": \"database\", \"answer\": 0, \"message\": null, \"skipped\": false}," \
	      " {\"service\": \"backend\", \"answer\": 2, \"message\": \"the old pod is not ready\", \"skipped\": false}]"

static void prepares_every_member_before_it_switches_one(void **state)
{
	struct script s = {.operate = {{FB_OP_PREPARE, OK_BACKEND, 0}, {FB_OP_RESTORE, OK_BACKEND, 0}}};
	struct fake *f = script_new("phase-restore", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(json_array_size(f->operated), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(f->operated, 0), "operation")), FB_OP_PREPARE);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(f->operated, 1), "operation")), FB_OP_RESTORE);
	assert_string_equal(said(f), "previous version restored: release 1.0 live on backend");
	fake_free(f);
}

static void switches_nothing_when_one_member_cannot_be_made_ready(void **state)
{
	struct script s = {.operate = {{FB_OP_PREPARE, FAIL_BACKEND, 0}, {FB_OP_RESTORE, OK_BACKEND, 0}}};
	struct fake *f = script_new("phase-restore", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_false(operated(f, FB_OP_RESTORE));
	assert_non_null(strstr(f->message, "nothing has been switched"));
	assert_non_null(strstr(f->message, "no route to 10.0.0.7"));
	fake_free(f);
}

static void a_strategy_without_prepare_is_switched_all_the_same(void **state)
{
	struct script s = {.operate = {{FB_OP_RESTORE, OK_BACKEND, 0}}};
	struct fake *f = script_new("phase-restore", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_true(operated(f, FB_OP_RESTORE));
	fake_free(f);
}

static void says_which_members_are_restored_and_which_are_not(void **state)
{
	struct script s = {.operate = {{FB_OP_PREPARE, OK_BACKEND, 0}, {FB_OP_RESTORE, MIXED, 0}}};
	struct fake *f = script_new("phase-restore", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_RETRY);
	assert_string_equal(f->message, "restored: database; not restored: backend: the old pod is not ready");
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prepares_every_member_before_it_switches_one),
		cmocka_unit_test(switches_nothing_when_one_member_cannot_be_made_ready),
		cmocka_unit_test(a_strategy_without_prepare_is_switched_all_the_same),
		cmocka_unit_test(says_which_members_are_restored_and_which_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
