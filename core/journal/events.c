/* SPDX-License-Identifier: Apache-2.0 */
/* Events, numbered over the whole journal, for followers. Their names are a closed list. */
#include "journal/internal.h"

#include "base/clock.h"
#include "journal/events.h"

static const char *const names[] = {
#define X(name, severity, meaning) name,
	FB_EVENTS(X)
#undef X
		NULL,
};

static bool known(const char *name)
{
	for (const char *const *n = names; *n; n++)
		if (fb_streq(*n, name))
			return true;
	return false;
}

int fb_journal_event(struct fb_journal *j, const char *name, const char *link, const char *summary, const char *data, int64_t *ret_seq, struct fb_err *err)
{
	int64_t seq;
	int r;

	if (!known(name))
		return fb_err_set(err, FB_EXIT_BUG, "event '%s' is not in the list of events (journal/events.h)", name ? name : "");
	if (fb_txn_begin_any(j, FB_ORDERED, err) < 0)
		return -1;
	r = fb_db_run(j, err, "INSERT INTO events (execution, name, link, summary, data, at_ms) VALUES (NULLIF(?1, 0), ?2, ?3, ?4, ?5, ?6)", "itttti", j->n, name, link,
		      summary ? summary : "", data, fb_clock_wall_ms());
	seq = j->rowid;
	r = fb_txn_end(j, r, err);
	if (r == 0 && ret_seq)
		*ret_seq = seq;
	return r;
}

static void fill(sqlite3_stmt *s, void *row)
{
	struct fb_event_row *r = row;

	r->seq = sqlite3_column_int64(s, 0);
	r->execution = fb_db_text(s, 1);
	r->name = fb_db_text_or_empty(s, 2);
	r->link = fb_db_text(s, 3);
	r->summary = fb_db_text_or_empty(s, 4);
	r->data = fb_db_text(s, 5);
	r->at_ms = sqlite3_column_int64(s, 6);
}

int fb_journal_events(struct fb_journal *j, const char *execution, int64_t after_seq, int limit, struct fb_event_row **ret, size_t *ret_n, struct fb_err *err)
{
	static const char any[] = "SELECT v.seq, e.id, v.name, v.link, v.summary, v.data, v.at_ms FROM events v LEFT JOIN executions e ON e.n = v.execution"
				  " WHERE ?1 IS NULL AND v.seq > ?2 ORDER BY v.seq LIMIT ?3";
	static const char one[] = "SELECT v.seq, ?1, v.name, v.link, v.summary, v.data, v.at_ms FROM events v"
				  " WHERE v.execution = (SELECT n FROM executions WHERE id = ?1) AND v.seq > ?2 ORDER BY v.seq LIMIT ?3";
	sqlite3_stmt *s = fb_db_query(j, err, execution ? one : any, "tid", execution, after_seq, limit > 0 ? limit : -1);
	void *rows;
	int r = fb_db_list(j, s, sizeof **ret, fill, &rows, ret_n, err);

	*ret = rows;
	if (r < 0) {
		fb_events_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}

void fb_events_free(struct fb_event_row *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fb_free(v[i].execution);
		fb_free(v[i].name);
		fb_free(v[i].link);
		fb_free(v[i].summary);
		fb_free(v[i].data);
	}
	fb_free(v);
}
