/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back, recorded and proven: the revision, the schema and the numbers of one moment, and the data of that moment as a dump in the store of backups or as
 * a clone of the database.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/strategies/postgresql/postgresql.h"

#define FACT_MAX 250000

/* ---- the store ---- */

int pg_store_ready(struct pg *p)
{
	return store_ready(p->call) == FB_OK ? 0 : -1;
}

static bool is_kept(struct pg *p)
{
	struct store_words w = {0};
	char line[STORE_LINE];
	int code;

	store_begin(&w, "show");
	store_option(&w, "--set", p->call->execution);
	store_option(&w, "--item", p->call->service);
	json_decref(store_ask(p->call, &w, &code, line));
	return code == 0;
}

/* ---- capture ---- */

static int remember(struct pg *p, const char *what, const char *value)
{
	char key[PG_NAME + 20];

	if (!p->host->fact_set(p->call, FB_SCOPE_SERVICE, pg_key(what, p->call->last_good, key, sizeof key), value))
		return 0;
	pg_fail(p, "the %s of database %s could not be recorded", what, p->database);
	return -1;
}

static void report_item(struct pg *p, const char *kind, const json_t *said, bool stored)
{
	json_t *items = json_pack("[{s:s, s:s, s:O?, s:O?, s:b}]", "item", pg_item_name(p), "kind", kind, "size", json_object_get(said, "size"), "encrypted",
				  json_object_get(said, "encrypted"), "stored", stored);
	char *text = json_dumps(items, JSON_COMPACT);

	if (!text || p->host->report(p->call, "items", text))
		p->host->log(p->call, FB_LOG_WARNING, "the item could not be reported");
	free(text);
	json_decref(items);
}

/* What is known of the moment; the transaction that sees it stays open. */
static int32_t look(struct pg *p, char **ret_snapshot)
{
	char revision[PG_NAME], *catalog = NULL, *numbers = NULL;
	json_t *proof = NULL;
	int rc;

	if (pg_do(p, p->db, "beginning a transaction", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") ||
	    pg_ask(p, p->db, "exporting the snapshot", "SELECT pg_export_snapshot()", 0, NULL, ret_snapshot) || pg_revision(p, p->db, revision))
		return pg_answer();
	catalog = pg_catalog(p, p->db);
	proof = catalog ? pg_proof(p, p->db) : NULL;
	numbers = proof ? json_dumps(proof, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(proof);
	if (!numbers) {
		free(catalog);
		return pg_answer();
	}
	if (strlen(catalog) > FACT_MAX || strlen(numbers) > FACT_MAX)
		p->host->log(p->call, FB_LOG_WARNING, "database %s has too many tables for its schema and its numbers to be recorded: what a downgrade drops is only preserved where snapshot_tables names it",
			     p->database);
	rc = remember(p, "revision", revision) || remember(p, "catalog", strlen(catalog) > FACT_MAX ? "" : catalog) || remember(p, "proof", strlen(numbers) > FACT_MAX ? "{}" : numbers);
	free(catalog);
	free(numbers);
	return rc ? FB_FAIL : FB_OK;
}

static int32_t dump(struct pg *p, const char *snapshot)
{
	char text[PG_TEXT], kind[60] = "postgresql";
	json_t *said;
	int jobs = 1;

	said = pg_dump(p, snapshot, &jobs);
	if (!said)
		return FB_FAIL;
	if (jobs > 1)
		snprintf(kind, sizeof kind, "postgresql, dumped by %d connections", jobs);
	report_item(p, kind, said, true);
	json_decref(said);
	snprintf(text, sizeof text, "dump %s", p->call->execution);
	return remember(p, "snapshot", text) ? FB_FAIL : FB_OK;
}

static int32_t make_clone(struct pg *p)
{
	char name[PG_NAME], text[PG_NAME + 16];
	int32_t answer;

	pg_name(p, "snapshot", name, sizeof name);
	answer = pg_clone_create(p, name);
	if (answer != FB_OK)
		return answer;
	report_item(p, "postgresql clone", NULL, false);
	snprintf(text, sizeof text, "clone %s", name);
	return remember(p, "snapshot", text) ? FB_FAIL : FB_OK;
}

/* Chosen, and explained. */
static int choose_clone(struct pg *p, bool *ret)
{
	const char *how = p->host->option(p->call, "snapshot");
	bool clone = how && !strcmp(how, "template"), open = how && !strcmp(how, "auto") && !pg_tool_is(p, "none");
	char who[PG_TEXT];
	int n = 0;

	*ret = clone;
	if (!clone && !open)
		return 0;
	if (pg_others(p, p->db, p->database, &n, who, sizeof who))
		return -1;
	*ret = !n;
	if (clone && n) {
		pg_fail(p, "snapshot = \"template\", but %d session%s connected to database %s: %s. Disconnect them, or set snapshot to \"dump\"", n, n == 1 ? " is" : "s are", p->database, who);
		return -1;
	}
	if (n)
		p->host->log(p->call, FB_LOG_INFO, "the snapshot is a dump, because %d session%s connected: %s", n, n == 1 ? " is" : "s are", who);
	else
		p->host->log(p->call, FB_LOG_INFO, "the snapshot is a clone, because nobody else is connected");
	return 0;
}

int32_t pg_capture(struct pg *p)
{
	const char *how = p->host->option(p->call, "snapshot");
	bool none = how && !strcmp(how, "none"), clone;
	char *snapshot = NULL;
	int32_t leave, answer;

	if (pg_connect(p) || pg_end_own_sessions(p, p->db, p->database))
		return pg_answer();
	leave = pg_leave(p, "snapshot", FB_REPEAT_IDEMPOTENT, none ? "record the revision of database %s" : "take a snapshot of database %s", p->database);
	if (leave == FB_ACT_NO)
		return FB_RETRY;
	if (leave == FB_ACT_DRY || (leave == FB_ACT_DONE && (none || is_kept(p))))
		return FB_OK;
	if (choose_clone(p, &clone) || (!none && !clone && pg_store_ready(p)))
		return FB_FAIL;
	answer = look(p, &snapshot);
	if (answer == FB_OK && none)
		answer = remember(p, "snapshot", "none") ? FB_FAIL : FB_OK;
	else if (answer == FB_OK)
		answer = clone ? make_clone(p) : dump(p, snapshot);
	free(snapshot);
	if (p->db)
		PQclear(PQexec(p->db, "ROLLBACK"));
	return answer == FB_OK ? pg_made(p, "snapshot", leave) : answer;
}
