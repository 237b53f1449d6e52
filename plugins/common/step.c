/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of strategies that stop and start a service: see step.h. */
#include "plugins/common/step.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static char outcome[600]; /* of the last command that was asked or acted */

/* The option's command with all that it may know in its environment. */
static void make_spec(const struct fb_call *call, const char *option, const char *release, struct run_spec *spec)
{
	int64_t left = call->host->remaining_ms(call), margin = left / 20 < 200 ? left / 20 : 200;

	run_option(call, option, spec);
	run_add_map(call, spec, "environment");
	run_add_map(call, spec, "secret_environment");
	run_add_environment(spec, "FAILBACK_RELEASE", release);
	run_add_environment(spec, "FAILBACK_FAILED", call->failed);
	run_add_environment(spec, "FAILBACK_PRESERVE", call->flags & FB_CALL_PRESERVE ? "1" : "0");
	step_fill(call, option, release, spec);
	spec->command.timeout_ms = left > margin ? left - margin : 1;
}

/* 0 when it ended with 0; else -1, and `outcome` says what became of it. */
static int run_spec(const struct fb_call *call, struct run_spec *spec, struct fb_command_result *r)
{
	char what[80], line[400];

	if (call->host->run(call, &spec->command, r)) {
		r->exit_code = -1;
		snprintf(outcome, sizeof(outcome), "it could not be started; the log says why");
		return -1;
	}
	snprintf(outcome, sizeof(outcome), "%s%s", run_outcome(r, what, sizeof(what)), run_line_after(r, line, sizeof(line)));
	return !r->timed_out && !r->signal && r->exit_code == 0 ? 0 : -1;
}

static char *trimmed(const char *s, size_t n)
{
	char *ret;

	while (n && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	ret = strndup(s, n);
	if (!ret)
		abort();
	return ret;
}

int step_ask(const struct fb_call *call, const char *option, const char *release, char **ret_output)
{
	struct fb_command_result r = {0};
	struct run_spec spec;
	int rc;

	make_spec(call, option, release, &spec);
	rc = run_spec(call, &spec, &r);
	if (!rc && ret_output)
		*ret_output = trimmed(r.output ? r.output : "", (size_t)r.output_size);
	run_clear(&spec);
	return rc;
}

void step_fail_ask(const struct fb_call *call, const char *option, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	call->host->fail(call, "%s: '%s' ended with %s", text, option, outcome);
}

static void numbered_key(const struct fb_call *call, const char *key, char *buf, size_t size)
{
	if (call->attempt > 1)
		snprintf(buf, size, "%s/%u", key, call->attempt);
	else
		snprintf(buf, size, "%s", key);
}

/* Asks for leave. FB_OK: make the change; FB_SKIP: there is nothing to make; FB_FAIL: return. */
static int32_t ask_leave(const struct fb_call *call, const char *key, const char *text)
{
	switch (call->host->act(call, key, FB_REPEAT_IDEMPOTENT, text)) {
	case FB_ACT_DO:
		return FB_OK;
	case FB_ACT_DONE:
	case FB_ACT_DRY:
		return FB_SKIP;
	default:
		return FB_FAIL; /* why is the host's to say */
	}
}

static int32_t record(const struct fb_call *call, const char *key, const char *text)
{
	if (!call->host->acted(call, key, outcome))
		return FB_OK;
	call->host->fail(call, "%s: it was done, but that could not be recorded", text);
	return FB_FAIL;
}

int32_t step_act(const struct fb_call *call, const char *key, const char *option, const char *release, const char *format, ...)
{
	struct fb_command_result r = {0};
	struct run_spec spec;
	char text[400], full[80];
	va_list args;
	int32_t answer;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	numbered_key(call, key, full, sizeof(full));
	answer = ask_leave(call, full, text);
	if (answer != FB_OK)
		return answer == FB_SKIP ? FB_OK : answer;
	make_spec(call, option, release, &spec);
	if (run_spec(call, &spec, &r)) {
		call->host->fail(call, "%s: '%s' ended with %s", text, option, outcome);
		answer = r.exit_code == EX_TEMPFAIL ? FB_RETRY : FB_FAIL;
	} else {
		answer = record(call, full, text);
	}
	run_clear(&spec);
	return answer;
}

int32_t step_stop(const struct fb_call *call, const char *key, const char *release)
{
	const struct fb_host *h = call->host;
	struct fb_command_result r = {0};
	struct run_spec spec;
	char text[300], full[80];
	bool can_ask = run_is_set(call, "running");
	int32_t answer;

	if (!run_is_set(call, "stop"))
		return FB_OK;
	if (can_ask && step_ask(call, "running", NULL, NULL)) {
		h->log(call, FB_LOG_INFO, "%s does not run: nothing to stop", call->service);
		return FB_OK;
	}
	snprintf(text, sizeof(text), "stop %s", call->service);
	numbered_key(call, key, full, sizeof(full));
	answer = ask_leave(call, full, text);
	if (answer != FB_OK)
		return answer == FB_SKIP ? FB_OK : answer;
	make_spec(call, "stop", release, &spec);
	answer = FB_OK;
	if (run_spec(call, &spec, &r)) {
		char what[sizeof(outcome)];
		memcpy(what, outcome, sizeof(what));
		/* a service that does not run any more is what was wanted; where nobody can tell, going on is better than staying on a failed release */
		if (can_ask && !step_ask(call, "running", NULL, NULL)) {
			h->fail(call, "%s: 'stop' ended with %s, and 'running' says that it still runs; stop it by hand, then try again", text, what);
			answer = r.exit_code == EX_TEMPFAIL ? FB_RETRY : FB_FAIL;
		} else {
			h->log(call, FB_LOG_WARNING, "%s: 'stop' ended with %s; %s", text, what,
			       can_ask ? "it does not run any more" : "taken as stopped already: set 'running' to have this looked at");
			memcpy(outcome, what, sizeof(what));
		}
	}
	if (answer == FB_OK)
		answer = record(call, full, text);
	run_clear(&spec);
	return answer;
}

/* After start: until it runs, at most the settle time. */
int32_t step_settle(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	int64_t left = h->option_int(call, "settle", 0), pause = 50;

	if (!run_is_set(call, "running"))
		return h->sleep_ms(call, left) ? FB_FAIL : FB_OK;
	while (step_ask(call, "running", NULL, NULL)) {
		if (left <= 0 || h->sleep_ms(call, pause < left ? pause : left)) {
			h->fail(call, "service %s was started, but 'running' says that it does not run; look at its log, or give it more time with 'settle'", call->service);
			return FB_FAIL;
		}
		left -= pause;
		pause = pause < 500 ? pause * 2 : 500;
	}
	return FB_OK;
}

int32_t step_protect(const struct fb_call *call)
{
	const char *how = call->host->option(call, "protect");

	if (how && !strcmp(how, "stop"))
		return step_stop(call, "protect", call->failed);
	call->host->log(call, FB_LOG_INFO, "there is no other instance to send users of %s to; it is left as it is until the restore", call->service);
	return FB_SKIP;
}

uint32_t step_logs(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	uint32_t n = h->option_count(call, "logs"), copied = 0;
	char item[64], title[300];

	for (uint32_t i = 0; i < n; i++) {
		char *path;
		snprintf(item, sizeof(item), "logs[%u]", (unsigned)i);
		path = run_copy(h->option(call, item));
		snprintf(title, sizeof(title), "log of %s", call->service);
		if (path && !h->evidence(call, path, title))
			copied++;
		else
			h->log(call, FB_LOG_WARNING, "log %s could not be copied", path ? path : "(none)");
		free(path);
	}
	return copied;
}

int32_t step_check_programs(const struct fb_call *call, const char *const *names)
{
	int32_t answer = FB_OK;

	for (size_t i = 0; names[i]; i++) {
		struct run_spec spec;
		if (run_option(call, names[i], &spec) && spec.argv && *spec.argv[0] == '/' && access(spec.argv[0], X_OK)) {
			call->host->fail(call, "'%s' names %s, which cannot be executed: %s", names[i], spec.argv[0], strerror(errno));
			answer = FB_FAIL;
		}
		run_clear(&spec);
	}
	return answer;
}

int32_t step_check(const struct fb_call *call, const char *const *names)
{
	const char *how = call->host->option(call, "protect");

	if (how && !strcmp(how, "stop") && !run_is_set(call, "stop")) {
		call->host->fail(call, "protect is \"stop\", but there is no command to stop %s: set 'stop'", call->service);
		return FB_FATAL;
	}
	return step_check_programs(call, names);
}
