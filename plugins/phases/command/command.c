/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phase command: a step that runs one command, and may name another that undoes it. The command is one action: it is recorded as intended before it
 * starts and as done when it has ended as expected. Values reach it through its environment only. Knows nothing of services or strategies.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "plugins/common/run.h"
#include "plugins/phases/command/facts.h"

static const struct fb_option options[] = {
	{.name = "run", .type = FB_TYPE_COMMAND, .flags = FB_OPTION_REQUIRED, .summary = "Command to run: a text for /bin/sh -c, or a list of words"},
	{.name = "undo", .type = FB_TYPE_COMMAND, .summary = "Command that undoes it"},
	{.name = "directory", .type = FB_TYPE_PATH, .summary = "Working directory; the root directory when not set"},
	{.name = "environment", .type = FB_TYPE_MAP, .summary = "Variables for the command"},
	{.name = "secret_environment", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "Variables whose values are secret"},
	{.name = "input", .type = FB_TYPE_STRING, .summary = "Text on its standard input"},
	{.name = "expect_exit", .type = FB_TYPE_INT, .default_value = "0", .min = 0, .max = 255, .summary = "Exit code that means done"},
	{.name = "repeat", .type = FB_TYPE_CHOICE, .default_value = "idempotent", .choices = "idempotent|once",
	 .summary = "idempotent: may run again when it failed or its outcome is unknown; once: never runs again"},
	{0},
};

static bool runs_once(const struct fb_call *call)
{
	const char *s = call->host->option(call, "repeat");

	return s && !strcmp(s, "once");
}

static void report_exit(const struct fb_call *call, const struct fb_command_result *r)
{
	char json[160], code[16] = "null", name[32], quoted[40] = "null";

	if (r->exit_code >= 0)
		snprintf(code, sizeof(code), "%d", (int)r->exit_code);
	if (r->signal)
		snprintf(quoted, sizeof(quoted), "\"%s\"", run_signal_name(r->signal, name, sizeof(name)));
	snprintf(json, sizeof(json), "{\"code\": %s, \"signal\": %s, \"timed_out\": %s, \"elapsed\": %.3f}", code, quoted, r->timed_out ? "true" : "false",
		 (double)r->elapsed_ms / 1000);
	if (call->host->report(call, "exit", json))
		call->host->log(call, FB_LOG_WARNING, "the exit code could not be put in the report");
}

/* What became of it, as an answer and a sentence. */
static int32_t judge(const struct fb_call *call, const struct run_spec *spec, const struct fb_command_result *r)
{
	const struct fb_host *h = call->host;
	int64_t expected = h->option_int(call, "expect_exit", 0);
	char show[160], outcome[80], line[400], wanted[40] = "";

	report_exit(call, r);
	if (!r->timed_out && !r->signal && r->exit_code == expected)
		return FB_OK;
	run_show(spec, show, sizeof(show));
	run_outcome(r, outcome, sizeof(outcome));
	run_line_after(r, line, sizeof(line));
	if (!r->timed_out && !r->signal && expected)
		snprintf(wanted, sizeof(wanted), ", expected %d", (int)expected);
	if (!r->timed_out && !r->signal && r->exit_code == EX_TEMPFAIL && !runs_once(call)) {
		h->fail(call, "'%s': exit code 75, it asks to be tried again%s", show, line);
		return FB_RETRY;
	}
	h->fail(call, "'%s': %s%s%s", show, outcome, wanted, line);
	if (!r->timed_out && !r->signal && (r->exit_code == 126 || r->exit_code == 127))
		h->advise(call, "the shell did not find the command or may not execute it: install it, or give its whole path", NULL);
	return FB_FAIL;
}

/* Runs it under the action key. */
static int32_t carry_out(const struct fb_call *call, const char *key, int32_t repeat, struct run_spec *spec, const char *facts)
{
	const struct fb_host *h = call->host;
	struct fb_command_result r = {0};
	char show[160], text[200], result[32];
	int64_t left, margin;
	int32_t answer;

	run_show(spec, show, sizeof(show));
	snprintf(text, sizeof(text), "run '%s'", show);
	answer = h->act(call, key, repeat, text);
	if (answer == FB_ACT_DONE)
		h->log(call, FB_LOG_INFO, "'%s' has been done already and is not run again", show);
	if (answer == FB_ACT_DRY || answer == FB_ACT_DONE)
		return FB_OK;
	if (answer != FB_ACT_DO)
		return FB_FAIL; /* why is the host's to say */
	left = h->remaining_ms(call);
	margin = left / 20 < 200 ? left / 20 : 200; /* so that we, not the deadline, end it and can quote its output */
	spec->command.timeout_ms = left > margin ? left - margin : 1;
	if (h->run(call, &spec->command, &r)) {
		h->fail(call, "'%s' could not be started; the log says why", show);
		return FB_FAIL;
	}
	answer = judge(call, spec, &r);
	if (answer != FB_OK)
		return answer;
	if (facts && facts_record(call, facts)) {
		h->fail(call, "'%s' was done, but its facts could not be recorded; it will be seen as not done", show);
		return FB_FAIL;
	}
	snprintf(result, sizeof(result), "exit code %d", (int)r.exit_code);
	if (!h->acted(call, key, result))
		return FB_OK;
	h->fail(call, "'%s' was done, but that could not be recorded", show);
	return FB_FAIL;
}

/* The side of the service that the strategy would deploy to, to be freed; NULL: it has no sides, or the step is about no service. */
static char *target_of(const struct fb_call *call)
{
	char name[96];
	const char *text;
	json_t *state;
	char *ret;

	if (!call->service || !call->host->document)
		return NULL;
	snprintf(name, sizeof(name), "state/%s", call->service);
	text = call->host->document(call, name);
	state = text ? json_loads(text, 0, NULL) : NULL;
	ret = run_copy(json_string_value(json_object_get(state, "target")));
	json_decref(state);
	return ret;
}

/* known: the file of facts that the command may read; NULL: none. */
static void prepare(const struct fb_call *call, struct run_spec *spec, const char *known)
{
	char *target = target_of(call);

	run_set_directory(spec, call->host->option(call, "directory"));
	run_add_map(call, spec, "environment");
	run_add_map(call, spec, "secret_environment");
	run_add_environment(spec, "FAILBACK_TARGET", target);
	run_add_environment(spec, "FAILBACK_FACTS", known);
	free(target);
}

static int32_t run(const struct fb_call *call)
{
	bool dry = call->flags & FB_CALL_DRY_RUN;
	char *facts = dry ? NULL : facts_make(call), *known = dry ? NULL : facts_make_known(call);
	struct run_spec spec;
	int32_t answer;

	run_option(call, "run", &spec);
	prepare(call, &spec, known);
	run_set_input(&spec, call->host->option(call, "input"));
	run_add_environment(&spec, "FAILBACK_FACTS_OUT", facts);
	answer = carry_out(call, "run", runs_once(call) ? FB_REPEAT_ONCE : FB_REPEAT_IDEMPOTENT, &spec, facts);
	run_clear(&spec);
	facts_remove(facts);
	facts_remove(known);
	return answer;
}

static int32_t undo(const struct fb_call *call)
{
	struct run_spec spec;
	int32_t answer;
	char *known;

	if (!run_option(call, "undo", &spec)) {
		call->host->log(call, FB_LOG_INFO, "there is no command to undo this step");
		run_clear(&spec);
		return FB_SKIP;
	}
	known = call->flags & FB_CALL_DRY_RUN ? NULL : facts_make_known(call);
	prepare(call, &spec, known);
	answer = carry_out(call, "undo", FB_REPEAT_IDEMPOTENT, &spec, NULL);
	run_clear(&spec);
	facts_remove(known);
	return answer;
}

static int32_t check(const struct fb_call *call)
{
	static const char *const commands[] = {"run", "undo"};
	const struct fb_host *h = call->host;
	const char *directory = h->option(call, "directory");
	struct stat st;
	int32_t answer = FB_OK;

	if (directory && (stat(directory, &st) || !S_ISDIR(st.st_mode))) {
		h->fail(call, "directory %s is not there yet: make it, or a step before this one must", directory);
		h->advise(call, "the step's working directory is missing", NULL);
		answer = FB_FAIL;
	}
	for (size_t i = 0; i < 2; i++) {
		struct run_spec spec;
		if (run_option(call, commands[i], &spec) && spec.argv && *spec.argv[0] == '/' && access(spec.argv[0], X_OK)) {
			h->fail(call, "'%s' names %s, which cannot be executed: %s", commands[i], spec.argv[0], strerror(errno));
			answer = FB_FAIL;
		}
		run_clear(&spec);
	}
	return answer;
}

static const struct fb_phase_ops ops = {.check = check, .run = run, .undo = undo};

FB_PLUGIN(PHASE, .name = "command", .version = "0.1.0", .summary = "Runs a command, and another to undo it", .license = "Apache-2.0", .options = options,
	  .phase = &ops)
