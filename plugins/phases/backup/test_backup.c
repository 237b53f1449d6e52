/* SPDX-License-Identifier: Apache-2.0 */
/* The phase backup: captured, proven, or a warning that nobody overlooks. */
#include "plugins/phases/test_phase.h"

#define ITEMS "[{\"service\": \"backend\", \"answer\": 0, \"message\": null, \"skipped\": false, \"elapsed_ms\": 400," \
	      " \"reported\": {\"items\": [{\"item\": \"image tag\", \"size\": 71}, {\"item\": \"environment\", \"size\": 512}]}}]"

static void reports_every_item_and_that_it_is_proven(void **state)
{
	struct script s = {.operate = {{FB_OP_CAPTURE, ITEMS, 0}, {FB_OP_PROVE, OK_BACKEND, 0}}};
	struct fake *f = script_new("phase-backup", NULL, &s);
	json_t *items, *item;

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	items = json_object_get(f->reports, "items");
	assert_int_equal(json_array_size(items), 2);
	item = json_array_get(items, 1);
	assert_string_equal(json_string_value(json_object_get(item, "service")), "backend");
	assert_string_equal(json_string_value(json_object_get(item, "item")), "environment");
	assert_int_equal(json_integer_value(json_object_get(item, "size")), 512);
	assert_true(json_is_true(json_object_get(item, "proven")));
	assert_non_null(strstr(said(f), "2 items backed up in "));
	assert_non_null(strstr(said(f), "can restore: proven"));
	fake_free(f);
}

static void a_backup_without_a_proof_is_not_called_proven(void **state)
{
	struct script s = {.operate = {{FB_OP_CAPTURE, OK_BACKEND, 0}, {FB_OP_PROVE, SKIP_BACKEND, 0}}};
	struct fake *f = script_new("phase-backup", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_true(json_is_false(json_object_get(json_array_get(json_object_get(f->reports, "items"), 0), "proven")));
	assert_non_null(strstr(said(f), "not proven for backend"));
	fake_free(f);
}

static void a_proof_that_fails_ends_the_deployment(void **state)
{
	struct script s = {.operate = {{FB_OP_CAPTURE, OK_BACKEND, 0}, {FB_OP_PROVE, FAIL_BACKEND, 0}}};
	struct fake *f = script_new("phase-backup", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_non_null(strstr(f->message, "could not be proven: backend: no route to 10.0.0.7"));
	fake_free(f);
}

static void a_backup_that_is_not_required_becomes_a_warning(void **state)
{
	struct script s = {.operate = {{FB_OP_CAPTURE, FAIL_BACKEND, 0}}};
	struct fake *f = script_new("phase-backup", "{\"required\": false}", &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_SKIP);
	assert_true(fake_logged(f, "Backup not created - rollback may be limited"));
	assert_false(operated(f, FB_OP_PROVE));
	fake_free(f);
}

static void nothing_to_record_is_a_warning_too(void **state)
{
	struct script s = {.operate = {{FB_OP_CAPTURE, SKIP_BACKEND, 0}}};
	struct fake *f = script_new("phase-backup", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_SKIP);
	assert_non_null(strstr(said(f), "Backup not created - rollback may be limited"));
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_every_item_and_that_it_is_proven),
		cmocka_unit_test(a_backup_without_a_proof_is_not_called_proven),
		cmocka_unit_test(a_proof_that_fails_ends_the_deployment),
		cmocka_unit_test(a_backup_that_is_not_required_becomes_a_warning),
		cmocka_unit_test(nothing_to_record_is_a_warning_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
