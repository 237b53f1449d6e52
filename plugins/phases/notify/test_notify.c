/* SPDX-License-Identifier: Apache-2.0 */
/* The phase notify: it says what could not be delivered, and never fails. */
#include "plugins/phases/test_phase.h"

static void names_who_was_told(void **state)
{
	struct script s = {.deliveries = "[{\"notifier\": \"slack\", \"event\": \"rollback.completed\", \"status\": \"delivered\", \"text\": null},"
					 " {\"notifier\": \"email\", \"event\": \"rollback.completed\", \"status\": \"delivered\", \"text\": null}]"};
	struct fake *f = script_new("phase-notify", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_string_equal(said(f), "2 notifications delivered: slack, email");
	assert_int_equal(json_array_size(json_object_get(f->reports, "deliveries")), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(f->notified, 0), "wait_ms")), 10000);
	fake_free(f);
}

static void an_undelivered_message_is_named_and_the_phase_is_done(void **state)
{
	struct script s = {.deliveries = "[{\"notifier\": \"pagerduty\", \"event\": \"rollback.completed\", \"status\": \"waiting\", \"text\": \"HTTP 503\"}]",
			   .notify_answer = FB_FAIL};
	struct fake *f = script_new("phase-notify", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_non_null(strstr(said(f), "1 not delivered yet: pagerduty (HTTP 503)"));
	assert_non_null(strstr(said(f), "stays in the outbox"));
	fake_free(f);
}

static void an_outbox_that_cannot_be_read_does_not_fail_the_recovery(void **state)
{
	struct script s = {.notify_answer = FB_FATAL};
	struct fake *f = script_new("phase-notify", NULL, &s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_non_null(strstr(said(f), "could not be drained"));
	fake_free(f);
}

static void never_waits_past_its_own_deadline(void **state)
{
	struct script s = {.deliveries = "[]"};
	struct fake *f = script_new("phase-notify", NULL, &s);

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 2000;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_in_range(json_integer_value(json_object_get(json_array_get(f->notified, 0), "wait_ms")), 0, 1800);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_who_was_told),
		cmocka_unit_test(an_undelivered_message_is_named_and_the_phase_is_done),
		cmocka_unit_test(an_outbox_that_cannot_be_read_does_not_fail_the_recovery),
		cmocka_unit_test(never_waits_past_its_own_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
