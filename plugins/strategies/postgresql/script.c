/* SPDX-License-Identifier: Apache-2.0 */
/* What is preserved of one table, as a script for psql that puts it back. */
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/postgresql/postgresql.h"

/* The table's columns that a row is made of ("primary": those of its primary key), quoted, separated by commas; NULL: none. */
static int columns_of(struct pg *p, PGconn *db, const char *table, bool primary, char **ret)
{
	const char *const values[] = {table};

	return pg_ask(p, db, "reading the columns of a table",
		      primary ? "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary"
				" AND a.attnum = ANY (i.indkey) WHERE a.attrelid = $1::regclass"
			      : "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped"
				" AND attgenerated = ''",
		      1, values, ret);
}

static int copy_rows(struct pg *p, PGconn *db, const char *query, FILE *out)
{
	char *copy = NULL, *line;
	PGresult *r;
	int n, rc = 0;

	if (asprintf(&copy, "COPY (%s) TO STDOUT", query) < 0)
		abort();
	r = pg_query(p, db, "copying rows to preserve", copy, 0, NULL);
	free(copy);
	if (!r)
		return -1;
	PQclear(r);
	while ((n = PQgetCopyData(db, &line, 0)) > 0) {
		if (fwrite(line, 1, (size_t)n, out) != (size_t)n)
			rc = -1; /* to the end, so that the session can be used */
		PQfreemem(line);
	}
	if (rc)
		pg_fail(p, "rows to preserve could not be written to the scratch folder: is it full?");
	while ((r = PQgetResult(db))) {
		if (PQresultStatus(r) != PGRES_COMMAND_OK) {
			pg_fail(p, "rows to preserve could not be read: %s", PQresultErrorMessage(r));
			rc = -1;
		}
		PQclear(r);
	}
	return n == -2 ? -1 : rc;
}

/* "a = r.a, b = r.b" of "a, b": each name is quoted where it has to be, so that a comma outside quotes separates. */
static void pairs(FILE *out, const char *list, const char *left, const char *between)
{
	bool quoted = false, first = true;
	const char *begin = list;

	for (const char *s = list;; s++) {
		quoted = *s == '"' ? !quoted : quoted;
		if (*s && (*s != ',' || quoted))
			continue;
		fprintf(out, "%s%s%.*s = r.%.*s", first ? "" : between, left, (int)(s - begin), begin, (int)(s - begin), begin);
		first = false;
		if (!*s)
			return;
		begin = s + 2;
		s++;
	}
}

/* Do two such lists have a name in common? */
static bool shares(const char *a, const char *b)
{
	size_t n;

	for (const char *s = a; *s; s += n + (s[n] ? 2 : 0)) {
		n = strcspn(s, ",");
		for (const char *at = b; (at = memmem(at, strlen(at), s, n)); at++)
			if ((at == b || at[-1] == ' ') && (!at[n] || at[n] == ','))
				return true;
	}
	return false;
}

char *pg_script_rows(struct pg *p, PGconn *db, const char *table, const char *columns)
{
	const char *const values[] = {table, columns};
	char *told = NULL, *ret = NULL;

	if (columns && pg_ask(p, db, "looking for defaults of columns",
			      "SELECT 1 FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND atthasdef"
			      " AND strpos(', ' || $2 || ', ', ', ' || quote_ident(attname) || ', ') > 0 LIMIT 1",
			      2, values, &told))
		return NULL;
	if (asprintf(&ret, "FROM ONLY %s%s%s%s", table, columns && !told ? " WHERE num_nonnulls(" : "", columns && !told ? columns : "", columns && !told ? ") > 0" : "") < 0)
		abort();
	free(told);
	return ret;
}

/* The script of one part; key NULL: the table has no primary key. rows: pg_script_rows */
static int write_script(struct pg *p, PGconn *db, const char *table, const char *columns, const char *rows, const char *all, const char *key, FILE *out)
{
	bool merge = columns && key;
	const char *taken = columns ? key : all;
	char *query = NULL;
	int rc;

	fprintf(out, "-- Rows of %s%s%s%s, preserved by execution %s of failback before a downgrade. Run it with psql when the schema has a place for them.\n\\set ON_ERROR_STOP on\n", table,
		columns ? " (" : "", columns ? columns : "", columns ? ")" : "", p->call->execution);
	fprintf(out, "BEGIN;\nSET LOCAL client_encoding = '%s';\nCREATE TEMP TABLE failback_rows ON COMMIT DROP AS SELECT %s%s%s FROM ONLY %s WITH NO DATA;\nCOPY failback_rows FROM STDIN;\n",
		pg_encoding_to_char(PQclientEncoding(db)), taken ? taken : all, merge ? ", " : "", merge ? columns : "", table);
	if (asprintf(&query, "SELECT %s%s%s %s", taken ? taken : all, merge ? ", " : "", merge ? columns : "", rows) < 0)
		abort();
	rc = copy_rows(p, db, query, out);
	free(query);
	fprintf(out, "\\.\n");
	if (merge) {
		fprintf(out, "UPDATE ONLY %s t SET ", table);
		pairs(out, columns, "", ", ");
		fprintf(out, " FROM failback_rows r WHERE ");
		pairs(out, key, "t.", " AND ");
		fprintf(out, ";\n");
	} else if (!columns) {
		fprintf(out, "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM failback_rows ON CONFLICT DO NOTHING;\n", table, all, all);
	} else {
		fprintf(out, "CREATE TABLE failback_rows_of_before AS SELECT * FROM failback_rows; -- no primary key says which row is which: merge them by hand\n");
	}
	fprintf(out, "COMMIT;\n");
	return rc;
}

int pg_script(struct pg *p, PGconn *db, const char *table, const char *columns, FILE *out)
{
	char *all = NULL, *key = NULL, *rows = pg_script_rows(p, db, table, columns);
	int rc;

	rc = !rows || columns_of(p, db, table, false, &all) || columns_of(p, db, table, true, &key) ? -1 : 0;
	if (!rc && key && columns && shares(key, columns)) { /* what it drops is a part of the key */
		free(key);
		key = NULL;
	}
	if (!rc && all)
		rc = write_script(p, db, table, columns, rows, all, key, out);
	free(all);
	free(key);
	free(rows);
	return rc;
}
