/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool = "sql": a folder of NNN_name.up.sql and NNN_name.down.sql. Each up file is applied in a transaction of its own with the row that says so, which also
 * keeps the down file's text: the way back is there when the files of the failed release are not. Downgrades are one transaction.
 */
#include <stdlib.h>

#include "plugins/strategies/postgresql/postgresql.h"

static const char *table(struct pg *p)
{
	return p->host->option(p->call, "table"); /* the check has seen that it needs no quotes */
}

int pg_migrations_applied(struct pg *p, PGconn *db, struct pg_migrations *ret)
{
	const char *const values[] = {table(p)};
	char *there = NULL, sql[300];
	PGresult *r;

	*ret = (struct pg_migrations){0};
	if (pg_ask(p, db, "looking for the table of migrations", "SELECT to_regclass($1)", 1, values, &there))
		return -1;
	if (!there)
		return 0;
	free(there);
	snprintf(sql, sizeof sql, "SELECT revision, down FROM %s", table(p));
	r = pg_query(p, db, "reading the table of migrations", sql, 0, NULL);
	if (!r)
		return -1;
	for (int i = 0; i < PQntuples(r); i++)
		pg_migrations_add(ret, PQgetvalue(r, i, 0))->down = PQgetisnull(r, i, 1) ? NULL : run_copy(PQgetvalue(r, i, 1));
	PQclear(r);
	pg_migrations_sort(ret);
	return 0;
}

static int make_table(struct pg *p, PGconn *db)
{
	return pg_dof(p, db, "making the table of migrations",
		      "CREATE TABLE IF NOT EXISTS %s (revision text PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now(), execution text, down text)", table(p));
}

int pg_migration_run(struct pg *p, PGconn *db, const char *name, const char *direction, const char *text)
{
	char what[PG_NAME + 40];

	snprintf(what, sizeof what, "migration %s (%s)", name, direction);
	if (pg_do(p, db, what, text))
		return -1;
	if (PQtransactionStatus(db) == PQTRANS_INTRANS)
		return 0;
	pg_fail(p, "%s ends the transaction that it is run in: take COMMIT and ROLLBACK out of it. What it did before that is done: look at the database", what);
	return -1;
}

static int apply(struct pg *p, PGconn *db, const struct pg_migration *m)
{
	const char *const values[] = {m->name, p->call->execution, m->down};
	char sql[300];
	PGresult *r = NULL;

	snprintf(sql, sizeof sql, "INSERT INTO %s (revision, execution, down) VALUES ($1, $2, $3)", table(p));
	if (!pg_do(p, db, "beginning a transaction", "BEGIN") && !pg_migration_run(p, db, m->name, "up", m->up)) {
		r = pg_query(p, db, "recording the migration", sql, 3, values);
		if (r && !pg_do(p, db, "committing the migration", "COMMIT")) {
			PQclear(r);
			return 0;
		}
	}
	PQclear(r);
	PQclear(PQexec(db, "ROLLBACK"));
	return -1;
}

static int32_t apply_one(struct pg *p, PGconn *db, const struct pg_migration *m, bool quiet)
{
	char key[PG_NAME + 8];
	int32_t leave;

	if (quiet)
		return apply(p, db, m) ? FB_FAIL : FB_OK;
	snprintf(key, sizeof key, "up/%s", m->name);
	leave = pg_leave(p, key, FB_REPEAT_IDEMPOTENT, "apply migration %s to database %s", m->name, p->database);
	if (leave == FB_ACT_NO)
		return FB_RETRY;
	if (leave == FB_ACT_DRY)
		return FB_OK;
	p->host->progress(p->call, -1, m->name);
	return apply(p, db, m) ? pg_answer() : pg_made(p, key, leave);
}

int32_t pg_migrate_up(struct pg *p, PGconn *db, const struct pg_migrations *files, bool quiet)
{
	struct pg_migrations applied;
	int32_t answer = FB_OK;

	if ((quiet || !(p->call->flags & FB_CALL_DRY_RUN)) && make_table(p, db))
		return pg_answer();
	if (pg_migrations_applied(p, db, &applied))
		return pg_answer();
	for (size_t i = 0; i < files->n && answer == FB_OK; i++) {
		if (pg_migrations_find(&applied, files->v[i].name))
			continue;
		if (applied.n && pg_revision_order(files->v[i].name, applied.v[applied.n - 1].name) < 0) {
			pg_fail(p, "migration %s comes before %s, which database %s has already: give it a higher number", files->v[i].name,
				      applied.v[applied.n - 1].name, p->database);
			answer = FB_FATAL;
			break;
		}
		answer = apply_one(p, db, &files->v[i], quiet);
	}
	pg_migrations_clear(&applied);
	return answer;
}

/* ---- back ---- */

static int take_back(struct pg *p, PGconn *db, const struct pg_migration *m)
{
	const char *const values[] = {m->name};
	char sql[300];
	PGresult *r;

	if (!m->down) {
		pg_fail(p, "migration %s has no way back: there was no %s.down.sql when it was applied", m->name, m->name);
		return -1;
	}
	if (pg_migration_run(p, db, m->name, "down", m->down))
		return -1;
	snprintf(sql, sizeof sql, "DELETE FROM %s WHERE revision = $1", table(p));
	r = pg_query(p, db, "recording the migration", sql, 1, values);
	PQclear(r);
	return r ? 0 : -1;
}

static int32_t down_in_one(struct pg *p, PGconn *db, const struct pg_migrations *applied, const char *target, int32_t (*before)(struct pg *p, PGconn *db))
{
	int32_t answer;

	if (pg_do(p, db, "beginning a transaction", "BEGIN"))
		return pg_answer();
	answer = before ? before(p, db) : FB_OK;
	for (size_t i = applied->n; i-- > 0 && answer == FB_OK && pg_revision_order(applied->v[i].name, target) > 0;)
		if (take_back(p, db, &applied->v[i]))
			answer = pg_answer();
	if (answer == FB_OK && pg_do(p, db, "committing the downgrade", "COMMIT"))
		answer = pg_answer();
	if (answer != FB_OK)
		PQclear(PQexec(db, "ROLLBACK"));
	return answer;
}

int32_t pg_migrate_down(struct pg *p, PGconn *db, const char *target, bool quiet, int32_t (*before)(struct pg *p, PGconn *db))
{
	struct pg_migrations applied;
	int32_t leave = FB_ACT_DO, answer;
	char key[PG_NAME + 24];

	snprintf(key, sizeof key, "down/%u/%s", p->call->attempt, target);
	if (!quiet)
		leave = pg_leave(p, key, FB_REPEAT_IDEMPOTENT, "take database %s back to revision %s", p->database, target);
	if (leave == FB_ACT_NO)
		return FB_RETRY;
	if (leave == FB_ACT_DRY)
		return FB_OK;
	if (pg_migrations_applied(p, db, &applied))
		return pg_answer();
	answer = down_in_one(p, db, &applied, target, before);
	pg_migrations_clear(&applied);
	return answer == FB_OK && !quiet ? pg_made(p, key, leave) : answer;
}
