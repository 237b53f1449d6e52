/* SPDX-License-Identifier: Apache-2.0 */
/* Strategy state over a service that is files: "up" is there while it runs, "frozen" while it writes nothing; what is done to it goes to "trace". */
#include "plugins/common/test_item.h"

#define FIRST "{\"paths\": [\"/etc\"]}"
#define SERVICE                                                                                                                                                  \
	", \"stop\": \"echo stop >> %/trace; rm -f %/up\", \"start\": \"echo start >> %/trace; touch %/up\", \"reset\": \"echo reset >> %/trace; echo 0 > %/metric\"," \
	" \"check_command\": \"echo check >> %/trace; grep -q good %/state/flow\", \"clear\": [\"%/logs/*.log\"], \"exclude\": [\"*.tmp\"], \"keep_failed\": true"

static struct fake *begin(const char *more)
{
	char *options = fb_asprintf("{\"paths\": [\"%%/state\", \"%%/runs\"]%s}", more);
	struct fake *f = item_new("strategy-state", FIRST, NULL);

	set_item_options(f, options);
	fb_free(options);
	assert_int_equal(sh(f, "mkdir state runs logs && echo good > state/flow && echo 1 > runs/1 && echo x > state/x.tmp && echo old > logs/a.log && echo 7 > metric && touch up"), 0);
	return f;
}

/* The state of 1.0 is in the backup; then it is spoilt. */
static struct fake *spoilt(const char *more)
{
	struct fake *f = begin(more);

	assert_call(f, FB_OP_CHECK, FB_OK);
	assert_sealed(f);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_int_equal(sh(f, "echo bad > state/flow; rm runs/1; echo 2 > runs/2; echo error > logs/a.log; echo b > logs/b.log; echo 99 > metric; rm -f trace"), 0);
	return f;
}

static void it_comes_back_while_the_service_is_stopped(void **state)
{
	struct fake *f = spoilt(SERVICE);
	char *keys;

	(void)state;
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "trace", "stop\ncheck\nreset\nstart\n");
	assert_text(f, "state/flow", "good\n");
	assert_text(f, "runs/1", "1\n");
	assert_text(f, "metric", "0\n");
	assert_text(f, "state/x.tmp", "x\n");
	assert_int_not_equal(sh(f, "ls logs/*.log runs/2"), 0);
	keys = fake_act_keys(f);
	assert_string_equal(keys, "stop keep clear restore reset start");
	free(keys);
	fake_free(f);
}

static void what_failed_and_what_was_cleared_can_be_looked_at(void **state)
{
	struct fake *f = spoilt(SERVICE);

	(void)state;
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_true(fake_logged(f, "as it failed is kept in"));
	assert_int_equal(sh(f, "a=.failback-aside/%s; grep -q bad $a/failed$PWD/state/flow && grep -q 2 $a/failed$PWD/runs/2 && grep -q error $a/cleared$PWD/logs/a.log && test -e $a/cleared$PWD/logs/b.log",
			    f->call.execution), 0);
	assert_int_equal(json_array_size(f->evidence), 2);
	/* again, with new ones: nothing that is there is overwritten */
	assert_int_equal(sh(f, "echo bad > state/flow; echo second > logs/a.log"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, "a=.failback-aside/%s; grep -q error $a/cleared$PWD/logs/a.log && grep -q second $a/cleared$PWD/logs/a.log.1", f->call.execution), 0);
	fake_free(f);
}

static void a_state_that_is_as_it_was_stops_nothing(void **state)
{
	struct fake *f = begin(SERVICE);

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, "rm trace; echo y > state/x.tmp"), 0);
	assert_call(f, FB_OP_RESTORE, FB_SKIP);
	assert_int_not_equal(sh(f, "ls trace"), 0);
	assert_int_equal(sh(f, "test -e logs/a.log"), 0);
	fake_free(f);
}

static void without_delete_what_was_added_stays(void **state)
{
	struct fake *f = spoilt(", \"delete\": false");

	(void)state;
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "runs/2", "2\n");
	assert_text(f, "runs/1", "1\n");
	fake_free(f);
}

static void an_unsound_state_is_never_kept_as_good(void **state)
{
	struct fake *f = begin(SERVICE);

	(void)state;
	assert_int_equal(sh(f, "echo bad > state/flow"), 0);
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "is not sound, so it is not kept as good: check_command failed: exit code 1");
	assert_null(fake_act(f, "put"));
	set_item_options(f, "{\"paths\": [\"%/state\", \"%/runs\"]" SERVICE ", \"unsound\": \"warn\"}");
	assert_call(f, FB_OP_CAPTURE, FB_OK);
	assert_true(fake_logged(f, "is backed up as it is"));
	fake_free(f);
}

static void what_was_restored_and_is_not_sound_is_not_started(void **state)
{
	struct fake *f = spoilt(SERVICE);

	(void)state;
	set_item_options(f, "{\"paths\": [\"%/state\", \"%/runs\"], \"stop\": \"rm -f %/up\", \"start\": \"touch %/up\", \"check_command\": \"echo rows are missing; exit 3\"}");
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "was restored, but is not sound: check_command failed: exit code 3: rows are missing; the service was left stopped");
	assert_int_equal(json_array_size(f->advice), 1);
	assert_int_not_equal(sh(f, "test -e up"), 0);
	fake_free(f);
}

static void a_service_that_was_stopped_is_started_by_who_goes_on(void **state)
{
	struct fake *f = spoilt(SERVICE);

	(void)state;
	fake_lose_acted(f, "restore"); /* as if the engine had died there */
	f->call.flags |= FB_CALL_RECOVERY;
	f->call.release = f->call.last_good;
	fake_forget(f, true);
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_FAIL);
	assert_int_not_equal(sh(f, "test -e up"), 0);
	assert_text(f, "state/flow", "good\n"); /* so a look at the state alone would find nothing to do */
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, "test -e up && test \"$(tail -n 1 trace)\" = start"), 0);
	assert_int_equal(sh(f, "grep -q bad .failback-aside/%s/failed$PWD/state/flow", f->call.execution), 0);
	assert_int_equal(sh(f, "rm trace"), 0);
	assert_call(f, FB_OP_RESTORE, FB_SKIP);
	fake_free(f);
}

static void a_service_that_cannot_be_stopped_keeps_its_state(void **state)
{
	struct fake *f = spoilt(SERVICE);

	(void)state;
	set_item_options(f, "{\"paths\": [\"%/state\", \"%/runs\"], \"stop\": \"echo still busy; exit 1\", \"start\": \"true\"}");
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "what writes it could not be stopped: exit code 1: still busy");
	assert_text(f, "state/flow", "bad\n");
	fake_free(f);
}

#define QUIET ", \"quiesce\": \"touch %/frozen; echo quiesce >> %/trace\", \"resume\": \"rm -f %/frozen; echo resume >> %/trace\""

static void it_is_read_while_nothing_is_written(void **state)
{
	struct fake *f = begin(QUIET);

	(void)state;
	assert_sealed(f);
	assert_text(f, "trace", "quiesce\nresume\n");
	assert_int_not_equal(sh(f, "test -e frozen"), 0);
	fake_free(f);
}

static void the_service_writes_again_also_when_the_capture_fails(void **state)
{
	struct fake *f = begin(QUIET);

	(void)state;
	assert_int_equal(sh(f, "mv state elsewhere"), 0);
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "state cannot be looked through: No such file or directory");
	assert_text(f, "trace", "quiesce\nresume\n");
	set_item_options(f, "{\"paths\": [\"%/runs\"], \"quiesce\": \"echo not now; exit 1\", \"resume\": \"echo resume >> %/trace\"}");
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "could not be kept from writing, so its state was not read: 'quiesce' failed: exit code 1: not now");
	assert_text(f, "trace", "quiesce\nresume\nresume\n");
	set_item_options(f, "{\"paths\": [\"%/runs\"], \"quiesce\": \"true\", \"resume\": \"false\"}");
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "may still be kept from writing: 'resume' failed: exit code 1. Run it by hand");
	fake_free(f);
}

static void nobody_is_kept_from_writing_for_longer_than_the_time_given(void **state)
{
	struct fake *f = begin(", \"quiesce\": \"sleep 60\", \"resume\": \"echo resume >> %/trace\", \"quiesce_timeout\": \"200ms\"");
	int64_t began = fake_now_ms();

	(void)state;
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "not finished after");
	assert_text(f, "trace", "resume\n");
	assert_true(fake_now_ms() - began < 30000);
	fake_free(f);
}

/* Each reading finds another file changed: failback-store is run through a script that changes one first. */
static void files_that_change_while_they_are_read_are_noticed(void **state)
{
	struct fake *f = begin("");
	char *dir = fake_path(f, "bin"), *before = fb_strdup(getenv("PATH")), *path = fb_asprintf("%s:%s", dir, before);

	(void)state;
	write_text(f, "store.sh", "#!/bin/sh\ncd \"$(dirname \"$0\")/..\"\ncase \"$*\" in *' put '*) test -e still || { date +%N >> state/flow; echo try >> tries; } ;; esac\nPATH=${PATH#*:} exec failback-store \"$@\"\n");
	assert_int_equal(sh(f, "mkdir bin && mv store.sh bin/failback-store && chmod 755 bin/failback-store"), 0);
	setenv("PATH", path, 1);
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "changed each time it was read, so what was read is not of one moment: set 'quiesce' and 'resume', leave out what changes with 'exclude'");
	assert_text(f, "tries", "try\ntry\ntry\n");
	set_item_options(f, "{\"paths\": [\"%/state\", \"%/runs\"], \"changing\": \"warn\"}");
	assert_call(f, FB_OP_CAPTURE, FB_OK);
	assert_true(fake_logged(f, "may be a mixture"));
	set_item_options(f, "{\"paths\": [\"%/state\", \"%/runs\"], \"exclude\": [\"flow\"]}");
	assert_call(f, FB_OP_CAPTURE, FB_OK);
	assert_int_equal(sh(f, "touch still"), 0);
	set_item_options(f, "{\"paths\": [\"%/state\", \"%/runs\"]}");
	assert_call(f, FB_OP_CAPTURE, FB_OK);
	setenv("PATH", before, 1);
	fb_free(before);
	fb_free(path);
	fb_free(dir);
	fake_free(f);
}

static void a_dry_run_stops_and_clears_nothing(void **state)
{
	struct fake *f = spoilt(SERVICE QUIET);

	(void)state;
	assert_int_equal(sh(f, "rm -f trace"), 0);
	f->call.flags = FB_CALL_DRY_RUN;
	assert_call(f, FB_OP_CAPTURE, FB_OK);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_non_null(fake_act(f, "start"));
	assert_int_not_equal(sh(f, "ls -d trace .failback-aside"), 0);
	assert_text(f, "state/flow", "bad\n");
	fake_free(f);
}

static void settings_that_cannot_be_are_refused(void **state)
{
	static const char *const wrong[][2] = {
		{"{\"paths\": [\"%/state\"], \"stop\": \"true\"}", "'stop' and 'start' belong together"},
		{"{\"paths\": [\"%/state\"], \"resume\": \"true\"}", "'quiesce' and 'resume' belong together"},
		{"{\"paths\": [\"state\"]}", "paths: 'state' is not absolute"},
		{"{\"paths\": [\"%/state\"], \"clear\": [\"logs/*.log\"]}", "clear: 'logs/*.log' is not absolute"},
		{"{\"paths\": [\"%/state\"], \"keep_failed\": true, \"aside\": \"%/state/aside\"}", "set 'aside' to a folder elsewhere"},
		{"{\"paths\": [\"%/state\", \"%\"], \"keep_failed\": true}", "set 'aside' to a folder elsewhere"},
		{"{\"paths\": []}", "paths is empty"},
	};
	struct fake *f = begin("");

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		set_item_options(f, wrong[i][0]);
		assert_call(f, FB_OP_CHECK, FB_FATAL);
		assert_says(f, wrong[i][1]);
	}
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_back_while_the_service_is_stopped),
		cmocka_unit_test(what_failed_and_what_was_cleared_can_be_looked_at),
		cmocka_unit_test(a_state_that_is_as_it_was_stops_nothing),
		cmocka_unit_test(without_delete_what_was_added_stays),
		cmocka_unit_test(an_unsound_state_is_never_kept_as_good),
		cmocka_unit_test(what_was_restored_and_is_not_sound_is_not_started),
		cmocka_unit_test(a_service_that_was_stopped_is_started_by_who_goes_on),
		cmocka_unit_test(a_service_that_cannot_be_stopped_keeps_its_state),
		cmocka_unit_test(it_is_read_while_nothing_is_written),
		cmocka_unit_test(the_service_writes_again_also_when_the_capture_fails),
		cmocka_unit_test(nobody_is_kept_from_writing_for_longer_than_the_time_given),
		cmocka_unit_test(files_that_change_while_they_are_read_are_noticed),
		cmocka_unit_test(a_dry_run_stops_and_clears_nothing),
		cmocka_unit_test(settings_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
