/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that were started: hosts, workers, services. A row says that one was started, never that it still runs. */
#include "journal/internal.h"

#include "base/clock.h"

int fb_journal_process(struct fb_journal *j, const char *role, const char *environment, const char *service, const char *name, const struct fb_proc *p, struct fb_err *err)
{
	int r;

	if (!role || !name || p->pid <= 0)
		return fb_err_set(err, FB_EXIT_BUG, "a process without role, name or pid");
	if (fb_txn_begin_own(j, fb_streq(role, "service") ? FB_DURABLE : FB_ORDERED, err) < 0)
		return -1;
	r = fb_db_run(j, err,
		      "INSERT OR REPLACE INTO processes (boot_id, pid, start, execution, role, environment, service, name, started_ms, gone_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
		      "tiiitttti", j->boot, (int64_t)p->pid, (int64_t)p->start, j->n, role, environment, service, name, fb_clock_wall_ms());
	return fb_txn_end(j, r, err);
}

/* Whoever finds that it is gone may say so; of an earlier boot, too. */
int fb_journal_process_gone(struct fb_journal *j, const struct fb_proc *p, struct fb_err *err)
{
	int r;

	if (fb_txn_begin_any(j, FB_ORDERED, err) < 0)
		return -1;
	r = fb_db_run(j, err, "UPDATE processes SET gone_ms = ?3 WHERE boot_id = ?4 AND pid = ?1 AND start = ?2 AND gone_ms = 0", "iiit", (int64_t)p->pid, (int64_t)p->start,
		      fb_clock_wall_ms(), j->boot);
	if (r == 0 && j->changes == 0)
		r = fb_db_run(j, err, "UPDATE processes SET gone_ms = ?3 WHERE pid = ?1 AND start = ?2 AND gone_ms = 0", "iii", (int64_t)p->pid, (int64_t)p->start, fb_clock_wall_ms());
	return fb_txn_end(j, r, err);
}

static void fill(sqlite3_stmt *s, void *row)
{
	struct fb_process_row *r = row;

	r->execution = fb_db_text(s, 0);
	r->environment = fb_db_text(s, 1);
	r->service = fb_db_text(s, 2);
	r->role = fb_db_text_or_empty(s, 3);
	r->name = fb_db_text_or_empty(s, 4);
	r->boot_id = fb_db_text_or_empty(s, 5);
	r->proc = (struct fb_proc){.pid = sqlite3_column_int(s, 6), .start = (uint64_t)sqlite3_column_int64(s, 7)};
	r->started_ms = sqlite3_column_int64(s, 8);
}

int fb_journal_processes(struct fb_journal *j, const char *execution, const char *role, const char *environment, const char *service, const char *name, struct fb_process_row **ret,
			 size_t *ret_n, struct fb_err *err)
{
	static const char base[] = "SELECT e.id, p.environment, p.service, p.role, p.name, p.boot_id, p.pid, p.start, p.started_ms FROM processes p LEFT JOIN executions e ON e.n = p.execution"
				   " WHERE p.gone_ms = 0 AND (?2 IS NULL OR p.role = ?2) AND (?3 IS NULL OR p.environment = ?3) AND (?4 IS NULL OR p.service = ?4)"
				   " AND (?5 IS NULL OR p.name = ?5)";
	char *sql = fb_asprintf("%s AND %s ORDER BY p.started_ms, p.pid", base, execution ? "p.execution = (SELECT n FROM executions WHERE id = ?1)" : "?1 IS NULL");
	sqlite3_stmt *s = fb_db_query(j, err, sql, "ttttt", execution, role, environment, service, name);
	void *rows;
	int r = fb_db_list(j, s, sizeof **ret, fill, &rows, ret_n, err);

	fb_free(sql);
	*ret = rows;
	if (r < 0) {
		fb_processes_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}

void fb_processes_free(struct fb_process_row *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *const texts[] = {v[i].execution, v[i].environment, v[i].service, v[i].role, v[i].name, v[i].boot_id};

		for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
			fb_free(texts[t]);
	}
	fb_free(v);
}
