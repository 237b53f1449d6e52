/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of a recovery: back to the revision of a release, and whether all is there then. */
#include <stdlib.h>
#include <string.h>

#include "plugins/common/item.h"
#include "plugins/strategies/postgresql/postgresql.h"

/* The revision to go back to, to be freed; NULL: nobody knows. */
char *pg_target_of(struct pg *p, const char *release)
{
	const char *declared = p->host->option(p->call, "target_migration");
	char *ret = declared ? run_copy(declared) : run_copy(pg_remembered(p, "revision", release));

	if (!ret)
		pg_fail(p, "it is not known which revision of database %s goes with release %s: no backup was made while it was live. Set 'target_migration'", p->database,
			      release ? release : "(none)");
	return ret;
}

/* An external tool cannot work in our transaction: what is committed between the copy and its own lock is not preserved. */
static int32_t downgrade(struct pg *p, const char *target)
{
	int32_t answer;

	if (pg_tool_is(p, "sql"))
		return pg_migrate_down(p, p->db, target, false, pg_preserve);
	if (pg_tool_is(p, "flyway") && !run_is_set(p->call, "downgrade"))
		return pg_flyway_down(p, p->db, target);
	if (p->call->flags & FB_CALL_DRY_RUN)
		return pg_tool_run(p, "downgrade", target);
	if (pg_do(p, p->db, "beginning a transaction", "BEGIN"))
		return pg_answer();
	answer = pg_preserve(p, p->db);
	PQclear(PQexec(p->db, "ROLLBACK"));
	return answer == FB_OK ? pg_tool_run(p, "downgrade", target) : answer;
}

static int32_t arrived(struct pg *p, const char *target)
{
	char revision[PG_NAME];

	if (pg_connect(p) || pg_revision(p, p->db, revision))
		return pg_answer();
	if (!strcmp(revision, target))
		return FB_OK;
	pg_fail(p, "the downgrade of database %s ended without an error, but it is at revision %s and not at %s", p->database, revision, target);
	return FB_FAIL;
}

/* The downgrade; the snapshot where there is none, or where it fails for good. */
static int32_t go_back(struct pg *p, const char *release, const char *target)
{
	char why[2 * PG_TEXT];
	int32_t answer = pg_tool_can_reach(p, target);

	if (answer == FB_OK)
		answer = downgrade(p, target);
	if (answer == FB_OK && !(p->call->flags & FB_CALL_DRY_RUN))
		answer = arrived(p, target);
	if (answer == FB_OK || answer == FB_RETRY)
		return answer;
	snprintf(why, sizeof why, "database %s could not be taken back to revision %s by its downgrade: %s", p->database, target, p->why);
	answer = pg_fall_back(p, release, why);
	if (answer == FB_OK && !(p->call->flags & FB_CALL_DRY_RUN))
		answer = arrived(p, target);
	return answer;
}

static int32_t return_to(struct pg *p, const char *release, const char *target)
{
	char revision[PG_NAME];
	int32_t answer;

	if (pg_connect(p) || pg_end_own_sessions(p, p->db, p->database) || pg_revision(p, p->db, revision))
		return pg_answer();
	if (!strcmp(revision, target)) {
		p->host->log(p->call, FB_LOG_INFO, "database %s is at revision %s: there is nothing to take back", p->database, target);
		pg_preserve_tell(p); /* what an attempt that was interrupted has preserved */
		return p->call->flags & FB_CALL_RESUMED || p->call->attempt > 1 ? FB_OK : FB_SKIP;
	}
	p->host->log(p->call, FB_LOG_INFO, "taking database %s from revision %s back to %s", p->database, revision, target);
	answer = go_back(p, release, target);
	if (answer == FB_OK && !(p->call->flags & FB_CALL_DRY_RUN))
		pg_preserve_tell(p);
	return answer;
}

/* An item that nothing migrates: its data come back only where that is asked for. */
static int32_t return_data(struct pg *p, const char *release)
{
	const char *how = p->host->option(p->call, "on_rollback");
	char why[PG_TEXT];

	if (how && !strcmp(how, "keep")) {
		p->host->log(p->call, FB_LOG_INFO, "on_rollback = \"keep\": database %s is left as it is", p->database);
		return FB_SKIP;
	}
	snprintf(why, sizeof why, "on_rollback = \"restore\": the data of database %s go back with release %s", p->database, release ? release : "(none)");
	return pg_fall_back(p, release, why);
}

/* What a person has asked for, or the recovery of that; false: neither. */
static bool returned_as_asked(struct pg *p, const char *release, int32_t *ret)
{
	char *set = run_copy(pg_asked_set(p)), why[PG_TEXT];
	bool given = false;

	if (set) {
		*ret = pg_give_back(p, set);
	} else if (p->host->fact(p->call, FB_SCOPE_EXECUTION, ITEM_SET)) {
		*ret = FB_RETRY;
		if (pg_connect(p) || pg_was_given(p, &given))
			return true;
		snprintf(why, sizeof why, "database %s is to be as it was before it was given back", p->database);
		if (given)
			*ret = pg_fall_back(p, release, why);
	}
	given = given || set;
	free(set);
	return given;
}

int32_t pg_restore(struct pg *p)
{
	const char *release = p->call->release ? p->call->release : p->call->last_good;
	int32_t answer = FB_FATAL;
	char *target;

	if (returned_as_asked(p, release, &answer))
		return answer;
	if (pg_tool_is(p, "none"))
		return return_data(p, release);
	target = pg_target_of(p, release);

	if (target)
		answer = return_to(p, release, target);
	free(target);
	if (answer <= FB_SKIP && !(p->call->flags & FB_CALL_DRY_RUN) && release && p->host->fact_set(p->call, FB_SCOPE_SERVICE, "live", release))
		p->host->log(p->call, FB_LOG_WARNING, "that %s is live could not be recorded", release);
	return answer;
}

int32_t pg_undo(struct pg *p)
{
	char *target;
	int32_t answer;

	if (p->call->operation != FB_OP_SHIFT) {
		p->host->log(p->call, FB_LOG_INFO, "this operation has left nothing to undo");
		return FB_SKIP;
	}
	target = run_copy(p->host->fact(p->call, FB_SCOPE_OWN, "before"));
	if (!target)
		return FB_SKIP;
	answer = return_to(p, p->call->last_good, target);
	free(target);
	return answer;
}

/* After a recovery: is it what it was? */
static int32_t integrity(struct pg *p, const char *release)
{
	char *then = run_copy(pg_remembered(p, "catalog", release)), *now = NULL;
	const char *text = pg_remembered(p, "proof", release);
	json_t *numbers = text ? json_loads(text, 0, NULL) : NULL, *found = NULL;
	int32_t answer = FB_OK;

	if (then && *then)
		answer = (now = pg_catalog(p, p->db)) ? pg_catalog_compare(p, then, now, p->database) : pg_answer();
	if (answer == FB_OK && json_object_size(numbers))
		answer = (found = pg_proof(p, p->db)) ? pg_proof_check(p, numbers, found) : pg_answer();
	free(then);
	free(now);
	json_decref(numbers);
	json_decref(found);
	return answer;
}

int32_t pg_verify(struct pg *p)
{
	const char *release = p->call->release ? p->call->release : p->call->last_good;
	char revision[PG_NAME], *expected;
	bool recovery = p->call->failed || p->call->flags & FB_CALL_RECOVERY, back = true, given;
	const char *how = p->host->option(p->call, "on_rollback");
	int32_t answer = FB_OK;

	if (pg_connect(p) || pg_revision(p, p->db, revision) || pg_was_given(p, &given))
		return pg_answer();
	if (pg_tool_is(p, "none") && how && !strcmp(how, "keep"))
		back = given;
	expected = recovery ? pg_target_of(p, release) : run_copy(pg_remembered(p, "revision", release));
	if (expected && strcmp(expected, revision)) {
		pg_fail(p, "database %s is at revision %s, and release %s needs %s", p->database, revision, release ? release : "?", expected);
		answer = FB_FAIL;
	}
	free(expected);
	if (answer == FB_OK && recovery && back)
		answer = integrity(p, release);
	return answer == FB_OK ? pg_verify_queries(p) : answer;
}
