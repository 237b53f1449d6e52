/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/fake/host.h"

static void an_event_is_one_line_of_its_severity(void **state)
{
	const struct fb_event event = {.id = "1", .name = "rollback.completed", .severity = "warning", .summary = "web runs release 2.0 again",
				       .incident = "INC-x", .data = "{}"};
	struct fake *f = fake_new("notifier-console", "{\"prefix\": \">>\"}");

	(void)state;
	f->event = &event;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_OK);
	assert_int_equal(json_array_size(f->logs), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(f->logs, 0), "text")),
			    ">> web runs release 2.0 again [rollback.completed] INC-x");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(f->logs, 0), "level")), FB_LOG_WARNING);
	fake_free(f);
}

static void an_event_without_a_summary_is_told_by_its_name(void **state)
{
	const struct fb_event event = {.id = "1", .name = "rollback.incomplete", .severity = "critical", .report = "/var/report.json"};
	struct fake *f = fake_new("notifier-console", NULL);

	(void)state;
	f->event = &event;
	assert_int_equal(fake_call(f, FB_OP_NOTIFY), FB_OK);
	assert_true(fake_logged(f, "rollback.incomplete [rollback.incomplete], report: /var/report.json"));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(f->logs, 0), "level")), FB_LOG_ERROR);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_one_line_of_its_severity),
		cmocka_unit_test(an_event_without_a_summary_is_told_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
