/* SPDX-License-Identifier: Apache-2.0 */
/* What strategy-@NAME@ promises, against a host of this test's own. */
#include "fake_host.h"

#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/test-@NAME@-XXXXXX";

static struct fb_call call_for(const char *release, int32_t answer)
{
	static const struct fake_option options[] = {{"root", root, 0}, {0}};
	struct fb_call call = fake_call(options, answer);

	call.release = release;
	call.last_good = "1.0";
	return call;
}

static void at(char *ret, size_t size, const char *name)
{
	snprintf(ret, size, "%s/%s", root, name);
}

static void assert_live(const char *release)
{
	char path[160], now[160];
	ssize_t n;

	at(path, sizeof path, "current");
	n = readlink(path, now, sizeof now - 1);
	now[n > 0 ? n : 0] = 0;
	assert_string_equal(now, release);
}

static int make_releases(void **state)
{
	char path[160];

	(void)state;
	if (!mkdtemp(root))
		return -1;
	at(path, sizeof path, "1.0");
	if (mkdir(path, 0700) != 0)
		return -1;
	at(path, sizeof path, "2.0");
	return mkdir(path, 0700);
}

static int start_with_the_old_one(void **state)
{
	char path[160];

	(void)state;
	at(path, sizeof path, "current");
	unlink(path);
	return symlink("1.0", path);
}

static int remove_releases(void **state)
{
	static const char *const names[] = {"1.0", "2.0"};
	char path[160];

	(void)state;
	for (int i = 0; i < 2; i++) {
		at(path, sizeof path, names[i]);
		rmdir(path);
	}
	at(path, sizeof path, "current");
	unlink(path);
	return rmdir(root);
}

static void state_tells_what_is_live(void **state)
{
	struct fb_call call = call_for(NULL, FB_ACT_NO);

	(void)state;
	assert_int_equal(fake_plugin()->strategy->state(&call), FB_OK);
	assert_string_equal(fake.report, "state={\"release\": \"1.0\", \"target\": \"current\"}");
}

static void a_promotion_makes_the_new_release_live_and_a_restore_the_old_one(void **state)
{
	struct fb_call call = call_for("2.0", FB_ACT_DO);

	(void)state;
	call.operation = FB_OP_SHIFT;
	call.share = 10000;
	assert_int_equal(fake_plugin()->strategy->shift(&call), FB_OK);
	assert_live("2.0");
	assert_string_equal(fake.done, "switch-link ");
	call = call_for("1.0", FB_ACT_DO);
	assert_int_equal(fake_plugin()->strategy->restore(&call), FB_OK);
	assert_live("1.0");
	assert_int_equal(fake_plugin()->strategy->verify(&call), FB_OK);
	assert_int_equal(fake_plugin()->strategy->restore(&call), FB_SKIP); /* it is so already */
}

static void a_promotion_can_be_undone(void **state)
{
	struct fb_call call = call_for("2.0", FB_ACT_DO);

	(void)state;
	call.operation = FB_OP_SHIFT;
	call.share = 10000;
	assert_int_equal(fake_plugin()->strategy->shift(&call), FB_OK);
	call.flags = FB_CALL_UNDO;
	assert_int_equal(fake_plugin()->strategy->undo(&call), FB_OK);
	assert_live("1.0");
}

static void what_an_earlier_attempt_did_is_made_again_when_it_does_not_hold(void **state)
{
	struct fb_call call = call_for("2.0", FB_ACT_DONE);

	(void)state;
	assert_int_equal(fake_plugin()->strategy->restore(&call), FB_OK);
	assert_live("2.0");
	assert_string_equal(fake.done, "");
	assert_int_equal(fake_plugin()->strategy->restore(&call), FB_SKIP); /* it holds */
}

static void a_dry_run_and_a_host_that_says_no_change_nothing(void **state)
{
	const int32_t answers[] = {FB_ACT_DRY, FB_ACT_NO, 99};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fb_call call = call_for("2.0", answers[i]);

		assert_int_equal(fake_plugin()->strategy->restore(&call), answers[i] == FB_ACT_DRY ? FB_OK : FB_RETRY);
		assert_live("1.0");
		assert_string_equal(fake.asked, "switch-link ");
	}
}

static void a_release_that_is_not_there_is_told(void **state)
{
	struct fb_call call = call_for("3.0", FB_ACT_DO);

	(void)state;
	assert_int_equal(fake_plugin()->strategy->restore(&call), FB_FAIL);
	assert_non_null(strstr(fake.message, "release 3.0 is not at"));
	assert_live("1.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(state_tells_what_is_live, start_with_the_old_one),
		cmocka_unit_test_setup(a_promotion_makes_the_new_release_live_and_a_restore_the_old_one, start_with_the_old_one),
		cmocka_unit_test_setup(a_promotion_can_be_undone, start_with_the_old_one),
		cmocka_unit_test_setup(what_an_earlier_attempt_did_is_made_again_when_it_does_not_hold, start_with_the_old_one),
		cmocka_unit_test_setup(a_dry_run_and_a_host_that_says_no_change_nothing, start_with_the_old_one),
		cmocka_unit_test_setup(a_release_that_is_not_there_is_told, start_with_the_old_one),
	};

	return cmocka_run_group_tests(tests, make_releases, remove_releases);
}
