/* SPDX-License-Identifier: Apache-2.0 */
#include "failure.h"

#include <stdio.h>
#include <string.h>

const char *failure_text(const json_t *object, const char *a, const char *b, const char *c)
{
	const char *const names[] = {a, b, c};

	for (size_t i = 0; i < 3; i++) {
		const char *s = names[i] ? json_string_value(json_object_get(object, names[i])) : NULL;

		if (s && *s)
			return s;
	}
	return NULL;
}

/* How the step ended: "exit_code" and "signal" of its own, or the link's cause {kind, number}. */
static void read_end(const json_t *step, struct failure *ret)
{
	const json_t *cause = json_object_get(step, "cause");
	const char *kind = failure_text(cause, "kind", NULL, NULL);
	int number = (int)json_integer_value(json_object_get(cause, "number"));

	ret->exit_code = (int)json_integer_value(json_object_get(step, "exit_code"));
	ret->signal = (int)json_integer_value(json_object_get(step, "signal"));
	if (kind && !strcmp(kind, "exit"))
		ret->exit_code = number;
	else if (kind && !strcmp(kind, "signal"))
		ret->signal = number;
	if (ret->message && !ret->exit_code && !ret->signal) {
		const char *p = strstr(ret->message, "exit code "), *q = strstr(ret->message, "signal ");

		if (!p || sscanf(p, "exit code %d", &ret->exit_code) != 1)
			if (!q || sscanf(q, "signal %d", &ret->signal) != 1)
				return;
	}
}

static void read_step(const json_t *step, size_t index, struct failure *ret)
{
	json_t *number = json_object_get(step, "number");

	if (!json_is_integer(number))
		number = json_object_get(step, "step");
	ret->step = step;
	ret->number = json_is_integer(number) ? (int)json_integer_value(number) : (int)index + 1;
	ret->name = failure_text(step, "name", "link", "title");
	ret->service = failure_text(step, "service", NULL, NULL);
	ret->message = failure_text(step, "message", "error", NULL);
	ret->log = failure_text(step, "log", "log_path", "log_file");
	read_end(step, ret);
}

void failure_read(const struct fb_call *call, struct failure *ret)
{
	const char *text = call->host->document(call, "report");
	json_t *deployment, *steps, *step, *at;
	size_t i;

	memset(ret, 0, sizeof *ret);
	snprintf(ret->title, sizeof ret->title, "the deployment");
	ret->report = text ? json_loads(text, 0, NULL) : NULL;
	deployment = json_object_get(ret->report, "deployment");
	steps = json_object_get(deployment, "steps");
	at = json_object_get(deployment, "failed_at_step");
	json_array_foreach(steps, i, step) {
		const char *status = failure_text(step, "status", NULL, NULL);

		if (status && !strcmp(status, "failed"))
			read_step(step, i, ret);
	}
	if (!ret->step && json_is_integer(at) && json_integer_value(at) > 0) {
		step = json_array_get(steps, (size_t)json_integer_value(at) - 1);
		if (step)
			read_step(step, (size_t)json_integer_value(at) - 1, ret);
		ret->number = (int)json_integer_value(at);
	}
	if (ret->number && ret->name)
		snprintf(ret->title, sizeof ret->title, "Step %d (%s)", ret->number, ret->name);
	else if (ret->number)
		snprintf(ret->title, sizeof ret->title, "Step %d", ret->number);
}

void failure_clear(struct failure *f)
{
	json_decref(f->report);
	memset(f, 0, sizeof *f);
}
