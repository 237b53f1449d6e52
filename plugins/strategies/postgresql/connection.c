/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of strategy postgresql: options into connections, statements with their failures in words, who else is connected. Knows nothing of migrations. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/postgresql/postgresql.h"

static char last_state[6]; /* SQLSTATE of the last failure */

static const struct {
	const char *option, *keyword, *variable;
} parts[] = {{"host", "host", "PGHOST"},	{"port", "port", "PGPORT"},	      {"user", "user", "PGUSER"},
	     {"password", "password", "PGPASSWORD"}, {"passfile", "passfile", "PGPASSFILE"}, {"service", "service", "PGSERVICE"},
	     {"sslmode", "sslmode", "PGSSLMODE"}};
#define PARTS (sizeof parts / sizeof *parts)

void pg_open(struct pg *p, const struct fb_call *call)
{
	const char *services = call->host->option(call, "servicefile");
	char hash[9];

	if (services && setenv("PGSERVICEFILE", services, 1)) /* libpq 18 is the first to have a keyword for it; this process is this call's */
		abort();
	*p = (struct pg){.call = call, .host = call->host};
	p->database = run_copy(call->host->option(call, "dbname"));
	snprintf(p->application, sizeof p->application, "failback %s %.40s", pg_hash(p, hash), call->service ? call->service : "");
}

void pg_close(struct pg *p)
{
	PQfinish(p->db);
	free(p->database);
	*p = (struct pg){0};
}

/* The first line of what the server said, without the prefix and the end of the line. */
static void message(const char *said, char *buf, size_t size)
{
	const char *s = said ? said : "";

	if (!strncmp(s, "ERROR:", 6))
		s += 6;
	while (isspace((unsigned char)*s))
		s++;
	run_printable(s, strcspn(s, "\n"), buf, size);
}

static int64_t limit(struct pg *p, const char *option)
{
	int64_t wanted = p->host->option_int(p->call, option, 0), left = p->host->remaining_ms(p->call);

	if (left < 1)
		left = 1;
	return !wanted || wanted > left ? left : wanted;
}

static int settle(struct pg *p, PGconn *db)
{
	char sql[300];

	snprintf(sql, sizeof sql, "SET lock_timeout = %lld; SET statement_timeout = %lld; SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning",
		 (long long)limit(p, "lock_timeout"), (long long)limit(p, "statement_timeout"));
	return pg_do(p, db, "to set the limits of the session", sql);
}

static void unheard(void *ctx, const char *text)
{
	const struct pg *p = ctx;
	char line[PG_TEXT];

	message(text, line, sizeof line);
	p->host->log(p->call, FB_LOG_DEBUG, "%s", line);
}

PGconn *pg_connect_to(struct pg *p, const char *database)
{
	const char *keywords[PARTS + 8], *values[PARTS + 8];
	char *copies[PARTS], seconds[16], line[PG_TEXT];
	int64_t left = p->host->remaining_ms(p->call) / 1000;
	size_t n = 0;
	PGconn *db;

	for (size_t i = 0; i < PARTS; i++) {
		copies[i] = run_copy(p->host->option(p->call, parts[i].option));
		if (!copies[i])
			continue;
		keywords[n] = parts[i].keyword;
		values[n++] = copies[i];
	}
	snprintf(seconds, sizeof seconds, "%d", left > 10 ? 10 : left < 2 ? 2 : (int)left);
	keywords[n] = "connect_timeout";
	values[n++] = seconds;
	keywords[n] = "application_name";
	values[n++] = p->application;
	keywords[n] = "dbname";
	values[n++] = database;
	keywords[n] = values[n] = NULL;
	db = PQconnectdbParams(keywords, values, 0);
	for (size_t i = 0; i < PARTS; i++)
		free(copies[i]);
	if (PQstatus(db) != CONNECTION_OK) {
		snprintf(last_state, sizeof last_state, "08000");
		message(PQerrorMessage(db), line, sizeof line);
		pg_fail(p, "database %s cannot be reached: %s. Look whether the server runs, and at 'host', 'port', 'user' and the password", database, line);
		PQfinish(db);
		return NULL;
	}
	PQsetNoticeProcessor(db, unheard, p);
	if (settle(p, db)) {
		PQfinish(db);
		return NULL;
	}
	return db;
}

int pg_connect(struct pg *p)
{
	if (!p->db)
		p->db = pg_connect_to(p, p->database);
	return p->db ? 0 : -1;
}

static void failed(struct pg *p, PGconn *db, const PGresult *r, const char *what)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE), *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
	char line[PG_TEXT], more[PG_TEXT];

	snprintf(last_state, sizeof last_state, "%s", state ? state : "08000");
	message(state ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : PQerrorMessage(db), line, sizeof line);
	message(detail, more, sizeof more);
	pg_fail(p, "%s failed in database %s: %s%s%s (SQLSTATE %s)%s", what, PQdb(db) ? PQdb(db) : "?", line, *more ? "; " : "", more, last_state,
		      !strcmp(last_state, "55P03") ? ". A session holds a lock that is needed: look at pg_stat_activity, or set a longer lock_timeout" : "");
}

static bool worked(const PGresult *r)
{
	ExecStatusType s = PQresultStatus(r);

	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK || s == PGRES_EMPTY_QUERY || s == PGRES_COPY_OUT;
}

PGresult *pg_query(struct pg *p, PGconn *db, const char *what, const char *sql, int n, const char *const *values)
{
	PGresult *r = n ? PQexecParams(db, sql, n, NULL, values, NULL, NULL, 0) : PQexec(db, sql);

	if (worked(r))
		return r;
	failed(p, db, r, what);
	PQclear(r);
	return NULL;
}

int pg_ask(struct pg *p, PGconn *db, const char *what, const char *sql, int n, const char *const *values, char **ret)
{
	PGresult *r = pg_query(p, db, what, sql, n, values);

	if (!r)
		return -1;
	*ret = PQntuples(r) && !PQgetisnull(r, 0, 0) ? run_copy(PQgetvalue(r, 0, 0)) : NULL;
	PQclear(r);
	return 0;
}

int pg_do(struct pg *p, PGconn *db, const char *what, const char *sql)
{
	PGresult *r = pg_query(p, db, what, sql, 0, NULL);

	PQclear(r);
	return r ? 0 : -1;
}

int pg_dof(struct pg *p, PGconn *db, const char *what, const char *format, ...)
{
	char *sql = NULL;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&sql, format, args);
	va_end(args);
	if (r < 0)
		abort();
	r = pg_do(p, db, what, sql);
	free(sql);
	return r;
}

int32_t pg_answer(void)
{
	static const char *const passing[] = {"55P03", "40P01", "40001", "57P03", "57P02", "57P01", "53300", "55006"};

	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (!strcmp(last_state, passing[i]))
			return FB_RETRY;
	return !strncmp(last_state, "08", 2) ? FB_RETRY : FB_FAIL;
}

char *pg_quoted(PGconn *db, const char *name)
{
	char *s = PQescapeIdentifier(db, name, strlen(name)), *ret;

	if (!s)
		abort();
	ret = run_copy(s);
	PQfreemem(s);
	return ret;
}

void pg_environment(struct pg *p, struct run_spec *spec, const char *database)
{
	char options[100];

	for (size_t i = 0; i < PARTS; i++)
		run_add_environment(spec, parts[i].variable, p->host->option(p->call, parts[i].option));
	run_add_environment(spec, "PGSERVICEFILE", p->host->option(p->call, "servicefile"));
	snprintf(options, sizeof options, "-c lock_timeout=%lld", (long long)limit(p, "lock_timeout"));
	run_add_environment(spec, "PGOPTIONS", options);
	run_add_environment(spec, "PGDATABASE", database ? database : p->database);
	run_add_environment(spec, "PGAPPNAME", p->application);
}

const char *pg_program(struct pg *p, const char *name, char *buf, size_t size)
{
	const char *folder = p->host->option(p->call, "bindir");

	snprintf(buf, size, "%s%s%s", folder ? folder : "", folder ? "/" : "", name);
	return buf;
}

int pg_end_own_sessions(struct pg *p, PGconn *db, const char *database)
{
	const char *values[] = {p->application, database};
	PGresult *r = pg_query(p, db, "looking for sessions of an earlier attempt",
			       "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND datname = $2 AND pid <> pg_backend_pid()"
			       " AND usename = current_user AND backend_type = 'client backend'",
			       2, values);

	if (!r)
		return -1;
	for (int i = 0; i < PQntuples(r); i++)
		p->host->log(p->call, FB_LOG_INFO, "ended session %s, which an earlier attempt has left", PQgetvalue(r, i, 0));
	PQclear(r);
	return 0;
}

int pg_others(struct pg *p, PGconn *db, const char *database, int *ret_n, char *buf, size_t size)
{
	const char *values[] = {database, p->application};
	PGresult *r = pg_query(p, db, "looking who is connected",
			       "SELECT pid, coalesce(nullif(application_name, ''), 'no name'), coalesce(usename, '?'), coalesce(state, '?') FROM pg_stat_activity"
			       " WHERE datname = $1 AND application_name <> $2 AND backend_type NOT IN ('autovacuum worker', 'parallel worker') ORDER BY pid",
			       2, values);
	size_t at = 0;

	if (!r)
		return -1;
	*buf = 0;
	*ret_n = PQntuples(r);
	for (int i = 0; i < *ret_n && at + 1 < size && i < 10; i++)
		at += (size_t)snprintf(buf + at, size - at, "%spid %s (%s, user %s, %s)", i ? ", " : "", PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), PQgetvalue(r, i, 2),
				       PQgetvalue(r, i, 3));
	PQclear(r);
	return 0;
}
