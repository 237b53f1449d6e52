/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When there is no space: first the reserve, then memory, then back to the file. What is written in memory is kept as it was written
 * (ops.c) and made again in the file, in order, in one transaction. Must not know what the tables mean beyond which rows we may need.
 */
#include "journal/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"

#define PROBE_MS 1000

/* What goes to memory: our execution, those that hold something, and what is known of services. ?1: our execution's number. */
#define OURS_OR_OPEN "(execution = ?1 OR execution IN (SELECT n FROM executions WHERE ended_ms = 0))"
static const struct {
	const char *table, *where;
} copied[] = {
	{"tallies", "?1 = ?1"},
	{"executions", "n = ?1 OR ended_ms = 0 OR n > (SELECT max(n) - 20 FROM executions)"},
	{"frozen", OURS_OR_OPEN},
	{"touched", OURS_OR_OPEN},
	{"services", "?1 = ?1"},
	{"claims", "?1 = ?1"},
	{"clocks", OURS_OR_OPEN},
	{"links", OURS_OR_OPEN},
	{"attempts", OURS_OR_OPEN},
	{"actions", OURS_OR_OPEN},
	{"facts", OURS_OR_OPEN},
	{"memory", "?1 = ?1"},
	{"releases", "?1 = ?1 ORDER BY seq DESC LIMIT 10000"},
	{"processes", "gone_ms = 0 AND ?1 = ?1"},
	{"events", OURS_OR_OPEN},
	{"outbox", OURS_OR_OPEN},
	{"approvals", OURS_OR_OPEN},
	{"documents", OURS_OR_OPEN},
	/* The head that reports and notifications show in the meantime */
	{"audit", "?1 = ?1 ORDER BY seq DESC LIMIT 1"},
	{"sqlite_sequence", "?1 = ?1"},
};

/* Real blocks: a sparse file would give nothing back. 0, or -1 with errno. */
int fb_reserve_make(struct fb_journal *j)
{
	struct stat st;
	int fd, code;

	j->reserve_missing = true;
	if (lstat(j->reserve, &st) == 0 && S_ISREG(st.st_mode) && (int64_t)st.st_blocks * 512 >= FB_JOURNAL_RESERVE_SIZE) {
		j->reserve_missing = false;
		return 0;
	}
	fd = open(j->reserve, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -1;
	code = posix_fallocate(fd, 0, FB_JOURNAL_RESERVE_SIZE);
	close(fd);
	if (code) {
		unlink(j->reserve);
		errno = code;
		return -1;
	}
	j->reserve_missing = false;
	return 0;
}

static bool reserve_release(struct fb_journal *j)
{
	j->reserve_missing = true;
	return unlink(j->reserve) == 0;
}

/* One table from the file's connection to memory's, whatever columns it has. */
static int copy_table(struct fb_journal *j, struct fb_db *from, const char *table, const char *where, struct fb_err *err)
{
	char *read = fb_asprintf("SELECT * FROM %s WHERE %s", table, where), *insert;
	struct fb_text write = {0}, marks = {0};
	sqlite3_stmt *r = NULL, *w = NULL;
	int code = sqlite3_prepare_v2(from->h, read, -1, &r, NULL), back = SQLITE_OK;

	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(r, 1, j->n);
	/* By name: a migrated table has its columns in another order. */
	for (int i = 0; i < sqlite3_column_count(r); i++) {
		fb_text_printf(&write, "%s%s", i ? ", " : "", sqlite3_column_name(r, i));
		fb_text_printf(&marks, "%s?%d", i ? ", " : "", i + 1);
	}
	insert = fb_asprintf("INSERT INTO %s (%s) VALUES (%s)", table, write.p ? write.p : "", marks.p ? marks.p : "");
	if (code == SQLITE_OK)
		back = sqlite3_prepare_v2(j->memory.h, insert, -1, &w, NULL);
	while (code == SQLITE_OK && back == SQLITE_OK && (code = sqlite3_step(r)) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(r) && back == SQLITE_OK; i++)
			back = sqlite3_bind_value(w, i + 1, sqlite3_column_value(r, i));
		if (back == SQLITE_OK && (back = sqlite3_step(w)) == SQLITE_DONE)
			back = sqlite3_reset(w);
		code = SQLITE_OK;
	}
	if (back != SQLITE_OK)
		fb_db_fail(j, &j->memory, back, "copy to memory", err);
	else if (code != SQLITE_DONE)
		fb_db_fail(j, from, code, "copy to memory", err);
	sqlite3_finalize(r);
	sqlite3_finalize(w);
	fb_free(read);
	fb_free(insert);
	fb_text_clear(&write);
	fb_text_clear(&marks);
	return back == SQLITE_OK && code == SQLITE_DONE ? 0 : -1;
}

static int fill_memory(struct fb_journal *j, struct fb_db *from, struct fb_err *err)
{
	int r = 0;

	if (fb_db_open(&j->memory, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err) < 0)
		return -1;
	if (fb_schema_create(j, &j->memory, err) < 0)
		return -1;
	/* One snapshot of the file, one transaction in memory */
	sqlite3_exec(from->h, "BEGIN", NULL, NULL, NULL);
	sqlite3_exec(j->memory.h, "BEGIN", NULL, NULL, NULL);
	for (size_t i = 0; i < sizeof copied / sizeof *copied && r == 0; i++) {
		if (fb_streq(copied[i].table, "sqlite_sequence"))
			sqlite3_exec(j->memory.h, "DELETE FROM sqlite_sequence", NULL, NULL, NULL);
		r = copy_table(j, from, copied[i].table, copied[i].where, err);
	}
	sqlite3_exec(j->memory.h, r == 0 ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
	sqlite3_exec(from->h, "COMMIT", NULL, NULL, NULL);
	if (r < 0)
		fb_db_close(&j->memory);
	return r;
}

/* Something that the journal itself has to say, owed to the file. */
static void note(struct fb_journal *j, const char *name, const char *detail)
{
	const struct fb_value event[] = {{.type = 'i', .i = j->before_n}, {.type = 't', .t = (char *)name}, {.type = 't', .t = (char *)detail}, {.type = 'i', .i = fb_clock_wall_ms()}};
	const struct fb_value audit[] = {
		{.type = 'i', .i = fb_clock_wall_ms()}, {.type = 't', .t = j->before_execution}, {.type = 't', .t = (char *)"engine"}, {.type = 't', .t = (char *)name}, {.type = 't', .t = (char *)detail},
	};
	static const char sql[] = "INSERT INTO events (execution, name, summary, at_ms) VALUES (NULLIF(?1, 0), ?2, ?3, ?4)";

	fb_ops_add(&j->owed, sql, event, 4);
	fb_ops_add(&j->owed, NULL, audit, 5);
	fb_db_execute(j, &j->memory, sql, event, 4);
}

int fb_degrade_shadow(struct fb_journal *j, bool from_file, struct fb_err *err)
{
	int r = from_file ? fill_memory(j, &j->file, err) : fb_db_open(&j->memory, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);

	if (r < 0 || (!from_file && fb_schema_create(j, &j->memory, err) < 0))
		return -1;
	fb_db_close(&j->file);
	j->db = &j->memory;
	j->shadow = true;
	return 0;
}

static int to_memory(struct fb_journal *j, struct fb_db *from, struct fb_err *err)
{
	char detail[sizeof err->text + 64];

	snprintf(detail, sizeof detail, "the journal goes on in memory: %s", err->text);
	if (fill_memory(j, from, err) < 0)
		return -1;
	j->db = &j->memory;
	j->probed_ms = fb_clock_ms();
	note(j, "journal.degraded", detail);
	return 0;
}

int fb_degrade_read_only(struct fb_journal *j, const struct fb_err *why, struct fb_err *err)
{
	*err = *why;
	if (to_memory(j, &j->file, err) < 0)
		return -1;
	fb_db_close(&j->file);
	return 0;
}

/* Opens a transaction and makes in it what the one that failed had written. 0, 1: no space, -1. */
static int again(struct fb_journal *j, struct fb_err *err)
{
	/* What was begun here cannot be proven before it is there. */
	bool ours_before = j->n && j->n == j->before_n && j->epoch == j->before_epoch, proven = j->proven;
	int code = fb_db_execute(j, j->db, "BEGIN IMMEDIATE", NULL, 0), r;

	if (code != SQLITE_DONE) {
		fb_db_fail(j, j->db, code, "write", err);
		return fb_db_no_space(j->db, code) ? 1 : -1;
	}
	/* Between the two somebody else may have become the owner. */
	j->proven = false;
	if (proven && ours_before && fb_txn_own(j, err) < 0)
		return -1;
	r = fb_ops_replay(j, j->db, &j->ops, false, err);
	if (r == 0 && proven && !ours_before && fb_txn_own(j, err) < 0)
		return -1;
	return r;
}

int fb_degrade_retry(struct fb_journal *j, struct fb_err *err)
{
	struct fb_err own;
	int r = 1;

	if (!err)
		err = &own;
	fb_db_fail(j, j->db, sqlite3_extended_errcode(j->db->h), "write", err);
	fb_db_roll_back(j, j->db);
	if (j->db == &j->memory)
		return -1;
	if (reserve_release(j))
		r = again(j, err);
	if (r <= 0)
		return r;
	fb_db_roll_back(j, j->db);
	if (!(j->flags & FB_JOURNAL_DEGRADE) || to_memory(j, &j->file, err) < 0)
		return -1;
	for (size_t i = 0; i < j->ops.n; i++)
		for (int v = 0; v < j->ops.v[i].n; v++)
			if (j->ops.v[i].v[v].type == 'l')
				j->ops.v[i].v[v].i = 1;
	return again(j, err) ? -1 : 0;
}

int fb_degrade_open(struct fb_journal *j, struct fb_err *err)
{
	struct fb_db lone = {.full = -1};
	int r;

	if (!fb_db_no_space(&j->file, sqlite3_extended_errcode(j->file.h)))
		return -1;
	fb_db_close(&j->file);
	if (reserve_release(j) && fb_open_file(j, err) == 0)
		return 0;
	fb_db_close(&j->file);
	if (!(j->flags & FB_JOURNAL_DEGRADE))
		return -1;
	/* Without shared memory the log is read only by whoever has the file alone; if somebody else had it, its index would be there. */
	if (fb_db_open(&lone, j->path, SQLITE_OPEN_READWRITE, err) < 0)
		return -1;
	sqlite3_db_config(lone.h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_exec(lone.h, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
	r = to_memory(j, &lone, err);
	fb_db_close(&lone);
	return r;
}

/* May what we owe still be written in the execution's name? 1: yes, 0: another went on with it, -1. */
static int still_ours(struct fb_journal *j, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_statement(j, &j->file, "SELECT epoch, owner_pid, owner_start, owner_boot FROM executions WHERE id = ?1", err);
	struct fb_proc owner;
	int64_t epoch;
	bool same;
	int code;

	if (!s || !j->execution)
		return s ? 1 : -1;
	code = sqlite3_bind_text(s, 1, j->execution, -1, SQLITE_TRANSIENT);
	code = code == SQLITE_OK ? sqlite3_step(s) : code;
	if (code != SQLITE_ROW) {
		sqlite3_reset(s);
		return code == SQLITE_DONE ? 1 : fb_db_fail(j, &j->file, code, "read", err);
	}
	epoch = sqlite3_column_int64(s, 0);
	owner = (struct fb_proc){.pid = sqlite3_column_int(s, 1), .start = (uint64_t)sqlite3_column_int64(s, 2)};
	same = owner.pid == 0 || (owner.pid == j->self.pid && owner.start == j->self.start && fb_db_text_is(s, 3, j->boot));
	sqlite3_reset(s);
	/* An older epoch in the file: we took it over in memory. */
	return epoch < j->epoch || (epoch == j->epoch && same);
}

/* All that is owed, in the file's open transaction. 0, or not. */
static int pay(struct fb_journal *j, struct fb_err *err)
{
	int ours = still_ours(j, err), r;
	size_t kept = 0;

	if (ours < 0)
		return -1;
	/* Another engine went on: its rows stay as they are, but that we did something must not be lost. */
	if (ours == 0) {
		struct fb_ops audit = {0};

		for (size_t i = 0; i < j->owed.n; i++)
			if (!j->owed.v[i].sql && ++kept)
				fb_ops_add(&audit, NULL, j->owed.v[i].v, j->owed.v[i].n);
		r = fb_ops_replay(j, &j->file, &audit, true, err);
		fb_ops_clear(&audit);
		return r;
	}
	return fb_ops_replay(j, &j->file, &j->owed, true, err);
}

static void catch_up(struct fb_journal *j)
{
	struct fb_err err;
	int code = SQLITE_ERROR;

	if (!j->file.h && fb_open_file(j, &err) < 0) {
		fb_db_close(&j->file);
		return;
	}
	/* Nobody is kept waiting for what may fail. */
	sqlite3_busy_timeout(j->file.h, 50);
	if (fb_txn_sync(&j->file, true) == SQLITE_OK && fb_db_execute(j, &j->file, "BEGIN IMMEDIATE", NULL, 0) == SQLITE_DONE) {
		size_t owed = j->owed.n;

		note(j, "journal.caught_up", "there is space again: what was kept in memory has been written, marked late");
		if (pay(j, &err) == 0)
			code = fb_db_execute(j, &j->file, "COMMIT", NULL, 0);
		if (code != SQLITE_DONE) {
			fb_db_roll_back(j, &j->file);
			fb_ops_cut(&j->owed, owed);
		}
	}
	sqlite3_busy_timeout(j->file.h, FB_JOURNAL_BUSY_MS);
	if (code != SQLITE_DONE)
		return;
	fb_ops_clear(&j->owed);
	fb_db_close(&j->memory);
	j->db = &j->file;
}

static void renew_reserve(struct fb_journal *j)
{
	struct statvfs fs;

	/* Only when there is ample space: else it would be made and released in turns. */
	if (statvfs(j->dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize > 2ull * FB_JOURNAL_RESERVE_SIZE)
		(void)fb_reserve_make(j);
}

void fb_degrade_probe(struct fb_journal *j)
{
	int64_t now;

	if (j->shadow || (j->db == &j->file && !j->reserve_missing))
		return;
	now = fb_clock_ms();
	if (now - j->probed_ms < PROBE_MS)
		return;
	j->probed_ms = now;
	if (j->db == &j->memory)
		catch_up(j);
	if (j->db == &j->file && j->reserve_missing)
		renew_reserve(j);
}

bool fb_journal_degraded(const struct fb_journal *j)
{
	return j->db == &j->memory && !j->shadow;
}

void fb_journal_allow_degrade(struct fb_journal *j)
{
	j->flags |= FB_JOURNAL_DEGRADE;
}
