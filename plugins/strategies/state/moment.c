/* SPDX-License-Identifier: Apache-2.0 */
/* A sum over what stat(2) says of the files of a state. Reads no content, changes nothing. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/state/state.h"

#define OPEN_FOLDERS 32
#define MOST_PATTERNS 256

/* nftw has no argument for its caller's own: a worker makes one call, in one thread. */
static struct {
	struct state_moment *ret;
	size_t root; /* length of the path that is walked */
	char *patterns[MOST_PATTERNS];
	size_t n;
} walk;

/* FNV-1a; the files of a walk are added up, for their order says nothing. */
static uint64_t add_bytes(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h;
}

/* As failback-store excludes: a pattern with a slash is compared with the path below the folder, one without with the name. */
static bool is_excluded(const char *path, int base)
{
	const char *below = path + walk.root;

	while (*below == '/')
		below++;
	for (size_t i = 0; i < walk.n; i++)
		if (*below && !fnmatch(walk.patterns[i], strchr(walk.patterns[i], '/') ? below : path + base, 0))
			return true;
	return false;
}

static int visit(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	uint64_t h = UINT64_C(14695981039346656037);

	if (is_excluded(path, at->base))
		return FTW_SKIP_SUBTREE;
	if (kind == FTW_NS || kind == FTW_DNR)
		return FTW_CONTINUE; /* what cannot be read is told when it is put into the backup */
	h = add_bytes(h, path, strlen(path));
	h = add_bytes(h, &st->st_mode, sizeof st->st_mode);
	if (kind != FTW_D) { /* a folder's times change with what is excluded in it */
		h = add_bytes(h, &st->st_ino, sizeof st->st_ino);
		h = add_bytes(h, &st->st_size, sizeof st->st_size);
		h = add_bytes(h, &st->st_mtim, sizeof st->st_mtim);
		h = add_bytes(h, &st->st_ctim, sizeof st->st_ctim);
	}
	walk.ret->sum += h;
	walk.ret->files++;
	return FTW_CONTINUE;
}

static void read_patterns(const struct fb_call *call)
{
	uint32_t n = call->host->option_count(call, "exclude");
	char item[64];

	for (uint32_t i = 0; i < n && walk.n < MOST_PATTERNS; i++) {
		const char *s;

		snprintf(item, sizeof item, "exclude[%u]", (unsigned)i);
		s = call->host->option(call, item);
		if (s)
			walk.patterns[walk.n++] = run_copy(s);
	}
}

int state_moment(const struct fb_call *call, struct state_moment *ret, char line[STORE_LINE])
{
	uint32_t n = call->host->option_count(call, "paths");
	int rc = 0;

	*ret = (struct state_moment){0};
	walk.ret = ret;
	read_patterns(call);
	for (uint32_t i = 0; i < n && !rc; i++) {
		char item[64], *path;

		snprintf(item, sizeof item, "paths[%u]", (unsigned)i);
		path = run_copy(call->host->option(call, item));
		walk.root = strlen(path);
		rc = nftw(path, visit, OPEN_FOLDERS, FTW_PHYS | FTW_ACTIONRETVAL);
		if (rc)
			snprintf(line, STORE_LINE, "%s cannot be looked through: %s", path, strerror(errno));
		free(path);
	}
	while (walk.n)
		free(walk.patterns[--walk.n]);
	return rc ? -1 : 0;
}
