/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/test_item.h"

#define FIRST "{\"paths\": [\"/etc/shop\"]}"

static struct fake *begin(const char *more)
{
	char *options = fb_asprintf("{\"paths\": [\"%%/etc\", \"%%/one\"], \"exclude\": [\"*.pid\"]%s}", more);
	struct fake *f = item_new("strategy-tree", FIRST, NULL);

	set_item_options(f, options);
	fb_free(options);
	assert_int_equal(sh(f, "mkdir -p etc/sub && echo a > etc/a && chmod 640 etc/a && echo b > etc/sub/b && echo 7 > etc/x.pid && echo 1 > one"), 0);
	return f;
}

static void it_comes_back_as_it_was_and_what_was_added_stays(void **state)
{
	struct fake *f = begin("");

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_OK);
	assert_sealed(f);
	assert_string_equal(json_string_value(item_reported(f, "kind")), "tree");
	assert_true(json_integer_value(item_reported(f, "size")) > 0);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_string_equal(json_string_value(item_reported(f, "proven_by")), "read");
	assert_int_equal(sh(f, "echo 2 > etc/a; chmod 600 etc/a; rm etc/sub/b one; echo new > etc/new; echo 8 > etc/x.pid"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "etc/a", "a\n");
	assert_text(f, "etc/sub/b", "b\n");
	assert_text(f, "one", "1\n");
	assert_text(f, "etc/new", "new\n");
	assert_text(f, "etc/x.pid", "8\n");
	assert_int_equal(sh(f, "test $(stat -c %%a etc/a) = 640"), 0);
	fake_free(f);
}

static void with_delete_what_was_added_goes(void **state)
{
	struct fake *f = begin(", \"delete\": true");

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, "echo new > etc/new"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_not_equal(sh(f, "test -e etc/new"), 0);
	assert_text(f, "etc/x.pid", "7\n");
	fake_free(f);
}

static void a_reload_follows_a_change_and_its_failure_is_told(void **state)
{
	struct fake *f = begin(", \"after_restore\": \"echo x >> %/reloaded; test ! -e %/broken\"");

	(void)state;
	assert_sealed(f);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_not_equal(sh(f, "test -e reloaded"), 0);
	assert_int_equal(sh(f, "echo 2 > etc/a"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "reloaded", "x\n");
	assert_int_equal(sh(f, "echo 2 > etc/a; touch broken"), 0);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "the files are back, but after_restore failed: exit code 1");
	assert_text(f, "etc/a", "a\n");
	fake_free(f);
}

static void what_is_not_there_cannot_be_backed_up(void **state)
{
	struct fake *f = begin("");

	(void)state;
	assert_int_equal(sh(f, "rm -r etc"), 0);
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "could not be backed up");
	fake_free(f);
}

static void a_damaged_backup_is_not_proven(void **state)
{
	struct fake *f = begin(", \"verify\": \"restore\"");

	(void)state;
	assert_sealed(f);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_string_equal(json_string_value(item_reported(f, "proven_by")), "restore");
	assert_int_not_equal(sh(f, "ls scratch | grep proof"), 0);
	assert_int_equal(sh(f, "find store/objects -type f | while read o; do chmod 600 $o; printf x | dd of=$o bs=1 seek=9 conv=notrunc; done"), 0);
	assert_call(f, FB_OP_PROVE, FB_FAIL);
	assert_says(f, "cannot be relied on");
	fake_free(f);
}

static void without_a_backup_of_the_release_nothing_is_touched(void **state)
{
	struct fake *f = begin("");

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, "echo 2 > etc/a"), 0);
	f->call.last_good = "0.9";
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "there is no backup of web.item from when release 0.9 was live");
	assert_text(f, "etc/a", "2\n");
	fake_free(f);
}

static void paths_have_to_be_absolute(void **state)
{
	struct fake *f = begin("");

	(void)state;
	fake_set_options(f, "{\"paths\": [\"etc\"]}");
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "'etc' is not absolute");
	fake_free(f);
}

static void a_dry_run_puts_and_gives_nothing(void **state)
{
	struct fake *f = begin(", \"after_restore\": \"touch %/reloaded\"");

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, "echo 2 > etc/a"), 0);
	f->call.flags = FB_CALL_DRY_RUN;
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "etc/a", "2\n");
	assert_int_not_equal(sh(f, "test -e reloaded"), 0);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_back_as_it_was_and_what_was_added_stays),
		cmocka_unit_test(with_delete_what_was_added_goes),
		cmocka_unit_test(a_reload_follows_a_change_and_its_failure_is_told),
		cmocka_unit_test(what_is_not_there_cannot_be_backed_up),
		cmocka_unit_test(a_damaged_backup_is_not_proven),
		cmocka_unit_test(without_a_backup_of_the_release_nothing_is_touched),
		cmocka_unit_test(paths_have_to_be_absolute),
		cmocka_unit_test(a_dry_run_puts_and_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
