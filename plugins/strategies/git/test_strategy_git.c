/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/test_item.h"

#define FIRST "{\"path\": \"/tmp\"}"
#define G "git -c user.name=t -c user.email=t@example.org -c init.defaultBranch=main "

/* A repository with a remote that has its first commit; and one more that is nowhere else. */
static struct fake *begin(const char *options)
{
	struct fake *f = item_new("strategy-git", FIRST, options);

	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	assert_int_equal(sh(f, G "init -q --bare far && " G "clone -q far work && cd work && git checkout -q -b main && echo '*.log' > .gitignore && echo 1 > app && echo x > lib && " G "add . && " G
			       "commit -qm one && git push -q origin main"), 0);
	return f;
}

static void it_goes_back_to_the_commit_and_its_branch_is_not_moved(void **state)
{
	struct fake *f = begin("{\"path\": \"%/work\", \"version_file\": \"DEPLOYED_VERSION.txt\", \"after_restore\": \"echo x >> %/installed\"}");

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_OK);
	assert_sealed(f);
	assert_string_equal(json_string_value(item_reported(f, "kind")), "git");
	assert_int_equal(sh(f, "cd work && git tag | grep -qE '^backup-[0-9]{8}-[0-9]{6}$' && test $(git rev-parse $(git tag)) = $(git rev-parse HEAD) && test $(cat DEPLOYED_VERSION.txt) = $(git rev-parse HEAD)"), 0);
	assert_int_equal(sh(f, "failback-store --store store show --set %s --item web.item --files > files && ! grep -q bundle files", f->call.execution), 0);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_int_equal(sh(f, "cd work && git rev-parse HEAD > ../one && echo 2 > app && git rm -q lib && echo y > more && echo z > a.log && " G "add app more && " G "commit -qm two && git rev-parse HEAD > ../two"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "work/app", "1\n");
	assert_text(f, "work/lib", "x\n");
	assert_text(f, "work/a.log", "z\n");
	assert_text(f, "installed", "x\n");
	assert_int_equal(sh(f, "cd work && ! test -e more && test $(git rev-parse HEAD) = $(cat ../one) && test $(git rev-parse main) = $(cat ../two) && ! git symbolic-ref -q HEAD"), 0);
	assert_int_equal(sh(f, "cd work && test $(cat DEPLOYED_VERSION.txt) = $(cat ../one) && test -z \"$(git status --porcelain | grep -v DEPLOYED)\" && test -z \"$(git for-each-ref refs/failback)\""), 0);
	fake_free(f);
}

static void a_branch_that_did_not_move_is_checked_out_again(void **state)
{
	struct fake *f = begin("{\"path\": \"%/work\"}");

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, "cd work && git checkout -q -b next && echo 2 > app && " G "commit -qam two"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, "cd work && test $(git symbolic-ref --short HEAD) = main && test -z \"$(git status --porcelain)\""), 0);
	fake_free(f);
}

static void a_branch_is_moved_back_where_that_is_wanted_and_its_commits_are_kept(void **state)
{
	struct fake *f = begin("{\"path\": \"%/work\", \"head\": \"branch\"}");

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, "cd work && git rev-parse HEAD > ../one && echo 2 > app && " G "commit -qam two && git rev-parse HEAD > ../two"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, "cd work && test $(git symbolic-ref --short HEAD) = main && test $(git rev-parse main) = $(cat ../one) && test $(git rev-parse refs/failback/moved/%s) = $(cat ../two)",
			    f->call.execution), 0);
	fake_free(f);
}

static void what_was_not_committed_or_pushed_comes_back_even_into_a_new_clone(void **state)
{
	struct fake *f = begin("{\"path\": \"%/work\"}");

	(void)state;
	assert_int_equal(sh(f, "cd work && echo local > app && " G "commit -qam local && git rev-parse HEAD > ../local && echo edited > app && rm lib && echo new > 'not tracked' && echo l > x.log"), 0);
	assert_sealed(f);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_int_equal(sh(f, "cd work && test \"$(cat app)\" = edited && test -z \"$(git diff --cached --name-only)\""), 0);
	assert_int_equal(sh(f, "rm -rf work && git clone -q -b main far work"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "work/app", "edited\n");
	assert_text(f, "work/not tracked", "new\n");
	assert_int_equal(sh(f, "cd work && ! test -e lib && test $(git rev-parse HEAD) = $(cat ../local) && test \"$(git log -1 --format=%%s)\" = local"), 0);
	fake_free(f);
}

static void changes_that_are_not_in_the_backup_are_not_lost(void **state)
{
	struct fake *f = begin("{\"path\": \"%/work\"}");

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, "cd work && echo 2 > app && " G "commit -qam two && echo precious > app && echo p > other"), 0);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "has changes that are not committed and not in the backup, such as in app");
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(f->advice, 0), "command")), "stash push --include-untracked"));
	assert_text(f, "work/app", "precious\n");
	set_item_options(f, "{\"path\": \"%/work\", \"local_changes\": \"save\"}");
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "work/app", "1\n");
	assert_int_equal(sh(f, "cd work && ! test -e other && test $(git show refs/failback/replaced/%s:app) = precious && test $(git show refs/failback/replaced/%s:other) = p", f->call.execution,
			    f->call.execution), 0);
	fake_free(f);
}

static void changes_that_were_there_before_and_are_still_are_no_reason_to_refuse(void **state)
{
	struct fake *f = begin("{\"path\": \"%/work\"}");

	(void)state;
	assert_int_equal(sh(f, "cd work && echo s > settings && echo edited > lib"), 0);
	assert_sealed(f);
	assert_int_equal(sh(f, "cd work && echo 2 > app && " G "commit -qm two app"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "work/app", "1\n");
	assert_text(f, "work/settings", "s\n");
	assert_text(f, "work/lib", "edited\n");
	fake_free(f);
}

static void a_restore_that_was_interrupted_is_ended(void **state)
{
	struct fake *f = begin("{\"path\": \"%/work\"}");

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, "cd work && echo 2 > app && echo 2 > lib && " G "commit -qam two && git update-ref refs/failback/begun/%s main~1 && echo 1 > app", f->call.execution), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "work/app", "1\n");
	assert_text(f, "work/lib", "x\n");
	assert_int_equal(sh(f, "cd work && test -z \"$(git status --porcelain)\" && test -z \"$(git for-each-ref refs/failback)\""), 0);
	fake_free(f);
}

static void the_tag_is_pushed_and_a_push_that_fails_is_told(void **state)
{
	struct fake *f = begin("{\"path\": \"%/work\", \"push\": \"origin\"}");

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, "test $(git -C far tag | grep -c '^backup-') = 1"), 0);
	assert_int_equal(sh(f, "mv far away"), 0);
	f->call.execution = "deploy-test-2";
	assert_call(f, FB_OP_CAPTURE, FB_OK);
	assert_true(fake_logged(f, "could not be pushed to origin"));
	fake_free(f);
}

static void a_commit_that_is_gone_is_refused_with_what_to_do(void **state)
{
	struct fake *f = begin("{\"path\": \"%/work\", \"tag\": false}");

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, "rm -rf work far && " G "init -q work && cd work && echo o > o && " G "add . && " G "commit -qm other"), 0);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "fetch, then run the recovery again");
	fake_free(f);
}

static void what_is_no_work_tree_is_refused(void **state)
{
	struct fake *f = begin("{\"path\": \"%/store\"}");

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "not a git repository");
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_back_to_the_commit_and_its_branch_is_not_moved),
		cmocka_unit_test(a_branch_that_did_not_move_is_checked_out_again),
		cmocka_unit_test(a_branch_is_moved_back_where_that_is_wanted_and_its_commits_are_kept),
		cmocka_unit_test(what_was_not_committed_or_pushed_comes_back_even_into_a_new_clone),
		cmocka_unit_test(changes_that_are_not_in_the_backup_are_not_lost),
		cmocka_unit_test(changes_that_were_there_before_and_are_still_are_no_reason_to_refuse),
		cmocka_unit_test(a_restore_that_was_interrupted_is_ended),
		cmocka_unit_test(the_tag_is_pushed_and_a_push_that_fails_is_told),
		cmocka_unit_test(a_commit_that_is_gone_is_refused_with_what_to_do),
		cmocka_unit_test(what_is_no_work_tree_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
