/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox: word to people and systems, kept until it was sent. The same event goes to the same notifier once, however often it is added. */
#include "journal/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

int fb_journal_outbox_add(struct fb_journal *j, const char *notifier, const char *event, const char *event_id, const char *payload, struct fb_err *err)
{
	int r;

	if (!notifier || !event || !event_id || !payload)
		return fb_err_set(err, FB_EXIT_BUG, "a notification without notifier, event, id or payload");
	if (fb_txn_begin_own(j, FB_DURABLE, err) < 0)
		return -1;
	r = fb_db_run(j, err, "INSERT OR IGNORE INTO outbox (execution, notifier, event, event_id, payload, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", "itttti", j->n, notifier, event,
		      event_id, payload, fb_clock_wall_ms());
	return fb_txn_end(j, r, err);
}

static void fill(sqlite3_stmt *s, void *row)
{
	struct fb_outbox_row *r = row;

	r->id = sqlite3_column_int64(s, 0);
	r->execution = fb_db_text(s, 1);
	r->notifier = fb_db_text_or_empty(s, 2);
	r->event = fb_db_text_or_empty(s, 3);
	r->event_id = fb_db_text_or_empty(s, 4);
	r->payload = fb_db_text_or_empty(s, 5);
	r->status = fb_db_text_or_empty(s, 6);
	r->text = fb_db_text(s, 7);
	r->attempts = sqlite3_column_int(s, 8);
	r->created_ms = sqlite3_column_int64(s, 9);
	r->next_ms = sqlite3_column_int64(s, 10);
	r->sent_ms = sqlite3_column_int64(s, 11);
}

int fb_journal_outbox(struct fb_journal *j, const char *execution, bool waiting_only, struct fb_outbox_row **ret, size_t *ret_n, struct fb_err *err)
{
	char *sql = fb_asprintf("SELECT o.id, e.id, o.notifier, o.event, o.event_id, o.payload, o.status, o.text, o.attempts, o.created_ms, o.next_ms, o.sent_ms FROM outbox o"
				" LEFT JOIN executions e ON e.n = o.execution WHERE %s%s ORDER BY o.id",
				execution ? "o.execution = (SELECT n FROM executions WHERE id = ?1)" : "?1 IS NULL", waiting_only ? " AND o.status = 'waiting'" : "");
	sqlite3_stmt *s = fb_db_query(j, err, sql, "t", execution);
	void *rows;
	int r = fb_db_list(j, s, sizeof **ret, fill, &rows, ret_n, err);

	fb_free(sql);
	*ret = rows;
	if (r < 0) {
		fb_outbox_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}

/* What a row is called wherever it is: ids made in memory are others in the file. */
struct name {
	int64_t execution;
	char *notifier, *event_id;
};

/* A row of ours, or of an execution that nobody alive works on. */
static int may_set(struct fb_journal *j, int64_t id, struct name *ret, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err,
				      "SELECT o.execution, e.owner_pid, e.owner_start, e.owner_boot, e.id, o.notifier, o.event_id FROM outbox o LEFT JOIN executions e ON e.n = o.execution"
				      " WHERE o.id = ?1",
				      "i", id);
	struct fb_proc owner;
	bool ours, alive;
	int r;

	if (!s)
		return -1;
	r = fb_db_step(j, s, err);
	if (r < 1)
		return r < 0 ? -1 : fb_err_set(err, FB_EXIT_BUG, "there is no notification %lld in the outbox", (long long)id);
	owner = (struct fb_proc){.pid = sqlite3_column_int(s, 1), .start = (uint64_t)sqlite3_column_int64(s, 2)};
	*ret = (struct name){.execution = sqlite3_column_int64(s, 0), .notifier = fb_db_text_or_empty(s, 5), .event_id = fb_db_text_or_empty(s, 6)};
	ours = j->n && ret->execution == j->n;
	alive = fb_owner_alive(j, &owner, (const char *)sqlite3_column_text(s, 3)) && owner.pid != j->self.pid;
	if (!ours && alive)
		fb_err_set(err, FB_EXIT_INTERRUPTED, "notification %lld belongs to execution %s, which process %d carries out: leave it to that", (long long)id,
			   (const char *)sqlite3_column_text(s, 4), (int)owner.pid);
	fb_db_done(s);
	if (!ours)
		return alive ? -1 : 0;
	return fb_txn_own(j, err);
}

int fb_journal_outbox_set(struct fb_journal *j, int64_t id, const char *status, const char *text, int64_t next_ms, struct fb_err *err)
{
	struct name row = {0};
	int r;

	if (!fb_streq(status, "waiting") && !fb_streq(status, "sent") && !fb_streq(status, "failed") && !fb_streq(status, "dropped"))
		return fb_err_set(err, FB_EXIT_BUG, "a notification's status '%s' is none that the journal knows", status ? status : "");
	if (fb_txn_begin(j, FB_DURABLE, err) < 0)
		return -1;
	r = may_set(j, id, &row, err);
	if (r == 0)
		r = fb_db_run(j, err,
			      "UPDATE outbox SET status = ?1, text = ?2, next_ms = ?3, attempts = attempts + 1, sent_ms = CASE WHEN ?1 = 'sent' THEN ?4 ELSE sent_ms END"
			      " WHERE execution = ?5 AND notifier = ?6 AND event_id = ?7",
			      "ttiiitt", status, text, next_ms, fb_clock_wall_ms(), row.execution, row.notifier, row.event_id);
	fb_free(row.notifier);
	fb_free(row.event_id);
	return fb_txn_end(j, r, err);
}

void fb_outbox_free_one(struct fb_outbox_row *row)
{
	char *const texts[] = {row->execution, row->notifier, row->event, row->event_id, row->payload, row->status, row->text};

	for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
		fb_free(texts[t]);
	memset(row, 0, sizeof *row);
}

void fb_outbox_free(struct fb_outbox_row *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fb_outbox_free_one(&v[i]);
	fb_free(v);
}

int fb_journal_outbox_copy(struct fb_journal *j, int64_t id, const char *notifier, struct fb_err *err)
{
	struct name row = {0};
	int r;

	if (fb_txn_begin(j, FB_DURABLE, err) < 0)
		return -1;
	r = may_set(j, id, &row, err);
	if (r == 0)
		r = fb_db_run(j, err,
			      "INSERT OR IGNORE INTO outbox (execution, notifier, event, event_id, payload, created_ms) SELECT execution, ?1, event, event_id, payload, ?2 FROM outbox"
			      " WHERE execution = ?3 AND notifier = ?4 AND event_id = ?5",
			      "tiitt", notifier, fb_clock_wall_ms(), row.execution, row.notifier, row.event_id);
	fb_free(row.notifier);
	fb_free(row.event_id);
	return fb_txn_end(j, r, err);
}

/* ---- what was left by executions that have ended ---- */

int fb_journal_outbox_leftovers(struct fb_journal *j, struct fb_outbox_row **ret, size_t *ret_n, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err,
				      "SELECT o.id, e.id, o.notifier, o.event, o.event_id, o.payload, o.status, o.text, o.attempts, o.created_ms, o.next_ms, o.sent_ms FROM outbox o"
				      " JOIN executions e ON e.n = o.execution WHERE o.status = 'waiting' AND e.ended_ms > 0 ORDER BY o.id",
				      "");
	void *rows;
	int r = fb_db_list(j, s, sizeof **ret, fill, &rows, ret_n, err);

	*ret = rows;
	if (r < 0) {
		fb_outbox_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}

/* The claim is remembered for no environment and no service: "BOOT PID:START PID:START …", the owner first. */
#define CLAIM "environment = '' AND service = '' AND key = 'outbox'"

static bool is_ours(const struct fb_journal *j, const struct fb_proc *p)
{
	return p->pid == j->self.pid && p->start == j->self.start;
}

/* The first process of the claim that lives and is not ours. */
static bool held(const struct fb_journal *j, const char *claim, struct fb_proc *ret, bool *ret_ours)
{
	size_t n = strcspn(claim, " ");
	char boot[64];
	bool first = true;

	*ret_ours = false;
	if (n >= sizeof boot)
		return false;
	memcpy(boot, claim, n);
	boot[n] = 0;
	for (const char *p = claim + n; *p == ' '; p += strcspn(p + 1, " ") + 1, first = false) {
		char *end;
		long pid = strtol(p + 1, &end, 10);
		*ret = (struct fb_proc){.pid = (pid_t)pid, .start = *end == ':' ? strtoull(end + 1, NULL, 10) : 0};

		if (first && is_ours(j, ret)) {
			*ret_ours = true;
			return false;
		}
		if (pid > 0 && fb_owner_alive(j, ret, boot))
			return true;
	}
	return false;
}

static int read_claim(struct fb_journal *j, char **ret, struct fb_err *err)
{
	return fb_db_one_text(j, fb_db_query(j, err, "SELECT value FROM memory WHERE " CLAIM, ""), ret, err);
}

int fb_journal_outbox_claim(struct fb_journal *j, const struct fb_proc *helpers, size_t n, struct fb_err *err)
{
	struct fb_text text = {0};
	struct fb_proc other;
	char *claim = NULL;
	bool ours;
	int r, taken = 0;

	fb_text_printf(&text, "%s %d:%" PRIu64, j->boot, (int)j->self.pid, j->self.start);
	for (size_t i = 0; i < n; i++)
		fb_text_printf(&text, " %d:%" PRIu64, (int)helpers[i].pid, helpers[i].start);
	if (fb_txn_begin(j, FB_DURABLE, err) < 0) {
		fb_text_clear(&text);
		return -1;
	}
	r = read_claim(j, &claim, err);
	if (r >= 0 && claim && held(j, claim, &other, &ours)) {
		fb_err_set(err, FB_EXIT_REFUSED, "process %d delivers what is waiting: leave it to that", (int)other.pid);
		taken = 1;
		r = 0;
	} else if (r >= 0) {
		r = fb_db_run(j, err, "INSERT OR REPLACE INTO memory (environment, service, key, value) VALUES ('', '', 'outbox', ?1)", "t", text.p);
	}
	fb_free(claim);
	fb_text_clear(&text);
	return fb_txn_end(j, r < 0 ? -1 : 0, err) < 0 ? -1 : taken;
}

int fb_journal_outbox_unclaim(struct fb_journal *j, struct fb_err *err)
{
	struct fb_proc other;
	char *claim = NULL;
	bool ours = false;
	int r;

	if (fb_txn_begin(j, FB_DURABLE, err) < 0)
		return -1;
	r = read_claim(j, &claim, err);
	if (r >= 0 && claim)
		(void)held(j, claim, &other, &ours);
	if (r >= 0 && ours)
		r = fb_db_run(j, err, "DELETE FROM memory WHERE " CLAIM, "");
	fb_free(claim);
	return fb_txn_end(j, r < 0 ? -1 : 0, err);
}

int fb_journal_outbox_fact_set(struct fb_journal *j, const char *execution, const char *notifier, const char *key, const char *value, struct fb_err *err)
{
	char *scope = fb_asprintf("notifier/%s", notifier);
	int r;

	if (fb_streq(execution, j->execution)) {
		r = fb_journal_fact_set(j, scope, key, value, err);
	} else if (fb_txn_begin(j, FB_DURABLE, err) < 0) {
		r = -1;
	} else {
		r = fb_db_run(j, err, "INSERT OR REPLACE INTO facts (execution, scope, key, value) SELECT n, ?2, ?3, ?4 FROM executions WHERE id = ?1 AND ended_ms > 0", "tttt", execution, scope,
			      key, value);
		r = fb_txn_end(j, r, err);
	}
	fb_free(scope);
	return r;
}
