/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol as a whole is tested here, on phases; the other kinds' tests hold what is theirs. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "plugins/common/exec/test_exec.h"

#define READ "read -r call; "
#define ASK(message) "printf '%s\\n' '" message "'; read -r answer; echo \"$answer\" >> $FAILBACK_SCRATCH/answers; "

static struct fake *run_sh(const char *script, const char *more, int32_t answer)
{
	struct fake *f = sh_fake("phase-exec", script, more);

	f->call.release = "2.1";
	assert_int_equal(fake_call(f, FB_OP_RUN), answer);
	return f;
}

static void the_call_is_one_line_of_json(void **state)
{
	struct fake *f = sh_fake("phase-exec", READ "printf '%s' \"$call\" > $FAILBACK_SCRATCH/call",
				 ", \"settings\": {\"url\": \"http://x\"}, \"secret_settings\": {\"token\": \"t0ken\"}");
	char *text;
	json_t *o;

	(void)state;
	f->call.release = "2.1";
	f->call.last_good = "2.0";
	f->call.flags = FB_CALL_RECOVERY | FB_CALL_RESUMED;
	f->call.attempt = 3;
	json_object_set_new(f->documents, "facts", json_pack("{s:s}", "built", "yes"));
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	text = scratch_text(f, "call");
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "schema")), "failback.call/1");
	assert_string_equal(json_string_value(json_object_get(o, "kind")), "phase");
	assert_string_equal(json_string_value(json_object_get(o, "operation")), "run");
	assert_string_equal(json_string_value(json_object_get(o, "service")), "web");
	assert_string_equal(json_string_value(json_object_get(o, "release")), "2.1");
	assert_string_equal(json_string_value(json_object_get(o, "last_good")), "2.0");
	assert_true(json_is_null(json_object_get(o, "failed")));
	assert_true(json_is_null(json_object_get(o, "share")));
	assert_true(json_is_false(json_object_get(o, "dry_run")));
	assert_true(json_is_true(json_object_get(o, "recovery")));
	assert_true(json_is_true(json_object_get(o, "resumed")));
	assert_int_equal(json_integer_value(json_object_get(o, "attempt")), 3);
	assert_in_range(json_integer_value(json_object_get(o, "remaining_ms")), 1000, 30000);
	assert_int_equal(json_integer_value(json_object_get(o, "deadline_ms")), f->call.deadline_ms);
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "settings"), "url")), "http://x");
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "settings"), "token")), "t0ken");
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "facts"), "built")), "yes");
	json_decref(o);
	fb_free(text);
	fake_free(f);
}

static void what_most_need_is_in_the_environment_too(void **state)
{
	struct fake *f = sh_fake("phase-exec",
				 "echo $FAILBACK_KIND $FAILBACK_OPERATION $FAILBACK_RELEASE $FAILBACK_DRY_RUN $FAILBACK_UNDO ${FAILBACK_FAILED-none} $A $B $(pwd) > $FAILBACK_SCRATCH/seen",
				 ", \"operations\": [\"run\", \"undo\"], \"environment\": {\"A\": \"$x\"}, \"secret_environment\": {\"B\": \"b\"}, \"directory\": \"/tmp\"");
	char *seen;

	(void)state;
	f->call.release = "2.1";
	f->call.flags = FB_CALL_DRY_RUN;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	seen = scratch_text(f, "seen");
	assert_string_equal(seen, "phase run 2.1 1 0 none $x b /tmp\n");
	fb_free(seen);
	f->call.flags = 0;
	assert_int_equal(fake_call(f, FB_OP_UNDO), FB_OK);
	seen = scratch_text(f, "seen");
	assert_string_equal(seen, "phase undo 2.1 0 1 none $x b /tmp\n");
	fb_free(seen);
	fake_free(f);
}

/* The manual page tells the whole environment. */
static void there_is_nothing_in_the_environment_that_the_manual_page_does_not_name(void **state)
{
	struct fake *f;
	char *seen, *page = fb_alloc(65536), *name, *rest;
	FILE *file = fopen(FB_EXAMPLES "/../failback-exec.7", "re");
	int names = 0;
	bool host = false;

	(void)state;
	assert_non_null(file);
	page[fread(page, 1, 65535, file)] = 0;
	fclose(file);
	assert_int_equal(setenv("FAILBACK_HOST", "here", 1), 0);
	assert_int_equal(setenv("FAILBACK_ODD", "must not be passed on", 1), 0);
	f = sh_fake("phase-exec", "tr '\\0' '\\n' </proc/$$/environ | sed 's/=.*//' >$FAILBACK_SCRATCH/names", ", \"environment\": {\"FAILBACK_HOST\": \"elsewhere\"}");
	f->call.release = "2.1";
	f->call.reason = "it does not answer";
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	seen = scratch_text(f, "names");
	for (name = strtok_r(seen, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest), names++) {
		if (!strstr(page, name))
			fail_msg("%s is in the environment and not in failback-exec(7)", name);
		host = host || !strcmp(name, "FAILBACK_HOST");
	}
	assert_in_range(names, 15, 40);
	assert_true(host);
	unsetenv("FAILBACK_HOST");
	unsetenv("FAILBACK_ODD");
	fb_free(seen);
	fb_free(page);
	fake_free(f);
}

static void the_exit_code_is_the_answer(void **state)
{
	static const struct {
		const char *script;
		int32_t answer;
		const char *message;
	} all[] = {
		{"exit 0", FB_OK, NULL},
		{"exit 99", FB_SKIP, NULL},
		{"echo Error: locked >&2; exit 75", FB_RETRY, "'echo Error: locked >&2; exit 75' ended with exit code 75: Error: locked"},
		{"echo '{\"tell\":\"fail\",\"text\":\"no such base: make it\"}'; exit 1", FB_FAIL, "no such base: make it"},
		{"echo '{\"tell\":\"fail\",\"text\":\"never\"}'; exit 100", FB_FATAL, "never"},
		{"echo '{\"tell\":\"fail\",\"text\":\"odd\"}'; exit 3", FB_FAIL, "ended with exit code 3: odd"},
		{"exit 1", FB_FAIL, "'exit 1' ended with exit code 1"},
		{"exit 255", FB_FAIL, "ended with exit code 255"},
		{"kill -SEGV $$", FB_FAIL, "was killed by SIGSEGV"},
		{"echo '{\"tell\":\"fail\",\"text\":\"half\"}'; kill -KILL $$", FB_FAIL, "was killed by SIGKILL: half"},
		{"/nonexistent/program", FB_FAIL, "ended with exit code 127: /bin/sh: 1: /nonexistent/program: not found"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct fake *f = run_sh(all[i].script, "", all[i].answer);

		if (all[i].message)
			assert_says(f, all[i].message);
		else
			assert_null(f->message);
		fake_free(f);
	}
}

static void what_cannot_be_started_says_why(void **state)
{
	struct fake *f = fake_new("phase-exec", "{\"run\": [\"/nonexistent/tool\", \"x\"]}");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_string_equal(f->message, "'/nonexistent/tool x' could not be started in /: No such file or directory");
	fake_free(f);
	f = fake_new("phase-exec", "{\"run\": \"true\", \"directory\": \"/nonexistent\"}");
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_says(f, "could not be started in /nonexistent: No such file or directory");
	fake_free(f);
}

/* ---- what is told ---- */

static void what_is_told_reaches_the_host(void **state)
{
	struct fake *f = run_sh(READ "cat <<'END'\n"
				     "{\"tell\":\"log\",\"text\":\"plain\"}\n"
				     "{\"tell\":\"log\",\"level\":\"warning\",\"text\":\"beware \\u00fc\"}\n"
				     "{\"tell\":\"advise\",\"text\":\"look\",\"command\":\"ls\"}\n"
				     "{\"tell\":\"progress\",\"basis_points\":2500,\"text\":\"a quarter\"}\n"
				     "{\"tell\":\"progress\"}\n"
				     "{\"tell\":\"report\",\"member\":\"items\",\"value\":[1,2]}\n"
				     "END\n",
				"", FB_OK);
	const json_t *advice = json_array_get(f->advice, 0), *progress = json_array_get(f->progress, 0);

	(void)state;
	assert_true(fake_logged(f, "plain") && fake_logged(f, "beware \xc3\xbc"));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(f->logs, 1), "level")), FB_LOG_WARNING);
	assert_string_equal(json_string_value(json_object_get(advice, "command")), "ls");
	assert_int_equal(json_integer_value(json_object_get(progress, "bp")), 2500);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(f->progress, 1), "bp")), -1);
	assert_int_equal(json_array_size(json_object_get(f->reports, "items")), 2);
	fake_free(f);
}

/* ---- what is asked ---- */

static void assert_answers(const struct fake *f, const char *expected)
{
	char *answers = scratch_text(f, "answers");

	assert_string_equal(answers, expected);
	fb_free(answers);
}

static void facts_and_documents_are_answered(void **state)
{
	struct fake *f = sh_fake("phase-exec",
				 READ ASK("{\"ask\":\"fact\",\"key\":\"a\"}") ASK("{\"ask\":\"fact_set\",\"key\":\"a\",\"value\":\"1 \\\"x\\\"\"}") ASK("{\"ask\":\"fact\",\"key\":\"a\"}")
					 ASK("{\"ask\":\"fact_set\",\"scope\":\"service\",\"key\":\"a\",\"value\":\"s\"}") ASK("{\"ask\":\"fact\",\"scope\":\"own\",\"key\":\"a\"}")
						 ASK("{\"ask\":\"document\",\"name\":\"services\"}") ASK("{\"ask\":\"document\",\"name\":\"none\"}"),
				 "");

	(void)state;
	json_object_set_new(f->documents, "services", json_pack("{s:[s]}", "list", "web"));
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_answers(f, "{\"answer\":\"none\"}\n{\"answer\":\"ok\"}\n{\"answer\":\"ok\",\"value\":\"1 \\\"x\\\"\"}\n{\"answer\":\"ok\"}\n{\"answer\":\"none\"}\n"
			  "{\"answer\":\"ok\",\"value\":{\"list\":[\"web\"]}}\n{\"answer\":\"none\"}\n");
	assert_string_equal(fake_fact(f, FB_SCOPE_SERVICE, "a"), "s");
	fake_free(f);
}

#define ACT "{\"ask\":\"act\",\"key\":\"k\",\"repeat\":\"probe\",\"text\":\"change it\"}"
#define AGAIN "{\"ask\":\"act\",\"key\":\"k\",\"repeat\":\"again\",\"text\":\"change it\"}"
#define ACTED "{\"ask\":\"acted\",\"key\":\"k\",\"result\":\"changed\"}"

static void an_action_is_recorded_before_and_after(void **state)
{
	struct fake *f = run_sh(READ ASK(ACT) ASK(ACTED) ASK(ACT) ASK("{\"ask\":\"act_result\",\"key\":\"k\"}"), "", FB_OK);

	(void)state;
	assert_answers(f, "{\"answer\":\"do\"}\n{\"answer\":\"ok\"}\n{\"answer\":\"done\",\"result\":\"changed\"}\n{\"answer\":\"ok\",\"value\":\"changed\"}\n");
	assert_string_equal(json_string_value(json_object_get(json_array_get(f->acts, 0), "text")), "change it");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(f->acts, 0), "repeat")), FB_REPEAT_PROBE);
	assert_true(json_is_true(json_object_get(json_array_get(f->acts, 0), "acted")));
	fake_free(f);
}

static void a_dry_run_is_answered_dry(void **state)
{
	struct fake *f = sh_fake("phase-exec", READ ASK(ACT), "");

	(void)state;
	f->call.flags = FB_CALL_DRY_RUN;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_answers(f, "{\"answer\":\"dry\"}\n");
	assert_false(fake_did(f, "k"));
	fake_free(f);
}

static void an_unknown_outcome_is_answered_unsure_and_again_leads_to_do(void **state)
{
	struct fake *f = sh_fake("phase-exec", READ ASK(ACT) "test \"$answer\" = '{\"answer\":\"unsure\"}' || exit 1; " ASK(AGAIN) ASK(ACTED), "");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL); /* ends between do and acted */
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_answers(f, "{\"answer\":\"do\"}\n{\"answer\":\"unsure\"}\n{\"answer\":\"do\"}\n{\"answer\":\"ok\"}\n");
	fake_free(f);
}

static void who_is_told_no_must_return(void **state)
{
	struct fake *f = sh_fake("phase-exec", READ ASK(ACT), "");

	(void)state;
	fake_answer(f, "k", FB_ACT_NO);
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_answers(f, "{\"answer\":\"no\"}\n");
	assert_says(f, "ended as if all were well, but was told not to do 'k'");
	fake_free(f);
	f = sh_fake("phase-exec", READ ASK(ACT) ASK("{\"ask\":\"act\",\"key\":\"other\",\"repeat\":\"once\",\"text\":\"more\"}"), "");
	fake_answer(f, "k", FB_ACT_NO);
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_says(f, "asked to act 'other' after 'k' was answered \"no\": it must return at once");
	assert_int_equal(json_array_size(f->acts), 1);
	fake_free(f);
}

static void an_action_whose_end_is_not_told_fails_the_call(void **state)
{
	struct fake *f = run_sh(READ ASK(ACT), "", FB_FAIL);

	(void)state;
	assert_says(f, "ended as if all were well, but did not say what became of 'k' (change it)");
	fake_free(f);
	f = sh_fake("phase-exec", READ ASK(ACT) ASK(ACTED), ""); /* the engine dies in between */
	fake_lose_acted(f, "k");
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_answers(f, "{\"answer\":\"do\"}\n{\"answer\":\"no\"}\n");
	fake_free(f);
}

static void evidence_is_a_file_or_a_text(void **state)
{
	struct fake *f = run_sh(READ "echo bytes > $FAILBACK_SCRATCH/log; echo '{\"ask\":\"evidence\",\"title\":\"the log\",\"path\":\"'$FAILBACK_SCRATCH'/log\"}'; read -r answer; "
				     "echo $answer >> $FAILBACK_SCRATCH/answers; "
				     ASK("{\"ask\":\"evidence\",\"title\":\"words\",\"name\":\"words\",\"text\":\"said\\n\"}")
					     ASK("{\"ask\":\"evidence\",\"title\":\"none\",\"path\":\"/nonexistent/log\"}"),
				"", FB_OK);

	(void)state;
	assert_answers(f, "{\"answer\":\"ok\"}\n{\"answer\":\"ok\"}\n{\"answer\":\"no\"}\n");
	assert_string_equal(json_string_value(json_object_get(json_array_get(f->evidence, 0), "text")), "bytes\n");
	assert_string_equal(json_string_value(json_object_get(json_array_get(f->evidence, 1), "text")), "said\n");
	fake_free(f);
}

static void what_shall_outlive_the_call_is_started_by_the_host(void **state)
{
	struct fake *f = run_sh(READ ASK("{\"ask\":\"service_pid\",\"name\":\"d\"}")
					"echo '{\"ask\":\"start_service\",\"name\":\"d\",\"argv\":[\"/bin/sh\",\"-c\",\"echo $A > '$FAILBACK_SCRATCH'/up; exec sleep 60\"],\"environment\":{\"A\":\"b\"}}'; "
					"read -r answer; case $answer in '{\"answer\":\"ok\",\"pid\":'*) ;; *) exit 5;; esac; while ! test -s $FAILBACK_SCRATCH/up; do sleep 0.01; done; "
					"echo '{\"ask\":\"service_pid\",\"name\":\"d\"}'; read -r again; test \"$again\" = \"$answer\" || exit 6; "
					ASK("{\"ask\":\"stop_service\",\"name\":\"d\",\"grace_ms\":100}"),
				"", FB_OK);
	char *up = scratch_text(f, "up");

	(void)state;
	assert_string_equal(up, "b\n");
	assert_answers(f, "{\"answer\":\"none\"}\n{\"answer\":\"ok\"}\n");
	assert_int_equal(json_object_size(f->services), 0);
	fb_free(up);
	fake_free(f);
}

static int32_t restore_fails(struct fake *f, uint32_t operation, const char *service, json_t **ret_json)
{
	(void)f;
	assert_int_equal(operation, FB_OP_RESTORE);
	assert_string_equal(service, "web");
	*ret_json = json_pack("{s:[{s:s, s:i, s:s}]}", "services", "service", "web", "answer", FB_RETRY, "message", "busy");
	return FB_RETRY;
}

static void a_phase_has_the_core_work_for_it(void **state)
{
	struct fake *f = sh_fake("phase-exec",
				 READ ASK("{\"ask\":\"operate\",\"operation\":\"restore\",\"service\":\"web\"}") ASK("{\"ask\":\"probe\"}")
					 ASK("{\"ask\":\"notify\",\"name\":\"rollback.restored\",\"summary\":\"back\",\"wait_ms\":10}"),
				 "");
	char *answers;

	(void)state;
	f->operate = restore_fails;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	answers = scratch_text(f, "answers");
	assert_non_null(strstr(answers, "{\"answer\":\"retry\",\"value\":{\"services\":[{\"service\":\"web\",\"answer\":2,\"message\":\"busy\"}]}}\n{\"answer\":\"ok\",\"value\":"));
	assert_int_equal(json_array_size(f->probed), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(f->notified, 0), "summary")), "back");
	fb_free(answers);
	fake_free(f);
}

/* ---- what is against the protocol ---- */

static void what_is_not_of_the_protocol_is_refused_and_quoted(void **state)
{
	static const struct {
		const char *script, *message;
	} all[] = {
		{"echo hello world", "near 'hello'): 'hello world'; what is not for failback goes to standard error (failback-exec(7))"},
		{"echo '[1]'", "sent a line that is no JSON object: '[1]'"},
		{"echo", "sent a line that is not JSON"},
		{"echo '{\"tell\":\"log\",\"text\":\"a\",\"text\":\"b\"}'", "sent a line that is not JSON (duplicate object key"},
		{"printf '{\"tell\":\"log\",\"text\":\"\\377\"}\\n'", "sent a line that is not JSON"},
		{"printf '{\"tell\":\"log\",\\000\"text\":\"\"}\\n'", "sent a line that is not JSON"},
		{"printf '{\"tell\":'", "ended in the middle of a line: '{\"tell\":'; each line ends with a newline"},
		{"echo '{\"say\":\"log\"}'", "sent a line that has not one member 'ask' or 'tell' with a text: '{\"say\":\"log\"}'"},
		{"echo '{\"tell\":\"log\",\"ask\":\"act\"}'", "has not one member 'ask' or 'tell'"},
		{"echo '{\"tell\":\"shout\",\"text\":\"x\"}'", "sent 'shout', which is nothing that a program can tell: '{\"tell\":\"shout\",\"text\":\"x\"}'"},
		{"echo '{\"ask\":\"log\",\"text\":\"x\"}'", "asked 'log', which has no answer: {\"tell\": \"log\", ...}"},
		{"echo '{\"tell\":\"act\",\"key\":\"x\"}'", "told 'act', which must be asked: {\"ask\": \"act\", ...}"},
		{"echo '{\"tell\":\"health\",\"state\":\"healthy\"}'", "sent 'health', which is not for a phase"},
		{"echo '{\"tell\":\"log\",\"txt\":\"x\"}'", "sent 'log' with a member 'txt', which it does not have; it has: level, text"},
		{"echo '{\"tell\":\"log\",\"text\":7}'", "sent 'log' with a wrong or missing 'text': it must be a text"},
		{"echo '{\"tell\":\"log\",\"level\":\"loud\",\"text\":\"x\"}'", "sent 'log' with a wrong or missing 'level': it must be one of debug|info|warning|error"},
		{"echo '{\"ask\":\"act\",\"key\":\"k\",\"text\":\"t\"}'", "sent 'act' with a wrong or missing 'repeat': it must be one of idempotent|probe|once|again"},
		{"echo '{\"ask\":\"act\",\"key\":\"\",\"repeat\":\"once\",\"text\":\"t\"}'", "asked 'act' with an empty 'key'"},
		{"echo '{\"ask\":\"act\",\"key\":\"k\",\"repeat\":\"once\",\"text\":\"\"}'", "asked to act 'k' with an empty 'text'"},
		{"echo '{\"ask\":\"acted\",\"key\":\"k\"}'", "said that 'k' was made, but was not told to make it"},
		{"echo '{\"tell\":\"progress\",\"basis_points\":10001}'", "sent 'progress' with the basis_points 10001"},
		{"echo '{\"ask\":\"evidence\",\"title\":\"t\",\"path\":\"log\"}'", "asked for 'evidence' without what it needs"},
		{"echo '{\"ask\":\"start_service\",\"name\":\"d\",\"argv\":[\"a\"],\"shell\":\"a\"}'", "asked for 'start_service' without what it needs: a name, and either argv or shell"},
		{"echo '{\"ask\":\"start_service\",\"name\":\"d\",\"argv\":[1]}'", "'argv': it must be a list of texts"},
		{"echo '{\"ask\":\"operate\",\"operation\":\"observe\"}'", "asked to operate observe: it runs by itself"},
		{"printf '{\"ask\":\"remaining\"}\\n{\"ask\":\"fact\",\"key\":\"a\"}\\n'; read -r a; read -r b", "did not wait for the answer to 'remaining', and sent '{\"ask\":\"fact\",\"key\":\"a\"}'"},
		{"echo '{\"ask\":\"remaining\"}'; sleep 0.3; echo '{\"tell\":\"progress\"}'; sleep 5", "did not wait for the answer to 'remaining', and sent '{\"tell\":\"progress\"}'"},
		{"head -c 1048577 /dev/zero | tr '\\000' x; read -r answer", "sent a line of more than 1048576 bytes, which begins with 'xxxxxxxxxx"},
		{"cat /dev/zero | tr '\\000' x", "sent a line of more than 1048576 bytes"},
		{"yes", "sent a line that is not JSON"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char *script = fb_asprintf(READ "%s", all[i].script);
		struct fake *f = sh_fake("phase-exec", script, "");
		int64_t began = fake_now_ms();

		if (fake_call(f, FB_OP_RUN) != FB_FAIL)
			fail_msg("%s: was not refused", all[i].script);
		assert_says(f, all[i].message);
		assert_says(f, "(failback-exec(7))");
		assert_true(fake_now_ms() - began < 10000);
		assert_int_equal(json_array_size(f->acts), 0);
		fake_free(f);
		fb_free(script);
	}
}

static void a_line_of_the_whole_limit_is_taken(void **state)
{
	struct fake *f = run_sh(READ "printf '{\"ask\":\"evidence\",\"title\":\"t\",\"name\":\"n\",\"text\":\"'; head -c 1048520 /dev/zero | tr '\\000' x; echo '\"}'; read -r answer; "
				     "test \"$answer\" = '{\"answer\":\"ok\"}'",
				"", FB_OK);

	(void)state;
	assert_int_equal(json_string_length(json_object_get(json_array_get(f->evidence, 0), "text")), 1048520);
	fake_free(f);
}

static void answers_may_be_longer_than_a_pipe(void **state)
{
	struct fake *f = sh_fake("phase-exec", READ "for i in 1 2 3; do echo '{\"ask\":\"document\",\"name\":\"big\"}'; read -r answer; test ${#answer} -gt 100000 || exit 1; done", "");
	char *big = fb_alloc(100001);

	(void)state;
	memset(big, 'y', 100000);
	json_object_set_new(f->documents, "big", json_pack("{s:s}", "y", big));
	json_object_set_new(f->documents, "facts", json_pack("{s:s}", "big", big)); /* so is the call */
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	fb_free(big);
	fake_free(f);
}

static void a_program_need_not_read_its_call(void **state)
{
	struct fake *f = run_sh("exec <&-; echo '{\"tell\":\"log\",\"text\":\"here\"}'", "", FB_OK);

	(void)state;
	assert_true(fake_logged(f, "here"));
	fake_free(f);
}

/* ---- its time ---- */

static bool gone(const struct fake *f, const char *name)
{
	char *text = scratch_text(f, name);
	pid_t pid = (pid_t)atol(text);
	int64_t end = fake_now_ms() + 2000;

	assert_true(pid > 1);
	while (!kill(pid, 0) && fake_now_ms() < end)
		usleep(2000);
	fb_free(text);
	return kill(pid, 0) && errno == ESRCH;
}

static void sigterm_reaches_the_whole_group_before_the_deadline(void **state)
{
	struct fake *f = sh_fake("phase-exec",
				 "trap 'echo term >> $FAILBACK_SCRATCH/seen; wait $child; exit 1' TERM; sh -c 'trap \"echo child >> $FAILBACK_SCRATCH/seen; exit 1\" TERM; echo $$ > $FAILBACK_SCRATCH/pid; "
				 "while :; do sleep 0.02; done' & child=$!; while :; do sleep 0.02; done",
				 ", \"grace\": \"700ms\"");
	char *seen;

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 3000;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_true(fake_now_ms() < f->call.deadline_ms);
	assert_says(f, "was not finished after ");
	assert_null(strstr(f->message, "SIGKILL"));
	assert_true(gone(f, "pid"));
	seen = scratch_text(f, "seen");
	assert_non_null(strstr(seen, "term\n"));
	assert_non_null(strstr(seen, "child\n"));
	fb_free(seen);
	fake_free(f);
}

static void who_ignores_sigterm_is_killed_before_the_deadline(void **state)
{
	struct fake *f = sh_fake("phase-exec", "trap : TERM; sh -c 'trap : TERM; echo $$ > $FAILBACK_SCRATCH/pid; while :; do sleep 0.02; done' & while :; do sleep 0.02; done", ", \"grace\": \"700ms\"");

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 3000;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_true(fake_now_ms() < f->call.deadline_ms);
	assert_says(f, "and was ended with SIGKILL, for it ignored SIGTERM");
	assert_true(gone(f, "pid"));
	fake_free(f);
}

static int32_t stop_now(struct fake *f, const char *service, json_t **ret_json)
{
	(void)service;
	(void)ret_json;
	f->stop = true;
	return FB_OK;
}

static void a_stop_reaches_the_program(void **state)
{
	struct fake *f = sh_fake("phase-exec", READ "trap 'echo term > $FAILBACK_SCRATCH/seen; exit 0' TERM; " ASK("{\"ask\":\"probe\"}") "while :; do sleep 0.02; done", "");
	int64_t began = fake_now_ms();
	char *seen;

	(void)state;
	f->probe = stop_now;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_true(fake_now_ms() - began < 5000);
	assert_says(f, "was asked to stop and ended");
	seen = scratch_text(f, "seen");
	assert_string_equal(seen, "term\n");
	fb_free(seen);
	fake_free(f);
}

static void what_it_leaves_in_the_background_ends_with_it(void **state)
{
	struct fake *f = run_sh("sh -c 'echo $$ > $FAILBACK_SCRATCH/pid; exec sleep 60' & while ! test -s $FAILBACK_SCRATCH/pid; do sleep 0.01; done; exit 0", "", FB_OK);

	(void)state;
	assert_true(gone(f, "pid"));
	fake_free(f);
}

/* ---- check, operations ---- */

static void check_looks_at_the_options_and_then_asks_the_program(void **state)
{
	struct fake *f = fake_new("phase-exec", "{\"run\": [\"/nonexistent/tool\"]}");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FAIL);
	assert_says(f, "'run' names /nonexistent/tool, which cannot be executed: No such file or directory; make it executable, or mend the path");
	fake_free(f);
	f = sh_fake("phase-exec", "exit 100", ""); /* check is not among its operations: it is not run */
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_OK);
	fake_free(f);
	f = sh_fake("phase-exec", "test $FAILBACK_OPERATION = check && echo '{\"tell\":\"fail\",\"text\":\"no room\"}'; exit 1", ", \"operations\": [\"run\", \"check\"]");
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FAIL);
	assert_says(f, "no room");
	fake_free(f);
	f = sh_fake("phase-exec", "true", ", \"settings\": {\"a\": \"1\"}, \"secret_settings\": {\"a\": \"2\"}");
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
	assert_says(f, "settings.a stands in secret_settings too");
	fake_free(f);
}

static void undo_is_offered_only_where_it_is_named(void **state)
{
	struct fake *f = sh_fake("phase-exec", "exit 1", "");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_UNDO), FB_SKIP);
	fake_free(f);
}

/* ---- the examples ---- */

static struct fake *link_world(const char *example, char **ret_link)
{
	struct fake *f = example_fake("phase-exec", example, "");
	char *options, *releases = fake_path(f, "releases");

	*ret_link = fake_path(f, "live");
	options = fb_asprintf("{\"run\": [\"%s/%s\"], \"operations\": [\"check\", \"run\", \"undo\"], \"settings\": {\"link\": \"%s\", \"releases\": \"%s\"},"
			      " \"environment\": {\"LINK\": \"%s\", \"RELEASES\": \"%s\"}}", FB_EXAMPLES, example, *ret_link, releases, *ret_link, releases);
	fake_set_options(f, options);
	fb_free(options);
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
	assert_says(f, "the folder of the releases is missing");
	assert_int_equal(json_array_size(f->advice), 1);
	assert_int_equal(mkdir(releases, 0755), 0);
	for (int i = 1; i <= 2; i++) {
		char *folder = fb_asprintf("%s/%d", releases, i);

		assert_int_equal(mkdir(folder, 0755), 0);
		if (i == 1)
			assert_int_equal(symlink(folder, *ret_link), 0);
		fb_free(folder);
	}
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_OK);
	f->call.release = "2";
	fb_free(releases);
	return f;
}

static char link_end(const char *link)
{
	char target[4096];
	ssize_t n = readlink(link, target, sizeof(target));

	assert_true(n > 0);
	return target[n - 1];
}

static void the_example_phase_changes_resumes_and_undoes(void **state)
{
	const char *const examples[] = {"phase.sh", "phase.py"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *link;
		struct fake *f = link_world(examples[i], &link);

		f->call.flags = FB_CALL_DRY_RUN;
		assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
		assert_int_equal(link_end(link), '1');
		f->call.flags = 0;
		fake_forget(f, true);
		fake_lose_acted(f, "link");
		assert_int_not_equal(fake_call(f, FB_OP_RUN), FB_OK); /* made, and not recorded */
		assert_int_equal(link_end(link), '2');
		f->call.flags = FB_CALL_RESUMED;
		assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK); /* unsure: it looks and finds it */
		assert_true(fake_did(f, "link"));
		assert_string_equal(json_string_value(json_object_get(fake_act(f, "link"), "result")), "found in place");
		assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK); /* done */
		assert_true(fake_logged(f, "it was done already: found in place"));
		f->call.flags = 0;
		assert_int_equal(fake_call(f, FB_OP_UNDO), FB_OK);
		assert_int_equal(link_end(link), '1');
		assert_non_null(json_object_get(f->reports, "summary"));
		f->call.release = "3";
		fake_forget(f, true);
		assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
		assert_says(f, "cannot point ");
		fb_free(link);
		fake_free(f);
	}
}

static int32_t one_is_sick(struct fake *f, const char *service, json_t **ret_json)
{
	(void)service;
	*ret_json = json_pack("{s:[{s:s, s:s, s:s, s:s}]}", "checks", "service", "web", "check", "http", "state", f->ctx ? "failed" : "healthy", "text", "answers 500");
	return f->ctx ? FB_FAIL : FB_OK;
}

static void the_example_conductor_restores_looks_and_tells(void **state)
{
	const char *const examples[] = {"conduct.sh", "conduct.py"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake *f = example_fake("phase-exec", examples[i], "");

		f->probe = one_is_sick;
		assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
		assert_int_equal(json_integer_value(json_object_get(json_array_get(f->operated, 0), "operation")), FB_OP_RESTORE);
		assert_string_equal(json_string_value(json_object_get(json_array_get(f->notified, 0), "name")), "rollback.restored");
		f->ctx = f;
		assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
		assert_says(f, "what was restored is not healthy");
		fake_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_call_is_one_line_of_json),
		cmocka_unit_test(what_most_need_is_in_the_environment_too),
		cmocka_unit_test(there_is_nothing_in_the_environment_that_the_manual_page_does_not_name),
		cmocka_unit_test(the_exit_code_is_the_answer),
		cmocka_unit_test(what_cannot_be_started_says_why),
		cmocka_unit_test(what_is_told_reaches_the_host),
		cmocka_unit_test(facts_and_documents_are_answered),
		cmocka_unit_test(an_action_is_recorded_before_and_after),
		cmocka_unit_test(a_dry_run_is_answered_dry),
		cmocka_unit_test(an_unknown_outcome_is_answered_unsure_and_again_leads_to_do),
		cmocka_unit_test(who_is_told_no_must_return),
		cmocka_unit_test(an_action_whose_end_is_not_told_fails_the_call),
		cmocka_unit_test(evidence_is_a_file_or_a_text),
		cmocka_unit_test(what_shall_outlive_the_call_is_started_by_the_host),
		cmocka_unit_test(a_phase_has_the_core_work_for_it),
		cmocka_unit_test(what_is_not_of_the_protocol_is_refused_and_quoted),
		cmocka_unit_test(a_line_of_the_whole_limit_is_taken),
		cmocka_unit_test(answers_may_be_longer_than_a_pipe),
		cmocka_unit_test(a_program_need_not_read_its_call),
		cmocka_unit_test(sigterm_reaches_the_whole_group_before_the_deadline),
		cmocka_unit_test(who_ignores_sigterm_is_killed_before_the_deadline),
		cmocka_unit_test(a_stop_reaches_the_program),
		cmocka_unit_test(what_it_leaves_in_the_background_ends_with_it),
		cmocka_unit_test(check_looks_at_the_options_and_then_asks_the_program),
		cmocka_unit_test(undo_is_offered_only_where_it_is_named),
		cmocka_unit_test(the_example_phase_changes_resumes_and_undoes),
		cmocka_unit_test(the_example_conductor_restores_looks_and_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
