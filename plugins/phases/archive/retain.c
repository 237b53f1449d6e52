/* SPDX-License-Identifier: Apache-2.0 */
#include "retain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT 100000 /* archives that are looked at */

static bool is_archive(const char *name)
{
	size_t n = strlen(name);

	return n > 8 && *name != '.' && !strcmp(name + n - 8, ".tar.zst");
}

static int add(struct retain_list *l, const char *path, const struct stat *st)
{
	struct retain_file *more;

	if (l->n >= LIMIT)
		return 0;
	if (!(l->n & (l->n - 1))) {
		more = realloc(l->files, (l->n ? l->n * 2 : 1) * sizeof *more);
		if (!more)
			return -1;
		l->files = more;
	}
	snprintf(l->files[l->n].path, sizeof l->files[l->n].path, "%s", path);
	l->files[l->n].mtime_s = st->st_mtime;
	l->files[l->n++].size = st->st_size;
	return 0;
}

static int find(int folder, const char *sub, bool deep, struct retain_list *ret)
{
	int fd = openat(folder, *sub ? sub : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return *sub ? 0 : -1;
	}
	while (!r && (e = readdir(d))) {
		char path[600];
		struct stat st;

		if (*e->d_name == '.' || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		snprintf(path, sizeof path, "%s%s%s", sub, *sub ? "/" : "", e->d_name);
		if (S_ISREG(st.st_mode) && is_archive(e->d_name) && (!deep || *sub))
			r = add(ret, path, &st);
		else if (S_ISDIR(st.st_mode) && deep && !*sub)
			r = find(folder, path, deep, ret);
	}
	closedir(d);
	return r;
}

int retain_find(int folder, bool deep, struct retain_list *ret)
{
	ret->files = NULL;
	ret->n = 0;
	return find(folder, "", deep, ret);
}

static int newest_first(const void *a, const void *b)
{
	const struct retain_file *x = a, *y = b;

	return x->mtime_s != y->mtime_s ? (x->mtime_s < y->mtime_s) - (x->mtime_s > y->mtime_s) : strcmp(y->path, x->path);
}

void retain_choose(struct retain_list *l, const struct retain_rule *rule, const char *keep, int64_t now_s)
{
	int64_t bytes = 0;
	size_t n = 0;

	if (l->n)
		qsort(l->files, l->n, sizeof *l->files, newest_first);
	for (size_t i = 0; i < l->n; i++) {
		struct retain_file *f = &l->files[i];
		int64_t age = now_s - f->mtime_s;

		bytes += f->size;
		if (age < RETAIN_YOUNGEST_S || !strcmp(f->path, keep))
			continue;
		if ((rule->age_s && age > rule->age_s) || (rule->count && (int64_t)i >= rule->count) || (rule->bytes && bytes > rule->bytes))
			memmove(&l->files[n++], f, sizeof *f);
	}
	l->n = n;
	for (size_t i = 0; i < n / 2; i++) {
		struct retain_file swap = l->files[i];

		l->files[i] = l->files[n - 1 - i];
		l->files[n - 1 - i] = swap;
	}
}

void retain_clear(struct retain_list *l)
{
	free(l->files);
	l->files = NULL;
	l->n = 0;
}
