/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of a deployment: could it work, what is live, migrate, and drop what is needed no longer. */
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/postgresql/postgresql.h"

#define LOCK_TRIES 20 /* of a migration that has to wait: about a minute */

static int32_t look_at_server(struct pg *p)
{
	const char *how = p->host->option(p->call, "snapshot");
	bool dumps = !how || !strcmp(how, "dump") || !strcmp(how, "auto");
	char *may = NULL, program[4200];
	const char *const argv[] = {pg_program(p, "pg_dump", program, sizeof program), "--version", NULL};
	const struct fb_command command = {.argv = argv};
	struct fb_command_result r = {0};
	int major = PQserverVersion(p->db) / 10000, tool;

	if (major < 11) {
		pg_fail(p, "the server has PostgreSQL %d: 11 or later is needed", major);
		return FB_FATAL;
	}
	if (pg_ask(p, p->db, "asking for rights",
		   "SELECT 1 FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database() AND (r.rolsuper OR (r.rolcreatedb AND pg_has_role(d.datdba, 'USAGE')))", 0, NULL, &may))
		return pg_answer();
	if (!may)
		p->host->advise(p->call, "the role is neither superuser nor owner of the database with CREATEDB: a dump can be neither restored for proof nor put in the place of the database", NULL);
	free(may);
	if (!dumps)
		return FB_OK;
	if (p->host->run(p->call, &command, &r) || r.exit_code || !r.output) {
		pg_fail(p, "%s does not run: install postgresql-client-%d, or set 'bindir'", program, major);
		return FB_FATAL;
	}
	tool = atoi(r.output + strcspn(r.output, "0123456789"));
	if (tool < major) {
		pg_fail(p, "pg_dump has version %d, the server %d: a dump needs a client that is as new as the server. Install postgresql-client-%d, or set 'bindir'", tool, major, major);
		return FB_FATAL;
	}
	return FB_OK;
}

int32_t pg_check(struct pg *p)
{
	int32_t answer = pg_tool_check(p);
	char revision[PG_NAME];

	if (answer != FB_OK)
		return answer;
	if (pg_connect(p))
		return pg_answer();
	answer = look_at_server(p);
	if (answer == FB_OK && pg_revision(p, p->db, revision))
		answer = pg_answer();
	return answer;
}

/* The release that was made live last, if the database still has its revision. */
int32_t pg_state(struct pg *p)
{
	char revision[PG_NAME], *live = run_copy(p->host->fact(p->call, FB_SCOPE_SERVICE, "live")), detail[PG_NAME + 40], *text;
	const char *expected;
	json_t *o;
	int rc;

	if (pg_connect(p) || pg_revision(p, p->db, revision)) {
		free(live);
		return pg_answer();
	}
	expected = live ? pg_remembered(p, "revision", live) : NULL;
	snprintf(detail, sizeof detail, "revision %s", revision);
	o = json_pack("{s:s?, s:s, s:s}", "release", expected && !strcmp(expected, revision) ? live : NULL, "target", p->database, "detail", detail);
	text = json_dumps(o, JSON_COMPACT);
	rc = text ? p->host->report(p->call, "state", text) : -1;
	json_decref(o);
	free(text);
	free(live);
	if (!rc)
		return FB_OK;
	pg_fail(p, "the state of database %s could not be reported", p->database);
	return FB_FAIL;
}

int32_t pg_prepare(struct pg *p)
{
	char *target, revision[PG_NAME];
	int32_t answer = FB_OK;

	if (pg_tool_is(p, "none"))
		return FB_OK;
	if (pg_connect(p) || pg_revision(p, p->db, revision))
		return pg_answer();
	if (!(p->call->flags & FB_CALL_RECOVERY) && !p->call->failed)
		return pg_tool_can_return(p, p->call->release);
	target = pg_target_of(p, p->call->release);
	if (!target)
		return FB_FATAL;
	if (strcmp(target, revision)) {
		const char *kind = pg_remembered(p, "snapshot", p->call->release), *how = p->host->option(p->call, "fallback");
		bool snapshot = kind && strcmp(kind, "none") && how && strcmp(how, "none");

		answer = pg_tool_can_reach(p, target);
		if (answer == FB_FATAL && snapshot) {
			p->host->log(p->call, FB_LOG_WARNING, "there is no downgrade to revision %s: the snapshot will take the database's place", target);
			answer = FB_OK;
		}
	}
	free(target);
	return answer;
}

/* Waiting for a lock is given up soon, so that nobody queues behind it for long, and tried again. */
static int32_t migrate(struct pg *p)
{
	struct pg_migrations files;
	int32_t answer = FB_RETRY;
	int64_t pause = 100;

	if (!pg_tool_is(p, "sql"))
		return pg_tool_run(p, "migrate", NULL);
	if (pg_migrations_read(p, p->call->release, &files))
		return FB_FAIL;
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		answer = pg_migrate_up(p, p->db, &files, false);
		if (answer != FB_RETRY || PQstatus(p->db) != CONNECTION_OK || p->host->remaining_ms(p->call) < 4 * pause)
			break;
		p->host->log(p->call, FB_LOG_INFO, "a migration has to wait for a lock; trying again in %lld ms", (long long)pause);
		if (p->host->sleep_ms(p->call, pause))
			break;
		pause = pause < 1600 ? 2 * pause : 3000;
	}
	pg_migrations_clear(&files);
	return answer;
}

int32_t pg_shift(struct pg *p)
{
	char revision[PG_NAME], key[PG_NAME + 20];
	int32_t answer;

	if (p->call->share != 10000 || !p->call->release) {
		pg_fail(p, p->call->release ? "a database cannot take a share of the traffic: it is migrated or not" : "no release is named to migrate database %s for", p->database);
		return FB_FATAL;
	}
	if (pg_connect(p) || pg_end_own_sessions(p, p->db, p->database) || pg_revision(p, p->db, revision))
		return pg_answer();
	if (!p->host->fact(p->call, FB_SCOPE_OWN, "before") && p->host->fact_set(p->call, FB_SCOPE_OWN, "before", revision)) {
		pg_fail(p, "the revision of database %s could not be recorded", p->database);
		return FB_FAIL;
	}
	answer = pg_tool_can_return(p, p->call->release);
	if (answer == FB_OK)
		answer = migrate(p);
	if (answer != FB_OK || p->call->flags & FB_CALL_DRY_RUN)
		return answer;
	if (pg_revision(p, p->db, revision))
		return pg_answer();
	if (p->host->fact_set(p->call, FB_SCOPE_SERVICE, pg_key("revision", p->call->release, key, sizeof key), revision) || p->host->fact_set(p->call, FB_SCOPE_SERVICE, "live", p->call->release)) {
		pg_fail(p, "database %s is at revision %s, but that could not be recorded", p->database, revision);
		return FB_FAIL;
	}
	p->host->log(p->call, FB_LOG_INFO, "database %s is at revision %s", p->database, revision);
	return FB_OK;
}

/* The databases that this execution has made and needs no longer. */
static int32_t drop(struct pg *p, const char *what)
{
	char name[PG_NAME], key[PG_NAME + 8];
	int32_t leave;

	pg_name(p, what, name, sizeof name);
	snprintf(key, sizeof key, "drop/%s", what);
	leave = pg_leave(p, key, FB_REPEAT_IDEMPOTENT, "drop database %s, if it is there", name);
	if (leave == FB_ACT_NO)
		return FB_RETRY;
	if (leave == FB_ACT_DRY)
		return FB_OK;
	return pg_database_drop(p, name) ? pg_answer() : pg_made(p, key, leave);
}

int32_t pg_commit(struct pg *p)
{
	const char *kind = pg_remembered(p, "snapshot", p->call->last_good);
	char key[PG_NAME + 20];
	int32_t answer;

	if (!kind || strncmp(kind, "clone ", 6))
		return FB_SKIP;
	answer = drop(p, "snapshot");
	if (answer == FB_OK && !(p->call->flags & FB_CALL_DRY_RUN) && p->host->fact_set(p->call, FB_SCOPE_SERVICE, pg_key("snapshot", p->call->last_good, key, sizeof key), "none"))
		p->host->log(p->call, FB_LOG_WARNING, "that the clone is gone could not be recorded");
	return answer;
}

int32_t pg_cleanup(struct pg *p)
{
	int32_t answer = drop(p, "scratch");

	if (answer == FB_OK)
		answer = drop(p, "return");
	return answer;
}
