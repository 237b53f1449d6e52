/* SPDX-License-Identifier: Apache-2.0 */
/* tool = "sql": the folder of NNN_name.up.sql and NNN_name.down.sql of a release. Knows nothing of the database. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plugins/strategies/postgresql/postgresql.h"

#define FILE_MAX ((off_t)64 << 20)

void pg_migrations_clear(struct pg_migrations *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].up);
		free(m->v[i].down);
	}
	free(m->v);
	*m = (struct pg_migrations){0};
}

int pg_revision_order(const char *a, const char *b)
{
	unsigned long long x = strtoull(a, NULL, 10), y = strtoull(b, NULL, 10);

	return x != y ? (x < y ? -1 : 1) : strcmp(a, b);
}

static int order(const void *a, const void *b)
{
	const struct pg_migration *x = a, *y = b;

	return pg_revision_order(x->name, y->name);
}

void pg_migrations_sort(struct pg_migrations *m)
{
	if (m->n)
		qsort(m->v, m->n, sizeof *m->v, order);
}

struct pg_migration *pg_migrations_find(struct pg_migrations *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].name, name))
			return &m->v[i];
	return NULL;
}

struct pg_migration *pg_migrations_add(struct pg_migrations *m, const char *name)
{
	m->v = realloc(m->v, (m->n + 1) * sizeof *m->v);
	if (!m->v)
		abort();
	m->v[m->n] = (struct pg_migration){0};
	snprintf(m->v[m->n].name, PG_NAME, "%s", name);
	return &m->v[m->n++];
}

char *pg_migrations_folder(struct pg *p, const char *release)
{
	char *pattern = run_copy(p->host->option(p->call, "migrations")), *at, *ret = NULL;

	if (!pattern)
		return NULL;
	at = strstr(pattern, "{release}");
	if (!at)
		return pattern;
	*at = 0;
	if (release && !strchr(release, '/') && strcmp(release, "..") && asprintf(&ret, "%s%s%s", pattern, release, at + strlen("{release}")) < 0)
		abort();
	free(pattern);
	return ret;
}

char *pg_file_read(struct pg *p, const char *path)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *text = NULL;
	size_t n = 0;

	if (f && !fstat(fileno(f), &st) && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
		text = malloc((size_t)st.st_size + 1);
		n = text ? fread(text, 1, (size_t)st.st_size, f) : 0;
	}
	if (!text || n != (size_t)st.st_size || memchr(text, 0, n)) {
		pg_fail(p, "migration file %s cannot be read: %s", path, !f || ferror(f) ? strerror(errno) : "it is no file of text below 64 MiB");
		free(text);
		text = NULL;
	} else {
		text[n] = 0;
	}
	if (f)
		fclose(f);
	return text;
}

/* 0: taken or none of ours */
static int take(struct pg *p, const char *where, const char *file, struct pg_migrations *ret)
{
	size_t n = strlen(file), up = n > 7 && !strcmp(file + n - 7, ".up.sql") ? n - 7 : 0, down = n > 9 && !strcmp(file + n - 9, ".down.sql") ? n - 9 : 0, stem = up + down;
	struct pg_migration *m;
	char name[PG_NAME], path[4500];

	if (!stem || !isdigit((unsigned char)*file))
		return 0;
	if (stem >= sizeof name) {
		pg_fail(p, "migration file %s/%s has a name that is too long", where, file);
		return -1;
	}
	snprintf(name, sizeof name, "%.*s", (int)stem, file);
	snprintf(path, sizeof path, "%s/%s", where, file);
	m = pg_migrations_find(ret, name);
	if (!m)
		m = pg_migrations_add(ret, name);
	*(up ? &m->up : &m->down) = pg_file_read(p, path);
	return (up ? m->up : m->down) ? 0 : -1;
}

int pg_migrations_read(struct pg *p, const char *release, struct pg_migrations *ret)
{
	char *where = pg_migrations_folder(p, release);
	struct dirent *e;
	int rc = 0;
	DIR *d;

	*ret = (struct pg_migrations){0};
	d = where ? opendir(where) : NULL;
	if (!d) {
		pg_fail(p, "the folder of migrations%s%s cannot be read: %s", where ? " " : "", where ? where : "", where ? strerror(errno) : "'migrations' is not set, or the release cannot be a part of a path");
		free(where);
		return -1;
	}
	while (!rc && (e = readdir(d)))
		rc = take(p, where, e->d_name, ret);
	closedir(d);
	pg_migrations_sort(ret);
	for (size_t i = 0; i < ret->n && !rc; i++)
		if (!ret->v[i].up) {
			pg_fail(p, "%s/%s.down.sql has no %s.up.sql beside it", where, ret->v[i].name, ret->v[i].name);
			rc = -1;
		}
	free(where);
	if (rc)
		pg_migrations_clear(ret);
	return rc;
}
