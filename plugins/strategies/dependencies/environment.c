/* SPDX-License-Identifier: Apache-2.0 */
/* Environments of strategy dependencies: where they are, what is recorded of them, making and removing them. Knows nothing of the link. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/strategies/dependencies/dependencies.h"

#define OWN ".failback"
#define RECORD_DAMAGED 10 /* exit code of the scripts */

static char *join(const char *a, const char *b, const char *c)
{
	char *ret;

	if (asprintf(&ret, "%s%s%s", a, b, c) < 0)
		abort();
	return ret;
}

void dep_open(struct dep *d, const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	const char *of;

	*d = (struct dep){.call = call, .h = h, .offline = h->option_int(call, "offline", 0)};
	of = h->option(call, "of");
	d->npm = of && !strcmp(of, "npm");
	d->environments = run_copy(h->option(call, "environments"));
	d->link = run_copy(h->option(call, "link"));
	d->wheels = run_copy(h->option(call, "wheels"));
	d->python = run_copy(h->option(call, "python"));
}

void dep_close(struct dep *d)
{
	free(d->environments);
	free(d->link);
	free(d->wheels);
	free(d->python);
	*d = (struct dep){0};
}

bool dep_name_is_sound(struct dep *d, const char *release)
{
	if (release && *release && *release != '.' && !strpbrk(release, "/:"))
		return true;
	if (release)
		d->h->fail(d->call, "release '%s' of %s cannot be the name of an environment's folder: it begins with a dot, or has a slash or colon. Give it another name", release,
			   d->call->service);
	else
		d->h->fail(d->call, "no release of %s is named: give --release, or 'release' in the plan", d->call->service);
	return false;
}

char *dep_place(const struct dep *d, const char *release)
{
	return join(d->environments, "/", release);
}

/* environments/.failback/NAME */
static char *own(const struct dep *d, const char *prefix, const char *name)
{
	char *folder = join(d->environments, "/" OWN "/", prefix), *ret = join(folder, "", name);

	free(folder);
	return ret;
}

static void record_key(const char *release, char *buf, size_t size)
{
	snprintf(buf, size, "kept.%s", release);
}

char *dep_record(const struct dep *d, const char *release, char **ret_digest)
{
	char key[200], *value, *blank, *ret = NULL;

	record_key(release, key, sizeof key);
	value = run_copy(d->h->fact(d->call, FB_SCOPE_SERVICE, key)); /* "DIGEST NAME" */
	blank = value ? strchr(value, ' ') : NULL;
	if (blank && blank[1] && !strchr(blank + 1, '/')) {
		*blank = 0;
		ret = own(d, "", blank + 1);
	}
	if (ret_digest)
		*ret_digest = ret ? run_copy(value) : NULL;
	free(value);
	return ret;
}

char *dep_requirements(const struct dep *d, const char *release)
{
	char *pattern = run_copy(d->h->option(d->call, dep_of(d, "requirements", "project"))), *at = pattern ? strstr(pattern, "{release}") : NULL, *ret;

	if (!at)
		return pattern;
	*at = 0;
	ret = join(pattern, release, at + strlen("{release}"));
	free(pattern);
	return ret;
}

static bool is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

bool dep_is_ours(const struct dep *d, const char *release)
{
	char *making = own(d, "making.", release), *record = dep_record(d, release, NULL);
	bool ret = record || is_there(making);

	free(record);
	free(making);
	return ret;
}

bool dep_record_is_sound(struct dep *d, const char *release)
{
	char *digest = NULL, *record = dep_record(d, release, &digest);
	const struct dep_words words = {.record = record, .digest = digest};
	bool ret = record && !dep_script(d, dep_sound, &words, NULL);

	if (!record)
		snprintf(d->line, sizeof d->line, "no pins of it are recorded");
	free(record);
	free(digest);
	return ret;
}

enum dep_state dep_look(struct dep *d, const char *release, bool whole)
{
	char *place = dep_place(d, release), *making = own(d, "making.", release), *digest = NULL, *record = dep_record(d, release, &digest);
	const struct dep_words words = {.environment = place, .record = record, .digest = digest};
	enum dep_state ret;
	int code;

	if (!is_there(place)) {
		ret = DEP_ABSENT;
		snprintf(d->line, sizeof d->line, "%s is gone", place);
	} else if (is_there(making)) {
		ret = DEP_HALF;
		snprintf(d->line, sizeof d->line, "the making of %s was not finished", place);
	} else if (!record) {
		ret = DEP_FOREIGN;
		snprintf(d->line, sizeof d->line, "nothing is recorded of %s", place);
	} else {
		code = dep_script(d, whole ? dep_of(d, dep_whole_pip, dep_whole_npm) : dep_of(d, dep_intact_pip, dep_intact_npm), &words, NULL);
		ret = !code ? DEP_INTACT : code == RECORD_DAMAGED ? DEP_FOREIGN : DEP_CHANGED;
	}
	free(record);
	free(digest);
	free(making);
	free(place);
	return ret;
}

/* ---- changes ---- */

static int make_folder(struct dep *d, const char *path, mode_t mode)
{
	if (!mkdir(path, mode) || errno == EEXIST)
		return 0;
	d->h->fail(d->call, "cannot make the folder %s: %s", path, strerror(errno));
	return -1;
}

static int make_folders(struct dep *d)
{
	char *folder = own(d, "", "");
	int rc;

	folder[strlen(folder) - 1] = 0;
	rc = make_folder(d, d->environments, 0755) || make_folder(d, folder, 0700) ? -1 : 0;
	free(folder);
	return rc;
}

static int mark(struct dep *d, const char *path)
{
	FILE *f = fopen(path, "we");

	if (f && !fclose(f))
		return 0;
	d->h->fail(d->call, "cannot write %s: %s", path, strerror(errno));
	return -1;
}

/* Records it as it is; the fact is what makes the record count, and the one before is removed after it. */
static int32_t seal_as(struct dep *d, const char *release, const char *name, const char *place, const char *requirements)
{
	char *record = own(d, "", name), *digest = NULL, *value, key[200];
	const struct dep_words words = {.environment = place, .record = record, .requirements = requirements};
	int32_t answer = FB_FAIL;

	if (dep_script(d, dep_of(d, dep_seal_pip, dep_seal_npm), &words, &digest)) {
		d->h->fail(d->call, "what environment %s consists of could not be recorded: %s", place, d->line);
	} else {
		digest[strcspn(digest, "\r\n")] = 0;
		value = join(digest, " ", name);
		record_key(release, key, sizeof key);
		if (d->h->fact_set(d->call, FB_SCOPE_SERVICE, key, value))
			d->h->fail(d->call, "that environment %s is complete could not be recorded", place);
		else
			answer = FB_OK;
		free(value);
	}
	free(digest);
	free(record);
	return answer;
}

static int32_t seal(struct dep *d, const char *release)
{
	char *place = dep_place(d, release), *before = dep_record(d, release, NULL), *requirements = dep_requirements(d, release), *name, *kept;
	size_t n = before ? strlen(before) : 0;
	int32_t answer;

	/* never over the one that counts: releases may be sealed twice in an execution */
	if (asprintf(&name, "%s.%s.%c", release, d->call->execution, n && before[n - 1] == '1' ? '2' : '1') < 0)
		abort();
	if (asprintf(&kept, "%s/requirements", before ? before : "") < 0) /* with their hashes: an environment is made again also when the file is gone */
		abort();
	answer = seal_as(d, release, name, place, requirements && !access(requirements, R_OK) ? requirements : before && !access(kept, R_OK) ? kept : NULL);
	free(kept);
	if (answer == FB_OK && before) {
		const struct dep_words old = {.record = before};

		if (dep_script(d, "rm -rf \"$R\"", &old, NULL))
			d->h->log(d->call, FB_LOG_WARNING, "the old record %s could not be removed: %s", before, d->line);
	}
	free(name);
	free(before);
	free(requirements);
	free(place);
	return answer;
}

int32_t dep_freeze(struct dep *d, const char *release)
{
	bool recorded;
	int32_t answer = dep_act(d, "freeze", &recorded, "record the pins of release %s of %s", release, d->call->service);

	if (answer != FB_OK)
		return answer == FB_SKIP ? FB_OK : answer;
	answer = make_folders(d) ? FB_FAIL : seal(d, release);
	return answer == FB_OK ? dep_acted(d, "freeze", recorded) : answer;
}

static int32_t build(struct dep *d, const char *release, bool frozen, const char *place)
{
	char *requirements = dep_requirements(d, release), *record = dep_record(d, release, NULL);
	const struct dep_words words = {.environment = place, .record = record, .requirements = requirements, .frozen = frozen};
	int32_t answer = FB_OK;

	if (!frozen && (!requirements || access(requirements, R_OK))) {
		d->h->fail(d->call, "environment %s cannot be made: %s%s%s", place, requirements ? "there is no " : "'requirements' (npm: 'project') is not set, which says what release belongs in it",
			   requirements ? requirements : "", requirements ? ": put what the release needs there, or mend 'requirements'" : "");
		answer = FB_FAIL;
	} else if (dep_script(d, dep_of(d, dep_make_pip, dep_make_npm), &words, NULL)) {
		d->h->fail(d->call, "environment %s could not be made from %s: %s", place, frozen ? "its frozen pins" : requirements, d->line);
		answer = FB_FAIL;
	}
	free(record);
	free(requirements);
	return answer;
}

static int32_t test(struct dep *d, const char *release)
{
	if (!run_is_set(d->call, "test") || !dep_ask(d, "test", release))
		return FB_OK;
	d->h->fail(d->call, "the environment of release %s of %s does not pass its test, and did not go live: 'test' ended with %s", release, d->call->service, d->line);
	return FB_FAIL;
}

/* A recreated one must have the pins that were recorded. */
static int32_t compare(struct dep *d, const char *release, const char *place)
{
	char *record = dep_record(d, release, NULL);
	const struct dep_words words = {.environment = place, .record = record};
	int32_t answer = FB_OK;

	if (dep_script(d, dep_of(d, dep_list_pip, dep_list_npm), &words, NULL)) {
		d->h->fail(d->call, "environment %s was made from its frozen pins, but is not what they say: %s", place, d->line);
		answer = FB_FAIL;
	}
	free(record);
	return answer;
}

int32_t dep_rehearse(struct dep *d, const char *release)
{
	const struct dep_words none = {0};
	struct dep_words words = none;
	char *place, why[DEP_LINE];
	int32_t answer;

	if (!d->call->scratch) {
		snprintf(d->line, sizeof d->line, "this plugin's sandbox has no scratch folder: set scratch = true");
		return FB_FAIL;
	}
	place = join(d->call->scratch, "/rehearsal.", d->call->service);
	answer = build(d, release, true, place);
	if (answer == FB_OK)
		answer = compare(d, release, place);
	memcpy(why, d->line, sizeof why);
	words.environment = place;
	if (dep_script(d, "rm -rf \"$E\"", &words, NULL))
		d->h->log(d->call, FB_LOG_WARNING, "%s could not be removed: %s", place, d->line);
	memcpy(d->line, why, sizeof why);
	free(place);
	return answer;
}

int32_t dep_make(struct dep *d, const char *release, bool frozen)
{
	char *place = dep_place(d, release), *making = own(d, "making.", release);
	bool recorded = false;
	int32_t answer = dep_act(d, "make", &recorded, "make environment %s%s", place, frozen ? " again, from its frozen pins" : "");

	if (answer != FB_OK) {
		answer = answer == FB_SKIP ? FB_OK : answer;
	} else {
		answer = make_folders(d) || mark(d, making) ? FB_FAIL : build(d, release, frozen, place);
		if (answer == FB_OK && frozen)
			answer = compare(d, release, place);
		if (answer == FB_OK)
			answer = test(d, release);
		if (answer == FB_OK)
			answer = seal(d, release);
		if (answer == FB_OK && unlink(making) && errno != ENOENT) {
			d->h->fail(d->call, "cannot remove %s: %s", making, strerror(errno));
			answer = FB_FAIL;
		}
		if (answer == FB_OK)
			answer = dep_acted(d, "make", recorded);
	}
	free(making);
	free(place);
	return answer;
}

int32_t dep_remove(struct dep *d, const char *release)
{
	char *place = dep_place(d, release), *making = own(d, "making.", release), *record = dep_record(d, release, NULL), *key = join("remove.", release, "");
	const struct dep_words words = {.environment = place, .record = record};
	bool recorded = false;
	int32_t answer = dep_act(d, key, &recorded, "remove environment %s", place);

	if (answer != FB_OK) {
		answer = answer == FB_SKIP ? FB_OK : answer;
	} else if (make_folders(d) || mark(d, making)) { /* half of it is none, if this is broken off */
		answer = FB_FAIL;
	} else if (dep_script(d, "rm -rf \"$E\" && { test -z \"$R\" || rm -f \"$R/sums\" \"$R/stats\"; }", &words, NULL)) {
		d->h->fail(d->call, "environment %s could not be removed: %s", place, d->line);
		answer = FB_FAIL;
	} else if (unlink(making)) {
		d->h->fail(d->call, "cannot remove %s: %s", making, strerror(errno));
		answer = FB_FAIL;
	} else {
		answer = dep_acted(d, key, recorded);
	}
	free(key);
	free(record);
	free(making);
	free(place);
	return answer;
}
