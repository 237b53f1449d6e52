/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of an execution: links, actions, facts, releases, processes, events, outbox, documents; and the indexes that find them. */
#include "journal_fixture.h"

#include "failback/plugin.h"

static void a_link_comes_back_as_it_was_written(void **state)
{
	struct fixture *f = *state;
	struct fb_link_row in = {
		.id = "recovery/4.1", .chain = "recovery", .name = "cleanup", .title = "Cleanup Resources", .plugin = "cleanup", .status = "failed", .message = "it's \"bad\"", .data = "{\"a\":1}",
		.log = "logs/4.log", .seq = 9, .attempt = 2, .answer = 3, .started_ms = 100, .ended_ms = 200, .started_boot_ms = 10, .ended_boot_ms = 20,
	};
	struct fb_link_row *v;
	size_t n;

	fixture_start_ours(f, "mine");
	OK(fb_journal_link(f->j, &in, &f->err));
	in.status = "completed";
	in.message = NULL;
	OK(fb_journal_link(f->j, &in, &f->err));
	in.id = "recovery/1";
	in.seq = 1;
	OK(fb_journal_link(f->j, &in, &f->err));
	OK(fb_journal_links(f->j, "mine", &v, &n, &f->err));
	assert_int_equal(n, 2);
	assert_string_equal(v[0].id, "recovery/1");
	assert_string_equal(v[1].id, "recovery/4.1");
	assert_string_equal(v[1].chain, "recovery");
	assert_string_equal(v[1].name, "cleanup");
	assert_string_equal(v[1].title, "Cleanup Resources");
	assert_string_equal(v[1].plugin, "cleanup");
	assert_string_equal(v[1].status, "completed");
	assert_null(v[1].message);
	assert_string_equal(v[1].data, "{\"a\":1}");
	assert_string_equal(v[1].log, "logs/4.log");
	assert_int_equal(v[1].seq, 9);
	assert_int_equal(v[1].attempt, 2);
	assert_int_equal(v[1].answer, 3);
	assert_false(v[1].late);
	assert_int_equal(v[1].started_ms, 100);
	assert_int_equal(v[1].ended_ms, 200);
	assert_int_equal(v[1].started_boot_ms, 10);
	assert_int_equal(v[1].ended_boot_ms, 20);
	fb_links_free(v, n);
	OK(fb_journal_attempt(f->j, "recovery/1", 1, 2, "once more", 1, 2, &f->err));
	assert_int_equal(fixture_number(f, "SELECT answer FROM attempts WHERE link = 'recovery/1' AND attempt = 1"), 2);
}

/* ---- actions ---- */

static const struct fb_action_key key = {"recovery/2", "web", "restore", false, "switch"};

static int act(struct fixture *f, int repeat)
{
	int r = fb_journal_act(f->j, &key, repeat, "send users to blue", false, &f->err);

	if (r < 0)
		fail_msg("%s", f->err.text);
	return r;
}

static void an_idempotent_action_that_is_unsure_is_made_again(void **state)
{
	struct fixture *f = *state;
	struct fb_conflict c;

	fixture_start_ours(f, "mine");
	assert_int_equal(act(f, FB_REPEAT_IDEMPOTENT), FB_ACT_DO);
	fixture_sql(f, "UPDATE executions SET owner_boot = 'another'");
	OK(fb_journal_take_over(f->j, "mine", &c, &f->err));
	assert_int_equal(act(f, FB_REPEAT_IDEMPOTENT), FB_ACT_DO);
	assert_int_equal(fixture_number(f, "SELECT epoch FROM actions"), 2);
	OK(fb_journal_acted(f->j, &key, NULL, &f->err));
	assert_int_equal(act(f, FB_REPEAT_IDEMPOTENT), FB_ACT_DONE);
}

static void an_action_that_can_be_probed_is_unsure_until_someone_looked(void **state)
{
	struct fixture *f = *state;
	char *result;

	fixture_start_ours(f, "mine");
	assert_null(fb_journal_act_result(f->j, &key));
	assert_int_equal(act(f, FB_REPEAT_PROBE), FB_ACT_DO);
	assert_int_equal(act(f, FB_REPEAT_PROBE), FB_ACT_UNSURE);
	assert_int_equal(act(f, FB_REPEAT_PROBE), FB_ACT_UNSURE);
	assert_int_equal(act(f, FB_REPEAT_AGAIN), FB_ACT_DO);
	assert_int_equal(act(f, FB_REPEAT_PROBE), FB_ACT_UNSURE);
	assert_null(fb_journal_act_result(f->j, &key));
	OK(fb_journal_acted(f->j, &key, "weight 0", &f->err));
	assert_int_equal(act(f, FB_REPEAT_PROBE), FB_ACT_DONE);
	result = fb_journal_act_result(f->j, &key);
	assert_string_equal(result, "weight 0");
	fb_free(result);
}

static void an_action_that_is_made_once_is_never_made_again(void **state)
{
	struct fixture *f = *state;
	struct fb_action_row *v;
	size_t n;

	fixture_start_ours(f, "mine");
	assert_int_equal(act(f, FB_REPEAT_ONCE), FB_ACT_DO);
	assert_int_equal(act(f, FB_REPEAT_ONCE), FB_ACT_NO);
	assert_non_null(strstr(f->err.text, "send users to blue"));
	assert_non_null(strstr(f->err.text, "look whether it was"));
	assert_int_equal(act(f, FB_REPEAT_AGAIN), FB_ACT_NO);
	assert_int_equal(act(f, FB_REPEAT_IDEMPOTENT), FB_ACT_NO);
	OK(fb_journal_actions(f->j, "mine", &v, &n, &f->err));
	assert_int_equal(n, 1);
	assert_string_equal(v[0].state, "intended");
	assert_non_null(strstr(v[0].text, "send users to blue (begun "));
	assert_non_null(strstr(v[0].text, "look whether it was made"));
	assert_null(strstr(strstr(v[0].text, "look whether") + 1, "look whether"));
	fb_actions_free(v, n);
	OK(fb_journal_acted(f->j, &key, NULL, &f->err));
	assert_int_equal(act(f, FB_REPEAT_ONCE), FB_ACT_DONE);
}

static void doing_and_undoing_are_two_actions(void **state)
{
	struct fixture *f = *state;
	struct fb_action_key undo = key;

	undo.undo = true;
	fixture_start_ours(f, "mine");
	assert_int_equal(act(f, FB_REPEAT_PROBE), FB_ACT_DO);
	OK(fb_journal_acted(f->j, &key, NULL, &f->err));
	assert_int_equal(fb_journal_act(f->j, &undo, FB_REPEAT_PROBE, "back", false, &f->err), FB_ACT_DO);
	assert_int_equal(act(f, FB_REPEAT_PROBE), FB_ACT_DONE);
}

static void a_dry_run_notes_and_never_lets_do(void **state)
{
	struct fixture *f = *state;

	fixture_start_ours(f, "mine");
	assert_int_equal(fb_journal_act(f->j, &key, FB_REPEAT_ONCE, "t", true, &f->err), FB_ACT_DRY);
	assert_int_equal(fb_journal_act(f->j, &key, FB_REPEAT_ONCE, "t", true, &f->err), FB_ACT_DRY);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM actions WHERE state = 'dry'"), 1);
	assert_int_equal(fb_journal_acted(f->j, &key, NULL, &f->err), -1);
	assert_int_equal(act(f, FB_REPEAT_ONCE), FB_ACT_DO);
}

static void an_action_with_an_unknown_way_to_repeat_is_refused(void **state)
{
	struct fixture *f = *state;

	fixture_start_ours(f, "mine");
	assert_int_equal(fb_journal_act(f->j, &key, 0, "t", false, &f->err), -1);
	assert_int_equal(fb_journal_act(f->j, &key, 5, "t", false, &f->err), -1);
	assert_int_equal(fb_journal_acted(f->j, &key, NULL, &f->err), -1);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM actions"), 0);
}

/* ---- facts ---- */

static void facts_have_scopes_and_memory_outlives_its_execution(void **state)
{
	struct fixture *f = *state;
	char *text;

	fixture_start_ours(f, "mine");
	OK(fb_journal_fact_set(f->j, "", "k", "all", &f->err));
	OK(fb_journal_fact_set(f->j, "service/web", "k", "web's", &f->err));
	OK(fb_journal_fact_set(f->j, "", "gone", "x", &f->err));
	OK(fb_journal_fact_set(f->j, "", "gone", NULL, &f->err));
	OK(fb_journal_memory_set(f->j, "production", "web", "side", "blue", &f->err));
	text = fb_journal_facts(f->j, "mine", &f->err);
	assert_string_equal(text, "{\"\":{\"k\":\"all\"},\"service/web\":{\"k\":\"web's\"}}");
	fb_free(text);
	assert_null(fb_journal_fact(f->j, "other", "", "k"));
	OK(fb_journal_status(f->j, "completed", true, 0, &f->err));
	OK(fixture_start(f, f->j, "next", "running", "web", NULL, NULL));
	assert_null(fb_journal_fact(f->j, "next", "", "k"));
	text = fb_journal_memory(f->j, "production", "web", "side");
	assert_string_equal(text, "blue");
	fb_free(text);
	assert_null(fb_journal_memory(f->j, "staging", "web", "side"));
}

/* ---- releases ---- */

static void expect_good(struct fixture *f, const char *release)
{
	struct fb_release_row r = {0};
	int code = fb_journal_last_good(f->j, "production", "web", &r, &f->err);

	if (!release) {
		assert_int_equal(code, 1);
		return;
	}
	assert_int_equal(code, 0);
	assert_string_equal(r.release, release);
	fb_release_clear(&r);
}

/* One execution that makes up to two statements about releases. */
static void execute(struct fixture *f, const char *id, const char *a, const char *a_status, const char *b, const char *b_status)
{
	fixture_start_ours(f, id);
	OK(fb_journal_release(f->j, "production", "web", a, "deploying", false, NULL, &f->err));
	OK(fb_journal_release(f->j, "production", "web", a, a_status, !b, "{}", &f->err));
	if (b)
		OK(fb_journal_release(f->j, "production", "web", b, b_status, true, "{}", &f->err));
	OK(fb_journal_status(f->j, "completed", true, 0, &f->err));
}

static void the_last_good_release_is_the_newest_that_did_not_fail_later(void **state)
{
	struct fixture *f = *state;

	expect_good(f, NULL);
	execute(f, "1", "v1", "good", NULL, NULL);
	expect_good(f, "v1");
	execute(f, "2", "v2", "good", NULL, NULL);
	expect_good(f, "v2");
	execute(f, "3", "v3", "failed", "v2", "good");
	expect_good(f, "v2");
	/* v2 rolled back by hand */
	execute(f, "4", "v2", "failed", "v1", "good");
	expect_good(f, "v1");
	execute(f, "5", "v2", "good", NULL, NULL);
	expect_good(f, "v2");
	/* and failed again: what was good before that counts no more */
	execute(f, "6", "v2", "failed", NULL, NULL);
	expect_good(f, "v1");
	/* A deployment that is under way hides nothing. */
	fixture_start_ours(f, "7");
	OK(fb_journal_release(f->j, "production", "web", "v1", "deploying", false, NULL, &f->err));
	expect_good(f, "v1");
	OK(fb_journal_release(f->j, "production", "web", "v1", "failed", false, NULL, &f->err));
	expect_good(f, NULL);
}

static void one_release_is_good_and_one_is_live(void **state)
{
	struct fixture *f = *state;
	struct fb_release_row *v;
	size_t n;

	execute(f, "1", "v1", "good", NULL, NULL);
	execute(f, "2", "v2", "good", NULL, NULL);
	execute(f, "3", "v3", "failed", "v2", "good");
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM releases WHERE status = 'good'"), 1);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM releases WHERE live"), 1);
	OK(fb_journal_releases(f->j, "production", "web", NULL, 2, &v, &n, &f->err));
	assert_int_equal(n, 2);
	assert_string_equal(v[0].release, "v2");
	assert_string_equal(v[0].status, "good");
	assert_string_equal(v[0].execution, "3");
	assert_true(v[0].live);
	assert_string_equal(v[1].release, "v3");
	assert_string_equal(v[1].status, "failed");
	fb_releases_free(v, n);
	OK(fb_journal_releases(f->j, "production", "web", "v1", 0, &v, &n, &f->err));
	assert_int_equal(n, 1);
	assert_string_equal(v[0].status, "superseded");
	fb_releases_free(v, n);
	OK(fixture_start(f, f->j, "4", "running", "db", NULL, NULL));
	OK(fb_journal_services(f->j, NULL, &v, &n, &f->err));
	assert_int_equal(n, 2);
	assert_string_equal(v[0].service, "db");
	assert_null(v[0].release);
	assert_string_equal(v[1].service, "web");
	assert_string_equal(v[1].release, "v2");
	fb_releases_free(v, n);
	OK(fb_journal_services(f->j, "staging", &v, &n, &f->err));
	assert_int_equal(n, 0);
	fb_releases_free(v, n);
}

static void which_release_came_later_does_not_depend_on_the_clock(void **state)
{
	struct fixture *f = *state;

	execute(f, "1", "v1", "good", NULL, NULL);
	fixture_sql(f, "UPDATE releases SET at_ms = 99999999999999");
	execute(f, "2", "v2", "good", NULL, NULL);
	expect_good(f, "v2");
}

static void a_release_is_adopted_without_an_execution_unless_the_service_is_claimed(void **state)
{
	struct fixture *f = *state;
	struct fb_journal *other = fixture_open(f, FB_JOURNAL_WRITE);

	OK(fb_journal_release(other, "production", "web", "v0", "good", true, "{}", &f->err));
	expect_good(f, "v0");
	fixture_start_ours(f, "mine");
	assert_int_equal(fb_journal_release(other, "production", "web", "v1", "good", true, "{}", &f->err), -1);
	assert_int_equal(f->err.code, FB_EXIT_REFUSED);
	assert_non_null(strstr(f->err.text, "claimed by execution mine"));
	assert_int_equal(fb_journal_release(f->j, "production", "web", "v1", "nice", true, "{}", &f->err), -1);
	fb_journal_close(other);
}

/* ---- processes, events, outbox, documents ---- */

static void processes_are_listed_until_they_are_gone(void **state)
{
	struct fixture *f = *state;
	struct fb_proc host = {4711, 12}, service = {4712, 13};
	struct fb_process_row *v;
	size_t n;

	fixture_start_ours(f, "mine");
	OK(fb_journal_process(f->j, "host", NULL, NULL, "check-http", &host, &f->err));
	OK(fb_journal_process(f->j, "service", "production", "web", "web-blue", &service, &f->err));
	OK(fb_journal_processes(f->j, "mine", NULL, NULL, NULL, NULL, &v, &n, &f->err));
	assert_int_equal(n, 2);
	fb_processes_free(v, n);
	OK(fb_journal_processes(f->j, NULL, "service", "production", "web", "web-blue", &v, &n, &f->err));
	assert_int_equal(n, 1);
	assert_int_equal(v[0].proc.pid, 4712);
	assert_int_equal(v[0].proc.start, 13);
	assert_string_equal(v[0].boot_id, fb_clock_boot_id());
	assert_string_equal(v[0].execution, "mine");
	fb_processes_free(v, n);
	OK(fb_journal_process_gone(f->j, &host, &f->err));
	OK(fb_journal_processes(f->j, NULL, "host", NULL, NULL, NULL, &v, &n, &f->err));
	assert_int_equal(n, 0);
	fb_processes_free(v, n);
}

static void events_are_numbered_and_followed(void **state)
{
	struct fixture *f = *state;
	struct fb_event_row *v;
	int64_t a, b;
	size_t n;

	fixture_start_ours(f, "mine");
	OK(fb_journal_event(f->j, "link.started", "plan/1", "Build", "{\"seq\":1}", &a, &f->err));
	OK(fb_journal_event(f->j, "link.completed", "plan/1", "Build", NULL, &b, &f->err));
	assert_true(b > a);
	assert_int_equal(fb_journal_event(f->j, "link.exploded", NULL, "x", NULL, NULL, &f->err), -1);
	assert_non_null(strstr(f->err.text, "not in the list of events"));
	OK(fb_journal_events(f->j, "mine", a, 10, &v, &n, &f->err));
	assert_int_equal(n, 1);
	assert_int_equal(v[0].seq, b);
	assert_string_equal(v[0].name, "link.completed");
	assert_string_equal(v[0].execution, "mine");
	assert_null(v[0].data);
	fb_events_free(v, n);
	OK(fb_journal_events(f->j, NULL, 0, 1, &v, &n, &f->err));
	assert_int_equal(n, 1);
	assert_string_equal(v[0].link, "plan/1");
	fb_events_free(v, n);
}

static void the_outbox_takes_an_event_for_a_notifier_once(void **state)
{
	struct fixture *f = *state;
	struct fb_outbox_row *v;
	size_t n;

	fixture_start_ours(f, "mine");
	OK(fb_journal_outbox_add(f->j, "slack", "rollback.started", "e1", "{}", &f->err));
	OK(fb_journal_outbox_add(f->j, "slack", "rollback.started", "e1", "{}", &f->err));
	OK(fb_journal_outbox_add(f->j, "mail", "rollback.started", "e1", "{}", &f->err));
	OK(fb_journal_outbox(f->j, "mine", true, &v, &n, &f->err));
	assert_int_equal(n, 2);
	OK(fb_journal_outbox_set(f->j, v[0].id, "waiting", "429", 5000, &f->err));
	OK(fb_journal_outbox_set(f->j, v[1].id, "sent", NULL, 0, &f->err));
	assert_int_equal(fb_journal_outbox_set(f->j, v[1].id, "lost", NULL, 0, &f->err), -1);
	assert_int_equal(fb_journal_outbox_set(f->j, 999, "sent", NULL, 0, &f->err), -1);
	fb_outbox_free(v, n);
	OK(fb_journal_outbox(f->j, NULL, true, &v, &n, &f->err));
	assert_int_equal(n, 1);
	assert_string_equal(v[0].notifier, "slack");
	assert_string_equal(v[0].text, "429");
	assert_int_equal(v[0].attempts, 1);
	assert_int_equal(v[0].next_ms, 5000);
	fb_outbox_free(v, n);
	/* After the end, what is left is delivered by whoever flushes. */
	OK(fb_journal_status(f->j, "completed", true, 0, &f->err));
	OK(fb_journal_outbox_add(f->j, "mail", "execution.ended", "e2", "{}", &f->err));
	struct fb_journal *other = fixture_open(f, FB_JOURNAL_WRITE);
	OK(fb_journal_outbox_set(other, 1, "sent", NULL, 0, &f->err));
	fb_journal_close(other);
}

static int sets_outbox(struct fixture *f, struct fb_journal *j)
{
	return fb_journal_outbox_set(j, 1, "sent", NULL, 0, &f->err) == -1 && f->err.code == FB_EXIT_INTERRUPTED ? 0 : 1;
}

static void the_outbox_of_a_living_engine_is_left_to_it(void **state)
{
	struct fixture *f = *state;

	fixture_start_ours(f, "mine");
	OK(fb_journal_outbox_add(f->j, "slack", "rollback.started", "e1", "{}", &f->err));
	assert_int_equal(fixture_in_child(f, sets_outbox), 0);
}

static void documents_and_moments_come_back(void **state)
{
	struct fixture *f = *state;
	char *text;

	fixture_start_ours(f, "mine");
	OK(fb_journal_document_set(f->j, "impact", "{\"user_impact\":\"ZERO\"}", &f->err));
	OK(fb_journal_document_set(f->j, "impact", "{\"user_impact\":\"SOME\"}", &f->err));
	text = fb_journal_document(f->j, "mine", "impact");
	assert_string_equal(text, "{\"user_impact\":\"SOME\"}");
	fb_free(text);
	assert_null(fb_journal_document(f->j, "mine", "none"));
	OK(fb_journal_clock(f->j, "detected", 1000, 50, &f->err));
	text = fb_journal_clocks(f->j, "mine", &f->err);
	assert_non_null(strstr(text, "\"detected\":{\"wall_ms\":1000,\"boot_ms\":50"));
	fb_free(text);
}

/* ---- indexes ---- */

struct plan {
	struct fixture *f;
	int asked;
	char *bad;
};

/* A walk along the key that ends with LIMIT is fine, as is one along a partial index of what is open; to read a whole table, or to sort
 * what LIMIT then throws away, is not. */
static bool is_bad(const char *line, const char *sql)
{
	bool limit = strstr(sql, " LIMIT "), scan = strncmp(line, "SCAN ", 5) == 0 && !strstr(line, "CONSTANT ROW") && !strstr(line, "sqlite_sequence");

	if (strstr(line, "TEMP B-TREE FOR ORDER BY"))
		return limit;
	return scan && !limit && !strstr(line, "outbox_waiting") && !strstr(line, "processes_there") && !strstr(line, "executions_unfinished");
}

/* Each statement that is stepped is explained on a second connection. */
static int explain(unsigned what, void *ctx, void *stmt, void *sql)
{
	struct plan *p = ctx;
	sqlite3 *h;
	sqlite3_stmt *s;
	char *text;

	(void)what;
	(void)sql;
	if (strncmp(sqlite3_sql(stmt), "SELECT", 6) != 0 && strncmp(sqlite3_sql(stmt), "UPDATE", 6) != 0)
		return 0;
	assert_int_equal(sqlite3_open_v2(p->f->db, &h, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	text = fb_asprintf("EXPLAIN QUERY PLAN %s", sqlite3_sql(stmt));
	assert_int_equal(sqlite3_prepare_v2(h, text, -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW) {
		const char *line = (const char *)sqlite3_column_text(s, 3);

		if (is_bad(line, sqlite3_sql(stmt))) {
			fb_free(p->bad);
			p->bad = fb_asprintf("%s\n  %s", line, sqlite3_sql(stmt));
		}
	}
	p->asked++;
	sqlite3_finalize(s);
	sqlite3_close(h);
	fb_free(text);
	return 0;
}

/* The journal's own connection, by way of SQLite's hook for new ones. */
static struct plan plan;
static int hook(sqlite3 *h, char **text, const void *api)
{
	(void)text;
	(void)api;
	return sqlite3_trace_v2(h, SQLITE_TRACE_STMT, explain, &plan);
}

#define WITH_INDEX(call) with_index(f, (call), #call)
static void with_index(struct fixture *f, int r, const char *call)
{
	if (r < 0)
		fail_msg("%s: %s", call, f->err.text);
	if (plan.bad)
		fail_msg("%s: %s", call, plan.bad);
	if (!plan.asked)
		fail_msg("%s: no statement was seen", call);
	plan.asked = 0;
}

static void rollbacks_are_counted_as_they_end(void **state)
{
	struct fixture *f = *state;
	struct fb_tally t;

	OK(fb_journal_tally(f->j, "production", &t, &f->err));
	assert_int_equal(t.rollbacks, 0);
	assert_int_equal(t.last_ended_ms, 0);
	fixture_start_ours(f, "1");
	OK(fb_journal_status(f->j, "failed_with_rollback", false, -1, &f->err));
	OK(fb_journal_tally(f->j, "production", &t, &f->err));
	assert_int_equal(t.rollbacks, 0); /* it has not ended */
	OK(fb_journal_status(f->j, "failed_with_rollback", true, 3, &f->err));
	OK(fb_journal_tally(f->j, "production", &t, &f->err));
	assert_int_equal(t.rollbacks, 1);
	assert_true(t.last_ended_ms > 0);
	OK(fb_journal_status(f->j, "rollback_incomplete", true, 4, &f->err)); /* one still */
	OK(fb_journal_tally(f->j, "production", &t, &f->err));
	assert_int_equal(t.rollbacks, 1);
	OK(fb_journal_status(f->j, "completed", true, 0, &f->err)); /* a deployment that went well is none */
	OK(fb_journal_tally(f->j, "production", &t, &f->err));
	assert_int_equal(t.rollbacks, 0);
	OK(fb_journal_tally(f->j, "staging", &t, &f->err));
	assert_int_equal(t.rollbacks, 0);
}

static void what_is_asked_often_is_found_by_an_index(void **state)
{
	struct fixture *f = *state;
	struct fb_release_row row;
	struct fb_execution *e;
	struct fb_link_row *l;
	struct fb_event_row *v;
	struct fb_outbox_row *o;
	struct fb_process_row *p;
	struct fb_proc proc = {4711, 12};
	struct fb_tally tally;
	size_t n;

	execute(f, "1", "v1", "good", NULL, NULL);
	fb_journal_close(f->j);
	plan = (struct plan){.f = f};
	sqlite3_auto_extension((void (*)(void))hook);
	f->j = fixture_open(f, FB_JOURNAL_WRITE);
	sqlite3_cancel_auto_extension((void (*)(void))hook);
	fb_free(plan.bad);
	plan.bad = NULL;
	plan.asked = 0;
	fixture_start_ours(f, "2");
	WITH_INDEX(0);
	WITH_INDEX(fb_journal_last_good(f->j, "production", "web", &row, &f->err));
	fb_release_clear(&row);
	WITH_INDEX(fb_journal_executions(f->j, &(struct fb_execution_filter){.limit = 20}, &e, &n, &f->err));
	fb_executions_free(e, n);
	WITH_INDEX(fb_journal_executions(f->j, &(struct fb_execution_filter){.limit = 20, .service = "web"}, &e, &n, &f->err));
	fb_executions_free(e, n);
	WITH_INDEX(fb_journal_executions(f->j, &(struct fb_execution_filter){.limit = 20, .environment = "production"}, &e, &n, &f->err));
	fb_executions_free(e, n);
	WITH_INDEX(fb_journal_executions(f->j, &(struct fb_execution_filter){.unfinished = true}, &e, &n, &f->err));
	fb_executions_free(e, n);
	WITH_INDEX(fb_journal_tally(f->j, "production", &tally, &f->err));
	WITH_INDEX(fb_journal_links(f->j, "2", &l, &n, &f->err));
	fb_links_free(l, n);
	WITH_INDEX(fb_journal_events(f->j, "2", 0, 100, &v, &n, &f->err));
	fb_events_free(v, n);
	WITH_INDEX(fb_journal_events(f->j, NULL, 0, 100, &v, &n, &f->err));
	fb_events_free(v, n);
	WITH_INDEX(fb_journal_outbox(f->j, NULL, true, &o, &n, &f->err));
	fb_outbox_free(o, n);
	WITH_INDEX(fb_journal_processes(f->j, "2", NULL, NULL, NULL, NULL, &p, &n, &f->err));
	fb_processes_free(p, n);
	WITH_INDEX(fb_journal_processes(f->j, NULL, "service", "production", "web", "x", &p, &n, &f->err));
	fb_processes_free(p, n);
	WITH_INDEX(fb_journal_process_gone(f->j, &proc, &f->err));
	WITH_INDEX(fb_journal_release(f->j, "production", "web", "v2", "good", true, "{}", &f->err));
	WITH_INDEX(fb_journal_act(f->j, &key, FB_REPEAT_PROBE, "t", false, &f->err));
	WITH_INDEX(fb_journal_status(f->j, "completed", true, 0, &f->err));
	WITH_INDEX(fb_journal_audit(f->j, NULL, "engine", "x", NULL, &f->err));
	fb_free(plan.bad);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		T(a_link_comes_back_as_it_was_written),
		T(an_idempotent_action_that_is_unsure_is_made_again),
		T(an_action_that_can_be_probed_is_unsure_until_someone_looked),
		T(an_action_that_is_made_once_is_never_made_again),
		T(doing_and_undoing_are_two_actions),
		T(a_dry_run_notes_and_never_lets_do),
		T(an_action_with_an_unknown_way_to_repeat_is_refused),
		T(facts_have_scopes_and_memory_outlives_its_execution),
		T(the_last_good_release_is_the_newest_that_did_not_fail_later),
		T(one_release_is_good_and_one_is_live),
		T(which_release_came_later_does_not_depend_on_the_clock),
		T(a_release_is_adopted_without_an_execution_unless_the_service_is_claimed),
		T(processes_are_listed_until_they_are_gone),
		T(events_are_numbered_and_followed),
		T(the_outbox_takes_an_event_for_a_notifier_once),
		T(the_outbox_of_a_living_engine_is_left_to_it),
		T(documents_and_moments_come_back),
		T(rollbacks_are_counted_as_they_end),
		T(what_is_asked_often_is_found_by_an_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
