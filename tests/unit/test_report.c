/* SPDX-License-Identifier: Apache-2.0 */
/* The report: made from a real journal that holds a made-up story, and held against the fields of the seeds (S27, S53, S73). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "recovery/report.h"
#include "recovery/report_parts.h"
#include "tests/unit/synthetic.h"

struct fixture {
	char folder[64];
	struct fb_journal *j;
	json_t *report;
};

static int set_up(void **state)
{
	struct fixture *f = fb_alloc(sizeof *f);
	struct fb_err err = {0};
	strcpy(f->folder, "/tmp/failback-report.XXXXXX");
	if (!mkdtemp(f->folder) || fb_journal_open(f->folder, FB_JOURNAL_CREATE, &f->j, &err) != 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	json_decref(f->report);
	fb_journal_close(f->j);
	fb_io_remove_tree(f->folder);
	fb_free(f);
	return 0;
}

static json_t *build(struct fixture *f, const char *id)
{
	struct fb_err err = {0};
	f->report = fb_report_build(f->j, id, &err);
	if (!f->report)
		fail_msg("%s", err.text);
	return f->report;
}

/* A member by path, "rollback.phases.0.phase" */
static const json_t *at(const json_t *o, const char *path)
{
	char copy[128];
	snprintf(copy, sizeof copy, "%s", path);
	for (char *save, *p = strtok_r(copy, ".", &save); p; p = strtok_r(NULL, ".", &save))
		o = json_is_array(o) ? json_array_get(o, (size_t)atoi(p)) : json_object_get(o, p);
	if (!o)
		fail_msg("the report has no %s", path);
	return o;
}

static const char *text(const json_t *o, const char *path)
{
	const char *s = json_string_value(at(o, path));
	if (!s)
		fail_msg("%s is no text", path);
	return s;
}

static void near(const json_t *o, const char *path, double expected)
{
	double v = json_number_value(at(o, path));
	if (!json_is_number(at(o, path)) || v < expected - 1e-6 || v > expected + 1e-6)
		fail_msg("%s is %g, not %g", path, v, expected);
}

static void a_failed_deployment_has_the_seeds_fields(void **state)
{
	struct fixture *f = *state;
	synthetic_failed(f->j, 0);
	const json_t *r = build(f, SYNTHETIC_FAILED);
	assert_string_equal(text(r, "schema"), "failback.report/1");
	assert_string_equal(text(r, "execution_id"), SYNTHETIC_FAILED);
	assert_string_equal(text(r, "alias"), "plan_deploy_production_1768906800");
	assert_string_equal(text(r, "timestamp"), "2026-01-20T11:00:00.000Z");
	assert_string_equal(text(r, "status"), "failed_with_rollback");
	assert_string_equal(text(r, "deployment_id"), "ci-4711");
	assert_true(json_is_true(at(r, "backup_created")));
	assert_true(json_is_true(at(r, "rollback_performed")));
	assert_int_equal(json_integer_value(at(r, "deployment.steps_completed")), 6);
	assert_int_equal(json_integer_value(at(r, "deployment.steps_failed")), 1);
	assert_int_equal(json_integer_value(at(r, "deployment.failed_at_step")), 7);
	near(r, "deployment.duration", 5.9);
	assert_int_equal(json_integer_value(at(r, "rollback.phases_completed")), 8);
	assert_string_equal(text(r, "rollback.user_impact"), "ZERO");
	assert_string_equal(text(r, "rollback.system_status"), "STABLE");
	assert_int_equal(json_integer_value(at(r, "rollback.user_impact_detail.requests")), 1204);
	assert_string_equal(text(r, "root_cause.cause"), "config/production.json is not there");
	assert_string_equal(text(r, "root_cause.component"), "web");
	assert_string_equal(text(r, "recommendations.0.priority"), "HIGH");
	assert_true(json_is_false(at(r, "recovery.auto_retry")));
	assert_true(json_is_null(at(r, "recovery.retry_successful")));
	assert_int_equal(strlen(text(r, "audit_head")), 64);
}

static void phases_carry_analysis_and_recommendations_under_the_seeds_titles(void **state)
{
	struct fixture *f = *state;
	synthetic_failed(f->j, 0);
	const json_t *phases = at(build(f, SYNTHETIC_FAILED), "rollback.phases");
	static const char *const titles[] = {"Traffic Protection", "Restore Previous Version", "Verify Stability", "Cleanup Resources", "Root Cause Analysis", "Fix Recommendations",
					     "Archive Logs", "Notify Team"};
	assert_int_equal(json_array_size(phases), 8);
	for (size_t i = 0; i < 8; i++)
		assert_string_equal(text(json_array_get(phases, i), "phase"), titles[i]);
	assert_string_equal(text(phases, "4.analysis.likely_cause"), "config/production.json is not there");
	assert_string_equal(text(phases, "4.analysis.error_type"), "missing_file");
	assert_string_equal(text(phases, "5.recommendations.1.action"), "Commit and push");
	assert_string_equal(text(phases, "0.plugin"), "protect-traffic");
	assert_string_equal(text(phases, "0.id"), "recovery/1");
	near(phases, "2.duration", 3.0);
}

static void the_clocks_are_kept_apart(void **state)
{
	struct fixture *f = *state;
	synthetic_failed(f->j, 0);
	const json_t *r = build(f, SYNTHETIC_FAILED);
	near(r, "clocks.detected.after_detection", 0);
	near(r, "clocks.traffic_safe.after_detection", 0.012);
	near(r, "clocks.restored.after_detection", 0.060);
	near(r, "clocks.verified.after_detection", 3.060);
	near(r, "clocks.reported.after_detection", 3.135);
	near(r, "rollback.total_duration", 3.135);
	near(r, "rollback.duration", 3.135);
	near(r, "recovery.total_time", 3.060);
	assert_string_equal(text(r, "clocks.detected.at"), "2026-01-20T11:00:07.100Z");
}

static void what_the_core_gathered_is_in_it(void **state)
{
	struct fixture *f = *state;
	synthetic_failed(f->j, 0);
	const json_t *r = build(f, SYNTHETIC_FAILED);
	assert_string_equal(text(r, "members.0.release"), "2.0");
	assert_string_equal(text(r, "evidence.0.file"), "logs/plan-7.log");
	assert_string_equal(text(r, "plugins.0.sha256"), "00ff");
	assert_string_equal(text(r, "plugins.0.file"), "/usr/lib/failback/phase-command.so");
	assert_int_equal(json_array_size(at(r, "releases")), 2);
	assert_string_equal(text(r, "deployment.steps.5.actions.0.text"), "push image web:2.1");
	assert_string_equal(text(r, "deployment.steps.5.actions.0.state"), "done");
	assert_string_equal(text(r, "deployment.steps.6.cause.kind"), "exit");
	assert_true(json_is_true(at(r, "backup.proven")));
}

static void an_incomplete_rollback_has_a_way_out_and_claims_nothing(void **state)
{
	struct fixture *f = *state;
	synthetic_incomplete(f->j);
	const json_t *r = build(f, SYNTHETIC_INCOMPLETE);
	assert_string_equal(text(r, "status"), "rollback_incomplete");
	assert_string_equal(text(r, "rollback.user_impact"), "UNKNOWN");
	assert_string_equal(text(r, "rollback.system_status"), "PROTECTED");
	assert_string_equal(text(r, "way_out.0.command"), "kill 99");
	assert_string_equal(text(r, "members.0.status"), "protected");
	assert_true(json_is_null(at(r, "deployment")));
	assert_true(json_is_null(at(r, "root_cause")));
	assert_true(json_is_null(at(r, "clocks.verified")));
	assert_true(json_is_null(at(r, "recovery.total_time")));
	assert_true(json_is_false(at(r, "backup_created")));
}

static void a_running_execution_has_a_report_too(void **state)
{
	struct fixture *f = *state;
	synthetic_running(f->j);
	const json_t *r = build(f, SYNTHETIC_RUNNING);
	assert_string_equal(text(r, "status"), "running");
	assert_true(json_is_null(at(r, "exit_code")));
	assert_true(json_is_null(at(r, "rollback")));
	assert_true(json_is_false(at(r, "rollback_performed")));
	assert_int_equal(json_integer_value(at(r, "deployment.steps_completed")), 1);
}

static void a_step_that_failed_and_was_undone_is_still_the_one_that_failed(void **state)
{
	struct fixture *f = *state;
	synthetic_undone(f->j);
	const json_t *r = build(f, SYNTHETIC_RUNNING);
	assert_int_equal(json_integer_value(at(r, "deployment.failed_at_step")), 2);
	assert_int_equal(json_integer_value(at(r, "deployment.steps_failed")), 1);
	assert_int_equal(json_integer_value(at(r, "deployment.steps_completed")), 1);
	assert_string_equal(text(r, "deployment.error"), "exit code 3");
	assert_string_equal(text(r, "deployment.steps.0.status"), "undone");
	assert_string_equal(text(r, "deployment.steps.1.status"), "failed");
	assert_true(json_is_true(at(r, "deployment.steps.1.undone")));
	assert_int_equal(json_integer_value(at(r, "deployment.steps.1.attempts")), 1);
	near(r, "deployment.steps.1.duration", 0.9);
	near(r, "deployment.steps.1.undo.duration", 0.02);
	assert_true(json_number_value(at(r, "deployment.duration")) > 0.9); /* both steps, from events that are stamped as they are written */
	near(r, "deployment.steps.0.duration", 0.5);
}

static void an_execution_whose_engine_died_is_interrupted(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int status;
	fb_journal_close(f->j);
	f->j = NULL;
	pid = fork();
	if (pid == 0) {
		struct fb_journal *j;
		if (fb_journal_open(f->folder, FB_JOURNAL_WRITE, &j, NULL) != 0)
			_exit(1);
		synthetic_running(j);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fb_journal_open(f->folder, FB_JOURNAL_READ, &f->j, NULL), 0);
	assert_string_equal(text(build(f, SYNTHETIC_RUNNING), "status"), "interrupted");
}

static void an_unknown_execution_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct fb_err err = {0};
	synthetic_running(f->j);
	assert_null(fb_report_build(f->j, "deploy-nowhere", &err));
	assert_int_not_equal(err.code, 0);
	assert_true(strlen(err.text) > 0);
}

static void a_reboot_is_told_from_a_wall_clock_that_was_set(void **state)
{
	(void)state;
	int64_t resumed[] = {1500};
	struct fb_report_source never = {0}, once = {.resumed_ms = resumed, .resumed_count = 1};
	bool reboot;
	double s = fb_report_seconds(&never, (struct fb_report_time){1000, 500}, (struct fb_report_time){900000, 1500}, &reboot);
	assert_false(reboot); /* the wall clock was set while one engine ran */
	assert_true(s == 1.0);
	s = fb_report_seconds(&never, (struct fb_report_time){1000, 50000}, (struct fb_report_time){31000, 400}, &reboot);
	assert_true(reboot); /* the boot clock went back */
	assert_true(s == 30.0);
	s = fb_report_seconds(&once, (struct fb_report_time){1000, 500}, (struct fb_report_time){61000, 9000}, &reboot);
	assert_true(reboot); /* another engine, another boot, though its clock is further */
	assert_true(s == 60.0);
	s = fb_report_seconds(&once, (struct fb_report_time){1000, 500}, (struct fb_report_time){2000, 1500}, &reboot);
	assert_false(reboot); /* another engine in the same boot */
	assert_true(s == 1.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_failed_deployment_has_the_seeds_fields, set_up, tear_down),
		cmocka_unit_test_setup_teardown(phases_carry_analysis_and_recommendations_under_the_seeds_titles, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_clocks_are_kept_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_core_gathered_is_in_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_incomplete_rollback_has_a_way_out_and_claims_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_running_execution_has_a_report_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_step_that_failed_and_was_undone_is_still_the_one_that_failed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_execution_whose_engine_died_is_interrupted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_unknown_execution_is_an_error, set_up, tear_down),
		cmocka_unit_test(a_reboot_is_told_from_a_wall_clock_that_was_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
