/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before a downgrade: rows of snapshot_tables, of tables that were not there when the release was live, and values of such columns go into a sealed set of their
 * own. Each item is a script for psql that puts the rows back once the schema has a place for them. It runs in the transaction of the downgrade, with writers
 * of what will be dropped locked out, so that nothing is committed between the copy and the drop.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/strategies/postgresql/postgresql.h"

#define FACT "preserved"

struct part {
	char *table, *columns; /* quoted; columns NULL: all of the table */
	bool dropped;
};
struct work {
	struct pg *p;
	struct part *v;
	size_t n;
	char set[160];
	json_t *kept; /* [{"item", "table", "columns", "rows"}] */
};

static int add(void *ctx, const char *table, const char *columns)
{
	struct work *w = ctx;

	w->v = realloc(w->v, (w->n + 1) * sizeof *w->v);
	if (!w->v)
		abort();
	w->v[w->n++] = (struct part){run_copy(table), run_copy(columns), true};
	return 0;
}

/* snapshot_tables: their names as the catalog writes them. */
static int add_declared(struct work *w, PGconn *db)
{
	struct pg *p = w->p;
	uint32_t n = p->host->option_count(p->call, "snapshot_tables");
	char path[64], *name, *table;
	int rc = 0;

	for (uint32_t i = 0; i < n && !rc; i++) {
		const char *values[1];
		bool twice = false;

		snprintf(path, sizeof path, "snapshot_tables[%u]", (unsigned)i);
		values[0] = name = run_copy(p->host->option(p->call, path));
		table = NULL;
		rc = pg_ask(p, db, "looking for a table of snapshot_tables",
			    "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)",
			    1, values, &table);
		for (size_t k = 0; table && k < w->n; k++)
			twice = twice || (!strcmp(w->v[k].table, table) && !w->v[k].columns);
		if (!rc && !table)
			p->host->log(p->call, FB_LOG_WARNING, "snapshot_tables names %s, which is not there", name);
		else if (!rc && !twice) {
			add(w, table, NULL);
			w->v[w->n - 1].dropped = false;
		}
		free(table);
		free(name);
	}
	return rc;
}

/* Writers of what is dropped wait until the downgrade is done; readers do not. */
static int lock(struct work *w, PGconn *db)
{
	int rc = 0;

	for (size_t i = 0; i < w->n && !rc; i++)
		if (w->v[i].dropped)
			rc = pg_dof(w->p, db, "locking what the downgrade drops", "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", w->v[i].table);
	return rc;
}

static int store(struct work *w, const char *item, const char *file, const struct part *part)
{
	struct store_words s = {0};
	char line[STORE_LINE];
	int code;

	store_begin(&s, "put");
	store_option(&s, "--set", w->set);
	store_option(&s, "--item", item);
	store_option(&s, "--kind", "rows");
	store_option(&s, "--source", part->table);
	if (w->p->host->option_int(w->p->call, "secret", 0))
		store_word(&s, "--secret");
	store_option(&s, "--file", file);
	json_decref(store_ask(w->p->call, &s, &code, line));
	if (code)
		pg_fail(w->p, "rows of %s, which the downgrade drops, could not be preserved: %s. The database is as it was", part->table, line);
	return code ? -1 : 0;
}

static void item_name(size_t i, const struct part *part, char *buf, size_t size)
{
	size_t n;

	snprintf(buf, size, "%zu.%.80s%s", i + 1, part->table, part->columns ? ".columns" : "");
	n = strlen(buf);
	for (size_t k = 0; k < n; k++)
		if (!isalnum((unsigned char)buf[k]) && !strchr("._-", buf[k]))
			buf[k] = '_';
}

static int preserve_one(struct work *w, PGconn *db, size_t i)
{
	const struct part *part = &w->v[i];
	char item[128], file[4300], *rows = NULL, *sql = NULL, *from = pg_script_rows(w->p, db, part->table, part->columns);
	FILE *out = NULL;
	int rc;

	if (from && asprintf(&sql, "SELECT count(*) %s", from) < 0)
		abort();
	rc = from ? pg_ask(w->p, db, "counting rows to preserve", sql, 0, NULL, &rows) : -1;
	free(from);
	free(sql);
	if (!rc && rows && strcmp(rows, "0")) {
		item_name(i, part, item, sizeof item);
		snprintf(file, sizeof file, "%s/rows.sql", w->p->call->scratch ? w->p->call->scratch : "/nowhere");
		out = fopen(file, "we");
		rc = out ? pg_script(w->p, db, part->table, part->columns, out) : -1;
		if (!out || (ferror(out) | fclose(out))) {
			pg_fail(w->p, "rows to preserve could not be written to %s: is the disk full?", file);
			rc = -1;
		}
		if (!rc)
			rc = store(w, item, file, part);
		unlink(file);
		if (!rc)
			json_array_append_new(w->kept, json_pack("{s:s, s:s, s:s?, s:s}", "item", item, "table", part->table, "columns", part->columns, "rows", rows));
	}
	free(rows);
	return rc ? -1 : 0;
}

/* The first name that no sealed set has: an attempt whose downgrade failed may have left one. */
static void choose_set(struct work *w)
{
	char line[STORE_LINE];
	int code = 0;

	for (int i = 1; i < 100 && !code; i++) {
		struct store_words s = {0};

		snprintf(w->set, sizeof w->set, "%.110s-rows%d", w->p->call->execution, i);
		store_begin(&s, "show");
		store_option(&s, "--set", w->set);
		json_decref(store_ask(w->p->call, &s, &code, line));
	}
}

static int seal(struct work *w)
{
	struct store_words s = {0};
	char line[STORE_LINE], *text;
	json_t *fact;
	int code;

	store_begin(&s, "seal");
	store_option(&s, "--set", w->set);
	json_decref(store_ask(w->p->call, &s, &code, line));
	if (code) {
		pg_fail(w->p, "the set %s with the rows that the downgrade drops could not be sealed: %s. The database is as it was", w->set, line);
		return -1;
	}
	fact = json_pack("{s:s, s:O}", "set", w->set, "kept", w->kept);
	text = json_dumps(fact, JSON_COMPACT);
	code = !text || w->p->host->fact_set(w->p->call, FB_SCOPE_OWN, FACT, text);
	free(text);
	json_decref(fact);
	if (code)
		pg_fail(w->p, "where the rows that the downgrade drops are kept could not be recorded. The database is as it was");
	return code ? -1 : 0;
}

int32_t pg_preserve(struct pg *p, PGconn *db)
{
	struct work w = {.p = p, .kept = json_array()};
	char key[PG_NAME + 20], *then = run_copy(p->host->fact(p->call, FB_SCOPE_SERVICE, pg_key("catalog", pg_good(p), key, sizeof key))), *now = pg_catalog(p, db);
	int rc = now ? 0 : -1;

	if (!rc && then && *then)
		rc = pg_catalog_added(then, now, add, &w);
	else if (!rc)
		p->host->log(p->call, FB_LOG_WARNING, "the schema of release %s is not recorded: only rows of snapshot_tables are preserved", pg_good(p) ? pg_good(p) : "?");
	if (!rc)
		rc = add_declared(&w, db) || lock(&w, db);
	if (!rc && w.n && !(rc = pg_store_ready(p)))
		choose_set(&w);
	for (size_t i = 0; i < w.n && !rc; i++)
		rc = preserve_one(&w, db, i);
	if (!rc && json_array_size(w.kept))
		rc = seal(&w);
	for (size_t i = 0; i < w.n; i++) {
		free(w.v[i].table);
		free(w.v[i].columns);
	}
	free(w.v);
	free(then);
	free(now);
	json_decref(w.kept);
	return rc ? pg_answer() : FB_OK;
}

/* Where failback-store is: beside the program that this runs in, where a shell does not look. */
static void program(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	buf[n > 0 ? n : 0] = 0;
	slash = strrchr(buf, '/');
	if (slash)
		snprintf(slash + 1, size - (size_t)(slash + 1 - buf), "%s", STORE_PROGRAM);
	if (!slash || access(buf, X_OK))
		snprintf(buf, size, "%s", STORE_PROGRAM);
}

void pg_preserve_tell(struct pg *p)
{
	const char *fact = p->host->fact(p->call, FB_SCOPE_OWN, FACT), *settings = p->host->document(p->call, "backup_store");
	json_t *kept = fact ? json_loads(fact, 0, NULL) : NULL, *store = settings ? json_loads(settings, 0, NULL) : NULL, *one;
	const char *set = json_string_value(json_object_get(kept, "set")), *folder = json_string_value(json_object_get(store, "path"));
	char text[PG_TEXT], command[12000], path[4200], *psql = pg_psql(p, p->database), *where = run_quote(folder ? folder : ""), *store_program;
	size_t i;

	program(path, sizeof path);
	store_program = run_quote(path);
	json_array_foreach(json_object_get(kept, "kept"), i, one) {
		const char *columns = json_string_value(json_object_get(one, "columns")), *table = json_string_value(json_object_get(one, "table")), *rows = json_string_value(json_object_get(one, "rows"));

		snprintf(text, sizeof text, "%s rows of %s%s%s%s were preserved in set %s; when the schema has a place for them again, put them back", rows, table, columns ? " (" : "", columns ? columns : "",
			 columns ? ")" : "", set);
		snprintf(command, sizeof command, "%s --store %s restore --set %s --item %s --command -- %s", store_program, where, set, json_string_value(json_object_get(one, "item")), psql);
		p->host->log(p->call, FB_LOG_INFO, "%s", text);
		p->host->advise(p->call, text, command);
	}
	free(psql);
	free(where);
	free(store_program);
	json_decref(kept);
	json_decref(store);
}
