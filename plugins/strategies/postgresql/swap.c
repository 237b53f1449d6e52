/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a downgrade fails: the snapshot becomes the database, by two renames in one transaction. Nothing is dropped: what was the database is kept under another name,
 * with all that was committed since the backup. Sessions of others are never ended: who is connected is named, and it waits for them to be gone.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/postgresql/postgresql.h"

#define COMPLETE "failback: complete"

static int has(struct pg *p, PGconn *db, const char *name, bool complete, bool *ret)
{
	const char *const values[] = {name, COMPLETE};
	char *found = NULL;
	int rc = pg_ask(p, db, "looking for a database",
			complete ? "SELECT 1 FROM pg_database WHERE datname = $1 AND shobj_description(oid, 'pg_database') = $2" : "SELECT 1 FROM pg_database WHERE datname = $1",
			complete ? 2 : 1, values, &found);

	*ret = found;
	free(found);
	return rc;
}

static int32_t nobody(struct pg *p, PGconn *db, const char *why)
{
	char who[PG_TEXT], text[PG_TEXT + 400], *base, *psql, *name, *sql;
	int n;

	if (pg_end_own_sessions(p, db, p->database) || pg_others(p, db, p->database, &n, who, sizeof who))
		return pg_answer();
	if (!n)
		return FB_OK;
	p->host->fail(p->call, "%s. The snapshot could take its place, but %d session%s connected to database %s, which are not ours to end: %s. Stop what they belong to; it is tried again "
		      "until the time is over; after that run 'failback rollback %s' again", why, n, n == 1 ? " is" : "s are", p->database, who, p->call->service);
	base = run_copy(p->host->option(p->call, "maintenance_db"));
	psql = pg_psql(p, base);
	name = PQescapeLiteral(db, p->database, strlen(p->database));
	snprintf(text, sizeof text, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", name ? name : "NULL");
	sql = run_quote(text);
	snprintf(text, sizeof text, "%s -c %s", psql, sql);
	p->host->advise(p->call, "stop the applications that use the database, or end their sessions; what they have committed stays in the database that is put aside", text);
	PQfreemem(name);
	free(base);
	free(psql);
	free(sql);
	return FB_RETRY;
}

/* The settings and rights of the database itself, which no dump has. */
static int copy_settings(struct pg *p, PGconn *db, const char *to)
{
	const char *const values[] = {p->database, to};
	PGresult *r = pg_query(p, db, "reading the settings of the database",
			       "SELECT CASE WHEN s.setrole = 0 THEN format('ALTER DATABASE %I SET %I = %s', $2::text, split_part(c, '=', 1), v) ELSE"
			       " format('ALTER ROLE %I IN DATABASE %I SET %I = %s', s.setrole::regrole, $2::text, split_part(c, '=', 1), v) END"
			       " FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = $1, unnest(s.setconfig) c,"
			       " LATERAL (SELECT CASE WHEN split_part(c, '=', 1) IN ('search_path', 'DateStyle', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')"
			       " THEN substr(c, strpos(c, '=') + 1) ELSE quote_literal(substr(c, strpos(c, '=') + 1)) END) x (v)"
			       " UNION ALL SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $2::text) FROM pg_database WHERE datname = $1 AND datacl IS NOT NULL"
			       " UNION ALL SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $2::text, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,"
			       " CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = $1"
			       " UNION ALL SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', $2::text, datconnlimit) FROM pg_database WHERE datname = $1",
			       2, values);
	int rc = r ? 0 : -1;

	for (int i = 0; r && i < PQntuples(r) && !rc; i++)
		rc = pg_do(p, db, "copying the settings of the database", PQgetvalue(r, i, 0));
	PQclear(r);
	return rc;
}

/* The dump in a database of its own, whole. */
static int32_t bring(struct pg *p, PGconn *db, const char *snapshot, const char *name)
{
	char set[PG_NAME], *digest, *quoted;
	int32_t answer;
	bool there;
	int rc;

	if (has(p, db, name, true, &there))
		return pg_answer();
	if (there)
		return FB_OK;
	snprintf(set, sizeof set, "%s", snapshot);
	digest = strchr(set, ' ');
	if (digest)
		*digest++ = 0;
	answer = pg_dump_into(p, set, digest, name);
	if (answer != FB_OK)
		return answer;
	quoted = pg_quoted(db, name);
	rc = copy_settings(p, db, name) || pg_dof(p, db, "marking the database as complete", "COMMENT ON DATABASE %s IS '" COMPLETE "'", quoted);
	free(quoted);
	return rc ? pg_answer() : FB_OK;
}

static int32_t rename_both(struct pg *p, PGconn *db, const char *name, const char *failed)
{
	char *ours = pg_quoted(db, p->database), *next = pg_quoted(db, name), *aside = pg_quoted(db, failed);
	int rc;

	rc = pg_do(p, db, "beginning a transaction", "BEGIN") || pg_dof(p, db, "putting the database aside", "ALTER DATABASE %s RENAME TO %s", ours, aside) ||
	     pg_dof(p, db, "putting the snapshot in its place", "ALTER DATABASE %s RENAME TO %s", next, ours) || pg_dof(p, db, "unmarking it", "COMMENT ON DATABASE %s IS NULL", ours) ||
	     pg_do(p, db, "committing the swap", "COMMIT");
	if (rc)
		PQclear(PQexec(db, "ROLLBACK"));
	free(ours);
	free(next);
	free(aside);
	return rc ? pg_answer() : FB_OK;
}

static void tell(struct pg *p, const char *failed)
{
	char text[PG_TEXT];

	p->host->log(p->call, FB_LOG_WARNING, "the snapshot is in the place of database %s; what was there is kept as database %s, with all that was committed since the backup", p->database, failed);
	snprintf(text, sizeof text, "rows that were committed since the backup are in database %s only: copy those that are needed, then drop it", failed);
	p->host->advise(p->call, text, NULL);
}

static int32_t swap(struct pg *p, PGconn *db, const char *snapshot, const char *why)
{
	char name[PG_NAME], failed[PG_NAME];
	bool clone = !strncmp(snapshot, "clone ", 6), aside, there;
	int32_t leave, answer;

	pg_name(p, "failed", failed, sizeof failed);
	pg_name(p, "return", name, sizeof name);
	if (clone)
		snprintf(name, sizeof name, "%s", snapshot + 6);
	if (has(p, db, failed, false, &aside) || has(p, db, p->database, false, &there))
		return pg_answer();
	if (aside && there) { /* by an earlier attempt */
		tell(p, failed);
		return FB_OK;
	}
	answer = nobody(p, db, why);
	if (answer != FB_OK)
		return answer;
	leave = pg_leave(p, "swap", FB_REPEAT_IDEMPOTENT, "put the snapshot in the place of database %s, and keep that as %s", p->database, failed);
	if (leave == FB_ACT_NO)
		return FB_RETRY;
	if (leave == FB_ACT_DRY)
		return FB_OK;
	answer = clone ? (copy_settings(p, db, name) ? pg_answer() : FB_OK) : bring(p, db, snapshot + 5, name);
	if (answer == FB_OK)
		answer = nobody(p, db, why);
	if (answer == FB_OK)
		answer = rename_both(p, db, name, failed);
	if (answer != FB_OK)
		return answer;
	tell(p, failed);
	return pg_made(p, "swap", leave);
}

int32_t pg_fall_back(struct pg *p, const char *release, const char *why)
{
	char key[PG_NAME + 20], *snapshot = run_copy(p->host->fact(p->call, FB_SCOPE_SERVICE, pg_key("snapshot", release, key, sizeof key))), *name;
	const char *how = p->host->option(p->call, "fallback");
	int32_t answer = FB_FAIL;
	PGconn *db = NULL;

	if (how && !strcmp(how, "none")) {
		p->host->fail(p->call, "%s. fallback = \"none\": the snapshot is left to people", why);
	} else if (!snapshot || (strncmp(snapshot, "dump ", 5) && strncmp(snapshot, "clone ", 6))) {
		p->host->fail(p->call, "%s. There is no snapshot from when release %s was live to fall back on", why, release);
	} else {
		p->host->log(p->call, FB_LOG_WARNING, "%s; falling back on the snapshot (%s)", why, snapshot);
		PQfinish(p->db);
		p->db = NULL;
		name = run_copy(p->host->option(p->call, "maintenance_db"));
		db = pg_connect_to(p, name);
		free(name);
		answer = db ? swap(p, db, snapshot, why) : pg_answer();
	}
	PQfinish(db);
	free(snapshot);
	return answer;
}
