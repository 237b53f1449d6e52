/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Releases: what was made of each, by which execution. An execution has one row for each release of a service that it touched; the row's
 * seq is renewed whenever it changes, so that "later" never depends on the wall clock.
 */
#include "journal/internal.h"

#include "base/clock.h"

#define COLUMNS "r.environment, r.service, r.release, r.status, e.id, r.data, r.at_ms, r.live"

static bool known_status(const char *s)
{
	return fb_streq(s, "deploying") || fb_streq(s, "good") || fb_streq(s, "failed") || fb_streq(s, "superseded");
}

/* There is one good and one live release of a service at a time. */
static int make_room(struct fb_journal *j, const char *environment, const char *service, const char *release, const char *status, bool live, struct fb_err *err)
{
	int r = 0;

	if (fb_streq(status, "good"))
		r = fb_db_run(j, err, "UPDATE releases SET status = 'superseded' WHERE environment = ?1 AND service = ?2 AND status = 'good'", "tt", environment, service);
	else if (fb_streq(status, "failed"))
		r = fb_db_run(j, err, "UPDATE releases SET status = 'superseded' WHERE environment = ?1 AND service = ?2 AND status = 'good' AND release = ?3", "ttt", environment, service,
			      release);
	if (r == 0 && live)
		return fb_db_run(j, err, "UPDATE releases SET live = 0 WHERE environment = ?1 AND service = ?2 AND live = 1", "tt", environment, service);
	if (r == 0)
		return fb_db_run(j, err, "UPDATE releases SET live = 0 WHERE environment = ?1 AND service = ?2 AND live = 1 AND release = ?3", "ttt", environment, service, release);
	return r;
}

static int put(struct fb_journal *j, const char *environment, const char *service, const char *release, const char *status, bool live, const char *data, struct fb_err *err)
{
	int64_t now = fb_clock_wall_ms();

	if (fb_db_run(j, err,
		      "UPDATE releases SET seq = (SELECT max(seq) + 1 FROM releases), status = ?4, live = ?5, data = coalesce(?6, data), at_ms = ?7"
		      " WHERE seq = (SELECT max(seq) FROM releases WHERE environment = ?1 AND service = ?2 AND release = ?3) AND execution IS NULLIF(?8, 0)",
		      "ttttdtii", environment, service, release, status, (int)live, data, now, j->n) < 0)
		return -1;
	if (j->changes > 0)
		return 0;
	return fb_db_run(j, err,
			 "INSERT INTO releases (environment, service, release, status, execution, data, at_ms, live, seq)"
			 " VALUES (?1, ?2, ?3, ?4, NULLIF(?8, 0), ?6, ?7, ?5, (SELECT coalesce(max(seq), 0) + 1 FROM releases))",
			 "ttttdtii", environment, service, release, status, (int)live, data, now, j->n);
}

int fb_journal_release(struct fb_journal *j, const char *environment, const char *service, const char *release, const char *status, bool live, const char *data, struct fb_err *err)
{
	int r;

	if (!environment || !service || !release || !known_status(status))
		return fb_err_set(err, FB_EXIT_BUG, "a release without environment, service or name, or with status '%s'", status ? status : "");
	if (fb_txn_begin_any(j, FB_DURABLE, err) < 0)
		return -1;
	r = fb_claims_guard(j, environment, service, err);
	if (r == 0)
		r = fb_claims_touch(j, environment, service, err);
	if (r == 0)
		r = fb_db_run(j, err, "UPDATE services SET generation = generation + 1 WHERE environment = ?1 AND service = ?2", "tt", environment, service);
	if (r == 0)
		r = make_room(j, environment, service, release, status, live, err);
	if (r == 0)
		r = put(j, environment, service, release, status, live, data, err);
	return fb_txn_end(j, r, err);
}

static void fill(sqlite3_stmt *s, void *row)
{
	struct fb_release_row *r = row;

	r->environment = fb_db_text_or_empty(s, 0);
	r->service = fb_db_text_or_empty(s, 1);
	r->release = fb_db_text(s, 2);
	r->status = fb_db_text(s, 3);
	r->execution = fb_db_text(s, 4);
	r->data = fb_db_text(s, 5);
	r->at_ms = sqlite3_column_int64(s, 6);
	r->live = sqlite3_column_int(s, 7);
}

/* A good row counts while no later row says that the same release failed. */
int fb_journal_last_good(struct fb_journal *j, const char *environment, const char *service, struct fb_release_row *ret, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err,
				      "SELECT " COLUMNS " FROM releases r LEFT JOIN executions e ON e.n = r.execution WHERE r.environment = ?1 AND r.service = ?2"
				      " AND r.status IN ('good', 'superseded') AND NOT EXISTS (SELECT 1 FROM releases f WHERE f.environment = ?1 AND f.service = ?2 AND f.release = r.release"
				      " AND f.seq > r.seq AND f.status = 'failed') ORDER BY r.seq DESC LIMIT 1",
				      "tt", environment, service);
	int r;

	if (!s)
		return -1;
	r = fb_db_step(j, s, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return 1;
	*ret = (struct fb_release_row){0};
	fill(s, ret);
	fb_db_done(s);
	return 0;
}

static int give(struct fb_journal *j, sqlite3_stmt *s, struct fb_release_row **ret, size_t *ret_n, struct fb_err *err)
{
	void *rows;
	int r = fb_db_list(j, s, sizeof **ret, fill, &rows, ret_n, err);

	*ret = rows;
	if (r < 0) {
		fb_releases_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}

int fb_journal_releases(struct fb_journal *j, const char *environment, const char *service, const char *release, int limit, struct fb_release_row **ret, size_t *ret_n, struct fb_err *err)
{
	static const char any[] = "SELECT " COLUMNS " FROM releases r LEFT JOIN executions e ON e.n = r.execution WHERE r.environment = ?1 AND r.service = ?2 AND ?3 IS NULL"
				  " ORDER BY r.seq DESC LIMIT ?4";
	static const char one[] = "SELECT " COLUMNS " FROM releases r LEFT JOIN executions e ON e.n = r.execution WHERE r.environment = ?1 AND r.service = ?2 AND r.release = ?3"
				  " ORDER BY r.seq DESC LIMIT ?4";

	return give(j, fb_db_query(j, err, release ? one : any, "tttd", environment, service, release, limit > 0 ? limit : -1), ret, ret_n, err);
}

int fb_journal_services(struct fb_journal *j, const char *environment, struct fb_release_row **ret, size_t *ret_n, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err,
				      environment ? "SELECT v.environment, v.service, r.release, r.status, e.id, r.data, r.at_ms, r.live FROM services v LEFT JOIN releases r"
						    " ON r.environment = v.environment AND r.service = v.service AND r.live = 1 LEFT JOIN executions e ON e.n = r.execution"
						    " WHERE v.environment = ?1 AND instr(v.service, '.') = 0 ORDER BY v.environment, v.service"
						  : "SELECT v.environment, v.service, r.release, r.status, e.id, r.data, r.at_ms, r.live FROM services v LEFT JOIN releases r"
						    " ON r.environment = v.environment AND r.service = v.service AND r.live = 1 LEFT JOIN executions e ON e.n = r.execution"
						    " WHERE ?1 IS NULL AND instr(v.service, '.') = 0 ORDER BY v.environment, v.service",
				      "t", environment);

	return give(j, s, ret, ret_n, err);
}

void fb_release_clear(struct fb_release_row *r)
{
	char *const texts[] = {r->environment, r->service, r->release, r->status, r->execution, r->data};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		fb_free(texts[i]);
	*r = (struct fb_release_row){0};
}

void fb_releases_free(struct fb_release_row *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fb_release_clear(&v[i]);
	fb_free(v);
}
