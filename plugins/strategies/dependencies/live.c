/* SPDX-License-Identifier: Apache-2.0 */
/* What is live, of strategy dependencies: the link, and the service that reads through it. Makes and removes no environment. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/strategies/dependencies/dependencies.h"

#define MODULES "/node_modules"
#define STARTED "started" /* fact: the release whose environment the service was last started with; "": not known */

/* ---- actions ---- */

int32_t dep_act(struct dep *d, const char *key, bool *ret_recorded, const char *format, ...)
{
	char text[600];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	*ret_recorded = false;
	switch (d->h->act(d->call, key, FB_REPEAT_IDEMPOTENT, text)) {
	case FB_ACT_DO:
		return FB_OK;
	case FB_ACT_DONE: /* whoever asks has looked, and found that it does not hold */
		*ret_recorded = true;
		return FB_OK;
	case FB_ACT_DRY:
		return FB_SKIP;
	default:
		return FB_RETRY;
	}
}

int32_t dep_acted(struct dep *d, const char *key, bool recorded)
{
	if (recorded || !d->h->acted(d->call, key, NULL))
		return FB_OK;
	d->h->fail(d->call, "'%s' of %s was done, but could not be recorded", key, d->call->service);
	return FB_RETRY;
}

/* ---- commands ---- */

static void add_path(struct run_spec *spec, const char *folder, const char *below)
{
	const char *before = getenv("PATH");
	char *path;

	if (asprintf(&path, "%s%s:%s", folder, below, before ? before : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") < 0)
		abort();
	run_add_environment(spec, "PATH", path);
	free(path);
}

static void make_spec(struct dep *d, const char *option, const char *release, struct run_spec *spec)
{
	char *place = dep_place(d, release), *modules;

	run_option(d->call, option, spec);
	run_set_directory(spec, d->h->option(d->call, "directory"));
	run_add_environment(spec, "FAILBACK_PREFIX", place);
	add_path(spec, place, d->npm ? MODULES "/.bin" : "/bin");
	if (d->npm) {
		if (asprintf(&modules, "%s" MODULES, place) < 0)
			abort();
		run_add_environment(spec, "NODE_PATH", modules);
		free(modules);
	} else {
		run_add_environment(spec, "VIRTUAL_ENV", place);
	}
	run_add_map(d->call, spec, "environment");
	run_add_map(d->call, spec, "secret_environment");
	run_add_environment(spec, "FAILBACK_RELEASE", release);
	run_add_environment(spec, "FAILBACK_FAILED", d->call->failed);
	free(place);
}

int dep_ask(struct dep *d, const char *option, const char *release)
{
	struct fb_command_result r = {0};
	char how[80], line[DEP_LINE - 100];
	struct run_spec spec;
	int rc;

	make_spec(d, option, release, &spec);
	rc = d->h->run(d->call, &spec.command, &r);
	if (rc)
		snprintf(d->line, sizeof d->line, "it could not be started; the log says why");
	else
		snprintf(d->line, sizeof d->line, "%s%s", run_outcome(&r, how, sizeof how), run_line_after(&r, line, sizeof line));
	run_clear(&spec);
	return rc || r.timed_out || r.signal || r.exit_code ? -1 : 0;
}

/* ---- the link ---- */

static char *target(const struct dep *d, const char *release)
{
	char *ret;

	if (asprintf(&ret, "%s/%s%s", d->environments, release, d->npm ? MODULES : "") < 0)
		abort();
	return ret;
}

char *dep_live(const struct dep *d)
{
	char to[4200], *at, *ret;
	ssize_t n = readlink(d->link, to, sizeof to - 1);
	size_t prefix = strlen(d->environments), rest;

	if (n <= 0)
		return NULL;
	to[n] = 0;
	if (strncmp(to, d->environments, prefix) || to[prefix] != '/')
		return NULL;
	at = to + prefix + 1;
	rest = strlen(at);
	if (d->npm) {
		if (rest <= strlen(MODULES) || strcmp(at + rest - strlen(MODULES), MODULES))
			return NULL;
		at[rest - strlen(MODULES)] = 0;
	}
	ret = *at && !strchr(at, '/') ? run_copy(at) : NULL;
	return ret;
}

/* So that the link outlives a power cut; where that cannot be had the link stands all the same. */
static void sync_parent(const char *path)
{
	char *parent = run_copy(path), *slash = strrchr(parent, '/');
	int fd;

	if (slash)
		slash[slash == parent ? 1 : 0] = 0;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	free(parent);
}

static int point(struct dep *d, const char *to)
{
	char *beside;
	int rc = 0;

	if (asprintf(&beside, "%s.failback-new", d->link) < 0)
		abort();
	if ((unlink(beside) && errno != ENOENT) || symlink(to, beside) || rename(beside, d->link)) {
		d->h->fail(d->call, "the link %s could not be led to %s: %s", d->link, to, strerror(errno));
		unlink(beside);
		rc = -1;
	} else {
		sync_parent(d->link);
	}
	free(beside);
	return rc;
}

static int32_t lead(struct dep *d, const char *release)
{
	char *live = dep_live(d), *to = target(d, release);
	bool recorded, there = live && !strcmp(live, release);
	int32_t answer = there ? FB_OK : dep_act(d, "link", &recorded, "lead %s to %s", d->link, to);

	if (!there && answer == FB_OK) {
		/* what runs is what it was started with: that is not known from here on until it is started again */
		if (d->h->fact_set(d->call, FB_SCOPE_SERVICE, STARTED, "?")) {
			d->h->fail(d->call, "that %s is about to be switched could not be recorded", d->call->service);
			answer = FB_FAIL;
		} else {
			answer = point(d, to) ? FB_FAIL : dep_acted(d, "link", recorded);
		}
	}
	free(to);
	free(live);
	return answer;
}

/* ---- the service ---- */

static int32_t settle(struct dep *d, const char *release)
{
	int64_t left = d->h->option_int(d->call, "settle", 0), pause = 50;

	if (!run_is_set(d->call, "running"))
		return left && d->h->sleep_ms(d->call, left) ? FB_FAIL : FB_OK;
	while (dep_ask(d, "running", release)) {
		if (left <= 0 || d->h->sleep_ms(d->call, pause < left ? pause : left)) {
			d->h->fail(d->call, "service %s was restarted with the environment of release %s, but 'running' ended with %s; look at its log, or give it more time with 'settle'",
				   d->call->service, release, d->line);
			return FB_FAIL;
		}
		left -= pause;
		pause = pause < 500 ? pause * 2 : 500;
	}
	return FB_OK;
}

/* FB_SKIP in a dry run. */
static int32_t restart(struct dep *d, const char *release)
{
	bool recorded;
	int32_t answer;

	if (run_is_set(d->call, "restart")) {
		answer = dep_act(d, "restart", &recorded, "restart %s", d->call->service);
		if (answer != FB_OK)
			return answer;
		if (dep_ask(d, "restart", release)) {
			d->h->fail(d->call, "the environment of release %s of %s is in place, but 'restart' ended with %s", release, d->call->service, d->line);
			return FB_FAIL;
		}
		answer = dep_acted(d, "restart", recorded);
		if (answer != FB_OK)
			return answer;
	}
	return d->call->flags & FB_CALL_DRY_RUN ? FB_SKIP : settle(d, release);
}

bool dep_is_live(struct dep *d, const char *release)
{
	char *live = dep_live(d);
	bool ret = live && release && !strcmp(live, release);
	const char *started = d->h->fact(d->call, FB_SCOPE_SERVICE, STARTED);

	if (ret && started && strcmp(started, release))
		ret = false;
	free(live);
	return ret && !access(d->link, F_OK) && (!run_is_set(d->call, "running") || !dep_ask(d, "running", release));
}

int32_t dep_switch(struct dep *d, const char *release)
{
	int32_t answer = lead(d, release);

	if (answer == FB_OK || answer == FB_SKIP)
		answer = restart(d, release);
	if (answer == FB_SKIP)
		return FB_OK;
	if (answer == FB_OK && d->h->fact_set(d->call, FB_SCOPE_SERVICE, STARTED, release))
		d->h->log(d->call, FB_LOG_WARNING, "that %s runs with the environment of release %s could not be recorded", d->call->service, release);
	return answer;
}

int32_t dep_verify(struct dep *d, const char *release)
{
	static const char *const questions[] = {"running", "verify"};
	char *live = dep_live(d);
	bool looked = false;

	if (!live || (release && strcmp(live, release)) || access(d->link, F_OK)) {
		d->h->fail(d->call, "%s should lead to the environment of release %s, and leads to %s", d->link, release ? release : "?",
			   !live ? "none that is known" : release && strcmp(live, release) ? live : "nothing");
		free(live);
		return FB_FAIL;
	}
	for (size_t i = 0; i < 2; i++) {
		if (!run_is_set(d->call, questions[i]))
			continue;
		looked = true;
		if (dep_ask(d, questions[i], live)) {
			d->h->fail(d->call, "%s is not healthy: '%s' ended with %s", d->call->service, questions[i], d->line);
			free(live);
			return FB_FAIL;
		}
	}
	free(live);
	if (!looked)
		d->h->log(d->call, FB_LOG_WARNING, "neither 'verify' nor 'running' is set: that %s is healthy is not shown by its strategy", d->call->service);
	return FB_OK;
}
