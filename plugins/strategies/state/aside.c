/* SPDX-License-Identifier: Apache-2.0 */
/* What a restore would overwrite, and logs that are cleared, in a folder of the execution's own. Removes nothing that is not there before. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/strategies/state/state.h"

#define MOST_EVIDENCE 8 /* cleared files that are also shown in the archive */

static char *item_of(const struct fb_call *call, const char *list, uint32_t i)
{
	char item[64];
	const char *s;

	snprintf(item, sizeof item, "%s[%u]", list, (unsigned)i);
	s = call->host->option(call, item);
	return run_copy(s ? s : "");
}

/* The option, or a folder beside the first path. */
static char *folder(const struct fb_call *call)
{
	char *ret = run_copy(call->host->option(call, "aside")), *path, *slash;

	if (ret)
		return ret;
	path = item_of(call, "paths", 0);
	slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
	if (asprintf(&ret, "%s/.failback-aside", path) < 0)
		abort();
	free(path);
	return ret;
}

char *state_aside(const struct fb_call *call)
{
	char *above = folder(call), *ret;

	if (asprintf(&ret, "%s/%s", above, call->execution) < 0)
		abort();
	free(above);
	return ret;
}

static bool is_below(const char *path, const char *root)
{
	size_t n = strlen(root);

	while (n > 1 && root[n - 1] == '/')
		n--;
	return !strncmp(path, root, n) && (!path[n] || path[n] == '/');
}

int32_t state_aside_check(const struct fb_call *call)
{
	uint32_t n = call->host->option_count(call, "paths");
	int32_t answer = FB_OK;
	char *aside;

	if (!call->host->option_int(call, "keep_failed", 0) && !call->host->option_count(call, "clear"))
		return FB_OK;
	aside = folder(call);
	for (uint32_t i = 0; i < n && answer == FB_OK; i++) {
		char *path = item_of(call, "paths", i);

		if (is_below(aside, path)) {
			call->host->fail(call, "what is put aside would go to %s, which is in %s and part of the backup: set 'aside' to a folder elsewhere, best on the same file system", aside, path);
			answer = FB_FATAL;
		}
		free(path);
	}
	free(aside);
	return answer;
}

/* Runs a shell text with FROM and TO; line: what became of it. */
static int shell(const struct fb_call *call, const char *text, const char *from, const char *to, char line[STORE_LINE])
{
	struct run_spec spec = {0};
	int rc;

	run_add_environment(&spec, "FROM", from);
	run_add_environment(&spec, "TO", to);
	spec.command.shell = text;
	rc = item_ask(call, &spec.command, NULL, line);
	run_clear(&spec);
	return rc;
}

/* ---- keep_failed ---- */

static const char copy_text[] = "set -e; umask 077; rm -rf \"$TO.part\"; mkdir -p \"$(dirname \"$TO\")\"; cp -a --reflink=auto -- \"$FROM\" \"$TO.part\"; mv -T -- \"$TO.part\" \"$TO\"";

static int32_t keep_all(const struct fb_call *call, void *ctx)
{
	const char *aside = ctx;
	uint32_t n = call->host->option_count(call, "paths");
	int32_t answer = FB_OK;
	char line[STORE_LINE];

	for (uint32_t i = 0; i < n && answer == FB_OK; i++) {
		char *path = item_of(call, "paths", i), *to;

		if (asprintf(&to, "%s/failed%s", aside, path) < 0)
			abort();
		if (!access(to, F_OK)) { /* by an earlier try: what is there now may be half restored */
			call->host->log(call, FB_LOG_INFO, "%s as it failed is in %s already", path, to);
		} else if (access(path, F_OK)) {
			call->host->log(call, FB_LOG_WARNING, "%s is not there: there is nothing of it to keep", path);
		} else if (shell(call, copy_text, path, to, line)) {
			call->host->fail(call, "%s could not be kept in %s before it is restored: %s; nothing was restored. Make space there, set 'aside', or keep_failed = false", path, to, line);
			answer = FB_FAIL;
		} else {
			call->host->log(call, FB_LOG_INFO, "%s as it failed is kept in %s", path, to);
		}
		free(to);
		free(path);
	}
	return answer;
}

int32_t state_keep(const struct fb_call *call)
{
	char *aside, text[STORE_LINE];
	int32_t answer;

	if (!call->host->option_int(call, "keep_failed", 0))
		return FB_OK;
	aside = state_aside(call);
	snprintf(text, sizeof text, "keep the state as it failed in %s/failed", aside);
	answer = item_act(call, "keep", text, true, keep_all, aside); /* once made it is not made again: what it would keep then is what was restored */
	free(aside);
	return answer;
}

/* ---- clear ---- */

static const char move_text[] = "set -e; umask 077; mkdir -p \"$(dirname \"$TO\")\"; n=; while test -e \"$TO$n\"; do n=.$((${n#.} + 1)); done; mv -T -- \"$FROM\" \"$TO$n\"";

/* A folder that is cleared of its files stays. */
static int32_t clear_one(const struct fb_call *call, const char *path, const char *aside, unsigned *n)
{
	char line[STORE_LINE], title[300], *to;
	int32_t answer = FB_OK;
	struct stat st;

	if (lstat(path, &st) || S_ISDIR(st.st_mode))
		return FB_OK;
	if (asprintf(&to, "%s/cleared%s", aside, path) < 0)
		abort();
	snprintf(title, sizeof title, "%.250s, which was cleared", path);
	if (S_ISREG(st.st_mode) && *n < MOST_EVIDENCE && call->host->evidence(call, path, title))
		call->host->log(call, FB_LOG_WARNING, "%s could not be shown in the archive", path);
	if (shell(call, move_text, path, to, line)) {
		call->host->fail(call, "%s could not be cleared away to %s: %s", path, to, line);
		answer = FB_FAIL;
	} else {
		(*n)++;
	}
	free(to);
	return answer;
}

static int32_t clear_all(const struct fb_call *call, void *ctx)
{
	uint32_t count = call->host->option_count(call, "clear");
	const char *aside = ctx;
	int32_t answer = FB_OK;
	unsigned n = 0;

	for (uint32_t i = 0; i < count && answer == FB_OK; i++) {
		char *pattern = item_of(call, "clear", i);
		glob_t found = {0};
		int rc = glob(pattern, GLOB_NOSORT, NULL, &found);

		if (rc && rc != GLOB_NOMATCH) {
			call->host->fail(call, "what %s stands for could not be found out: %s", pattern, rc == GLOB_ABORTED ? "a folder cannot be read" : "no memory");
			answer = FB_FAIL;
		}
		for (size_t k = 0; !rc && k < found.gl_pathc && answer == FB_OK; k++)
			answer = clear_one(call, found.gl_pathv[k], aside, &n);
		globfree(&found);
		free(pattern);
	}
	if (n)
		call->host->log(call, FB_LOG_INFO, "%u files were cleared away to %s/cleared", n, aside);
	return answer;
}

int32_t state_clear(const struct fb_call *call)
{
	char *aside, text[STORE_LINE];
	int32_t answer;

	if (!call->host->option_count(call, "clear"))
		return FB_OK;
	aside = state_aside(call);
	snprintf(text, sizeof text, "clear logs and the like away to %s/cleared", aside);
	answer = item_act(call, "clear", text, true, clear_all, aside); /* once made it is not made again: what the service writes after its start is new */
	free(aside);
	return answer;
}
