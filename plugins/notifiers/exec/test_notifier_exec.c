/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "plugins/common/exec/test_exec.h"

static const struct fb_event event = {.id = "ev-7", .name = "rollback.completed", .time = "2026-01-20T11:00:00.000Z", .severity = "warning",
				      .summary = "web is back; it's \"fine\"", .incident = "INC-x", .data = "{\"service\": \"web\"}"};

static struct fake *tell(const char *options, int32_t answer)
{
	struct fake *f = fake_new("notifier-exec", options);

	f->event = &event;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), answer);
	return f;
}

static const char *output(const struct fake *f)
{
	return json_string_value(json_object_get(json_array_get(f->commands, 0), "output"));
}

static void the_program_reads_the_event_as_one_json_document(void **state)
{
	struct fake *f = tell("{\"run\": \"cat\"}", FB_OK);
	json_t *o = json_loads(output(f), 0, NULL);

	(void)state;
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "schema")), "failback.event/1");
	assert_string_equal(json_string_value(json_object_get(o, "id")), "ev-7");
	assert_string_equal(json_string_value(json_object_get(o, "summary")), event.summary);
	assert_true(json_is_null(json_object_get(o, "report")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "data"), "service")), "web");
	assert_ptr_equal(strchr(output(f), '\n'), output(f) + strlen(output(f)) - 1);
	json_decref(o);
	fake_free(f);
}

static void the_program_finds_the_event_in_its_environment(void **state)
{
	struct fake *f = tell("{\"run\": \"echo $FAILBACK_EVENT $FAILBACK_EVENT_ID $FAILBACK_SEVERITY ${FAILBACK_REPORT-none} $TEAM $TOKEN\","
			      " \"environment\": {\"TEAM\": \"ops\"}, \"secret_environment\": {\"TOKEN\": \"t0ken\"}}",
			      FB_OK);

	(void)state;
	assert_string_equal(output(f), "rollback.completed ev-7 warning none ops t0ken\n");
	fake_free(f);
}

static void its_settings_are_a_member_of_the_document(void **state)
{
	struct fake *f = tell("{\"run\": \"cat\", \"settings\": {\"room\": \"ops \\\"1\\\"\"}, \"secret_settings\": {\"token\": \"t0ken\"}}", FB_OK);
	json_t *o = json_loads(output(f), 0, NULL), *expected = json_pack("{s:s, s:s}", "room", "ops \"1\"", "token", "t0ken");

	(void)state;
	assert_true(json_equal(json_object_get(o, "settings"), expected));
	json_decref(expected);
	json_decref(o);
	fake_free(f);
	f = tell("{\"run\": \"cat\"}", FB_OK);
	o = json_loads(output(f), 0, NULL);
	assert_true(json_is_object(json_object_get(o, "settings")));
	assert_int_equal(json_object_size(json_object_get(o, "settings")), 0);
	json_decref(o);
	fake_free(f);
}

static int note_timeout(struct fake *f, const struct fb_command *c, struct fb_command_result *ret)
{
	*(int64_t *)f->ctx = c->timeout_ms;
	ret->exit_code = 0;
	return 1;
}

static void assert_asked_to_end(const char *options, int64_t left_ms, int64_t before_ms)
{
	struct fake *f = fake_new("notifier-exec", options);
	int64_t timeout = 0;

	f->event = &event;
	f->ctx = &timeout;
	f->command = note_timeout;
	f->call.deadline_ms = fake_now_ms() + left_ms;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_OK);
	if (timeout > left_ms - before_ms || timeout < left_ms - before_ms - 5000)
		fail_msg("asked to end after %lld of %lld ms, expected %lld before", (long long)timeout, (long long)left_ms, (long long)before_ms);
	fake_free(f);
}

static void it_is_asked_to_end_the_grace_before_the_deadline(void **state)
{
	(void)state;
	assert_asked_to_end("{\"run\": \"cat\"}", 100000, 500);
	assert_asked_to_end("{\"run\": \"cat\", \"grace\": \"20s\"}", 100000, 20000);
	assert_asked_to_end("{\"run\": \"cat\", \"grace\": \"60s\"}", 100000, 25000); /* at most a quarter of the time */
}

static void operations_are_refused_where_there_is_one_alone(void **state)
{
	static const char *const refused[] = {"[\"notify\", \"check\"]", "[\"check\"]", "[]"};
	struct fake *f = fake_new("notifier-exec", "{\"run\": \"cat\", \"operations\": [\"notify\"]}");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_OK);
	fake_free(f);
	f = fake_new("notifier-exec", "{\"run\": \"cat\"}");
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_OK);
	fake_free(f);
	for (size_t i = 0; i < 3; i++) {
		char *options = fb_asprintf("{\"run\": \"cat\", \"operations\": %s}", refused[i]);

		f = fake_new("notifier-exec", options);
		assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
		assert_says(f, "with protocol = \"plain\" none is: take it away");
		fake_free(f);
		fb_free(options);
	}
}

static void exit_code_75_is_tried_again(void **state)
{
	struct fake *f = tell("{\"run\": [\"/bin/sh\", \"-c\", \"echo line busy; exit 75\"]}", FB_RETRY);

	(void)state;
	assert_non_null(strstr(f->message, "line busy"));
	fake_free(f);
}

static void any_other_exit_is_final_and_quotes_the_output(void **state)
{
	struct fake *f = tell("{\"run\": \"echo Error: no such pager; echo bye; exit 1\"}", FB_FAIL);

	(void)state;
	assert_non_null(strstr(f->message, "exit code 1: Error: no such pager"));
	fake_free(f);
	f = tell("{\"run\": \"kill -TERM $$\"}", FB_FAIL);
	assert_non_null(strstr(f->message, "SIGTERM"));
	fake_free(f);
	f = tell("{\"run\": [\"/nonexistent/pager\"]}", FB_FAIL);
	assert_non_null(strstr(f->message, "/nonexistent/pager"));
	fake_free(f);
}

static void a_program_that_does_not_end_is_tried_again(void **state)
{
	struct fake *f = fake_new("notifier-exec", "{\"run\": \"sleep 60\"}");

	(void)state;
	f->event = &event;
	f->call.deadline_ms = fake_now_ms() + 500;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_RETRY);
	assert_non_null(strstr(f->message, "not finished"));
	fake_free(f);
}

static void an_event_whose_data_is_no_json_is_refused(void **state)
{
	const struct fb_event bad = {.id = "1", .name = "rollback.completed", .data = "{"};
	struct fake *f = fake_new("notifier-exec", "{\"run\": \"cat\"}");

	(void)state;
	f->event = &bad;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_FATAL);
	assert_int_equal(json_array_size(f->commands), 0);
	fake_free(f);
}

#define LINES ", \"protocol\": \"lines\""

static void in_lines_the_event_is_part_of_the_call(void **state)
{
	struct fake *f = sh_fake("notifier-exec", "read -r call; printf '%s' \"$call\" > $FAILBACK_SCRATCH/call; echo '{\"tell\":\"log\",\"text\":\"told\"}'", LINES);
	char *text;
	json_t *o;

	(void)state;
	f->event = &event;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_OK);
	assert_true(fake_logged(f, "told"));
	text = scratch_text(f, "call");
	o = json_loads(text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "operation")), "notify");
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "event"), "id")), "ev-7");
	assert_string_equal(json_string_value(json_object_get(json_object_get(json_object_get(o, "event"), "data"), "service")), "web");
	json_decref(o);
	fb_free(text);
	fake_free(f);
}

static void in_lines_a_program_that_does_not_end_is_tried_again(void **state)
{
	struct fake *f = sh_fake("notifier-exec", "exec sleep 60", LINES);

	(void)state;
	f->event = &event;
	f->call.deadline_ms = fake_now_ms() + 1000;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_RETRY);
	assert_says(f, "was not finished after");
	fake_free(f);
}

static void the_examples_deliver_or_ask_to_be_tried_again(void **state)
{
	const char *const examples[] = {"notifier.sh", "notifier.py"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake *f = example_fake("notifier-exec", examples[i], LINES);
		char *inbox = fake_path(f, "inbox"), *closed = fake_path(f, "inbox.closed"), line[200] = "", *options;
		FILE *file;

		options = fb_asprintf("{\"run\": [\"%s/%s\"], \"protocol\": \"lines\", \"settings\": {\"inbox\": \"%s\"}, \"environment\": {\"INBOX\": \"%s\"}}", FB_EXAMPLES,
				      examples[i], inbox, inbox);
		fake_set_options(f, options);
		f->event = &event;
		file = fopen(closed, "we");
		assert_non_null(file);
		fclose(file);
		assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_RETRY);
		assert_says(f, "the inbox is closed");
		assert_int_equal(f->retry_ms, 60000);
		unlink(closed);
		assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_OK);
		file = fopen(inbox, "re");
		assert_non_null(file);
		assert_non_null(fgets(line, sizeof(line), file));
		assert_string_equal(line, "ev-7 rollback.completed: web is back; it's \"fine\"\n");
		fclose(file);
		fb_free(options);
		fb_free(closed);
		fb_free(inbox);
		fake_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_reads_the_event_as_one_json_document),
		cmocka_unit_test(the_program_finds_the_event_in_its_environment),
		cmocka_unit_test(its_settings_are_a_member_of_the_document),
		cmocka_unit_test(it_is_asked_to_end_the_grace_before_the_deadline),
		cmocka_unit_test(operations_are_refused_where_there_is_one_alone),
		cmocka_unit_test(exit_code_75_is_tried_again),
		cmocka_unit_test(any_other_exit_is_final_and_quotes_the_output),
		cmocka_unit_test(a_program_that_does_not_end_is_tried_again),
		cmocka_unit_test(an_event_whose_data_is_no_json_is_refused),
		cmocka_unit_test(in_lines_the_event_is_part_of_the_call),
		cmocka_unit_test(in_lines_a_program_that_does_not_end_is_tried_again),
		cmocka_unit_test(the_examples_deliver_or_ask_to_be_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
