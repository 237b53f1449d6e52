/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy postgresql: what its files share. A call is one worker, so what belongs to it is in struct pg and in the file that owns it. Functions that answer an
 * FB_ value have set the sentence of fail() when it is not FB_OK; those that answer int: 0, or -1 with the sentence set.
 */
#ifndef FB_PLUGINS_STRATEGIES_POSTGRESQL_H
#define FB_PLUGINS_STRATEGIES_POSTGRESQL_H

#include <jansson.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "failback/plugin.h"
#include "plugins/common/run.h"
#include "plugins/common/store.h"

#define PG_NAME 200 /* of a revision, a database, a key of a fact */
#define PG_TEXT 1400
#define PG_ZERO "0" /* the revision of a database that was never migrated */

struct pg {
	const struct fb_call *call;
	const struct fb_host *host;
	char *database;     /* option dbname */
	char application[64]; /* of all sessions of this execution, and of nobody else */
	PGconn *db;         /* to that database; NULL: not connected */
	char why[PG_TEXT];  /* the last sentence of fail(), for a later one that has to name its cause */
};

/* connection.c */
void pg_open(struct pg *p, const struct fb_call *call);
void pg_close(struct pg *p);
int pg_connect(struct pg *p); /* p->db; nothing to do when it is connected */
PGconn *pg_connect_to(struct pg *p, const char *database);
/* The result, to be cleared; NULL: fail() says why. what: "to read the revision". */
PGresult *pg_query(struct pg *p, PGconn *db, const char *what, const char *sql, int n, const char *const *values);
/* The first value, to be freed; *ret is NULL when there is no row, or the value is null. */
int pg_ask(struct pg *p, PGconn *db, const char *what, const char *sql, int n, const char *const *values, char **ret);
int pg_do(struct pg *p, PGconn *db, const char *what, const char *sql);
int pg_dof(struct pg *p, PGconn *db, const char *what, const char *format, ...) __attribute__((format(printf, 4, 5)));
int32_t pg_answer(void);       /* FB_RETRY where the last failure may pass (a lock, a deadlock, a server that starts), else FB_FAIL */
char *pg_quoted(PGconn *db, const char *name); /* as an identifier, to be freed */
/* PGHOST and the others for a program, on this database (NULL: the option's). */
void pg_environment(struct pg *p, struct run_spec *spec, const char *database);
const char *pg_program(struct pg *p, const char *name, char *buf, size_t size); /* with option bindir */
/* Ends what an earlier attempt of this execution has left connected to a database. */
int pg_end_own_sessions(struct pg *p, PGconn *db, const char *database);
/* "2 sessions are connected: pid 12 (app, user web, idle)"; *ret_n: how many. Those of this execution are not counted. */
int pg_others(struct pg *p, PGconn *db, const char *database, int *ret_n, char *buf, size_t size);

/* call.c */
/* The sentence of fail(). */
void pg_fail(struct pg *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
int32_t pg_leave(struct pg *p, const char *key, int32_t repeat, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Records an action that pg_leave has answered FB_ACT_DO for. */
int32_t pg_made(struct pg *p, const char *key, int32_t leave);
char *pg_key(const char *what, const char *release, char *buf, size_t size); /* of a fact: "what.release" */
const char *pg_good(const struct pg *p); /* the release that is gone back to; NULL: there is none */
/* A fact of the service's about a release. */
const char *pg_remembered(struct pg *p, const char *what, const char *release);
/* Whose files of migrations a command works with: those of the release that is migrated to, or in a recovery of the one that is left. */
const char *pg_release_of_files(struct pg *p);
bool pg_is_item(const struct pg *p); /* of a service's backup, and no service */
const char *pg_item_name(const struct pg *p); /* in the report */
const char *pg_hash(const struct pg *p, char buf[9]); /* of the execution, for names of databases */

/* files.c: a folder of SQL files; migration.c: run by us */
struct pg_migration {
	char name[PG_NAME]; /* "003_phone" */
	char *up, *down;    /* texts; NULL: there is none */
};
struct pg_migrations {
	struct pg_migration *v;
	size_t n;
};
void pg_migrations_clear(struct pg_migrations *m);
void pg_migrations_sort(struct pg_migrations *m);
struct pg_migration *pg_migrations_find(struct pg_migrations *m, const char *name); /* NULL: there is none */
struct pg_migration *pg_migrations_add(struct pg_migrations *m, const char *name);
/* "/srv/shop/{release}/migrations" of a release, to be freed; NULL: not set, or the release cannot be a part of a path. */
char *pg_migrations_folder(struct pg *p, const char *release);
char *pg_file_read(struct pg *p, const char *path); /* to be freed; NULL: fail() */
/* The files of a release, in order. */
int pg_migrations_read(struct pg *p, const char *release, struct pg_migrations *ret);
/* Those that the database has, in order, with the way down as it was when they were applied. */
int pg_migrations_applied(struct pg *p, PGconn *db, struct pg_migrations *ret);
int pg_revision_order(const char *a, const char *b);
/* Runs a file inside the transaction that is open; one that ends it is refused. */
int pg_migration_run(struct pg *p, PGconn *db, const char *name, const char *direction, const char *text);
/* Applies those that are not. quiet: a rehearsal, no actions are recorded. */
int32_t pg_migrate_up(struct pg *p, PGconn *db, const struct pg_migrations *files, bool quiet);
/* Down to a revision in one transaction; before: what is to be done in it first (may be NULL). */
int32_t pg_migrate_down(struct pg *p, PGconn *db, const char *target, bool quiet, int32_t (*before)(struct pg *p, PGconn *db));

/* flyway.c: Flyway migrates, its undo scripts are run by us */
extern const char pg_flyway_revision[];
int32_t pg_flyway_can_return(struct pg *p, const char *release);
int32_t pg_flyway_can_reach(struct pg *p, const char *target);
int32_t pg_flyway_down(struct pg *p, PGconn *db, const char *target);
void pg_flyway_environment(struct pg *p, struct run_spec *spec);

/* tool.c */
bool pg_tool_is(const struct pg *p, const char *tool);
int pg_revision(struct pg *p, PGconn *db, char ret[PG_NAME]);
int32_t pg_tool_check(struct pg *p);
int32_t pg_tool_run(struct pg *p, const char *option, const char *target);
/* Could the releases's migrations be taken back? FB_FATAL: no. */
int32_t pg_tool_can_return(struct pg *p, const char *release);
/* Could the database as it is be taken to the revision? */
int32_t pg_tool_can_reach(struct pg *p, const char *target);

/* catalog.c: the schema as lines of text, fields between tabs, in order */
char *pg_catalog(struct pg *p, PGconn *db);
bool pg_catalog_has(const char *catalog, const char *line, size_t n);
/* Is what was there then there now, and nothing broken that was not? */
int32_t pg_catalog_compare(struct pg *p, const char *then, const char *now, const char *what);
/* Calls f for each table that has columns which were not there then. columns: their quoted names, separated by commas; NULL: the table is new. */
int pg_catalog_added(const char *then, const char *now, int (*f)(void *ctx, const char *table, const char *columns), void *ctx);

/* proof.c */
json_t *pg_proof(struct pg *p, PGconn *db); /* {"public.t": {"rows", "sum"}}; NULL: fail() */
int32_t pg_proof_same(struct pg *p, const json_t *then, const json_t *now, const char *what);
int32_t pg_proof_check(struct pg *p, const json_t *then, const json_t *now);
int32_t pg_verify_queries(struct pg *p);

/* database.c */
void pg_name(const struct pg *p, const char *what, char *buf, size_t size); /* "shop_scratch_0123abcd" */
int pg_database_drop(struct pg *p, const char *name);
int32_t pg_clone_create(struct pg *p, const char *name); /* leaves p->db unconnected */
/* An empty one with the encoding and the locale of ours; one of that name is dropped. */
int pg_database_make(struct pg *p, const char *name);

/* dump.c */
/* Puts a dump of the moment that a session has exported into this execution's set: what the store says of it; NULL: fail(). *ret_jobs: by how many connections. */
json_t *pg_dump(struct pg *p, const char *snapshot, int *ret_jobs);
/* Restores the dump in a set into a database that is made anew. */
int32_t pg_dump_into(struct pg *p, const char *set, const char *digest, const char *database);

/* snapshot.c, prove.c */
int32_t pg_capture(struct pg *p);
int32_t pg_prove(struct pg *p);
int pg_store_ready(struct pg *p); /* makes it where it is not there */

/* swap.c */
/* The snapshot of when a release was live in the place of the database. */
int32_t pg_fall_back(struct pg *p, const char *release, const char *why);
/* The set that phase give-back was told by a person; NULL: none, or this is the recovery of that. */
const char *pg_asked_set(struct pg *p);
int32_t pg_give_back(struct pg *p, const char *set);
/* Has this execution given it back? */
int pg_was_given(struct pg *p, bool *ret);

/* preserve.c */
/* Writes what a return to the schema of the release that is gone back to drops, and snapshot_tables, into a set of rows; inside the caller's transaction. */
int32_t pg_preserve(struct pg *p, PGconn *db);
/* Says what was preserved and how it is put back, once that is final. */
void pg_preserve_tell(struct pg *p);

/* call.c: psql with what connects to a database of this server, for commands that people copy; to be freed. */
char *pg_psql(struct pg *p, const char *database);

/* script.c: rows of a table, or values of such columns, as a script for psql that puts them back */
/* Which rows: "FROM ONLY t WHERE ...": of columns only rows that have a value, unless a column has a default, which a NULL would become. To be freed; NULL: fail(). */
char *pg_script_rows(struct pg *p, PGconn *db, const char *table, const char *columns);
int pg_script(struct pg *p, PGconn *db, const char *table, const char *columns, FILE *out);

/* back.c */
/* The revision that goes with a release, to be freed; NULL: nobody knows. */
char *pg_target_of(struct pg *p, const char *release);
int32_t pg_restore(struct pg *p);
int32_t pg_undo(struct pg *p);
int32_t pg_verify(struct pg *p);

/* forward.c */
int32_t pg_check(struct pg *p);
int32_t pg_state(struct pg *p);
int32_t pg_prepare(struct pg *p);
int32_t pg_shift(struct pg *p);
int32_t pg_commit(struct pg *p);
int32_t pg_cleanup(struct pg *p);

/* evidence.c */
int32_t pg_evidence(struct pg *p);

#endif
