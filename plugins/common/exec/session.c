/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program to its end: feeds it, hears it, keeps its time, and makes one answer of how it ended. What its lines mean is message.c's and services.c's. */
#include "plugins/common/exec/session.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plugins/common/health.h"

#define ROUND_MS 50 /* how late a stop may be seen: there is nothing to wait on for it */
#define QUOTE_SIZE 80
#define DRAIN_ROUNDS 256 /* of 64 KiB: what a program that has ended can have left in its pipe is less, what escaped it may write for ever */

static volatile sig_atomic_t termed; /* the host wants this worker to end */

static void on_term(int signal)
{
	(void)signal;
	termed = 1;
}

static int64_t now_ms(void)
{
	return health_now_us() / 1000;
}

char *exec_quote(const char *line, size_t n, char *buf, size_t size)
{
	size_t keep = n < QUOTE_SIZE ? n : QUOTE_SIZE;

	if (size < QUOTE_SIZE + 8)
		return memset(buf, 0, size);
	run_printable(line, keep, buf, size);
	if (n > keep)
		strcat(buf, "...");
	return buf;
}

void exec_bad(struct exec *x, const char *format, ...)
{
	va_list args;

	if (x->bad)
		return;
	va_start(args, format);
	if (vasprintf(&x->bad, format, args) < 0)
		abort();
	va_end(args);
}

static void queue(struct exec *x, const char *text, size_t n)
{
	if (x->dropped)
		return;
	x->send = realloc(x->send, x->send_n + n);
	if (!x->send)
		abort();
	memcpy(x->send + x->send_n, text, n);
	x->send_n += n;
}

static void flush_input(struct exec *x)
{
	while (!x->dropped && x->send_at < x->send_n) {
		ssize_t n = write(x->process.in, x->send + x->send_at, x->send_n - x->send_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			x->dropped = true; /* it does not read: its own affair until it asks */
			break;
		}
		x->send_at += (size_t)n;
	}
	x->send_n = x->send_at = 0;
}

void exec_answer(struct exec *x, const char *answer, json_t *more)
{
	json_t *line = json_pack("{s:s}", "answer", answer);
	char *text;

	if (more)
		json_object_update(line, more);
	text = json_dumps(line, JSON_COMPACT);
	if (!text)
		abort();
	queue(x, text, strlen(text));
	queue(x, "\n", 1);
	free(text);
	json_decref(line);
	json_decref(more);
	flush_input(x);
}

/* ---- what it says ---- */

static void hear_error(struct exec *x)
{
	char buf[16384];
	ssize_t n;

	for (int i = 0; i < 64 && x->process.err >= 0; i++) {
		n = read(x->process.err, buf, sizeof(buf));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			close(x->process.err);
			x->process.err = -1;
			return;
		}
		for (ssize_t at = 0, done; at < n; at += done)
			if ((done = write(2, buf + at, (size_t)(n - at))) < 0) {
				if (errno != EINTR)
					break; /* without a log there is still the tail */
				done = 0;
			}
		if ((size_t)n >= sizeof(x->tail)) {
			memcpy(x->tail, buf + n - sizeof(x->tail), sizeof(x->tail));
			x->tail_n = sizeof(x->tail);
			continue;
		}
		if (x->tail_n + (size_t)n > sizeof(x->tail)) {
			size_t drop = x->tail_n + (size_t)n - sizeof(x->tail);

			memmove(x->tail, x->tail + drop, x->tail_n - drop);
			x->tail_n -= drop;
		}
		memcpy(x->tail + x->tail_n, buf, (size_t)n);
		x->tail_n += (size_t)n;
	}
}

static void take_lines(struct exec *x)
{
	const char *line, *rest;
	char quote[120];
	size_t size;
	int r = 0;

	while (!x->bad && (r = exec_lines_next(&x->lines, &line, &size)) > 0)
		exec_take_line(x, line, size);
	if (r < 0) {
		rest = exec_lines_rest(&x->lines, &size);
		exec_bad(x, "sent a line of more than %d bytes, which begins with '%s'; what is longer goes into a file", EXEC_LINE_LIMIT, exec_quote(rest, size, quote, sizeof(quote)));
	}
}

/* all: what a program that has ended left there. */
static void hear_output(struct exec *x, bool all)
{
	char quote[120];
	const char *rest;
	size_t size;
	int r = 1;

	for (int i = 0; i < (all ? DRAIN_ROUNDS : 16) && r > 0 && x->process.out >= 0; i++) {
		r = exec_lines_fill(&x->lines, x->process.out);
		if (x->bad || x->why != EXEC_WHY_NOT) {
			x->lines.n = x->lines.at = 0; /* it is being ended: nothing counts any more, but it shall not hang on a full pipe */
			continue;
		}
		take_lines(x);
	}
	if (r < 0 && x->process.out >= 0) {
		close(x->process.out);
		x->process.out = -1;
	}
	rest = exec_lines_rest(&x->lines, &size);
	if ((r < 0 || (all && x->process.ended)) && size && !x->bad && x->why == EXEC_WHY_NOT)
		exec_bad(x, "ended in the middle of a line: '%s'; each line ends with a newline", exec_quote(rest, size, quote, sizeof(quote)));
}

/* ---- its time ---- */

static void ask_to_end(struct exec *x, enum exec_why why, int64_t kill_ms)
{
	x->why = why;
	x->kill_ms = kill_ms > 0 ? kill_ms : 1;
	exec_process_signal(&x->process, SIGTERM);
}

/* Ends it when its time is over, when failback asks for it, or when it broke the rules: first asked, then killed. */
static void keep_time(struct exec *x)
{
	int64_t left = x->call->host->remaining_ms(x->call), now = now_ms(), left_by_clock = x->call->deadline_ms - now;

	if (x->why == EXEC_WHY_NOT) {
		if (x->bad)
			ask_to_end(x, EXEC_WHY_BAD, now + (x->grace_ms < left ? x->grace_ms : left / 2));
		else if (left == 0 && left_by_clock > x->grace_ms)
			ask_to_end(x, EXEC_WHY_STOP, now + x->grace_ms);
		else if (left <= x->grace_ms)
			ask_to_end(x, EXEC_WHY_TIME, now + left - x->grace_ms / 5);
		else if (termed)
			ask_to_end(x, EXEC_WHY_STOP, now + x->grace_ms);
	} else if (!x->killed && now >= x->kill_ms) {
		x->killed = true;
		exec_process_signal(&x->process, SIGKILL);
	}
}

static int wait_ms(const struct exec *x)
{
	int64_t ms = x->process.pidfd < 0 ? 5 : ROUND_MS, left;

	left = (x->why == EXEC_WHY_NOT ? x->call->deadline_ms - x->grace_ms : x->kill_ms) - now_ms();
	if (x->killed)
		left = ROUND_MS;
	return (int)(left < 0 ? 0 : left < ms ? left : ms);
}

/* What is there now, or comes within ms (-1: as long as makes sense). false: it has ended, and all that it said was heard. */
static bool pump(struct exec *x, int ms)
{
	bool sends = !x->dropped && x->send_at < x->send_n;
	struct pollfd v[] = {{.fd = x->process.out, .events = POLLIN}, {.fd = x->process.err, .events = POLLIN}, {.fd = x->process.pidfd, .events = POLLIN},
			     {.fd = sends ? x->process.in : -1, .events = POLLOUT}};
	bool ended;

	keep_time(x);
	poll(v, 4, ms < 0 ? wait_ms(x) : ms);
	ended = exec_process_look(&x->process);
	if (ended)
		exec_process_signal(&x->process, SIGKILL); /* its end is the end: what it left in the background says nothing any more */
	flush_input(x);
	hear_error(x);
	hear_output(x, ended);
	return !ended;
}

/* ---- how it ended ---- */

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

static int32_t judge(const struct exec *x)
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
		h->fail(x->call, "'%s' was not finished after %.1f s, and was ended%s%s", x->show, (double)(now_ms() - x->began_ms) / 1000,
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

/* ---- life ---- */

/* 0, or -1 with the sentence set. */
static int begin(struct exec *x, const struct fb_call *call, uint32_t kind, const struct fb_event *event)
{
	const struct fb_host *h = call->host;
	int64_t left = h->remaining_ms(call), grace = h->option_int(call, "grace", 500);
	struct sigaction term = {.sa_handler = on_term}, ignore = {.sa_handler = SIG_IGN};
	char **environment, *document;
	int r;

	memset(x, 0, sizeof(*x));
	x->call = call;
	x->kind = kind;
	x->event = event;
	x->open = json_object();
	x->began_ms = now_ms();
	x->grace_ms = grace < left / 4 ? grace : left / 4;
	run_option(call, "run", &x->spec);
	run_set_directory(&x->spec, h->option(call, "directory"));
	run_add_map(call, &x->spec, "environment");
	run_add_map(call, &x->spec, "secret_environment");
	run_show(&x->spec, x->show, sizeof(x->show));
	termed = 0;
	sigaction(SIGTERM, &term, &x->old_term);
	sigaction(SIGPIPE, &ignore, &x->old_pipe);
	environment = exec_environment(x);
	r = exec_process_start(&x->process, &x->spec, environment);
	if (r) {
		x->start_errno = errno;
		h->fail(call, "'%s' could not be started in %s: %s", x->show, x->spec.directory ? x->spec.directory : "/", strerror(x->start_errno));
	} else {
		document = exec_document(x);
		queue(x, document, strlen(document));
		free(document);
	}
	exec_environment_free(environment);
	return r;
}

static void end(struct exec *x)
{
	exec_process_clear(&x->process);
	exec_lines_clear(&x->lines);
	run_clear(&x->spec);
	json_decref(x->open);
	free(x->send);
	free(x->bad);
	free(x->fail);
	free(x->refused);
	free(x->health.text);
	sigaction(SIGTERM, &x->old_term, NULL);
	sigaction(SIGPIPE, &x->old_pipe, NULL);
}

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
	if (!begin(&x, call, kind, NULL)) {
		while (pump(&x, -1))
			;
		answer = judge(&x);
	}
	end(&x);
	return answer;
}

int32_t exec_notify(const struct fb_call *call, const struct fb_event *event)
{
	struct exec x;
	int32_t answer = FB_FAIL;

	if (!begin(&x, call, FB_KIND_NOTIFIER, event)) {
		while (pump(&x, -1))
			;
		answer = judge(&x);
		if (x.why == EXEC_WHY_TIME)
			answer = FB_RETRY; /* who could not be reached in time may be reached later */
	}
	end(&x);
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

/* ---- checks ---- */

/* A probe whose answer cannot be trusted has seen nothing. */
static int32_t judge_probe(const struct exec *x, struct fb_health *ret)
{
	const char *on_timeout = x->call->host->option(x->call, "on_timeout");
	bool time_fails = on_timeout && !strcmp(on_timeout, "failed");
	int status = x->process.status, code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	int64_t elapsed_us = (now_ms() - x->began_ms) * 1000;
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

int32_t exec_probe(const struct fb_call *call, struct fb_health *ret)
{
	struct exec x;
	int32_t answer;

	if (begin(&x, call, FB_KIND_CHECK, NULL)) {
		answer = health_set(ret, FB_HEALTH_BLIND, -1, "'%s' could not be started: %s", x.show, strerror(x.start_errno));
	} else {
		while (pump(&x, -1))
			;
		answer = judge_probe(&x, ret);
	}
	end(&x);
	return answer;
}

/* ---- observation ---- */

int32_t exec_observe(const struct fb_call *call, void **state, struct fb_wait *wait)
{
	struct exec *x = *state;

	if (!x) {
		x = malloc(sizeof(*x));
		if (!x)
			abort();
		*state = x;
		if (!offers(call, "observe") || begin(x, call, FB_KIND_STRATEGY, NULL)) {
			if (offers(call, "observe"))
				end(x);
			free(x);
			*state = NULL;
			return FB_STEP_DONE;
		}
	}
	if (pump(x, 0)) {
		*wait = (struct fb_wait){.fd = x->process.out, .events = x->process.out >= 0 ? FB_WAIT_READ : 0, .until_ms = now_ms() + 2 * ROUND_MS};
		return FB_STEP_WAIT;
	}
	if (judge(x) != FB_OK)
		call->host->log(call, FB_LOG_WARNING, "the observation by '%s' has ended: see its log", x->show);
	end(x);
	free(x);
	*state = NULL;
	return FB_STEP_DONE;
}
