/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program to its end: feeds it, hears it, keeps its time. What its lines mean is message.c's and services.c's, what its end means judge.c's. */
#include "plugins/common/exec/session.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int64_t exec_now_ms(void)
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
	int64_t left = x->call->host->remaining_ms(x->call), now = exec_now_ms(), left_by_clock = x->call->deadline_ms - now;

	if (x->why == EXEC_WHY_NOT) {
		if (x->bad)
			ask_to_end(x, EXEC_WHY_BAD, now + (x->grace_ms < left ? x->grace_ms : left / 2));
		else if (left == 0 && left_by_clock > x->grace_ms)
			ask_to_end(x, EXEC_WHY_STOP, now + x->grace_ms);
		else if (left <= x->grace_ms)
			ask_to_end(x, left_by_clock > 0 && left == 0 ? EXEC_WHY_STOP : EXEC_WHY_TIME, now + left_by_clock - x->grace_ms / 5);
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

	left = (x->why == EXEC_WHY_NOT ? x->call->deadline_ms - x->grace_ms : x->kill_ms) - exec_now_ms();
	if (x->killed)
		left = ROUND_MS;
	return (int)(left < 0 ? 0 : left < ms ? left : ms);
}

bool exec_pump(struct exec *x, int ms)
{
	bool sends = !x->dropped && x->send_at < x->send_n;
	struct pollfd v[] = {{.fd = x->process.out, .events = POLLIN}, {.fd = x->process.err, .events = POLLIN}, {.fd = x->process.pidfd, .events = POLLIN},
			     {.fd = sends ? x->process.in : -1, .events = POLLOUT}};
	bool ended;

	keep_time(x);
	poll(v, 4, ms < 0 ? wait_ms(x) : ms);
	ended = exec_process_look(&x->process);
	flush_input(x);
	hear_error(x);
	hear_output(x, ended);
	return !ended;
}

/* ---- life ---- */

int exec_begin(struct exec *x, const struct fb_call *call, uint32_t kind, const struct fb_event *event)
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
	x->began_ms = exec_now_ms();
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

void exec_end(struct exec *x)
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
