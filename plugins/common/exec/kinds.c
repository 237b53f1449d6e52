/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugins of each kind ask for: one program from its start to its answer. */
#include "plugins/common/exec/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/common/health.h"

static bool offers(const struct fb_call *call, const char *operation)
{
	uint32_t n = call->host->option_count(call, "operations");
	char item[64];

	for (uint32_t i = 0; i < n; i++) {
		const char *s;

		snprintf(item, sizeof(item), "operations[%u]", (unsigned)i);
		s = call->host->option(call, item);
		if (s && !strcmp(s, operation))
			return true;
	}
	return false;
}

int32_t exec_operation(const struct fb_call *call, uint32_t kind)
{
	bool undo = call->flags & FB_CALL_UNDO || call->operation == FB_OP_UNDO;
	struct exec x;
	int32_t answer = FB_FAIL;

	if (!offers(call, undo ? "undo" : exec_operation_name(call))) {
		call->host->fail(call, "not offered: 'operations' does not name it");
		return FB_SKIP;
	}
	if (!exec_begin(&x, call, kind, NULL)) {
		while (exec_pump(&x, -1))
			;
		answer = exec_judge(&x);
	}
	exec_end(&x);
	return answer;
}

int32_t exec_notify(const struct fb_call *call, const struct fb_event *event)
{
	struct exec x;
	int32_t answer = FB_FAIL;

	if (!exec_begin(&x, call, FB_KIND_NOTIFIER, event)) {
		while (exec_pump(&x, -1))
			;
		answer = exec_judge(&x);
		if (x.why == EXEC_WHY_TIME)
			answer = FB_RETRY; /* who could not be reached in time may be reached later */
	}
	exec_end(&x);
	return answer;
}

int32_t exec_check_options(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	const char *directory = h->option(call, "directory");
	struct run_spec spec;
	int32_t answer = FB_OK;
	char name[80];

	if (directory && access(directory, X_OK)) {
		h->fail(call, "directory %s cannot be entered: %s", directory, strerror(errno));
		return FB_FAIL;
	}
	if (run_option(call, "run", &spec) && spec.argv && *spec.argv[0] == '/' && access(spec.argv[0], X_OK)) {
		h->fail(call, "'run' names %s, which cannot be executed: %s; make it executable, or mend the path", spec.argv[0], strerror(errno));
		answer = FB_FAIL;
	}
	run_clear(&spec);
	for (uint32_t i = 0; answer == FB_OK && i < h->option_count(call, "secret_settings"); i++) {
		snprintf(name, sizeof(name), "settings.%.64s", h->option_key(call, "secret_settings", i));
		if (h->option(call, name)) {
			h->fail(call, "%s stands in secret_settings too: take one of the two away", name);
			answer = FB_FATAL;
		}
	}
	return answer;
}

int32_t exec_check(const struct fb_call *call, uint32_t kind)
{
	int32_t answer = exec_check_options(call);

	return answer == FB_OK && offers(call, "check") ? exec_operation(call, kind) : answer;
}

int32_t exec_probe(const struct fb_call *call, struct fb_health *ret)
{
	struct exec x;
	int32_t answer;

	if (exec_begin(&x, call, FB_KIND_CHECK, NULL)) {
		answer = health_set(ret, FB_HEALTH_BLIND, -1, "'%s' could not be started: %s", x.show, strerror(x.start_errno));
	} else {
		while (exec_pump(&x, -1))
			;
		answer = exec_judge_probe(&x, ret);
	}
	exec_end(&x);
	return answer;
}

int32_t exec_observe(const struct fb_call *call, void **state, struct fb_wait *wait)
{
	bool last = call->host->remaining_ms(call) == 0; /* the observation is to stop, and this is its one round to do so in */
	struct exec *x = *state;

	if (!x && last)
		return FB_STEP_DONE;
	if (!x) {
		x = malloc(sizeof(*x));
		if (!x)
			abort();
		*state = x;
		if (!offers(call, "observe") || exec_begin(x, call, FB_KIND_STRATEGY, NULL)) {
			if (offers(call, "observe"))
				exec_end(x);
			free(x);
			*state = NULL;
			return FB_STEP_DONE;
		}
	}
	while (exec_pump(x, last ? -1 : 0)) {
		if (last)
			continue; /* it was asked to end, and is killed after its grace */
		*wait = (struct fb_wait){.fd = x->process.out, .events = x->process.out >= 0 ? FB_WAIT_READ : 0, .until_ms = exec_now_ms() + 100};
		return FB_STEP_WAIT;
	}
	if (x->why != EXEC_WHY_STOP && exec_judge(x) != FB_OK)
		call->host->log(call, FB_LOG_WARNING, "the observation by '%s' has ended: see its log", x->show);
	exec_end(x);
	free(x);
	*state = NULL;
	return FB_STEP_DONE;
}
