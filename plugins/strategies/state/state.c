/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy state: artifacts, workflow state and metrics in files, as an item of a backup. Captured at one moment and only when it is sound; given back while the
 * service is stopped, with what was there put aside. A service that was stopped is started, by whoever goes on with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plugins/strategies/state/state.h"

#define STOPPED "stopped"   /* fact: "1" from before stop until after start */
#define QUIET "quiesced"    /* fact: "1" from before quiesce until after resume */
#define MOST_TRIES 3        /* of reading, while files change */
#define RESUME_MS 5000      /* of the call's time, kept for resume */

static const struct fb_option options[] = {
	{.name = "paths", .type = FB_TYPE_LIST, .flags = FB_OPTION_REQUIRED, .summary = "Files and folders, absolute"},
	{.name = "exclude", .type = FB_TYPE_LIST, .summary = "Patterns of what is left out: compared with the path below the folder when they have a slash, else with each name"},
	{.name = "delete", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "A restore also deletes what the backup does not have"},
	{.name = "rehash", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "Read every file, also those that look unchanged"},
	{.name = "check_command", .type = FB_TYPE_COMMAND, .summary = "Ends with 0 when the state is sound; run before it is captured, and after it was restored"},
	{.name = "unsound", .type = FB_TYPE_CHOICE, .default_value = "refuse", .choices = "refuse|warn", .summary = "When check_command fails before a capture: refuse, so that no unsound state is kept as good, or warn"},
	{.name = "quiesce", .type = FB_TYPE_COMMAND, .summary = "Run before the capture: the service writes nothing from its end on"},
	{.name = "resume", .type = FB_TYPE_COMMAND, .summary = "Run after the capture, also after one that failed: the service writes again"},
	{.name = "quiesce_timeout", .type = FB_TYPE_DURATION, .default_value = "30s", .unit = "s", .min = 1, .max = 3600000, .summary = "How long the service may be kept from writing; a capture that takes longer fails"},
	{.name = "changing", .type = FB_TYPE_CHOICE, .default_value = "refuse", .choices = "refuse|warn", .summary = "When files change while they are captured, also when it is tried again: refuse, or keep the mixture and warn"},
	{.name = "stop", .type = FB_TYPE_COMMAND, .summary = "Run before a restore changes anything: ends what writes the state"},
	{.name = "start", .type = FB_TYPE_COMMAND, .summary = "Run after a restore that is sound"},
	{.name = "clear", .type = FB_TYPE_LIST, .summary = "Patterns of files, absolute, such as /srv/shop/logs/*.log, which a restore moves aside"},
	{.name = "reset", .type = FB_TYPE_COMMAND, .summary = "Run after a restore, before start, such as what sets metrics to zero"},
	{.name = "keep_failed", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "Keep a copy of the state as it failed before it is overwritten"},
	{.name = "aside", .type = FB_TYPE_PATH, .summary = "The folder for what is kept and cleared; .failback-aside beside the first path when not set"},
	ITEM_OPTIONS("restore"),
	{0},
};

static bool is(const struct fb_call *call, const char *option, const char *value)
{
	const char *s = call->host->option(call, option);

	return s && !strcmp(s, value);
}

static bool is_on(const struct fb_call *call, const char *fact)
{
	const char *s = call->host->fact(call, FB_SCOPE_OWN, fact);

	return s && !strcmp(s, "1");
}

/* "/srv/shop/artifacts and 2 more" */
static const char *what(const struct fb_call *call, char *buf, size_t size)
{
	uint32_t n = call->host->option_count(call, "paths");
	const char *first = call->host->option(call, "paths[0]");

	if (n > 1)
		snprintf(buf, size, "%s and %u more", first, (unsigned)n - 1);
	else
		snprintf(buf, size, "%s", first ? first : "nothing");
	return buf;
}

/* ---- check ---- */

static int32_t check_list(const struct fb_call *call, const char *list)
{
	uint32_t n = call->host->option_count(call, list);

	for (uint32_t i = 0; i < n; i++) {
		char item[64];
		const char *s;

		snprintf(item, sizeof item, "%s[%u]", list, (unsigned)i);
		s = call->host->option(call, item);
		if (!s || *s != '/' || !s[1]) {
			call->host->fail(call, "%s: '%s' is not absolute: it does not begin with /, or is nothing but that", list, s ? s : "");
			return FB_FATAL;
		}
	}
	return FB_OK;
}

static int32_t check_pair(const struct fb_call *call, const char *one, const char *other)
{
	if (run_is_set(call, one) == run_is_set(call, other))
		return FB_OK;
	call->host->fail(call, "'%s' and '%s' belong together: one of them is not set", one, other);
	return FB_FATAL;
}

static int32_t check(const struct fb_call *call)
{
	int32_t answer = check_list(call, "paths");

	if (answer == FB_OK && !call->host->option_count(call, "paths")) {
		call->host->fail(call, "paths is empty: name the files and folders of the state");
		return FB_FATAL;
	}
	if (answer == FB_OK)
		answer = check_list(call, "clear");
	if (answer == FB_OK)
		answer = check_pair(call, "stop", "start");
	if (answer == FB_OK)
		answer = check_pair(call, "quiesce", "resume");
	if (answer == FB_OK)
		answer = state_aside_check(call);
	if (answer == FB_OK && !run_is_set(call, "check_command"))
		call->host->advise(call, "set 'check_command': without it a state that is corrupt already is kept as good", NULL);
	if (answer == FB_OK && !run_is_set(call, "stop"))
		call->host->advise(call, "set 'stop' and 'start': a service that writes while its state is restored spoils it", NULL);
	return answer == FB_OK ? item_check(call) : answer;
}

/* ---- capture ---- */

/* The option's command, in at most ms (0: the call's time). */
static int ask(const struct fb_call *call, const char *option, int64_t ms, char line[STORE_LINE])
{
	struct run_spec spec;
	int rc = 0;

	if (run_option(call, option, &spec)) {
		spec.command.timeout_ms = ms;
		rc = item_ask(call, &spec.command, NULL, line);
	}
	run_clear(&spec);
	return rc;
}

static int32_t check_sound(const struct fb_call *call)
{
	char line[STORE_LINE], buf[600];

	if (!run_is_set(call, "check_command") || call->flags & FB_CALL_DRY_RUN || !ask(call, "check_command", 0, line))
		return FB_OK;
	if (is(call, "unsound", "warn")) {
		call->host->log(call, FB_LOG_WARNING, "%s is not sound, and is backed up as it is: check_command failed: %s", what(call, buf, sizeof buf), line);
		return FB_OK;
	}
	call->host->fail(call, "%s is not sound, so it is not kept as good: check_command failed: %s. Mend it, or set unsound = \"warn\"", what(call, buf, sizeof buf), line);
	return FB_FAIL;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int32_t put(const struct fb_call *call, int64_t ms)
{
	struct store_words w = {0};
	int32_t answer;
	char buf[600];

	store_options(call, &w, "--tree", "paths");
	store_options(call, &w, "--exclude", "exclude");
	if (call->host->option_int(call, "rehash", 0))
		store_word(&w, "--rehash");
	w.timeout_ms = ms;
	answer = item_capture(call, "state", what(call, buf, sizeof buf), &w);
	store_words_clear(&w);
	return answer;
}

/* until: when the service must be able to write again; 0: it was not kept from it. */
static int32_t put_one_moment(const struct fb_call *call, int64_t until)
{
	struct state_moment before, after;
	char line[STORE_LINE], buf[600];
	int32_t answer;

	for (int i = 1;; i++) {
		int64_t left = until ? until - now_ms() : 0;

		if ((until && left <= 0) || state_moment(call, &before, line)) {
			call->host->fail(call, "%s could not be backed up: %s", what(call, buf, sizeof buf), until && left <= 0 ? "quiesce_timeout was over" : line);
			return FB_FAIL;
		}
		answer = put(call, left);
		if (answer != FB_OK || call->flags & FB_CALL_DRY_RUN)
			return answer;
		if (state_moment(call, &after, line)) {
			call->host->fail(call, "%s could not be backed up: %s", what(call, buf, sizeof buf), line);
			return FB_FAIL;
		}
		if (before.sum == after.sum && before.files == after.files)
			return FB_OK;
		if (i >= MOST_TRIES || call->host->remaining_ms(call) < RESUME_MS)
			break;
	}
	if (is(call, "changing", "warn")) {
		call->host->log(call, FB_LOG_WARNING, "%s changed while it was read: what is in the backup may be a mixture", what(call, buf, sizeof buf));
		return FB_OK;
	}
	call->host->fail(call, "%s changed each time it was read, so what was read is not of one moment%s: %s, leave out what changes with 'exclude', or set changing = \"warn\"", what(call, buf, sizeof buf),
			 until ? ", though the service was kept from writing" : "", until ? "look at what 'quiesce' does" : "set 'quiesce' and 'resume'");
	return FB_FAIL;
}

static int32_t resume(const struct fb_call *call)
{
	char line[STORE_LINE];

	if (!ask(call, "resume", 0, line)) {
		if (call->host->fact_set(call, FB_SCOPE_OWN, QUIET, "0"))
			call->host->log(call, FB_LOG_WARNING, "that %s writes again could not be recorded", call->service);
		return FB_OK;
	}
	call->host->fail(call, "%s may still be kept from writing: 'resume' failed: %s. Run it by hand", call->service, line);
	return FB_FAIL;
}

static int32_t put_quietly(const struct fb_call *call)
{
	int64_t ms = call->host->option_int(call, "quiesce_timeout", 30000), left = call->host->remaining_ms(call) - RESUME_MS, until;
	char line[STORE_LINE], text[200];
	int32_t answer, again;

	snprintf(text, sizeof text, "keep %s from writing while its state is read", call->service);
	answer = call->host->act(call, "quiesce", FB_REPEAT_IDEMPOTENT, text);
	if (answer == FB_ACT_DRY)
		return put_one_moment(call, 0);
	if (answer != FB_ACT_DO && answer != FB_ACT_DONE)
		return FB_RETRY;
	ms = ms < left ? ms : left;
	if (ms <= 0 || call->host->fact_set(call, FB_SCOPE_OWN, QUIET, "1")) {
		call->host->fail(call, "%s was not kept from writing, for %s", call->service, ms <= 0 ? "there is no time left to let it write again" : "that could not be recorded");
		return FB_FAIL;
	}
	until = now_ms() + ms;
	again = answer;
	if (ask(call, "quiesce", ms, line)) {
		call->host->fail(call, "%s could not be kept from writing, so its state was not read: 'quiesce' failed: %s", call->service, line);
		answer = FB_FAIL;
	} else {
		answer = put_one_moment(call, until);
	}
	if (resume(call) != FB_OK)
		return FB_FAIL;
	if (answer == FB_OK && again == FB_ACT_DO && call->host->acted(call, "quiesce", NULL)) {
		call->host->fail(call, "the backup of %s was made, but could not be recorded", call->service);
		return FB_RETRY;
	}
	return answer;
}

static int32_t capture(const struct fb_call *call)
{
	int32_t answer = check_sound(call);

	if (answer != FB_OK)
		return answer;
	return run_is_set(call, "quiesce") ? put_quietly(call) : put_one_moment(call, 0);
}

/* ---- restore ---- */

/* Would a restore change anything? In doubt it would. */
static bool differs(const struct fb_call *call, const char *set)
{
	static const char *const counts[] = {"created", "replaced", "deleted", "metadata", "refused_found"};
	struct store_words w = {0};
	char line[STORE_LINE];
	bool ret = false;
	json_t *said;
	int code;

	store_begin(&w, "restore");
	store_option(&w, "--set", set);
	store_option(&w, "--item", call->service);
	store_word(&w, "--in-place");
	store_word(&w, "--dry-run");
	if (call->host->option_int(call, "delete", 1))
		store_word(&w, "--delete");
	said = store_ask(call, &w, &code, line);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		ret = ret || json_integer_value(json_object_get(said, counts[i])) > 0;
	ret = ret || code || !said;
	json_decref(said);
	return ret;
}

static int32_t give(const struct fb_call *call)
{
	struct store_words more = {0};
	int32_t answer;
	char buf[600];

	answer = state_keep(call);
	if (answer == FB_OK)
		answer = state_clear(call);
	if (answer != FB_OK)
		return answer;
	if (call->host->option_int(call, "delete", 1))
		store_word(&more, "--delete");
	answer = item_restore(call, what(call, buf, sizeof buf), &more, NULL);
	store_words_clear(&more);
	return answer;
}

/* Whoever finds the service stopped needs to know how it is started. */
static void advise_start(const struct fb_call *call, const char *why)
{
	char command[1000];
	struct run_spec spec;

	if (run_option(call, "start", &spec))
		call->host->advise(call, why, run_show(&spec, command, sizeof command));
	run_clear(&spec);
}

static int32_t finish(const struct fb_call *call)
{
	char line[STORE_LINE], buf[600];
	int32_t answer;

	if (!(call->flags & FB_CALL_DRY_RUN) && run_is_set(call, "check_command") && ask(call, "check_command", 0, line)) {
		call->host->fail(call, "%s was restored, but is not sound: check_command failed: %s%s", what(call, buf, sizeof buf), line, run_is_set(call, "start") ? "; the service was left stopped" : "");
		advise_start(call, "start the service when its state is sound");
		return FB_FAIL;
	}
	answer = item_command(call, "reset", "the state is back, but reset failed");
	if (answer != FB_OK) {
		advise_start(call, "start the service, which was left stopped");
		return answer;
	}
	answer = item_command(call, "start", "the state is back, but start failed");
	if (answer == FB_OK && !(call->flags & FB_CALL_DRY_RUN) && is_on(call, STOPPED) && call->host->fact_set(call, FB_SCOPE_OWN, STOPPED, "0"))
		call->host->log(call, FB_LOG_WARNING, "that %s was started could not be recorded", call->service);
	return answer;
}

static int32_t stop(const struct fb_call *call)
{
	if (!run_is_set(call, "stop"))
		return FB_OK;
	if (!(call->flags & FB_CALL_DRY_RUN) && call->host->fact_set(call, FB_SCOPE_OWN, STOPPED, "1")) {
		call->host->fail(call, "%s was not stopped, for that could not be recorded, and whoever goes on would not know to start it", call->service);
		return FB_FAIL;
	}
	return item_command(call, "stop", "the state is as it was, for what writes it could not be stopped");
}

static int32_t restore(const struct fb_call *call)
{
	int32_t answer;
	char *set, buf[600];

	if (is_on(call, QUIET) && !(call->flags & FB_CALL_DRY_RUN) && resume(call) != FB_OK)
		return FB_FAIL;
	if (item_stays(call, what(call, buf, sizeof buf)))
		return FB_SKIP;
	set = item_set(call);
	if (!set)
		return FB_FAIL;
	if (!is_on(call, STOPPED) && !(call->flags & (FB_CALL_RESUMED | FB_CALL_DRY_RUN)) && !differs(call, set)) {
		call->host->log(call, FB_LOG_INFO, "%s is as it was: nothing is stopped or restored", what(call, buf, sizeof buf));
		free(set);
		return FB_SKIP;
	}
	free(set);
	answer = stop(call);
	if (answer != FB_OK)
		return answer;
	answer = give(call);
	if (answer == FB_OK)
		return finish(call);
	if (run_is_set(call, "start"))
		advise_start(call, "start the service, which was left stopped, for its state is not what it was");
	return answer;
}

static const struct fb_strategy_ops ops = {.check = check, .state = item_state, .capture = capture, .prove = item_prove, .restore = restore};

FB_PLUGIN(STRATEGY, .name = "state", .version = "0.1.0", .summary = "Backs up the state of a service in files when it is sound, and gives it back while the service is stopped",
	  .license = "Apache-2.0", .options = options, .strategy = &ops)
