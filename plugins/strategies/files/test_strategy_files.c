/* SPDX-License-Identifier: Apache-2.0 */
/* The strategy files on folders of the test's own: links and trees, what people have changed, commands that are due, proofs, half-made things. */
#include "plugins/common/test_item.h"

#define FIRST "{\"releases\": \"/tmp\"}"
#define LINK "\"releases\": \"%/releases\", \"link\": \"%/current\""
#define TREE "\"releases\": \"%/releases\", \"layout\": \"tree\", \"target\": \"%/live\""
#define GROUPS ", \"affects\": [{\"name\": \"web\", \"paths\": [\"nginx/**\"], \"run\": \"echo web $FAILBACK_RELEASE >> %/ran; ! test -e %/web-fails\"}," \
	       " {\"name\": \"app\", \"paths\": [\"config/*.json\", \"bin\"], \"run\": \"echo app $FAILBACK_RELEASE >> %/ran; ! test -e %/app-fails\"}]"

/* Releases 1 and 2: they differ in config/app.json; 1 has an old file, 2 a new one. Release 3 differs from 1 in nginx. */
static struct fake *begin(const char *options)
{
	struct fake *f = fake_new("strategy-files", FIRST);

	f->call.last_good = NULL;
	f->call.deadline_ms = fake_now_ms() + 120000;
	assert_int_equal(sh(f, "mkdir -p releases/1/config releases/1/nginx releases/1/bin live && cd releases && echo '{\"a\": 1}' > 1/config/app.json && echo site > 1/nginx/site &&"
			       " echo run > 1/bin/run && chmod 750 1/bin/run && ln -s bin/run 1/start && cp -a 1 2 && cp -a 1 3 && echo old > 1/bin/old && echo '{\"a\": 2}' > 2/config/app.json &&"
			       " mkdir 2/more && echo new > 2/more/new && echo other > 3/nginx/site"), 0);
	set_item_options(f, options);
	return f;
}

/* One operation in a new link. */
static int32_t operation(struct fake *f, uint32_t op, const char *release)
{
	fake_forget(f, true);
	f->call.release = release;
	f->call.share = op == FB_OP_SHIFT ? 10000 : 0;
	return fake_call(f, op);
}

static void assert_answer(struct fake *f, uint32_t op, const char *release, int32_t expected)
{
	int32_t answer = operation(f, op, release);

	if (answer != expected)
		fail_msg("operation %u of release %s answered %d, not %d: %s", op, release ? release : "(none)", (int)answer, (int)expected, f->message ? f->message : "");
}

static void deploy(struct fake *f, const char *release)
{
	f->call.failed = NULL;
	f->call.flags = 0;
	assert_answer(f, FB_OP_CAPTURE, f->call.last_good, f->call.last_good ? FB_OK : FB_SKIP);
	assert_answer(f, FB_OP_PROVE, f->call.last_good, f->call.last_good ? FB_OK : FB_SKIP);
	assert_answer(f, FB_OP_PREPARE, release, FB_OK);
	assert_answer(f, FB_OP_SHIFT, release, FB_OK);
	assert_answer(f, FB_OP_VERIFY, release, FB_OK);
}

static void recovering(struct fake *f, const char *failed)
{
	f->call.failed = failed;
	f->call.flags = FB_CALL_RECOVERY;
}

static void go_back(struct fake *f, const char *failed, const char *to)
{
	recovering(f, failed);
	assert_answer(f, FB_OP_PREPARE, to, FB_OK);
	assert_answer(f, FB_OP_RESTORE, to, FB_OK);
	assert_answer(f, FB_OP_VERIFY, to, FB_OK);
	assert_answer(f, FB_OP_RESTORE, to, FB_SKIP);
}

static void assert_state(struct fake *f, const char *release)
{
	const char *is;

	assert_answer(f, FB_OP_STATE, release, FB_OK);
	is = json_string_value(json_object_get(json_object_get(f->reports, "state"), "release"));
	if (release)
		assert_string_equal(is ? is : "(none)", release);
	else
		assert_null(is);
}

/* ---- link ---- */

static void a_link_goes_to_the_release_and_back(void **state)
{
	struct fake *f = begin("{" LINK "}");

	(void)state;
	assert_answer(f, FB_OP_CHECK, NULL, FB_OK);
	assert_state(f, NULL);
	deploy(f, "1");
	assert_int_equal(sh(f, "test $(readlink current) = releases/1"), 0);
	assert_state(f, "1");
	f->call.last_good = "1";
	deploy(f, "2");
	assert_text(f, "current/config/app.json", "{\"a\": 2}\n");
	go_back(f, "2", "1");
	assert_int_equal(sh(f, "test $(readlink current) = releases/1 && test \"$(ls -A . | grep failback)\" = ''"), 0);
	assert_state(f, "1");
	fake_free(f);
}

static void the_link_is_replaced_as_a_whole(void **state)
{
	struct fake *f = begin("{" LINK "}");

	(void)state;
	deploy(f, "1");
	assert_int_equal(sh(f, "ln -s nowhere .current.failback && (while test -e releases && test ! -e over; do test -e current/nginx/site || echo gone >> missed; done; touch ended) & "), 0);
	for (int i = 0; i < 40; i++)
		assert_answer(f, FB_OP_SHIFT, i % 2 ? "1" : "2", FB_OK);
	assert_int_equal(sh(f, "touch over; while test ! -e ended; do sleep 0.01; done; ! test -e missed && ! test -L .current.failback"), 0);
	fake_free(f);
}

static void what_is_no_link_or_no_name_of_a_release_is_refused(void **state)
{
	struct fake *f = begin("{" LINK "}");

	(void)state;
	assert_answer(f, FB_OP_SHIFT, "../1", FB_FATAL);
	assert_says(f, "cannot be a release");
	assert_answer(f, FB_OP_PREPARE, ".failback", FB_FATAL);
	assert_answer(f, FB_OP_PREPARE, "9", FB_FAIL);
	assert_says(f, "is no folder. Put it there first");
	assert_int_equal(sh(f, "mkfifo releases/2/pipe"), 0);
	assert_answer(f, FB_OP_PREPARE, "2", FB_FAIL);
	assert_says(f, "neither file, folder nor link");
	f->call.share = 5000;
	fake_forget(f, true);
	f->call.release = "1";
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_FATAL);
	assert_int_equal(sh(f, "mkdir current"), 0);
	assert_answer(f, FB_OP_CHECK, NULL, FB_FATAL);
	assert_says(f, "is not a symbolic link");
	fake_free(f);
}

static void a_dry_run_changes_nothing(void **state)
{
	struct fake *f = begin("{" LINK GROUPS ", \"install\": \"touch x\"}");

	(void)state;
	f->call.flags = FB_CALL_DRY_RUN;
	assert_answer(f, FB_OP_PREPARE, "7", FB_OK);
	assert_answer(f, FB_OP_SHIFT, "7", FB_OK);
	assert_answer(f, FB_OP_PREPARE, "1", FB_OK);
	assert_answer(f, FB_OP_SHIFT, "1", FB_OK);
	assert_int_equal(sh(f, "! test -e current && ! test -L current && ! test -e ran && ! test -e releases/7 && ! test -e releases/.failback"), 0);
	fake_free(f);
}

/* ---- install, validate ---- */

static void a_release_that_is_half_made_is_never_used(void **state)
{
	struct fake *f = begin("{" LINK ", \"install\": \"echo part > a; test \\\"$PWD\\\" = \\\"$FAILBACK_DIRECTORY\\\" || exit 9; test -e %/may || { echo no space left, error >&2; exit 1; }; echo rest > b\"}");

	(void)state;
	assert_answer(f, FB_OP_PREPARE, "4", FB_FAIL);
	assert_says(f, "no space left");
	assert_int_equal(sh(f, "! test -e releases/4 && touch may && mkdir -p releases/.failback/new/4 && echo stale > releases/.failback/new/4/c"), 0);
	deploy(f, "4");
	assert_text(f, "current/b", "rest\n");
	assert_int_equal(sh(f, "! test -e releases/4/c"), 0);
	fake_free(f);
}

static void what_was_installed_is_removed_or_kept_when_it_fails_and_what_others_put_there_stays(void **state)
{
	struct fake *f = begin("{" LINK ", \"install\": \"echo x > a\"}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_answer(f, FB_OP_PREPARE, "4", FB_OK);
	f->call.operation = FB_OP_PREPARE;
	fake_forget(f, true);
	f->call.flags = FB_CALL_UNDO;
	assert_int_equal(fake_call(f, FB_OP_PREPARE), FB_OK);
	assert_int_equal(sh(f, "! test -e releases/4"), 0);
	deploy(f, "4");
	recovering(f, "4");
	assert_answer(f, FB_OP_CLEANUP, "1", FB_SKIP); /* it is live */
	go_back(f, "4", "1");
	f->call.flags |= FB_CALL_PRESERVE;
	assert_answer(f, FB_OP_CLEANUP, "1", FB_OK);
	assert_int_equal(sh(f, "! test -e releases/4 && test -e releases/.failback/failed/4.%s/a", f->call.execution), 0);
	deploy(f, "4");
	go_back(f, "4", "1");
	assert_answer(f, FB_OP_CLEANUP, "1", FB_OK);
	assert_int_equal(sh(f, "! test -e releases/4 && ! test -e releases/.failback/gone/4"), 0);
	deploy(f, "2");
	go_back(f, "2", "1");
	assert_answer(f, FB_OP_CLEANUP, "1", FB_SKIP);
	assert_int_equal(sh(f, "test -e releases/2"), 0);
	fake_free(f);
}

static void a_release_that_is_not_valid_is_refused_with_what_the_command_said(void **state)
{
	struct fake *f = begin("{" LINK ", \"validate\": [{\"name\": \"syntax\", \"run\": [\"python3\", \"-m\", \"json.tool\", \"config/app.json\", \"/dev/null\"]},"
			       " {\"run\": \"echo looked >> %/looked; ! grep 9 config/app.json || { echo error: 9 is too many; exit 3; }\"}]}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_int_equal(sh(f, "echo '{\"a\": ' > releases/2/config/app.json; echo '{\"a\": 9}' > releases/3/config/app.json"), 0);
	f->call.flags = 0;
	assert_answer(f, FB_OP_PREPARE, "2", FB_FAIL);
	assert_says(f, "release 2 of web is not valid (syntax), and was not put in place");
	assert_says(f, "Expecting value");
	assert_int_equal(json_array_size(f->evidence), 1);
	assert_answer(f, FB_OP_PREPARE, "3", FB_FAIL);
	assert_says(f, "exit code 3: error: 9 is too many");
	assert_text(f, "looked", "looked\nlooked\n");
	assert_state(f, "1");
	recovering(f, "3");
	assert_answer(f, FB_OP_RESTORE, "1", FB_SKIP);
	fake_free(f);
}

/* ---- proof ---- */

static void a_last_known_good_that_was_changed_is_refused_before_the_deployment(void **state)
{
	struct fake *f = begin("{" LINK ", \"ignore\": [\"**/__pycache__\"]}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_int_equal(sh(f, "mkdir releases/1/bin/__pycache__ && touch releases/1/bin/__pycache__/x"), 0);
	assert_answer(f, FB_OP_PROVE, "1", FB_OK);
	assert_int_equal(sh(f, "echo x >> releases/1/config/app.json && rm releases/1/bin/old && chmod 700 releases/1/bin/run && touch releases/1/'n w'"), 0);
	assert_answer(f, FB_OP_CAPTURE, "1", FB_OK);
	assert_answer(f, FB_OP_PROVE, "1", FB_FAIL);
	assert_says(f, "bin/old (gone), bin/run (permissions), config/app.json (content), n w (new)");
	assert_int_equal(json_array_size(f->advice), 1);
	recovering(f, "2");
	assert_answer(f, FB_OP_PREPARE, "1", FB_OK);
	assert_answer(f, FB_OP_VERIFY, "1", FB_FAIL);
	assert_says(f, "is not what it was when it was recorded");
	f->call.failed = NULL;
	f->call.flags = 0;
	assert_int_equal(sh(f, "rm -r releases/.failback"), 0);
	assert_answer(f, FB_OP_PROVE, "1", FB_FAIL);
	assert_says(f, "the record is gone");
	set_item_options(f, "{" LINK ", \"ignore\": [\"**/__pycache__\"], \"changed\": \"accept\"}");
	assert_answer(f, FB_OP_PROVE, "1", FB_OK);
	set_item_options(f, "{" LINK ", \"ignore\": [\"**/__pycache__\"]}");
	assert_answer(f, FB_OP_PROVE, "1", FB_OK);
	assert_int_equal(sh(f, "mv releases/1 away"), 0);
	assert_answer(f, FB_OP_CAPTURE, "1", FB_FAIL);
	assert_says(f, "there would be no way back");
	assert_answer(f, FB_OP_PROVE, "1", FB_FAIL);
	fake_free(f);
}

/* ---- what is due ---- */

static void only_what_is_affected_is_restarted(void **state)
{
	struct fake *f = begin("{" LINK GROUPS "}");

	(void)state;
	deploy(f, "1");
	assert_text(f, "ran", "web 1\napp 1\n");
	f->call.last_good = "1";
	deploy(f, "2");
	assert_text(f, "ran", "web 1\napp 1\napp 2\n");
	go_back(f, "2", "1");
	assert_text(f, "ran", "web 1\napp 1\napp 2\napp 1\n");
	deploy(f, "3"); /* nginx, and bin/old, which it has not */
	assert_text(f, "ran", "web 1\napp 1\napp 2\napp 1\nweb 3\napp 3\n");
	assert_int_equal(sh(f, "cp -a releases/3 releases/4 && touch releases/4/readme && touch releases/4/nginx/site"), 0);
	deploy(f, "4");
	assert_text(f, "ran", "web 1\napp 1\napp 2\napp 1\nweb 3\napp 3\n");
	fake_free(f);
}

static void a_command_that_fails_is_due_until_it_ends_well(void **state)
{
	struct fake *f = begin("{" LINK GROUPS "}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_answer(f, FB_OP_PREPARE, "2", FB_OK);
	assert_int_equal(sh(f, "touch app-fails"), 0);
	assert_answer(f, FB_OP_SHIFT, "2", FB_FAIL);
	assert_says(f, "release 2 of web is in place, but the command of group app failed");
	assert_answer(f, FB_OP_VERIFY, "2", FB_FAIL);
	assert_says(f, "the command of app has not run");
	recovering(f, "2");
	assert_answer(f, FB_OP_RESTORE, "1", FB_FAIL);
	assert_int_equal(sh(f, "rm app-fails ran"), 0);
	assert_answer(f, FB_OP_RESTORE, "1", FB_OK); /* the link is right: it still has to run */
	assert_text(f, "ran", "app 1\n");
	assert_answer(f, FB_OP_VERIFY, "1", FB_OK);
	assert_answer(f, FB_OP_RESTORE, "1", FB_SKIP);
	fake_free(f);
}

static int killed(struct fake *f, const struct fb_command *command, struct fb_command_result *ret)
{
	(void)f;
	(void)command;
	(void)ret;
	return -1;
}

static void a_restart_that_was_due_when_all_was_killed_is_made_up_for(void **state)
{
	struct fake *f = begin("{" LINK GROUPS "}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_answer(f, FB_OP_PREPARE, "2", FB_OK);
	f->command = killed;
	assert_answer(f, FB_OP_SHIFT, "2", FB_FAIL);
	f->command = NULL;
	assert_int_equal(sh(f, "test $(readlink current) = releases/2 && rm ran"), 0);
	f->call.flags = FB_CALL_RESUMED;
	assert_answer(f, FB_OP_SHIFT, "2", FB_OK);
	assert_text(f, "ran", "app 2\n");
	fake_free(f);
}

static void reload_runs_after_each_switch(void **state)
{
	struct fake *f = begin("{" LINK ", \"reload\": \"echo $FAILBACK_RELEASE >> %/ran\"}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_int_equal(sh(f, "cp -a releases/1 releases/same"), 0);
	deploy(f, "same");
	go_back(f, "same", "1");
	assert_text(f, "ran", "1\nsame\n1\n");
	set_item_options(f, "{" LINK GROUPS ", \"reload\": \"true\"}");
	assert_answer(f, FB_OP_CHECK, NULL, FB_FATAL);
	assert_says(f, "set one of them");
	fake_free(f);
}

/* ---- tree ---- */

static void a_tree_becomes_equal_to_the_release_and_users_own_files_stay(void **state)
{
	struct fake *f = begin("{" TREE GROUPS "}");

	(void)state;
	assert_answer(f, FB_OP_CHECK, NULL, FB_OK);
	assert_int_equal(sh(f, "echo own > live/own && mkdir live/bin && echo own > live/bin/own"), 0);
	deploy(f, "1");
	assert_state(f, "1");
	assert_int_equal(sh(f, "test $(stat -c %%a live/bin/run) = 750 && test $(readlink live/start) = bin/run && test $(cat live/bin/own) = own && stat -c %%i live/nginx/site > inode"), 0);
	f->call.last_good = "1";
	deploy(f, "2");
	assert_text(f, "live/more/new", "new\n");
	assert_int_equal(sh(f, "! test -e live/bin/old && test $(stat -c %%i live/nginx/site) = $(cat inode) && diff -r releases/2 live | grep -v 'Only in live' | wc -l | grep -qx 0"), 0);
	go_back(f, "2", "1");
	assert_text(f, "live/config/app.json", "{\"a\": 1}\n");
	assert_text(f, "live/bin/old", "old\n");
	assert_int_equal(sh(f, "! test -e live/more && test $(cat live/own) = own && test $(cat live/bin/own) = own && test -z \"$(find live -name '*.failback')\" && ! test -e releases/.failback/aside"), 0);
	assert_text(f, "ran", "web 1\napp 1\napp 2\napp 1\n");
	fake_free(f);
}

static void what_people_have_changed_is_kept_and_comes_back_with_the_release(void **state)
{
	struct fake *f = begin("{" TREE "}");
	const char *command;

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_int_equal(sh(f, "echo hotfix > live/config/app.json && rm live/nginx/site && echo mine > live/bin/old && mkdir live/more && echo mine > live/more/new"), 0);
	f->call.execution = "deploy-test-2";
	deploy(f, "2");
	assert_text(f, "live/config/app.json", "{\"a\": 2}\n");
	assert_text(f, "live/more/new", "new\n");
	assert_text(f, "live/nginx/site", "site\n");
	assert_text(f, "releases/.failback/aside/deploy-test-2.1/config/app.json", "hotfix\n");
	assert_text(f, "releases/.failback/aside/deploy-test-2.1/bin/old", "mine\n");
	go_back(f, "2", "1");
	assert_text(f, "live/config/app.json", "hotfix\n");
	assert_text(f, "live/bin/old", "mine\n");
	assert_text(f, "live/more/new", "mine\n");
	assert_int_equal(sh(f, "! test -e live/nginx/site"), 0);
	f->call.execution = "deploy-test-3";
	assert_answer(f, FB_OP_SHIFT, "2", FB_OK);
	command = json_string_value(json_object_get(json_array_get(f->advice, 0), "command"));
	assert_non_null(command);
	assert_non_null(strstr(command, "diff -ru "));
	assert_text(f, "releases/.failback/aside/deploy-test-3.1/config/app.json", "hotfix\n");
	assert_answer(f, FB_OP_SHIFT, "1", FB_OK); /* deployed anew: as its folder has it, now and when it is gone back to */
	assert_answer(f, FB_OP_SHIFT, "2", FB_OK);
	go_back(f, "2", "1");
	assert_int_equal(sh(f, "diff -r live releases/1"), 0);
	fake_free(f);
}

static void a_tree_that_people_have_changed_can_be_refused(void **state)
{
	struct fake *f = begin("{" TREE ", \"edited\": \"refuse\"}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_int_equal(sh(f, "echo hotfix > live/config/app.json"), 0);
	assert_answer(f, FB_OP_PREPARE, "2", FB_FAIL);
	assert_says(f, "people have changed what release 2 would overwrite");
	assert_says(f, "config/app.json");
	json_object_del(f->facts, "2/changed"); /* by the first deployment */
	recovering(f, "2");
	assert_answer(f, FB_OP_RESTORE, "1", FB_SKIP);
	assert_answer(f, FB_OP_VERIFY, "1", FB_OK);
	assert_text(f, "live/config/app.json", "hotfix\n");
	fake_free(f);
}

static void no_link_leads_out_of_the_tree(void **state)
{
	struct fake *f = begin("{" TREE "}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_int_equal(sh(f, "mkdir out && echo precious > out/app.json && cp live/bin/old out/old && rm -r live/config live/bin && ln -s ../out live/config && ln -s ../out live/bin &&"
			       " ln -s ../out/app.json live/.app.json.failback"), 0);
	deploy(f, "2");
	assert_text(f, "out/app.json", "precious\n");
	assert_text(f, "out/old", "old\n");
	assert_text(f, "live/config/app.json", "{\"a\": 2}\n");
	assert_int_equal(sh(f, "test -d live/config && ! test -L live/config && test -x live/bin/run && test -L releases/.failback/aside/%s.1/config", f->call.execution), 0);
	fake_free(f);
}

static void a_file_takes_the_place_of_a_folder_only_where_nobody_has_files_in_it(void **state)
{
	struct fake *f = begin("{" TREE "}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_int_equal(sh(f, "rm -r releases/2/bin releases/2/start && echo file > releases/2/bin && mkdir releases/2/start && echo x > releases/2/start/x && echo own > live/bin/own"), 0);
	assert_answer(f, FB_OP_PREPARE, "2", FB_FAIL);
	assert_says(f, "which no release has: move that away");
	assert_int_equal(sh(f, "rm live/bin/own"), 0);
	deploy(f, "2");
	assert_text(f, "live/bin", "file\n");
	assert_text(f, "live/start/x", "x\n");
	go_back(f, "2", "1");
	assert_text(f, "live/bin/old", "old\n");
	assert_int_equal(sh(f, "test -L live/start"), 0);
	fake_free(f);
}

static void a_change_that_was_broken_off_is_gone_on_with_or_gone_back_from(void **state)
{
	struct fake *f = begin("{" TREE GROUPS "}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_int_equal(sh(f, "cp -a live before && echo hotfix > live/nginx/site && cp -a live edited"), 0);
	assert_answer(f, FB_OP_PREPARE, "2", FB_OK);
	/* A file of the release is damaged in the last moment: the change stops there, between the releases */
	assert_int_equal(sh(f, "echo damaged > releases/2/more/new"), 0);
	assert_answer(f, FB_OP_SHIFT, "2", FB_FAIL);
	assert_says(f, "is not what it was when it was recorded");
	assert_text(f, "live/config/app.json", "{\"a\": 2}\n");
	assert_state(f, NULL);
	recovering(f, "2");
	assert_answer(f, FB_OP_VERIFY, "1", FB_FAIL);
	assert_answer(f, FB_OP_PREPARE, "1", FB_OK);
	assert_answer(f, FB_OP_RESTORE, "1", FB_OK);
	assert_answer(f, FB_OP_VERIFY, "1", FB_OK);
	assert_int_equal(sh(f, "diff -r live edited"), 0);
	assert_int_equal(sh(f, "echo new > releases/2/more/new"), 0);
	f->call.failed = NULL;
	f->call.flags = 0;
	assert_answer(f, FB_OP_SHIFT, "2", FB_OK);
	assert_int_equal(sh(f, "diff -r live releases/2"), 0);
	fake_free(f);
}

static void a_tree_that_was_not_deployed_to_is_left_alone_by_a_recovery(void **state)
{
	struct fake *f = begin("{" TREE GROUPS "}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	assert_int_equal(sh(f, "echo hotfix > live/config/app.json && rm ran"), 0);
	recovering(f, "2");
	assert_answer(f, FB_OP_PREPARE, "1", FB_OK);
	assert_answer(f, FB_OP_RESTORE, "1", FB_SKIP);
	assert_text(f, "live/config/app.json", "hotfix\n");
	assert_int_equal(sh(f, "! test -e ran"), 0);
	fake_free(f);
}

/* ---- the rest ---- */

static void old_releases_go_and_never_the_live_one_or_the_last_known_good(void **state)
{
	struct fake *f = begin("{" LINK ", \"keep\": 1}");

	(void)state;
	deploy(f, "1");
	deploy(f, "2");
	deploy(f, "3");
	f->call.last_good = "1";
	assert_int_equal(sh(f, "mkdir releases/foreign"), 0);
	assert_answer(f, FB_OP_COMMIT, "3", FB_OK);
	assert_int_equal(sh(f, "test -d releases/1 && test -d releases/3 && test -d releases/foreign && ! test -e releases/2 && test -d releases/.failback/gone && ! test -e releases/.failback/gone/2"), 0);
	assert_answer(f, FB_OP_COMMIT, "3", FB_SKIP);
	fake_free(f);
}

static void what_the_failed_release_changed_is_evidence(void **state)
{
	struct fake *f = begin("{" LINK "}");
	const char *text;

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	deploy(f, "2");
	recovering(f, "2");
	assert_answer(f, FB_OP_EVIDENCE, "2", FB_OK);
	text = json_string_value(json_object_get(json_array_get(f->evidence, 0), "text"));
	assert_string_equal(text, "gone         bin/old\ncontent      config/app.json\nnew          more\nnew          more/new\n");
	fake_free(f);
}

static void a_shift_is_undone(void **state)
{
	struct fake *f = begin("{" LINK GROUPS "}");

	(void)state;
	deploy(f, "1");
	f->call.last_good = "1";
	deploy(f, "2");
	f->call.flags = FB_CALL_UNDO;
	assert_answer(f, FB_OP_SHIFT, "2", FB_OK);
	assert_int_equal(sh(f, "test $(readlink current) = releases/1"), 0);
	assert_text(f, "ran", "web 1\napp 1\napp 2\napp 1\n");
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_goes_to_the_release_and_back),
		cmocka_unit_test(the_link_is_replaced_as_a_whole),
		cmocka_unit_test(what_is_no_link_or_no_name_of_a_release_is_refused),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(a_release_that_is_half_made_is_never_used),
		cmocka_unit_test(what_was_installed_is_removed_or_kept_when_it_fails_and_what_others_put_there_stays),
		cmocka_unit_test(a_release_that_is_not_valid_is_refused_with_what_the_command_said),
		cmocka_unit_test(a_last_known_good_that_was_changed_is_refused_before_the_deployment),
		cmocka_unit_test(only_what_is_affected_is_restarted),
		cmocka_unit_test(a_command_that_fails_is_due_until_it_ends_well),
		cmocka_unit_test(a_restart_that_was_due_when_all_was_killed_is_made_up_for),
		cmocka_unit_test(reload_runs_after_each_switch),
		cmocka_unit_test(a_tree_becomes_equal_to_the_release_and_users_own_files_stay),
		cmocka_unit_test(what_people_have_changed_is_kept_and_comes_back_with_the_release),
		cmocka_unit_test(a_tree_that_people_have_changed_can_be_refused),
		cmocka_unit_test(no_link_leads_out_of_the_tree),
		cmocka_unit_test(a_file_takes_the_place_of_a_folder_only_where_nobody_has_files_in_it),
		cmocka_unit_test(a_change_that_was_broken_off_is_gone_on_with_or_gone_back_from),
		cmocka_unit_test(a_tree_that_was_not_deployed_to_is_left_alone_by_a_recovery),
		cmocka_unit_test(old_releases_go_and_never_the_live_one_or_the_last_known_good),
		cmocka_unit_test(what_the_failed_release_changed_is_evidence),
		cmocka_unit_test(a_shift_is_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
