/* SPDX-License-Identifier: Apache-2.0 */
/* strategy sqlite: a database file as an item of a backup, copied while others write to it. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/common/item.h"
#include "plugins/common/run.h"
#include "plugins/strategies/sqlite/database.h"

static const struct fb_option options[] = {
	{.name = "path", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "The database file"},
	{.name = "lock_timeout", .type = FB_TYPE_DURATION, .default_value = "10s", .unit = "s", .min = 1, .max = 3600000, .summary = "How long to wait for a lock that another process holds"},
	{.name = "check", .type = FB_TYPE_CHOICE, .default_value = "full", .choices = "full|quick", .summary = "How the copy is checked: PRAGMA integrity_check, or quick_check, which does not compare indexes with tables"},
	{.name = "foreign_keys", .type = FB_TYPE_CHOICE, .default_value = "warn", .choices = "warn|refuse|ignore", .summary = "What it means when rows refer to others that are not there"},
	{.name = "by", .type = FB_TYPE_CHOICE, .default_value = "rename", .choices = "rename|transaction", .summary = "rename: a new file takes the place of the old one, which nobody may have open; transaction: the content is written into the database, which others may have open"},
	{.name = "stop", .type = FB_TYPE_COMMAND, .summary = "Run before a restore: ends what has the database open"},
	{.name = "start", .type = FB_TYPE_COMMAND, .summary = "Run after a restore, also after one that failed"},
	ITEM_OPTIONS("keep"),
	{0},
};

struct giving {
	const char *place; /* the first: item_restore_by */
};

static bool is(const struct fb_call *call, const char *option, const char *value)
{
	const char *s = call->host->option(call, option);

	return s && !strcmp(s, value);
}

static int64_t lock_ms(const struct fb_call *call)
{
	return call->host->option_int(call, "lock_timeout", 10000);
}

/* A copy: what the host returns lives until the next option. */
static char *database(const struct fb_call *call)
{
	return run_copy(call->host->option(call, "path"));
}

/* The copy in a folder: it has the database's own name. To be freed. */
static char *copy_in(const char *folder, const char *path)
{
	const char *name = strrchr(path, '/');
	char file[4200];

	snprintf(file, sizeof file, "%s/%s", folder, name ? name + 1 : path);
	return run_copy(file);
}

static int32_t check(const struct fb_call *call)
{
	if (run_is_set(call, "stop") != run_is_set(call, "start")) {
		call->host->fail(call, "'stop' and 'start' belong together: one of them is not set");
		return FB_FATAL;
	}
	return item_check(call);
}

/* ---- capture ---- */

static int32_t check_keys(const struct fb_call *call, const char *path, const char *file)
{
	char text[DATABASE_TEXT];
	int64_t strays = is(call, "foreign_keys", "ignore") ? 0 : database_strays(file, text);

	if (!strays)
		return FB_OK;
	if (is(call, "foreign_keys", "refuse") || strays < 0) {
		if (strays > 0)
			call->host->fail(call, "%s could not be backed up: foreign_key_check found %lld rows that refer to others that are not there, %s: mend them, or set foreign_keys = \"warn\"",
					 path, (long long)strays, text);
		else
			call->host->fail(call, "%s could not be backed up: %s", path, text);
		return FB_FAIL;
	}
	call->host->log(call, FB_LOG_WARNING, "%s has %lld rows that refer to others that are not there, %s; they are in the backup as they are", path, (long long)strays, text);
	return FB_OK;
}

/* How many rows each table has, for the proof. */
static int32_t record_rows(const struct fb_call *call, const char *path, const char *file)
{
	char text[DATABASE_TEXT] = "no memory", *rows = NULL;
	json_t *all = is(call, "verify", "restore") ? database_rows(file, text) : json_object();
	int32_t answer = FB_OK;

	if (all)
		rows = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	if (!rows || call->host->fact_set(call, FB_SCOPE_OWN, "rows", rows)) {
		call->host->fail(call, "%s could not be backed up: %s", path, rows ? "how many rows it has could not be recorded" : text);
		answer = FB_FAIL;
	}
	free(rows);
	json_decref(all);
	return answer;
}

static int32_t make_copy(const struct fb_call *call, const char *path, const char *file)
{
	char text[DATABASE_TEXT];
	int32_t answer;

	if (database_copy(call, path, file, lock_ms(call), text) || database_check(file, is(call, "check", "quick"), text)) {
		call->host->fail(call, "%s could not be backed up: %s", path, text);
		return FB_FAIL;
	}
	answer = check_keys(call, path, file);
	return answer == FB_OK ? record_rows(call, path, file) : answer;
}

static int32_t capture(const struct fb_call *call)
{
	bool dry = call->flags & FB_CALL_DRY_RUN;
	char *path = database(call), *place = dry ? NULL : item_place(call, "copy"), *file = NULL;
	struct store_words w = {0};
	int32_t answer = FB_OK;
	char tool[64];

	if (!dry && (!place || mkdir(place, 0700))) {
		if (place)
			call->host->fail(call, "%s could not be backed up: cannot make the folder %s", path, place);
		answer = FB_FAIL;
	} else if (!dry) {
		file = copy_in(place, path);
		answer = make_copy(call, path, file);
		store_option(&w, "--file", file);
	}
	snprintf(tool, sizeof tool, "tool=SQLite %s", sqlite3_libversion());
	store_option(&w, "--meta", tool);
	if (answer == FB_OK)
		answer = item_capture(call, "sqlite", path, &w);
	store_words_clear(&w);
	item_clear(place);
	free(file);
	free(path);
	return answer;
}

/* ---- proof ---- */

/* The first table whose count differs, in text; false: none. */
static bool differs(const json_t *was, const json_t *is_now, char *text, size_t size)
{
	const json_t *n, *before;
	const char *table;

	json_object_foreach((json_t *)(uintptr_t)is_now, table, n) {
		before = json_object_get(was, table);
		if (!before || !json_equal(n, before)) {
			snprintf(text, size, "table %s has %lld rows, and had %lld", table, (long long)json_integer_value(n), before ? (long long)json_integer_value(before) : -1);
			return true;
		}
	}
	snprintf(text, size, "it has %zu tables, and had %zu", json_object_size(is_now), json_object_size(was));
	return json_object_size(is_now) != json_object_size(was);
}

static int32_t look(const struct fb_call *call, const char *place)
{
	const char *recorded = call->host->fact(call, FB_SCOPE_OWN, "rows");
	json_t *was = recorded ? json_loads(recorded, 0, NULL) : NULL, *now = NULL;
	char text[DATABASE_TEXT], *path, *file;
	bool bad;

	if (!place) {
		json_decref(was);
		return FB_OK;
	}
	path = database(call);
	file = copy_in(place, path);
	bad = database_check(file, true, text) || !(now = database_rows(file, text));
	if (!bad)
		bad = differs(was, now, text, sizeof text);
	if (bad)
		call->host->fail(call, "the backup of %s cannot be relied on: what was restored from it into a scratch place is not what was copied: %s", path, text);
	json_decref(was);
	json_decref(now);
	free(file);
	free(path);
	return bad ? FB_FAIL : FB_OK;
}

static int32_t prove(const struct fb_call *call)
{
	return item_prove_with(call, look);
}

/* ---- restore ---- */

static int32_t give(const struct fb_call *call, void *ctx)
{
	struct giving *g = ctx;
	char *path = database(call), *file = copy_in(g->place, path), text[DATABASE_TEXT];
	bool overwrite = is(call, "by", "transaction") && !access(path, F_OK);
	int failed = database_check(file, true, text);

	if (!failed)
		failed = overwrite ? database_overwrite(call, path, file, lock_ms(call), text) : database_replace(call, path, file, lock_ms(call), text);
	if (failed)
		call->host->fail(call, "%s was not brought back: %s", path, text);
	else
		call->host->log(call, FB_LOG_INFO, overwrite ? "%s has the content of the backup" : "%s is the one of the backup; the one before is beside it, .replaced", path);
	free(file);
	free(path);
	return failed ? FB_FAIL : FB_OK;
}

static int32_t restore(const struct fb_call *call)
{
	struct giving g = {0};
	char *path = database(call);
	int32_t answer, started;

	if (item_stays(call, path)) {
		free(path);
		return FB_SKIP;
	}
	answer = item_command(call, "stop", "the database is as it was, for what has it open could not be stopped");
	if (answer == FB_OK) {
		answer = item_restore_by(call, path, give, &g);
		started = answer == FB_OK || answer == FB_FAIL ? item_command(call, "start", answer == FB_OK ? "the database is back, but start failed" : "the database is not back, and start failed")
							       : FB_OK;
		if (answer == FB_OK)
			answer = started;
	}
	free(path);
	return answer;
}

static const struct fb_strategy_ops ops = {.check = check, .state = item_state, .capture = capture, .prove = prove, .restore = restore};

FB_PLUGIN(STRATEGY, .name = "sqlite", .version = "0.1.0", .summary = "Backs up a SQLite database while others write to it, and puts it back", .license = "Apache-2.0",
	  .options = options, .strategy = &ops)
