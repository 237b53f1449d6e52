/* SPDX-License-Identifier: Apache-2.0 */
/* Executions: starting, taking over, ending, finding. Claims are claims.c's. */
#include "journal/internal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define COLUMNS                                                                                                                                    \
	"e.id, e.alias, e.kind, e.environment, e.status, e.title, e.release, e.reason, e.services, e.retry_of, e.epoch, e.started_ms, e.ended_ms," \
	" e.started_boot_ms, e.ended_boot_ms, e.boot_id, e.owner_pid, e.owner_start, e.exit_code, e.owner_boot"

bool fb_owner_alive(const struct fb_journal *j, const struct fb_proc *owner, const char *boot)
{
	return owner->pid > 0 && fb_streq(boot, j->boot) && fb_proc_alive(owner);
}

int64_t fb_execution_number(struct fb_journal *j, const char *id, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err, "SELECT n FROM executions WHERE id = ?1", "t", id);
	int64_t n = 0;
	int r;

	if (!s)
		return -1;
	r = fb_db_step(j, s, err);
	if (r < 1)
		return r;
	n = sqlite3_column_int64(s, 0);
	fb_db_done(s);
	return n;
}

/* The services as a JSON array of names. */
static char *names_json(const char *const *services)
{
	json_t *list = json_array();
	char *text, *copy;

	for (; services && *services; services++)
		json_array_append_new(list, json_string(*services));
	text = json_dumps(list, JSON_COMPACT);
	copy = fb_strdup(text ? text : "[]");
	free(text);
	json_decref(list);
	return copy;
}

/* The number is chosen here and not by SQLite, so that a transaction that is made again gives the same. One that begins in memory keeps a
 * distance from those that others may begin in the file before it is written there. */
static int next_number(struct fb_journal *j, int64_t *ret, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err, "SELECT max((SELECT coalesce(max(n), 0) FROM executions), (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'executions'))", "");

	if (!s || fb_db_step(j, s, err) < 1)
		return -1;
	*ret = sqlite3_column_int64(s, 0) + (fb_journal_degraded(j) ? 1000 : 1);
	fb_db_done(s);
	return 0;
}

static int insert(struct fb_journal *j, const struct fb_execution_new *e, bool waits, int64_t now, struct fb_err *err)
{
	char *services = names_json(e->services);
	int64_t n = 0;
	int r = next_number(j, &n, err);

	if (r == 0)
		r = fb_db_run(j, err,
			      "INSERT INTO executions (id, alias, kind, environment, status, title, release, reason, services, retry_of, epoch, started_ms, started_boot_ms, boot_id,"
			      " owner_pid, owner_start, owner_boot, n) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
			      "ttttttttttiitiiti", e->id, e->alias, e->kind, e->environment, e->status, e->title ? e->title : "", e->release, e->reason, services, e->retry_of, now,
			      fb_clock_ms(), j->boot, (int64_t)(waits ? 0 : j->self.pid), (int64_t)(waits ? 0 : j->self.start), waits ? "" : j->boot, n);
	fb_free(services);
	if (r < 0)
		return -1;
	fb_txn_set_execution(j, e->id, n, 1);
	if (fb_db_run(j, err, "INSERT INTO frozen (execution, json) VALUES (?1, ?2)", "it", j->n, e->frozen) < 0)
		return -1;
	for (const char *const *s = e->services; s && *s; s++)
		if (fb_claims_touch(j, e->environment, *s, err) < 0 ||
		    fb_db_run(j, err, "INSERT OR IGNORE INTO touched (execution, service, environment, generation) SELECT ?1, ?2, ?3, generation FROM services WHERE environment = ?3 AND service = ?2",
			      "itt", j->n, *s, e->environment) < 0)
			return -1;
	return waits ? 0 : fb_claims_take(j, e->environment, e->services, j->n, now, err);
}

int fb_journal_start(struct fb_journal *j, const struct fb_execution_new *e, struct fb_conflict *ret_conflict, struct fb_err *err)
{
	int64_t now = e->now_ms ? e->now_ms : fb_clock_wall_ms(), n;
	bool waits = fb_streq(e->status, "waiting_approval");
	int r = 0;

	if (!e->id || !*e->id || !e->kind || !e->environment || !e->status)
		return fb_err_set(err, FB_EXIT_BUG, "an execution without id, kind, environment or status");
	if (fb_txn_begin(j, FB_DURABLE, err) < 0)
		return -1;
	n = fb_execution_number(j, e->id, err);
	if (n)
		r = n < 0 ? -1 : fb_err_set(err, FB_EXIT_REFUSED, "there is an execution %s already: choose another id, or look at it with failback show %s", e->id, e->id);
	else if (!waits)
		r = fb_claims_check(j, e->environment, e->services, 0, ret_conflict, err);
	if (r == 0)
		r = insert(j, e, waits, now, err);
	return fb_txn_end(j, r, err);
}

int64_t fb_journal_epoch(const struct fb_journal *j)
{
	return j->epoch;
}

/* What take-over needs to know of an execution. */
struct found {
	int64_t n, epoch, ended_ms;
	struct fb_proc owner;
	char *id, *environment, *status, *owner_boot, *kind;
	int64_t started_ms;
};

static void found_clear(struct found *f)
{
	fb_free(f->id);
	fb_free(f->environment);
	fb_free(f->status);
	fb_free(f->owner_boot);
	fb_free(f->kind);
}

static int look(struct fb_journal *j, const char *id, struct found *f, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err, "SELECT n, epoch, ended_ms, owner_pid, owner_start, id, environment, status, owner_boot, kind, started_ms FROM executions WHERE id = ?1", "t", id);
	int r;

	if (!s)
		return -1;
	r = fb_db_step(j, s, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return fb_err_set(err, FB_EXIT_REFUSED, "there is no execution %s in the journal %s: failback history lists them", id, j->path);
	*f = (struct found){.n = sqlite3_column_int64(s, 0), .epoch = sqlite3_column_int64(s, 1), .ended_ms = sqlite3_column_int64(s, 2)};
	f->owner = (struct fb_proc){.pid = sqlite3_column_int(s, 3), .start = (uint64_t)sqlite3_column_int64(s, 4)};
	f->id = fb_db_text_or_empty(s, 5);
	f->environment = fb_db_text_or_empty(s, 6);
	f->status = fb_db_text_or_empty(s, 7);
	f->owner_boot = fb_db_text_or_empty(s, 8);
	f->kind = fb_db_text_or_empty(s, 9);
	f->started_ms = sqlite3_column_int64(s, 10);
	fb_db_done(s);
	return 0;
}

/* An execution that waited, or let its services go when it was interrupted, gets them only as it left them. */
static int get_services(struct fb_journal *j, const struct found *f, char **services, struct fb_conflict *ret_conflict, struct fb_err *err)
{
	char service[64];
	int r;

	if (fb_streq(f->status, "waiting_approval") || f->ended_ms) {
		r = fb_claims_changed(j, f->n, service, err);
		if (r > 0)
			return fb_err_set(err, FB_EXIT_REFUSED, "execution %s cannot go on: service %s has been changed by another execution since: start it anew", f->id, service);
		if (r < 0)
			return -1;
	}
	r = fb_claims_check(j, f->environment, (const char *const *)services, f->n, ret_conflict, err);
	return r ? r : fb_claims_take(j, f->environment, (const char *const *)services, f->n, fb_clock_wall_ms(), err);
}

static int take(struct fb_journal *j, const struct found *f, struct fb_conflict *ret_conflict, struct fb_err *err)
{
	char **services = NULL, *detail;
	int r;

	if (fb_owner_alive(j, &f->owner, f->owner_boot)) {
		*ret_conflict = (struct fb_conflict){.owner = f->owner, .since_ms = f->started_ms, .owner_alive = true};
		snprintf(ret_conflict->execution, sizeof ret_conflict->execution, "%s", f->id);
		snprintf(ret_conflict->kind, sizeof ret_conflict->kind, "%s", f->kind);
		return 1;
	}
	if (f->ended_ms && !fb_streq(f->status, "interrupted"))
		return fb_err_set(err, FB_EXIT_REFUSED, "execution %s has ended (%s) and cannot be gone on with: start it anew", f->id, f->status);
	if (fb_claims_names(j, f->n, &services, err) < 0)
		return -1;
	r = get_services(j, f, services, ret_conflict, err);
	fb_claims_names_free(services);
	if (r)
		return r;
	if (fb_db_run(j, err,
		      "UPDATE executions SET epoch = ?2, owner_pid = ?3, owner_start = ?4, owner_boot = ?5, status = 'running', stop = 0, stop_by = NULL, ended_ms = 0, ended_boot_ms = 0,"
		      " exit_code = -1 WHERE n = ?1 AND epoch = ?6",
		      "iiiiti", f->n, f->epoch + 1, (int64_t)j->self.pid, (int64_t)j->self.start, j->boot, f->epoch) < 0)
		return -1;
	fb_txn_set_execution(j, f->id, f->n, f->epoch + 1);
	detail = fb_asprintf("epoch %" PRId64 ", process %d after process %d (%s)", f->epoch + 1, (int)j->self.pid, (int)f->owner.pid, f->status);
	r = fb_audit_add(j, f->id, "engine", "execution.taken_over", detail, err);
	fb_free(detail);
	return r;
}

int fb_journal_take_over(struct fb_journal *j, const char *id, struct fb_conflict *ret_conflict, struct fb_err *err)
{
	struct found f = {0};
	int r;

	if (fb_txn_begin(j, FB_DURABLE, err) < 0)
		return -1;
	r = look(j, id, &f, err);
	if (r == 0)
		r = take(j, &f, ret_conflict, err);
	found_clear(&f);
	return fb_txn_end(j, r, err);
}

/* A span that crosses a reboot cannot be measured on the boot clock: its end is left at 0. */
int fb_execution_end(struct fb_journal *j, int64_t n, const char *status, int exit_code, struct fb_err *err)
{
	if (fb_claims_release(j, n, err) < 0)
		return -1;
	/* Its hosts are let go of now, and nobody will ever have to look for them. */
	if (fb_db_run(j, err, "UPDATE processes SET gone_ms = ?2 WHERE execution = ?1 AND gone_ms = 0 AND role <> 'service'", "ii", n, fb_clock_wall_ms()) < 0)
		return -1;
	return fb_db_run(j, err,
			 "UPDATE executions SET status = ?2, exit_code = ?3, ended_ms = ?4, ended_boot_ms = CASE WHEN boot_id = ?5 THEN ?6 ELSE 0 END, owner_pid = 0, owner_start = 0,"
			 " owner_boot = '' WHERE n = ?1",
			 "itditi", n, status, exit_code, fb_clock_wall_ms(), j->boot, fb_clock_ms());
}

int fb_journal_status(struct fb_journal *j, const char *status, bool ended, int exit_code, struct fb_err *err)
{
	bool waits = fb_streq(status, "waiting_approval");
	int r;

	if (fb_txn_begin_own(j, FB_DURABLE, err) < 0)
		return -1;
	if (ended)
		r = fb_execution_end(j, j->n, status, exit_code, err);
	else
		r = fb_db_run(j, err, "UPDATE executions SET status = ?2, exit_code = ?3 WHERE n = ?1", "itd", j->n, status, exit_code);
	/* Who waits for a decision claims nothing, and belongs to nobody. */
	if (r == 0 && waits && !ended) {
		r = fb_claims_release(j, j->n, err);
		if (r == 0)
			r = fb_db_run(j, err, "UPDATE executions SET owner_pid = 0, owner_start = 0, owner_boot = '' WHERE n = ?1", "i", j->n);
	}
	return fb_txn_end(j, r, err);
}

int fb_journal_ask_stop(struct fb_journal *j, const char *id, int how, const char *by, struct fb_err *err)
{
	int r;

	if (how != 1 && how != 2)
		return fb_err_set(err, FB_EXIT_BUG, "a request to stop that is neither 1 nor 2: %d", how);
	if (fb_txn_begin(j, FB_DURABLE, err) < 0)
		return -1;
	r = fb_db_run(j, err, "UPDATE executions SET stop = max(stop, ?2), stop_by = ?3 WHERE id = ?1 AND ended_ms = 0", "tdt", id, how, by);
	if (r == 0 && j->changes == 0)
		r = fb_err_set(err, FB_EXIT_REFUSED, "there is no running execution %s: failback status shows those that run", id);
	if (r == 0)
		r = fb_audit_add(j, id, by ? by : "engine", how == 2 ? "execution.stop_forced" : "execution.stop_asked", NULL, err);
	return fb_txn_end(j, r, err);
}

/* Others ask in the file, also while writing goes to memory. */
int fb_journal_stop_asked(struct fb_journal *j)
{
	struct fb_err err;
	sqlite3_stmt *s;
	int how = 0;

	if (!j->n || !j->file.h)
		return 0;
	s = fb_db_statement(j, &j->file, "SELECT stop FROM executions WHERE id = ?1", &err);
	if (s && sqlite3_bind_text(s, 1, j->execution, -1, SQLITE_TRANSIENT) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		how = sqlite3_column_int(s, 0);
	fb_db_done(s);
	return how;
}

static void fill(sqlite3_stmt *s, void *row)
{
	struct fb_execution *e = row;

	e->id = fb_db_text_or_empty(s, 0);
	e->alias = fb_db_text(s, 1);
	e->kind = fb_db_text_or_empty(s, 2);
	e->environment = fb_db_text_or_empty(s, 3);
	e->status = fb_db_text_or_empty(s, 4);
	e->title = fb_db_text_or_empty(s, 5);
	e->release = fb_db_text(s, 6);
	e->reason = fb_db_text(s, 7);
	e->services = fb_db_text_or_empty(s, 8);
	e->retry_of = fb_db_text(s, 9);
	e->epoch = sqlite3_column_int64(s, 10);
	e->started_ms = sqlite3_column_int64(s, 11);
	e->ended_ms = sqlite3_column_int64(s, 12);
	e->started_boot_ms = sqlite3_column_int64(s, 13);
	e->ended_boot_ms = sqlite3_column_int64(s, 14);
	e->boot_id = fb_db_text_or_empty(s, 15);
	e->owner = (struct fb_proc){.pid = sqlite3_column_int(s, 16), .start = (uint64_t)sqlite3_column_int64(s, 17)};
	e->exit_code = sqlite3_column_int(s, 18);
	e->owner_alive = e->owner.pid > 0 && fb_db_text_is(s, 19, fb_clock_boot_id()) && fb_proc_alive(&e->owner);
}

/* Those whose id begins with text, or (none) the newest, for an error that helps. */
static int near(struct fb_journal *j, const char *text, bool several, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err, several ? "SELECT id FROM executions WHERE substr(id, 1, length(?1)) = ?1 ORDER BY n DESC LIMIT 4" : "SELECT id FROM executions WHERE ?1 = ?1 ORDER BY n DESC LIMIT 3",
				      "t", text);
	struct fb_text list = {0};
	int r = -1;

	while (s && (r = fb_db_step(j, s, err)) == 1)
		fb_text_printf(&list, "%s%s", list.n ? ", " : "", (const char *)sqlite3_column_text(s, 0));
	if (r == 0 && several)
		fb_err_set(err, FB_EXIT_REFUSED, "several executions begin with '%s': %s: give more of the id", text, list.p ? list.p : "");
	else if (r == 0 && list.n)
		fb_err_set(err, FB_EXIT_REFUSED, "there is no execution '%s'; the newest are %s", text, list.p);
	else if (r == 0)
		fb_err_set(err, FB_EXIT_REFUSED, "there is no execution '%s': none was recorded yet", text);
	fb_text_clear(&list);
	return r < 0 ? -1 : 1;
}

static int find_one(struct fb_journal *j, const char *sql, const char *id, int64_t *ret_n, int *ret_count, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err, sql, "t", id);
	int r = -1;

	*ret_count = 0;
	while (s && (r = fb_db_step(j, s, err)) == 1)
		if ((*ret_count)++ == 0)
			*ret_n = sqlite3_column_int64(s, 0);
	return r;
}

static int resolve(struct fb_journal *j, const char *id, int64_t *ret_n, struct fb_err *err)
{
	static const char *const ways[] = {
		"SELECT n FROM executions WHERE id = ?1",
		"SELECT n FROM executions WHERE alias = ?1 ORDER BY n DESC LIMIT 1",
		"SELECT n FROM executions WHERE substr(id, 1, length(?1)) = ?1 ORDER BY n DESC LIMIT 2",
	};
	int count = 0;

	if (!id) {
		if (find_one(j, "SELECT n FROM executions WHERE ?1 IS NULL ORDER BY n DESC LIMIT 1", NULL, ret_n, &count, err) < 0)
			return -1;
		if (count == 0)
			fb_err_set(err, FB_EXIT_REFUSED, "no execution was recorded in the journal %s yet", j->path);
		return count == 0;
	}
	for (int i = 0; i < 3 && count == 0 && *id; i++)
		if (find_one(j, ways[i], id, ret_n, &count, err) < 0)
			return -1;
	return count == 1 ? 0 : near(j, id, count > 1, err);
}

int fb_journal_execution(struct fb_journal *j, const char *id, struct fb_execution *ret, struct fb_err *err)
{
	sqlite3_stmt *s;
	int64_t n;
	int r = resolve(j, id, &n, err);

	if (r)
		return r;
	s = fb_db_query(j, err, "SELECT " COLUMNS ", f.json FROM executions e LEFT JOIN frozen f ON f.execution = e.n WHERE e.n = ?1", "i", n);
	if (!s)
		return -1;
	r = fb_db_step(j, s, err);
	if (r < 1)
		return r < 0 ? -1 : fb_err_set(err, FB_EXIT_JOURNAL, "execution %s went away while it was read", id ? id : "(the newest)");
	*ret = (struct fb_execution){0};
	fill(s, ret);
	ret->frozen = fb_db_text(s, 20);
	fb_db_done(s);
	return 0;
}

void fb_execution_clear(struct fb_execution *e)
{
	char *const texts[] = {e->id, e->alias, e->kind, e->environment, e->status, e->title, e->release, e->reason, e->services, e->retry_of, e->frozen, e->boot_id};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		fb_free(texts[i]);
	*e = (struct fb_execution){0};
}

/* The table that the rows are found through depends on the filter, so that each has its index. */
int fb_journal_executions(struct fb_journal *j, const struct fb_execution_filter *f, struct fb_execution **ret, size_t *ret_n, struct fb_err *err)
{
	struct fb_text sql = {0};
	sqlite3_stmt *s;
	void *rows;
	int r;

	fb_text_puts(&sql, "SELECT " COLUMNS " FROM ");
	fb_text_puts(&sql, f->service ? "touched t CROSS JOIN executions e ON e.n = t.execution WHERE t.service = ?2" : "executions e WHERE ?2 IS NULL");
	fb_text_puts(&sql, f->environment ? " AND e.environment = ?1" : " AND ?1 IS NULL");
	fb_text_puts(&sql, f->unfinished ? " AND e.ended_ms = 0" : "");
	fb_text_puts(&sql, " AND (?3 IS NULL OR e.kind = ?3) AND (?4 IS NULL OR e.status = ?4) AND (?5 = 0 OR e.started_ms < ?5) ORDER BY ");
	fb_text_puts(&sql, f->service ? "t.execution DESC LIMIT ?6" : "e.n DESC LIMIT ?6");
	s = fb_db_query(j, err, sql.p, "ttttid", f->environment, f->service, f->kind, f->status, f->before_ms, f->limit > 0 ? f->limit : -1);
	fb_text_clear(&sql);
	r = fb_db_list(j, s, sizeof **ret, fill, &rows, ret_n, err);
	*ret = rows;
	if (r < 0) {
		fb_executions_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}

void fb_executions_free(struct fb_execution *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fb_execution_clear(&v[i]);
	fb_free(v);
}

int fb_journal_tally(struct fb_journal *j, const char *environment, struct fb_tally *ret, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err,
				      "SELECT coalesce((SELECT rollbacks FROM tallies WHERE environment = ?1), 0), (SELECT coalesce(max(ended_ms), 0) FROM executions WHERE environment = ?1)",
				      "t", environment);

	if (!s || fb_db_step(j, s, err) < 1)
		return -1;
	*ret = (struct fb_tally){.rollbacks = sqlite3_column_int64(s, 0), .last_ended_ms = sqlite3_column_int64(s, 1)};
	fb_db_done(s);
	return 0;
}
