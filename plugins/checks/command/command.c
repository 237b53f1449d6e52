/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check command: runs a command of the user's own and reads its exit code, or a number that it prints. What does not start, crashes or prints no
 * number has seen nothing: it is blind.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/health.h"
#include "plugins/common/run.h"

static const struct fb_option options[] = {
	{.name = "run", .type = FB_TYPE_COMMAND, .flags = FB_OPTION_REQUIRED, .alias = "command", .summary = "Command to run"},
	{.name = "mode", .type = FB_TYPE_CHOICE, .default_value = "exit", .choices = "exit|nagios|number",
	 .summary = "exit: 0 is healthy, else failed; nagios: 0 healthy, 1 warning, 2 failed, 3 blind; number: thresholds"},
	{.name = "threshold_warning", .type = FB_TYPE_FLOAT, .summary = "number: a warning from here on"},
	{.name = "threshold_critical", .type = FB_TYPE_FLOAT, .summary = "number: a failure from here on"},
	{.name = "direction", .type = FB_TYPE_CHOICE, .default_value = "above", .choices = "above|below", .summary = "number: which side of a threshold is bad"},
	{.name = "on_timeout", .type = FB_TYPE_CHOICE, .default_value = "failed", .choices = "failed|blind", .summary = "What a command that does not end in time means"},
	{.name = "directory", .type = FB_TYPE_PATH, .summary = "Working directory"},
	{.name = "environment", .type = FB_TYPE_MAP, .summary = "Variables for the command"},
	{0},
};

static bool option_is(const struct fb_call *call, const char *path, const char *value)
{
	const char *s = call->host->option(call, path);

	return s && !strcmp(s, value);
}

static bool threshold(const struct fb_call *call, const char *path, double *ret)
{
	const char *s = call->host->option(call, path);

	if (s)
		*ret = strtod(s, NULL);
	return s;
}

/* The last line that is not blank must be a number and nothing else. */
static bool read_number(const char *output, size_t n, double *ret)
{
	char line[64], *end;
	size_t begin;

	while (n && isspace((unsigned char)output[n - 1]))
		n--;
	for (begin = n; begin && output[begin - 1] != '\n';)
		begin--;
	if (n == begin || n - begin >= sizeof(line))
		return false;
	memcpy(line, output + begin, n - begin);
	line[n - begin] = 0;
	*ret = strtod(line, &end);
	return end != line && !*end && isfinite(*ret);
}

static int32_t judge_number(const struct fb_call *call, const struct fb_command_result *r, struct fb_health *ret)
{
	bool below = option_is(call, "direction", "below"), bad_w, bad_c;
	double value, w = 0, c = 0;
	char line[200];

	if (r->exit_code != 0)
		return health_set(ret, FB_HEALTH_BLIND, -1, "the command gave no number to trust: exit code %d%s", (int)r->exit_code, run_line_after(r, line, sizeof(line)));
	if (!read_number(r->output, (size_t)r->output_size, &value))
		return health_set(ret, FB_HEALTH_BLIND, -1, "the command's last line is not a number%s", run_line_after(r, line, sizeof(line)));
	bad_w = threshold(call, "threshold_warning", &w) && (below ? value <= w : value >= w);
	bad_c = threshold(call, "threshold_critical", &c) && (below ? value <= c : value >= c);
	if (bad_c)
		health_set(ret, FB_HEALTH_FAILED, -1, "%g is %s threshold_critical (%g)", value, below ? "at or below" : "at or above", c);
	else if (bad_w)
		health_set(ret, FB_HEALTH_WARNING, -1, "%g is %s threshold_warning (%g)", value, below ? "at or below" : "at or above", w);
	else
		health_set(ret, FB_HEALTH_HEALTHY, -1, "%g", value);
	ret->value_u = fabs(value) < 9e12 ? (int64_t)(value * 1e6) : INT64_MIN;
	return FB_OK;
}

static int32_t judge(const struct fb_call *call, const struct fb_command_result *r, struct fb_health *ret)
{
	char line[300], outcome[80];
	int32_t state;

	run_outcome(r, outcome, sizeof(outcome));
	run_line_after(r, line, sizeof(line));
	if (r->timed_out)
		return health_set(ret, option_is(call, "on_timeout", "blind") ? FB_HEALTH_BLIND : FB_HEALTH_FAILED, -1, "the command was %s%s", outcome, line);
	if (r->signal)
		return health_set(ret, FB_HEALTH_BLIND, -1, "the command was %s%s", outcome, line);
	if (r->exit_code == 126 || r->exit_code == 127)
		return health_set(ret, FB_HEALTH_BLIND, -1, "the command could not be run: %s%s", outcome, line);
	if (option_is(call, "mode", "number"))
		return judge_number(call, r, ret);
	if (option_is(call, "mode", "nagios"))
		state = r->exit_code == 0 ? FB_HEALTH_HEALTHY : r->exit_code == 1 ? FB_HEALTH_WARNING : r->exit_code == 2 ? FB_HEALTH_FAILED : FB_HEALTH_BLIND;
	else
		state = r->exit_code == 0 ? FB_HEALTH_HEALTHY : FB_HEALTH_FAILED;
	return health_set(ret, state, -1, "%s%s", outcome, line);
}

static int32_t probe(const struct fb_call *call, struct fb_health *ret)
{
	struct fb_command_result r = {0};
	struct run_spec spec;
	char show[200];
	int32_t rc;
	int64_t left = call->host->remaining_ms(call);

	run_option(call, "run", &spec);
	run_set_directory(&spec, call->host->option(call, "directory"));
	run_add_map(call, &spec, "environment");
	spec.command.timeout_ms = left > 200 ? left - 100 : left > 0 ? left : 1; /* so that we, not the deadline, end it and can say so */
	if (call->host->run(call, &spec.command, &r))
		rc = health_set(ret, FB_HEALTH_BLIND, -1, "'%s' could not be started; the log says why", run_show(&spec, show, sizeof(show)));
	else
		rc = judge(call, &r, ret);
	if (ret->state != FB_HEALTH_BLIND)
		ret->latency_us = r.elapsed_ms * 1000;
	run_clear(&spec);
	return rc;
}

static int32_t check(const struct fb_call *call)
{
	bool number = option_is(call, "mode", "number"), below = option_is(call, "direction", "below"), has_w, has_c;
	double w = 0, c = 0;

	has_w = threshold(call, "threshold_warning", &w);
	has_c = threshold(call, "threshold_critical", &c);
	if (number && !has_w && !has_c) {
		call->host->fail(call, "mode \"number\" has nothing to hold the number against: set threshold_critical");
		return FB_FATAL;
	}
	if (!number && (has_w || has_c)) {
		call->host->fail(call, "a threshold is set, but only mode \"number\" looks at it: set mode");
		return FB_FATAL;
	}
	if (has_w && has_c && (below ? w < c : w > c)) {
		call->host->fail(call, "threshold_warning (%g) can never warn before threshold_critical (%g): exchange them, or set direction", w, c);
		return FB_FATAL;
	}
	return FB_OK;
}

static const struct fb_check_ops ops = {.check = check, .probe = probe};

FB_PLUGIN(CHECK, .name = "command", .version = "0.1.0", .summary = "Runs a command and reads its exit code or a number", .license = "Apache-2.0",
	  .options = options, .check = &ops)
