/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier exec: any program is a notifier. In the plain protocol it gets the event as one JSON document on standard input (schema failback.event/1) and its
 * main members in the environment; its exit code is the answer. With protocol = "lines" it speaks what the exec plugins of all kinds speak, failback-exec(7).
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "plugins/common/exec/exec.h"
#include "plugins/common/incident.h"

static const struct fb_option options[] = {
	{.name = "run", .type = FB_TYPE_COMMAND, .flags = FB_OPTION_REQUIRED, .summary = "Program to run for each event"},
	{.name = "protocol", .type = FB_TYPE_CHOICE, .default_value = "plain", .choices = "plain|lines",
	 .summary = "plain: the event on standard input, which then ends, and any output; lines: as in failback-exec(7)"},
	{.name = "operations", .type = FB_TYPE_LIST, .default_value = "[ \"notify\" ]", .summary = "What it can do: notify, check; with protocol plain notify alone"},
	EXEC_OPTIONS,
	{0},
};

/* The document on standard input, to be freed; NULL when the event's data is not JSON. */
static char *make_document(const struct fb_call *call, const struct fb_event *e)
{
	json_t *data = json_loads(e->data ? e->data : "{}", 0, NULL), *root;
	char *text, *ret = NULL;

	if (!data)
		return NULL;
	root = json_pack("{s:s,s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:o,s:o}", "schema", "failback.event/1", "id", e->id, "name", e->name, "time", e->time,
			 "severity", e->severity, "summary", e->summary, "incident", e->incident, "report", e->report, "execution", call->execution, "environment",
			 call->environment, "settings", exec_settings(call), "data", data);
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (text && (ret = malloc(strlen(text) + 2)))
		sprintf(ret, "%s\n", text);
	free(text);
	return ret;
}

static int32_t judge(const struct fb_call *call, const struct fb_event *e, const struct run_spec *spec, const struct fb_command_result *r)
{
	char show[160], outcome[80], line[300];

	if (!r->timed_out && !r->signal && r->exit_code == 0)
		return FB_OK;
	run_show(spec, show, sizeof(show));
	run_line_after(r, line, sizeof(line));
	run_outcome(r, outcome, sizeof(outcome));
	if (r->timed_out || r->exit_code == EX_TEMPFAIL) {
		call->host->fail(call, "'%s' could not tell of %s now: %s%s", show, e->name, outcome, line);
		return FB_RETRY;
	}
	call->host->fail(call, "'%s' did not tell of %s: %s%s; run it by hand with the event on its standard input", show, e->name, outcome, line);
	return FB_FAIL;
}

static bool speaks_lines(const struct fb_call *call)
{
	const char *s = call->host->option(call, "protocol");

	return s && !strcmp(s, "lines");
}

static int32_t notify_plainly(const struct fb_call *call, const struct fb_event *e)
{
	const struct { const char *name, *value; } variables[] = {
		{"FAILBACK_EVENT", e->name},       {"FAILBACK_EVENT_ID", e->id},       {"FAILBACK_EVENT_TIME", e->time}, {"FAILBACK_SEVERITY", e->severity},
		{"FAILBACK_SUMMARY", e->summary}, {"FAILBACK_INCIDENT", e->incident}, {"FAILBACK_REPORT", e->report}};
	struct fb_command_result r = {0};
	struct run_spec spec;
	char show[160], *document = make_document(call, e);
	int64_t left = call->host->remaining_ms(call), grace = call->host->option_int(call, "grace", 500);
	int32_t rc;

	if (!document) {
		call->host->fail(call, "event %s cannot be told: its data is not a JSON document", e->name);
		return FB_FATAL;
	}
	run_option(call, "run", &spec);
	if (call->flags & FB_CALL_DRY_RUN) {
		run_show(&spec, show, sizeof(show));
		incident_preview(call, "run", show, document);
		run_clear(&spec);
		free(document);
		return FB_OK;
	}
	run_add_map(call, &spec, "environment");
	run_add_map(call, &spec, "secret_environment");
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		run_add_environment(&spec, variables[i].name, variables[i].value);
	run_set_directory(&spec, call->host->option(call, "directory"));
	run_set_input(&spec, document);
	spec.command.timeout_ms = left > 4 ? left - (grace < left / 4 ? grace : left / 4) : 1;
	if (call->host->run(call, &spec.command, &r)) {
		call->host->fail(call, "'%s' could not be started; the log says why", run_show(&spec, show, sizeof(show)));
		rc = FB_FAIL;
	} else {
		rc = judge(call, e, &spec, &r);
	}
	run_clear(&spec);
	free(document);
	return rc;
}

static int32_t notify(const struct fb_call *call, const struct fb_event *e)
{
	return speaks_lines(call) ? exec_notify(call, e) : notify_plainly(call, e);
}

/* A program that reads an event and ends can be asked for nothing else. */
static int32_t check_plain(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	uint32_t n = h->option_count(call, "operations");
	const char *first = n == 1 ? h->option(call, "operations[0]") : NULL;

	if (!first || strcmp(first, "notify")) {
		h->fail(call, "'operations' is for programs that are asked for more than to tell of an event, and with protocol = \"plain\" none is: take it away, or set protocol = "
			      "\"lines\" and let the program speak failback-exec(7)");
		return FB_FATAL;
	}
	return exec_check_options(call);
}

static int32_t check(const struct fb_call *call)
{
	return speaks_lines(call) ? exec_check(call, FB_KIND_NOTIFIER) : check_plain(call);
}

static const struct fb_notifier_ops ops = {.check = check, .notify = notify};

FB_PLUGIN(NOTIFIER, .features = FB_FEATURE_BY_OPTIONS, .name = "exec", .version = "0.1.0", .summary = "Runs a program for each event", .license = "Apache-2.0", .options = options,
	  .notifier = &ops)
