/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy postgresql: a database goes forward by migrations and back by a downgrade; what the downgrade drops is preserved, and where it fails the snapshot takes
 * its place. Operations and options; how is in the other files.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/postgresql/postgresql.h"

static const struct fb_option options[] = {
	{.name = "dbname", .type = FB_TYPE_STRING, .flags = FB_OPTION_REQUIRED, .summary = "The database"},
	{.name = "host", .type = FB_TYPE_STRING, .summary = "Server, or folder of its socket"},
	{.name = "port", .type = FB_TYPE_INT, .min = 1, .max = 65535, .summary = "Port of the server"},
	{.name = "user", .type = FB_TYPE_STRING, .summary = "Role"},
	{.name = "password", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "Its password; better in passfile"},
	{.name = "passfile", .type = FB_TYPE_PATH, .summary = "File of passwords, as ~/.pgpass"},
	{.name = "service", .type = FB_TYPE_STRING, .summary = "Service of pg_service.conf"},
	{.name = "sslmode", .type = FB_TYPE_CHOICE, .choices = "disable|allow|prefer|require|verify-ca|verify-full", .summary = "TLS, as libpq has it"},
	{.name = "maintenance_db", .type = FB_TYPE_STRING, .default_value = "postgres", .summary = "Database to connect to where this one must have no connection"},
	{.name = "tool", .type = FB_TYPE_CHOICE, .default_value = "command", .choices = "sql|command|alembic|django|sqitch|golang-migrate", .summary = "What migrates"},
	{.name = "migrations", .type = FB_TYPE_PATH, .summary = "tool sql: folder of NNN_name.up.sql and NNN_name.down.sql; {release} is the release"},
	{.name = "table", .type = FB_TYPE_STRING, .default_value = "failback_migrations", .summary = "tool sql: table of what was applied"},
	{.name = "app", .type = FB_TYPE_STRING, .summary = "tool django: the application whose migrations count"},
	{.name = "migrate", .type = FB_TYPE_COMMAND, .summary = "Migrates to what FAILBACK_RELEASE needs"},
	{.name = "downgrade", .type = FB_TYPE_COMMAND, .summary = "Takes the schema back to FAILBACK_TARGET"},
	{.name = "revision", .type = FB_TYPE_COMMAND, .summary = "Prints the revision that the database has"},
	{.name = "revision_query", .type = FB_TYPE_STRING, .summary = "The same as a query"},
	{.name = "directory", .type = FB_TYPE_PATH, .summary = "Working directory of the commands"},
	{.name = "environment", .type = FB_TYPE_MAP, .summary = "Variables for the commands"},
	{.name = "secret_environment", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "Variables whose values are secret"},
	{.name = "target_migration", .type = FB_TYPE_STRING, .summary = "Revision to go back to; that of the last good release when not set"},
	{.name = "irreversible", .type = FB_TYPE_CHOICE, .default_value = "refuse", .choices = "refuse|snapshot", .summary = "tool sql: a migration without a down file is refused, or a return takes the snapshot"},
	{.name = "snapshot", .type = FB_TYPE_CHOICE, .default_value = "dump", .choices = "dump|template|auto|none", .summary = "A dump in the store of backups, a clone of the database, or a clone where nobody is connected"},
	{.name = "snapshot_tables", .type = FB_TYPE_LIST, .summary = "Tables whose rows are preserved before every downgrade"},
	{.name = "secret", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Its data are secret: encrypted, where the store encrypts secrets"},
	{.name = "verify", .type = FB_TYPE_CHOICE, .default_value = "read", .choices = "read|restore", .summary = "How the dump is proven: read back whole, or restored into a scratch database and compared"},
	{.name = "fallback", .type = FB_TYPE_CHOICE, .default_value = "snapshot", .choices = "snapshot|none", .summary = "What a downgrade that fails is followed by"},
	{.name = "proof", .type = FB_TYPE_CHOICE, .default_value = "checksums", .choices = "checksums|rows|none", .summary = "What is recorded of each table"},
	{.name = "static_tables", .type = FB_TYPE_LIST, .summary = "Tables that nobody writes to: after a recovery they have to be as they were"},
	{.name = "verify_queries", .type = FB_TYPE_LIST, .summary = "Queries that have to answer true"},
	{.name = "lock_timeout", .type = FB_TYPE_DURATION, .default_value = "2s", .unit = "ms", .min = 1, .max = 3600000, .summary = "How long a statement waits for a lock"},
	{.name = "statement_timeout", .type = FB_TYPE_DURATION, .default_value = "0s", .unit = "ms", .max = 86400000, .summary = "How long a statement may take; 0: as long as there is time"},
	{.name = "bindir", .type = FB_TYPE_PATH, .summary = "Folder of pg_dump, pg_restore and psql"},
	{.name = "logs", .type = FB_TYPE_LIST, .summary = "Log files of the server; found by asking it when not set"},
	{0},
};

/* ---- what the other files use ---- */

int32_t pg_leave(struct pg *p, const char *key, int32_t repeat, const char *format, ...)
{
	char text[PG_TEXT];
	va_list args;
	int32_t leave;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	leave = p->host->act(p->call, key, repeat, text);
	if (leave == FB_ACT_DO || leave == FB_ACT_DONE || leave == FB_ACT_DRY)
		return leave;
	p->host->fail(p->call, "told to stop, or out of time, before: %s", text);
	return FB_ACT_NO;
}

int32_t pg_made(struct pg *p, const char *key, int32_t leave)
{
	if (leave != FB_ACT_DO || !p->host->acted(p->call, key, NULL))
		return FB_OK;
	p->host->fail(p->call, "what was done to database %s could not be recorded (%s)", p->database, key);
	return FB_RETRY;
}

char *pg_key(const char *what, const char *release, char *buf, size_t size)
{
	snprintf(buf, size, "%s.%s", what, release ? release : "");
	return buf;
}

const char *pg_good(const struct pg *p)
{
	return p->call->operation == FB_OP_RESTORE && p->call->release ? p->call->release : p->call->last_good;
}

const char *pg_hash(const struct pg *p, char buf[9])
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (const char *s = p->call->execution ? p->call->execution : ""; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	snprintf(buf, 9, "%08x", (unsigned)h);
	return buf;
}

static const char *remembered(struct pg *p, const char *what, const char *release)
{
	char key[PG_NAME + 20];

	return p->host->fact(p->call, FB_SCOPE_SERVICE, pg_key(what, release, key, sizeof key));
}

/* ---- operations ---- */

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
		p->host->fail(p->call, "the server has PostgreSQL %d: 11 or later is needed", major);
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
		p->host->fail(p->call, "%s does not run: install postgresql-client-%d, or set 'bindir'", program, major);
		return FB_FATAL;
	}
	tool = atoi(r.output + strcspn(r.output, "0123456789"));
	if (tool < major) {
		p->host->fail(p->call, "pg_dump has version %d, the server %d: a dump needs a client that is as new as the server. Install postgresql-client-%d, or set 'bindir'", tool, major, major);
		return FB_FATAL;
	}
	return FB_OK;
}

static int32_t check(struct pg *p)
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
static int32_t state(struct pg *p)
{
	char revision[PG_NAME], *live = run_copy(p->host->fact(p->call, FB_SCOPE_SERVICE, "live")), detail[PG_NAME + 40], *text;
	const char *expected;
	json_t *o;
	int rc;

	if (pg_connect(p) || pg_revision(p, p->db, revision)) {
		free(live);
		return pg_answer();
	}
	expected = live ? remembered(p, "revision", live) : NULL;
	snprintf(detail, sizeof detail, "revision %s", revision);
	o = json_pack("{s:s?, s:s, s:s}", "release", expected && !strcmp(expected, revision) ? live : NULL, "target", p->database, "detail", detail);
	text = json_dumps(o, JSON_COMPACT);
	rc = text ? p->host->report(p->call, "state", text) : -1;
	json_decref(o);
	free(text);
	free(live);
	if (!rc)
		return FB_OK;
	p->host->fail(p->call, "the state of database %s could not be reported", p->database);
	return FB_FAIL;
}

/* The revision to go back to, to be freed; NULL: nobody knows. */
static char *target_of(struct pg *p, const char *release)
{
	const char *declared = p->host->option(p->call, "target_migration");
	char *ret = declared ? run_copy(declared) : run_copy(remembered(p, "revision", release));

	if (!ret)
		p->host->fail(p->call, "it is not known which revision of database %s goes with release %s: no backup was made while it was live. Set 'target_migration'", p->database,
			      release ? release : "(none)");
	return ret;
}

static int32_t prepare(struct pg *p)
{
	char *target, revision[PG_NAME];
	int32_t answer = FB_OK;

	if (pg_connect(p) || pg_revision(p, p->db, revision))
		return pg_answer();
	if (!(p->call->flags & FB_CALL_RECOVERY) && !p->call->failed)
		return pg_tool_can_return(p, p->call->release);
	target = target_of(p, p->call->release);
	if (!target)
		return FB_FATAL;
	if (strcmp(target, revision)) {
		const char *kind = remembered(p, "snapshot", p->call->release), *how = p->host->option(p->call, "fallback");
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
	int32_t answer;
	int64_t pause = 100;

	if (!pg_tool_is_sql(p))
		return pg_tool_run(p, "migrate", NULL);
	if (pg_migrations_read(p, p->call->release, &files))
		return FB_FAIL;
	for (;;) {
		answer = pg_migrate_up(p, p->db, &files, false);
		if (answer != FB_RETRY || PQstatus(p->db) != CONNECTION_OK || p->host->remaining_ms(p->call) < 4 * pause || pause > 3000)
			break;
		p->host->log(p->call, FB_LOG_INFO, "a migration has to wait for a lock; trying again in %lld ms", (long long)pause);
		if (p->host->sleep_ms(p->call, pause))
			break;
		pause *= 2;
	}
	pg_migrations_clear(&files);
	return answer;
}

static int32_t shift(struct pg *p)
{
	char revision[PG_NAME], key[PG_NAME + 20];
	int32_t answer;

	if (p->call->share != 10000 || !p->call->release) {
		p->host->fail(p->call, p->call->release ? "a database cannot take a share of the traffic: it is migrated or not" : "no release is named to migrate database %s for", p->database);
		return FB_FATAL;
	}
	if (pg_connect(p) || pg_end_own_sessions(p, p->db, p->database) || pg_revision(p, p->db, revision))
		return pg_answer();
	if (!p->host->fact(p->call, FB_SCOPE_OWN, "before") && p->host->fact_set(p->call, FB_SCOPE_OWN, "before", revision)) {
		p->host->fail(p->call, "the revision of database %s could not be recorded", p->database);
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
		p->host->fail(p->call, "database %s is at revision %s, but that could not be recorded", p->database, revision);
		return FB_FAIL;
	}
	p->host->log(p->call, FB_LOG_INFO, "database %s is at revision %s", p->database, revision);
	return FB_OK;
}

/* An external tool cannot work in our transaction: what is committed between the copy and its own lock is not preserved. */
static int32_t downgrade(struct pg *p, const char *target)
{
	int32_t answer;

	if (pg_tool_is_sql(p))
		return pg_migrate_down(p, p->db, target, false, pg_preserve);
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
	p->host->fail(p->call, "the downgrade of database %s ended without an error, but it is at revision %s and not at %s", p->database, revision, target);
	return FB_FAIL;
}

/* The sentence that fail() has, for one of its own: the last one is told by the files that fail; it is not kept by the host for us. */
static int32_t go_back(struct pg *p, const char *release, const char *target)
{
	char why[PG_TEXT];
	int32_t answer = pg_tool_can_reach(p, target);

	if (answer == FB_OK)
		answer = downgrade(p, target);
	if (answer == FB_OK && !(p->call->flags & FB_CALL_DRY_RUN))
		answer = arrived(p, target);
	if (answer == FB_OK || answer == FB_RETRY)
		return answer;
	snprintf(why, sizeof why, "database %s could not be taken back to revision %s by its downgrade (the log says why)", p->database, target);
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

static int32_t restore(struct pg *p)
{
	const char *release = p->call->release ? p->call->release : p->call->last_good;
	char *target = target_of(p, release);
	int32_t answer = FB_FATAL;

	if (target)
		answer = return_to(p, release, target);
	free(target);
	if (answer <= FB_SKIP && !(p->call->flags & FB_CALL_DRY_RUN) && release && p->host->fact_set(p->call, FB_SCOPE_SERVICE, "live", release))
		p->host->log(p->call, FB_LOG_WARNING, "that %s is live could not be recorded", release);
	return answer;
}

static int32_t undo(struct pg *p)
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
	char *then = run_copy(remembered(p, "catalog", release)), *now = NULL;
	const char *text = remembered(p, "proof", release);
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

static int32_t verify(struct pg *p)
{
	const char *release = p->call->release ? p->call->release : p->call->last_good;
	char revision[PG_NAME], *expected;
	bool recovery = p->call->failed || p->call->flags & FB_CALL_RECOVERY;
	int32_t answer = FB_OK;

	if (pg_connect(p) || pg_revision(p, p->db, revision))
		return pg_answer();
	expected = recovery ? target_of(p, release) : run_copy(remembered(p, "revision", release));
	if (expected && strcmp(expected, revision)) {
		p->host->fail(p->call, "database %s is at revision %s, and release %s needs %s", p->database, revision, release ? release : "?", expected);
		answer = FB_FAIL;
	}
	free(expected);
	if (answer == FB_OK && recovery)
		answer = integrity(p, release);
	return answer == FB_OK ? pg_verify_queries(p) : answer;
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

static int32_t commit(struct pg *p)
{
	const char *kind = remembered(p, "snapshot", p->call->last_good);
	char key[PG_NAME + 20];
	int32_t answer;

	if (!kind || strncmp(kind, "clone ", 6))
		return FB_SKIP;
	answer = drop(p, "snapshot");
	if (answer == FB_OK && !(p->call->flags & FB_CALL_DRY_RUN) && p->host->fact_set(p->call, FB_SCOPE_SERVICE, pg_key("snapshot", p->call->last_good, key, sizeof key), "none"))
		p->host->log(p->call, FB_LOG_WARNING, "that the clone is gone could not be recorded");
	return answer;
}

static int32_t cleanup(struct pg *p)
{
	int32_t answer = drop(p, "scratch");

	if (answer == FB_OK)
		answer = drop(p, "return");
	return answer;
}

#define OPERATION(name, function)                                                                                                                                \
	static int32_t name(const struct fb_call *call)                                                                                                           \
	{                                                                                                                                                          \
		struct pg p;                                                                                                                                       \
		int32_t answer;                                                                                                                                    \
                                                                                                                                                                   \
		pg_open(&p, call);                                                                                                                                 \
		answer = function(&p);                                                                                                                             \
		pg_close(&p);                                                                                                                                      \
		return answer;                                                                                                                                     \
	}

OPERATION(op_check, check)
OPERATION(op_state, state)
OPERATION(op_capture, pg_capture)
OPERATION(op_prove, pg_prove)
OPERATION(op_prepare, prepare)
OPERATION(op_shift, shift)
OPERATION(op_restore, restore)
OPERATION(op_verify, verify)
OPERATION(op_evidence, pg_evidence)
OPERATION(op_commit, commit)
OPERATION(op_cleanup, cleanup)
OPERATION(op_undo, undo)

static const struct fb_strategy_ops ops = {
	.check = op_check,
	.state = op_state,
	.capture = op_capture,
	.prove = op_prove,
	.prepare = op_prepare,
	.shift = op_shift,
	.restore = op_restore,
	.verify = op_verify,
	.evidence = op_evidence,
	.commit = op_commit,
	.cleanup = op_cleanup,
	.undo = op_undo,
};

FB_PLUGIN(STRATEGY, .name = "postgresql", .version = "0.1.0", .summary = "Migrates a PostgreSQL database, and takes it back without losing rows", .license = "Apache-2.0", .options = options, .strategy = &ops)
