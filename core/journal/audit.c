/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit: rows that are only ever appended, each carrying the SHA-256 of the row before, so that one that was edited, dropped or moved
 * is found. A row's hash is taken over the canonical JSON array [previous, seq, at_ms, execution, actor, action, detail]
 * (compact, no escapes but those that JSON demands): no two different rows have the same text.
 */
#include "journal/internal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"

/* Action of the row that stands for all that was pruned before it; its `previous` is the hash of the last of those. */
#define CHECKPOINT "audit.checkpoint"

static json_t *text_or_null(const char *s)
{
	json_t *text = s ? json_string(s) : NULL;

	/* Bytes that are not UTF-8 (only a damaged file has them) still give a text that differs from all others. */
	if (!text && s) {
		struct fb_text hex = {0};

		for (const char *p = s; *p; p++)
			fb_text_printf(&hex, "%02x", (unsigned char)*p);
		text = json_pack("{s:s}", "hex", hex.p ? hex.p : "");
		fb_text_clear(&hex);
	}
	return text ? text : json_null();
}

static void row_hash(const char *previous, int64_t seq, int64_t at_ms, const char *execution, const char *actor, const char *action, const char *detail, char ret[FB_HASH_SIZE])
{
	json_t *row = json_array();
	char *text;

	json_array_append_new(row, text_or_null(previous));
	json_array_append_new(row, json_integer(seq));
	json_array_append_new(row, json_integer(at_ms));
	json_array_append_new(row, text_or_null(execution));
	json_array_append_new(row, text_or_null(actor));
	json_array_append_new(row, text_or_null(action));
	json_array_append_new(row, text_or_null(detail));
	text = json_dumps(row, JSON_COMPACT);
	fb_hash(text ? text : "", text ? strlen(text) : 0, ret);
	free(text);
	json_decref(row);
}

/* v: at_ms, execution, actor, action, detail. The row goes to the end of that database's chain. */
int fb_audit_append(struct fb_journal *j, struct fb_db *db, const struct fb_value *v, bool late, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_statement(j, db, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", err);
	char previous[FB_HASH_SIZE] = "", hash[FB_HASH_SIZE], *detail;
	int64_t seq = 0;
	int code;

	if (!s)
		return -1;
	code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		seq = sqlite3_column_int64(s, 0);
		snprintf(previous, sizeof previous, "%s", (const char *)sqlite3_column_text(s, 1));
	}
	sqlite3_reset(s);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return fb_db_fail(j, db, code, "read", err);
	detail = late ? fb_asprintf("(late: recorded when there was space again)%s%s", v[4].t ? " " : "", v[4].t ? v[4].t : "") : fb_strdup(v[4].t);
	row_hash(previous, ++seq, v[0].i, v[1].t, v[2].t, v[3].t, detail, hash);
	code = fb_db_execute(j, db, "INSERT INTO audit (seq, at_ms, execution, actor, action, detail, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			     (struct fb_value[]){{.type = 'i', .i = seq}, v[0], v[1], v[2], v[3], {.type = 't', .t = detail}, {.type = 't', .t = previous}, {.type = 't', .t = hash}}, 8);
	fb_free(detail);
	if (code == SQLITE_DONE)
		return 0;
	fb_db_fail(j, db, code, "write", err);
	return fb_db_no_space(db, code) ? 1 : -1;
}

int fb_audit_add(struct fb_journal *j, const char *execution, const char *actor, const char *action, const char *detail, struct fb_err *err)
{
	const struct fb_value v[] = {
		{.type = 'i', .i = fb_clock_wall_ms()}, {.type = 't', .t = (char *)execution}, {.type = 't', .t = (char *)actor},
		{.type = 't', .t = (char *)action},	{.type = 't', .t = (char *)detail},
	};
	int r;

	fb_ops_add(&j->ops, NULL, v, 5);
	/* In memory there is no chain: a head that the file will never have must not be shown to anybody. */
	if (j->db == &j->memory)
		return 0;
	r = fb_audit_append(j, j->db, v, false, err);
	return r == 1 ? fb_degrade_retry(j, err) : r;
}

int fb_journal_audit(struct fb_journal *j, const char *execution, const char *actor, const char *action, const char *detail, struct fb_err *err)
{
	int r;

	if (!actor || !action)
		return fb_err_set(err, FB_EXIT_BUG, "a row of the audit without actor or action");
	/* Anybody may note what was done to an execution; only its owner, in the execution's own name. */
	if (execution && fb_streq(execution, j->execution) ? fb_txn_begin_own(j, FB_DURABLE, err) < 0 : fb_txn_begin(j, FB_DURABLE, err) < 0)
		return -1;
	r = fb_audit_add(j, execution, actor, action, detail, err);
	return fb_txn_end(j, r, err);
}

int fb_journal_audit_head(struct fb_journal *j, char ret[65], int64_t *ret_rows, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err, "SELECT hash, seq FROM audit ORDER BY seq DESC LIMIT 1", "");
	int r;

	if (!s)
		return -1;
	r = fb_db_step(j, s, err);
	if (r < 0)
		return -1;
	ret[0] = 0;
	if (ret_rows)
		*ret_rows = 0;
	if (r == 0)
		return 0;
	snprintf(ret, 65, "%s", (const char *)sqlite3_column_text(s, 0));
	if (ret_rows)
		*ret_rows = sqlite3_column_int64(s, 1);
	fb_db_done(s);
	return 0;
}

struct chain {
	int64_t seq; /* of the last row; 0: none yet */
	int64_t rows;
	char hash[FB_HASH_SIZE];
	bool head_seen;
};

/* One row against the one before. 0, or 1 with err. */
static int check_row(struct fb_journal *j, sqlite3_stmt *s, struct chain *c, struct fb_err *err)
{
	int64_t seq = sqlite3_column_int64(s, 0);
	const char *previous = (const char *)sqlite3_column_text(s, 6), *stored = (const char *)sqlite3_column_text(s, 7);
	bool checkpoint = c->rows == 0 && fb_db_text_is(s, 4, CHECKPOINT);
	char hash[FB_HASH_SIZE];

	if (c->rows == 0 && seq != 1 && !checkpoint)
		return fb_err_set(err, FB_EXIT_FAILED, "the audit of %s is broken: it begins with row %" PRId64 ", which is not a checkpoint: the rows before it were dropped", j->path, seq), 1;
	if (c->rows > 0 && seq != c->seq + 1)
		return fb_err_set(err, FB_EXIT_FAILED, "the audit of %s is broken at row %" PRId64 ": row %" PRId64 " was dropped", j->path, seq, c->seq + 1), 1;
	if (!checkpoint && !fb_streq(previous, c->hash))
		return fb_err_set(err, FB_EXIT_FAILED, "the audit of %s is broken at row %" PRId64 ": it does not follow the row before it (one of the two was edited or moved)", j->path, seq), 1;
	row_hash(previous, seq, sqlite3_column_int64(s, 1), (const char *)sqlite3_column_text(s, 2), (const char *)sqlite3_column_text(s, 3), (const char *)sqlite3_column_text(s, 4),
		 (const char *)sqlite3_column_text(s, 5), hash);
	if (!fb_streq(stored, hash))
		return fb_err_set(err, FB_EXIT_FAILED, "the audit of %s is broken at row %" PRId64 ": the row was edited", j->path, seq), 1;
	c->seq = seq;
	c->rows++;
	memcpy(c->hash, hash, sizeof hash);
	return 0;
}

int fb_journal_audit_verify(struct fb_journal *j, const char *head, int64_t *ret_rows, char ret_head[65], struct fb_err *err)
{
	/* Sorted by rowid, whatever an index says. */
	sqlite3_stmt *s = fb_db_query(j, err, "SELECT seq, at_ms, execution, actor, action, detail, previous, hash FROM audit NOT INDEXED ORDER BY seq", "");
	struct chain c = {0};
	int r = -1;

	while (s && (r = fb_db_step(j, s, err)) == 1) {
		if (check_row(j, s, &c, err) == 1) {
			fb_db_done(s);
			return 1;
		}
		c.head_seen |= head && strcmp(head, c.hash) == 0;
	}
	if (r < 0)
		return -1;
	if (head && *head && !c.head_seen)
		return fb_err_set(err, FB_EXIT_FAILED, "the audit of %s has %" PRId64 " rows that follow each other, but none with the head %s: rows after it, or all of them, were replaced or dropped",
				  j->path, c.rows, head), 1;
	if (ret_rows)
		*ret_rows = c.rows;
	if (ret_head)
		memcpy(ret_head, c.hash, sizeof c.hash);
	return 0;
}
