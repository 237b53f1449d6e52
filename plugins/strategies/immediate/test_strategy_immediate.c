/* SPDX-License-Identifier: Apache-2.0 */
/* Strategy immediate over a service made of files: "current" names the release in place, "up" is there while the service runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/fake/host.h"

#define BASE                                                                                                                                           \
	"\"stop\": \"echo stop >> trace; test -e up || { echo not running; exit 5; }; rm up\", \"start\": \"echo start >> trace; test -e broken || touch up\","   \
	" \"deploy\": \"echo deploy $FAILBACK_RELEASE >> trace; echo $FAILBACK_RELEASE > current\""
#define LOOKS ", \"running\": [\"test\", \"-e\", \"up\"], \"version\": \"cat current\""

static struct fake *make(const char *more)
{
	struct fake *f = fake_new("strategy-immediate", "{\"deploy\": \"true\"}");
	char options[2000];

	snprintf(options, sizeof(options), "{\"directory\": \"%s\", " BASE "%s}", f->call.scratch, more);
	fake_set_options(f, options);
	f->call.service = "web";
	f->call.share = 10000;
	f->call.release = "2.1";
	f->call.last_good = "2.0";
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_OK);
	return f;
}

static int shell(struct fake *f, const char *text)
{
	const struct fb_command c = {.shell = text, .directory = f->call.scratch};
	struct fb_command_result r;

	assert_int_equal(f->call.host->run(&f->call, &c, &r), 0);
	return r.exit_code;
}

/* What was done to the service, in one line; then forgets it. */
static void expect_trace(struct fake *f, const char *expected)
{
	const struct fb_command c = {.shell = "test ! -e trace || tr '\\n' ' ' < trace; rm -f trace", .directory = f->call.scratch};
	struct fb_command_result r;

	assert_int_equal(f->call.host->run(&f->call, &c, &r), 0);
	assert_string_equal(r.output, expected);
}

static void it_declares_downtime_and_no_prepare(void **state)
{
	struct fake *f = make("");

	(void)state;
	assert_int_equal(f->plugin->features & FB_FEATURE_ZERO_DOWNTIME, 0);
	assert_false(fake_offers(f, FB_OP_PREPARE));
	assert_false(fake_offers(f, FB_OP_OBSERVE));
	assert_false(fake_offers(f, FB_OP_COMMIT));
	fake_free(f);
}

static void a_deployment_stops_deploys_and_starts(void **state)
{
	struct fake *f = make(LOOKS);
	char *keys;

	(void)state;
	shell(f, "echo 2.0 > current; touch up");
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
	expect_trace(f, "stop deploy 2.1 start ");
	keys = fake_act_keys(f);
	assert_string_equal(keys, "stop deploy start");
	free(keys);
	assert_string_equal(fake_fact(f, FB_SCOPE_SERVICE, "live"), "2.1");
	assert_int_equal(fake_call(f, FB_OP_VERIFY), FB_OK);
	fake_free(f);
}

static void a_share_of_the_traffic_is_refused(void **state)
{
	struct fake *f = make(LOOKS);

	(void)state;
	f->call.share = 1000;
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_FATAL);
	assert_non_null(strstr(f->message, "10.00 %"));
	assert_int_equal(json_array_size(f->acts), 0);
	fake_free(f);
}

static void a_service_that_is_stopped_already_is_tolerated(void **state)
{
	struct fake *f = make(LOOKS);

	(void)state;
	f->call.release = "2.0";
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_OK);
	expect_trace(f, "deploy 2.0 start "); /* 'running' said no: stop was not even tried */
	fake_free(f);
	f = make("");
	f->call.release = "2.0";
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_OK);
	expect_trace(f, "stop deploy 2.0 start ");
	assert_true(fake_logged(f, "exit code 5"));
	fake_free(f);
}

static void a_service_that_cannot_be_stopped_is_not_replaced(void **state)
{
	struct fake *f = fake_new("strategy-immediate", "{\"stop\": \"echo cannot stop; exit 1\", \"running\": \"true\", \"deploy\": \"echo deployed\"}");

	(void)state;
	f->call.release = "2.1";
	f->call.share = 10000;
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_FAIL);
	assert_non_null(strstr(f->message, "exit code 1: cannot stop"));
	assert_null(fake_act(f, "deploy"));
	fake_free(f);
}

static void a_restore_that_is_done_does_nothing(void **state)
{
	struct fake *f = make(LOOKS);

	(void)state;
	f->call.release = "2.0";
	shell(f, "echo 2.0 > current; touch up");
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_SKIP);
	expect_trace(f, "");
	assert_int_equal(json_array_size(f->acts), 0);
	fake_free(f);
}

static void a_restore_uses_the_way_back_that_was_captured(void **state)
{
	struct fake *f = make(LOOKS ", \"capture\": \"echo snapshot-$(cat current)\", \"prove\": \"test \\\"$FAILBACK_WAY_BACK\\\" = snapshot-2.0\","
			       " \"restore\": \"echo restore $FAILBACK_WAY_BACK from $FAILBACK_FAILED >> trace; echo $FAILBACK_RELEASE > current\"");

	(void)state;
	shell(f, "echo 2.0 > current; touch up");
	assert_int_equal(fake_call(f, FB_OP_PROVE), FB_FAIL); /* there is none yet */
	assert_int_equal(fake_call(f, FB_OP_CAPTURE), FB_OK);
	assert_int_equal(fake_call(f, FB_OP_PROVE), FB_OK);
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
	expect_trace(f, "stop deploy 2.1 start ");
	f->call.release = "2.0";
	f->call.failed = "2.1";
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_OK);
	expect_trace(f, "stop restore snapshot-2.0 from 2.1 start ");
	fake_free(f);
}

static void an_empty_capture_is_no_way_back(void **state)
{
	struct fake *f = make(", \"capture\": \"true\"");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_CAPTURE), FB_FAIL);
	assert_int_equal(json_object_size(f->facts), 0);
	fake_free(f);
	f = make("");
	assert_int_equal(fake_call(f, FB_OP_CAPTURE), FB_SKIP);
	assert_int_equal(fake_call(f, FB_OP_PROVE), FB_SKIP);
	fake_free(f);
}

static void there_may_be_nothing_to_go_back_to(void **state)
{
	struct fake *f = make(LOOKS);

	(void)state;
	f->call.release = NULL;
	f->call.last_good = NULL;
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_FATAL);
	assert_non_null(strstr(f->message, "nothing to go back to"));
	assert_int_equal(json_array_size(f->acts), 0);
	fake_free(f);
}

static void undo_of_a_shift_goes_back_to_the_last_good(void **state)
{
	struct fake *f = make(LOOKS);

	(void)state;
	shell(f, "echo 2.1 > current; touch up");
	f->call.flags = FB_CALL_UNDO;
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
	expect_trace(f, "stop deploy 2.0 start ");
	assert_int_equal(fake_call(f, FB_OP_CLEANUP), FB_SKIP);
	fake_free(f);
}

static void an_interrupted_deployment_goes_on_where_it_was(void **state)
{
	struct fake *f = make(LOOKS);

	(void)state;
	shell(f, "echo 2.0 > current; touch up");
	fake_lose_acted(f, "deploy");
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_FAIL);
	expect_trace(f, "stop deploy 2.1 ");
	f->call.flags = FB_CALL_RESUMED;
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
	expect_trace(f, "deploy 2.1 start ");
	fake_free(f);
}

static void another_attempt_does_all_of_it_anew(void **state)
{
	struct fake *f = make(LOOKS);

	(void)state;
	shell(f, "echo 2.0 > current; touch up broken");
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_FAIL);
	assert_non_null(strstr(f->message, "does not run"));
	expect_trace(f, "stop deploy 2.1 start ");
	shell(f, "rm broken");
	f->call.attempt = 2;
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
	expect_trace(f, "deploy 2.1 start ");
	assert_true(fake_did(f, "start/2"));
	fake_free(f);
}

static void a_release_that_is_not_the_one_asked_for_is_noticed(void **state)
{
	struct fake *f = make(", \"version\": \"echo 1.9\"");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_FAIL);
	assert_non_null(strstr(f->message, "'version' says 1.9"));
	assert_int_equal(fake_call(f, FB_OP_VERIFY), FB_FAIL);
	fake_free(f);
}

static void it_is_given_time_to_come_up(void **state)
{
	struct fake *f = make(", \"running\": \"echo x >> asked; test $(wc -l < asked) -gt 3\", \"settle\": \"20s\"");

	(void)state;
	f->skip_sleeps = true;
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
	assert_true(f->slept_ms > 0);
	fake_free(f);
}

static void verify_asks_all_it_can(void **state)
{
	struct fake *f = make(LOOKS ", \"verify\": \"echo no answer on port 80; exit 1\"");

	(void)state;
	shell(f, "echo 2.1 > current; touch up");
	assert_int_equal(fake_call(f, FB_OP_VERIFY), FB_FAIL);
	assert_non_null(strstr(f->message, "no answer on port 80"));
	shell(f, "rm up");
	assert_int_equal(fake_call(f, FB_OP_VERIFY), FB_FAIL);
	assert_non_null(strstr(f->message, "'running'"));
	fake_free(f);
	f = make("");
	assert_int_equal(fake_call(f, FB_OP_VERIFY), FB_SKIP);
	fake_free(f);
}

static void the_state_is_what_is_live(void **state)
{
	struct fake *f = make(LOOKS);
	const json_t *o;

	(void)state;
	shell(f, "echo ' 2.0 ' > current");
	assert_int_equal(fake_call(f, FB_OP_STATE), FB_OK);
	o = json_object_get(f->reports, "state");
	assert_string_equal(json_string_value(json_object_get(o, "release")), "2.0");
	shell(f, "rm current");
	assert_int_equal(fake_call(f, FB_OP_STATE), FB_OK);
	o = json_object_get(f->reports, "state");
	assert_true(json_is_null(json_object_get(o, "release")));
	fake_free(f);
}

static void protection_leaves_or_stops(void **state)
{
	struct fake *f = make("");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_PROTECT), FB_SKIP);
	expect_trace(f, "");
	fake_free(f);
	f = make(LOOKS ", \"protect\": \"stop\"");
	shell(f, "touch up");
	assert_int_equal(fake_call(f, FB_OP_PROTECT), FB_OK);
	expect_trace(f, "stop ");
	assert_true(fake_did(f, "protect"));
	fake_free(f);
}

static void evidence_copies_the_logs_that_are_there(void **state)
{
	struct fake *f = make("");
	char options[600];

	(void)state;
	shell(f, "echo OOM > log");
	snprintf(options, sizeof(options), "{\"deploy\": \"true\", \"logs\": [\"%s/log\", \"/nonexistent/log\"]}", f->call.scratch);
	fake_set_options(f, options);
	assert_int_equal(fake_call(f, FB_OP_EVIDENCE), FB_OK);
	assert_int_equal(json_array_size(f->evidence), 1);
	assert_true(fake_logged(f, "/nonexistent/log"));
	assert_int_equal(json_array_size(f->acts), 0);
	fake_free(f);
}

static void cleanup_knows_what_failed_and_whether_to_keep_it(void **state)
{
	struct fake *f = make(", \"cleanup\": \"echo cleanup $FAILBACK_FAILED $FAILBACK_PRESERVE >> trace\"");

	(void)state;
	f->call.failed = "2.1";
	f->call.flags = FB_CALL_PRESERVE;
	assert_int_equal(fake_call(f, FB_OP_CLEANUP), FB_OK);
	expect_trace(f, "cleanup 2.1 1 ");
	fake_free(f);
}

static void a_dry_run_changes_nothing(void **state)
{
	struct fake *f = make(LOOKS);
	char *keys;

	(void)state;
	shell(f, "echo 2.0 > current; touch up");
	f->call.flags = FB_CALL_DRY_RUN;
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
	expect_trace(f, "");
	keys = fake_act_keys(f);
	assert_string_equal(keys, "stop deploy start");
	free(keys);
	assert_int_equal(json_object_size(f->facts), 0);
	fake_free(f);
}

static void exit_code_75_asks_for_another_attempt(void **state)
{
	struct fake *f = fake_new("strategy-immediate", "{\"deploy\": \"exit 75\"}");

	(void)state;
	f->call.release = "2.1";
	f->call.share = 10000;
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_RETRY);
	fake_free(f);
}

static void check_finds_what_cannot_work(void **state)
{
	struct fake *f = fake_new("strategy-immediate", "{\"deploy\": \"true\", \"protect\": \"stop\"}");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
	fake_set_options(f, "{\"deploy\": [\"/nonexistent/deploy\"]}");
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FAIL);
	assert_non_null(strstr(f->message, "/nonexistent/deploy"));
	assert_int_equal(json_array_size(f->advice), 2);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_declares_downtime_and_no_prepare),
		cmocka_unit_test(a_deployment_stops_deploys_and_starts),
		cmocka_unit_test(a_share_of_the_traffic_is_refused),
		cmocka_unit_test(a_service_that_is_stopped_already_is_tolerated),
		cmocka_unit_test(a_service_that_cannot_be_stopped_is_not_replaced),
		cmocka_unit_test(a_restore_that_is_done_does_nothing),
		cmocka_unit_test(a_restore_uses_the_way_back_that_was_captured),
		cmocka_unit_test(an_empty_capture_is_no_way_back),
		cmocka_unit_test(there_may_be_nothing_to_go_back_to),
		cmocka_unit_test(undo_of_a_shift_goes_back_to_the_last_good),
		cmocka_unit_test(an_interrupted_deployment_goes_on_where_it_was),
		cmocka_unit_test(another_attempt_does_all_of_it_anew),
		cmocka_unit_test(a_release_that_is_not_the_one_asked_for_is_noticed),
		cmocka_unit_test(it_is_given_time_to_come_up),
		cmocka_unit_test(verify_asks_all_it_can),
		cmocka_unit_test(the_state_is_what_is_live),
		cmocka_unit_test(protection_leaves_or_stops),
		cmocka_unit_test(evidence_copies_the_logs_that_are_there),
		cmocka_unit_test(cleanup_knows_what_failed_and_whether_to_keep_it),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(exit_code_75_asks_for_another_attempt),
		cmocka_unit_test(check_finds_what_cannot_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
