/* SPDX-License-Identifier: Apache-2.0 */
/* Actions, written ahead: what may be made, what was made, what nobody knows. plugin.h has the meaning of the answers. */
#include "journal/internal.h"

#include <stdio.h>

#include "base/clock.h"
#include "failback/plugin.h"

#define WHERE_KEY "execution = ?1 AND link = ?2 AND service = ?3 AND operation = ?4 AND undo = ?5 AND key = ?6"
#define KEY_FORMAT "itttdt"
#define KEY_VALUES(j, k) (j)->n, (k)->link, (k)->service ? (k)->service : "", (k)->operation, (int)(k)->undo, (k)->key

struct known {
	bool there;
	bool done, dry;
	int repeat;
	int64_t intended_ms;
};

static int look(struct fb_journal *j, const struct fb_action_key *k, struct known *ret, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err, "SELECT state, repeat, intended_ms FROM actions WHERE " WHERE_KEY, KEY_FORMAT, KEY_VALUES(j, k));
	int r;

	if (!s)
		return -1;
	r = fb_db_step(j, s, err);
	*ret = (struct known){.there = r == 1};
	if (r < 1)
		return r;
	ret->done = fb_db_text_is(s, 0, "done");
	ret->dry = fb_db_text_is(s, 0, "dry");
	ret->repeat = sqlite3_column_int(s, 1);
	ret->intended_ms = sqlite3_column_int64(s, 2);
	fb_db_done(s);
	return 0;
}

static int intend(struct fb_journal *j, const struct fb_action_key *k, int repeat, const char *text, bool dry, struct fb_err *err)
{
	return fb_db_run(j, err,
			 "INSERT OR REPLACE INTO actions (execution, link, service, operation, undo, key, text, result, state, repeat, epoch, intended_ms, done_ms, late)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8, ?9, ?10, ?11, 0, ?12)",
			 KEY_FORMAT "ttdiil", KEY_VALUES(j, k), text, dry ? "dry" : "intended", repeat, j->epoch, fb_clock_wall_ms(), (int)fb_journal_degraded(j));
}

/* It may have been made, and must not be made twice: the row says what a person has to look at. */
static int never_again(struct fb_journal *j, const struct fb_action_key *k, const char *text, int64_t intended_ms, struct fb_err *err)
{
	char when[FB_TIME_SIZE];
	int r;

	fb_clock_format(intended_ms, when);
	fb_err_set(err, FB_EXIT_INCOMPLETE, "'%s' was begun at %s and may or may not have been made; it is never made twice: look whether it was, and finish it by hand", text ? text : k->key,
		   when);
	r = fb_db_run(j, err,
		      "UPDATE actions SET text = ?7 || ' (begun ' || ?8 || ', end not known: look whether it was made; it is never made again by itself)' WHERE " WHERE_KEY
		      " AND text NOT LIKE '%end not known: look whether%'",
		      KEY_FORMAT "tt", KEY_VALUES(j, k), text ? text : k->key, when);
	return r < 0 ? -1 : FB_ACT_NO;
}

static int answer(struct fb_journal *j, const struct fb_action_key *k, int repeat, const char *text, bool dry, struct fb_err *err)
{
	struct known known;

	if (look(j, k, &known, err) < 0)
		return -1;
	if (dry)
		return !known.there && intend(j, k, repeat, text, true, err) < 0 ? -1 : FB_ACT_DRY;
	if (known.there && known.done)
		return FB_ACT_DONE;
	if (known.there && !known.dry) {
		if (known.repeat == FB_REPEAT_ONCE || repeat == FB_REPEAT_ONCE)
			return never_again(j, k, text, known.intended_ms, err);
		if (repeat == FB_REPEAT_PROBE)
			return FB_ACT_UNSURE;
	}
	/* Who looked and found that it was not made can look again another time. */
	if (repeat == FB_REPEAT_AGAIN)
		repeat = known.there ? known.repeat : FB_REPEAT_PROBE;
	return intend(j, k, repeat, text, false, err) < 0 ? -1 : FB_ACT_DO;
}

int fb_journal_act(struct fb_journal *j, const struct fb_action_key *k, int repeat, const char *text, bool dry, struct fb_err *err)
{
	if (repeat < FB_REPEAT_IDEMPOTENT || repeat > FB_REPEAT_AGAIN)
		return fb_err_set(err, FB_EXIT_PLUGIN, "action '%s' of link %s: %d is no way to repeat that plugin.h knows", k->key, k->link, repeat);
	if (!k->link || !k->operation || !k->key || !*k->key)
		return fb_err_set(err, FB_EXIT_PLUGIN, "an action without link, operation or key");
	if (fb_txn_begin_own(j, FB_DURABLE, err) < 0)
		return -1;
	return fb_txn_end(j, answer(j, k, repeat, text, dry, err), err);
}

int fb_journal_acted(struct fb_journal *j, const struct fb_action_key *k, const char *result, struct fb_err *err)
{
	int r;

	if (fb_txn_begin_own(j, FB_DURABLE, err) < 0)
		return -1;
	r = fb_db_run(j, err, "UPDATE actions SET state = 'done', result = ?7, done_ms = ?8, late = max(late, ?9) WHERE " WHERE_KEY " AND state <> 'dry'", KEY_FORMAT "til",
		      KEY_VALUES(j, k), result, fb_clock_wall_ms(), (int)fb_journal_degraded(j));
	if (r == 0 && j->changes == 0)
		r = fb_err_set(err, FB_EXIT_PLUGIN, "acted(\"%s\") in link %s without an act(\"%s\") that answered DO or UNSURE", k->key, k->link, k->key);
	return fb_txn_end(j, r, err);
}

char *fb_journal_act_result(struct fb_journal *j, const struct fb_action_key *k)
{
	struct fb_err err;
	char *result;

	if (!j->n)
		return NULL;
	if (fb_db_one_text(j, fb_db_query(j, &err, "SELECT result FROM actions WHERE " WHERE_KEY " AND state = 'done'", KEY_FORMAT, KEY_VALUES(j, k)), &result, &err) < 0)
		return NULL;
	return result;
}

static void fill(sqlite3_stmt *s, void *row)
{
	struct fb_action_row *r = row;

	r->link = fb_db_text_or_empty(s, 0);
	r->service = fb_db_text_or_empty(s, 1);
	r->operation = fb_db_text_or_empty(s, 2);
	r->undo = sqlite3_column_int(s, 3);
	r->key = fb_db_text_or_empty(s, 4);
	r->text = fb_db_text(s, 5);
	r->result = fb_db_text(s, 6);
	r->state = fb_db_text_or_empty(s, 7);
	r->repeat = sqlite3_column_int(s, 8);
	r->epoch = sqlite3_column_int64(s, 9);
	r->intended_ms = sqlite3_column_int64(s, 10);
	r->done_ms = sqlite3_column_int64(s, 11);
	r->late = sqlite3_column_int(s, 12);
}

int fb_journal_actions(struct fb_journal *j, const char *execution, struct fb_action_row **ret, size_t *ret_n, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err,
				      "SELECT link, service, operation, undo, key, text, result, state, repeat, epoch, intended_ms, done_ms, late FROM actions"
				      " WHERE execution = (SELECT n FROM executions WHERE id = ?1) ORDER BY intended_ms, link, service, operation, undo, key",
				      "t", execution);
	void *rows;
	int r = fb_db_list(j, s, sizeof **ret, fill, &rows, ret_n, err);

	*ret = rows;
	if (r < 0) {
		fb_actions_free(*ret, *ret_n);
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}

void fb_actions_free(struct fb_action_row *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *const texts[] = {v[i].link, v[i].service, v[i].operation, v[i].key, v[i].text, v[i].result, v[i].state};

		for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
			fb_free(texts[t]);
	}
	fb_free(v);
}
