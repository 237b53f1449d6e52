/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of a database as lines of text in the order of their bytes: "column TABLE COLUMN TYPE", "constraint …", "index …", "view …", and of what is broken
 * "invalid …" and "behind SEQUENCE"; fields are separated by tabs. Comparing two such texts says what a downgrade will drop, and what one has broken.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/postgresql/postgresql.h"

#define OURS "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
#define TABLE "quote_ident(n.nspname) || '.' || quote_ident(c.relname)"

/* $1: our own table of migrations, which each revision has another content of, and 0 may not have at all */
static const char schema[] =
	"WITH t AS (SELECT c.oid, " TABLE " AS name, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE " OURS
	" AND c.relpersistence <> 't' AND c.oid IS DISTINCT FROM to_regclass($1)),"
	" lines AS (SELECT concat_ws(E'\\t', 'column', t.name, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END"
	"   || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) AS line"
	"   FROM t JOIN pg_attribute a ON a.attrelid = t.oid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
	"   WHERE t.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
	" UNION ALL SELECT concat_ws(E'\\t', 'constraint', t.name, quote_ident(k.conname), pg_get_constraintdef(k.oid)) FROM t JOIN pg_constraint k ON k.conrelid = t.oid"
	"   WHERE k.contype <> 't'"
	" UNION ALL SELECT concat_ws(E'\\t', 'invalid', t.name, quote_ident(k.conname)) FROM t JOIN pg_constraint k ON k.conrelid = t.oid WHERE NOT k.convalidated"
	" UNION ALL SELECT concat_ws(E'\\t', 'index', t.name, pg_get_indexdef(i.indexrelid)) FROM t JOIN pg_index i ON i.indrelid = t.oid WHERE t.relkind IN ('r', 'p', 'm')"
	" UNION ALL SELECT concat_ws(E'\\t', 'invalid', t.name, i.indexrelid::regclass) FROM t JOIN pg_index i ON i.indrelid = t.oid WHERE NOT i.indisvalid AND t.relkind IN ('r', 'm')"
	" UNION ALL SELECT concat_ws(E'\\t', 'view', t.name, md5(pg_get_viewdef(t.oid))) FROM t WHERE t.relkind IN ('v', 'm')"
	" UNION ALL SELECT concat_ws(E'\\t', 'sequence', t.name) FROM t WHERE t.relkind = 'S'"
	" UNION ALL SELECT concat_ws(E'\\t', 'trigger', t.name, pg_get_triggerdef(g.oid)) FROM t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT g.tgisinternal)"
	" SELECT translate(line, E'\\n\\r', '  ') FROM lines ORDER BY line COLLATE \"C\"";

/* Sequences that a column owns. */
static const char sequences[] =
	"SELECT quote_ident(sn.nspname) || '.' || quote_ident(s.relname), " TABLE ", quote_ident(a.attname) FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
	" JOIN pg_namespace sn ON sn.oid = s.relnamespace JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace"
	" JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid JOIN pg_sequence q ON q.seqrelid = s.oid AND q.seqincrement > 0"
	" WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND " OURS " ORDER BY 1";

/* "behind SEQUENCE" for each whose next value is in its column already. The maximum is of a snapshot that is older than the look at the sequence. */
static int add_behind(struct pg *p, PGconn *db, FILE *out)
{
	PGresult *r = pg_query(p, db, "looking for sequences", sequences, 0, NULL);
	int rc = r ? 0 : -1;
	char sql[1200], *behind;

	for (int i = 0; r && i < PQntuples(r) && !rc; i++) {
		snprintf(sql, sizeof sql, "SELECT 1 FROM (SELECT max(%s)::numeric AS m FROM %s) x, %s s WHERE x.m > s.last_value", PQgetvalue(r, i, 2), PQgetvalue(r, i, 1),
			 PQgetvalue(r, i, 0));
		behind = NULL;
		rc = pg_ask(p, db, "comparing a sequence with its column", sql, 0, NULL, &behind);
		if (behind)
			fprintf(out, "behind\t%s\n", PQgetvalue(r, i, 0));
		free(behind);
	}
	PQclear(r);
	return rc;
}

char *pg_catalog(struct pg *p, PGconn *db)
{
	char *own = run_copy(p->host->option(p->call, "table")), *text = NULL;
	const char *const values[] = {own};
	PGresult *r = pg_query(p, db, "reading the schema", schema, 1, values);
	size_t size;
	FILE *out;
	int rc;

	free(own);
	if (!r)
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		abort();
	rc = add_behind(p, db, out);
	for (int i = 0; i < PQntuples(r); i++)
		fprintf(out, "%s\n", PQgetvalue(r, i, 0));
	PQclear(r);
	if (fclose(out) || !text)
		abort();
	if (rc) {
		free(text);
		text = NULL;
	}
	return text;
}

bool pg_catalog_has(const char *catalog, const char *line, size_t n)
{
	for (const char *at = catalog; (at = memmem(at, strlen(at), line, n)); at++)
		if ((at == catalog || at[-1] == '\n') && (at[n] == '\n' || at[n] == '\t' || !at[n]))
			return true;
	return false;
}

static const char *readable(const char *line, size_t n, char *buf, size_t size)
{
	run_printable(line, n, buf, size); /* a tab becomes a blank */
	return buf;
}

int32_t pg_catalog_compare(struct pg *p, const char *then, const char *now, const char *what)
{
	char buf[400];
	size_t n;

	for (const char *s = then; *s; s += n + (s[n] == '\n')) {
		n = strcspn(s, "\n");
		if (n && strncmp(s, "invalid\t", 8) && strncmp(s, "behind\t", 7) && !pg_catalog_has(now, s, n)) {
			pg_fail(p, "the schema of %s is not what it was: this is missing or has changed: %s", what, readable(s, n, buf, sizeof buf));
			return FB_FAIL;
		}
	}
	for (const char *s = now; *s; s += n + (s[n] == '\n')) {
		n = strcspn(s, "\n");
		if (!n || pg_catalog_has(then, s, n))
			continue;
		if (!strncmp(s, "behind\t", 7)) {
			pg_fail(p, "sequence %s of %s is behind the greatest value in its column: the next insert will fail. Move it with setval", readable(s + 7, n - 7, buf, sizeof buf), what);
			return FB_FAIL;
		}
		if (!strncmp(s, "invalid\t", 8)) {
			pg_fail(p, "a constraint or index of %s is not valid: %s", what, readable(s + 8, n - 8, buf, sizeof buf));
			return FB_FAIL;
		}
		p->host->log(p->call, FB_LOG_WARNING, "%s has what it had not: %s", what, readable(s, n, buf, sizeof buf));
	}
	return FB_OK;
}

/* "column TABLE COLUMN" and its parts; false: another kind of line. */
struct column {
	const char *line;
	size_t key; /* bytes to the end of the column's name */
	char table[300], name[150];
};

static bool column(const char *line, size_t n, struct column *ret)
{
	const char *table = line + 7, *name, *type;

	if (n < 8 || strncmp(line, "column\t", 7) || !(name = memchr(table, '\t', n - 7)) || !(type = memchr(name + 1, '\t', n - (size_t)(name + 1 - line))))
		return false;
	ret->line = line;
	ret->key = (size_t)(type - line);
	snprintf(ret->table, sizeof ret->table, "%.*s", (int)(name - table), table);
	snprintf(ret->name, sizeof ret->name, "%.*s", (int)(type - name - 1), name + 1);
	return true;
}

static bool had_table(const char *then, const struct column *c)
{
	return pg_catalog_has(then, c->line, 7 + strlen(c->table));
}

int pg_catalog_added(const char *then, const char *now, int (*f)(void *ctx, const char *table, const char *columns), void *ctx)
{
	char *columns = NULL, last[300] = "";
	struct column c;
	int rc = 0;
	size_t n;

	for (const char *s = now; *s && !rc; s += n + (s[n] == '\n')) { /* lines of a table stand together */
		n = strcspn(s, "\n");
		if (!column(s, n, &c) || pg_catalog_has(then, c.line, c.key))
			continue;
		if (strcmp(c.table, last)) {
			if (columns)
				rc = f(ctx, last, columns);
			free(columns);
			columns = NULL;
			snprintf(last, sizeof last, "%s", c.table);
			if (!rc && !had_table(then, &c))
				rc = f(ctx, last, NULL);
		}
		if (had_table(then, &c)) {
			char *more = NULL;

			if (asprintf(&more, "%s%s%s", columns ? columns : "", columns ? ", " : "", c.name) < 0)
				abort();
			free(columns);
			columns = more;
		}
	}
	if (!rc && columns)
		rc = f(ctx, last, columns);
	free(columns);
	return rc;
}
