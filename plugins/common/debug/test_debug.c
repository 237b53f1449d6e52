/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins debug of all kinds; those behaviours that end the process run in a child. In the real host they are in tests/chain/test_scripts.py. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"
#include "tests/fake/host.h"

static void assert_says(const struct fake *f, const char *part)
{
	if (!f->message || !strstr(f->message, part))
		fail_msg("the message is '%s', without '%s'", f->message ? f->message : "(none)", part);
}

static void the_answer_is_what_it_is_told(void **state)
{
	static const struct {
		const char *name;
		int32_t answer;
	} all[] = {{"ok", FB_OK}, {"skip", FB_SKIP}, {"retry", FB_RETRY}, {"fail", FB_FAIL}, {"fatal", FB_FATAL}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char *options = fb_asprintf("{\"answer\": \"%s\", \"message\": \"told so\"}", all[i].name);
		struct fake *f = fake_new("phase-debug", options);

		assert_int_equal(fake_call(f, FB_OP_RUN), all[i].answer);
		if (i)
			assert_says(f, "told so");
		fake_free(f);
		fb_free(options);
	}
}

static void only_the_first_calls_and_the_named_operations_are_meant(void **state)
{
	struct fake *f = fake_new("phase-debug", "{\"answer\": \"retry\", \"times\": 2, \"on\": [\"run\"], \"operations\": [\"run\", \"undo\"]}");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_RETRY);
	assert_int_equal(fake_call(f, FB_OP_UNDO), FB_OK);
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_RETRY);
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	fake_free(f);
}

static void the_action_changes_its_file_but_not_in_a_dry_run(void **state)
{
	struct fake *f = fake_new("phase-debug", "{}");
	char *file = fake_path(f, "changed"), *options = fb_asprintf("{\"act\": \"swap\", \"repeat\": \"probe\", \"file\": \"%s\"}", file);

	(void)state;
	fake_set_options(f, options);
	f->call.flags = FB_CALL_DRY_RUN;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(access(file, F_OK), -1);
	assert_true(fake_logged(f, "the action 'swap' is answered dry"));
	f->call.flags = 0;
	fake_forget(f, true);
	fake_lose_acted(f, "swap");
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_says(f, "could not be recorded");
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK); /* unsure, again, do */
	assert_true(fake_logged(f, "is answered unsure"));
	assert_true(fake_did(f, "swap"));
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_true(fake_logged(f, "is answered done"));
	fb_free(options);
	fb_free(file);
	fake_free(f);
}

static void a_delay_ends_with_the_deadline(void **state)
{
	struct fake *f = fake_new("phase-debug", "{\"delay\": \"5s\"}");

	(void)state;
	f->skip_sleeps = true;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(f->slept_ms, 5000);
	f->stop = true;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_says(f, "debug was told to take 5000 ms, and has less");
	fake_free(f);
}

/* The wait status of a child in which the call is made; it exits with 200 when the call returns. */
static int in_child(const char *options, int end_with)
{
	int pipes[2], status;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct fake *f = fake_new("phase-debug", options);

		close(pipes[0]);
		if (end_with && write(pipes[1], "x", 1) != 1)
			_exit(201);
		fake_call(f, FB_OP_RUN);
		_exit(200);
	}
	close(pipes[1]);
	if (end_with) {
		assert_int_equal(read(pipes[0], &byte, 1), 1);
		kill(pid, end_with);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(pipes[0]);
	return status;
}

static void it_ends_as_it_is_told(void **state)
{
	int status = in_child("{\"crash\": \"SIGKILL\"}", 0);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	status = in_child("{\"exit\": 7}", 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	status = in_child("{\"hang\": \"term\"}", SIGTERM);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	status = in_child("{\"act\": \"swap\", \"between\": true, \"exit\": 9}", 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

static void it_eats_memory(void **state)
{
	int status = in_child("{\"grow\": \"8MiB\"}", 0);

	(void)state;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 200);
}

static void a_debug_service_is_whole(void **state)
{
	struct fake *f = fake_new("strategy-debug", "{\"on\": [\"restore\"], \"answer\": \"fail\", \"times\": 1, \"message\": \"no disk\"}");

	(void)state;
	f->call.release = "1";
	f->call.share = 10000;
	assert_int_equal(fake_call(f, FB_OP_VERIFY), FB_FAIL);
	assert_says(f, "release none is live, not 1");
	assert_int_equal(fake_call(f, FB_OP_PREPARE), FB_OK);
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
	assert_int_equal(fake_call(f, FB_OP_VERIFY), FB_OK);
	assert_int_equal(fake_call(f, FB_OP_STATE), FB_OK);
	assert_string_equal(json_string_value(json_object_get(json_object_get(f->reports, "state"), "release")), "1");
	f->call.release = "0";
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_FAIL);
	assert_says(f, "no disk");
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_OK);
	assert_int_equal(fake_call(f, FB_OP_VERIFY), FB_OK);
	fake_free(f);
}

static void a_debug_check_finds_what_it_is_told_and_then_nothing(void **state)
{
	struct fake *f = fake_new("check-debug", "{\"state\": \"failed\", \"value\": 2.5, \"message\": \"answers 503\", \"times\": 1}");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	assert_int_equal(f->health.state, FB_HEALTH_FAILED);
	assert_int_equal(f->health.value_u, 2500000);
	assert_string_equal(f->health.text, "answers 503");
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	assert_int_equal(f->health.state, FB_HEALTH_HEALTHY);
	fake_free(f);
}

static void a_debug_notifier_asks_to_be_tried_again(void **state)
{
	static const struct fb_event event = {.id = "e", .name = "rollback.started", .summary = "web fails"};
	struct fake *f = fake_new("notifier-debug", "{\"answer\": \"retry\", \"retry_after\": \"2s\", \"times\": 1}");

	(void)state;
	f->event = &event;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_RETRY);
	assert_int_equal(f->retry_ms, 2000);
	assert_true(fake_logged(f, "debug is told of rollback.started: web fails"));
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_OK);
	fake_free(f);
}

static void options_that_say_nothing_are_found(void **state)
{
	struct fake *f = fake_new("phase-debug", "{\"between\": true}");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
	assert_says(f, "'between' and 'file' are about an action, and there is none: set 'act'");
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_is_what_it_is_told),
		cmocka_unit_test(only_the_first_calls_and_the_named_operations_are_meant),
		cmocka_unit_test(the_action_changes_its_file_but_not_in_a_dry_run),
		cmocka_unit_test(a_delay_ends_with_the_deadline),
		cmocka_unit_test(it_ends_as_it_is_told),
		cmocka_unit_test(it_eats_memory),
		cmocka_unit_test(a_debug_service_is_whole),
		cmocka_unit_test(a_debug_check_finds_what_it_is_told_and_then_nothing),
		cmocka_unit_test(a_debug_notifier_asks_to_be_tried_again),
		cmocka_unit_test(options_that_say_nothing_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
