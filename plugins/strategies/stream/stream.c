/* SPDX-License-Identifier: Apache-2.0 */
/* strategy stream: what a command prints, as an item of a backup; another command takes it back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/item.h"
#include "plugins/common/run.h"

static const struct fb_option options[] = {
	{.name = "capture", .type = FB_TYPE_COMMAND, .flags = FB_OPTION_REQUIRED, .summary = "Prints what is to be kept, and ends with 0 when that is all of it"},
	{.name = "restore", .type = FB_TYPE_COMMAND, .summary = "Gets it on its standard input, and puts it back; must converge, for it may run again"},
	{.name = "prove", .type = FB_TYPE_COMMAND, .summary = "With verify = \"restore\": gets it on its standard input, and ends with 0 when it could be put back"},
	{.name = "version", .type = FB_TYPE_COMMAND, .summary = "Prints the version of the tool; its last line is kept with the backup"},
	{.name = "min_size", .type = FB_TYPE_SIZE, .default_value = "1", .unit = "bytes", .summary = "A backup with less than that is refused"},
	{.name = "environment", .type = FB_TYPE_MAP, .summary = "Variables for the commands"},
	{.name = "secret_environment", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "Variables whose values are secret"},
	ITEM_OPTIONS("keep"),
	{0},
};

static bool is(const struct fb_call *call, const char *option, const char *value)
{
	const char *s = call->host->option(call, option);

	return s && !strcmp(s, value);
}

/* The words "--command -- PROGRAM ARGUMENT ..." of the command in an option, and its environment, which is freed with *ret_spec. */
static bool add_command(const struct fb_call *call, const char *option, struct store_words *w, struct run_spec *ret_spec)
{
	bool set = run_option(call, option, ret_spec);

	run_add_map(call, ret_spec, "environment");
	run_add_map(call, ret_spec, "secret_environment");
	w->environment = ret_spec->command.environment;
	store_word(w, "--command");
	store_word(w, "--");
	if (ret_spec->shell) {
		store_word(w, "/bin/sh");
		store_word(w, "-c");
		store_word(w, ret_spec->shell);
	}
	for (char **p = ret_spec->argv; p && *p; p++)
		store_word(w, *p);
	return set;
}

static void add_version(const struct fb_call *call, struct store_words *w)
{
	char line[STORE_LINE], text[STORE_LINE], *output;
	struct run_spec spec;

	if (!run_option(call, "version", &spec) || call->flags & FB_CALL_DRY_RUN) {
		run_clear(&spec);
		return;
	}
	run_add_map(call, &spec, "environment");
	run_add_map(call, &spec, "secret_environment");
	if (item_ask(call, &spec.command, &output, line)) {
		call->host->log(call, FB_LOG_WARNING, "the version of the tool that captures %s is not known: 'version' ended with %s", call->service, line);
	} else {
		char last[300];

		snprintf(text, sizeof text, "tool=%s", run_line(output, output ? strlen(output) : 0, last, sizeof last));
		store_option(w, "--meta", text);
	}
	free(output);
	run_clear(&spec);
}

static const char *what(const struct fb_call *call, char *buf, size_t size)
{
	struct run_spec spec;
	char shown[400];

	run_option(call, "capture", &spec);
	snprintf(buf, size, "the output of '%s'", run_show(&spec, shown, sizeof shown));
	run_clear(&spec);
	return buf;
}

static int32_t check(const struct fb_call *call)
{
	if (is(call, "on_rollback", "restore") && !run_is_set(call, "restore")) {
		call->host->fail(call, "on_rollback is \"restore\", but there is no command that puts %s back: set 'restore', or on_rollback = \"keep\"", call->service);
		return FB_FATAL;
	}
	if (run_is_set(call, "prove") && !is(call, "verify", "restore")) {
		call->host->fail(call, "'prove' is set, but verify is \"read\": it runs with verify = \"restore\" only");
		return FB_FATAL;
	}
	if (!run_is_set(call, "restore"))
		call->host->advise(call, "set 'restore': without it people have to find out how what 'capture' printed is put back", NULL);
	return item_check(call);
}

static int32_t capture(const struct fb_call *call)
{
	struct store_words w = {0};
	struct run_spec spec;
	int32_t answer;
	char buf[600];

	add_version(call, &w);
	add_command(call, "capture", &w, &spec);
	answer = item_capture(call, "stream", what(call, buf, sizeof buf), &w);
	store_words_clear(&w);
	run_clear(&spec);
	return answer;
}

static int32_t look(const struct fb_call *call, const char *place)
{
	struct store_words w = {0};
	struct run_spec spec;
	int32_t answer = FB_OK;
	char buf[600];

	if (!place || !run_is_set(call, "prove"))
		return FB_OK;
	store_option(&w, "--digest", call->host->fact(call, FB_SCOPE_EXECUTION, "backup.digest"));
	add_command(call, "prove", &w, &spec);
	if (item_give(call, what(call, buf, sizeof buf), call->execution, &w))
		answer = FB_FAIL;
	store_words_clear(&w);
	run_clear(&spec);
	return answer;
}

static int32_t prove(const struct fb_call *call)
{
	return item_prove_with(call, look);
}

static int32_t give(const struct fb_call *call, void *ctx)
{
	struct store_words w = {0};
	struct run_spec spec;
	int32_t answer;
	char buf[600];

	add_command(call, "restore", &w, &spec);
	answer = item_give(call, what(call, buf, sizeof buf), ctx, &w) ? FB_FAIL : FB_OK;
	store_words_clear(&w);
	run_clear(&spec);
	return answer;
}

static int32_t restore(const struct fb_call *call)
{
	char buf[600], text[STORE_LINE + 100], *set;
	int32_t answer;

	if (item_stays(call, what(call, buf, sizeof buf)))
		return FB_SKIP;
	set = item_set(call);
	if (!set)
		return FB_FAIL;
	snprintf(text, sizeof text, "put back %s from set %s with 'restore'", buf, set);
	answer = item_act(call, "restore", text, true, give, set);
	if (answer == FB_OK && !(call->flags & FB_CALL_DRY_RUN))
		answer = item_given(call, set);
	free(set);
	return answer;
}

static const struct fb_strategy_ops ops = {.check = check, .state = item_state, .capture = capture, .prove = prove, .restore = restore};

FB_PLUGIN(STRATEGY, .name = "stream", .version = "0.1.0", .summary = "Backs up what a command prints, and gives it to another that puts it back", .license = "Apache-2.0",
	  .options = options, .strategy = &ops)
