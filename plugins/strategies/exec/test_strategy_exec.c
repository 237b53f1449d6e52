/* SPDX-License-Identifier: Apache-2.0 */
/* What is the strategies' own; the protocol as a whole is tested in plugins/phases/exec. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "plugins/common/exec/test_exec.h"

#define ALL "\"operations\": [\"check\", \"state\", \"capture\", \"prove\", \"shift\", \"restore\", \"verify\", \"evidence\", \"observe\", \"cleanup\", \"undo\"]"

static void what_is_not_named_is_not_offered(void **state)
{
	struct fake *f = sh_fake("strategy-exec", "exit 0", ", \"operations\": [\"state\", \"restore\"]");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_PREPARE), FB_SKIP);
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_OK);
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_OK);
	fake_free(f);
	f = sh_fake("strategy-exec", "exit 0", ", \"operations\": [\"state\"]");
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
	assert_says(f, "'operations' does not name restore, which every strategy must offer");
	fake_free(f);
}

static void share_undo_and_preserve_reach_the_program(void **state)
{
	struct fake *f = sh_fake("strategy-exec", "echo $FAILBACK_OPERATION ${FAILBACK_SHARE-none} $FAILBACK_UNDO $FAILBACK_PRESERVE >> $FAILBACK_SCRATCH/seen", ", " ALL);
	char *seen;

	(void)state;
	f->call.share = 2500;
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
	f->call.flags = FB_CALL_UNDO;
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_OK);
	f->call.flags = FB_CALL_PRESERVE;
	assert_int_equal(fake_call(f, FB_OP_CLEANUP), FB_OK);
	seen = scratch_text(f, "seen");
	assert_string_equal(seen, "shift 2500 0 0\nrestore none 1 0\ncleanup none 0 1\n");
	fb_free(seen);
	fake_free(f);
}

/* Rounds until enough samples came; the last answer. */
static int32_t observe(struct fake *f, void **state, size_t samples)
{
	struct fb_wait wait;
	int64_t end = fake_now_ms() + 20000;
	int32_t r;

	while ((r = fake_observe(f, state, &wait)) == FB_STEP_WAIT && json_array_size(f->samples) < samples && fake_now_ms() < end) {
		struct pollfd p = {.fd = wait.fd, .events = POLLIN};
		int64_t ms = wait.until_ms - fake_now_ms();

		poll(&p, 1, ms > 0 ? (int)ms : 0);
	}
	assert_true(fake_now_ms() < end);
	return r;
}

static void observation_is_samples_until_the_program_ends(void **state)
{
	struct fake *f = sh_fake("strategy-exec", "echo '{\"tell\":\"sample\",\"release\":\"2\",\"source\":\"s\",\"requests\":7,\"failed\":1,\"up\":true}'; echo '{\"tell\":\"sample\",\"reset\":true}'",
				 ", " ALL);
	void *own = NULL;
	const json_t *first, *second;

	(void)state;
	assert_int_equal(observe(f, &own, 100), FB_STEP_DONE);
	assert_null(own);
	assert_int_equal(json_array_size(f->samples), 2);
	first = json_array_get(f->samples, 0);
	second = json_array_get(f->samples, 1);
	assert_string_equal(json_string_value(json_object_get(first, "release")), "2");
	assert_int_equal(json_integer_value(json_object_get(first, "requests")), 7);
	assert_int_equal(json_integer_value(json_object_get(first, "in_flight")), -1);
	assert_int_equal(json_integer_value(json_object_get(second, "requests")), -1);
	fake_free(f);
}

static void an_observer_that_breaks_the_protocol_ends_and_says_so(void **state)
{
	struct fake *f = sh_fake("strategy-exec", "echo '{\"tell\":\"sample\",\"requests\":\"7\"}'; exec sleep 60", ", " ALL);
	void *own = NULL;

	(void)state;
	assert_int_equal(observe(f, &own, 100), FB_STEP_DONE);
	assert_says(f, "sent 'sample' with a wrong or missing 'requests': it must be a whole number");
	assert_true(fake_logged(f, "the observation by "));
	fake_free(f);
	f = sh_fake("strategy-exec", "echo '{\"tell\":\"sample\",\"requests\":7}'", ", " ALL);
	assert_int_equal(fake_call(f, FB_OP_STATE), FB_FAIL);
	assert_says(f, "sent 'sample' in the operation state: it is for observe only");
	fake_free(f);
}

/* One round with the stop; the program has said its first sample. */
static int32_t observe_last(struct fake *f, void **own)
{
	struct fb_wait wait;

	assert_int_equal(observe(f, own, 1), FB_STEP_WAIT);
	assert_non_null(*own);
	f->stop = true;
	return fake_observe(f, own, &wait);
}

#define OBSERVER(trap) "trap '" trap "' TERM; echo '{\"tell\":\"sample\",\"requests\":7}'; while :; do sleep 0.02; done"

static void an_observation_that_is_to_stop_lets_the_program_end(void **state)
{
	struct fake *f = sh_fake("strategy-exec", OBSERVER("echo was asked > $FAILBACK_SCRATCH/seen; exit 3"), ", " ALL ", \"grace\": \"20s\"");
	int64_t begin = fake_now_ms();
	void *own = NULL;
	char *seen;

	(void)state;
	f->call.deadline_ms = begin + 120000;
	assert_int_equal(observe_last(f, &own), FB_STEP_DONE);
	assert_null(own);
	assert_true(fake_now_ms() < begin + 15000); /* its end was seen */
	seen = scratch_text(f, "seen");
	assert_string_equal(seen, "was asked\n");
	assert_false(fake_logged(f, "the observation by "));
	fb_free(seen);
	fake_free(f);
}

static void an_observer_that_ignores_sigterm_is_killed_after_its_grace(void **state)
{
	struct fake *f = sh_fake("strategy-exec", "echo $$ > $FAILBACK_SCRATCH/pid; " OBSERVER(""), ", " ALL ", \"grace\": \"300ms\"");
	int64_t begin;
	void *own = NULL;
	char *pid;

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 120000;
	assert_int_equal(observe(f, &own, 1), FB_STEP_WAIT);
	begin = fake_now_ms();
	assert_int_equal(observe_last(f, &own), FB_STEP_DONE);
	assert_null(own);
	assert_in_range(fake_now_ms() - begin, 300, 15000);
	pid = scratch_text(f, "pid");
	assert_int_equal(kill(atoi(pid), 0), -1);
	fb_free(pid);
	fake_free(f);
}

static void an_observation_that_is_stopped_before_it_began_starts_nothing(void **state)
{
	struct fake *f = sh_fake("strategy-exec", "echo > $FAILBACK_SCRATCH/started", ", " ALL);
	char *started = fb_asprintf("%s/started", f->call.scratch);
	struct fb_wait wait;
	void *own = NULL;

	(void)state;
	f->stop = true;
	assert_int_equal(fake_observe(f, &own, &wait), FB_STEP_DONE);
	assert_null(own);
	assert_int_equal(access(started, F_OK), -1);
	fb_free(started);
	fake_free(f);
}

static void make_release(const char *releases, const char *name)
{
	char *folder = fb_asprintf("%s/%s", releases, name), *start = fb_asprintf("%s/start", folder);
	FILE *file;

	assert_int_equal(mkdir(folder, 0755), 0);
	file = fopen(start, "we");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\necho up >> %s/log\nexec sleep 60\n", folder);
	fclose(file);
	assert_int_equal(chmod(start, 0755), 0);
	fb_free(start);
	fb_free(folder);
}

static const char *reported(const struct fake *f)
{
	return json_string_value(json_object_get(json_object_get(f->reports, "state"), "release"));
}

static void the_examples_deploy_a_process_and_bring_it_back(void **state)
{
	const char *const examples[] = {"strategy.sh", "strategy.py"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake *f = example_fake("strategy-exec", examples[i], ", " ALL);
		char *releases = fake_path(f, "releases"), *link = fake_path(f, "live"), *counters = fake_path(f, "counters"), *options;
		FILE *file;
		void *own = NULL;

		options = fb_asprintf("{\"run\": [\"%s/%s\"], " ALL ", \"settings\": {\"link\": \"%s\", \"releases\": \"%s\", \"counters\": \"%s\"},"
				      " \"environment\": {\"LINK\": \"%s\", \"RELEASES\": \"%s\", \"COUNTERS\": \"%s\"}}",
				      FB_EXAMPLES, examples[i], link, releases, counters, link, releases, counters);
		fake_set_options(f, options);
		assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FAIL);
		assert_int_equal(mkdir(releases, 0755), 0);
		make_release(releases, "1");
		make_release(releases, "2");
		assert_int_equal(fake_call(f, FB_OP_CHECK), FB_OK);
		f->call.release = "1";
		f->call.share = 5000;
		assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_SKIP);
		f->call.share = 10000;
		f->call.flags = FB_CALL_DRY_RUN;
		assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
		assert_int_equal(json_object_size(f->services), 0);
		f->call.flags = 0;
		fake_forget(f, true);
		assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
		assert_true(fake_did(f, "switch"));
		assert_int_equal(fake_call(f, FB_OP_VERIFY), FB_OK);
		assert_int_equal(fake_call(f, FB_OP_STATE), FB_OK);
		assert_string_equal(reported(f), "1");
		assert_int_equal(fake_call(f, FB_OP_CAPTURE), FB_OK);
		assert_string_equal(fake_fact(f, FB_SCOPE_SERVICE, "captured"), "1");
		f->call.release = "2";
		assert_int_equal(fake_call(f, FB_OP_VERIFY), FB_FAIL);
		assert_says(f, "release 1 is live, not 2");
		assert_int_equal(fake_call(f, FB_OP_PROVE), FB_OK);
		assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_OK);
		assert_int_equal(fake_call(f, FB_OP_VERIFY), FB_OK);
		f->call.release = "1";
		f->call.attempt = 2;
		assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK); /* done once, and not so any more: under a new key */
		assert_true(fake_did(f, "switch-2"));
		assert_int_equal(fake_call(f, FB_OP_EVIDENCE), FB_OK);
		assert_int_equal(json_array_size(f->evidence), 2);
		f->call.release = "3";
		assert_int_equal(fake_call(f, FB_OP_PROVE), FB_FAIL);
		assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_FAIL);
		assert_says(f, "/3/start cannot be executed: copy the release there again");
		assert_int_equal(fake_call(f, FB_OP_CLEANUP), FB_SKIP);
		file = fopen(counters, "we");
		assert_non_null(file);
		fprintf(file, "40 2\n");
		fclose(file);
		assert_int_equal(observe(f, &own, 2), FB_STEP_WAIT);
		assert_int_equal(json_integer_value(json_object_get(json_array_get(f->samples, 0), "requests")), 40);
		f->stop = true;
		assert_int_equal(observe(f, &own, 1000000), FB_STEP_DONE);
		fb_free(options);
		fb_free(counters);
		fb_free(link);
		fb_free(releases);
		fake_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_named_is_not_offered),
		cmocka_unit_test(share_undo_and_preserve_reach_the_program),
		cmocka_unit_test(observation_is_samples_until_the_program_ends),
		cmocka_unit_test(an_observer_that_breaks_the_protocol_ends_and_says_so),
		cmocka_unit_test(an_observation_that_is_to_stop_lets_the_program_end),
		cmocka_unit_test(an_observer_that_ignores_sigterm_is_killed_after_its_grace),
		cmocka_unit_test(an_observation_that_is_stopped_before_it_began_starts_nothing),
		cmocka_unit_test(the_examples_deploy_a_process_and_bring_it_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
