/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a downgrade fails: the snapshot becomes the database, by two renames in one transaction. Nothing is dropped: what was the database is kept under another name,
 * with all that was committed since the backup. Sessions of others are never ended: who is connected is named, and it waits for them to be gone.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/common/item.h"
#include "plugins/strategies/postgresql/postgresql.h"

#define COMPLETE "failback: complete"
#define SETTLE_MS 10000 /* until sessions of what was stopped are gone */
#define SPARE_MS 2000   /* to start it again */

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
	char who[PG_TEXT], text[PG_TEXT + 400], again[PG_NAME * 2], *base, *psql, *name, *sql;
	const char *asked = pg_asked_set(p);
	int n;

	if (pg_end_own_sessions(p, db, p->database) || pg_others(p, db, p->database, &n, who, sizeof who))
		return pg_answer();
	if (!n)
		return FB_OK;
	if (asked)
		snprintf(again, sizeof again, "backup restore %s --item %s", asked, p->call->service);
	else
		snprintf(again, sizeof again, "rollback %.*s", (int)strcspn(p->call->service, "."), p->call->service);
	pg_fail(p, "%s. The snapshot could take its place, but %d session%s connected to database %s, which are not ours to end: %s. Stop what they belong to; it is tried again "
		      "until the time is over; after that run 'failback %s' again, or set 'stop' and 'start'", why, n, n == 1 ? " is" : "s are", p->database, who, again);
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

/* After 'stop': sessions of what was stopped may need a moment to be gone. */
static int32_t stop_others(struct pg *p, PGconn *db, const char *why)
{
	int32_t answer = item_command(p->call, "stop", "the database is as it was, for what uses it could not be stopped");
	char who[PG_TEXT];
	int n = 1;

	for (int64_t left = run_is_set(p->call, "stop") ? SETTLE_MS : 0; answer == FB_OK && left > 0 && p->host->remaining_ms(p->call) > SPARE_MS; left -= 50) {
		if (pg_others(p, db, p->database, &n, who, sizeof who))
			return pg_answer();
		if (!n || p->host->sleep_ms(p->call, 50))
			break;
	}
	return answer == FB_OK ? nobody(p, db, why) : answer;
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

/* With what uses it stopped, where 'stop' is set, for as long as it takes. */
static int32_t exchange(struct pg *p, PGconn *db, const char *name, const char *aside, const char *why)
{
	int32_t answer = stop_others(p, db, why), started;

	if (answer == FB_OK)
		answer = rename_both(p, db, name, aside);
	started = item_command(p->call, "start", answer == FB_OK ? "the snapshot is in the place of the database, but 'start' failed" : "the database is as it was, and 'start' failed");
	return answer == FB_OK ? started : answer;
}

/* kept: what the database that is put aside is called by. */
static int32_t swap(struct pg *p, PGconn *db, const char *snapshot, const char *kept, const char *why)
{
	char name[PG_NAME], put_aside[PG_NAME];
	bool clone = !strncmp(snapshot, "clone ", 6), aside, there;
	int32_t leave, answer = FB_OK;

	pg_name(p, kept, put_aside, sizeof put_aside);
	pg_name(p, "return", name, sizeof name);
	if (clone)
		snprintf(name, sizeof name, "%s", snapshot + 6);
	if (has(p, db, put_aside, false, &aside) || has(p, db, p->database, false, &there))
		return pg_answer();
	if (aside && there) { /* by an earlier attempt */
		tell(p, put_aside);
		return item_command(p->call, "start", "the snapshot is in the place of the database, but 'start' failed");
	}
	if (!run_is_set(p->call, "stop"))
		answer = nobody(p, db, why);
	if (answer != FB_OK)
		return answer;
	leave = pg_leave(p, "swap", FB_REPEAT_IDEMPOTENT, "put the snapshot in the place of database %s, and keep that as %s", p->database, put_aside);
	if (leave == FB_ACT_NO)
		return FB_RETRY;
	if (leave == FB_ACT_DRY)
		return FB_OK;
	answer = clone ? (copy_settings(p, db, name) ? pg_answer() : FB_OK) : bring(p, db, snapshot + 5, name);
	if (answer == FB_OK)
		answer = exchange(p, db, name, put_aside, why);
	if (answer != FB_OK)
		return answer;
	tell(p, put_aside);
	return pg_made(p, "swap", leave);
}

/* On a connection to another database: this one must have none of ours. */
static int32_t swap_from_outside(struct pg *p, const char *snapshot, const char *kept, const char *why)
{
	char *name = run_copy(p->host->option(p->call, "maintenance_db"));
	int32_t answer;
	PGconn *db;

	PQfinish(p->db);
	p->db = NULL;
	db = pg_connect_to(p, name);
	free(name);
	answer = db ? swap(p, db, snapshot, kept, why) : pg_answer();
	PQfinish(db);
	return answer;
}

int32_t pg_fall_back(struct pg *p, const char *release, const char *why)
{
	char key[PG_NAME + 20], *snapshot = run_copy(p->host->fact(p->call, FB_SCOPE_SERVICE, pg_key("snapshot", release, key, sizeof key)));
	const char *how = p->host->option(p->call, "fallback");
	int32_t answer = FB_FAIL;

	if (how && !strcmp(how, "none") && !pg_is_item(p)) {
		pg_fail(p, "%s. fallback = \"none\": the snapshot is left to people", why);
	} else if (!snapshot || (strncmp(snapshot, "dump ", 5) && strncmp(snapshot, "clone ", 6))) {
		pg_fail(p, "%s. There is no snapshot from when release %s was live to fall back on", why, release ? release : "(none)");
	} else {
		p->host->log(p->call, FB_LOG_WARNING, "%s; the snapshot (%s) takes its place", why, snapshot);
		answer = swap_from_outside(p, snapshot, "failed", why);
	}
	free(snapshot);
	return answer;
}

/* ---- what people ask for: failback backup restore ---- */

const char *pg_asked_set(struct pg *p)
{
	return p->call->flags & FB_CALL_RECOVERY ? NULL : p->host->fact(p->call, FB_SCOPE_EXECUTION, ITEM_SET);
}

int pg_was_given(struct pg *p, bool *ret)
{
	char name[PG_NAME];

	*ret = false;
	if (!p->host->fact(p->call, FB_SCOPE_EXECUTION, ITEM_SET))
		return 0;
	pg_name(p, "replaced", name, sizeof name);
	return has(p, p->db, name, false, ret);
}

int32_t pg_give_back(struct pg *p, const char *set)
{
	char snapshot[PG_NAME], why[PG_TEXT];

	snprintf(snapshot, sizeof snapshot, "dump %s", set);
	snprintf(why, sizeof why, "database %s is to be given back from set %s", p->database, set);
	return swap_from_outside(p, snapshot, "replaced", why);
}
