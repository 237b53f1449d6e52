/* SPDX-License-Identifier: Apache-2.0 */
/* One call: actions and facts in the ways that all operations have them. */
#include <stdarg.h>
#include <string.h>

#include "plugins/strategies/postgresql/postgresql.h"

void pg_fail(struct pg *p, const char *format, ...)
{
	char text[PG_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args); /* the last one may be a part of it */
	va_end(args);
	snprintf(p->why, sizeof p->why, "%s", text);
	p->host->fail(p->call, "%s", p->why);
}

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
	pg_fail(p, "told to stop, or out of time, before: %s", text);
	return FB_ACT_NO;
}

int32_t pg_made(struct pg *p, const char *key, int32_t leave)
{
	if (leave != FB_ACT_DO || !p->host->acted(p->call, key, NULL))
		return FB_OK;
	pg_fail(p, "what was done to database %s could not be recorded (%s)", p->database, key);
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

const char *pg_release_of_files(struct pg *p)
{
	if (p->call->operation != FB_OP_RESTORE)
		return p->call->release;
	return p->call->failed ? p->call->failed : p->host->fact(p->call, FB_SCOPE_SERVICE, "live");
}

bool pg_is_item(const struct pg *p)
{
	return p->call->service && strchr(p->call->service, '.');
}

const char *pg_item_name(const struct pg *p)
{
	return pg_is_item(p) ? strchr(p->call->service, '.') + 1 : p->database;
}

const char *pg_hash(const struct pg *p, char buf[9])
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (const char *s = p->call->execution ? p->call->execution : ""; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	snprintf(buf, 9, "%08x", (unsigned)h);
	return buf;
}

const char *pg_remembered(struct pg *p, const char *what, const char *release)
{
	char key[PG_NAME + 20];

	return p->host->fact(p->call, FB_SCOPE_SERVICE, pg_key(what, release, key, sizeof key));
}

char *pg_psql(struct pg *p, const char *database)
{
	static const char *const parts[][2] = {{"host", "-h"}, {"port", "-p"}, {"user", "-U"}};
	char path[4200], command[9000], *word;
	const char *value;
	size_t n;

	pg_program(p, "psql", path, sizeof path);
	word = run_quote(path);
	n = (size_t)snprintf(command, sizeof command, "%s -X -q", word);
	free(word);
	for (size_t i = 0; i < sizeof parts / sizeof *parts && n < sizeof command; i++) {
		value = p->host->option(p->call, parts[i][0]);
		if (!value)
			continue;
		word = run_quote(value);
		n += (size_t)snprintf(command + n, sizeof command - n, " %s %s", parts[i][1], word);
		free(word);
	}
	word = run_quote(database);
	if (n < sizeof command)
		snprintf(command + n, sizeof command - n, " -d %s", word);
	free(word);
	return run_copy(command);
}
