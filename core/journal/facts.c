/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of an execution, and what is remembered for a service over executions. A value of NULL forgets. */
#include "journal/internal.h"

#include <jansson.h>

int fb_journal_fact_set(struct fb_journal *j, const char *scope, const char *key, const char *value, struct fb_err *err)
{
	int r;

	if (fb_txn_begin_own(j, FB_DURABLE, err) < 0)
		return -1;
	if (value)
		r = fb_db_run(j, err, "INSERT OR REPLACE INTO facts (execution, scope, key, value) VALUES (?1, ?2, ?3, ?4)", "ittt", j->n, scope ? scope : "", key, value);
	else
		r = fb_db_run(j, err, "DELETE FROM facts WHERE execution = ?1 AND scope = ?2 AND key = ?3", "itt", j->n, scope ? scope : "", key);
	return fb_txn_end(j, r, err);
}

char *fb_journal_fact(struct fb_journal *j, const char *execution, const char *scope, const char *key)
{
	struct fb_err err;
	char *value;

	if (fb_db_one_text(j, fb_db_query(j, &err, "SELECT value FROM facts WHERE execution = (SELECT n FROM executions WHERE id = ?1) AND scope = ?2 AND key = ?3", "ttt", execution,
					  scope ? scope : "", key),
			   &value, &err) < 0)
		return NULL;
	return value;
}

char *fb_journal_facts(struct fb_journal *j, const char *execution, struct fb_err *err)
{
	sqlite3_stmt *s = fb_db_query(j, err, "SELECT scope, key, value FROM facts WHERE execution = (SELECT n FROM executions WHERE id = ?1) ORDER BY scope, key", "t", execution);
	json_t *all = json_object();
	char *text, *copy = NULL;
	int r = -1;

	while (s && (r = fb_db_step(j, s, err)) == 1) {
		const char *scope = (const char *)sqlite3_column_text(s, 0), *key = (const char *)sqlite3_column_text(s, 1);
		json_t *members;

		/* Only a damaged file has NULL here. */
		if (!scope || !key)
			continue;
		members = json_object_get(all, scope);
		if (!members) {
			members = json_object();
			json_object_set_new(all, scope, members);
		}
		json_object_set_new(members, key, json_string((const char *)sqlite3_column_text(s, 2)));
	}
	text = r < 0 ? NULL : json_dumps(all, JSON_COMPACT);
	json_decref(all);
	if (text)
		copy = fb_strdup(text);
	free(text);
	return copy;
}

int fb_journal_memory_set(struct fb_journal *j, const char *environment, const char *service, const char *key, const char *value, struct fb_err *err)
{
	int r;

	if (fb_txn_begin_any(j, FB_DURABLE, err) < 0)
		return -1;
	r = fb_claims_guard(j, environment, service, err);
	if (r == 0)
		r = fb_claims_touch(j, environment, service, err);
	if (r == 0 && value)
		r = fb_db_run(j, err, "INSERT OR REPLACE INTO memory (environment, service, key, value) VALUES (?1, ?2, ?3, ?4)", "tttt", environment, service, key, value);
	else if (r == 0)
		r = fb_db_run(j, err, "DELETE FROM memory WHERE environment = ?1 AND service = ?2 AND key = ?3", "ttt", environment, service, key);
	return fb_txn_end(j, r, err);
}

char *fb_journal_memory(struct fb_journal *j, const char *environment, const char *service, const char *key)
{
	struct fb_err err;
	char *value;

	if (fb_db_one_text(j, fb_db_query(j, &err, "SELECT value FROM memory WHERE environment = ?1 AND service = ?2 AND key = ?3", "ttt", environment, service, key), &value, &err) < 0)
		return NULL;
	return value;
}
