/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to count of executions that have ended: one question, a row for each execution and service, oldest first. */
#include "journal/internal.h"

static int64_t number_or(sqlite3_stmt *s, int column, int64_t absent)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL ? absent : sqlite3_column_int64(s, column);
}

int fb_journal_figures(struct fb_journal *j, const char *environment, int64_t since_ms, void (*take)(void *ctx, const struct fb_figure_row *row), void *ctx, struct fb_err *err)
{
	/* The links of an execution are looked at only where something was detected: they are many. */
	sqlite3_stmt *s = fb_db_query(j, err,
		"SELECT e.n, t.service, e.environment, e.kind, e.status, e.started_ms, e.ended_ms, e.retry_of IS NOT NULL, d.wall_ms, d.boot_ms, v.wall_ms, v.boot_ms, d.boot_id = v.boot_id,"
		" CASE WHEN d.execution IS NULL THEN NULL ELSE (SELECT json_extract(l.data, '$.reported.root_cause') FROM links l WHERE l.execution = e.n AND l.plugin = 'analyze'"
		" AND json_valid(l.data) LIMIT 1) END,"
		" CASE WHEN d.execution IS NULL THEN NULL ELSE (SELECT json_extract(i.json, '$.user_impact') FROM documents i WHERE i.execution = e.n AND i.name = 'impact'"
		" AND json_valid(i.json)) END, w.type, w.cause"
		" FROM executions e JOIN touched t ON t.execution = e.n"
		" LEFT JOIN clocks d ON d.execution = e.n AND d.name = 'detected' LEFT JOIN clocks v ON v.execution = e.n AND v.name = 'verified'"
		" LEFT JOIN verdicts w ON w.seq = (SELECT max(seq) FROM verdicts WHERE execution = e.n)"
		" WHERE e.ended_ms > 0 AND e.started_ms >= ?2 AND (?1 IS NULL OR e.environment = ?1) ORDER BY e.n", "ti", environment, since_ms);
	int r;

	if (!s)
		return -1;
	while ((r = fb_db_step(j, s, err)) == 1) {
		struct fb_figure_row row = {.n = sqlite3_column_int64(s, 0), .service = (const char *)sqlite3_column_text(s, 1), .environment = (const char *)sqlite3_column_text(s, 2),
					    .kind = (const char *)sqlite3_column_text(s, 3), .status = (const char *)sqlite3_column_text(s, 4), .started_ms = sqlite3_column_int64(s, 5),
					    .ended_ms = sqlite3_column_int64(s, 6), .retry = sqlite3_column_int(s, 7) != 0, .detected_ms = number_or(s, 8, 0), .recovered_ms = -1,
					    .root_cause = (const char *)sqlite3_column_text(s, 13), .impact = (const char *)sqlite3_column_text(s, 14),
					    .verdict_type = (const char *)sqlite3_column_text(s, 15), .verdict_cause = (const char *)sqlite3_column_text(s, 16)};

		if (sqlite3_column_type(s, 8) != SQLITE_NULL && sqlite3_column_type(s, 10) != SQLITE_NULL)
			row.recovered_ms = sqlite3_column_int(s, 12) ? sqlite3_column_int64(s, 11) - sqlite3_column_int64(s, 9) : sqlite3_column_int64(s, 10) - sqlite3_column_int64(s, 8);
		take(ctx, &row);
	}
	return r;
}
