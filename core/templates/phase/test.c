/* SPDX-License-Identifier: Apache-2.0 */
/* What phase-@NAME@ promises, against a host of this test's own. */
#include "fake_host.h"

#include <unistd.h>

static char file[160];
static const char *text = "maintenance";

static struct fb_call call_with(int32_t answer)
{
	static struct fake_option options[3];

	options[0] = (struct fake_option){"file", file, 0};
	options[1] = (struct fake_option){"text", text, 0};
	return fake_call(options, answer);
}

static int make_folder(void **state)
{
	static char folder[] = "/tmp/test-@NAME@-XXXXXX";

	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof file, "%s/flag", folder);
	*state = folder;
	return 0;
}

static int remove_folder(void **state)
{
	unlink(file);
	return rmdir(*state);
}

static void run_makes_the_file_and_says_that_it_has(void **state)
{
	struct fb_call call = call_with(FB_ACT_DO);

	(void)state;
	assert_int_equal(fake_plugin()->phase->run(&call), FB_OK);
	assert_int_equal(access(file, F_OK), 0);
	assert_string_equal(fake.asked, "set-flag ");
	assert_string_equal(fake.done, "set-flag ");
}

static void undo_takes_it_away(void **state)
{
	struct fb_call call = call_with(FB_ACT_DO);

	(void)state;
	assert_int_equal(fake_plugin()->phase->run(&call), FB_OK);
	call = call_with(FB_ACT_DO);
	assert_int_equal(fake_plugin()->phase->undo(&call), FB_OK);
	assert_int_not_equal(access(file, F_OK), 0);
}

static void a_dry_run_changes_nothing(void **state)
{
	struct fb_call call = call_with(FB_ACT_DRY);

	(void)state;
	unlink(file);
	assert_int_equal(fake_plugin()->phase->run(&call), FB_OK);
	assert_int_not_equal(access(file, F_OK), 0);
	assert_string_equal(fake.asked, "set-flag ");
}

static void assert_file_holds(const char *wanted)
{
	char now[300];
	FILE *f = fopen(file, "r");

	assert_non_null(f);
	now[fread(now, 1, sizeof now - 1, f)] = 0;
	fclose(f);
	assert_string_equal(now, wanted);
}

static void what_an_earlier_attempt_did_is_looked_at_and_made_again_when_it_is_gone(void **state)
{
	struct fb_call call = call_with(FB_ACT_DO);
	FILE *f;

	(void)state;
	assert_int_equal(fake_plugin()->phase->run(&call), FB_OK);
	call = call_with(FB_ACT_DONE);
	assert_int_equal(fake_plugin()->phase->run(&call), FB_SKIP); /* it holds */
	f = fopen(file, "w");
	assert_non_null(f);
	assert_true(fputs("maintenancE", f) >= 0);
	fclose(f);
	assert_int_equal(fake_plugin()->phase->run(&call), FB_OK);
	assert_file_holds("maintenance");
	unlink(file);
	assert_int_equal(fake_plugin()->phase->run(&call), FB_OK);
	assert_file_holds("maintenance");
	assert_int_equal(fake_plugin()->phase->undo(&call), FB_OK);
	assert_int_not_equal(access(file, F_OK), 0);
	assert_int_equal(fake_plugin()->phase->undo(&call), FB_SKIP);
	assert_string_equal(fake.done, "");
}

static void a_text_that_is_too_long_is_refused(void **state)
{
	static char longest[257];
	struct fb_call call;

	(void)state;
	memset(longest, 'x', 255);
	text = longest;
	call = call_with(FB_ACT_DO);
	assert_int_equal(fake_plugin()->phase->run(&call), FB_OK);
	assert_file_holds(longest);
	unlink(file);
	longest[255] = 'x';
	call = call_with(FB_ACT_DO);
	assert_int_equal(fake_plugin()->phase->run(&call), FB_FATAL);
	assert_non_null(strstr(fake.message, "the text has 256 bytes, at most 255 are allowed"));
	assert_string_equal(fake.asked, "");
	assert_int_not_equal(access(file, F_OK), 0);
	text = "maintenance";
}

static void a_host_that_says_no_is_obeyed(void **state)
{
	const int32_t answers[] = {FB_ACT_NO, 99};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fb_call call = call_with(answers[i]);

		unlink(file);
		assert_int_equal(fake_plugin()->phase->run(&call), FB_RETRY);
		assert_int_not_equal(access(file, F_OK), 0);
		assert_string_not_equal(fake.message, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_makes_the_file_and_says_that_it_has),
		cmocka_unit_test(undo_takes_it_away),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(what_an_earlier_attempt_did_is_looked_at_and_made_again_when_it_is_gone),
		cmocka_unit_test(a_text_that_is_too_long_is_refused),
		cmocka_unit_test(a_host_that_says_no_is_obeyed),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
