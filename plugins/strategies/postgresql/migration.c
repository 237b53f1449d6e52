/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool = "sql": a folder of NNN_name.up.sql and NNN_name.down.sql. Each up file is applied in a transaction of its own with the row that says so, which also
 * keeps the down file's text: the way back is there when the files of the failed release are not. Downgrades are one transaction.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plugins/strategies/postgresql/postgresql.h"

#define FILE_MAX ((off_t)64 << 20)

void pg_migrations_clear(struct pg_migrations *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].up);
		free(m->v[i].down);
	}
	free(m->v);
	*m = (struct pg_migrations){0};
}

int pg_revision_order(const char *a, const char *b)
{
	unsigned long long x = strtoull(a, NULL, 10), y = strtoull(b, NULL, 10);

	return x != y ? (x < y ? -1 : 1) : strcmp(a, b);
}

static int order(const void *a, const void *b)
{
	const struct pg_migration *x = a, *y = b;

	return pg_revision_order(x->name, y->name);
}

static struct pg_migration *find(struct pg_migrations *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].name, name))
			return &m->v[i];
	return NULL;
}

static struct pg_migration *add(struct pg_migrations *m, const char *name)
{
	m->v = realloc(m->v, (m->n + 1) * sizeof *m->v);
	if (!m->v)
		abort();
	m->v[m->n] = (struct pg_migration){0};
	snprintf(m->v[m->n].name, PG_NAME, "%s", name);
	return &m->v[m->n++];
}

/* "/srv/shop/{release}/migrations" of a release; to be freed. */
static char *folder(struct pg *p, const char *release)
{
	char *pattern = run_copy(p->host->option(p->call, "migrations")), *at, *ret = NULL;

	if (!pattern)
		return NULL;
	at = strstr(pattern, "{release}");
	if (!at)
		return pattern;
	*at = 0;
	if (release && !strchr(release, '/') && strcmp(release, "..") && asprintf(&ret, "%s%s%s", pattern, release, at + strlen("{release}")) < 0)
		abort();
	free(pattern);
	return ret;
}

static char *read_file(struct pg *p, const char *path)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *text = NULL;
	size_t n = 0;

	if (f && !fstat(fileno(f), &st) && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
		text = malloc((size_t)st.st_size + 1);
		n = text ? fread(text, 1, (size_t)st.st_size, f) : 0;
	}
	if (!text || n != (size_t)st.st_size || memchr(text, 0, n)) {
		p->host->fail(p->call, "migration file %s cannot be read: %s", path, !f || ferror(f) ? strerror(errno) : "it is no file of text below 64 MiB");
		free(text);
		text = NULL;
	} else {
		text[n] = 0;
	}
	if (f)
		fclose(f);
	return text;
}

/* 0: taken or none of ours */
static int take(struct pg *p, const char *where, const char *file, struct pg_migrations *ret)
{
	size_t n = strlen(file), up = n > 7 && !strcmp(file + n - 7, ".up.sql") ? n - 7 : 0, down = n > 9 && !strcmp(file + n - 9, ".down.sql") ? n - 9 : 0, stem = up + down;
	struct pg_migration *m;
	char name[PG_NAME], path[4500];

	if (!stem || !isdigit((unsigned char)*file))
		return 0;
	if (stem >= sizeof name) {
		p->host->fail(p->call, "migration file %s/%s has a name that is too long", where, file);
		return -1;
	}
	snprintf(name, sizeof name, "%.*s", (int)stem, file);
	snprintf(path, sizeof path, "%s/%s", where, file);
	m = find(ret, name);
	if (!m)
		m = add(ret, name);
	*(up ? &m->up : &m->down) = read_file(p, path);
	return (up ? m->up : m->down) ? 0 : -1;
}

int pg_migrations_read(struct pg *p, const char *release, struct pg_migrations *ret)
{
	char *where = folder(p, release);
	struct dirent *e;
	int rc = 0;
	DIR *d;

	*ret = (struct pg_migrations){0};
	d = where ? opendir(where) : NULL;
	if (!d) {
		p->host->fail(p->call, "the folder of migrations%s%s cannot be read: %s", where ? " " : "", where ? where : "", where ? strerror(errno) : "'migrations' is not set, or the release cannot be a part of a path");
		free(where);
		return -1;
	}
	while (!rc && (e = readdir(d)))
		rc = take(p, where, e->d_name, ret);
	closedir(d);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, order);
	for (size_t i = 0; i < ret->n && !rc; i++)
		if (!ret->v[i].up) {
			p->host->fail(p->call, "%s/%s.down.sql has no %s.up.sql beside it", where, ret->v[i].name, ret->v[i].name);
			rc = -1;
		}
	free(where);
	if (rc)
		pg_migrations_clear(ret);
	return rc;
}

/* ---- what the database has ---- */

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
		add(ret, PQgetvalue(r, i, 0))->down = PQgetisnull(r, i, 1) ? NULL : run_copy(PQgetvalue(r, i, 1));
	PQclear(r);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, order);
	return 0;
}

static int make_table(struct pg *p, PGconn *db)
{
	return pg_dof(p, db, "making the table of migrations",
		      "CREATE TABLE IF NOT EXISTS %s (revision text PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now(), execution text, down text)", table(p));
}

/* Runs a file inside the transaction that is open; one that ends it is refused. */
static int run_text(struct pg *p, PGconn *db, const char *name, const char *direction, const char *text)
{
	char what[PG_NAME + 40];

	snprintf(what, sizeof what, "migration %s (%s)", name, direction);
	if (pg_do(p, db, what, text))
		return -1;
	if (PQtransactionStatus(db) == PQTRANS_INTRANS)
		return 0;
	p->host->fail(p->call, "%s ends the transaction that it is run in: take COMMIT and ROLLBACK out of it. What it did before that is done: look at the database", what);
	return -1;
}

static int apply(struct pg *p, PGconn *db, const struct pg_migration *m)
{
	const char *const values[] = {m->name, p->call->execution, m->down};
	char sql[300];
	PGresult *r = NULL;

	snprintf(sql, sizeof sql, "INSERT INTO %s (revision, execution, down) VALUES ($1, $2, $3)", table(p));
	if (!pg_do(p, db, "beginning a transaction", "BEGIN") && !run_text(p, db, m->name, "up", m->up)) {
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
		if (find(&applied, files->v[i].name))
			continue;
		if (applied.n && pg_revision_order(files->v[i].name, applied.v[applied.n - 1].name) < 0) {
			p->host->fail(p->call, "migration %s comes before %s, which database %s has already: give it a higher number", files->v[i].name,
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
		p->host->fail(p->call, "migration %s has no way back: there was no %s.down.sql when it was applied", m->name, m->name);
		return -1;
	}
	if (run_text(p, db, m->name, "down", m->down))
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
