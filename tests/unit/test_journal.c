/* SPDX-License-Identifier: Apache-2.0 */
/* Executions, claims, ownership and take-over. */
#include "journal_fixture.h"

#include "failback/plugin.h"

static void an_execution_is_found_by_id_alias_prefix_and_as_the_newest(void **state)
{
	struct fixture *f = *state;
	struct fb_execution e;

	assert_int_equal(fb_journal_execution(f->j, NULL, &e, &f->err), 1);
	fixture_start_ours(f, "deploy-production-1-aaaa");
	OK(fb_journal_status(f->j, "completed", true, 0, &f->err));
	fixture_start_ours(f, "deploy-production-2-bbbb");
	OK(fb_journal_execution(f->j, NULL, &e, &f->err));
	assert_string_equal(e.id, "deploy-production-2-bbbb");
	assert_string_equal(e.frozen, "{\"schema\":\"failback.chain/1\"}");
	assert_string_equal(e.services, "[\"web\"]");
	assert_true(e.owner_alive);
	assert_int_equal(e.owner.pid, getpid());
	assert_int_equal(e.epoch, 1);
	assert_int_equal(e.exit_code, -1);
	fb_execution_clear(&e);
	OK(fb_journal_execution(f->j, "deploy-production-1", &e, &f->err));
	assert_string_equal(e.id, "deploy-production-1-aaaa");
	assert_string_equal(e.status, "completed");
	assert_int_equal(e.owner.pid, 0);
	assert_true(e.ended_ms > 0 && e.ended_boot_ms >= e.started_boot_ms);
	fb_execution_clear(&e);
	OK(fb_journal_execution(f->j, "plan_deploy_production_1", &e, &f->err));
	assert_string_equal(e.id, "deploy-production-2-bbbb");
	fb_execution_clear(&e);
	assert_int_equal(fb_journal_execution(f->j, "deploy-production", &e, &f->err), 1);
	assert_non_null(strstr(f->err.text, "several executions begin with"));
	assert_int_equal(fb_journal_execution(f->j, "rollback", &e, &f->err), 1);
	assert_non_null(strstr(f->err.text, "deploy-production-2-bbbb"));
}

static void executions_are_listed_newest_first_and_filtered(void **state)
{
	struct fixture *f = *state;
	struct fb_execution *v;
	size_t n;

	OK(fixture_start(f, f->j, "a", "running", "web", "db", NULL));
	OK(fb_journal_status(f->j, "failed", true, 1, &f->err));
	OK(fixture_start(f, f->j, "b", "running", "web", NULL, NULL));
	OK(fb_journal_executions(f->j, &(struct fb_execution_filter){.limit = 10}, &v, &n, &f->err));
	assert_int_equal(n, 2);
	assert_string_equal(v[0].id, "b");
	assert_null(v[0].frozen);
	fb_executions_free(v, n);
	OK(fb_journal_executions(f->j, &(struct fb_execution_filter){.service = "db"}, &v, &n, &f->err));
	assert_int_equal(n, 1);
	assert_string_equal(v[0].id, "a");
	fb_executions_free(v, n);
	OK(fb_journal_executions(f->j, &(struct fb_execution_filter){.unfinished = true, .environment = "production"}, &v, &n, &f->err));
	assert_int_equal(n, 1);
	assert_string_equal(v[0].id, "b");
	fb_executions_free(v, n);
	OK(fb_journal_executions(f->j, &(struct fb_execution_filter){.status = "failed", .kind = "deploy"}, &v, &n, &f->err));
	assert_int_equal(n, 1);
	fb_executions_free(v, n);
	OK(fb_journal_executions(f->j, &(struct fb_execution_filter){.environment = "staging"}, &v, &n, &f->err));
	assert_int_equal(n, 0);
	fb_executions_free(v, n);
}

static int takes_db(struct fixture *f, struct fb_journal *j)
{
	struct fb_conflict c;
	int r = fixture_start(f, j, "second", "running", "cache", "db", &c);

	if (r != 1 || strcmp(c.service, "db") != 0 || strcmp(c.execution, "first") != 0 || !c.owner_alive || c.owner.pid != getppid())
		return 1;
	/* Nothing of it is recorded: the free one can still be had. */
	return fixture_start(f, j, "third", "running", "cache", NULL, &c);
}

static void claims_are_taken_all_or_none(void **state)
{
	struct fixture *f = *state;

	OK(fixture_start(f, f->j, "first", "running", "web", "db", NULL));
	assert_int_equal(fixture_in_child(f, takes_db), 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM executions WHERE id = 'second'"), 0);
	/* The third one's owner is dead now, but its claim stays until somebody goes on with it. */
	struct fb_conflict c;
	assert_int_equal(fixture_start(f, f->j, "fourth", "running", "cache", NULL, &c), 1);
	assert_false(c.owner_alive);
	assert_string_equal(c.execution, "third");
	assert_string_equal(c.kind, "deploy");
}

static void claims_end_with_their_execution(void **state)
{
	struct fixture *f = *state;

	OK(fixture_start(f, f->j, "first", "running", "web", "db", NULL));
	OK(fb_journal_status(f->j, "completed", true, 0, &f->err));
	OK(fixture_start(f, f->j, "second", "running", "db", "web", NULL));
}

static int starts_and_dies(struct fixture *f, struct fb_journal *j)
{
	return fixture_start(f, j, "orphan", "running", "web", NULL, NULL);
}

static int takes_over_a_living(struct fixture *f, struct fb_journal *j)
{
	struct fb_conflict c;

	return fb_journal_take_over(j, "mine", &c, &f->err) == 1 && c.owner_alive && c.owner.pid == getppid() && strcmp(c.execution, "mine") == 0 ? 0 : 1;
}

static void a_dead_owner_is_taken_over_and_a_living_one_never(void **state)
{
	struct fixture *f = *state;
	struct fb_conflict c;
	struct fb_execution e;

	assert_int_equal(fixture_in_child(f, starts_and_dies), 0);
	OK(fb_journal_take_over(f->j, "orphan", &c, &f->err));
	assert_int_equal(fb_journal_epoch(f->j), 2);
	OK(fb_journal_execution(f->j, "orphan", &e, &f->err));
	assert_int_equal(e.owner.pid, getpid());
	assert_string_equal(e.status, "running");
	fb_execution_clear(&e);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM audit WHERE action = 'execution.taken_over' AND execution = 'orphan'"), 1);
	OK(fb_journal_status(f->j, "failed", true, 4, &f->err));
	assert_int_equal(fb_journal_take_over(f->j, "orphan", &c, &f->err), -1);
	assert_non_null(strstr(f->err.text, "has ended (failed)"));
	OK(fixture_start(f, f->j, "mine", "running", "web", NULL, NULL));
	assert_int_equal(fixture_in_child(f, takes_over_a_living), 0);
}

static void a_stale_owner_writes_nothing_and_hears_who_is_the_new_one(void **state)
{
	struct fixture *f = *state;
	struct fb_link_row row = {.id = "plan/1", .chain = "plan", .name = "x", .title = "x", .status = "running", .answer = -1};
	char owner[64];

	fixture_start_ours(f, "mine");
	fixture_sql(f, "UPDATE executions SET epoch = 2, owner_pid = 1");
	snprintf(owner, sizeof owner, "process %d went on with it as epoch 2", 1);
	assert_int_equal(fb_journal_link(f->j, &row, &f->err), -1);
	assert_int_equal(f->err.code, FB_EXIT_INTERRUPTED);
	assert_non_null(strstr(f->err.text, owner));
	assert_int_equal(fb_journal_status(f->j, "completed", true, 0, &f->err), -1);
	assert_int_equal(fb_journal_fact_set(f->j, "", "k", "v", &f->err), -1);
	assert_int_equal(fb_journal_act(f->j, &(struct fb_action_key){"plan/1", "", "run", false, "k"}, FB_REPEAT_PROBE, "t", false, &f->err), -1);
	assert_int_equal(fb_journal_audit(f->j, "mine", "engine", "x", NULL, &f->err), -1);
	assert_int_equal(f->err.code, FB_EXIT_INTERRUPTED);
	assert_int_equal(fixture_number(f, "SELECT (SELECT count(*) FROM links) + (SELECT count(*) FROM facts) + (SELECT count(*) FROM actions) + (SELECT count(*) FROM audit)"), 0);
}

static void an_owner_of_another_boot_is_dead(void **state)
{
	struct fixture *f = *state;
	struct fb_execution e;
	struct fb_conflict c;

	fixture_start_ours(f, "mine");
	fixture_sql(f, "UPDATE executions SET owner_boot = 'another'");
	OK(fb_journal_execution(f->j, "mine", &e, &f->err));
	assert_false(e.owner_alive);
	fb_execution_clear(&e);
	OK(fb_journal_take_over(f->j, "mine", &c, &f->err));
}

static void a_stop_is_asked_for_by_anybody_and_read_by_the_owner(void **state)
{
	struct fixture *f = *state;
	struct fb_journal *other;

	fixture_start_ours(f, "mine");
	assert_int_equal(fb_journal_stop_asked(f->j), 0);
	other = fixture_open(f, FB_JOURNAL_WRITE);
	OK(fb_journal_ask_stop(other, "mine", 2, "user ada", &f->err));
	OK(fb_journal_ask_stop(other, "mine", 1, "user ada", &f->err));
	assert_int_equal(fb_journal_ask_stop(other, "none", 1, "user ada", &f->err), -1);
	assert_int_equal(fb_journal_stop_asked(f->j), 2);
	fb_journal_close(other);
}

static void an_approval_claims_nothing_and_takes_its_services_when_it_goes_on(void **state)
{
	struct fixture *f = *state;
	struct fb_approval_row *v;
	struct fb_conflict c;
	size_t n;

	OK(fixture_start(f, f->j, "asks", "waiting_approval", "web", NULL, NULL));
	OK(fb_journal_approval_ask(f->j, NULL, "high", &f->err));
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM claims"), 0);
	OK(fb_journal_approval_decide(f->j, "asks", true, "user ada", "looks good", &f->err));
	assert_int_equal(fb_journal_approval_decide(f->j, "asks", true, "user ada", NULL, &f->err), 1);
	assert_non_null(strstr(f->err.text, "does not wait for a decision"));
	OK(fb_journal_approvals(f->j, "asks", &v, &n, &f->err));
	assert_int_equal(n, 1);
	assert_null(v[0].link);
	assert_string_equal(v[0].decision, "approved");
	assert_string_equal(v[0].by, "user ada");
	fb_approvals_free(v, n);
	OK(fb_journal_take_over(f->j, "asks", &c, &f->err));
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM claims"), 1);
}

static void an_approval_is_void_when_a_service_has_changed(void **state)
{
	struct fixture *f = *state;
	struct fb_conflict c;
	struct fb_execution e;

	OK(fixture_start(f, f->j, "asks", "waiting_approval", "web", "db", NULL));
	OK(fb_journal_approval_ask(f->j, NULL, "high", &f->err));
	OK(fixture_start(f, f->j, "other", "running", "db", NULL, NULL));
	OK(fb_journal_status(f->j, "completed", true, 0, &f->err));
	assert_int_equal(fb_journal_approval_decide(f->j, "asks", true, "user ada", NULL, &f->err), 1);
	assert_non_null(strstr(f->err.text, "service db has been changed"));
	OK(fb_journal_execution(f->j, "asks", &e, &f->err));
	assert_string_equal(e.status, "refused");
	assert_int_equal(e.exit_code, FB_EXIT_REFUSED);
	fb_execution_clear(&e);
	assert_int_equal(fb_journal_take_over(f->j, "asks", &c, &f->err), -1);
}

static void an_approved_execution_does_not_go_on_when_a_service_changed_after_the_decision(void **state)
{
	struct fixture *f = *state;
	struct fb_conflict c;

	OK(fixture_start(f, f->j, "asks", "waiting_approval", "web", NULL, NULL));
	OK(fb_journal_approval_ask(f->j, NULL, "high", &f->err));
	OK(fb_journal_approval_decide(f->j, "asks", true, "user ada", NULL, &f->err));
	OK(fixture_start(f, f->j, "other", "running", "web", NULL, NULL));
	OK(fb_journal_status(f->j, "completed", true, 0, &f->err));
	assert_int_equal(fb_journal_take_over(f->j, "asks", &c, &f->err), -1);
	assert_int_equal(f->err.code, FB_EXIT_REFUSED);
	assert_non_null(strstr(f->err.text, "service web has been changed"));
}

static void a_rejected_execution_has_ended(void **state)
{
	struct fixture *f = *state;
	struct fb_execution e;

	OK(fixture_start(f, f->j, "asks", "waiting_approval", "web", NULL, NULL));
	OK(fb_journal_approval_ask(f->j, NULL, "high", &f->err));
	OK(fb_journal_approval_decide(f->j, "asks", false, "user ada", "not today", &f->err));
	OK(fb_journal_execution(f->j, "asks", &e, &f->err));
	assert_string_equal(e.status, "refused");
	assert_true(e.ended_ms > 0);
	fb_execution_clear(&e);
}

static void a_group_is_written_as_a_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	char *value;

	fixture_start_ours(f, "mine");
	OK(fb_journal_begin(f->j, &f->err));
	OK(fb_journal_fact_set(f->j, "", "a", "1", &f->err));
	OK(fb_journal_begin(f->j, &f->err));
	OK(fb_journal_fact_set(f->j, "", "b", "2", &f->err));
	OK(fb_journal_end(f->j, &f->err));
	fb_journal_cancel(f->j);
	assert_null(fb_journal_fact(f->j, "mine", "", "a"));
	OK(fb_journal_begin(f->j, &f->err));
	OK(fb_journal_fact_set(f->j, "", "a", "1", &f->err));
	assert_int_equal(fb_journal_acted(f->j, &(struct fb_action_key){"plan/1", "", "run", false, "k"}, NULL, &f->err), -1);
	assert_int_equal(fb_journal_end(f->j, &f->err), -1);
	assert_non_null(strstr(f->err.text, "acted(\"k\")"));
	assert_null(fb_journal_fact(f->j, "mine", "", "a"));
	OK(fb_journal_begin(f->j, &f->err));
	OK(fb_journal_fact_set(f->j, "", "a", "1", &f->err));
	OK(fb_journal_end(f->j, &f->err));
	value = fb_journal_fact(f->j, "mine", "", "a");
	assert_string_equal(value, "1");
	fb_free(value);
}

static void closing_within_a_group_rolls_it_back(void **state)
{
	struct fixture *f = *state;

	fixture_start_ours(f, "mine");
	OK(fb_journal_begin(f->j, &f->err));
	OK(fb_journal_fact_set(f->j, "", "a", "1", &f->err));
	fb_journal_close(f->j);
	f->j = fixture_open(f, FB_JOURNAL_WRITE);
	assert_null(fb_journal_fact(f->j, "mine", "", "a"));
}

static void an_execution_that_was_started_in_a_cancelled_group_is_not_ours(void **state)
{
	struct fixture *f = *state;

	OK(fb_journal_begin(f->j, &f->err));
	fixture_start_ours(f, "mine");
	assert_int_equal(fb_journal_epoch(f->j), 1);
	fb_journal_cancel(f->j);
	assert_int_equal(fb_journal_epoch(f->j), 0);
	assert_int_equal(fb_journal_fact_set(f->j, "", "a", "1", &f->err), -1);
	assert_int_equal(f->err.code, FB_EXIT_BUG);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		T(an_execution_is_found_by_id_alias_prefix_and_as_the_newest),
		T(executions_are_listed_newest_first_and_filtered),
		T(claims_are_taken_all_or_none),
		T(claims_end_with_their_execution),
		T(a_dead_owner_is_taken_over_and_a_living_one_never),
		T(a_stale_owner_writes_nothing_and_hears_who_is_the_new_one),
		T(an_owner_of_another_boot_is_dead),
		T(a_stop_is_asked_for_by_anybody_and_read_by_the_owner),
		T(an_approval_claims_nothing_and_takes_its_services_when_it_goes_on),
		T(an_approval_is_void_when_a_service_has_changed),
		T(an_approved_execution_does_not_go_on_when_a_service_changed_after_the_decision),
		T(a_rejected_execution_has_ended),
		T(a_group_is_written_as_a_whole_or_not_at_all),
		T(closing_within_a_group_rolls_it_back),
		T(an_execution_that_was_started_in_a_cancelled_group_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
