/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals: asked by the engine, decided by anybody, void when what they were asked for has changed. */
#include "journal/internal.h"

#include "base/clock.h"

int fb_journal_approval_ask(struct fb_journal *j, const char *link, const char *risk, struct fb_err *err)
{
	int r;

	if (fb_txn_begin_own(j, FB_DURABLE, err) < 0)
		return -1;
	r = fb_db_run(j, err, "INSERT OR REPLACE INTO approvals (execution, link, risk, decision, asked_ms, decided_ms) VALUES (?1, ?2, ?3, 'waiting', ?4, 0)", "itti", j->n,
		      link ? link : "", risk, fb_clock_wall_ms());
	return fb_txn_end(j, r, err);
}

/* Who decides against it ends an execution that nobody carries out: there is no engine to do so. */
static int settle(struct fb_journal *j, int64_t n, const char *decision, const char *by, const char *text, struct fb_err *err)
{
	if (fb_db_run(j, err, "UPDATE approvals SET decision = ?2, decided_by = ?3, text = ?4, decided_ms = ?5 WHERE execution = ?1 AND decision = 'waiting'", "ittti", n, decision, by, text,
		      fb_clock_wall_ms()) < 0)
		return -1;
	if (fb_streq(decision, "approved"))
		return 0;
	if (fb_db_run(j, err, "UPDATE executions SET status = 'refused' WHERE n = ?1 AND status = 'waiting_approval' AND ended_ms = 0", "i", n) < 0)
		return -1;
	return j->changes ? fb_execution_end(j, n, "refused", FB_EXIT_REFUSED, err) : 0;
}

static int is_waiting(struct fb_journal *j, int64_t n, bool *ret_waits, bool *ret_holds, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err, "SELECT (SELECT count(*) FROM approvals WHERE execution = ?1 AND decision = 'waiting'), (SELECT count(*) FROM claims WHERE execution = ?1)", "i", n);

	if (!s || fb_db_step(j, s, err) < 1)
		return -1;
	*ret_waits = sqlite3_column_int64(s, 0) > 0;
	*ret_holds = sqlite3_column_int64(s, 1) > 0;
	fb_db_done(s);
	return 0;
}

static int decide(struct fb_journal *j, const char *execution, bool approved, const char *by, const char *text, char *ret_changed, struct fb_err *err)
{
	int64_t n = fb_execution_number(j, execution, err);
	const char *decision = approved ? "approved" : "rejected";
	bool waits, holds;
	int changed = 0;

	if (n < 0)
		return -1;
	if (n == 0)
		return fb_err_set(err, FB_EXIT_REFUSED, "there is no execution %s: failback status shows those that wait for a decision", execution), 1;
	if (is_waiting(j, n, &waits, &holds, err) < 0)
		return -1;
	if (!waits)
		return fb_err_set(err, FB_EXIT_REFUSED, "execution %s does not wait for a decision: failback show %s tells how it went on", execution, execution), 1;
	/* While it holds its services nobody else can have changed them. */
	if (approved && !holds)
		changed = fb_claims_changed(j, n, ret_changed, err);
	if (changed < 0)
		return -1;
	if (changed)
		decision = "void";
	if (settle(j, n, decision, by, text, err) < 0 || fb_audit_add(j, execution, by ? by : "engine", changed ? "approval.void" : approved ? "approval.approved" : "approval.rejected", text, err) < 0)
		return -1;
	return changed;
}

int fb_journal_approval_decide(struct fb_journal *j, const char *execution, bool approved, const char *by, const char *text, struct fb_err *err)
{
	char service[64] = "";
	int r;

	if (fb_txn_begin(j, FB_DURABLE, err) < 0)
		return -1;
	r = fb_txn_end(j, decide(j, execution, approved, by, text, service, err), err);
	if (r == 1 && service[0])
		fb_err_set(err, FB_EXIT_REFUSED, "the approval of %s is void: service %s has been changed by another execution since it was asked for: start it anew", execution, service);
	return r;
}

static void fill(sqlite3_stmt *s, void *row)
{
	struct fb_approval_row *r = row;

	r->execution = fb_db_text_or_empty(s, 0);
	r->link = fb_db_text(s, 1);
	r->risk = fb_db_text(s, 2);
	r->decision = fb_db_text_or_empty(s, 3);
	r->by = fb_db_text(s, 4);
	r->text = fb_db_text(s, 5);
	r->asked_ms = sqlite3_column_int64(s, 6);
	r->decided_ms = sqlite3_column_int64(s, 7);
}

int fb_journal_approvals(struct fb_journal *j, const char *execution, struct fb_approval_row **ret, size_t *ret_n, struct fb_err *err)
{
	char *sql = fb_asprintf("SELECT e.id, NULLIF(a.link, ''), a.risk, a.decision, a.decided_by, a.text, a.asked_ms, a.decided_ms FROM approvals a JOIN executions e ON e.n = a.execution"
				" WHERE %s ORDER BY a.execution, a.link",
				execution ? "a.execution = (SELECT n FROM executions WHERE id = ?1)" : "?1 IS NULL");
	sqlite3_stmt *s = fb_db_query(j, err, sql, "t", execution);
	void *rows;
	int r = fb_db_list(j, s, sizeof **ret, fill, &rows, ret_n, err);

	fb_free(sql);
	*ret = rows;
	if (r < 0) {
		fb_approvals_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}

void fb_approvals_free(struct fb_approval_row *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *const texts[] = {v[i].execution, v[i].link, v[i].risk, v[i].decision, v[i].by, v[i].text};

		for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
			fb_free(texts[t]);
	}
	fb_free(v);
}
