/* SPDX-License-Identifier: Apache-2.0 */
/* Strategy git for a service: real repositories; "up" is there while the service runs, and "trace" has what was done, in order. */
#include "plugins/common/test_item.h"

#define FIRST "{\"path\": \"/tmp\"}"
#define G "git -c user.name=t -c user.email=t@example.org -c init.defaultBranch=main "
/* Commands of a service whose dependencies are a copy of the file "needs", which is not in git. Where they ran: staged or live. */
#define COMMANDS                                                                                                                                                 \
	"\"path\": \"%/work\", \"stop\": \"echo stop >> %/trace; rm -f %/up\", \"start\": \"echo start $(cat app installed) >> %/trace; test -e %/broken || touch %/up\","         \
	" \"running\": [\"test\", \"-e\", \"%/up\"], \"install\": \"echo install $FAILBACK_STAGED >> %/trace; cp needs installed\","                                    \
	" \"test\": \"echo test $FAILBACK_STAGED >> %/trace; test $(cat app) != bad || { echo ERROR: app is bad; exit 1; }\""

/* more: options, with @s for %s. Tags 1.0 (live, on main, started), 2.0 (adds a file, removes one) and bad. */
static struct fake *begin(const char *more)
{
	struct fake *f = item_new("strategy-git", FIRST, NULL);
	char *options = fb_asprintf("{%s%s}", COMMANDS, more), *text = item_options(f, options);

	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	for (char *p = text; (p = strstr(p, "@s"));)
		*p = '%';
	fake_set_options(f, text);
	fb_free(text);
	fb_free(options);
	f->call.service = "shop";
	f->call.release = "2.0";
	f->call.share = 10000;
	assert_int_equal(sh(f, G "init -q work && cd work && echo installed > .gitignore && echo 1 > app && echo one > needs && echo x > gone && " G "add . && " G "commit -qm one && git tag 1.0 && cp needs installed"
			       " && git checkout -q -b next && echo 2 > app && echo two > needs && mkdir d && echo n > d/new && git rm -q gone && " G "add . && " G "commit -qm two && git tag 2.0"
			       " && echo bad > app && " G "commit -qam bad && git tag bad && git checkout -q main && touch ../up"), 0);
	return f;
}

static void expect_trace(struct fake *f, const char *expected)
{
	char *text;

	assert_int_equal(sh(f, "touch trace && tr '\\n' ',' < trace > line && rm trace"), 0);
	text = text_of(f, "line");
	assert_string_equal(text, expected);
	fb_free(text);
}

/* As the core calls it: deployment or recovery, each operation in a link of its own. */
static int32_t deploy(struct fake *f, uint32_t operation)
{
	fake_forget(f, true);
	f->call.flags &= ~FB_CALL_RECOVERY;
	f->call.failed = NULL;
	return fake_call(f, operation);
}

static int32_t recover(struct fake *f, uint32_t operation)
{
	const char *release = f->call.release;
	int32_t answer;

	fake_forget(f, true);
	f->call.flags |= FB_CALL_RECOVERY;
	f->call.failed = release;
	f->call.release = f->call.last_good;
	answer = fake_call(f, operation);
	f->call.release = release;
	return answer;
}

#define assert_answer(f, call, expected)                                                                                                                         \
	do {                                                                                                                                                     \
		int32_t answer_ = (call);                                                                                                                        \
		if (answer_ != (expected))                                                                                                                       \
			fail_msg("answered %d, not %d: %s", (int)answer_, (int)(expected), (f)->message ? (f)->message : "");                                    \
	} while (0)

static void protect_way_back(struct fake *f)
{
	assert_answer(f, deploy(f, FB_OP_CAPTURE), FB_OK);
	assert_answer(f, deploy(f, FB_OP_PROVE), FB_OK);
}

#define AT_FIRST "cd work && test -z \"$(git status --porcelain)\" && test $(git rev-parse HEAD) = $(git rev-parse 1.0) && test \"$(cat app needs gone installed)\" = '1\none\nx\none' && ! test -e d && ! git rev-parse -q --verify refs/failback/begun/shop"
#define AT_SECOND "cd work && test -z \"$(git status --porcelain)\" && test $(git rev-parse HEAD) = $(git rev-parse 2.0) && test \"$(cat app needs d/new installed)\" = '2\ntwo\nn\ntwo' && ! test -e gone && ! git rev-parse -q --verify refs/failback/begun/shop"

static void a_release_is_tested_out_of_sight_then_checked_out_and_can_go_back(void **state)
{
	struct fake *f = begin(", \"version_file\": \"DEPLOYED_VERSION.txt\"");

	(void)state;
	assert_int_equal(f->plugin->features & FB_FEATURE_ZERO_DOWNTIME, 0);
	assert_int_equal(sh(f, "cd work && echo DEPLOYED_VERSION.txt >> .git/info/exclude"), 0);
	assert_answer(f, deploy(f, FB_OP_CHECK), FB_OK);
	assert_answer(f, deploy(f, FB_OP_STATE), FB_OK);
	assert_string_equal(json_string_value(json_object_get(json_object_get(f->reports, "state"), "release")), "1.0");
	protect_way_back(f);
	assert_answer(f, deploy(f, FB_OP_PREPARE), FB_OK);
	expect_trace(f, "install 1,test 1,");
	assert_int_equal(sh(f, AT_FIRST " && test -e ../up && test $(cat .git/failback/shop/*/app) = 2 && test $(git worktree list | wc -l) = 2"), 0);
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_OK);
	expect_trace(f, "stop,install 0,test 0,start 2 two,");
	assert_int_equal(sh(f, AT_SECOND " && test $(cat DEPLOYED_VERSION.txt) = $(git rev-parse 2.0) && test $(git rev-parse main) = $(git rev-parse 1.0)"), 0);
	assert_answer(f, deploy(f, FB_OP_VERIFY), FB_OK);
	assert_answer(f, deploy(f, FB_OP_STATE), FB_OK);
	assert_string_equal(json_string_value(json_object_get(json_object_get(f->reports, "state"), "release")), "2.0");
	assert_answer(f, recover(f, FB_OP_PREPARE), FB_OK);
	assert_answer(f, recover(f, FB_OP_RESTORE), FB_OK);
	expect_trace(f, "stop,install 0,test 0,start 1 one,");
	assert_int_equal(sh(f, AT_FIRST " && test $(git symbolic-ref --short HEAD) = main && test $(cat DEPLOYED_VERSION.txt) = $(git rev-parse 1.0)"), 0);
	assert_answer(f, recover(f, FB_OP_VERIFY), FB_OK);
	assert_answer(f, recover(f, FB_OP_RESTORE), FB_SKIP);
	expect_trace(f, "");
	assert_answer(f, recover(f, FB_OP_CLEANUP), FB_OK);
	assert_int_equal(sh(f, "cd work && ! test -e .git/failback/shop && test $(git worktree list | wc -l) = 1"), 0);
	fake_free(f);
}

static void a_release_whose_tests_fail_is_refused_and_nothing_live_is_touched(void **state)
{
	struct fake *f = begin("");

	(void)state;
	f->call.release = "bad";
	protect_way_back(f);
	assert_answer(f, deploy(f, FB_OP_PREPARE), FB_FAIL);
	assert_says(f, "'test' ended with exit code 1: ERROR: app is bad");
	expect_trace(f, "install 1,test 1,");
	f->call.flags |= FB_CALL_UNDO;
	assert_answer(f, fake_call(f, FB_OP_PREPARE), FB_OK);
	f->call.flags &= ~FB_CALL_UNDO;
	assert_int_equal(sh(f, AT_FIRST " && test -e ../up && test $(git worktree list | wc -l) = 1 && ! test -e .git/failback/shop"), 0);
	assert_answer(f, recover(f, FB_OP_RESTORE), FB_SKIP); /* what is live was not touched */
	expect_trace(f, "");
	fake_free(f);
}

static void a_branch_that_moved_is_not_the_way_back(void **state)
{
	struct fake *f = begin("");

	(void)state;
	f->call.release = f->call.last_good = "main";
	protect_way_back(f);
	assert_int_equal(sh(f, "cd work && git update-ref refs/heads/main 2.0 && git update-ref --no-deref HEAD 1.0"), 0);
	assert_answer(f, deploy(f, FB_OP_PREPARE), FB_OK);
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_OK);
	assert_int_equal(sh(f, AT_SECOND), 0);
	assert_answer(f, deploy(f, FB_OP_VERIFY), FB_OK);
	assert_answer(f, recover(f, FB_OP_PREPARE), FB_OK);
	assert_answer(f, recover(f, FB_OP_RESTORE), FB_OK);
	assert_int_equal(sh(f, AT_FIRST), 0);
	assert_answer(f, recover(f, FB_OP_VERIFY), FB_OK);
	fake_free(f);
}

static void a_good_release_is_kept_and_its_staging_goes(void **state)
{
	struct fake *f = begin("");

	(void)state;
	protect_way_back(f);
	assert_int_equal(sh(f, "cd work && test $(git rev-parse refs/failback/good/shop) = $(git rev-parse 1.0) && git tag | grep -q ^backup-"), 0);
	assert_answer(f, deploy(f, FB_OP_PREPARE), FB_OK);
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_OK);
	assert_answer(f, deploy(f, FB_OP_COMMIT), FB_OK);
	assert_int_equal(sh(f, AT_SECOND " && test $(git rev-parse refs/failback/good/shop) = $(git rev-parse 2.0) && ! test -e .git/failback/shop && test $(git worktree list | wc -l) = 1"), 0);
	fake_free(f);
}

static void a_release_that_is_not_there_is_refused_and_a_remote_is_asked_where_one_is_named(void **state)
{
	struct fake *f = begin(", \"ref\": \"v@s\"");

	(void)state;
	f->call.release = "9";
	assert_answer(f, deploy(f, FB_OP_CHECK), FB_FAIL);
	assert_says(f, "there is no tag, branch or commit 'v9'");
	fake_free(f);

	f = begin(", \"fetch\": \"origin\", \"ref\": \"v@s\"");
	f->call.release = "9";
	assert_int_equal(sh(f, "git clone -q --bare work far && git -C far tag v9 2.0 && git -C work remote add origin ../far"), 0);
	assert_answer(f, deploy(f, FB_OP_CHECK), FB_OK);
	assert_answer(f, deploy(f, FB_OP_PREPARE), FB_OK);
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_OK);
	assert_int_equal(sh(f, AT_SECOND), 0);
	assert_answer(f, deploy(f, FB_OP_STATE), FB_OK);
	assert_string_equal(json_string_value(json_object_get(json_object_get(f->reports, "state"), "release")), "9");
	assert_int_equal(sh(f, "mv far away"), 0);
	assert_answer(f, deploy(f, FB_OP_PREPARE), FB_OK);
	assert_true(fake_logged(f, "release 9 is here already"));
	f->call.release = "10";
	assert_answer(f, deploy(f, FB_OP_PREPARE), FB_FAIL);
	assert_says(f, "could not fetch from origin");
	fake_free(f);
}

static void a_remote_s_branch_is_what_is_meant_where_it_is_fetched_from(void **state)
{
	struct fake *f = begin(", \"fetch\": \"origin\"");

	(void)state;
	f->call.release = "main";
	assert_int_equal(sh(f, "git clone -q --bare work far && git -C far update-ref refs/heads/main 2.0 && git -C work remote add origin ../far"), 0);
	protect_way_back(f);
	assert_answer(f, deploy(f, FB_OP_PREPARE), FB_OK);
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_OK);
	assert_int_equal(sh(f, AT_SECOND " && test $(git rev-parse main) = $(git rev-parse 1.0)"), 0);
	fake_free(f);
}

static void local_changes_refuse_a_deployment_or_are_saved_and_new_files_stay(void **state)
{
	struct fake *f = begin("");

	(void)state;
	assert_int_equal(sh(f, "cd work && echo mine > notes"), 0);
	assert_answer(f, deploy(f, FB_OP_CHECK), FB_OK);
	assert_int_equal(sh(f, "cd work && echo precious > app"), 0);
	assert_answer(f, deploy(f, FB_OP_CHECK), FB_FAIL);
	assert_says(f, "has changes that are not committed, such as in app");
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_FAIL);
	expect_trace(f, "");
	assert_text(f, "work/app", "precious\n");
	assert_int_equal(sh(f, "cd work && git checkout -q app && mkdir d && echo precious > d/new"), 0); /* 2.0 has a file of that name */
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_FAIL);
	assert_says(f, "such as in d/new");
	fake_free(f);

	f = begin(", \"local_changes\": \"save\"");
	assert_int_equal(sh(f, "cd work && echo precious > app && echo mine > notes"), 0);
	protect_way_back(f);
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_OK);
	assert_text(f, "work/app", "2\n");
	assert_text(f, "work/notes", "mine\n");
	assert_int_equal(sh(f, "cd work && test $(git show refs/failback/replaced/%s-shift-1:app) = precious", f->call.execution), 0);
	fake_free(f);
}

static void a_recovery_is_not_held_up_by_changes_but_saves_them(void **state)
{
	struct fake *f = begin("");

	(void)state;
	protect_way_back(f);
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_OK);
	assert_int_equal(sh(f, "cd work && echo hotfix > app"), 0);
	assert_answer(f, recover(f, FB_OP_RESTORE), FB_OK);
	assert_int_equal(sh(f, AT_FIRST " && test $(git show refs/failback/replaced/%s-back-1:app) = hotfix", f->call.execution), 0);
	fake_free(f);
}

static void a_way_back_that_is_not_whole_is_told_before_the_deployment(void **state)
{
	struct fake *f = begin("");

	(void)state;
	assert_answer(f, deploy(f, FB_OP_CAPTURE), FB_OK);
	assert_int_equal(sh(f, "cd work && id=$(git rev-parse 1.0:gone) && file=.git/objects/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-) && cp $file ../object && rm -f $file && echo $file > ../name"), 0);
	assert_answer(f, deploy(f, FB_OP_PROVE), FB_FAIL);
	assert_says(f, "cannot be relied on");
	/* another file's content under that name: each object is well formed */
	assert_int_equal(sh(f, "cd work && id=$(git rev-parse 1.0:app) && cp .git/objects/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-) $(cat ../name)"), 0);
	assert_answer(f, deploy(f, FB_OP_PROVE), FB_FAIL);
	assert_int_equal(sh(f, "cd work && cp -f ../object $(cat ../name)"), 0);
	assert_answer(f, deploy(f, FB_OP_PROVE), FB_OK);
	fake_free(f);
}

/* The state that a kill leaves at different moments of a checkout of 2.0: the mark, a lock, files of both. */
static void a_checkout_that_was_killed_leaves_nothing_behind(void **state)
{
	static const char *const left[] = {
		"git update-ref refs/failback/begun/shop 2.0",
		"git update-ref refs/failback/begun/shop 2.0 && touch .git/index.lock",
		"git update-ref refs/failback/begun/shop 2.0 && echo 2 > app && mkdir d && echo n > d/new && rm gone && touch .git/index.lock .git/HEAD.lock",
		"git update-ref refs/failback/begun/shop 2.0 && git read-tree --reset -u 2.0",
		"git update-ref refs/failback/begun/shop 2.0 && git read-tree --reset -u 2.0 && git update-ref --no-deref HEAD 2.0",
		"mkdir -p .git/refs/failback/begun && touch .git/refs/failback/begun/shop.lock",
	};
	struct fake *f = begin("");

	(void)state;
	protect_way_back(f);
	for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
		bool back = i % 2;
		assert_int_equal(sh(f, "rm -f up trace; cd work && %s", left[i]), 0);
		f->skip_sleeps = true;
		f->call.deadline_ms = fake_now_ms() + 120000;
		assert_answer(f, back ? recover(f, FB_OP_RESTORE) : deploy(f, FB_OP_SHIFT), FB_OK);
		if (sh(f, back ? AT_FIRST : AT_SECOND) || sh(f, "! ls work/.git/*.lock && ! git -C work for-each-ref refs/failback/replaced | grep ."))
			fail_msg("after '%s' the work tree is not that of the %s", left[i], back ? "last known good" : "release");
		if (!back)
			assert_answer(f, recover(f, FB_OP_RESTORE), FB_OK);
		assert_int_equal(sh(f, AT_FIRST), 0);
	}
	fake_free(f);
}

static void a_lock_that_is_held_is_left_alone(void **state)
{
	struct fake *f = begin("");

	(void)state;
	protect_way_back(f);
	assert_int_equal(sh(f, "cd work && git update-ref refs/failback/begun/shop 2.0"), 0);
	{
		char *path = fake_path(f, "work/.git/index.lock");
		FILE *held = fopen(path, "we");

		assert_non_null(held);
		f->skip_sleeps = true;
		assert_answer(f, recover(f, FB_OP_RESTORE), FB_FAIL);
		assert_says(f, "index.lock");
		fclose(held);
		assert_int_equal(access(path, F_OK), 0);
		fb_free(path);
	}
	f->call.deadline_ms = fake_now_ms() + 120000;
	assert_answer(f, recover(f, FB_OP_RESTORE), FB_OK);
	assert_int_equal(sh(f, AT_FIRST), 0);
	fake_free(f);
}

static void what_is_live_is_started_again_when_the_dependencies_may_be_half_installed(void **state)
{
	struct fake *f = begin("");

	(void)state;
	protect_way_back(f);
	assert_int_equal(sh(f, "touch broken"), 0);
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_FAIL);
	assert_says(f, "'running' says that it does not run");
	expect_trace(f, "stop,install 0,test 0,start 2 two,");
	/* HEAD is at the release and somebody has started it; but it was never said to be live */
	assert_int_equal(sh(f, "rm broken; touch up"), 0);
	f->call.last_good = "2.0";
	assert_answer(f, recover(f, FB_OP_RESTORE), FB_OK);
	expect_trace(f, "stop,install 0,test 0,start 2 two,");
	f->call.attempt = 2; /* a later try does all of it anew */
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_OK);
	expect_trace(f, "stop,install 0,test 0,start 2 two,");
	fake_free(f);
}

static void a_dry_run_changes_nothing(void **state)
{
	struct fake *f = begin("");

	(void)state;
	f->call.flags |= FB_CALL_DRY_RUN;
	assert_answer(f, deploy(f, FB_OP_CAPTURE), FB_OK);
	assert_answer(f, deploy(f, FB_OP_PREPARE), FB_OK);
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_OK);
	assert_answer(f, deploy(f, FB_OP_COMMIT), FB_OK);
	expect_trace(f, "");
	assert_int_equal(sh(f, AT_FIRST " && test -e ../up && ! test -e .git/failback && test -z \"$(git for-each-ref refs/failback)\""), 0);
	fake_free(f);
}

static void what_failed_is_told_and_kept_for_people(void **state)
{
	struct fake *f = begin("");
	const char *text;

	(void)state;
	protect_way_back(f);
	assert_answer(f, deploy(f, FB_OP_PREPARE), FB_OK);
	assert_answer(f, deploy(f, FB_OP_SHIFT), FB_OK);
	assert_answer(f, recover(f, FB_OP_EVIDENCE), FB_OK);
	text = json_string_value(json_object_get(json_array_get(f->evidence, 0), "text"));
	assert_non_null(text);
	assert_non_null(strstr(text, " two\n"));
	assert_non_null(strstr(text, "d/new"));
	assert_answer(f, recover(f, FB_OP_RESTORE), FB_OK);
	f->call.flags |= FB_CALL_PRESERVE;
	assert_answer(f, recover(f, FB_OP_CLEANUP), FB_OK);
	f->call.flags &= ~FB_CALL_PRESERVE;
	assert_int_equal(sh(f, "cd work && test $(git rev-parse refs/failback/failed/%s-shop) = $(git rev-parse 2.0) && test -e .git/failback/shop/*/d/new", f->call.execution), 0);
	fake_free(f);
}

static void each_use_refuses_the_options_of_the_other(void **state)
{
	struct fake *f = begin("");

	(void)state;
	set_item_options(f, "{\"path\": \"%/work\", \"on_rollback\": \"keep\"}");
	assert_answer(f, deploy(f, FB_OP_CHECK), FB_FATAL);
	assert_says(f, "'on_rollback' is an option of an item of a backup, and shop is a service");
	f->call.service = "shop.source";
	assert_answer(f, deploy(f, FB_OP_CHECK), FB_OK);
	set_item_options(f, "{\"path\": \"%/work\", \"install\": \"true\"}");
	assert_answer(f, deploy(f, FB_OP_CHECK), FB_FATAL);
	assert_says(f, "'install' is an option of a service that is deployed with strategy git, and shop.source is an item of a backup");
	assert_answer(f, deploy(f, FB_OP_PREPARE), FB_SKIP);
	assert_answer(f, recover(f, FB_OP_VERIFY), FB_SKIP);
	fake_free(f);
}

static void a_folder_inside_of_a_work_tree_is_refused(void **state)
{
	struct fake *f = begin("");

	(void)state;
	assert_int_equal(sh(f, "mkdir work/inner"), 0);
	set_item_options(f, "{\"path\": \"%/work/inner\"}");
	assert_answer(f, deploy(f, FB_OP_CHECK), FB_FATAL);
	assert_says(f, "is a folder in the work tree");
	set_item_options(f, "{\"path\": \"%/work\", \"ref\": \"main\"}");
	assert_answer(f, deploy(f, FB_OP_CHECK), FB_FATAL);
	assert_says(f, "has no %s for the release's name");
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_release_is_tested_out_of_sight_then_checked_out_and_can_go_back),
		cmocka_unit_test(a_release_whose_tests_fail_is_refused_and_nothing_live_is_touched),
		cmocka_unit_test(a_branch_that_moved_is_not_the_way_back),
		cmocka_unit_test(a_good_release_is_kept_and_its_staging_goes),
		cmocka_unit_test(a_release_that_is_not_there_is_refused_and_a_remote_is_asked_where_one_is_named),
		cmocka_unit_test(a_remote_s_branch_is_what_is_meant_where_it_is_fetched_from),
		cmocka_unit_test(local_changes_refuse_a_deployment_or_are_saved_and_new_files_stay),
		cmocka_unit_test(a_recovery_is_not_held_up_by_changes_but_saves_them),
		cmocka_unit_test(a_way_back_that_is_not_whole_is_told_before_the_deployment),
		cmocka_unit_test(a_checkout_that_was_killed_leaves_nothing_behind),
		cmocka_unit_test(a_lock_that_is_held_is_left_alone),
		cmocka_unit_test(what_is_live_is_started_again_when_the_dependencies_may_be_half_installed),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(what_failed_is_told_and_kept_for_people),
		cmocka_unit_test(each_use_refuses_the_options_of_the_other),
		cmocka_unit_test(a_folder_inside_of_a_work_tree_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
