/* SPDX-License-Identifier: Apache-2.0 */
/* Which tool migrates: our own (migration.c), or a program of the project's, with ready settings for some. Which revision the database has, and whether it can go back. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/strategies/postgresql/postgresql.h"

/* Ready settings. revision: a query for one text; %s takes option app. Commands have FAILBACK_TARGET and the variables of libpq. */
static const struct ready {
	const char *name, *migrate, *downgrade, *revision, *table;
} tools[] = {
	{"alembic", "exec alembic upgrade \"${FAILBACK_TARGET:-head}\"", "case $FAILBACK_TARGET in 0) exec alembic downgrade base;; esac; exec alembic downgrade \"$FAILBACK_TARGET\"",
	 "SELECT string_agg(version_num, ',' ORDER BY version_num) FROM alembic_version", "alembic_version"},
	{"django", "exec python3 manage.py migrate --noinput",
	 "case $FAILBACK_TARGET in 0) FAILBACK_TARGET=zero;; esac; exec python3 manage.py migrate --noinput \"$FAILBACK_APP\" \"$FAILBACK_TARGET\"",
	 "SELECT name FROM django_migrations WHERE app = $1 ORDER BY id DESC LIMIT 1", "django_migrations"},
	{"flyway", "exec flyway migrate", NULL, pg_flyway_revision, "flyway_schema_history"},
	{"sqitch", "exec sqitch deploy --verify", "case $FAILBACK_TARGET in 0) exec sqitch revert -y;; esac; exec sqitch revert -y --to \"$FAILBACK_TARGET\"",
	 "SELECT change_id FROM sqitch.changes ORDER BY committed_at DESC, change_id LIMIT 1", "sqitch.changes"},
	{"golang-migrate", "exec migrate -path \"$FAILBACK_MIGRATIONS\" -database \"postgres:///$PGDATABASE\" up",
	 "case $FAILBACK_TARGET in 0) exec migrate -path \"$FAILBACK_MIGRATIONS\" -database \"postgres:///$PGDATABASE\" down -all;; esac; exec migrate -path "
	 "\"$FAILBACK_MIGRATIONS\" -database \"postgres:///$PGDATABASE\" goto \"$FAILBACK_TARGET\"",
	 "SELECT version || CASE WHEN dirty THEN ' (dirty)' ELSE '' END FROM schema_migrations LIMIT 1", "schema_migrations"},
};

static const struct ready *ready(const struct pg *p)
{
	const char *tool = p->host->option(p->call, "tool");

	for (size_t i = 0; tool && i < sizeof tools / sizeof *tools; i++)
		if (!strcmp(tools[i].name, tool))
			return &tools[i];
	return NULL;
}

bool pg_tool_is(const struct pg *p, const char *name)
{
	const char *tool = p->host->option(p->call, "tool");

	return tool && !strcmp(tool, name);
}

/* The option's command, or the tool's own. */
static bool command(struct pg *p, const char *option, struct run_spec *ret)
{
	const struct ready *r = ready(p);
	const char *own = !r ? NULL : !strcmp(option, "migrate") ? r->migrate : !strcmp(option, "downgrade") ? r->downgrade : NULL;

	if (run_option(p->call, option, ret))
		return true;
	if (!own)
		return false;
	ret->command.shell = ret->shell = run_copy(own);
	return true;
}

static int run_command(struct pg *p, const char *option, const char *target, struct fb_command_result *r)
{
	struct run_spec spec;
	char how[200], line[400], *folder;
	int rc = -1;

	if (!command(p, option, &spec)) {
		run_clear(&spec);
		pg_fail(p, "'%s' is not set, and tool has no ready command for it", option);
		return -1;
	}
	run_set_directory(&spec, p->host->option(p->call, "directory"));
	run_add_map(p->call, &spec, "environment");
	run_add_map(p->call, &spec, "secret_environment");
	pg_environment(p, &spec, NULL);
	run_add_environment(&spec, "FAILBACK_TARGET", target);
	run_add_environment(&spec, "FAILBACK_APP", p->host->option(p->call, "app"));
	folder = pg_migrations_folder(p, pg_release_of_files(p));
	run_add_environment(&spec, "FAILBACK_MIGRATIONS", folder);
	free(folder);
	if (pg_tool_is(p, "flyway"))
		pg_flyway_environment(p, &spec);
	if (p->host->run(p->call, &spec.command, r))
		pg_fail(p, "'%s' could not be started; the log says why", option);
	else if (r->exit_code || r->signal || r->timed_out)
		pg_fail(p, "'%s' ended with %s%s", option, run_outcome(r, how, sizeof how), run_line_after(r, line, sizeof line));
	else
		rc = 0;
	run_clear(&spec);
	return rc;
}

int32_t pg_tool_run(struct pg *p, const char *option, const char *target)
{
	struct fb_command_result r = {0};
	char key[PG_NAME + 40];
	int32_t leave;

	snprintf(key, sizeof key, "%s/%u/%.150s", option, p->call->attempt, target ? target : "");
	leave = pg_leave(p, key, FB_REPEAT_IDEMPOTENT, "run '%s' on database %s%s%s", option, p->database, target ? ", to revision " : "", target ? target : "");
	if (leave == FB_ACT_NO)
		return FB_RETRY;
	if (leave == FB_ACT_DRY)
		return FB_OK;
	return run_command(p, option, target, &r) ? FB_FAIL : pg_made(p, key, leave);
}

/* ---- the revision ---- */

static int by_command(struct pg *p, char ret[PG_NAME])
{
	struct fb_command_result r = {0};
	size_t n;

	if (run_command(p, "revision", NULL, &r))
		return -1;
	while (r.output_size && isspace((unsigned char)*r.output)) {
		r.output++;
		r.output_size--;
	}
	for (n = 0; n < r.output_size && !isspace((unsigned char)r.output[n]); n++)
		;
	if (n >= PG_NAME) {
		pg_fail(p, "'revision' printed a word of %zu bytes: it must print the revision that the database has", n);
		return -1;
	}
	snprintf(ret, PG_NAME, "%.*s", (int)n, n ? r.output : "");
	return 0;
}

static int by_query(struct pg *p, PGconn *db, const char *table, const char *sql, char ret[PG_NAME])
{
	const char *name[] = {table}, *app[] = {NULL};
	char *found = NULL, *application = run_copy(p->host->option(p->call, "app"));
	int n = strstr(sql, "$1") ? 1 : 0, rc;

	app[0] = application;
	rc = table ? pg_ask(p, db, "looking for the tool's table", "SELECT to_regclass($1)", 1, name, &found) : 0;
	if (!rc && table && !found) {
		free(application);
		snprintf(ret, PG_NAME, "%s", PG_ZERO);
		return 0;
	}
	free(found);
	found = NULL;
	if (!rc)
		rc = pg_ask(p, db, "reading the revision", sql, n, app, &found);
	free(application);
	if (!rc)
		snprintf(ret, PG_NAME, "%s", found && *found ? found : PG_ZERO);
	free(found);
	return rc;
}

int pg_revision(struct pg *p, PGconn *db, char ret[PG_NAME])
{
	const struct ready *r = ready(p);
	struct pg_migrations applied;
	char *query;
	int rc;

	if (pg_tool_is(p, "none")) { /* an item's data belong to no revision */
		snprintf(ret, PG_NAME, "%s", PG_ZERO);
		return 0;
	}
	if (pg_tool_is(p, "sql")) {
		if (pg_migrations_applied(p, db, &applied))
			return -1;
		snprintf(ret, PG_NAME, "%s", applied.n ? applied.v[applied.n - 1].name : PG_ZERO);
		pg_migrations_clear(&applied);
		return 0;
	}
	query = run_copy(p->host->option(p->call, "revision_query"));
	if (query)
		rc = by_query(p, db, NULL, query, ret);
	else if (run_is_set(p->call, "revision"))
		rc = by_command(p, ret);
	else
		rc = by_query(p, db, r ? r->table : NULL, r && r->revision ? r->revision : "SELECT NULL", ret);
	free(query);
	if (!rc && !*ret)
		snprintf(ret, PG_NAME, "%s", PG_ZERO);
	return rc;
}

/* ---- could it work? ---- */

static int32_t check_commands(struct pg *p)
{
	static const char *const options[] = {"migrate", "downgrade", "revision"};
	int32_t answer = FB_OK;

	for (size_t i = 0; i < 3 && answer == FB_OK; i++) {
		struct run_spec spec;
		bool set = command(p, options[i], &spec), last = i == 2, ours = i == 1 && pg_tool_is(p, "flyway");

		if (!set && !ours && !(last && (ready(p) || p->host->option(p->call, "revision_query")))) {
			pg_fail(p, "'%s' is not set: %s", options[i],
				      last ? "without it nobody knows which revision to go back to; set it or 'revision_query'" : "it is needed for tool = \"command\"");
			answer = FB_FATAL;
		} else if (set && spec.argv && *spec.argv[0] == '/' && access(spec.argv[0], X_OK)) {
			pg_fail(p, "'%s' names %s, which cannot be executed: %s", options[i], spec.argv[0], strerror(errno));
			answer = FB_FATAL;
		}
		run_clear(&spec);
	}
	return answer;
}

/* No tool: an item of a backup, whose data are all that there is. */
static int32_t check_item(struct pg *p)
{
	const char *how = p->host->option(p->call, "snapshot");

	if (!pg_is_item(p))
		pg_fail(p, "tool = \"none\" is for an item of a service's backup: a strategy of a service needs what migrates");
	else if (how && (!strcmp(how, "none") || !strcmp(how, "template")))
		pg_fail(p, "tool = \"none\" with snapshot = \"%s\" leaves nothing in the backup: set it to \"dump\"", how);
	else
		return FB_OK;
	return FB_FATAL;
}

static int32_t check_flyway(struct pg *p)
{
	const char *mode = p->host->option(p->call, "irreversible");

	if (p->host->option(p->call, "migrations") || run_is_set(p->call, "downgrade") || (mode && !strcmp(mode, "snapshot")))
		return check_commands(p);
	pg_fail(p, "tool = \"flyway\" needs 'migrations', the folder of V...__....sql and U...__....sql, for Flyway's free edition has no undo and its undo scripts are run by failback; or "
			       "'downgrade', the command of an edition that has; or irreversible = \"snapshot\"");
	return FB_FATAL;
}

int32_t pg_tool_check(struct pg *p)
{
	const char *table = p->host->option(p->call, "table");
	const struct ready *r = ready(p);

	if (pg_tool_is(p, "none"))
		return check_item(p);
	if (pg_tool_is(p, "flyway"))
		return check_flyway(p);

	if (!pg_tool_is(p, "sql")) {
		if (r && !strcmp(r->name, "django") && !p->host->option(p->call, "app")) {
			pg_fail(p, "tool = \"django\" needs 'app': the application whose migrations are taken back");
			return FB_FATAL;
		}
		return check_commands(p);
	}
	if (!p->host->option(p->call, "migrations")) {
		pg_fail(p, "tool = \"sql\" needs 'migrations': the folder of NNN_name.up.sql and NNN_name.down.sql");
		return FB_FATAL;
	}
	table = p->host->option(p->call, "table");
	if (table && (!*table || strspn(table, "abcdefghijklmnopqrstuvwxyz0123456789_.") != strlen(table) || strlen(table) > 120)) {
		pg_fail(p, "table = \"%s\": it may have a-z, 0-9, _ and a dot after the schema", table);
		return FB_FATAL;
	}
	return FB_OK;
}

int32_t pg_tool_can_return(struct pg *p, const char *release)
{
	const char *mode = p->host->option(p->call, "irreversible");
	bool refuse = mode && !strcmp(mode, "refuse");
	struct pg_migrations files, applied;
	int32_t answer = FB_OK;

	if (pg_tool_is(p, "flyway"))
		return pg_flyway_can_return(p, release);
	if (!pg_tool_is(p, "sql"))
		return FB_OK;
	if (pg_migrations_read(p, release, &files))
		return FB_FAIL;
	if (pg_migrations_applied(p, p->db, &applied)) {
		pg_migrations_clear(&files);
		return pg_answer();
	}
	for (size_t i = 0; i < files.n && answer == FB_OK; i++) {
		bool pending = !applied.n || pg_revision_order(files.v[i].name, applied.v[applied.n - 1].name) > 0;

		if (!pending || files.v[i].down)
			continue;
		if (refuse) {
			pg_fail(p, "release %s brings migration %s, which has no way back: there is no %s.down.sql. Write it, or set irreversible = \"snapshot\" to return by the snapshot, "
				      "which needs all others disconnected", release ? release : "?", files.v[i].name, files.v[i].name);
			answer = FB_FATAL;
		} else {
			p->host->log(p->call, FB_LOG_WARNING, "migration %s has no %s.down.sql: a return will take the snapshot", files.v[i].name, files.v[i].name);
		}
	}
	pg_migrations_clear(&applied);
	pg_migrations_clear(&files);
	return answer;
}

int32_t pg_tool_can_reach(struct pg *p, const char *target)
{
	struct pg_migrations applied;
	bool there = !strcmp(target, PG_ZERO);
	int32_t answer = FB_OK;

	if (pg_tool_is(p, "flyway"))
		return pg_flyway_can_reach(p, target);
	if (!pg_tool_is(p, "sql"))
		return FB_OK;
	if (pg_migrations_applied(p, p->db, &applied))
		return pg_answer();
	for (size_t i = 0; i < applied.n; i++) {
		there = there || !strcmp(applied.v[i].name, target);
		if (pg_revision_order(applied.v[i].name, target) > 0 && !applied.v[i].down && answer == FB_OK) {
			pg_fail(p, "database %s cannot go back to revision %s: migration %s has no way down", p->database, target, applied.v[i].name);
			answer = FB_FATAL;
		}
	}
	if (answer == FB_OK && !there) {
		pg_fail(p, "database %s cannot go back to revision %s: it does not have it now, and a downgrade does not bring it. Look at the table of migrations", p->database,
			      target);
		answer = FB_FATAL;
	}
	pg_migrations_clear(&applied);
	return answer;
}
