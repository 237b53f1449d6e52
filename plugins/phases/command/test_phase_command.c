/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/fake/host.h"

static struct fake *run_with(const char *options, int32_t answer)
{
	struct fake *f = fake_new("phase-command", options);

	f->call.release = "2.1";
	assert_int_equal(fake_call(f, FB_OP_RUN), answer);
	return f;
}

static const char *output(const struct fake *f)
{
	return json_string_value(json_object_get(json_array_get(f->commands, 0), "output"));
}

static void the_command_is_one_action(void **state)
{
	struct fake *f = run_with("{\"run\": \"echo $FAILBACK_RELEASE $A $B; pwd; cat\", \"directory\": \"/tmp\", \"environment\": {\"A\": \"$x; y\"},"
				  " \"secret_environment\": {\"B\": \"b\"}, \"input\": \"in\"}",
				  FB_OK);
	char *keys = fake_act_keys(f);

	(void)state;
	assert_string_equal(output(f), "2.1 $x; y b\n/tmp\nin");
	assert_string_equal(keys, "run");
	assert_true(fake_did(f, "run"));
	assert_non_null(strstr(json_string_value(json_object_get(fake_act(f, "run"), "text")), "run 'echo"));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(f->reports, "exit"), "code")), 0);
	free(keys);
	fake_free(f);
}

static void a_failure_quotes_the_line_that_says_most(void **state)
{
	struct fake *f = run_with("{\"run\": \"echo start; echo \\\"Error: Cannot find module './config/production.json'\\\"; echo; echo npm took 3 s; exit 3\"}", FB_FAIL);

	(void)state;
	assert_non_null(strstr(f->message, "exit code 3: Error: Cannot find module './config/production.json'"));
	assert_false(fake_did(f, "run"));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(f->reports, "exit"), "code")), 3);
	fake_free(f);
	f = run_with("{\"run\": \"echo one; echo two; exit 1\"}", FB_FAIL);
	assert_non_null(strstr(f->message, "exit code 1: two"));
	fake_free(f);
	f = run_with("{\"run\": \"printf 'bad \\\\377\\\\033[31m byte\\\\n'; exit 1\"}", FB_FAIL);
	assert_non_null(strstr(f->message, "bad ??[31m byte"));
	fake_free(f);
}

static void a_signal_is_named_and_not_explained(void **state)
{
	struct fake *f = run_with("{\"run\": \"kill -KILL $$\"}", FB_FAIL);

	(void)state;
	assert_non_null(strstr(f->message, "killed by SIGKILL"));
	assert_null(strstr(f->message, "memory"));
	assert_string_equal(json_string_value(json_object_get(json_object_get(f->reports, "exit"), "signal")), "SIGKILL");
	assert_true(json_is_null(json_object_get(json_object_get(f->reports, "exit"), "code")));
	fake_free(f);
}

static void another_exit_code_may_be_the_expected_one(void **state)
{
	struct fake *f = run_with("{\"run\": \"exit 4\", \"expect_exit\": 4}", FB_OK);

	(void)state;
	fake_free(f);
	f = run_with("{\"run\": \"true\", \"expect_exit\": 4}", FB_FAIL);
	assert_non_null(strstr(f->message, "exit code 0, expected 4"));
	fake_free(f);
}

static void exit_code_75_asks_for_another_attempt_unless_it_runs_once(void **state)
{
	struct fake *f = run_with("{\"run\": \"exit 75\"}", FB_RETRY);

	(void)state;
	f->call.attempt = 2;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_RETRY); /* idempotent: the journal says DO again */
	assert_int_equal(json_array_size(f->commands), 2);
	fake_free(f);
	f = run_with("{\"run\": \"exit 75\", \"repeat\": \"once\"}", FB_FAIL);
	f->call.attempt = 2;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_int_equal(json_array_size(f->commands), 1);
	fake_free(f);
}

static void its_time_is_bounded(void **state)
{
	struct fake *f = fake_new("phase-command", "{\"run\": \"echo waiting for the lock; sleep 60\"}");

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 300;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_non_null(strstr(f->message, "not finished"));
	assert_non_null(strstr(f->message, "waiting for the lock"));
	assert_true(json_is_true(json_object_get(json_object_get(f->reports, "exit"), "timed_out")));
	fake_free(f);
}

static void a_dry_run_runs_nothing(void **state)
{
	struct fake *f = fake_new("phase-command", "{\"run\": \"exit 1\", \"undo\": \"exit 1\"}");

	(void)state;
	f->call.flags = FB_CALL_DRY_RUN;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	f->call.flags |= FB_CALL_UNDO;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(json_array_size(f->commands), 0);
	assert_int_equal(json_array_size(f->acts), 2);
	fake_free(f);
}

static void what_was_done_is_not_done_again(void **state)
{
	struct fake *f = run_with("{\"run\": \"true\"}", FB_OK);

	(void)state;
	f->call.flags = FB_CALL_RESUMED;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(json_array_size(f->commands), 1);
	fake_free(f);
}

static void an_unknown_outcome_is_repeated_only_when_that_is_allowed(void **state)
{
	struct fake *f = fake_new("phase-command", "{\"run\": \"true\"}");

	(void)state;
	fake_lose_acted(f, "run");
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(json_array_size(f->commands), 2);
	fake_forget(f, true);
	fake_set_options(f, "{\"run\": \"true\", \"repeat\": \"once\"}");
	fake_lose_acted(f, "run");
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_int_equal(json_array_size(f->commands), 1);
	fake_free(f);
}

static void a_request_to_stop_is_heard(void **state)
{
	struct fake *f = fake_new("phase-command", "{\"run\": \"true\"}");

	(void)state;
	f->stop = true;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_int_equal(json_array_size(f->commands), 0);
	fake_free(f);
}

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = -2; /* . and .. */

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void lines_of_the_facts_file_become_facts(void **state)
{
	struct fake *f = run_with("{\"run\": \"printf 'url=http://x/?a=b\\\\nempty=\\\\n\\\\nno equals\\\\nbad key=1\\\\nlast=1' >> $FAILBACK_FACTS_OUT\"}", FB_OK);

	(void)state;
	assert_string_equal(fake_fact(f, FB_SCOPE_EXECUTION, "url"), "http://x/?a=b");
	assert_string_equal(fake_fact(f, FB_SCOPE_EXECUTION, "empty"), "");
	assert_string_equal(fake_fact(f, FB_SCOPE_EXECUTION, "last"), "1");
	assert_int_equal(json_object_size(f->facts), 3);
	assert_true(fake_logged(f, "line 4"));
	assert_true(fake_logged(f, "line 5"));
	assert_int_equal(entries(f->call.scratch), 0);
	fake_free(f);
	f = run_with("{\"run\": \"echo a=1 >> $FAILBACK_FACTS_OUT; exit 1\"}", FB_FAIL);
	assert_int_equal(json_object_size(f->facts), 0);
	fake_free(f);
}

static void undo_runs_its_own_command(void **state)
{
	struct fake *f = fake_new("phase-command", "{\"run\": \"false\", \"undo\": [\"/bin/sh\", \"-c\", \"echo undone\"]}");

	(void)state;
	f->call.flags = FB_CALL_UNDO;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_true(fake_did(f, "undo"));
	assert_string_equal(output(f), "undone\n");
	fake_set_options(f, "{\"run\": \"false\"}");
	fake_forget(f, true);
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_SKIP);
	fake_free(f);
}

static void check_finds_what_cannot_work(void **state)
{
	struct fake *f = fake_new("phase-command", "{\"run\": [\"/nonexistent/tool\"]}");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FAIL);
	assert_non_null(strstr(f->message, "/nonexistent/tool"));
	fake_set_options(f, "{\"run\": \"true\", \"directory\": \"/nonexistent\"}");
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FAIL);
	fake_set_options(f, "{\"run\": [\"/bin/sh\"], \"directory\": \"/\"}");
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_OK);
	assert_int_equal(json_array_size(f->acts), 0);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_command_is_one_action),
		cmocka_unit_test(a_failure_quotes_the_line_that_says_most),
		cmocka_unit_test(a_signal_is_named_and_not_explained),
		cmocka_unit_test(another_exit_code_may_be_the_expected_one),
		cmocka_unit_test(exit_code_75_asks_for_another_attempt_unless_it_runs_once),
		cmocka_unit_test(its_time_is_bounded),
		cmocka_unit_test(a_dry_run_runs_nothing),
		cmocka_unit_test(what_was_done_is_not_done_again),
		cmocka_unit_test(an_unknown_outcome_is_repeated_only_when_that_is_allowed),
		cmocka_unit_test(a_request_to_stop_is_heard),
		cmocka_unit_test(lines_of_the_facts_file_become_facts),
		cmocka_unit_test(undo_runs_its_own_command),
		cmocka_unit_test(check_finds_what_cannot_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
