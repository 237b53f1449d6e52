/* SPDX-License-Identifier: Apache-2.0 */
/* The audit: what verify finds. */
#include "journal_fixture.h"

static const char no_triggers[] = "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete";

static void write_rows(struct fixture *f, int n)
{
	char detail[32];

	for (int i = 1; i <= n; i++) {
		snprintf(detail, sizeof detail, "row %d", i);
		OK(fb_journal_audit(f->j, i % 2 ? "some-execution" : NULL, "user ada", "tried", i % 3 ? detail : NULL, &f->err));
	}
}

static int verify(struct fixture *f, const char *head)
{
	char now[65];
	int64_t rows;

	return fb_journal_audit_verify(f->j, head, &rows, now, &f->err);
}

static void expect_broken(struct fixture *f, const char *text)
{
	assert_int_equal(verify(f, NULL), 1);
	if (!strstr(f->err.text, text))
		fail_msg("expected '%s' in: %s", text, f->err.text);
}

static void a_whole_audit_is_verified_and_holds_every_head_it_ever_had(void **state)
{
	struct fixture *f = *state;
	char early[65], head[65], verified[65];
	int64_t rows;

	OK(fb_journal_audit_head(f->j, head, &rows, &f->err));
	assert_string_equal(head, "");
	assert_int_equal(rows, 0);
	OK(verify(f, NULL));
	write_rows(f, 3);
	OK(fb_journal_audit_head(f->j, early, &rows, &f->err));
	write_rows(f, 4);
	OK(fb_journal_audit_head(f->j, head, &rows, &f->err));
	assert_int_equal(rows, 7);
	assert_int_equal(strlen(head), 64);
	assert_string_not_equal(head, early);
	OK(fb_journal_audit_verify(f->j, early, &rows, verified, &f->err));
	assert_int_equal(rows, 7);
	assert_string_equal(verified, head);
	OK(verify(f, head));
	assert_int_equal(verify(f, "0000000000000000000000000000000000000000000000000000000000000000"), 1);
	assert_non_null(strstr(f->err.text, "none with the head 0000"));
}

static void an_edited_row_is_named(void **state)
{
	struct fixture *f = *state;
	static const char *const edits[] = {"detail = 'nothing'", "detail = NULL", "actor = 'user bob'", "action = 'did'", "at_ms = at_ms + 1", "execution = NULL", "execution = ''"};

	write_rows(f, 5);
	fixture_sql(f, no_triggers);
	fixture_sql(f, "CREATE TABLE kept AS SELECT * FROM audit");
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		char *sql = fb_asprintf("UPDATE audit SET %s WHERE seq = 5", edits[i]);

		fixture_sql(f, sql);
		fb_free(sql);
		expect_broken(f, "at row 5: the row was edited");
		fixture_sql(f, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
		OK(verify(f, NULL));
	}
}

static void a_dropped_row_is_named_wherever_it_was(void **state)
{
	struct fixture *f = *state;
	char head[65];
	int64_t rows;

	write_rows(f, 5);
	OK(fb_journal_audit_head(f->j, head, &rows, &f->err));
	fixture_sql(f, no_triggers);
	fixture_sql(f, "CREATE TABLE kept AS SELECT * FROM audit");
	fixture_sql(f, "DELETE FROM audit WHERE seq = 3");
	expect_broken(f, "row 3 was dropped");
	fixture_sql(f, "UPDATE audit SET seq = seq - 1 WHERE seq > 3");
	expect_broken(f, "at row 3: it does not follow the row before it");
	fixture_sql(f, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept WHERE seq > 1");
	expect_broken(f, "begins with row 2, which is not a checkpoint");
	/* The end can be cut unseen, unless somebody kept the head. */
	fixture_sql(f, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept WHERE seq < 5");
	OK(verify(f, NULL));
	assert_int_equal(verify(f, head), 1);
	assert_non_null(strstr(f->err.text, "none with the head"));
}

static void rows_that_changed_places_are_found(void **state)
{
	struct fixture *f = *state;

	write_rows(f, 5);
	fixture_sql(f, no_triggers);
	fixture_sql(f, "UPDATE audit SET seq = 100 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 100");
	expect_broken(f, "at row 2: it does not follow the row before it");
}

static void a_checkpoint_stands_for_what_was_pruned_before_it(void **state)
{
	struct fixture *f = *state;

	write_rows(f, 2);
	OK(fb_journal_audit(f->j, NULL, "engine", "audit.checkpoint", "2 rows pruned", &f->err));
	write_rows(f, 2);
	OK(verify(f, NULL));
	fixture_sql(f, no_triggers);
	fixture_sql(f, "DELETE FROM audit WHERE seq < 3");
	OK(verify(f, NULL));
	/* The checkpoint itself is held by its hash, too. */
	fixture_sql(f, "UPDATE audit SET detail = '1 row pruned' WHERE seq = 3");
	expect_broken(f, "at row 3: the row was edited");
}

static void nobody_changes_a_row_by_accident(void **state)
{
	struct fixture *f = *state;
	sqlite3 *h;
	char *text = NULL;

	write_rows(f, 1);
	assert_int_equal(sqlite3_open(f->db, &h), SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(h, "UPDATE audit SET actor = 'x'", NULL, NULL, &text), SQLITE_OK);
	assert_string_equal(text, "the audit is append-only");
	sqlite3_free(text);
	assert_int_not_equal(sqlite3_exec(h, "DELETE FROM audit", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

static void a_cancelled_change_leaves_no_audit(void **state)
{
	struct fixture *f = *state;

	OK(fb_journal_begin(f->j, &f->err));
	OK(fb_journal_audit(f->j, NULL, "engine", "x", NULL, &f->err));
	fb_journal_cancel(f->j);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM audit"), 0);
	write_rows(f, 2);
	OK(verify(f, NULL));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		T(a_whole_audit_is_verified_and_holds_every_head_it_ever_had),
		T(an_edited_row_is_named),
		T(a_dropped_row_is_named_wherever_it_was),
		T(rows_that_changed_places_are_found),
		T(a_checkpoint_stands_for_what_was_pruned_before_it),
		T(nobody_changes_a_row_by_accident),
		T(a_cancelled_change_leaves_no_audit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
