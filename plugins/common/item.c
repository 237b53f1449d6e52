/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw */
#endif
#include "plugins/common/item.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/common/run.h"

#define REFUSED 4 /* of a restore: the rest is done */
#define ABSENT 66 /* exit code: no such set, or item in it */
#define OPEN_FOLDERS 16

/* "failback-store put --set … --item …" */
static struct store_words begin(const struct fb_call *call, const char *command, const char *set)
{
	struct store_words w = {0};

	store_begin(&w, command);
	store_option(&w, "--set", set);
	store_option(&w, "--item", call->service);
	return w;
}

static void add(struct store_words *w, const struct store_words *more)
{
	for (size_t i = 0; more && i < more->n; i++)
		store_word(w, more->v[i]);
}

static int64_t number(const json_t *answer, const char *member)
{
	return json_integer_value(json_object_get(answer, member));
}

static void report(const struct fb_call *call, const char *member, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);

	if (!text || call->host->report(call, member, text))
		call->host->log(call, FB_LOG_WARNING, "'%s' could not be reported", member);
	free(text);
	json_decref(value);
}

int32_t item_state(const struct fb_call *call)
{
	report(call, "state", json_pack("{s:n, s:n, s:s}", "release", "target", "detail", "an item of a backup: it goes with its service"));
	return FB_OK;
}

static const char *item_name(const struct fb_call *call)
{
	const char *dot = strchr(call->service, '.');

	return dot ? dot + 1 : call->service;
}

#define OWN_SET "item.set" /* fact of an execution: the set that it has put the item into */

/* The set that was made while this release was live. */
static void set_key(const char *release, char *buf, size_t size)
{
	snprintf(buf, size, "set.%s", release ? release : "");
}

/* What is told of what was left out: never silently. */
static void warn(const struct fb_call *call, const json_t *answer)
{
	static const struct {
		const char *member, *text;
	} told[] = {{"changed", "changed while it was read: what is in the backup may be a mixture"}, {"skipped", "was left out"}};
	const json_t *one;
	size_t i;

	for (size_t k = 0; k < sizeof told / sizeof *told; k++)
		json_array_foreach(json_object_get(answer, told[k].member), i, one) {
			const char *path = json_string_value(json_is_object(one) ? json_object_get(one, "path") : one), *why = json_string_value(json_object_get(one, "why"));

			call->host->log(call, FB_LOG_WARNING, "%s %s%s%s", path ? path : "?", told[k].text, why ? ": " : "", why ? why : "");
		}
}

static int32_t captured(const struct fb_call *call, const char *kind, const json_t *answer, bool record)
{
	int64_t least = call->host->option_int(call, "min_size", 0);
	char key[256];

	warn(call, answer);
	if (number(answer, "size") < least) {
		call->host->fail(call, "the backup of %s has %lld bytes, and min_size is %lld: look at why there is so little", call->service, (long long)number(answer, "size"),
				 (long long)least);
		return FB_FAIL;
	}
	report(call, "items", json_pack("[{s:s, s:s, s:O?, s:O?, s:b}]", "item", item_name(call), "kind", kind, "size", json_object_get(answer, "size"), "encrypted",
					json_object_get(answer, "encrypted"), "stored", 1));
	set_key(call->last_good, key, sizeof key);
	if ((record && call->host->acted(call, "put", NULL)) || call->host->fact_set(call, FB_SCOPE_SERVICE, key, call->execution) ||
	    call->host->fact_set(call, FB_SCOPE_OWN, OWN_SET, call->execution)) {
		call->host->fail(call, "the backup of %s was made, but could not be recorded", call->service);
		return FB_FAIL;
	}
	return FB_OK;
}

/* Is it in the sealed set? What an engine that died had put into one that was not sealed is gone. */
static bool is_kept(const struct fb_call *call)
{
	struct store_words w = begin(call, "show", call->execution);
	char line[STORE_LINE];
	int code;

	json_decref(store_ask(call, &w, &code, line));
	return code == 0;
}

int32_t item_capture(const struct fb_call *call, const char *kind, const char *what, const struct store_words *content)
{
	const struct fb_host *h = call->host;
	struct store_words w = begin(call, "put", call->execution);
	char text[STORE_LINE], line[STORE_LINE];
	int32_t answer;
	json_t *said;
	int code;

	store_option(&w, "--kind", kind);
	store_option(&w, "--source", what);
	if (call->last_good) {
		snprintf(text, sizeof text, "release=%s", call->last_good);
		store_option(&w, "--meta", text);
	}
	if (h->option_int(call, "secret", 0))
		store_word(&w, "--secret");
	add(&w, content);
	w.environment = content->environment;
	w.timeout_ms = content->timeout_ms;
	snprintf(text, sizeof text, "back up %s", what);
	answer = h->act(call, "put", FB_REPEAT_IDEMPOTENT, text);
	if ((answer != FB_ACT_DO && answer != FB_ACT_DONE) || (answer == FB_ACT_DONE && is_kept(call))) {
		store_words_clear(&w);
		return answer == FB_ACT_NO ? FB_RETRY : FB_OK;
	}
	said = store_ask(call, &w, &code, line);
	if (code == 0 && said) {
		answer = captured(call, kind, said, answer == FB_ACT_DO);
	} else {
		h->fail(call, "%s could not be backed up: %s", what, line);
		answer = FB_FAIL;
	}
	json_decref(said);
	return answer;
}

/* ---- its place in the scratch folder ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	return (kind == FTW_DP ? rmdir : unlink)(path) && kind != FTW_DNR ? -1 : 0;
}

static void remove_all(const char *path)
{
	nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

char *item_place(const struct fb_call *call, const char *name)
{
	char path[4200];

	if (!call->scratch) {
		call->host->fail(call, "%s needs a scratch folder, and this plugin's sandbox has none: set scratch = true", call->service);
		return NULL;
	}
	snprintf(path, sizeof path, "%s/%s.%s", call->scratch, call->service, name);
	remove_all(path);
	return run_copy(path);
}

void item_clear(char *place)
{
	if (place)
		remove_all(place);
	free(place);
}

/* ---- proof ---- */

static void add_digest(const struct fb_call *call, struct store_words *w)
{
	store_option(w, "--digest", call->host->fact(call, FB_SCOPE_EXECUTION, "backup.digest"));
}

/* A problem that an answer tells of, in its words. */
static const char *first_problem(const json_t *answer)
{
	const json_t *item = json_array_get(json_object_get(answer, "items"), 0);

	return json_string_value(json_object_get(json_array_get(json_object_get(item, "problems"), 0), "text"));
}

static int32_t read_back(const struct fb_call *call, double *ret_seconds)
{
	struct store_words w = begin(call, "verify", call->execution);
	const char *problem;
	char line[STORE_LINE];
	json_t *said;
	int code;

	add_digest(call, &w);
	said = store_ask(call, &w, &code, line);
	problem = first_problem(said);
	*ret_seconds = json_number_value(json_object_get(said, "seconds"));
	if (code || !json_is_true(json_object_get(said, "good")))
		call->host->fail(call, "the backup of %s cannot be relied on: %s", call->service, problem ? problem : line);
	else
		problem = line;
	code = code || !json_is_true(json_object_get(said, "good"));
	json_decref(said);
	return code ? FB_FAIL : FB_OK;
}

/* Gives it into the scratch folder, then asks what another restore there would change: nothing. */
static int32_t restore_apart(const struct fb_call *call, const char *place, double *ret_seconds)
{
	int code = 0, different = 0;
	char line[STORE_LINE];
	json_t *said = NULL;

	for (int round = 0; round < 2 && !code; round++) {
		struct store_words w = begin(call, "restore", call->execution);

		add_digest(call, &w);
		store_option(&w, "--to", place);
		if (round)
			store_word(&w, "--dry-run");
		json_decref(said);
		said = store_ask(call, &w, &code, line);
		if (!round)
			*ret_seconds = json_number_value(json_object_get(said, "seconds"));
		code = code || !said;
	}
	different = !code && number(said, "created") + number(said, "replaced") + number(said, "metadata") + number(said, "refused_found");
	if (code)
		call->host->fail(call, "the backup of %s cannot be relied on: it could not be restored into a scratch place: %s", call->service, line);
	else if (different)
		call->host->fail(call, "the backup of %s cannot be relied on: what was restored into a scratch place differs from it", call->service);
	json_decref(said);
	return code || different ? FB_FAIL : FB_OK;
}

int32_t item_prove(const struct fb_call *call)
{
	return item_prove_with(call, NULL);
}

int32_t item_prove_with(const struct fb_call *call, item_look_fn look)
{
	const char *how = call->host->option(call, "verify");
	bool restores = how && !strcmp(how, "restore");
	char *place = NULL;
	double seconds = 0;
	int32_t answer;

	if (call->flags & FB_CALL_DRY_RUN)
		return FB_OK;
	if (restores && !call->scratch) {
		call->host->fail(call, "verify = \"restore\" needs a scratch folder, and this plugin's sandbox has none");
		return FB_FATAL;
	}
	if (restores)
		place = item_place(call, "proof");
	answer = restores ? restore_apart(call, place, &seconds) : read_back(call, &seconds);
	if (answer == FB_OK && look)
		answer = look(call, place);
	item_clear(place);
	if (answer == FB_OK)
		report(call, "items", json_pack("[{s:s, s:f, s:s}]", "item", item_name(call), "seconds", seconds, "proven_by", restores ? "restore" : "read"));
	return answer;
}

/* ---- restore ---- */

/* What phase give-back was told by a person, of this execution; NULL: it is no such execution. */
static const char *asked_set(const struct fb_call *call)
{
	return call->host->fact(call, FB_SCOPE_EXECUTION, ITEM_SET);
}

char *item_set(const struct fb_call *call)
{
	const char *release = call->release ? call->release : call->last_good, *set = asked_set(call);
	char key[256];

	if (set && !(call->flags & FB_CALL_RECOVERY))
		return run_copy(set);
	if (set && call->host->fact(call, FB_SCOPE_OWN, OWN_SET)) /* what a person asked for has failed: back to how it was before */
		return run_copy(call->execution);
	set_key(release, key, sizeof key);
	set = call->host->fact(call, FB_SCOPE_SERVICE, key);
	if (!set)
		call->host->fail(call, "there is no backup of %s from when release %s was live: it is left as it is; look at 'failback backup list'", call->service,
				 release ? release : "(none)");
	return run_copy(set);
}

static void advise(const struct fb_call *call, const char *set)
{
	char command[STORE_LINE];

	snprintf(command, sizeof command, "failback backup restore %s --item %s --to DIR", set, call->service);
	call->host->advise(call, "look at what the backup has, in a place of its own", command);
}

static int32_t restored(const struct fb_call *call, const char *what, const char *set, const json_t *said, int code, const char *line)
{
	const json_t *refused = json_array_get(json_object_get(said, "refused"), 0);
	const char *path = json_string_value(json_object_get(refused, "path")), *why = json_string_value(json_object_get(refused, "why"));

	if (code == 0 && said) {
		call->host->log(call, FB_LOG_INFO, "%s: %lld created, %lld replaced, %lld deleted, %lld with other attributes, %lld as they were", what, (long long)number(said, "created"),
				(long long)number(said, "replaced"), (long long)number(said, "deleted"), (long long)number(said, "metadata"), (long long)number(said, "same"));
		return FB_OK;
	}
	if (code == REFUSED && path)
		call->host->fail(call, "%s came back but for %lld that could not be put there safely, such as %s: %s", what, (long long)number(said, "refused_found"), path, why ? why : "?");
	else if (code == ABSENT) /* pruned, for one: facts outlive sets */
		call->host->fail(call, "%s is left as it is: the store has no set %s any more, or not this item in it: %s; look at 'failback backup list' for one that is left, and give it back with "
				 "'failback backup restore'", what, set, line);
	else
		call->host->fail(call, "%s could not be brought back from set %s: %s", what, set, line);
	if (code != ABSENT)
		advise(call, set);
	return FB_FAIL;
}

int32_t item_given(const struct fb_call *call, const char *set)
{
	char key[256];

	if (!asked_set(call))
		return FB_OK;
	set_key(call->last_good, key, sizeof key);
	if (!call->host->fact_set(call, FB_SCOPE_SERVICE, key, set))
		return FB_OK;
	call->host->fail(call, "%s was given back from set %s, but it could not be recorded that this is what goes with release %s", call->service, set, call->last_good ? call->last_good : "(none)");
	return FB_RETRY;
}

bool item_stays(const struct fb_call *call, const char *what)
{
	const char *how = call->host->option(call, "on_rollback");

	if (!how || strcmp(how, "keep") || asked_set(call))
		return false;
	call->host->log(call, FB_LOG_INFO, "on_rollback = \"keep\": %s is left as it is", what);
	return true;
}

int item_give(const struct fb_call *call, const char *what, const char *set, const struct store_words *where)
{
	struct store_words w = begin(call, "restore", set);
	char line[STORE_LINE];
	int code;

	w.environment = where->environment;
	add(&w, where);
	json_decref(store_ask(call, &w, &code, line));
	if (!code)
		return 0;
	call->host->fail(call, "%s could not be brought back from set %s: %s", what, set, line);
	advise(call, set);
	return -1;
}

int32_t item_restore(const struct fb_call *call, const char *what, const struct store_words *more, bool *ret_written)
{
	char *set, line[STORE_LINE], text[STORE_LINE];
	struct store_words w;
	int32_t answer, asked;
	json_t *said;
	int code;

	if (ret_written)
		*ret_written = false;
	if (item_stays(call, what))
		return FB_SKIP;
	set = item_set(call);
	if (!set)
		return FB_FAIL;
	snprintf(text, sizeof text, "give back %s from set %s", what, set);
	answer = call->host->act(call, "restore", FB_REPEAT_IDEMPOTENT, text);
	if (answer != FB_ACT_DO && answer != FB_ACT_DONE) { /* done before: once more writes only what differs */
		free(set);
		return answer == FB_ACT_NO ? FB_RETRY : FB_OK;
	}
	asked = answer;
	w = begin(call, "restore", set);
	store_word(&w, "--in-place");
	add(&w, more);
	said = store_ask(call, &w, &code, line);
	answer = restored(call, what, set, said, code, line);
	if (ret_written)
		*ret_written = number(said, "created") + number(said, "replaced") + number(said, "deleted") + number(said, "metadata") > 0;
	json_decref(said);
	if (answer == FB_OK)
		answer = item_given(call, set);
	free(set);
	if (answer == FB_OK && asked == FB_ACT_DO && call->host->acted(call, "restore", NULL)) {
		call->host->fail(call, "%s was brought back, but that could not be recorded", what);
		return FB_FAIL;
	}
	return answer;
}

int32_t item_check(const struct fb_call *call)
{
	const char *const argv[] = {STORE_PROGRAM, "--version", NULL};
	const struct fb_command command = {.argv = argv};
	struct fb_command_result r = {0};

	if (!call->host->run(call, &command, &r) && !r.exit_code)
		return FB_OK;
	call->host->fail(call, "%s cannot be backed up: %s does not run: install the package failback-store, or put the program beside failback-host", call->service, STORE_PROGRAM);
	return FB_FATAL;
}
