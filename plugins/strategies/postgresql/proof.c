/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a database, in numbers: of each table the rows and a sum over them that does not depend on their order. Of one moment when the caller has a
 * transaction open that sees one.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/postgresql/postgresql.h"

static const char tables[] = "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
			     " WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1";

/* How values are written must not depend on who asks. */
static const char settings[] = "SELECT set_config('datestyle', 'ISO', is_local), set_config('timezone', 'UTC', is_local), set_config('intervalstyle', 'postgres', is_local),"
			       " set_config('bytea_output', 'hex', is_local), set_config('extra_float_digits', '1', is_local) FROM (SELECT true AS is_local) x";

static int count(struct pg *p, PGconn *db, const char *table, bool sums, json_t *all)
{
	char sql[800];
	PGresult *r;

	snprintf(sql, sizeof sql, sums ? "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM ONLY %s t" : "SELECT count(*), NULL FROM ONLY %s", table);
	r = pg_query(p, db, "counting rows", sql, 0, NULL);
	if (!r)
		return -1;
	json_object_set_new(all, table, json_pack("{s:I, s:s?}", "rows", (json_int_t)strtoll(PQgetvalue(r, 0, 0), NULL, 10), "sum", PQgetisnull(r, 0, 1) ? NULL : PQgetvalue(r, 0, 1)));
	PQclear(r);
	return 0;
}

json_t *pg_proof(struct pg *p, PGconn *db)
{
	const char *how = p->host->option(p->call, "proof");
	bool inside = PQtransactionStatus(db) == PQTRANS_INTRANS, sums = how && !strcmp(how, "checksums");
	json_t *all = json_object();
	PGresult *r = NULL;
	int rc;

	if (how && !strcmp(how, "none"))
		return all;
	rc = !inside && pg_do(p, db, "beginning a transaction", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	if (!rc)
		rc = pg_do(p, db, "setting how values are written", settings);
	if (!rc && !(r = pg_query(p, db, "listing tables", tables, 0, NULL)))
		rc = -1;
	for (int i = 0; r && i < PQntuples(r) && !rc; i++)
		rc = count(p, db, PQgetvalue(r, i, 0), sums, all);
	PQclear(r);
	if (!inside)
		PQclear(PQexec(db, "ROLLBACK"));
	if (!rc)
		return all;
	json_decref(all);
	return NULL;
}

int32_t pg_proof_same(struct pg *p, const json_t *then, const json_t *now, const char *what)
{
	const char *table;
	json_t *one;

	json_object_foreach((json_t *)then, table, one) {
		const json_t *other = json_object_get(now, table);

		if (json_equal(one, other))
			continue;
		pg_fail(p, "%s differs in table %s: %lld rows, and it should have %lld%s", what, table, (long long)json_integer_value(json_object_get(other, "rows")),
			      (long long)json_integer_value(json_object_get(one, "rows")), other ? "" : "; the table is not there");
		return FB_FAIL;
	}
	return FB_OK;
}

static bool listed(struct pg *p, const char *list, const char *table)
{
	uint32_t n = p->host->option_count(p->call, list);
	char path[64], with_schema[300];

	for (uint32_t i = 0; i < n; i++) {
		const char *s;

		snprintf(path, sizeof path, "%s[%u]", list, (unsigned)i);
		s = p->host->option(p->call, path);
		snprintf(with_schema, sizeof with_schema, "%s%s", s && strchr(s, '.') ? "" : "public.", s ? s : "");
		if (!strcmp(with_schema, table))
			return true;
	}
	return false;
}

int32_t pg_proof_check(struct pg *p, const json_t *then, const json_t *now)
{
	const char *table;
	size_t same = 0, differ = 0;
	json_t *one;

	json_object_foreach((json_t *)then, table, one) {
		const json_t *other = json_object_get(now, table);
		long long before = json_integer_value(json_object_get(one, "rows")), after = json_integer_value(json_object_get(other, "rows"));

		if (json_equal(one, other)) {
			same++;
			continue;
		}
		differ++;
		if (listed(p, "static_tables", table)) {
			pg_fail(p, "table %s had %lld rows at the backup and has %lld now%s: look what has changed it; the backup is of before the deployment", table, before, after,
				      before == after ? ", with another content" : "");
			p->host->log(p->call, FB_LOG_ERROR, "table %s had %lld rows at the backup and has %lld now, and is one of static_tables", table, before, after);
			return FB_FAIL;
		}
		p->host->log(p->call, before && !after ? FB_LOG_WARNING : FB_LOG_INFO, "table %s was written to: %lld rows at the backup, %lld now", table, before, after);
	}
	if (json_object_size(then))
		p->host->log(p->call, FB_LOG_INFO, "%zu tables are as they were at the backup, %zu were written to", same, differ);
	return FB_OK;
}

int32_t pg_verify_queries(struct pg *p)
{
	uint32_t n = p->host->option_count(p->call, "verify_queries");
	char path[64];

	for (uint32_t i = 0; i < n; i++) {
		char *sql, *value = NULL;
		int rc;

		snprintf(path, sizeof path, "verify_queries[%u]", (unsigned)i);
		sql = run_copy(p->host->option(p->call, path));
		rc = sql ? pg_ask(p, p->db, path, sql, 0, NULL, &value) : 0;
		if (!rc && (!value || strcmp(value, "t"))) {
			pg_fail(p, "'%s' of database %s answers %s: it should be true", sql ? sql : "", p->database, value ? value : "nothing");
			rc = 1;
		}
		free(sql);
		free(value);
		if (rc)
			return rc < 0 ? pg_answer() : FB_FAIL;
	}
	return FB_OK;
}
