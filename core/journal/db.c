/* SPDX-License-Identifier: Apache-2.0 */
/* Statements, values, rows and errors of one connection. Knows nothing of what the tables mean. */
#include "journal/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

int fb_db_open(struct fb_db *db, const char *path, int flags, struct fb_err *err)
{
	int code = sqlite3_open_v2(path, &db->h, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

	db->full = -1;
	if (code != SQLITE_OK) {
		fb_err_set(err, FB_EXIT_JOURNAL, "cannot open the journal %s: %s", path, db->h ? sqlite3_errmsg(db->h) : sqlite3_errstr(code));
		sqlite3_close_v2(db->h);
		db->h = NULL;
		return -1;
	}
	sqlite3_busy_timeout(db->h, FB_JOURNAL_BUSY_MS);
	sqlite3_limit(db->h, SQLITE_LIMIT_LENGTH, 64 * 1024 * 1024);
	/* The file may have been damaged or tampered with: what its schema says is not to be trusted. */
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return 0;
}

void fb_db_close(struct fb_db *db)
{
	for (size_t i = 0; i < db->room; i++) {
		sqlite3_finalize(db->v[i].stmt);
		fb_free(db->v[i].sql);
	}
	fb_free(db->v);
	sqlite3_close_v2(db->h);
	*db = (struct fb_db){.full = -1};
}

/* FNV-1a (draft-eastlake-fnv) */
static size_t hash(const char *s)
{
	uint64_t h = 14695981039346656037u;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 1099511628211u;
	return (size_t)h;
}

static struct fb_statement *find(struct fb_db *db, const char *sql)
{
	size_t i = hash(sql) & (db->room - 1);

	while (db->v[i].sql && strcmp(db->v[i].sql, sql) != 0)
		i = (i + 1) & (db->room - 1);
	return &db->v[i];
}

static void grow(struct fb_db *db)
{
	struct fb_statement *old = db->v;
	size_t room = db->room;

	db->room = room ? room * 2 : 128;
	db->v = fb_alloc(db->room * sizeof *db->v);
	for (size_t i = 0; i < room; i++)
		if (old[i].sql)
			*find(db, old[i].sql) = old[i];
	fb_free(old);
}

static struct fb_statement *prepare(struct fb_db *db, const char *sql, int *ret_code)
{
	struct fb_statement *s;

	if (db->n * 2 >= db->room)
		grow(db);
	s = find(db, sql);
	if (s->sql) {
		sqlite3_reset(s->stmt);
		sqlite3_clear_bindings(s->stmt);
		return s;
	}
	*ret_code = sqlite3_prepare_v3(db->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
	if (*ret_code != SQLITE_OK)
		return NULL;
	s->sql = fb_strdup(sql);
	db->n++;
	return s;
}

sqlite3_stmt *fb_db_statement(struct fb_journal *j, struct fb_db *db, const char *sql, struct fb_err *err)
{
	int code = SQLITE_OK;
	struct fb_statement *s = prepare(db, sql, &code);

	if (!s)
		fb_db_fail(j, db, code, "read", err);
	return s ? s->stmt : NULL;
}

static int bind(sqlite3_stmt *s, const struct fb_value *v, int n)
{
	int code = SQLITE_OK;

	for (int i = 0; i < n && code == SQLITE_OK; i++) {
		if (v[i].type != 't')
			code = sqlite3_bind_int64(s, i + 1, v[i].i);
		else if (v[i].t)
			code = sqlite3_bind_text(s, i + 1, v[i].t, -1, SQLITE_TRANSIENT);
	}
	return code;
}

static int collect(struct fb_value *v, const char *format, va_list args)
{
	int n = 0;

	for (; *format && n < FB_VALUES_MAX; format++, n++) {
		v[n] = (struct fb_value){.type = *format == 'd' ? 'i' : *format};
		if (*format == 't')
			v[n].t = va_arg(args, char *);
		else
			v[n].i = *format == 'i' ? va_arg(args, int64_t) : va_arg(args, int);
	}
	return n;
}

int fb_db_execute(struct fb_journal *j, struct fb_db *db, const char *sql, const struct fb_value *v, int n)
{
	int code = SQLITE_OK;
	struct fb_statement *s = prepare(db, sql, &code);

	if (s)
		code = bind(s->stmt, v, n);
	errno = 0;
	if (code == SQLITE_OK)
		code = sqlite3_step(s->stmt);
	db->number = code == SQLITE_DONE ? 0 : errno;
	if (s)
		sqlite3_reset(s->stmt);
	if (code == SQLITE_DONE) {
		j->rowid = sqlite3_last_insert_rowid(db->h);
		j->changes = sqlite3_changes(db->h);
	}
	return code;
}

int fb_db_run(struct fb_journal *j, struct fb_err *err, const char *sql, const char *format, ...)
{
	struct fb_value v[FB_VALUES_MAX];
	va_list args;
	int n, code;

	va_start(args, format);
	n = collect(v, format, args);
	va_end(args);
	fb_ops_add(&j->ops, sql, v, n);
	code = fb_db_execute(j, j->db, sql, v, n);
	if (code == SQLITE_DONE)
		return 0;
	if (fb_db_no_space(j->db, code))
		return fb_degrade_retry(j, err);
	return fb_db_fail(j, j->db, code, "write", err);
}

sqlite3_stmt *fb_db_query(struct fb_journal *j, struct fb_err *err, const char *sql, const char *format, ...)
{
	struct fb_value v[FB_VALUES_MAX];
	sqlite3_stmt *s = fb_db_statement(j, j->db, sql, err);
	va_list args;
	int n, code;

	va_start(args, format);
	n = collect(v, format, args);
	va_end(args);
	if (!s)
		return NULL;
	code = bind(s, v, n);
	if (code != SQLITE_OK) {
		fb_db_fail(j, j->db, code, "read", err);
		return NULL;
	}
	return s;
}

int fb_db_step(struct fb_journal *j, sqlite3_stmt *s, struct fb_err *err)
{
	int code = sqlite3_step(s);

	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		fb_db_fail(j, j->db, code, "read", err);
	sqlite3_reset(s);
	return code == SQLITE_DONE ? 0 : -1;
}

void fb_db_done(sqlite3_stmt *s)
{
	if (s)
		sqlite3_reset(s);
}

int fb_db_list(struct fb_journal *j, sqlite3_stmt *s, size_t size, void (*fill)(sqlite3_stmt *s, void *row), void **ret, size_t *ret_n, struct fb_err *err)
{
	char *rows = NULL;
	size_t n = 0, room = 0;
	int r = -1;

	while (s && (r = fb_db_step(j, s, err)) == 1) {
		if (n == room) {
			room = room ? room * 2 : 16;
			rows = fb_realloc(rows, room * size);
		}
		memset(rows + n * size, 0, size);
		fill(s, rows + n++ * size);
	}
	/* The rows read so far go back with an error, too, for the caller's own function to free. */
	*ret = rows;
	*ret_n = n;
	return r;
}

char *fb_db_text(sqlite3_stmt *s, int column)
{
	return fb_strdup((const char *)sqlite3_column_text(s, column));
}

char *fb_db_text_or_empty(sqlite3_stmt *s, int column)
{
	char *text = fb_db_text(s, column);

	return text ? text : fb_strdup("");
}

bool fb_db_text_is(sqlite3_stmt *s, int column, const char *text)
{
	return fb_streq((const char *)sqlite3_column_text(s, column), text);
}

int fb_db_one_text(struct fb_journal *j, sqlite3_stmt *s, char **ret, struct fb_err *err)
{
	int r;

	*ret = NULL;
	if (!s)
		return -1;
	r = fb_db_step(j, s, err);
	if (r != 1)
		return r;
	*ret = fb_db_text(s, 0);
	fb_db_done(s);
	return 0;
}

void fb_db_roll_back(struct fb_journal *j, struct fb_db *db)
{
	if (db->h && !sqlite3_get_autocommit(db->h))
		fb_db_execute(j, db, "ROLLBACK", NULL, 0);
}

static int why(struct fb_db *db)
{
	int number = sqlite3_system_errno(db->h);

	return number ? number : db->number;
}

bool fb_db_no_space(struct fb_db *db, int code)
{
	int number = why(db), primary = code & 0xff;

	if (primary == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE)
		return true;
	/* A file system that went read-only because of an error is as good as full. */
	if (primary == SQLITE_READONLY)
		return number == EROFS;
	return (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) && (number == ENOSPC || number == EDQUOT || number == EFBIG || number == EROFS);
}

static const char *next_step(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "another process has been writing for 5 s; try again, and if it stays so look for a stopped process that has the file open";
	case SQLITE_FULL:
		return "free some space on its file system";
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return "run this as the user that owns the state directory, and see that its file system is mounted writable";
	case SQLITE_CANTOPEN:
		return "run this as the user that owns the state directory, or ask failbackd";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR:
		return "the file is damaged; put back a copy of it, and keep the damaged one for recovery with sqlite3's .recover";
	case SQLITE_IOERR:
		return "look at the kernel's messages for errors of the disk";
	default:
		return "try again; if it stays so, run failback doctor";
	}
}

int fb_db_fail(const struct fb_journal *j, struct fb_db *db, int code, const char *attempt, struct fb_err *err)
{
	int number = why(db);
	bool disk = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_FULL || (code & 0xff) == SQLITE_CANTOPEN;

	if (disk && number)
		return fb_err_set(err, FB_EXIT_JOURNAL, "cannot %s the journal %s: %s (%s): %s", attempt, j->path, sqlite3_errmsg(db->h), strerror(number),
				  fb_db_no_space(db, code) ? next_step(SQLITE_FULL) : next_step(code));
	return fb_err_set(err, FB_EXIT_JOURNAL, "cannot %s the journal %s: %s: %s", attempt, j->path, sqlite3_errmsg(db->h), next_step(code));
}
