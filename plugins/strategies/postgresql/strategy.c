/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy postgresql: a database goes forward by migrations and back by a downgrade; what the downgrade drops is preserved, and where it fails the snapshot takes
 * its place. Operations and options; how is in the other files.
 */
#include "plugins/strategies/postgresql/postgresql.h"

static const struct fb_option options[] = {
	{.name = "dbname", .type = FB_TYPE_STRING, .flags = FB_OPTION_REQUIRED, .summary = "The database"},
	{.name = "host", .type = FB_TYPE_STRING, .summary = "Server, or folder of its socket"},
	{.name = "port", .type = FB_TYPE_INT, .min = 1, .max = 65535, .summary = "Port of the server"},
	{.name = "user", .type = FB_TYPE_STRING, .summary = "Role"},
	{.name = "password", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "Its password; better in passfile"},
	{.name = "passfile", .type = FB_TYPE_PATH, .summary = "File of passwords, as ~/.pgpass"},
	{.name = "service", .type = FB_TYPE_STRING, .summary = "Service of pg_service.conf"},
	{.name = "servicefile", .type = FB_TYPE_PATH, .summary = "That file, when it is not ~/.pg_service.conf"},
	{.name = "sslmode", .type = FB_TYPE_CHOICE, .choices = "disable|allow|prefer|require|verify-ca|verify-full", .summary = "TLS, as libpq has it"},
	{.name = "maintenance_db", .type = FB_TYPE_STRING, .default_value = "postgres", .summary = "Database to connect to where this one must have no connection"},
	{.name = "tool", .type = FB_TYPE_CHOICE, .default_value = "command", .choices = "sql|command|alembic|django|flyway|sqitch|golang-migrate|none", .summary = "What migrates"},
	{.name = "migrations", .type = FB_TYPE_PATH, .summary = "Folder of migrations: of tool sql NNN_name.up.sql and NNN_name.down.sql, of tool flyway V and U scripts; {release} is the release"},
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
	{.name = "irreversible", .type = FB_TYPE_CHOICE, .default_value = "refuse", .choices = "refuse|snapshot", .summary = "tools sql and flyway: a migration without a way down is refused, or a return takes the snapshot"},
	{.name = "snapshot", .type = FB_TYPE_CHOICE, .default_value = "dump", .choices = "dump|template|auto|none", .summary = "A dump in the store of backups, a clone of the database, or a clone where nobody is connected"},
	{.name = "jobs", .type = FB_TYPE_INT, .default_value = "0", .min = 0, .max = 64, .summary = "Tables that are dumped and restored at a time; 0: by the processors, the connections that are left and the size"},
	{.name = "snapshot_tables", .type = FB_TYPE_LIST, .summary = "Tables whose rows are preserved before every downgrade"},
	{.name = "secret", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Its data are secret: encrypted, where the store encrypts secrets"},
	{.name = "verify", .type = FB_TYPE_CHOICE, .default_value = "read", .choices = "read|restore", .summary = "How the dump is proven: read back whole, or restored into a scratch database and compared"},
	{.name = "fallback", .type = FB_TYPE_CHOICE, .default_value = "snapshot", .choices = "snapshot|none", .summary = "What a downgrade that fails is followed by"},
	{.name = "stop", .type = FB_TYPE_COMMAND, .summary = "Stops what uses the database, before a snapshot takes its place"},
	{.name = "start", .type = FB_TYPE_COMMAND, .summary = "Starts it after, also where that failed"},
	{.name = "on_rollback", .type = FB_TYPE_CHOICE, .default_value = "keep", .choices = "restore|keep", .summary = "tool none: a recovery gives the data back, or only people do, with failback backup restore"},
	{.name = "proof", .type = FB_TYPE_CHOICE, .default_value = "checksums", .choices = "checksums|rows|none", .summary = "What is recorded of each table"},
	{.name = "static_tables", .type = FB_TYPE_LIST, .summary = "Tables that nobody writes to: after a recovery they have to be as they were"},
	{.name = "verify_queries", .type = FB_TYPE_LIST, .summary = "Queries that have to answer true"},
	{.name = "lock_timeout", .type = FB_TYPE_DURATION, .default_value = "2s", .unit = "ms", .min = 1, .max = 3600000, .summary = "How long a statement waits for a lock"},
	{.name = "statement_timeout", .type = FB_TYPE_DURATION, .default_value = "0s", .unit = "ms", .max = 86400000, .summary = "How long a statement may take; 0: as long as there is time"},
	{.name = "bindir", .type = FB_TYPE_PATH, .summary = "Folder of pg_dump, pg_restore and psql"},
	{.name = "logs", .type = FB_TYPE_LIST, .summary = "Log files of the server; found by asking it when not set"},
	{0},
};

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

OPERATION(op_check, pg_check)
OPERATION(op_state, pg_state)
OPERATION(op_capture, pg_capture)
OPERATION(op_prove, pg_prove)
OPERATION(op_prepare, pg_prepare)
OPERATION(op_shift, pg_shift)
OPERATION(op_restore, pg_restore)
OPERATION(op_verify, pg_verify)
OPERATION(op_evidence, pg_evidence)
OPERATION(op_commit, pg_commit)
OPERATION(op_cleanup, pg_cleanup)
OPERATION(op_undo, pg_undo)

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
