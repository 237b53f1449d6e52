/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data as a dump: one stream straight into the store, or several tables at a time into the scratch folder and from there into the store as a tree. How many is
 * chosen here, and explained; a restore asks the store which of the two a set has.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "plugins/common/item.h"
#include "plugins/strategies/postgresql/postgresql.h"

#define JOBS_MAX 8                          /* that are taken by themselves */
#define SMALL ((long long)64 << 20)         /* below it a second connection gains nothing */
#define MIB(n) ((long long)((n) >> 20))

/* ---- how many at a time ---- */

struct limits {
	long long left, size, tables; /* left: connections that the role may still make */
};

static int processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) ? (int)sysconf(_SC_NPROCESSORS_ONLN) : CPU_COUNT(&set);
}

static int look_at_limits(struct pg *p, PGconn *db, struct limits *ret)
{
	PGresult *r = pg_query(p, db, "looking how many connections are left",
			       "SELECT least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
			       "   - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
			       " CASE WHEN d.datconnlimit >= 0 AND NOT r.rolsuper THEN d.datconnlimit - (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid) END,"
			       " CASE WHEN r.rolconnlimit >= 0 AND NOT r.rolsuper THEN r.rolconnlimit - (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid = r.oid) END),"
			       " pg_database_size(d.oid), (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname !~ '^pg_'"
			       " AND n.nspname <> 'information_schema') FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user",
			       0, NULL);

	if (!r)
		return -1;
	*ret = (struct limits){strtoll(PQgetvalue(r, 0, 0), NULL, 10), strtoll(PQgetvalue(r, 0, 1), NULL, 10), strtoll(PQgetvalue(r, 0, 2), NULL, 10)};
	PQclear(r);
	return 0;
}

/* No more than half of the connections that are left: users need some, and the program makes one more than its jobs. */
static int bounded(struct pg *p, const struct limits *l, char *why, size_t size)
{
	int wanted = (int)p->host->option_int(p->call, "jobs", 0), cpus = processors(), most = (int)(l->left / 2 - 1);

	if (wanted)
		snprintf(why, size, "jobs = %d", wanted);
	else
		snprintf(why, size, "this machine has %d processor%s", cpus, cpus == 1 ? "" : "s");
	if (!wanted)
		wanted = cpus > JOBS_MAX ? JOBS_MAX : cpus;
	if (wanted > 1 && wanted > most) {
		wanted = most < 1 ? 1 : most;
		snprintf(why, size, "the server has %lld connection%s left, of which others may need half", l->left, l->left == 1 ? "" : "s");
	}
	return wanted < 1 ? 1 : wanted;
}

/* At once, or several tables at a time? why is the reason, for the log. */
static int choose_jobs(struct pg *p, char *why, size_t size)
{
	bool open = !p->host->option_int(p->call, "jobs", 0);
	struct limits l;
	struct statvfs fs;
	int jobs;

	if (look_at_limits(p, p->db, &l))
		return -1;
	jobs = bounded(p, &l, why, size);
	if (jobs > 1 && open && l.size < SMALL) {
		snprintf(why, size, "it has only %lld MiB", MIB(l.size));
		return 1;
	}
	if (jobs > l.tables) {
		snprintf(why, size, "it has %lld table%s", l.tables, l.tables == 1 ? "" : "s");
		jobs = l.tables < 1 ? 1 : (int)l.tables;
	}
	if (jobs > 1 && (!p->call->scratch || statvfs(p->call->scratch, &fs))) {
		snprintf(why, size, "there is no scratch folder to dump into");
		return 1;
	}
	if (jobs > 1 && (double)fs.f_bavail * (double)fs.f_frsize < 1.25 * (double)l.size) {
		snprintf(why, size, "it has %lld MiB, and the scratch folder %s has room for %lld MiB only", MIB(l.size), p->call->scratch,
			 (long long)((double)fs.f_bavail * (double)fs.f_frsize / 1048576));
		return 1;
	}
	return jobs;
}

/* ---- into the store ---- */

static void add_pg_dump(struct pg *p, struct store_words *w, const char *snapshot)
{
	char program[4200], text[PG_TEXT];

	store_word(w, pg_program(p, "pg_dump", program, sizeof program));
	store_word(w, "--compress=0"); /* the store compresses, and keeps each piece once */
	store_word(w, "--no-password");
	snprintf(text, sizeof text, "--snapshot=%s", snapshot);
	store_word(w, text);
	snprintf(text, sizeof text, "--lock-wait-timeout=%lld", (long long)p->host->option_int(p->call, "lock_timeout", 0));
	store_word(w, text);
}

static int dump_into_folder(struct pg *p, const char *snapshot, int jobs, const char *folder, const struct run_spec *spec)
{
	struct store_words w = {0};
	struct fb_command command = spec->command;
	char text[40], line[STORE_LINE];
	int code;

	add_pg_dump(p, &w, snapshot);
	store_word(&w, "--format=directory");
	snprintf(text, sizeof text, "--jobs=%d", jobs);
	store_word(&w, text);
	store_option(&w, "--file", folder);
	command.argv = (const char *const *)w.v;
	code = item_ask(p->call, &command, NULL, line);
	store_words_clear(&w);
	if (code)
		pg_fail(p, "database %s could not be dumped %d tables at a time into the scratch folder: %s. With jobs = 1 the dump needs no room there", p->database, jobs, line);
	return code ? -1 : 0;
}

static json_t *put(struct pg *p, const char *snapshot, const char *folder, const struct run_spec *spec)
{
	struct store_words w = {0};
	char text[PG_TEXT], line[STORE_LINE];
	json_t *said;
	int code;

	store_begin(&w, "put");
	store_option(&w, "--set", p->call->execution);
	store_option(&w, "--item", p->call->service);
	store_option(&w, "--kind", "postgresql");
	snprintf(text, sizeof text, "database %s", p->database);
	store_option(&w, "--source", text);
	snprintf(text, sizeof text, "release=%s", p->call->last_good ? p->call->last_good : "");
	store_option(&w, "--meta", text);
	store_option(&w, "--meta", folder ? "format=directory" : "format=custom");
	if (p->host->option_int(p->call, "secret", 0))
		store_word(&w, "--secret");
	if (folder) {
		store_option(&w, "--tree", folder);
	} else {
		store_word(&w, "--command");
		store_word(&w, "--");
		add_pg_dump(p, &w, snapshot);
		store_word(&w, "--format=custom");
	}
	w.environment = spec->command.environment;
	said = store_ask(p->call, &w, &code, line);
	if (!code && said)
		return said;
	pg_fail(p, "database %s could not be dumped: %s", p->database, line);
	json_decref(said);
	return NULL;
}

json_t *pg_dump(struct pg *p, const char *snapshot, int *ret_jobs)
{
	char why[400] = "", *folder = NULL;
	struct run_spec spec = {0};
	json_t *said = NULL;
	int jobs = choose_jobs(p, why, sizeof why);

	if (jobs < 0)
		return NULL;
	if (jobs > 1)
		p->host->log(p->call, FB_LOG_INFO, "database %s is dumped %d tables at a time: %s", p->database, jobs, why);
	else
		p->host->log(p->call, FB_LOG_INFO, "database %s is dumped by one connection, straight into the store: %s", p->database, why);
	folder = jobs > 1 ? item_place(p->call, "dump") : NULL;
	pg_environment(p, &spec, NULL);
	if (jobs == 1 || (folder && !dump_into_folder(p, snapshot, jobs, folder, &spec)))
		said = put(p, snapshot, folder, &spec);
	item_clear(folder);
	run_clear(&spec);
	*ret_jobs = jobs;
	return said;
}

/* ---- out of it ---- */

static void begin_restore(struct pg *p, struct store_words *w, const char *command, const char *set, const char *digest)
{
	store_begin(w, command);
	store_option(w, "--set", set);
	store_option(w, "--item", p->call->service);
	store_option(w, "--digest", digest);
}

static void add_pg_restore(struct pg *p, struct store_words *w, const char *database)
{
	char program[4200];

	store_word(w, pg_program(p, "pg_restore", program, sizeof program));
	store_word(w, "--exit-on-error");
	store_word(w, "--no-password");
	store_option(w, "--dbname", database);
}

/* Is it a tree, of a dump of several tables at a time? -1: the set has no such item. */
static int is_tree(struct pg *p, const char *set, const char *digest, char line[STORE_LINE])
{
	struct store_words w = {0};
	const char *type;
	json_t *said;
	int code;

	begin_restore(p, &w, "show", set, digest);
	said = store_ask(p->call, &w, &code, line);
	type = json_string_value(json_object_get(said, "type"));
	code = code || !type ? -1 : !strcmp(type, "tree");
	json_decref(said);
	return code;
}

static int restore_stream(struct pg *p, const char *set, const char *digest, const char *database, const struct run_spec *spec, char line[STORE_LINE])
{
	struct store_words w = {0};
	int code;

	begin_restore(p, &w, "restore", set, digest);
	store_word(&w, "--command");
	store_word(&w, "--");
	add_pg_restore(p, &w, database);
	w.environment = spec->command.environment;
	json_decref(store_ask(p->call, &w, &code, line));
	return code;
}

static int restore_tree(struct pg *p, PGconn *db, const char *set, const char *digest, const char *database, const struct run_spec *spec, char line[STORE_LINE])
{
	struct fb_command command = spec->command;
	char *folder = item_place(p->call, "dump"), text[40], why[400];
	struct store_words w = {0};
	struct limits l;
	int code, jobs;

	if (!folder || look_at_limits(p, db, &l)) {
		snprintf(line, STORE_LINE, "%s", folder ? "the server does not say how many connections are left" : "there is no scratch folder");
		item_clear(folder);
		return -1;
	}
	jobs = bounded(p, &l, why, sizeof why);
	p->host->log(p->call, FB_LOG_INFO, "the dump is restored into database %s by %d connection%s: %s", database, jobs, jobs == 1 ? "" : "s", why);
	begin_restore(p, &w, "restore", set, digest);
	store_option(&w, "--to", folder);
	json_decref(store_ask(p->call, &w, &code, line));
	if (!code) {
		struct store_words r = {0};

		add_pg_restore(p, &r, database);
		snprintf(text, sizeof text, "--jobs=%d", jobs);
		store_word(&r, text);
		store_word(&r, folder);
		command.argv = (const char *const *)r.v;
		code = item_ask(p->call, &command, NULL, line);
		store_words_clear(&r);
	}
	item_clear(folder);
	return code;
}

int32_t pg_dump_into(struct pg *p, const char *set, const char *digest, const char *database)
{
	struct run_spec spec = {0};
	char line[STORE_LINE];
	PGconn *db;
	int tree, code = -1;

	tree = is_tree(p, set, digest, line);
	if (tree >= 0) {
		if (pg_database_make(p, database))
			return pg_answer();
		pg_environment(p, &spec, database);
		db = tree ? pg_connect_to(p, database) : NULL;
		if (tree && !db) {
			run_clear(&spec);
			return pg_answer();
		}
		code = tree ? restore_tree(p, db, set, digest, database, &spec, line) : restore_stream(p, set, digest, database, &spec, line);
		PQfinish(db);
		run_clear(&spec);
	}
	if (!code)
		return FB_OK;
	pg_fail(p, "the dump in set %s could not be restored into database %s: %s", set, database, line);
	return FB_FAIL;
}
