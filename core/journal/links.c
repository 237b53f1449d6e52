/* SPDX-License-Identifier: Apache-2.0 */
/* Links and their attempts. One row a link, its current truth; the attempts are its history. */
#include "journal/internal.h"

int fb_journal_link(struct fb_journal *j, const struct fb_link_row *r, struct fb_err *err)
{
	int code;

	if (!r->id || !r->chain || !r->status)
		return fb_err_set(err, FB_EXIT_BUG, "a link without id, chain or status");
	if (fb_txn_begin_own(j, FB_DURABLE, err) < 0)
		return -1;
	code = fb_db_run(j, err,
			 "INSERT OR REPLACE INTO links (execution, id, seq, chain, name, title, plugin, status, message, data, log, attempt, answer, late, started_ms, ended_ms,"
			 " started_boot_ms, ended_boot_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
			 "itdttttttttddliiii", j->n, r->id, r->seq, r->chain, r->name ? r->name : "", r->title ? r->title : "", r->plugin, r->status, r->message, r->data, r->log,
			 r->attempt, r->answer, r->late || fb_journal_degraded(j), r->started_ms, r->ended_ms, r->started_boot_ms, r->ended_boot_ms);
	return fb_txn_end(j, code, err);
}

static void fill(sqlite3_stmt *s, void *row)
{
	struct fb_link_row *r = row;

	r->id = fb_db_text_or_empty(s, 0);
	r->chain = fb_db_text_or_empty(s, 1);
	r->name = fb_db_text_or_empty(s, 2);
	r->title = fb_db_text_or_empty(s, 3);
	r->plugin = fb_db_text(s, 4);
	r->status = fb_db_text_or_empty(s, 5);
	r->message = fb_db_text(s, 6);
	r->data = fb_db_text(s, 7);
	r->log = fb_db_text(s, 8);
	r->seq = sqlite3_column_int(s, 9);
	r->attempt = sqlite3_column_int(s, 10);
	r->answer = sqlite3_column_int(s, 11);
	r->late = sqlite3_column_int(s, 12);
	r->started_ms = sqlite3_column_int64(s, 13);
	r->ended_ms = sqlite3_column_int64(s, 14);
	r->started_boot_ms = sqlite3_column_int64(s, 15);
	r->ended_boot_ms = sqlite3_column_int64(s, 16);
}

int fb_journal_links(struct fb_journal *j, const char *execution, struct fb_link_row **ret, size_t *ret_n, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err,
				      "SELECT id, chain, name, title, plugin, status, message, data, log, seq, attempt, answer, late, started_ms, ended_ms, started_boot_ms, ended_boot_ms"
				      " FROM links WHERE execution = (SELECT n FROM executions WHERE id = ?1) ORDER BY seq, id",
				      "t", execution);
	void *rows;
	int r = fb_db_list(j, s, sizeof **ret, fill, &rows, ret_n, err);

	*ret = rows;
	if (r < 0) {
		fb_links_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}

void fb_links_free(struct fb_link_row *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *const texts[] = {v[i].id, v[i].chain, v[i].name, v[i].title, v[i].plugin, v[i].status, v[i].message, v[i].data, v[i].log};

		for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
			fb_free(texts[t]);
	}
	fb_free(v);
}

int fb_journal_attempt(struct fb_journal *j, const char *link, int attempt, int answer, const char *message, int64_t started_ms, int64_t ended_ms, struct fb_err *err)
{
	int r;

	if (fb_txn_begin_own(j, FB_DURABLE, err) < 0)
		return -1;
	r = fb_db_run(j, err, "INSERT OR REPLACE INTO attempts (execution, link, attempt, answer, message, started_ms, ended_ms, late) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		      "itddtiil", j->n, link, attempt, answer, message, started_ms, ended_ms, (int)fb_journal_degraded(j));
	return fb_txn_end(j, r, err);
}
