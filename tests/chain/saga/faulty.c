/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strategy that is another one, and fails when it is told to. The file is copied under the other's name ("strategy-files.so"); the real one stands in the folder real/ beside it and
 * is loaded in the entry. Each call is written to the file calls there ("web recovery restore"). The file fault has "SERVICE STAGE OPERATION WHEN COUNT": such calls fail COUNT times
 * (-1: always), before the real one is called or after it; each is written to the file hits.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failback/plugin.h"

static const struct fb_strategy_ops *real;
static char folder[PATH_MAX];

static void append(const char *name, const char *text)
{
	char path[PATH_MAX + 20];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd))
		abort();
}

static long hits(void)
{
	char path[PATH_MAX + 20];
	struct stat st;

	snprintf(path, sizeof path, "%s/hits", folder);
	return stat(path, &st) ? 0 : (long)st.st_size;
}

/* Is this call to fail? when: "before" or "after". */
static int told(const char *line, const char *when)
{
	char path[PATH_MAX + 20], service[64], stage[64], operation[64], at[64], whole[300];
	long count;
	FILE *f;
	int n;

	snprintf(path, sizeof path, "%s/fault", folder);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fscanf(f, "%63s %63s %63s %63s %ld", service, stage, operation, at, &count);
	fclose(f);
	snprintf(whole, sizeof whole, "%s %s %s\n", service, stage, operation);
	if (n != 5 || strcmp(whole, line) || strcmp(at, when) || (count >= 0 && hits() >= count))
		return 0;
	append("hits", "x");
	return 1;
}

static int32_t pass(const struct fb_call *call, const char *operation, int32_t (*function)(const struct fb_call *call))
{
	char line[300];
	int32_t answer;

	snprintf(line, sizeof line, "%s %s %s%s\n", call->service, call->failed || call->flags & FB_CALL_RECOVERY ? "recovery" : "plan",
		 call->flags & FB_CALL_UNDO ? "undo-" : "", operation);
	append("calls", line);
	if (told(line, "before")) {
		call->host->fail(call, "made to fail by a test, before anything was done");
		return FB_FAIL;
	}
	answer = function(call);
	if (answer <= FB_SKIP && told(line, "after")) {
		call->host->fail(call, "made to fail by a test, after all was done");
		return FB_FAIL;
	}
	return answer;
}

#define OPERATION(name)                                                                                                                                          \
	static int32_t name(const struct fb_call *call)                                                                                                           \
	{                                                                                                                                                          \
		return pass(call, #name, real->name);                                                                                                              \
	}

OPERATION(check)
OPERATION(state)
OPERATION(capture)
OPERATION(prove)
OPERATION(prepare)
OPERATION(shift)
OPERATION(protect)
OPERATION(restore)
OPERATION(verify)
OPERATION(evidence)
OPERATION(commit)
OPERATION(cleanup)

static int32_t undo(const struct fb_call *call)
{
	return pass(call, call->operation == FB_OP_SHIFT ? "shift" : "prepare", real->undo);
}

/* Counting goes on beside all else: it fails by its end. */
static int32_t observe(const struct fb_call *call, void **state, struct fb_wait *wait)
{
	char line[300];

	snprintf(line, sizeof line, "%s plan observe\n", call->service);
	if (!*state) {
		append("calls", line);
		if (told(line, "before"))
			return FB_STEP_DONE;
	}
	return told(line, "after") ? FB_STEP_DONE : real->observe(call, state, wait);
}

FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi);
FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi)
{
	static struct fb_strategy_ops ops;
	static struct fb_plugin plugin;
	char path[2 * PATH_MAX];
	fb_plugin_entry_fn entry;
	const struct fb_plugin *p;
	const char *name;
	Dl_info info;
	void *so;

	if (!dladdr((void *)(uintptr_t)failback_plugin_entry, &info) || !info.dli_fname || !(name = strrchr(info.dli_fname, '/')))
		return NULL;
	snprintf(folder, sizeof folder, "%.*s", (int)(name - info.dli_fname), info.dli_fname);
	snprintf(path, sizeof path, "%s/real%s", folder, name);
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	*(void **)&entry = so ? dlsym(so, "failback_plugin_entry") : NULL;
	p = entry ? entry(host_abi) : NULL;
	if (!p || p->kind != FB_KIND_STRATEGY)
		return NULL;
	real = p->strategy;
	plugin = *p;
#define OFFER(name) ops.name = real->name ? name : NULL
	OFFER(check);
	OFFER(state);
	OFFER(capture);
	OFFER(prove);
	OFFER(prepare);
	OFFER(shift);
	OFFER(protect);
	OFFER(restore);
	OFFER(verify);
	OFFER(evidence);
	OFFER(commit);
	OFFER(cleanup);
	OFFER(undo);
	OFFER(observe);
	plugin.strategy = &ops;
	return &plugin;
}
