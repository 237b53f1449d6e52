/* SPDX-License-Identifier: Apache-2.0 */
/* Which environments of strategy dependencies go, and when: never the live one, never the last known good, never one that failback did not make. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plugins/strategies/dependencies/dependencies.h"

struct old {
	char *release;
	struct timespec made;
};

struct olds {
	struct old *v;
	size_t n;
};

static bool is_needed(struct dep *d, const char *name, const char *live)
{
	const struct fb_call *c = d->call;

	return (live && !strcmp(name, live)) || (c->release && !strcmp(name, c->release)) || (c->last_good && !strcmp(name, c->last_good));
}

static int newest_first(const void *a, const void *b)
{
	const struct old *x = a, *y = b;

	if (x->made.tv_sec != y->made.tv_sec)
		return x->made.tv_sec < y->made.tv_sec ? 1 : -1;
	if (x->made.tv_nsec != y->made.tv_nsec)
		return x->made.tv_nsec < y->made.tv_nsec ? 1 : -1;
	return strcmp(x->release, y->release);
}

static void add(struct dep *d, struct olds *all, const char *name)
{
	char *place = dep_place(d, name);
	struct stat st;

	if (dep_is_ours(d, name) && !lstat(place, &st) && S_ISDIR(st.st_mode)) {
		all->v = realloc(all->v, (all->n + 1) * sizeof *all->v);
		if (!all->v)
			abort();
		all->v[all->n++] = (struct old){.release = run_copy(name), .made = st.st_mtim};
	}
	free(place);
}

static struct olds find(struct dep *d)
{
	char *live = dep_live(d);
	DIR *dir = opendir(d->environments);
	struct olds all = {0};
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (*e->d_name != '.' && !is_needed(d, e->d_name, live))
			add(d, &all, e->d_name);
	if (dir)
		closedir(dir);
	else
		d->h->log(d->call, FB_LOG_WARNING, "folder %s cannot be read: %s; no old environment is removed", d->environments, strerror(errno));
	if (all.n)
		qsort(all.v, all.n, sizeof *all.v, newest_first);
	free(live);
	return all;
}

int32_t dep_commit(const struct fb_call *call)
{
	int64_t keep = call->host->option_int(call, "keep", 2), removed = 0;
	int32_t answer = FB_OK;
	struct olds all;
	struct dep d;

	dep_open(&d, call);
	all = find(&d);
	for (size_t i = 0; i < all.n; i++) {
		if (answer == FB_OK && (int64_t)i >= keep) {
			answer = dep_remove(&d, all.v[i].release);
			removed++;
		}
		free(all.v[i].release);
	}
	free(all.v);
	dep_close(&d);
	return answer == FB_OK && !removed ? FB_SKIP : answer;
}

int32_t dep_cleanup(const struct fb_call *call)
{
	int32_t answer = FB_SKIP;
	char *live, *place;
	struct stat st;
	struct dep d;

	if (!call->failed || strpbrk(call->failed, "/:") || *call->failed == '.')
		return FB_SKIP;
	dep_open(&d, call);
	live = dep_live(&d);
	place = dep_place(&d, call->failed);
	if (is_needed(&d, call->failed, live) || lstat(place, &st))
		d.h->log(call, FB_LOG_INFO, "there is no environment of release %s that is not needed: nothing is removed", call->failed);
	else if (call->flags & FB_CALL_PRESERVE)
		d.h->log(call, FB_LOG_INFO, "the environment that failed is kept in %s; later deployments retire it as an old one", place);
	else
		answer = dep_remove(&d, call->failed);
	free(place);
	free(live);
	dep_close(&d);
	return answer;
}
