/* SPDX-License-Identifier: Apache-2.0 */
/* How a program ended, as an answer and a sentence. */
#include "plugins/common/exec/session.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "plugins/common/health.h"

static int32_t answer_of(int code)
{
	switch (code) {
	case 0:
		return FB_OK;
	case EXEC_EXIT_SKIP:
		return FB_SKIP;
	case EXEC_EXIT_RETRY:
		return FB_RETRY;
	case EXEC_EXIT_FATAL:
		return FB_FATAL;
	default:
		return FB_FAIL;
	}
}

/* ": <its own sentence, or the line of its standard error that says most>", or "". */
static char *words_of(const struct exec *x, char *buf, size_t size)
{
	*buf = 0;
	if (x->fail)
		snprintf(buf, size, ": %s", x->fail);
	else if (x->tail_n) {
		snprintf(buf, size, ": ");
		run_line(x->tail, x->tail_n, buf + 2, size - 2);
		if (!buf[2])
			*buf = 0;
	}
	return buf;
}

/* It says that all is well; is it? */
static bool is_true(const struct exec *x)
{
	const struct fb_host *h = x->call->host;
	const char *key;
	json_t *text;

	if (x->refused) {
		h->fail(x->call, "'%s' ended as if all were well, but was told not to do '%s': after the answer \"no\" it must return at once, with another exit code than 0", x->show,
			x->refused);
		return false;
	}
	json_object_foreach(x->open, key, text) {
		h->fail(x->call, "'%s' ended as if all were well, but did not say what became of '%s' (%s): it must send {\"ask\": \"acted\"} and read the answer", x->show, key,
			json_string_value(text));
		return false;
	}
	return true;
}

int32_t exec_judge(const struct exec *x)
{
	const struct fb_host *h = x->call->host;
	char words[1200], name[32];
	int status = x->process.status, code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	int32_t answer;

	words_of(x, words, sizeof(words));
	if (x->bad) {
		h->fail(x->call, "'%s' %s (failback-exec(7))", x->show, x->bad);
		return FB_FAIL;
	}
	if (x->why == EXEC_WHY_TIME) {
		h->fail(x->call, "'%s' was not finished after %.1f s, and was ended%s%s", x->show, (double)(exec_now_ms() - x->began_ms) / 1000,
			x->killed ? " with SIGKILL, for it ignored SIGTERM" : "", words);
		return FB_FAIL;
	}
	if (x->why == EXEC_WHY_STOP) {
		h->fail(x->call, "'%s' was asked to stop%s%s", x->show, x->killed ? ", ignored SIGTERM and was killed" : " and ended", words);
		return FB_FAIL;
	}
	if (code < 0) {
		h->fail(x->call, "'%s' was killed by %s%s", x->show, run_signal_name(WTERMSIG(status), name, sizeof(name)), words);
		return FB_FAIL;
	}
	answer = answer_of(code);
	if (answer == FB_OK || answer == FB_SKIP)
		return is_true(x) ? answer : FB_FAIL;
	if (x->fail && (answer != FB_FAIL || code == 1))
		h->fail(x->call, "%s", x->fail);
	else
		h->fail(x->call, "'%s' ended with exit code %d%s", x->show, code, words);
	return answer;
}

int32_t exec_judge_probe(const struct exec *x, struct fb_health *ret)
{
	const char *on_timeout = x->call->host->option(x->call, "on_timeout");
	bool time_fails = on_timeout && !strcmp(on_timeout, "failed");
	int status = x->process.status, code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	int64_t elapsed_us = (exec_now_ms() - x->began_ms) * 1000;
	char words[600], name[32];

	words_of(x, words, sizeof(words));
	if (x->bad)
		return health_set(ret, FB_HEALTH_BLIND, -1, "'%s' %s (failback-exec(7))", x->show, x->bad);
	if (x->why != EXEC_WHY_NOT)
		return health_set(ret, x->why == EXEC_WHY_TIME && time_fails ? FB_HEALTH_FAILED : FB_HEALTH_BLIND, -1, "'%s' was not finished after %.1f s, and was ended%s", x->show,
				  (double)elapsed_us / 1e6, words);
	if (code < 0)
		return health_set(ret, FB_HEALTH_BLIND, -1, "'%s' was killed by %s%s", x->show, run_signal_name(WTERMSIG(status), name, sizeof(name)), words);
	if (code > 1 || (code == 1 && x->health.told))
		return health_set(ret, FB_HEALTH_BLIND, -1, "'%s' ended with exit code %d%s%s", x->show, code, x->health.told ? ", so that what it told does not count" : "", words);
	if (x->health.told) {
		health_set(ret, x->health.state, x->health.latency_us, "%s", x->health.text ? x->health.text : "");
		ret->value_u = x->health.value_u;
		return FB_OK;
	}
	health_set(ret, code ? FB_HEALTH_FAILED : FB_HEALTH_HEALTHY, -1, "exit code %d%s", code, words);
	ret->latency_us = elapsed_us;
	return FB_OK;
}
