/* SPDX-License-Identifier: Apache-2.0 */
/* The figures: what counts as a failure, as rework, as a recovery; from rows, and from a real journal that holds made-up stories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"
#include "cli/stats.h"
#include "tests/unit/synthetic.h"

#define DAY ((int64_t)86400 * 1000)

static const json_t *at(const json_t *o, const char *path)
{
	char copy[128];

	snprintf(copy, sizeof copy, "%s", path);
	for (char *save, *p = strtok_r(copy, ".", &save); p; p = strtok_r(NULL, ".", &save))
		o = json_is_array(o) ? json_array_get(o, (size_t)atoi(p)) : json_object_get(o, p);
	if (!o)
		fail_msg("there is no %s", path);
	return o;
}

static void near(const json_t *o, const char *path, double expected)
{
	double found = json_number_value(at(o, path));

	if (found < expected - 1e-6 || found > expected + 1e-6)
		fail_msg("%s is %f, not %f", path, found, expected);
}

static struct fb_figure_row row(int64_t n, const char *kind, const char *status, int64_t day)
{
	return (struct fb_figure_row){.n = n, .service = "web", .environment = "production", .kind = kind, .status = status, .started_ms = day * DAY, .ended_ms = day * DAY + 60000,
				      .recovered_ms = -1};
}

static void a_failure_its_rework_and_its_mending_are_counted(void **state)
{
	struct fb_stats *s = fb_stats_new(0, 20 * DAY);
	struct fb_figure_row rows[5];
	json_t *doc;

	(void)state;
	rows[0] = row(1, "deploy", "completed", 10);
	rows[1] = row(2, "deploy", "failed_with_rollback", 11);
	rows[1].detected_ms = 11 * DAY + 30000;
	rows[1].recovered_ms = 3100;
	rows[1].impact = "ZERO";
	rows[1].root_cause = "{\"type\": \"deployment_failure\", \"class\": \"missing_file\", \"cause\": \"config/production.json is not there\"}";
	rows[2] = row(3, "deploy", "failed", 12); /* rework, and nothing was changed */
	rows[3] = row(4, "deploy", "completed", 13);
	rows[3].retry = true;
	rows[4] = row(5, "deploy", "completed", 14);
	for (size_t i = 0; i < 5; i++)
		fb_stats_take(s, &rows[i]);
	doc = fb_stats_json(s);
	assert_int_equal(json_integer_value(at(doc, "executions")), 5);
	near(doc, "services.0.dora.change_fail_rate", 0.2);
	near(doc, "services.0.dora.deployment_rework_rate", 0.4);
	near(doc, "services.0.dora.deployment_frequency_per_day", 0.3);
	near(doc, "services.0.dora.failed_deployment_recovery_time.median", 3.1);
	assert_true(json_is_null(at(doc, "services.0.dora.change_lead_time")));
	near(doc, "services.0.deployments.success_rate", 0.6);
	near(doc, "services.0.deployments.failure_rate", 0.4);
	near(doc, "services.0.deployments.retry_success_rate", 1);
	near(doc, "services.0.deployments.duration.mean", 60);
	near(doc, "services.0.rollbacks.success_rate", 1);
	near(doc, "services.0.rollbacks.user_impact.ZERO", 1);
	assert_string_equal(json_string_value(at(doc, "services.0.failure_types.0.type")), "missing_file");
	near(doc, "services.0.failure_types.0.fix_time.median", (2.0 * (double)DAY + 30000) / 1000);
	assert_string_equal(json_string_value(at(doc, "causes.0.cause")), "config/production.json is not there");
	assert_int_equal(json_array_size(at(doc, "trend")), FB_STATS_BUCKETS);
	json_decref(doc);
	fb_stats_free(s);
}

static void a_rollback_that_was_asked_for_makes_the_deployment_before_it_a_failure(void **state)
{
	struct fb_stats *s = fb_stats_new(0, 20 * DAY);
	struct fb_figure_row rows[] = {row(1, "deploy", "completed", 10), row(2, "rollback", "completed", 11), row(3, "rollback", "completed", 12)};
	json_t *doc;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		fb_stats_take(s, &rows[i]);
	doc = fb_stats_json(s);
	near(doc, "services.0.dora.change_fail_rate", 1);
	near(doc, "services.0.rollbacks.asked_for", 2);
	near(doc, "services.0.rollbacks.user_impact.UNKNOWN", 2);
	json_decref(doc);
	fb_stats_free(s);
}

static void an_execution_of_two_services_counts_for_each_and_its_cause_once(void **state)
{
	struct fb_stats *s = fb_stats_new(0, 20 * DAY);
	struct fb_figure_row a = row(1, "deploy", "failed_with_rollback", 10), b;
	json_t *doc;

	(void)state;
	a.root_cause = "{\"type\": \"deployment_failure\", \"class\": \"timeout\", \"cause\": \"no answer\"}";
	b = a;
	b.service = "api";
	fb_stats_take(s, &a);
	fb_stats_take(s, &b);
	doc = fb_stats_json(s);
	assert_int_equal(json_array_size(at(doc, "services")), 2);
	assert_int_equal(json_integer_value(at(doc, "executions")), 1);
	near(doc, "causes.0.count", 1);
	json_decref(doc);
	fb_stats_free(s);
}

static void without_executions_there_are_no_figures(void **state)
{
	struct fb_stats *s = fb_stats_new(5 * DAY, 20 * DAY);
	json_t *doc = fb_stats_json(s);

	(void)state;
	assert_int_equal(json_array_size(at(doc, "services")), 0);
	assert_int_equal(json_array_size(at(doc, "trend")), 0);
	json_decref(doc);
	fb_stats_free(s);
}

static void the_journal_gives_what_it_has(void **state)
{
	char folder[] = "/tmp/failback-stats.XXXXXX";
	struct fb_stats *s;
	struct fb_journal *j;
	struct fb_err err = {0};
	json_t *doc;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(fb_journal_open(folder, FB_JOURNAL_CREATE, &j, &err), 0);
	synthetic_failed(j, 0);
	synthetic_incomplete(j);
	s = fb_stats_new(0, SYNTHETIC_AT + 10 * DAY);
	assert_int_equal(fb_journal_figures(j, NULL, 0, fb_stats_take, s, &err), 0);
	doc = fb_stats_json(s);
	assert_int_equal(json_integer_value(at(doc, "executions")), 2);
	assert_string_equal(json_string_value(at(doc, "services.0.failure_types.0.type")), "missing_file");
	near(doc, "services.0.dora.failed_deployment_recovery_time.count", 1);
	json_decref(doc);
	fb_stats_free(s);
	s = fb_stats_new(0, SYNTHETIC_AT + 10 * DAY);
	assert_int_equal(fb_journal_figures(j, "staging", 0, fb_stats_take, s, &err), 0);
	assert_int_equal(fb_journal_figures(j, NULL, SYNTHETIC_AT + 9 * DAY, fb_stats_take, s, &err), 0);
	doc = fb_stats_json(s);
	assert_int_equal(json_integer_value(at(doc, "executions")), 0);
	json_decref(doc);
	fb_stats_free(s);
	fb_journal_close(j);
	fb_io_remove_tree(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_its_rework_and_its_mending_are_counted),
		cmocka_unit_test(a_rollback_that_was_asked_for_makes_the_deployment_before_it_a_failure),
		cmocka_unit_test(an_execution_of_two_services_counts_for_each_and_its_cause_once),
		cmocka_unit_test(without_executions_there_are_no_figures),
		cmocka_unit_test(the_journal_gives_what_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
