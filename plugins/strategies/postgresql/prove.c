/* SPDX-License-Identifier: Apache-2.0 */
/* Shows that the snapshot can be gone back to: read back, or restored into a scratch database and compared row by row's sum. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/strategies/postgresql/postgresql.h"

static void report(struct pg *p, double seconds, const char *by)
{
	json_t *items = json_pack("[{s:s, s:f, s:s}]", "item", pg_item_name(p), "seconds", seconds, "proven_by", by);
	char *text = json_dumps(items, JSON_COMPACT);

	if (!text || p->host->report(p->call, "items", text))
		p->host->log(p->call, FB_LOG_WARNING, "the proof could not be reported");
	free(text);
	json_decref(items);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int32_t read_back(struct pg *p, const char *digest)
{
	struct store_words w = {0};
	char line[STORE_LINE];
	json_t *said;
	bool good;
	int code;

	store_begin(&w, "verify");
	store_option(&w, "--set", p->call->execution);
	store_option(&w, "--item", p->call->service);
	store_option(&w, "--digest", digest);
	said = store_ask(p->call, &w, &code, line);
	good = !code && json_is_true(json_object_get(said, "good"));
	if (good)
		report(p, json_number_value(json_object_get(said, "seconds")), "read");
	else
		pg_fail(p, "the dump of database %s cannot be relied on: %s", p->database, line);
	json_decref(said);
	return good ? FB_OK : FB_FAIL;
}

/* Is the database what was recorded? */
static int32_t compare(struct pg *p, const char *database, const char *what)
{
	char key[PG_NAME + 20], *then = run_copy(p->host->fact(p->call, FB_SCOPE_SERVICE, pg_key("catalog", p->call->last_good, key, sizeof key))), *catalog = NULL;
	const char *text = p->host->fact(p->call, FB_SCOPE_SERVICE, pg_key("proof", p->call->last_good, key, sizeof key));
	json_t *numbers = text ? json_loads(text, 0, NULL) : NULL, *found = NULL;
	PGconn *db = pg_connect_to(p, database);
	int32_t answer = FB_FAIL;

	if (db && (catalog = pg_catalog(p, db)) && (found = pg_proof(p, db))) {
		answer = then && *then ? pg_catalog_compare(p, then, catalog, what) : FB_OK;
		if (answer == FB_OK)
			answer = pg_proof_same(p, numbers, found, what);
	}
	PQfinish(db);
	free(then);
	free(catalog);
	json_decref(numbers);
	json_decref(found);
	return answer;
}

/* A dump is restored, compared and dropped. */
static int32_t restore_apart(struct pg *p, const char *digest)
{
	char name[PG_NAME];
	double begun = now(), took;
	int32_t leave, answer;

	pg_name(p, "scratch", name, sizeof name);
	leave = pg_leave(p, "scratch", FB_REPEAT_IDEMPOTENT, "restore the dump of %s into scratch database %s, and drop that", p->database, name);
	if (leave == FB_ACT_NO)
		return FB_RETRY;
	if (leave == FB_ACT_DRY)
		return FB_OK;
	answer = pg_dump_into(p, p->call->execution, digest, name);
	took = now() - begun;
	if (answer == FB_OK)
		answer = compare(p, name, "the database restored for proof");
	if (pg_database_drop(p, name) && answer == FB_OK)
		answer = pg_answer();
	if (answer == FB_OK)
		report(p, took, "restore");
	return answer == FB_OK ? pg_made(p, "scratch", leave) : answer;
}

int32_t pg_prove(struct pg *p)
{
	const char *how = p->host->option(p->call, "verify");
	char key[PG_NAME + 20], text[2 * PG_NAME], *kind, *digest;
	bool restores = how && !strcmp(how, "restore");
	int32_t answer = FB_SKIP;

	if (p->call->flags & FB_CALL_DRY_RUN)
		return FB_OK;
	kind = run_copy(p->host->fact(p->call, FB_SCOPE_SERVICE, pg_key("snapshot", p->call->last_good, key, sizeof key)));
	digest = run_copy(p->host->fact(p->call, FB_SCOPE_EXECUTION, "backup.digest"));
	if (!kind) {
		pg_fail(p, "no snapshot of database %s is recorded", p->database);
		answer = FB_FAIL;
	} else if (!strncmp(kind, "clone ", 6)) {
		double begun = now();

		answer = compare(p, kind + 6, "the clone");
		if (answer == FB_OK)
			report(p, now() - begun, "restore");
	} else if (!strncmp(kind, "dump ", 5)) {
		answer = restores ? restore_apart(p, digest) : read_back(p, digest);
		snprintf(text, sizeof text, "%s%s%s", kind, digest ? " " : "", digest ? digest : "");
		if (answer == FB_OK && !strchr(kind + 5, ' ') && p->host->fact_set(p->call, FB_SCOPE_SERVICE, key, text)) {
			pg_fail(p, "the digest of the set could not be recorded");
			answer = FB_FAIL;
		}
	} else {
		p->host->log(p->call, FB_LOG_WARNING, "snapshot = \"none\": a downgrade that fails has nothing to fall back on");
	}
	free(kind);
	free(digest);
	return answer;
}
