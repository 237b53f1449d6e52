/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts of one process: found by kind and name, started when they are asked about, let go of together. */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/guard.h"
#include "host/operations.h"
#include "host/pool.h"

#define LOAD_MS 10000
#define EXIT_MS 2000       /* for a host that was let go of */

struct fb_pool *fb_pool_new(const struct fb_pool_options *options)
{
	struct fb_pool *p = fb_alloc(sizeof *p);
	size_t n = 0;

	while (options->plugin_dirs && options->plugin_dirs[n])
		n++;
	p->dirs = fb_alloc((n + 1) * sizeof *p->dirs);
	for (size_t i = 0; i < n; i++)
		p->dirs[i] = fb_strdup(options->plugin_dirs[i]);
	p->host_program = fb_strdup(options->host_program);
	p->trusted_owner = options->trusted_owner;
	p->sandboxes = json_deep_copy(options->sandboxes);
	p->loads_only = options->loads_only;
	p->load_timeout_ms = options->load_timeout_ms > 0 ? options->load_timeout_ms : LOAD_MS;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a host that dies has left comes to us */
	return p;
}

struct fb_plugin_host *fb_pool_find(struct fb_pool *p, const char *kind, const char *name)
{
	struct fb_plugin_host *h;

	for (h = p->hosts; h; h = h->next)
		if (fb_streq(h->kind, kind) && fb_streq(h->name, name))
			return h;
	h = fb_alloc(sizeof *h);
	h->pool = p;
	h->control = -1;
	h->kind = fb_strdup(kind);
	h->name = fb_strdup(name);
	h->label = fb_asprintf("%s-%s", kind, name);
	fb_confine_choose(h);
	h->next = p->hosts;
	p->hosts = h;
	return h;
}

void fb_pool_expect(struct fb_pool *p, const char *kind, const char *name)
{
	struct fb_plugin_host *h = fb_pool_find(p, kind, name);

	if (h->state == FB_HOST_IDLE)
		fb_pool_start(h);
}

const json_t *fb_pool_describe(struct fb_pool *p, const char *kind, const char *name, struct fb_err *err)
{
	struct fb_plugin_host *h = fb_pool_find(p, kind, name);

	if (h->state == FB_HOST_IDLE)
		fb_pool_start(h);
	while (h->state == FB_HOST_STARTING) {
		struct pollfd wait[2] = {{.fd = h->control, .events = POLLIN}, {.fd = fb_guard_fd(h), .events = POLLIN}};
		int64_t left = h->load_end_ms - fb_clock_ms();

		if (left <= 0)
			fb_pool_load_over(h);
		else if (poll(wait, 2, (int)left) > 0 && wait[1].revents)
			fb_guard_read(h);
		else if (wait[0].revents)
			fb_pool_read_control(h);
	}
	if (h->state == FB_HOST_READY)
		return h->descriptor;
	if (err)
		*err = h->refusal;
	return NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_names(char ***names, size_t *n, const char *dir, const char *kind)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	size_t prefix = strlen(kind) + 1;

	while (d && (entry = readdir(d))) {
		size_t size = strlen(entry->d_name);
		char name[64];
		bool known = false;

		if (size <= prefix + 3 || size - prefix - 3 >= sizeof name || !fb_has_prefix(entry->d_name, kind) || entry->d_name[prefix - 1] != '-' ||
		    !fb_streq(entry->d_name + size - 3, ".so"))
			continue;
		snprintf(name, sizeof name, "%.*s", (int)(size - prefix - 3), entry->d_name + prefix);
		for (size_t i = 0; i < *n; i++)
			known = known || fb_streq((*names)[i], name);
		if (known || !fb_name_valid(name))
			continue;
		*names = fb_realloc(*names, (*n + 2) * sizeof **names);
		(*names)[(*n)++] = fb_strdup(name);
		(*names)[*n] = NULL;
	}
	if (d)
		closedir(d);
}

static void free_names(char **names)
{
	for (char **p = names; p && *p; p++)
		fb_free(*p);
	fb_free(names);
}

const char *const *fb_pool_names(struct fb_pool *p, const char *kind)
{
	static const char *const none[] = {NULL};
	uint32_t number = fb_kind_number(kind);
	char **names;
	size_t n = 0;

	if (!number)
		return none;
	if (p->lists[number - 1].names)
		return (const char *const *)p->lists[number - 1].names;
	names = fb_alloc(sizeof *names);
	for (char **dir = p->dirs; *dir; dir++)
		add_names(&names, &n, *dir, kind);
	qsort(names, n, sizeof *names, by_text);
	p->lists[number - 1].names = names;
	return (const char *const *)names;
}

static void catalog_expect(void *ctx, const char *kind, const char *name)
{
	fb_pool_expect(ctx, kind, name);
}

static const json_t *catalog_describe(void *ctx, const char *kind, const char *name, struct fb_err *err)
{
	return fb_pool_describe(ctx, kind, name, err);
}

static const char *const *catalog_names(void *ctx, const char *kind)
{
	return fb_pool_names(ctx, kind);
}

static bool catalog_has(void *ctx, const char *kind, const char *name)
{
	const struct fb_pool *p = ctx;
	struct stat st;
	bool found = false;

	for (char **dir = p->dirs; *dir && !found; dir++) {
		char *path = fb_asprintf("%s/%s-%s.so", *dir, kind, name);

		found = stat(path, &st) == 0;
		fb_free(path);
	}
	return found;
}

struct fb_catalog_fn fb_pool_catalog(struct fb_pool *p)
{
	return (struct fb_catalog_fn){.expect = catalog_expect, .describe = catalog_describe, .names = catalog_names, .has = catalog_has, .ctx = p};
}

int fb_pool_attach(struct fb_pool *p, uv_loop_t *loop, struct fb_err *err)
{
	if (p->loop)
		return fb_err_set(err, FB_EXIT_BUG, "these plugin hosts are watched by a loop already");
	p->loop = loop;
	for (struct fb_plugin_host *h = p->hosts; h; h = h->next)
		fb_pool_watch(h);
	return 0;
}

static void end_calls(struct fb_pool *p)
{
	while (p->calls) {
		struct fb_host_call *c = p->calls;

		while (c->next)
			c = c->next;
		fb_call_host_gone(c, "the call was given up: failback lets go of its plugin hosts", NULL);
	}
}

void fb_pool_detach(struct fb_pool *p)
{
	struct fb_plugin_host *h;

	if (!p->loop)
		return;
	/* A host with a call under way is ended with it: its worker must not stay. */
	for (h = p->hosts; h; h = h->next)
		if (fb_pool_next_call(h) && h->control >= 0)
			fb_pool_lost(h, "the call was given up: failback lets go of its plugin hosts");
	end_calls(p);
	for (h = p->hosts; h; h = h->next)
		fb_pool_unwatch(h);
	p->loop = NULL;
}

const char *fb_pool_stage(struct fb_pool *p, const char *kind, const char *name)
{
	const struct fb_plugin_host *h = fb_pool_find(p, kind, name);

	return h->stage[0] ? h->stage : "load";
}

int fb_pool_hosts(struct fb_pool *p, struct fb_proc *ret, const char **ret_names, int max)
{
	int n = 0;

	for (const struct fb_plugin_host *h = p->hosts; h && n < max; h = h->next) {
		if (h->control < 0)
			continue;
		ret[n] = h->proc;
		if (ret_names)
			ret_names[n] = h->label;
		n++;
	}
	return n;
}

static void free_host(struct fb_plugin_host *h)
{
	json_decref(h->descriptor);
	json_decref(h->policy);
	json_decref(h->cannot);
	fb_free(h->kind);
	fb_free(h->name);
	fb_free(h->label);
	fb_free(h->path);
	fb_free(h);
}

void fb_pool_free(struct fb_pool *p)
{
	struct fb_plugin_host *h;

	if (!p)
		return;
	fb_pool_detach(p);
	/* All at once: each ends when its socket closes. */
	for (h = p->hosts; h; h = h->next)
		if (h->control >= 0)
			shutdown(h->control, SHUT_RDWR);
	while ((h = p->hosts)) {
		fb_orphans_end_host(h, EXIT_MS, NULL, NULL);
		p->hosts = h->next;
		free_host(h);
	}
	for (size_t i = 0; i < sizeof p->lists / sizeof *p->lists; i++)
		free_names(p->lists[i].names);
	free_names(p->dirs);
	json_decref(p->sandboxes);
	fb_free(p->host_program);
	fb_free(p);
}
