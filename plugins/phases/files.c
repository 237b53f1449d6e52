/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH 6

static void add(struct files *f, const char *path, size_t limit)
{
	json_t *utf8 = json_string(path);
	char **more = NULL, *copy = NULL;

	if (utf8 && f->n < limit) {
		more = realloc(f->paths, (f->n + 1) * sizeof *more);
		if (more)
			f->paths = more;
		copy = more ? strdup(path) : NULL;
	}
	json_decref(utf8);
	if (copy)
		f->paths[f->n++] = copy;
	else
		f->left_out++;
}

static void list(int folder, const char *sub, size_t limit, int depth, struct files *ret)
{
	int fd = openat(folder, *sub ? sub : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d))) {
		char path[4096];
		struct stat st;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if ((size_t)snprintf(path, sizeof path, "%s%s%s", sub, *sub ? "/" : "", e->d_name) >= sizeof path)
			ret->left_out++;
		else if (S_ISREG(st.st_mode))
			add(ret, path, limit);
		else if (S_ISDIR(st.st_mode) && depth < DEPTH)
			list(folder, path, limit, depth + 1, ret);
		else
			ret->left_out++;
	}
	closedir(d);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void files_sort(struct files *f)
{
	if (f->n)
		qsort(f->paths, f->n, sizeof *f->paths, compare);
}

void files_list(int folder, const char *sub, size_t limit, struct files *ret)
{
	list(folder, sub, limit, 0, ret);
	files_sort(ret);
}

void files_clear(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->paths[i]);
	free(f->paths);
	memset(f, 0, sizeof *f);
}
