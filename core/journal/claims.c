/* SPDX-License-Identifier: Apache-2.0 */
/* Who may touch which service. A claim is taken with all others of its execution, and let go when that ends; never stolen. */
#include "journal/internal.h"

#include <stdio.h>
#include <string.h>

static int check_one(struct fb_journal *j, const char *environment, const char *service, int64_t n, struct fb_conflict *ret, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err,
				      "SELECT e.id, e.kind, e.owner_pid, e.owner_start, e.owner_boot, c.since_ms FROM claims c JOIN executions e ON e.n = c.execution"
				      " WHERE c.environment = ?1 AND c.service = ?2 AND c.execution <> ?3",
				      "tti", environment, service, n);
	int r;

	if (!s)
		return -1;
	r = fb_db_step(j, s, err);
	if (r < 1)
		return r;
	*ret = (struct fb_conflict){.owner = {.pid = sqlite3_column_int(s, 2), .start = (uint64_t)sqlite3_column_int64(s, 3)}, .since_ms = sqlite3_column_int64(s, 5)};
	snprintf(ret->service, sizeof ret->service, "%s", service);
	snprintf(ret->execution, sizeof ret->execution, "%s", (const char *)sqlite3_column_text(s, 0));
	snprintf(ret->kind, sizeof ret->kind, "%s", (const char *)sqlite3_column_text(s, 1));
	ret->owner_alive = fb_owner_alive(j, &ret->owner, (const char *)sqlite3_column_text(s, 4));
	fb_db_done(s);
	return 1;
}

int fb_claims_check(struct fb_journal *j, const char *environment, const char *const *services, int64_t n, struct fb_conflict *ret_conflict, struct fb_err *err)
{
	int r = 0;

	for (; services && *services && r == 0; services++)
		r = check_one(j, environment, *services, n, ret_conflict, err);
	return r;
}

int fb_claims_touch(struct fb_journal *j, const char *environment, const char *service, struct fb_err *err)
{
	return fb_db_run(j, err, "INSERT OR IGNORE INTO services (environment, service, generation) VALUES (?1, ?2, 0)", "tt", environment, service);
}

int fb_claims_take(struct fb_journal *j, const char *environment, const char *const *services, int64_t n, int64_t now_ms, struct fb_err *err)
{
	for (; services && *services; services++)
		if (fb_db_run(j, err, "INSERT INTO claims (environment, service, execution, since_ms) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM claims WHERE environment = ?1 AND service = ?2 AND execution = ?3)",
			      "ttii", environment, *services, n, now_ms) < 0 ||
		    fb_db_run(j, err, "UPDATE services SET generation = generation + 1 WHERE environment = ?1 AND service = ?2", "tt", environment, *services) < 0)
			return -1;
	return 0;
}

int fb_claims_release(struct fb_journal *j, int64_t n, struct fb_err *err)
{
	if (fb_db_run(j, err,
		      "UPDATE touched SET generation = (SELECT s.generation FROM services s WHERE s.environment = touched.environment AND s.service = touched.service)"
		      " WHERE execution = ?1 AND EXISTS (SELECT 1 FROM claims c WHERE c.environment = touched.environment AND c.service = touched.service AND c.execution = ?1)",
		      "i", n) < 0)
		return -1;
	return fb_db_run(j, err, "DELETE FROM claims WHERE execution = ?1", "i", n);
}

int fb_claims_changed(struct fb_journal *j, int64_t n, char *service, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err,
				      "SELECT t.service FROM touched t JOIN services s ON s.environment = t.environment AND s.service = t.service"
				      " WHERE t.execution = ?1 AND s.generation <> t.generation LIMIT 1",
				      "i", n);
	int r;

	if (!s)
		return -1;
	r = fb_db_step(j, s, err);
	if (r == 1) {
		snprintf(service, 64, "%s", (const char *)sqlite3_column_text(s, 0));
		fb_db_done(s);
	}
	return r;
}

static void fill_name(sqlite3_stmt *s, void *row)
{
	*(char **)row = fb_db_text_or_empty(s, 0);
}

int fb_claims_names(struct fb_journal *j, int64_t n, char ***ret, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err, "SELECT service FROM touched WHERE execution = ?1 ORDER BY service", "i", n);
	void *rows;
	size_t count;
	int r = fb_db_list(j, s, sizeof **ret, fill_name, &rows, &count, err);

	*ret = fb_realloc(rows, (count + 1) * sizeof **ret);
	(*ret)[count] = NULL;
	if (r < 0) {
		fb_claims_names_free(*ret);
		*ret = NULL;
	}
	return r;
}

void fb_claims_names_free(char **names)
{
	for (char **p = names; p && *p; p++)
		fb_free(*p);
	fb_free(names);
}

int fb_claims_guard(struct fb_journal *j, const char *environment, const char *service, struct fb_err *err)
{
	struct fb_conflict conflict;
	int r = j->n ? 0 : check_one(j, environment, service, 0, &conflict, err);

	if (r == 1)
		return fb_err_set(err, FB_EXIT_REFUSED, "service %s in %s is claimed by execution %s: wait for it, or look with failback show %s", service, environment, conflict.execution,
				  conflict.execution);
	return r;
}
