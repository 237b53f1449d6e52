/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Databases beside the one that is meant: a clone, a scratch one, one that a dump is restored into. Their names are made of the execution, so that an attempt finds what
 * an earlier one has left.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/postgresql/postgresql.h"

void pg_name(const struct pg *p, const char *what, char *buf, size_t size)
{
	char hash[9];

	snprintf(buf, size, "%.40s_%s_%s", p->database, what, pg_hash(p, hash));
}

static PGconn *maintenance(struct pg *p)
{
	char *name = run_copy(p->host->option(p->call, "maintenance_db"));
	PGconn *db = pg_connect_to(p, name);

	free(name);
	return db;
}

int pg_database_drop(struct pg *p, const char *name)
{
	PGconn *db = maintenance(p);
	char *quoted;
	int rc;

	if (!db)
		return -1;
	quoted = pg_quoted(db, name);
	rc = pg_end_own_sessions(p, db, name) || pg_dof(p, db, "dropping a database of ours", "DROP DATABASE IF EXISTS %s", quoted);
	free(quoted);
	PQfinish(db);
	return rc ? -1 : 0;
}

/* A copy with nobody connected; dropped and made anew when there is one. */
int32_t pg_clone_create(struct pg *p, const char *name)
{
	PGconn *db;
	char *to, *from;
	int rc;

	PQfinish(p->db);
	p->db = NULL;
	if (pg_database_drop(p, name) || !(db = maintenance(p)))
		return pg_answer();
	to = pg_quoted(db, name);
	from = pg_quoted(db, p->database);
	rc = pg_dof(p, db, "cloning the database", "CREATE DATABASE %s TEMPLATE %s", to, from);
	free(to);
	free(from);
	PQfinish(db);
	return rc ? pg_answer() : FB_OK;
}

int pg_database_make(struct pg *p, const char *name)
{
	const char *const values[] = {p->database, name};
	char *sql = NULL;
	PGconn *db;
	int rc;

	if (pg_database_drop(p, name) || !(db = maintenance(p)))
		return -1;
	rc = pg_ask(p, db, "reading how the database was made",
		    "SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L', $2::text, r.rolname, pg_encoding_to_char(d.encoding),"
		    " d.datcollate, d.datctype) FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = $1",
		    2, values, &sql);
	if (!rc && !sql) {
		pg_fail(p, "database %s is not there any more", p->database);
		rc = -1;
	}
	if (!rc)
		rc = pg_do(p, db, "creating a database", sql);
	free(sql);
	PQfinish(db);
	return rc;
}
