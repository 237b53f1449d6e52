/* SPDX-License-Identifier: Apache-2.0 */
/* How an older database becomes today's: one step for each schema version (PRAGMA user_version), all in one transaction, after a copy was kept. */
#include "journal/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* From 0, the draft before the first release. */
static const char *const from_0[] = {
	"ALTER TABLE attempts ADD COLUMN late INTEGER NOT NULL DEFAULT 0",
	"CREATE TABLE documents (execution INTEGER NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (execution, name)) STRICT, WITHOUT ROWID",
	"CREATE INDEX outbox_waiting ON outbox (id) WHERE status = 'waiting'",
	"CREATE INDEX executions_ended ON executions (environment, ended_ms)",
	FB_TALLIES_TABLE,
	FB_TALLIES_TRIGGER,
	"INSERT INTO tallies (environment, rollbacks) SELECT environment, count(*) FROM executions WHERE " FB_ENDED_ROLLBACK("") " GROUP BY environment",
	"CREATE INDEX releases_once_good ON releases (environment, service, seq) WHERE status IN ('good', 'superseded')",
};

static const char *const from_1[] = {FB_VERDICTS_TABLE, FB_VERDICTS_INDEX};

static const struct {
	const char *const *sql;
	size_t n;
} steps[FB_JOURNAL_SCHEMA] = {
	{from_0, sizeof from_0 / sizeof *from_0},
	{from_1, sizeof from_1 / sizeof *from_1},
};

struct state {
	int64_t version, application, objects;
};

/* A pragma's or a count's single number. */
static int number(struct fb_journal *j, const char *sql, int64_t *ret, struct fb_err *err)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(j->file.h, sql, -1, &s, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return code == SQLITE_ROW ? 0 : fb_db_fail(j, &j->file, code, "read", err);
}

static int look(struct fb_journal *j, struct state *ret, struct fb_err *err)
{
	if (number(j, "PRAGMA user_version", &ret->version, err) < 0 || number(j, "PRAGMA application_id", &ret->application, err) < 0 ||
	    number(j, "SELECT count(*) FROM sqlite_schema", &ret->objects, err) < 0)
		return -1;
	if (ret->objects == 0 && ret->application == 0)
		return 0;
	if (ret->application != FB_JOURNAL_APPLICATION)
		return fb_err_set(err, FB_EXIT_JOURNAL, "%s is a database, but not a journal of failback (application id %" PRId64 "): move it away, or name another state directory", j->path,
				  ret->application);
	if (ret->version > FB_JOURNAL_SCHEMA || ret->version < 0)
		return fb_err_set(err, FB_EXIT_JOURNAL,
				  "the journal %s has schema %" PRId64 ", made by a newer failback; this one knows schemas up to %d: use the newer failback, or put back the copy that it kept beside it",
				  j->path, ret->version, FB_JOURNAL_SCHEMA);
	return 0;
}

static bool is_empty(const struct state *s)
{
	return s->objects == 0 && s->application == 0;
}

/* An engine of the older failback would go on to write rows of the older kind. */
static int nobody_runs(struct fb_journal *j, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_statement(j, &j->file, "SELECT id, owner_pid, owner_start, owner_boot FROM executions WHERE ended_ms = 0", err);
	int code = SQLITE_ERROR;

	while (s && (code = sqlite3_step(s)) == SQLITE_ROW) {
		const struct fb_proc owner = {.pid = sqlite3_column_int(s, 1), .start = (uint64_t)sqlite3_column_int64(s, 2)};

		if (!fb_owner_alive(j, &owner, (const char *)sqlite3_column_text(s, 3)))
			continue;
		fb_err_set(err, FB_EXIT_JOURNAL, "the journal %s is to be brought to schema %d, but execution %s is still run by an older failback (process %d): wait until it has ended", j->path,
			   FB_JOURNAL_SCHEMA, (const char *)sqlite3_column_text(s, 0), (int)owner.pid);
		sqlite3_reset(s);
		return -1;
	}
	if (!s)
		return -1;
	sqlite3_reset(s);
	return code == SQLITE_DONE ? 0 : fb_db_fail(j, &j->file, code, "read", err);
}

/* Beside the journal, whole or not at all: journal.db.schema-N. */
static int keep_copy(struct fb_journal *j, int64_t version, struct fb_err *err)
{
	char *copy = fb_asprintf("%s.schema-%" PRId64, j->path, version), *part = fb_asprintf("%s.%d.tmp", copy, (int)getpid());
	const struct fb_value v[] = {{.type = 't', .t = part}};
	int code, fd = -1, r = -1;

	unlink(part);
	code = fb_db_execute(j, &j->file, "VACUUM INTO ?1", v, 1);
	if (code != SQLITE_DONE) {
		fb_db_fail(j, &j->file, code, "copy", err);
		goto out;
	}
	fd = open(part, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fchmod(fd, 0640) < 0 || fsync(fd) < 0 || rename(part, copy) < 0) {
		fb_err_set(err, FB_EXIT_JOURNAL, "cannot keep a copy of the journal as %s: %s: see that there is space and that it may be written", copy, strerror(errno));
		goto out;
	}
	r = 0;
out:
	if (fd >= 0)
		close(fd);
	if (r < 0)
		unlink(part);
	fb_free(part);
	fb_free(copy);
	return r;
}

static int climb(struct fb_journal *j, int64_t version, struct fb_err *err)
{
	char stamp[48];
	const char *const stamps[] = {stamp};

	for (; version < FB_JOURNAL_SCHEMA; version++)
		if (fb_schema_run(j, &j->file, steps[version].sql, steps[version].n, err) < 0)
			return -1;
	snprintf(stamp, sizeof stamp, "PRAGMA user_version = %d", FB_JOURNAL_SCHEMA);
	return fb_schema_run(j, &j->file, stamps, 1, err);
}

/* In a transaction, since another process may be at it as well. */
static int change(struct fb_journal *j, struct fb_err *err)
{
	static const char *const begin[] = {"BEGIN IMMEDIATE"}, *const commit[] = {"COMMIT"};
	struct state now;
	int r;

	if (fb_schema_run(j, &j->file, begin, 1, err) < 0)
		return -1;
	r = look(j, &now, err);
	if (r == 0 && is_empty(&now))
		r = fb_schema_create(j, &j->file, err);
	else if (r == 0 && now.version < FB_JOURNAL_SCHEMA)
		r = nobody_runs(j, err) < 0 ? -1 : climb(j, now.version, err);
	if (r == 0)
		r = fb_schema_run(j, &j->file, commit, 1, err);
	if (r < 0)
		fb_db_roll_back(j, &j->file);
	return r;
}

int fb_schema_settle(struct fb_journal *j, struct fb_err *err)
{
	bool write = j->flags & FB_JOURNAL_WRITE;
	struct state found;

	if (look(j, &found, err) < 0)
		return -1;
	if (is_empty(&found))
		return write ? change(j, err) : fb_err_set(err, FB_EXIT_JOURNAL, "the journal %s is empty: nothing was recorded in this state directory yet", j->path);
	if (found.version == FB_JOURNAL_SCHEMA)
		return 0;
	if (!write)
		return fb_err_set(err, FB_EXIT_JOURNAL, "the journal %s has the older schema %" PRId64 ": run failback doctor once as the user that owns it, which brings it to schema %d", j->path,
				  found.version, FB_JOURNAL_SCHEMA);
	if (nobody_runs(j, err) < 0 || keep_copy(j, found.version, err) < 0)
		return -1;
	return change(j, err);
}
