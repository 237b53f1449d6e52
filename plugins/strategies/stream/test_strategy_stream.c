/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/test_item.h"

#define FIRST "{\"capture\": \"true\"}"
#define BOTH "\"capture\": \"cat %/data\", \"restore\": [\"/bin/sh\", \"-c\", \"cat > %/data.new && mv %/data.new %/data\"], \"on_rollback\": \"restore\""

static struct fake *begin(const char *options)
{
	struct fake *f = item_new("strategy-stream", FIRST, options);

	write_text(f, "data", "one\ntwo\n");
	return f;
}

static void what_a_command_printed_goes_back_through_another(void **state)
{
	struct fake *f = begin("{" BOTH ", \"version\": \"echo tool 3.1\"}");

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_OK);
	assert_sealed(f);
	assert_int_equal(json_integer_value(item_reported(f, "size")), 8);
	assert_int_equal(sh(f, "failback-store --store store show --set %s --item web.item | grep -q 'tool 3.1'", f->call.execution), 0);
	assert_call(f, FB_OP_PROVE, FB_OK);
	write_text(f, "data", "three\n");
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "data", "one\ntwo\n");
	fake_free(f);
}

static void a_command_that_fails_is_no_backup(void **state)
{
	struct fake *f = begin("{\"capture\": \"echo half; echo 'cannot read the rest' >&2; exit 3\"}");

	(void)state;
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "the output of 'echo half; echo 'cannot read the rest' >&2; exit 3' could not be backed up: exit code 76");
	fake_free(f);
}

static void a_command_that_prints_too_little_is_no_backup(void **state)
{
	struct fake *f = begin("{\"capture\": \"true\"}");

	(void)state;
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "has 0 bytes, and min_size is 1");
	set_item_options(f, "{\"capture\": \"true\", \"min_size\": \"0\"}");
	f->call.execution = "deploy-test-2";
	assert_call(f, FB_OP_CAPTURE, FB_OK);
	fake_free(f);
}

static void it_is_kept_for_people_unless_told_otherwise(void **state)
{
	struct fake *f = begin("{\"capture\": \"cat %/data\", \"restore\": \"cat > %/data\"}");

	(void)state;
	assert_sealed(f);
	write_text(f, "data", "three\n");
	assert_call(f, FB_OP_RESTORE, FB_SKIP);
	assert_text(f, "data", "three\n");
	fake_free(f);
}

static void prove_runs_over_what_was_stored(void **state)
{
	struct fake *f = begin("{" BOTH ", \"verify\": \"restore\", \"prove\": \"grep -q $WORD\", \"environment\": {\"WORD\": \"two\"}}");

	(void)state;
	assert_sealed(f);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_string_equal(json_string_value(item_reported(f, "proven_by")), "restore");
	set_item_options(f, "{" BOTH ", \"verify\": \"restore\", \"prove\": \"cat > %/seen; echo 'no word there' >&2; exit 1\"}");
	assert_call(f, FB_OP_PROVE, FB_FAIL);
	assert_says(f, "exit code 76");
	assert_text(f, "seen", "one\ntwo\n");
	fake_free(f);
}

static void a_restore_that_fails_says_where_the_data_is(void **state)
{
	struct fake *f = begin("{\"capture\": \"cat %/data\", \"restore\": \"cat >/dev/null; echo 'database is gone' >&2; exit 1\", \"on_rollback\": \"restore\"}");

	(void)state;
	assert_sealed(f);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "could not be brought back from set deploy-test");
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(f->advice, 0), "command")), "failback backup restore deploy-test"));
	fake_free(f);
}

static void a_restore_that_was_recorded_as_done_is_not_made_twice(void **state)
{
	struct fake *f = begin("{\"capture\": \"cat %/data\", \"restore\": \"cat >> %/given\", \"on_rollback\": \"restore\"}");

	(void)state;
	assert_sealed(f);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_OK);
	assert_text(f, "given", "one\ntwo\n");
	fake_free(f);
}

static void settings_that_contradict_are_refused(void **state)
{
	struct fake *f = begin("{\"capture\": \"true\", \"on_rollback\": \"restore\"}");

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "there is no command that puts web.item back");
	set_item_options(f, "{\"capture\": \"true\", \"prove\": \"true\"}");
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "it runs with verify = \"restore\" only");
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_command_printed_goes_back_through_another),
		cmocka_unit_test(a_command_that_fails_is_no_backup),
		cmocka_unit_test(a_command_that_prints_too_little_is_no_backup),
		cmocka_unit_test(it_is_kept_for_people_unless_told_otherwise),
		cmocka_unit_test(prove_runs_over_what_was_stored),
		cmocka_unit_test(a_restore_that_fails_says_where_the_data_is),
		cmocka_unit_test(a_restore_that_was_recorded_as_done_is_not_made_twice),
		cmocka_unit_test(settings_that_contradict_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
