/* SPDX-License-Identifier: Apache-2.0 */
/* Copies by SQLite's online backup interface, and looks at copies. */
#include "plugins/strategies/sqlite/database.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_PAGES 2048
#define PAUSE_MS 2
#define MOST_PASSES 3 /* of a database that is written to all the time: then its writers wait for the rest */

static int told(char text[DATABASE_TEXT], const char *what, const char *file, sqlite3 *db, int rc)
{
	snprintf(text, DATABASE_TEXT, "%s %s: %s", what, file, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
	return -1;
}

/* Opens what others may have open, and leaves it as it is when closed. */
static int open_live(const char *file, int64_t lock_ms, sqlite3 **ret, char text[DATABASE_TEXT])
{
	int rc;

	*ret = NULL;
	if (access(file, F_OK)) {
		snprintf(text, DATABASE_TEXT, "cannot open %s: %s", file, strerror(errno));
		return -1;
	}
	rc = sqlite3_open_v2(file, ret, SQLITE_OPEN_READWRITE, NULL);
	if (rc != SQLITE_OK) {
		sqlite3_close(*ret);
		rc = sqlite3_open_v2(file, ret, SQLITE_OPEN_READONLY, NULL);
	}
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(*ret, (int)lock_ms);
		sqlite3_db_config(*ret, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		rc = sqlite3_exec(*ret, "select count(*) from sqlite_master", NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK)
		return 0;
	told(text, "cannot read", file, *ret, rc);
	sqlite3_close(*ret);
	*ret = NULL;
	return -1;
}

/* A file that nobody changes: without locks, and without files beside it. */
static int open_still(const char *file, sqlite3 **ret, char text[DATABASE_TEXT])
{
	char uri[3 * 4200 + 32] = "file:";
	size_t n = strlen(uri);
	int rc;

	for (; *file && n < sizeof uri - 32; file++)
		n += (size_t)snprintf(uri + n, sizeof uri - n, strchr("%?#", *file) ? "%%%02x" : "%c", (unsigned char)*file);
	snprintf(uri + n, sizeof uri - n, "?immutable=1");
	*ret = NULL;
	rc = sqlite3_open_v2(uri, ret, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
	if (rc == SQLITE_OK)
		return 0;
	told(text, "cannot open", uri, *ret, rc);
	sqlite3_close(*ret);
	*ret = NULL;
	return -1;
}

/* The text of the first column of the first row, a copy; NULL: none. */
static char *first(sqlite3 *db, const char *query)
{
	sqlite3_stmt *s = NULL;
	char *text = NULL;

	if (sqlite3_prepare_v2(db, query, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW && sqlite3_column_text(s, 0))
		text = strdup((const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	return text;
}

/*
 * With a write-ahead log a transaction that reads has one state to its end and holds up nobody. Without one, a copy that is made in steps begins anew when
 * somebody writes in between; after some passes it is made in one step, while which writers wait.
 */
static int copy_pages(const struct fb_call *call, sqlite3_backup *b, bool held)
{
	int64_t passed = 0;
	int pages = STEP_PAGES, rc;

	do {
		rc = sqlite3_backup_step(b, pages);
		passed += pages;
		if (sqlite3_backup_pagecount(b) > 0)
			call->host->progress(call, 10000 - (int)(10000LL * sqlite3_backup_remaining(b) / sqlite3_backup_pagecount(b)), "copying the database");
		if (call->host->remaining_ms(call) <= 0)
			return SQLITE_INTERRUPT;
		if (!held && pages > 0 && passed > (int64_t)MOST_PASSES * sqlite3_backup_pagecount(b) + STEP_PAGES)
			pages = -1;
		else if (rc == SQLITE_OK && !held)
			sqlite3_sleep(PAUSE_MS);
	} while (rc == SQLITE_OK);
	return rc; /* SQLITE_BUSY: after lock_timeout */
}

static int copy_into(const struct fb_call *call, sqlite3 *from, sqlite3 *to, bool held)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc, end;

	if (!b)
		return sqlite3_errcode(to);
	rc = copy_pages(call, b, held);
	end = sqlite3_backup_finish(b);
	return rc == SQLITE_DONE ? end : rc;
}

int database_copy(const struct fb_call *call, const char *from, const char *to, int64_t lock_ms, char text[DATABASE_TEXT])
{
	sqlite3 *source, *copy = NULL;
	struct stat st;
	bool held;
	char *mode;
	int rc;

	if (open_live(from, lock_ms, &source, text))
		return -1;
	mode = first(source, "PRAGMA journal_mode");
	held = mode && !strcmp(mode, "wal") && sqlite3_exec(source, "BEGIN; select count(*) from sqlite_master", NULL, NULL, NULL) == SQLITE_OK;
	free(mode);
	rc = sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(copy, "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = copy_into(call, source, copy, held);
	if (rc != SQLITE_OK)
		snprintf(text, DATABASE_TEXT, "cannot copy %s: %s", from, rc == SQLITE_INTERRUPT ? "there was no time left" : sqlite3_errstr(rc));
	sqlite3_close(copy);
	sqlite3_close(source);
	if (rc == SQLITE_OK && (stat(from, &st) || chmod(to, st.st_mode & 07777) || (geteuid() == 0 && chown(to, st.st_uid, st.st_gid)))) {
		snprintf(text, DATABASE_TEXT, "cannot give the copy of %s its mode and owner: %s", from, strerror(errno));
		return -1;
	}
	return rc == SQLITE_OK ? 0 : -1;
}

int database_overwrite(const struct fb_call *call, const char *database, const char *new, int64_t lock_ms, char text[DATABASE_TEXT])
{
	sqlite3 *source, *live;
	int rc;

	if (open_still(new, &source, text))
		return -1;
	if (open_live(database, lock_ms, &live, text)) {
		sqlite3_close(source);
		return -1;
	}
	rc = copy_into(call, source, live, true);
	if (rc != SQLITE_OK)
		snprintf(text, DATABASE_TEXT, "cannot write into %s: %s%s", database, sqlite3_errstr(rc),
			 rc == SQLITE_BUSY || rc == SQLITE_LOCKED ? "; a process has a transaction open in it: raise lock_timeout, or stop the process"
			 : rc == SQLITE_READONLY                  ? "; the size of its pages was changed, or it may not be written: use by = \"rename\""
								  : "");
	sqlite3_close(source);
	sqlite3_close(live);
	return rc == SQLITE_OK ? 0 : -1;
}

int database_check(const char *file, bool quick, char text[DATABASE_TEXT])
{
	sqlite3 *db;
	char *said;
	int bad;

	if (open_still(file, &db, text))
		return -1;
	said = first(db, quick ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)");
	bad = !said || strcmp(said, "ok") != 0;
	if (bad)
		snprintf(text, DATABASE_TEXT, "%s says: %s", quick ? "quick_check" : "integrity_check", said ? said : sqlite3_errmsg(db));
	free(said);
	sqlite3_close(db);
	return bad ? -1 : 0;
}

int64_t database_strays(const char *file, char text[DATABASE_TEXT])
{
	sqlite3_stmt *s = NULL;
	int64_t n = 0;
	sqlite3 *db;
	int rc;

	if (open_still(file, &db, text))
		return -1;
	rc = sqlite3_prepare_v2(db, "PRAGMA foreign_key_check", -1, &s, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (!n++)
			snprintf(text, DATABASE_TEXT, "the first in table %s, which refers to %s", (const char *)sqlite3_column_text(s, 0), (const char *)sqlite3_column_text(s, 2));
		rc = SQLITE_OK;
	}
	if (rc != SQLITE_DONE) {
		told(text, "cannot check the foreign keys of", file, db, rc);
		n = -1;
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

/* How many rows a table has; -1: not known. */
static int64_t count(sqlite3 *db, const char *table)
{
	char *query = sqlite3_mprintf("select count(*) from \"%w\"", table);
	sqlite3_stmt *s = NULL;
	int64_t n = -1;

	if (query && sqlite3_prepare_v2(db, query, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_free(query);
	return n;
}

json_t *database_rows(const char *file, char text[DATABASE_TEXT])
{
	sqlite3_stmt *s = NULL;
	json_t *rows = json_object();
	sqlite3 *db;
	int rc;

	if (open_still(file, &db, text)) {
		json_decref(rows);
		return NULL;
	}
	/* a virtual table may need a module that is not here; what it keeps is in tables of its own */
	rc = sqlite3_prepare_v2(db, "select name from sqlite_master where type = 'table' and sql not like 'create virtual%'", -1, &s, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(s, 0);
		int64_t n = count(db, table);

		rc = n < 0 || json_object_set_new(rows, table, json_integer(n)) ? SQLITE_ERROR : SQLITE_OK;
	}
	if (rc != SQLITE_DONE) {
		told(text, "cannot count the rows of", file, db, rc);
		json_decref(rows);
		rows = NULL;
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	return rows;
}
