/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and named moments of an execution. Their shape is the report's business. */
#include "journal/internal.h"

#include <jansson.h>

int fb_journal_document_set(struct fb_journal *j, const char *name, const char *json, struct fb_err *err)
{
	int r;

	if (!name || !json)
		return fb_err_set(err, FB_EXIT_BUG, "a document without name or text");
	if (fb_txn_begin_own(j, FB_DURABLE, err) < 0)
		return -1;
	r = fb_db_run(j, err, "INSERT OR REPLACE INTO documents (execution, name, json) VALUES (?1, ?2, ?3)", "itt", j->n, name, json);
	return fb_txn_end(j, r, err);
}

char *fb_journal_document(struct fb_journal *j, const char *execution, const char *name)
{
	struct fb_err err;
	char *json;

	if (fb_db_one_text(j, fb_db_query(j, &err, "SELECT json FROM documents WHERE execution = (SELECT n FROM executions WHERE id = ?1) AND name = ?2", "tt", execution, name), &json, &err) < 0)
		return NULL;
	return json;
}

int fb_journal_clock(struct fb_journal *j, const char *name, int64_t wall_ms, int64_t boot_ms, struct fb_err *err)
{
	int r;

	if (fb_txn_begin_own(j, FB_DURABLE, err) < 0)
		return -1;
	r = fb_db_run(j, err, "INSERT OR REPLACE INTO clocks (execution, name, wall_ms, boot_ms, boot_id) VALUES (?1, ?2, ?3, ?4, ?5)", "itiit", j->n, name, wall_ms, boot_ms, j->boot);
	return fb_txn_end(j, r, err);
}

char *fb_journal_clocks(struct fb_journal *j, const char *execution, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err, "SELECT name, wall_ms, boot_ms, boot_id FROM clocks WHERE execution = (SELECT n FROM executions WHERE id = ?1) ORDER BY wall_ms, name", "t", execution);
	json_t *all = json_object();
	char *text, *copy = NULL;
	int r = -1;

	while (s && (r = fb_db_step(j, s, err)) == 1) {
		const char *name = (const char *)sqlite3_column_text(s, 0);
		json_t *moment = json_object();

		json_object_set_new(moment, "wall_ms", json_integer(sqlite3_column_int64(s, 1)));
		json_object_set_new(moment, "boot_ms", json_integer(sqlite3_column_int64(s, 2)));
		json_object_set_new(moment, "boot_id", json_string((const char *)sqlite3_column_text(s, 3)));
		json_object_set_new(all, name ? name : "", moment);
	}
	text = r < 0 ? NULL : json_dumps(all, JSON_COMPACT);
	json_decref(all);
	if (text)
		copy = fb_strdup(text);
	free(text);
	return copy;
}
