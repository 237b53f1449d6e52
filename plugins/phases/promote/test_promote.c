/* SPDX-License-Identifier: Apache-2.0 */
/* The phase promote: no user sees a release that does not come up. */
#include "plugins/phases/test_phase.h"

#define FAST "{\"interval\": \"1ms\", \"ready_timeout\": \"20s\", \"failed_after\": 3}"

static struct fake *promote(struct script *s)
{
	struct fake *f = script_new("phase-promote", FAST, s);

	f->call.service = "backend";
	return f;
}

static void prepares_then_shifts_then_verifies_and_probes(void **state)
{
	struct script s = {.operate = {{FB_OP_PREPARE, OK_BACKEND, 0}, {FB_OP_SHIFT, OK_BACKEND, 0}, {FB_OP_VERIFY, OK_BACKEND, 0}}, .probe = {{HEALTHY, 0}}};
	struct fake *f = promote(&s);
	static const uint32_t order[] = {FB_OP_PREPARE, FB_OP_SHIFT, FB_OP_VERIFY};

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(json_array_size(f->operated), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(json_integer_value(json_object_get(json_array_get(f->operated, i), "operation")), order[i]);
		assert_string_equal(json_string_value(json_object_get(json_array_get(f->operated, i), "service")), "backend");
	}
	assert_string_equal(said(f), "all traffic on release 2.0; 2 of 2 checks healthy");
	fake_free(f);
}

static void a_release_that_does_not_come_up_gets_no_traffic(void **state)
{
	struct script s = {.operate = {{FB_OP_PREPARE, FAIL_BACKEND, 0}, {FB_OP_SHIFT, OK_BACKEND, 0}}};
	struct fake *f = promote(&s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_false(operated(f, FB_OP_SHIFT));
	assert_non_null(strstr(f->message, "no user was sent to it"));
	fake_free(f);
}

static void a_prepared_release_fails_after_a_few_bad_rounds(void **state)
{
	struct script s = {.operate = {{FB_OP_PREPARE, OK_BACKEND, 0}, {FB_OP_SHIFT, OK_BACKEND, 0}}, .probe = {{FAILING, 0}}};
	struct fake *f = promote(&s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_int_equal(json_array_size(f->probed), 3);
	assert_non_null(strstr(f->message, "1 of 2 checks fail: backend/http: 503 from /health"));
	assert_int_equal(json_array_size(json_object_get(f->reports, "checks")), 2);
	fake_free(f);
}

static void a_release_that_starts_with_the_shift_has_time_to_start(void **state)
{
	struct script s = {.operate = {{FB_OP_SHIFT, OK_BACKEND, 0}}, .probe = {{FAILING, 8}, {HEALTHY, 0}}};
	struct fake *f = promote(&s);

	(void)state;
	fake_set_options(f, "{\"interval\": \"1ms\", \"ready_timeout\": \"20s\"}");
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(json_array_size(f->probed), 9);
	fake_free(f);
}

static void health_that_cannot_be_seen_is_not_called_a_failing_check(void **state)
{
	struct script s = {.operate = {{FB_OP_PREPARE, OK_BACKEND, 0}, {FB_OP_SHIFT, OK_BACKEND, 0}}, .probe = {{BLIND, 0}}};
	struct fake *f = promote(&s);

	(void)state;
	fake_set_options(f, "{\"interval\": \"1ms\", \"ready_timeout\": \"20ms\"}");
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FAIL);
	assert_non_null(strstr(f->message, "could not be seen: backend/http: resolver down"));
	fake_free(f);
}

static void checks_can_be_left_out(void **state)
{
	struct script s = {.operate = {{FB_OP_SHIFT, OK_BACKEND, 0}}, .probe = {{FAILING, 0}}};
	struct fake *f = promote(&s);

	(void)state;
	fake_set_options(f, "{\"checks\": false}");
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_int_equal(json_array_size(f->probed), 0);
	assert_string_equal(said(f), "all traffic on release 2.0");
	fake_free(f);
}

static void needs_a_service_and_a_strategy_that_can_shift(void **state)
{
	struct script s = {0};
	struct fake *f = promote(&s);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_FATAL);
	assert_non_null(strstr(f->message, "cannot move traffic"));
	f->call.service = NULL;
	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
	assert_non_null(strstr(f->message, "needs the service"));
	assert_false(fake_offers(f, FB_OP_UNDO));
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prepares_then_shifts_then_verifies_and_probes),
		cmocka_unit_test(a_release_that_does_not_come_up_gets_no_traffic),
		cmocka_unit_test(a_prepared_release_fails_after_a_few_bad_rounds),
		cmocka_unit_test(a_release_that_starts_with_the_shift_has_time_to_start),
		cmocka_unit_test(health_that_cannot_be_seen_is_not_called_a_failing_check),
		cmocka_unit_test(checks_can_be_left_out),
		cmocka_unit_test(needs_a_service_and_a_strategy_that_can_shift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
