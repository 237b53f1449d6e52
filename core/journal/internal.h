/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the journal's own files share: the connection with its cached statements, the transaction under way, and what it has written
 * so far, so that a transaction that found no space can be made again, on the file or in memory.
 */
#ifndef FB_JOURNAL_INTERNAL_H
#define FB_JOURNAL_INTERNAL_H

#include <sqlite3.h>

#include "base/mem.h"
#include "journal/journal.h"

#define FB_JOURNAL_FILE "journal.db"
#define FB_JOURNAL_RESERVE "reserve"
#define FB_JOURNAL_RESERVE_SIZE (4 * 1024 * 1024)
#define FB_JOURNAL_LEAST_SPACE (1024 * 1024)
#define FB_JOURNAL_BUSY_MS 5000
#define FB_JOURNAL_APPLICATION 0x46424a4c /* "FBJL" */
#define FB_JOURNAL_SCHEMA 2
#define FB_VALUES_MAX 32
/* Rollbacks that have ended, counted as they end: to count them when somebody asks would take longer each time. */
#define FB_ENDED_ROLLBACK(row) "(" row "ended_ms > 0 AND (" row "kind = 'rollback' OR " row "status IN ('failed_with_rollback', 'rollback_incomplete')))"
#define FB_TALLIES_TABLE "CREATE TABLE tallies (environment TEXT PRIMARY KEY, rollbacks INTEGER NOT NULL) STRICT, WITHOUT ROWID"
#define FB_TALLIES_TRIGGER                                                                                                                              \
	"CREATE TRIGGER executions_tally AFTER UPDATE OF status, ended_ms ON executions WHEN " FB_ENDED_ROLLBACK("old.") " <> " FB_ENDED_ROLLBACK("new.") \
	" BEGIN INSERT INTO tallies (environment, rollbacks) VALUES (new.environment, 1)"                                                               \
	" ON CONFLICT (environment) DO UPDATE SET rollbacks = rollbacks + " FB_ENDED_ROLLBACK("new.") " - " FB_ENDED_ROLLBACK("old.") "; END"

/* What people said of causes: a row for each word, in order. */
#define FB_VERDICTS_TABLE                                                                                                                                        \
	"CREATE TABLE verdicts (seq INTEGER PRIMARY KEY AUTOINCREMENT, execution INTEGER NOT NULL, service TEXT, verdict TEXT NOT NULL, type TEXT NOT NULL, cause TEXT," \
	" signature TEXT, said_type TEXT, said_cause TEXT, said_signature TEXT, fix TEXT, command TEXT, worked INTEGER NOT NULL, said_by TEXT NOT NULL,"          \
	" at_ms INTEGER NOT NULL) STRICT"
#define FB_VERDICTS_INDEX "CREATE INDEX verdicts_execution ON verdicts (execution, seq)"

struct fb_statement {
	char *sql;
	sqlite3_stmt *stmt;
};

struct fb_db {
	sqlite3 *h;
	struct fb_statement *v; /* open hash table, room is a power of two */
	size_t n, room;
	int number; /* errno as the last change left it: SQLite does not tell why an I/O error was one */
	int full; /* synchronous: 1 FULL, 0 NORMAL, -1 not set yet */
};

struct fb_value {
	char type; /* 't' text or NULL, 'i' number, 'l' the mark "late": 1 where it could not be written to the file at once */
	int64_t i;
	char *t;
};

/* One change that was made: a statement with its values, or (sql NULL) a row of the audit, which is chained anew where it is made again. */
struct fb_op {
	char *sql;
	struct fb_value *v;
	int n;
};

struct fb_ops {
	struct fb_op *v;
	size_t n, room;
};

struct fb_journal {
	char *dir, *path, *reserve;
	unsigned flags;
	struct fb_db *db; /* where reads and writes go: &file or &memory */
	struct fb_db file, memory;
	struct fb_proc self;
	char boot[64];

	char *execution; /* id; NULL: none was started or taken over here */
	int64_t n;       /* its number in the tables; 0: none */
	int64_t epoch;

	int depth;   /* of fb_journal_begin and of the functions' own transactions */
	bool broken; /* something failed in it: it can only be rolled back */
	bool proven; /* that the execution is ours, in this transaction */
	struct fb_err why;
	char *before_execution; /* as it was when the transaction began */
	int64_t before_n, before_epoch;
	struct fb_ops ops;  /* of the transaction under way */
	struct fb_ops owed; /* committed in memory only */
	int64_t rowid, changes; /* of the last change */

	bool shadow; /* a dry run: the file is never written */
	bool reserve_missing;
	int64_t probed_ms; /* when the file, or a new reserve, was last tried */
	int64_t version, seen_data, seen_changes;
};

/* ---- db.c: statements, values, rows, errors ---- */
int fb_db_open(struct fb_db *db, const char *path, int flags, struct fb_err *err);
void fb_db_close(struct fb_db *db);
/* The cached statement, reset; NULL with err. */
sqlite3_stmt *fb_db_statement(struct fb_journal *j, struct fb_db *db, const char *sql, struct fb_err *err);
/* A statement that changes something, in the transaction that is open; one letter of format for each value: t (text or NULL), i (int64_t),
 * d (int), l (int, the mark "late"). What it did is kept for a second try. */
int fb_db_run(struct fb_journal *j, struct fb_err *err, const char *sql, const char *format, ...);
/* The same without keeping or a second try; values are given. Returns the SQLite code: SQLITE_DONE when it was made. */
int fb_db_execute(struct fb_journal *j, struct fb_db *db, const char *sql, const struct fb_value *v, int n);
/* A question; then fb_db_step: 1 a row, 0 no more, -1 err. fb_db_done when the rows were not read to their end. */
sqlite3_stmt *fb_db_query(struct fb_journal *j, struct fb_err *err, const char *sql, const char *format, ...);
int fb_db_step(struct fb_journal *j, sqlite3_stmt *s, struct fb_err *err);
void fb_db_done(sqlite3_stmt *s);
/* All rows of a question into an array of structs of that size. */
int fb_db_list(struct fb_journal *j, sqlite3_stmt *s, size_t size, void (*fill)(sqlite3_stmt *s, void *row), void **ret, size_t *ret_n, struct fb_err *err);
char *fb_db_text(sqlite3_stmt *s, int column);         /* to be freed; NULL where the value is NULL */
char *fb_db_text_or_empty(sqlite3_stmt *s, int column); /* for columns that are never NULL in a whole database */
bool fb_db_text_is(sqlite3_stmt *s, int column, const char *text);
/* One text (or NULL when there is no row) of a question that has only one. */
int fb_db_one_text(struct fb_journal *j, sqlite3_stmt *s, char **ret, struct fb_err *err);
/* Fills err from an SQLite code: what was attempted on the journal, what came back, what to do next. Returns -1. */
int fb_db_fail(const struct fb_journal *j, struct fb_db *db, int code, const char *attempt, struct fb_err *err);
bool fb_db_no_space(struct fb_db *db, int code);
void fb_db_roll_back(struct fb_journal *j, struct fb_db *db);

/* ---- ops.c ---- */
void fb_ops_add(struct fb_ops *ops, const char *sql, const struct fb_value *v, int n);
void fb_ops_move(struct fb_ops *to, struct fb_ops *from);
void fb_ops_clear(struct fb_ops *ops);
void fb_ops_cut(struct fb_ops *ops, size_t n);
/* 0, 1: no space, -1. late: rows of the audit say so, and what the file cannot take any more is left out, with a row in the audit. */
int fb_ops_replay(struct fb_journal *j, struct fb_db *db, const struct fb_ops *ops, bool late, struct fb_err *err);

/* ---- transaction.c ---- */
#define FB_ORDERED false
#define FB_DURABLE true
int fb_txn_begin(struct fb_journal *j, bool durable, struct fb_err *err);
/* The same, and proves that the execution is ours. */
int fb_txn_begin_own(struct fb_journal *j, bool durable, struct fb_err *err);
/* The same when an execution was started here; without one, anybody may write. */
int fb_txn_begin_any(struct fb_journal *j, bool durable, struct fb_err *err);
/* r < 0: what was written is undone (in a group: the whole group will be). Returns r, or -1 when the commit failed. */
int fb_txn_end(struct fb_journal *j, int r, struct fb_err *err);
int fb_txn_own(struct fb_journal *j, struct fb_err *err);
int fb_txn_sync(struct fb_db *db, bool full);
void fb_txn_set_execution(struct fb_journal *j, const char *id, int64_t n, int64_t epoch);

/* ---- open.c ---- */
int fb_open_file(struct fb_journal *j, struct fb_err *err);

/* ---- schema.c ---- */
int fb_schema_create(struct fb_journal *j, struct fb_db *db, struct fb_err *err);
int fb_schema_run(struct fb_journal *j, struct fb_db *db, const char *const *sql, size_t n, struct fb_err *err);
/* ---- migrate.c ---- */
/* Makes, migrates or refuses what is in the file. */
int fb_schema_settle(struct fb_journal *j, struct fb_err *err);

/* ---- degrade.c ---- */
int fb_reserve_make(struct fb_journal *j);
/* After no space was found: makes the transaction again, on the file or in memory; it is open afterwards. */
int fb_degrade_retry(struct fb_journal *j, struct fb_err *err);
/* After the file could not be opened: tries without the reserve, then goes to memory, if it was for want of space. -1: it was not; err as it was. */
/* For a dry run: memory from now on, with what the file holds if there is one. */
/* The file is open for reading; why: the writer's error. Goes on in memory, and looks for a file that can be written again. */
int fb_degrade_read_only(struct fb_journal *j, const struct fb_err *why, struct fb_err *err) FB_MUST_USE;
int fb_degrade_shadow(struct fb_journal *j, bool from_file, struct fb_err *err) FB_MUST_USE;
int fb_degrade_open(struct fb_journal *j, struct fb_err *err);
/* Before an outermost transaction while writing goes to memory: tries the file again, at most once a second. */
void fb_degrade_probe(struct fb_journal *j);

/* ---- claims.c ---- */
/* Is each of the execution's services free, or its own? 0, 1 (*ret_conflict), -1. */
int fb_claims_check(struct fb_journal *j, const char *environment, const char *const *services, int64_t n, struct fb_conflict *ret_conflict, struct fb_err *err);
int fb_claims_take(struct fb_journal *j, const char *environment, const char *const *services, int64_t n, int64_t now_ms, struct fb_err *err);
int fb_claims_release(struct fb_journal *j, int64_t n, struct fb_err *err);
/* Has another execution touched one of the services since this one last let them go? 1: yes, its name in service (64 bytes). */
int fb_claims_changed(struct fb_journal *j, int64_t n, char *service, struct fb_err *err);
/* The services of an execution; ends in NULL, to be freed as a whole with fb_claims_names_free. */
int fb_claims_names(struct fb_journal *j, int64_t n, char ***ret, struct fb_err *err);
void fb_claims_names_free(char **names);
/* Notes that a service exists and was touched. */
int fb_claims_touch(struct fb_journal *j, const char *environment, const char *service, struct fb_err *err);
/* Without an execution of our own: refuses when somebody has claimed the service. */
int fb_claims_guard(struct fb_journal *j, const char *environment, const char *service, struct fb_err *err);

/* ---- executions.c ---- */
bool fb_owner_alive(const struct fb_journal *j, const struct fb_proc *owner, const char *boot);
/* The number of an execution by its exact id; 0: there is none; -1. */
int64_t fb_execution_number(struct fb_journal *j, const char *id, struct fb_err *err);
int fb_execution_end(struct fb_journal *j, int64_t n, const char *status, int exit_code, struct fb_err *err);

/* ---- audit.c ---- */
/* 0, 1: no space, -1. */
int fb_audit_append(struct fb_journal *j, struct fb_db *db, const struct fb_value *v, bool late, struct fb_err *err);
/* Within a transaction that is open. */
int fb_audit_add(struct fb_journal *j, const char *execution, const char *actor, const char *action, const char *detail, struct fb_err *err);

#endif
