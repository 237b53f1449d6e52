/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/item.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/run.h"

#define PROGRAM "failback-store"
#define REFUSED 4 /* of a restore: the rest is done */
#define LINE 600

/* ---- words ---- */

void item_word(struct item_words *w, const char *text)
{
	w->v = realloc(w->v, (w->n + 2) * sizeof *w->v);
	if (!w->v)
		abort();
	w->v[w->n++] = run_copy(text);
	w->v[w->n] = NULL;
}

void item_option(struct item_words *w, const char *option, const char *value)
{
	if (!value)
		return;
	item_word(w, option);
	item_word(w, value);
}

void item_options(const struct fb_call *call, struct item_words *w, const char *option, const char *list)
{
	uint32_t n = call->host->option_count(call, list);
	char path[96];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s[%u]", list, (unsigned)i);
		item_option(w, option, call->host->option(call, path));
	}
}

void item_words_clear(struct item_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
	*w = (struct item_words){0};
}

/* "failback-store put --set … --item …" */
static struct item_words begin(const struct fb_call *call, const char *command, const char *set)
{
	struct item_words w = {0};

	item_word(&w, PROGRAM);
	item_word(&w, "--brief");
	item_word(&w, command);
	item_option(&w, "--set", set);
	item_option(&w, "--item", call->service);
	return w;
}

static void add(struct item_words *w, const struct item_words *more)
{
	for (size_t i = 0; more && i < more->n; i++)
		item_word(w, more->v[i]);
}

/* ---- running it ---- */

/* Runs and clears the words. The answer that it printed, or NULL; *ret_code is its exit code, and `line` what it said last. */
static json_t *ask(const struct fb_call *call, struct item_words *w, int *ret_code, char line[LINE])
{
	const struct fb_command command = {.argv = (const char *const *)w->v};
	struct fb_command_result r = {0};
	json_t *answer = NULL;
	char how[LINE / 2], text[LINE / 2];
	int rc = call->host->run(call, &command, &r);

	item_words_clear(w);
	if (rc) {
		*ret_code = 127;
		snprintf(line, LINE, "%s could not be started: install the package failback-store, or put the program beside failback-host", PROGRAM);
		return NULL;
	}
	*ret_code = r.exit_code;
	/* one document, after whatever warnings came before it */
	for (const char *p = r.output; p && !answer; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (*p == '{')
			answer = json_loadb(p, r.output_size - (size_t)(p - r.output), JSON_DISABLE_EOF_CHECK, NULL);
	snprintf(line, LINE, "%s%s", run_outcome(&r, how, sizeof how), run_line_after(&r, text, sizeof text));
	return answer;
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

static const char *item_name(const struct fb_call *call)
{
	const char *dot = strchr(call->service, '.');

	return dot ? dot + 1 : call->service;
}

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

static int32_t captured(const struct fb_call *call, const char *kind, const json_t *answer)
{
	char key[256];

	warn(call, answer);
	report(call, "items", json_pack("[{s:s, s:s, s:O?, s:O?, s:b}]", "item", item_name(call), "kind", kind, "size", json_object_get(answer, "size"), "encrypted",
					json_object_get(answer, "encrypted"), "stored", 1));
	set_key(call->last_good, key, sizeof key);
	if (call->host->acted(call, "put", NULL) || call->host->fact_set(call, FB_SCOPE_SERVICE, key, call->execution)) {
		call->host->fail(call, "the backup of %s was made, but could not be recorded", call->service);
		return FB_FAIL;
	}
	return FB_OK;
}

int32_t item_capture(const struct fb_call *call, const char *kind, const char *what, const struct item_words *content)
{
	const struct fb_host *h = call->host;
	struct item_words w = begin(call, "put", call->execution);
	char text[LINE], line[LINE];
	int32_t answer;
	json_t *said;
	int code;

	item_option(&w, "--kind", kind);
	item_option(&w, "--source", what);
	item_option(&w, "--meta", NULL);
	if (call->last_good) {
		snprintf(text, sizeof text, "release=%s", call->last_good);
		item_option(&w, "--meta", text);
	}
	if (h->option_int(call, "secret", 0))
		item_word(&w, "--secret");
	add(&w, content);
	snprintf(text, sizeof text, "back up %s", what);
	answer = h->act(call, "put", FB_REPEAT_IDEMPOTENT, text);
	if (answer != FB_ACT_DO) {
		item_words_clear(&w);
		return answer == FB_ACT_NO ? FB_RETRY : FB_OK;
	}
	said = ask(call, &w, &code, line);
	if (code == 0 && said) {
		answer = captured(call, kind, said);
	} else {
		h->fail(call, "%s could not be backed up: %s", what, line);
		answer = FB_FAIL;
	}
	json_decref(said);
	return answer;
}

/* ---- proof ---- */

static void add_digest(const struct fb_call *call, struct item_words *w)
{
	item_option(w, "--digest", call->host->fact(call, FB_SCOPE_EXECUTION, "backup.digest"));
}

/* A problem that an answer tells of, in its words. */
static const char *first_problem(const json_t *answer)
{
	const json_t *item = json_array_get(json_object_get(answer, "items"), 0);

	return json_string_value(json_object_get(json_array_get(json_object_get(item, "problems"), 0), "text"));
}

static int32_t read_back(const struct fb_call *call, double *ret_seconds)
{
	struct item_words w = begin(call, "verify", call->execution);
	const char *problem;
	char line[LINE];
	json_t *said;
	int code;

	add_digest(call, &w);
	said = ask(call, &w, &code, line);
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
static int32_t restore_apart(const struct fb_call *call, double *ret_seconds)
{
	char *place = NULL, line[LINE];
	int code = 0, different = 0;
	json_t *said = NULL;

	if (asprintf(&place, "%s/proof", call->scratch) < 0)
		abort();
	for (int round = 0; round < 2 && !code; round++) {
		struct item_words w = begin(call, "restore", call->execution);

		add_digest(call, &w);
		item_option(&w, "--to", place);
		if (round)
			item_word(&w, "--dry-run");
		json_decref(said);
		said = ask(call, &w, &code, line);
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
	free(place);
	return code || different ? FB_FAIL : FB_OK;
}

int32_t item_prove(const struct fb_call *call)
{
	const char *how = call->host->option(call, "verify");
	bool restores = how && !strcmp(how, "restore");
	double seconds = 0;
	int32_t answer;

	if (call->flags & FB_CALL_DRY_RUN)
		return FB_OK;
	if (restores && !call->scratch) {
		call->host->fail(call, "verify = \"restore\" needs a scratch folder, and this plugin's sandbox has none");
		return FB_FATAL;
	}
	answer = restores ? restore_apart(call, &seconds) : read_back(call, &seconds);
	if (answer == FB_OK)
		report(call, "items", json_pack("[{s:s, s:f, s:s}]", "item", item_name(call), "seconds", seconds, "proven_by", restores ? "restore" : "read"));
	return answer;
}

/* ---- restore ---- */

char *item_set(const struct fb_call *call)
{
	const char *release = call->release ? call->release : call->last_good, *set;
	char key[256];

	set_key(release, key, sizeof key);
	set = call->host->fact(call, FB_SCOPE_SERVICE, key);
	if (!set)
		call->host->fail(call, "there is no backup of %s from when release %s was live: it is left as it is; look at 'failback backup list'", call->service,
				 release ? release : "(none)");
	return run_copy(set);
}

static void advise(const struct fb_call *call, const char *set)
{
	char command[LINE];

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
	else
		call->host->fail(call, "%s could not be brought back from set %s: %s", what, set, line);
	advise(call, set);
	return FB_FAIL;
}

int32_t item_restore(const struct fb_call *call, const char *what, const struct item_words *more, bool *ret_written)
{
	const char *how = call->host->option(call, "on_rollback");
	char *set, line[LINE], text[LINE];
	struct item_words w;
	int32_t answer;
	json_t *said;
	int code;

	if (ret_written)
		*ret_written = false;
	if (how && !strcmp(how, "keep")) {
		call->host->log(call, FB_LOG_INFO, "on_rollback = \"keep\": %s is left as it is", what);
		return FB_SKIP;
	}
	set = item_set(call);
	if (!set)
		return FB_FAIL;
	snprintf(text, sizeof text, "give back %s from set %s", what, set);
	answer = call->host->act(call, "restore", FB_REPEAT_IDEMPOTENT, text);
	if (answer != FB_ACT_DO) {
		free(set);
		return answer == FB_ACT_NO ? FB_RETRY : FB_OK;
	}
	w = begin(call, "restore", set);
	item_word(&w, "--in-place");
	add(&w, more);
	said = ask(call, &w, &code, line);
	answer = restored(call, what, set, said, code, line);
	if (ret_written)
		*ret_written = number(said, "created") + number(said, "replaced") + number(said, "deleted") + number(said, "metadata") > 0;
	json_decref(said);
	free(set);
	if (answer == FB_OK && call->host->acted(call, "restore", NULL)) {
		call->host->fail(call, "%s was brought back, but that could not be recorded", what);
		return FB_FAIL;
	}
	return answer;
}

int32_t item_check(const struct fb_call *call)
{
	struct item_words w = {0};
	char line[LINE];
	int code;

	item_word(&w, PROGRAM);
	item_word(&w, "--help");
	json_decref(ask(call, &w, &code, line));
	if (!code)
		return FB_OK;
	call->host->fail(call, "%s cannot be backed up: %s", call->service, line);
	return FB_FATAL;
}
