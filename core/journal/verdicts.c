/* SPDX-License-Identifier: Apache-2.0 */
/* What people said of a cause: each word is a row that stays; the newest of an execution counts. And which deployment went well after a failure. */
#include "journal/internal.h"

#include <jansson.h>

#include "base/clock.h"

#define VERDICT_COLUMNS                                                                                                                                            \
	"e.id, e.environment, v.verdict, v.type, v.cause, v.signature, v.said_type, v.said_cause, v.said_signature, v.fix, v.command, v.worked, v.said_by, v.at_ms, v.service"

static void fill(sqlite3_stmt *s, void *row)
{
	struct fb_verdict_row *r = row;

	r->execution = fb_db_text_or_empty(s, 0);
	r->environment = fb_db_text_or_empty(s, 1);
	r->verdict = fb_db_text_or_empty(s, 2);
	r->type = fb_db_text_or_empty(s, 3);
	r->cause = fb_db_text(s, 4);
	r->signature = fb_db_text(s, 5);
	r->said_type = fb_db_text(s, 6);
	r->said_cause = fb_db_text(s, 7);
	r->said_signature = fb_db_text(s, 8);
	r->fix = fb_db_text(s, 9);
	r->command = fb_db_text(s, 10);
	r->worked = sqlite3_column_int(s, 11) != 0;
	r->by = fb_db_text_or_empty(s, 12);
	r->at_ms = sqlite3_column_int64(s, 13);
	r->service = fb_db_text(s, 14);
}

static int list(struct fb_journal *j, sqlite3_stmt *s, struct fb_verdict_row **ret, size_t *ret_n, struct fb_err *err)
{
	void *rows;
	int r = fb_db_list(j, s, sizeof **ret, fill, &rows, ret_n, err);

	*ret = rows;
	if (r < 0) {
		fb_verdicts_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}

int fb_journal_verdicts(struct fb_journal *j, const char *execution, struct fb_verdict_row **ret, size_t *ret_n, struct fb_err *err)
{
	return list(j,
		    fb_db_query(j, err, "SELECT " VERDICT_COLUMNS " FROM verdicts v JOIN executions e ON e.n = v.execution WHERE v.execution = (SELECT n FROM executions WHERE id = ?1)"
					" ORDER BY v.seq DESC", "t", execution),
		    ret, ret_n, err);
}

/* Those of executions that touched a service of this one, in its environment; what a person tied to a service that this one does not touch is not among them. */
int fb_journal_verdicts_near(struct fb_journal *j, const char *execution, int limit, struct fb_verdict_row **ret, size_t *ret_n, struct fb_err *err)
{
	return list(j,
		    fb_db_query(j, err,
				"WITH own(service) AS (SELECT t.service FROM touched t WHERE t.execution = (SELECT n FROM executions WHERE id = ?1)),"
				" newest(seq) AS (SELECT max(seq) FROM verdicts GROUP BY execution)"
				" SELECT " VERDICT_COLUMNS " FROM newest JOIN verdicts v ON v.seq = newest.seq JOIN executions e ON e.n = v.execution"
				" WHERE e.environment = (SELECT environment FROM executions WHERE id = ?1) AND e.id <> ?1"
				" AND CASE WHEN v.service IS NULL THEN EXISTS (SELECT 1 FROM touched t JOIN own ON own.service = t.service WHERE t.execution = e.n)"
				" ELSE v.service IN (SELECT service FROM own) END ORDER BY v.seq DESC LIMIT ?2",
				"td", execution, limit),
		    ret, ret_n, err);
}

void fb_verdicts_free(struct fb_verdict_row *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *const texts[] = {v[i].execution, v[i].environment, v[i].verdict, v[i].type, v[i].cause, v[i].signature, v[i].said_type, v[i].said_cause, v[i].said_signature,
				       v[i].fix, v[i].command, v[i].by, v[i].service};

		for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
			fb_free(texts[t]);
	}
	fb_free(v);
}

static bool is_same(const struct fb_verdict_row *a, const struct fb_verdict_row *b)
{
	return fb_streq(a->verdict, b->verdict) && fb_streq(a->type, b->type) && fb_streq(a->cause, b->cause) && fb_streq(a->signature, b->signature) && fb_streq(a->fix, b->fix) &&
	       fb_streq(a->command, b->command) && a->worked == b->worked;
}

/* For the audit: what was said, without the free text, which is in the row. */
static char *detail(const struct fb_verdict_row *v)
{
	json_t *d = json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:b}", "type", v->type, "signature", v->signature, "said_type", v->said_type, "said_signature", v->said_signature, "fix", v->fix,
			      "worked", v->worked);
	char *text = d ? json_dumps(d, JSON_COMPACT) : NULL, *ret = fb_strdup(text);

	free(text);
	json_decref(d);
	return ret;
}

static int add(struct fb_journal *j, const struct fb_verdict_row *v, struct fb_err *err)
{
	int64_t n = fb_execution_number(j, v->execution, err);
	struct fb_verdict_row *rows;
	size_t count;
	bool same;
	char *text;
	int r;

	if (n <= 0)
		return n < 0 ? -1 : fb_err_set(err, FB_EXIT_USAGE, "there is no execution '%s': failback history shows those there are", v->execution);
	if (fb_journal_verdicts(j, v->execution, &rows, &count, err) < 0)
		return -1;
	same = count && is_same(&rows[0], v);
	fb_verdicts_free(rows, count);
	if (same)
		return 1;
	r = fb_db_run(j, err,
		      "INSERT INTO verdicts (execution, service, verdict, type, cause, signature, said_type, said_cause, said_signature, fix, command, worked, said_by, at_ms)"
		      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
		      "i" "tttttttttt" "dti", n, v->service, v->verdict, v->type, v->cause, v->signature, v->said_type, v->said_cause, v->said_signature, v->fix, v->command, (int)v->worked, v->by,
		      fb_clock_wall_ms());
	if (r < 0)
		return -1;
	text = detail(v);
	r = fb_audit_add(j, v->execution, v->by, fb_streq(v->verdict, "confirmed") ? "cause.confirmed" : "cause.corrected", text, err);
	fb_free(text);
	return r;
}

int fb_journal_verdict(struct fb_journal *j, const struct fb_verdict_row *v, struct fb_err *err)
{
	if (fb_txn_begin(j, FB_DURABLE, err) < 0)
		return -1;
	return fb_txn_end(j, add(j, v, err), err);
}

static void fill_mended(sqlite3_stmt *s, void *row)
{
	struct fb_mended_row *r = row;

	r->execution = fb_db_text_or_empty(s, 0);
	r->release = fb_db_text(s, 1);
	r->ended_ms = sqlite3_column_int64(s, 2);
	r->root_cause = fb_db_text(s, 3);
	r->by_execution = fb_db_text_or_empty(s, 4);
	r->by_release = fb_db_text(s, 5);
	r->mended_ms = sqlite3_column_int64(s, 6);
}

int fb_journal_mended(struct fb_journal *j, const char *execution, int limit, struct fb_mended_row **ret, size_t *ret_n, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err,
		"WITH me(n, environment) AS (SELECT n, environment FROM executions WHERE id = ?1),"
		" own(service) AS (SELECT t.service FROM touched t JOIN me ON t.execution = me.n),"
		" bad AS (SELECT e.n, e.id, e.release, e.ended_ms, (SELECT json_extract(l.data, '$.reported.root_cause') FROM links l WHERE l.execution = e.n AND l.plugin = 'analyze'"
		"  AND json_valid(l.data) LIMIT 1) AS cause, (SELECT min(x.n) FROM executions x JOIN touched u ON u.execution = x.n JOIN own ON own.service = u.service"
		"  WHERE x.n > e.n AND x.n < me.n AND x.environment = me.environment AND x.kind = 'deploy' AND x.status = 'completed') AS next"
		"  FROM me JOIN executions e ON e.environment = me.environment AND e.n < me.n WHERE e.kind = 'deploy' AND e.status IN ('failed', 'failed_with_rollback', 'rollback_incomplete')"
		"  AND EXISTS (SELECT 1 FROM touched t JOIN own ON own.service = t.service WHERE t.execution = e.n) ORDER BY e.n DESC LIMIT ?2)"
		" SELECT bad.id, bad.release, bad.ended_ms, bad.cause, g.id, g.release, g.ended_ms FROM bad JOIN executions g ON g.n = bad.next WHERE bad.cause IS NOT NULL ORDER BY bad.n DESC",
		"td", execution, limit);
	void *rows;
	int r = fb_db_list(j, s, sizeof **ret, fill_mended, &rows, ret_n, err);

	*ret = rows;
	if (r < 0) {
		fb_mended_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}

void fb_mended_free(struct fb_mended_row *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *const texts[] = {v[i].execution, v[i].release, v[i].root_cause, v[i].by_execution, v[i].by_release};

		for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
			fb_free(texts[t]);
	}
	fb_free(v);
}
