/* SPDX-License-Identifier: Apache-2.0 */
/* What explains a failure: who did what, who waits for whom, and the server's log where it can be read. Changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/postgresql/postgresql.h"

static const struct {
	const char *name, *title, *sql;
} views[] = {
	{"pg_stat_activity.txt", "sessions of the database (pg_stat_activity)",
	 "SELECT pid, usename, application_name, client_addr, state, wait_event_type, wait_event, xact_start, query_start, left(query, 300) AS query FROM pg_stat_activity"
	 " WHERE datname = current_database() ORDER BY pid"},
	{"pg_locks.txt", "locks of the database, and who waits for whom",
	 "SELECT l.pid, l.locktype, l.relation::regclass AS relation, l.mode, l.granted, pg_blocking_pids(l.pid) AS blocked_by FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
	 " WHERE d.datname = current_database() ORDER BY l.granted, l.pid LIMIT 1000"},
	{"pg_stat_database.txt", "counters of the database (pg_stat_database)",
	 "SELECT numbackends, xact_commit, xact_rollback, deadlocks, conflicts, temp_files, stats_reset FROM pg_stat_database WHERE datname = current_database()"},
};

static bool take(struct pg *p, const char *name, const char *title, const char *sql)
{
	PGresult *r = pg_query(p, p->db, title, sql, 0, NULL);
	char *text = NULL;
	size_t size;
	FILE *out;
	bool taken;

	if (!r)
		return false;
	out = open_memstream(&text, &size);
	if (!out)
		abort();
	PQprint(out, r, &(PQprintOpt){.header = 1, .align = 1, .fieldSep = (char[]){'|', 0}});
	PQclear(r);
	if (fclose(out))
		abort();
	taken = !p->host->evidence_text(p->call, name, title, text, size);
	free(text);
	return taken;
}

/* pg_current_logfile() is for those who may read it; the file is on this machine or not. */
static bool take_log(struct pg *p)
{
	char *path = NULL;
	PGresult *r = PQexec(p->db, "SELECT CASE WHEN f LIKE '/%' THEN f ELSE current_setting('data_directory') || '/' || f END FROM pg_current_logfile() f WHERE f IS NOT NULL");
	bool taken = false;

	if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r))
		path = run_copy(PQgetvalue(r, 0, 0));
	PQclear(r);
	if (path)
		taken = !p->host->evidence(p->call, path, "log of the PostgreSQL server");
	if (!taken)
		p->host->log(p->call, FB_LOG_INFO, "the log of the server was not copied: %s", path ? path : "it has none that this role may know of");
	free(path);
	return taken;
}

int32_t pg_evidence(struct pg *p)
{
	uint32_t n = p->host->option_count(p->call, "logs");
	int taken = 0;
	char path[64];

	for (uint32_t i = 0; i < n; i++) {
		char *file;

		snprintf(path, sizeof path, "logs[%u]", (unsigned)i);
		file = run_copy(p->host->option(p->call, path));
		taken += file && !p->host->evidence(p->call, file, "log of the PostgreSQL server");
		free(file);
	}
	if (pg_connect(p))
		return taken ? FB_OK : pg_answer();
	for (size_t i = 0; i < sizeof views / sizeof *views; i++)
		taken += take(p, views[i].name, views[i].title, views[i].sql);
	if (!n)
		taken += take_log(p);
	return taken ? FB_OK : FB_SKIP;
}
