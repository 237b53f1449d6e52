/* SPDX-License-Identifier: Apache-2.0 */
/* Items of a backup whose kinds do more than name files: steps, commands, a restore of their own. Knows nothing of any kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/item.h"
#include "plugins/common/run.h"

int32_t item_act(const struct fb_call *call, const char *key, const char *text, bool done_is_done, item_step_fn step, void *ctx)
{
	int32_t asked = call->host->act(call, key, FB_REPEAT_IDEMPOTENT, text), answer;

	if (asked != FB_ACT_DO && (asked != FB_ACT_DONE || done_is_done))
		return asked == FB_ACT_NO ? FB_RETRY : FB_OK;
	answer = step(call, ctx);
	if (answer == FB_OK && asked == FB_ACT_DO && call->host->acted(call, key, NULL)) {
		call->host->fail(call, "this was done, but could not be recorded: %s", text);
		return FB_RETRY;
	}
	return answer;
}

struct own {
	const char *what, *set;
	item_step_fn step;
	void *ctx;
};

static int32_t give_own(const struct fb_call *call, void *ctx)
{
	struct store_words where = {0};
	const struct own *o = ctx;
	char *place = item_place(call, "restore");
	int32_t answer = FB_FAIL;
	int failed = -1;

	if (place) {
		store_option(&where, "--to", place);
		failed = item_give(call, o->what, o->set, &where);
		store_words_clear(&where);
	}
	if (!failed) {
		*(const char **)o->ctx = place;
		answer = o->step(call, o->ctx);
	}
	item_clear(place);
	return answer;
}

int32_t item_restore_by(const struct fb_call *call, const char *what, item_step_fn step, void *ctx)
{
	struct own o = {.what = what, .step = step, .ctx = ctx};
	char text[STORE_LINE], *set;
	int32_t answer;

	if (item_stays(call, what))
		return FB_SKIP;
	set = item_set(call);
	if (!set)
		return FB_FAIL;
	o.set = set;
	snprintf(text, sizeof text, "give back %s from set %s", what, set);
	answer = item_act(call, "restore", text, false, give_own, &o);
	if (answer == FB_OK && !(call->flags & FB_CALL_DRY_RUN))
		answer = item_given(call, set);
	free(set);
	return answer;
}

struct command {
	const char *option, *failed;
};

static int32_t run_it(const struct fb_call *call, void *ctx)
{
	const struct command *c = ctx;
	char line[STORE_LINE];
	struct run_spec spec;
	int32_t answer = FB_OK;

	if (run_option(call, c->option, &spec) && item_ask(call, &spec.command, NULL, line)) {
		call->host->fail(call, "%s: %s", c->failed, line);
		answer = FB_FAIL;
	}
	run_clear(&spec);
	return answer;
}

int32_t item_command(const struct fb_call *call, const char *option, const char *failed)
{
	struct command c = {.option = option, .failed = failed};
	char text[200];

	if (!run_is_set(call, option))
		return FB_OK;
	snprintf(text, sizeof text, "run %s of %s", option, call->service);
	return item_act(call, option, text, false, run_it, &c);
}

int item_ask(const struct fb_call *call, const struct fb_command *command, char **ret_output, char line[STORE_LINE])
{
	struct fb_command_result r = {0};
	char how[STORE_LINE / 2], text[STORE_LINE / 2];

	if (ret_output)
		*ret_output = NULL;
	if (call->host->run(call, command, &r)) {
		snprintf(line, STORE_LINE, "%s could not be started: is it installed, and in PATH?", command->argv ? command->argv[0] : "/bin/sh");
		return -1;
	}
	snprintf(line, STORE_LINE, "%s%s", run_outcome(&r, how, sizeof how), run_line_after(&r, text, sizeof text));
	if (ret_output) {
		size_t n = (size_t)r.output_size;

		while (n && (r.output[n - 1] == '\n' || r.output[n - 1] == '\r'))
			n--;
		*ret_output = strndup(r.output ? r.output : "", n);
		if (!*ret_output)
			abort();
	}
	return r.exit_code || r.signal || r.timed_out ? -1 : 0;
}
