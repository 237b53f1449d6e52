/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool = "flyway": its free edition migrates, but has no undo. So undo scripts (U2__name.sql beside V2__name.sql) are run here, all in one transaction with what
 * they drop preserved, and the rows of its history that they take back are deleted, so that Flyway applies the versions again. Where one is missing, or where something was applied
 * that no script takes back, the answer is a refusal with its reason, or the snapshot.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/postgresql/postgresql.h"

#define HISTORY "flyway_schema_history"

const char pg_flyway_revision[] = "SELECT h.version FROM " HISTORY " h WHERE h.success AND h.version IS NOT NULL AND h.type !~ '^(UNDO|DELETE)'"
				  " AND NOT EXISTS (SELECT 1 FROM " HISTORY " u WHERE u.version = h.version AND u.type ~ '^(UNDO|DELETE)' AND u.installed_rank > h.installed_rank)"
				  " ORDER BY h.installed_rank DESC LIMIT 1";

/* ---- versions and files ---- */

/* Are they the same? 1.2, 1_2, 01.2 and 1.2.0 are. */
static bool same_version(const char *a, const char *b)
{
	while (*a || *b) {
		char *x, *y;
		unsigned long long n = strtoull(a, &x, 10), m = strtoull(b, &y, 10);

		if (n != m || (x == a && *a) || (y == b && *b))
			return false;
		a = x + (*x ? 1 : 0);
		b = y + (*y ? 1 : 0);
	}
	return true;
}

/* "2.1" of "V2_1__phone.sql"; false: it is another file. */
static bool version_of(const char *file, char kind, char *buf, size_t size)
{
	const char *end = strstr(file, "__");
	size_t n = strlen(file), length = end ? (size_t)(end - file) : 0;

	if (*file != kind || length < 2 || length > size || n < 5 || strcmp(file + n - 4, ".sql"))
		return false;
	snprintf(buf, size, "%.*s", (int)length - 1, file + 1);
	for (char *s = buf; *s; s++) {
		*s = *s == '_' ? '.' : *s;
		if (!isdigit((unsigned char)*s) && *s != '.')
			return false;
	}
	return true;
}

static struct pg_migration *find(struct pg_migrations *m, const char *version)
{
	for (size_t i = 0; i < m->n; i++)
		if (same_version(m->v[i].name, version))
			return &m->v[i];
	return NULL;
}

/* One file of the folder: an undo script's text; that there is a V file is remembered by an empty text. */
static int take(struct pg *p, const char *where, const char *file, struct pg_migrations *ret)
{
	char version[PG_NAME], path[4500];
	struct pg_migration *m;
	char kind = *file;

	if ((kind != 'V' && kind != 'U') || !version_of(file, kind, version, sizeof version))
		return 0;
	m = find(ret, version);
	if (!m)
		m = pg_migrations_add(ret, version);
	if (kind == 'V' && !m->up)
		m->up = run_copy(file);
	if (kind == 'V')
		return 0;
	if (m->down) {
		pg_fail(p, "%s has more than one undo script of version %s", where, version);
		return -1;
	}
	snprintf(path, sizeof path, "%s/%s", where, file);
	m->down = pg_file_read(p, path);
	return m->down ? 0 : -1;
}

/* up: the V file's name, down: the undo script's text. must: a folder that cannot be read is a failure, and not an empty one. */
static int read_files(struct pg *p, const char *release, bool must, struct pg_migrations *ret)
{
	char *where = pg_migrations_folder(p, release);
	DIR *d = where ? opendir(where) : NULL;
	struct dirent *e;
	int rc = 0;

	*ret = (struct pg_migrations){0};
	if (!d && must)
		pg_fail(p, "the folder of migrations%s%s cannot be read: %s", where ? " " : "", where ? where : "", where ? strerror(errno) : "'migrations' is not set");
	rc = !d && must ? -1 : 0;
	while (d && !rc && (e = readdir(d)))
		rc = take(p, where, e->d_name, ret);
	if (d)
		closedir(d);
	free(where);
	if (rc)
		pg_migrations_clear(ret);
	return rc;
}

/* ---- what the database has ---- */

/* In the order in which it was applied; up: the type that Flyway gives it. */
static int read_history(struct pg *p, PGconn *db, struct pg_migrations *ret)
{
	char *there = NULL;
	PGresult *r;

	*ret = (struct pg_migrations){0};
	if (pg_ask(p, db, "looking for Flyway's history", "SELECT to_regclass('" HISTORY "')", 0, NULL, &there))
		return -1;
	if (!there)
		return 0;
	free(there);
	r = pg_query(p, db, "reading Flyway's history",
		     "SELECT h.version, h.type FROM " HISTORY " h WHERE h.success AND h.version IS NOT NULL AND h.type !~ '^(UNDO|DELETE)'"
		     " AND NOT EXISTS (SELECT 1 FROM " HISTORY " u WHERE u.version = h.version AND u.type ~ '^(UNDO|DELETE)' AND u.installed_rank > h.installed_rank) ORDER BY h.installed_rank",
		     0, NULL);
	if (!r)
		return -1;
	for (int i = 0; i < PQntuples(r); i++)
		pg_migrations_add(ret, PQgetvalue(r, i, 0))->up = run_copy(PQgetvalue(r, i, 1));
	PQclear(r);
	return 0;
}

/* A repeatable migration that was applied after a version, whose script has no way back. */
static int repeatable_since(struct pg *p, PGconn *db, const char *version, char **ret)
{
	const char *const values[] = {version};

	return pg_ask(p, db, "looking for repeatable migrations",
		      "SELECT script FROM " HISTORY " WHERE success AND version IS NULL AND type !~ '^SCHEMA' AND installed_rank > (SELECT max(installed_rank) FROM " HISTORY
		      " WHERE version = $1) ORDER BY installed_rank LIMIT 1",
		      1, values, ret);
}

/* Why one version cannot be taken back; NULL: it can. */
static const char *obstacle(const struct pg_migration *applied, const struct pg_migration *files)
{
	if (!strcmp(applied->up, "BASELINE"))
		return "it is the baseline, before which Flyway knows nothing";
	if (!files || !files->down)
		return "there is no undo script of it (U...__....sql beside its V...__....sql)";
	return strstr(files->down, "${") ? "its undo script has placeholders, which only Flyway fills" : NULL;
}

/* ---- could it work? ---- */

int32_t pg_flyway_can_return(struct pg *p, const char *release)
{
	const char *mode = p->host->option(p->call, "irreversible");
	bool refuse = mode && !strcmp(mode, "refuse");
	struct pg_migrations files, applied;
	int32_t answer = FB_OK;

	if (run_is_set(p->call, "downgrade"))
		return FB_OK;
	if (read_files(p, release, refuse, &files))
		return FB_FAIL;
	if (read_history(p, p->db, &applied)) {
		pg_migrations_clear(&files);
		return pg_answer();
	}
	for (size_t i = 0; i < files.n && answer == FB_OK; i++) {
		const struct pg_migration pending = {.up = (char[]){"SQL"}};
		const char *why = files.v[i].up && !find(&applied, files.v[i].name) ? obstacle(&pending, &files.v[i]) : NULL;

		if (why && refuse) {
			pg_fail(p, "release %s brings %s, which has no way back: %s. Write it, or set irreversible = \"snapshot\" to return by the snapshot, which needs all others disconnected",
				      release ? release : "?", files.v[i].up, why);
			answer = FB_FATAL;
		} else if (why) {
			p->host->log(p->call, FB_LOG_WARNING, "%s has no way back (%s): a return will take the snapshot", files.v[i].up, why);
		}
	}
	pg_migrations_clear(&applied);
	pg_migrations_clear(&files);
	return answer;
}

/* From where in the history to take back; -1: nowhere, and fail() says why. Versions after that can all be taken back. */
static long start_of(struct pg *p, const char *target, const struct pg_migrations *applied, struct pg_migrations *files)
{
	size_t i = applied->n;
	const char *why;

	while (i > 0 && !same_version(applied->v[i - 1].name, target)) {
		why = obstacle(&applied->v[i - 1], find(files, applied->v[i - 1].name));
		if (why) {
			pg_fail(p, "database %s cannot go back to version %s: version %s has no way back: %s", p->database, target, applied->v[i - 1].name, why);
			return -1;
		}
		i--;
	}
	if (i || !strcmp(target, PG_ZERO))
		return (long)i;
	pg_fail(p, "database %s cannot go back to version %s: it does not have it now, and undo scripts do not bring it. Look at " HISTORY, p->database, target);
	return -1;
}

static int32_t look(struct pg *p, PGconn *db, const char *target, struct pg_migrations *applied, struct pg_migrations *files, long *ret_start)
{
	char *repeatable = NULL;
	int32_t answer = FB_OK;

	*applied = (struct pg_migrations){0};
	if (read_files(p, pg_release_of_files(p), false, files))
		return FB_FAIL;
	if (read_history(p, db, applied))
		return pg_answer();
	*ret_start = start_of(p, target, applied, files);
	if (*ret_start < 0)
		return FB_FATAL;
	if ((size_t)*ret_start < applied->n && repeatable_since(p, db, applied->v[*ret_start].name, &repeatable))
		answer = pg_answer();
	if (repeatable) {
		pg_fail(p, "database %s cannot go back to version %s: %s was applied since, and a repeatable migration has no way back", p->database, target, repeatable);
		answer = FB_FATAL;
	}
	free(repeatable);
	return answer;
}

int32_t pg_flyway_can_reach(struct pg *p, const char *target)
{
	struct pg_migrations applied, files = {0};
	long start;
	int32_t answer;

	if (run_is_set(p->call, "downgrade"))
		return FB_OK;
	answer = look(p, p->db, target, &applied, &files, &start);
	pg_migrations_clear(&applied);
	pg_migrations_clear(&files);
	return answer;
}

/* ---- back ---- */

static int take_back(struct pg *p, PGconn *db, const char *version, const char *script)
{
	const char *const values[] = {version};
	PGresult *r;

	if (pg_migration_run(p, db, version, "undo", script))
		return -1;
	r = pg_query(p, db, "taking the version out of Flyway's history", "DELETE FROM " HISTORY " WHERE version = $1", 1, values);
	PQclear(r);
	return r ? 0 : -1;
}

static int32_t undo_in_one(struct pg *p, PGconn *db, const char *target)
{
	struct pg_migrations applied = {0}, files = {0};
	int32_t answer = FB_OK;
	long start = 0;

	if (pg_do(p, db, "beginning a transaction", "BEGIN") || pg_do(p, db, "locking Flyway's history", "LOCK TABLE " HISTORY " IN SHARE ROW EXCLUSIVE MODE"))
		answer = pg_answer();
	if (answer == FB_OK)
		answer = look(p, db, target, &applied, &files, &start);
	if (answer == FB_OK)
		answer = pg_preserve(p, db);
	for (size_t i = applied.n; answer == FB_OK && i > (size_t)start; i--)
		if (take_back(p, db, applied.v[i - 1].name, find(&files, applied.v[i - 1].name)->down))
			answer = pg_answer();
	if (answer == FB_OK && pg_do(p, db, "committing the downgrade", "COMMIT"))
		answer = pg_answer();
	if (answer != FB_OK)
		PQclear(PQexec(db, "ROLLBACK"));
	pg_migrations_clear(&applied);
	pg_migrations_clear(&files);
	return answer;
}

int32_t pg_flyway_down(struct pg *p, PGconn *db, const char *target)
{
	char key[PG_NAME + 24];
	int32_t leave, answer;

	snprintf(key, sizeof key, "undo/%u/%s", p->call->attempt, target);
	leave = pg_leave(p, key, FB_REPEAT_IDEMPOTENT, "take database %s back to version %s by undo scripts", p->database, target);
	if (leave == FB_ACT_NO)
		return FB_RETRY;
	if (leave == FB_ACT_DRY)
		return FB_OK;
	answer = undo_in_one(p, db, target);
	return answer == FB_OK ? pg_made(p, key, leave) : answer;
}

/* ---- what its command finds ---- */

static void add_encoded(char *buf, size_t size, const char *text)
{
	size_t n = strlen(buf);

	for (const char *s = text; *s && n + 4 < size; s++) {
		bool plain = isalnum((unsigned char)*s) || strchr("-_.", *s);

		n += (size_t)snprintf(buf + n, size - n, plain ? "%c" : "%%%02X", (unsigned char)*s);
	}
}

static bool is_given(struct pg *p, const char *variable)
{
	char path[80];

	snprintf(path, sizeof path, "environment.%s", variable);
	if (p->host->option(p->call, path))
		return true;
	snprintf(path, sizeof path, "secret_environment.%s", variable);
	return p->host->option(p->call, path);
}

static void add_url(struct pg *p, struct run_spec *spec)
{
	const char *value = p->host->option(p->call, "host");
	char url[3000] = "jdbc:postgresql://", part[100];

	if (value && *value == '/')
		return; /* its driver knows no sockets of the file system */
	add_encoded(url, sizeof url, value ? value : "localhost");
	value = p->host->option(p->call, "port");
	snprintf(url + strlen(url), sizeof url - strlen(url), ":%s/", value ? value : "5432");
	add_encoded(url, sizeof url, p->database);
	snprintf(url + strlen(url), sizeof url - strlen(url), "?ApplicationName=");
	add_encoded(url, sizeof url, p->application);
	snprintf(url + strlen(url), sizeof url - strlen(url), "&options=");
	snprintf(part, sizeof part, "-c lock_timeout=%lld", (long long)p->host->option_int(p->call, "lock_timeout", 0));
	add_encoded(url, sizeof url, part);
	value = p->host->option(p->call, "sslmode");
	if (value)
		snprintf(url + strlen(url), sizeof url - strlen(url), "&sslmode=%s", value);
	run_add_environment(spec, "FLYWAY_URL", url);
}

void pg_flyway_environment(struct pg *p, struct run_spec *spec)
{
	char *folder = pg_migrations_folder(p, pg_release_of_files(p)), *location = NULL;

	if (!is_given(p, "FLYWAY_URL"))
		add_url(p, spec);
	if (!is_given(p, "FLYWAY_USER"))
		run_add_environment(spec, "FLYWAY_USER", p->host->option(p->call, "user"));
	if (!is_given(p, "FLYWAY_PASSWORD"))
		run_add_environment(spec, "FLYWAY_PASSWORD", p->host->option(p->call, "password"));
	if (folder && asprintf(&location, "filesystem:%s", folder) < 0)
		abort();
	if (!is_given(p, "FLYWAY_LOCATIONS"))
		run_add_environment(spec, "FLYWAY_LOCATIONS", location);
	free(folder);
	free(location);
}
