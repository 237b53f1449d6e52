/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: nesting, durability, ownership. Knows the executions table's owner columns and no other. */
#include "journal/internal.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"

/* SQLite takes this pragma only between transactions; it is issued only when it changes something. */
int fb_txn_sync(struct fb_db *db, bool full)
{
	if (db->full == (int)full)
		return SQLITE_OK;
	db->full = full;
	return sqlite3_exec(db->h, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
}

void fb_txn_set_execution(struct fb_journal *j, const char *id, int64_t n, int64_t epoch)
{
	char *copy = fb_strdup(id);

	fb_free(j->execution);
	j->execution = copy;
	j->n = n;
	j->epoch = epoch;
	j->proven = n != 0;
}

static int check_caller(struct fb_journal *j, struct fb_err *err)
{
	if (getpid() != j->self.pid)
		return fb_err_set(err, FB_EXIT_BUG, "the journal %s was opened by process %d and is used by its child %d", j->path, (int)j->self.pid, (int)getpid());
	if (!(j->flags & FB_JOURNAL_WRITE))
		return fb_err_set(err, FB_EXIT_BUG, "the journal %s was opened for reading only", j->path);
	return 0;
}

int fb_txn_begin(struct fb_journal *j, bool durable, struct fb_err *err)
{
	int code;

	if (check_caller(j, err) < 0)
		return -1;
	if (j->depth > 0) {
		if (j->broken) {
			if (err)
				*err = j->why;
			return -1;
		}
		j->depth++;
		return 0;
	}
	j->broken = j->proven = false;
	j->why = (struct fb_err){0};
	fb_free(j->before_execution);
	j->before_execution = fb_strdup(j->execution);
	j->before_n = j->n;
	j->before_epoch = j->epoch;
	fb_degrade_probe(j);
	code = fb_txn_sync(j->db, durable);
	if (code == SQLITE_OK)
		code = fb_db_execute(j, j->db, "BEGIN IMMEDIATE", NULL, 0);
	if (code != SQLITE_DONE && !fb_db_no_space(j->db, code))
		return fb_db_fail(j, j->db, code, "write", err);
	if (code != SQLITE_DONE && fb_degrade_retry(j, err) < 0)
		return -1;
	j->depth = 1;
	return 0;
}

static void roll_back(struct fb_journal *j)
{
	fb_db_roll_back(j, j->db);
	fb_ops_clear(&j->ops);
	fb_txn_set_execution(j, j->before_execution, j->before_n, j->before_epoch);
	j->proven = false;
}

static int commit(struct fb_journal *j, struct fb_err *err)
{
	int code;

	/* At most three times: with what is there, with the reserve, in memory. */
	while ((code = fb_db_execute(j, j->db, "COMMIT", NULL, 0)) != SQLITE_DONE && fb_db_no_space(j->db, code)) {
		if (fb_degrade_retry(j, err) < 0) {
			roll_back(j);
			return -1;
		}
	}
	if (code != SQLITE_DONE) {
		fb_db_fail(j, j->db, code, "write", err);
		roll_back(j);
		return -1;
	}
	if (j->db == &j->memory && !j->shadow)
		fb_ops_move(&j->owed, &j->ops);
	fb_ops_clear(&j->ops);
	j->proven = false;
	return 0;
}

int fb_txn_end(struct fb_journal *j, int r, struct fb_err *err)
{
	if (j->depth <= 0)
		return fb_err_set(err, FB_EXIT_BUG, "the end of a transaction of the journal that was not begun");
	if (r < 0 && !j->broken) {
		j->broken = true;
		if (err)
			j->why = *err;
		else
			fb_err_set(&j->why, FB_EXIT_JOURNAL, "an earlier write of this transaction failed");
	}
	if (--j->depth > 0)
		return r;
	if (!j->broken)
		return commit(j, err) < 0 ? -1 : r;
	if (err && r >= 0)
		*err = j->why;
	roll_back(j);
	j->broken = false;
	return -1;
}

int fb_txn_own(struct fb_journal *j, struct fb_err *err)
{
	struct fb_proc owner;
	sqlite3_stmt *s;
	int64_t epoch;
	bool ours;
	int r;

	if (!j->n)
		return fb_err_set(err, FB_EXIT_BUG, "a write for an execution, but none was started or taken over in this process");
	if (j->proven)
		return 0;
	s = fb_db_query(j, err, "SELECT epoch, owner_pid, owner_start, owner_boot FROM executions WHERE n = ?1", "i", j->n);
	if (!s)
		return -1;
	r = fb_db_step(j, s, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return fb_err_set(err, FB_EXIT_INTERRUPTED, "execution %s is not in the journal %s any more: stop here", j->execution, j->path);
	epoch = sqlite3_column_int64(s, 0);
	owner = (struct fb_proc){.pid = sqlite3_column_int(s, 1), .start = (uint64_t)sqlite3_column_int64(s, 2)};
	/* Nobody owns an execution that waits or has ended; whoever held this epoch may still add to its record. */
	ours = epoch == j->epoch && (owner.pid == 0 || (owner.pid == j->self.pid && owner.start == j->self.start && fb_db_text_is(s, 3, j->boot)));
	fb_db_done(s);
	if (!ours)
		return fb_err_set(err, FB_EXIT_INTERRUPTED,
				  "execution %s is no longer ours (process %d, epoch %" PRId64 "): process %d went on with it as epoch %" PRId64 "; nothing was written: follow it with failback watch %s",
				  j->execution, (int)j->self.pid, j->epoch, (int)owner.pid, epoch, j->execution);
	j->proven = true;
	return 0;
}

int fb_txn_begin_own(struct fb_journal *j, bool durable, struct fb_err *err)
{
	if (fb_txn_begin(j, durable, err) < 0)
		return -1;
	return fb_txn_own(j, err) < 0 ? fb_txn_end(j, -1, err) : 0;
}

int fb_txn_begin_any(struct fb_journal *j, bool durable, struct fb_err *err)
{
	return j->n ? fb_txn_begin_own(j, durable, err) : fb_txn_begin(j, durable, err);
}

/* SQLite wants to know before a group begins whether it is durable, and it is not known yet what will be in it: the caller says so. */
int fb_journal_begin(struct fb_journal *j, struct fb_err *err)
{
	return fb_txn_begin(j, FB_DURABLE, err);
}

int fb_journal_begin_ordered(struct fb_journal *j, struct fb_err *err)
{
	return fb_txn_begin(j, FB_ORDERED, err);
}

int fb_journal_end(struct fb_journal *j, struct fb_err *err)
{
	return fb_txn_end(j, 0, err);
}

void fb_journal_cancel(struct fb_journal *j)
{
	struct fb_err err;

	if (j->depth <= 0)
		return;
	fb_err_set(&err, FB_EXIT_JOURNAL, "a part of this transaction was cancelled");
	(void)fb_txn_end(j, -1, &err);
}
