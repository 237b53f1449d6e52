/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, as a new journal gets them. A change here is also a step in migrate.c and a new FB_JOURNAL_SCHEMA. */
#include "journal/internal.h"

#include <stdio.h>

/* In every table but `audit`, an execution is its number n: short keys, and the newest rows lie together. */
static const char *const tables[] = {
	"CREATE TABLE executions (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, alias TEXT, kind TEXT NOT NULL, environment TEXT NOT NULL,"
	" status TEXT NOT NULL, title TEXT NOT NULL, release TEXT, reason TEXT, services TEXT NOT NULL, retry_of TEXT, epoch INTEGER NOT NULL,"
	" started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL DEFAULT 0, started_boot_ms INTEGER NOT NULL, ended_boot_ms INTEGER NOT NULL DEFAULT 0,"
	" boot_id TEXT NOT NULL, owner_pid INTEGER NOT NULL DEFAULT 0, owner_start INTEGER NOT NULL DEFAULT 0, owner_boot TEXT NOT NULL DEFAULT '',"
	" exit_code INTEGER NOT NULL DEFAULT -1, stop INTEGER NOT NULL DEFAULT 0, stop_by TEXT) STRICT",
	"CREATE INDEX executions_alias ON executions (alias)",
	"CREATE INDEX executions_environment ON executions (environment, n)",
	"CREATE INDEX executions_unfinished ON executions (n) WHERE ended_ms = 0",
	"CREATE INDEX executions_ended ON executions (environment, ended_ms)",
	FB_TALLIES_TABLE,
	FB_TALLIES_TRIGGER,
	/* The chain is large and never changes: apart, so that a change of status does not write it again */
	"CREATE TABLE frozen (execution INTEGER PRIMARY KEY, json TEXT) STRICT",
	/* Services that an execution may touch; generation: the service's, when the execution last let it go */
	"CREATE TABLE touched (execution INTEGER NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL, generation INTEGER NOT NULL,"
	" PRIMARY KEY (execution, service)) STRICT, WITHOUT ROWID",
	"CREATE INDEX touched_service ON touched (service, execution)",
	/* generation grows with each claim and each change of release */
	"CREATE TABLE services (environment TEXT NOT NULL, service TEXT NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (environment, service)) STRICT, WITHOUT ROWID",
	"CREATE TABLE claims (environment TEXT NOT NULL, service TEXT NOT NULL, execution INTEGER NOT NULL, since_ms INTEGER NOT NULL,"
	" PRIMARY KEY (environment, service)) STRICT, WITHOUT ROWID",
	"CREATE INDEX claims_execution ON claims (execution)",
	"CREATE TABLE clocks (execution INTEGER NOT NULL, name TEXT NOT NULL, wall_ms INTEGER NOT NULL, boot_ms INTEGER NOT NULL, boot_id TEXT NOT NULL,"
	" PRIMARY KEY (execution, name)) STRICT, WITHOUT ROWID",
	"CREATE TABLE links (execution INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, chain TEXT NOT NULL, name TEXT NOT NULL, title TEXT NOT NULL,"
	" plugin TEXT, status TEXT NOT NULL, message TEXT, data TEXT, log TEXT, attempt INTEGER NOT NULL, answer INTEGER NOT NULL, late INTEGER NOT NULL,"
	" started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, started_boot_ms INTEGER NOT NULL, ended_boot_ms INTEGER NOT NULL,"
	" PRIMARY KEY (execution, id)) STRICT, WITHOUT ROWID",
	"CREATE TABLE attempts (execution INTEGER NOT NULL, link TEXT NOT NULL, attempt INTEGER NOT NULL, answer INTEGER NOT NULL, message TEXT,"
	" started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, late INTEGER NOT NULL, PRIMARY KEY (execution, link, attempt)) STRICT, WITHOUT ROWID",
	"CREATE TABLE actions (execution INTEGER NOT NULL, link TEXT NOT NULL, service TEXT NOT NULL, operation TEXT NOT NULL, undo INTEGER NOT NULL, key TEXT NOT NULL,"
	" text TEXT, result TEXT, state TEXT NOT NULL, repeat INTEGER NOT NULL, epoch INTEGER NOT NULL, intended_ms INTEGER NOT NULL, done_ms INTEGER NOT NULL,"
	" late INTEGER NOT NULL, PRIMARY KEY (execution, link, service, operation, undo, key)) STRICT, WITHOUT ROWID",
	"CREATE TABLE facts (execution INTEGER NOT NULL, scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (execution, scope, key)) STRICT, WITHOUT ROWID",
	"CREATE TABLE memory (environment TEXT NOT NULL, service TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (environment, service, key))"
	" STRICT, WITHOUT ROWID",
	/* seq grows with each change of a row: which came later does not depend on the wall clock */
	"CREATE TABLE releases (seq INTEGER PRIMARY KEY AUTOINCREMENT, environment TEXT NOT NULL, service TEXT NOT NULL, release TEXT NOT NULL, status TEXT NOT NULL,"
	" execution INTEGER, data TEXT, at_ms INTEGER NOT NULL, live INTEGER NOT NULL) STRICT",
	"CREATE INDEX releases_service ON releases (environment, service, seq)",
	"CREATE INDEX releases_release ON releases (environment, service, release, seq)",
	"CREATE INDEX releases_good ON releases (environment, service, seq) WHERE status = 'good'",
	"CREATE INDEX releases_once_good ON releases (environment, service, seq) WHERE status IN ('good', 'superseded')",
	"CREATE INDEX releases_live ON releases (environment, service) WHERE live = 1",
	"CREATE TABLE processes (boot_id TEXT NOT NULL, pid INTEGER NOT NULL, start INTEGER NOT NULL, execution INTEGER, role TEXT NOT NULL, environment TEXT, service TEXT,"
	" name TEXT NOT NULL, started_ms INTEGER NOT NULL, gone_ms INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (boot_id, pid, start)) STRICT, WITHOUT ROWID",
	"CREATE INDEX processes_there ON processes (execution) WHERE gone_ms = 0",
	"CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, execution INTEGER, name TEXT NOT NULL, link TEXT, summary TEXT NOT NULL, data TEXT,"
	" at_ms INTEGER NOT NULL) STRICT",
	"CREATE INDEX events_execution ON events (execution, seq)",
	"CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, execution INTEGER NOT NULL, notifier TEXT NOT NULL, event TEXT NOT NULL, event_id TEXT NOT NULL,"
	" payload TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'waiting', text TEXT, attempts INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL,"
	" next_ms INTEGER NOT NULL DEFAULT 0, sent_ms INTEGER NOT NULL DEFAULT 0, UNIQUE (execution, notifier, event_id)) STRICT",
	"CREATE INDEX outbox_waiting ON outbox (id) WHERE status = 'waiting'",
	/* link '': the whole plan */
	"CREATE TABLE approvals (execution INTEGER NOT NULL, link TEXT NOT NULL, risk TEXT, decision TEXT NOT NULL, decided_by TEXT, text TEXT, asked_ms INTEGER NOT NULL,"
	" decided_ms INTEGER NOT NULL, PRIMARY KEY (execution, link)) STRICT, WITHOUT ROWID",
	"CREATE TABLE documents (execution INTEGER NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (execution, name)) STRICT, WITHOUT ROWID",
	FB_VERDICTS_TABLE,
	FB_VERDICTS_INDEX,
	"CREATE TABLE audit (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, execution TEXT, actor TEXT NOT NULL, action TEXT NOT NULL, detail TEXT,"
	" previous TEXT NOT NULL, hash TEXT NOT NULL) STRICT",
	"CREATE INDEX audit_hash ON audit (hash)",
	"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
	"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
};

int fb_schema_run(struct fb_journal *j, struct fb_db *db, const char *const *sql, size_t n, struct fb_err *err)
{
	for (size_t i = 0; i < n; i++) {
		int code = sqlite3_exec(db->h, sql[i], NULL, NULL, NULL);

		if (code != SQLITE_OK)
			return fb_db_fail(j, db, code, "make the tables of", err);
	}
	return 0;
}

int fb_schema_create(struct fb_journal *j, struct fb_db *db, struct fb_err *err)
{
	char stamp[96];
	const char *const stamps[] = {stamp};

	snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d", FB_JOURNAL_APPLICATION, FB_JOURNAL_SCHEMA);
	if (fb_schema_run(j, db, tables, sizeof tables / sizeof *tables, err) < 0)
		return -1;
	return fb_schema_run(j, db, stamps, 1, err);
}
