/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users of the service and of each release feel, from HAProxy's counters, in rounds that never block.
 *
 * Of the service: the backend's row, or the frontend's for what was answered. Answered with 5xx: hrsp_5xx. Not answered at all (HAProxy closed the connection without a word, as it does when a
 * server dies under a request that it may not repeat): no column counts these, but every stream is counted in stot when it begins, in scur while it
 * lasts and in hrsp_* when it ends with an answer, so stot - scur - hrsp_* is their number. The row is written while other threads go on, so this
 * difference may be one too high for a moment: the least of the last readings is taken, and it never goes down.
 *
 * Of a release: its server's and spare's rows, by attempt: what HAProxy repeated elsewhere (wretr) is no failure for a user, but is one of that release.
 */
#include "blue-green.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

#define READINGS 4
#define ROUND_LIMIT_MS 1000
#define REMEMBER_MS 100

struct counters {
	int64_t requests, failed, aborted;
};

/* A cumulative count over restarts of the source. */
struct series {
	struct counters base, last; /* as first read from this HAProxy process; as last read */
	struct counters before;     /* what earlier HAProxy processes had counted */
	bool begun;
};

struct observer {
	int fd;
	struct bg_reply reply;
	int64_t next_ms, started_ms; /* of the next round; of this one */
	int64_t pid, last_streams;   /* of HAProxy */
	int64_t readings[READINGS], unanswered, history;
	int reading_count;
	bool has_history;
	struct series all, side[2];
	bool complained;
	struct bg b;            /* options and what is remembered, as of remembered_ms */
	int64_t remembered_ms;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t answered(const struct bg_table *t, size_t row)
{
	static const char *const columns[] = {"hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other"};
	int64_t n = 0;

	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		n += bg_table_number(t, row, columns[i], 0);
	return n;
}

/* Requests lost since the observation began, given the number since HAProxy started. */
static int64_t settle(struct observer *o, int64_t reading)
{
	int64_t least;

	o->readings[o->reading_count++ % READINGS] = reading;
	if (o->reading_count < READINGS)
		return o->unanswered;
	least = o->readings[0];
	for (int i = 1; i < READINGS; i++)
		if (o->readings[i] < least)
			least = o->readings[i];
	if (!o->has_history) { /* what was lost before is not counted */
		o->history = least;
		o->has_history = true;
	}
	if (least - o->history > o->unanswered)
		o->unanswered = least - o->history;
	return o->unanswered;
}

static void give(const struct fb_call *call, struct series *s, struct counters now, bool reset, struct fb_sample sample)
{
	if (!s->begun) {
		s->base = now;
		s->begun = true;
	} else if (reset) { /* counts anew from 0: what was counted stays */
		s->before.requests += s->last.requests - s->base.requests;
		s->before.failed += s->last.failed - s->base.failed;
		s->before.aborted += s->last.aborted - s->base.aborted;
		s->base = (struct counters){0};
	}
	s->last = now;
	sample.requests = s->before.requests + now.requests - s->base.requests;
	sample.failed = s->before.failed + now.failed - s->base.failed;
	sample.aborted = s->before.aborted + now.aborted - s->base.aborted;
	sample.reset = reset;
	call->host->sample(call, &sample);
}

/* front: the frontend's row of its own table, row 0 where only the backend's answers count. */
static void sample_service(const struct fb_call *call, const struct bg *b, struct observer *o, const struct bg_table *t, size_t row,
			   const struct bg_table *front, size_t front_row, bool reset)
{
	int64_t scur = bg_table_number(t, row, "scur", 0), rtime = bg_table_number(t, row, "rtime", -1);
	int64_t unanswered = settle(o, bg_table_number(t, row, "stot", 0) - scur - answered(t, row));
	const struct bg_table *seen = front_row ? front : t;
	size_t seen_row = front_row ? front_row : row;
	const char *status = bg_table_cell(t, row, "status");
	char source[BG_NAME + 32];

	snprintf(source, sizeof source, "haproxy %s %s", front_row ? "frontend" : "backend", front_row ? b->frontend : b->backend);
	give(call, &o->all,
	     (struct counters){.requests = answered(seen, seen_row) + unanswered, .failed = bg_table_number(seen, seen_row, "hrsp_5xx", 0) + unanswered,
			       .aborted = bg_table_number(t, row, "cli_abrt", 0)},
	     reset,
	     (struct fb_sample){.source = source, .in_flight = scur, .latency_us = rtime < 0 ? -1 : rtime * 1000,
				.up = status ? !strncmp(status, "UP", 2) : -1});
}

/* 1 up, 0 down, -1 not known: in maintenance nothing is checked */
static int up_of(const char *status)
{
	if (!status || !strncmp(status, "MAINT", 5) || !strncmp(status, "no check", 8))
		return -1;
	return strncmp(status, "DOWN", 4) != 0;
}

static void sample_side(const struct fb_call *call, const struct bg *b, struct observer *o, int which, const struct bg_table *t, bool reset)
{
	const struct bg_side *side = &b->side[which];
	const char *const names[] = {side->server.name, side->spare.name};
	struct counters now = {.aborted = 0};
	char source[BG_NAME * 2 + 32];
	struct fb_sample sample = {.release = side->release, .source = source, .latency_us = -1, .up = -1};

	if (!side->release[0])
		return;
	snprintf(source, sizeof source, "haproxy server %s/%s", b->backend, side->server.name);
	for (int i = 0; i < 2; i++) {
		size_t row = names[i][0] ? bg_table_find(t, "pxname", b->backend, "svname", names[i]) : 0;
		int64_t lost;
		int up;

		if (!row)
			continue;
		lost = bg_table_number(t, row, "wretr", 0) + bg_table_number(t, row, "econ", 0) + bg_table_number(t, row, "eresp", 0);
		now.requests += answered(t, row) + lost;
		now.failed += bg_table_number(t, row, "hrsp_5xx", 0) + lost;
		now.aborted += bg_table_number(t, row, "cli_abrt", 0);
		sample.in_flight += bg_table_number(t, row, "scur", 0);
		if (i == 0 && bg_table_number(t, row, "rtime", -1) >= 0)
			sample.latency_us = bg_table_number(t, row, "rtime", 0) * 1000;
		up = up_of(bg_table_cell(t, row, "status"));
		if (up >= 0 && sample.up != 0) /* one that is down is enough */
			sample.up = up;
	}
	give(call, &o->side[which], now, reset, sample);
}

static int64_t pid_of(const char *info)
{
	const char *p = strstr(info, "\nPid: ");

	return p ? strtoll(p + 6, NULL, 10) : 0;
}

static void complain(const struct fb_call *call, struct observer *o, const char *error)
{
	if (!o->complained)
		call->host->log(call, FB_LOG_WARNING, "users' requests are not counted, which is tried again: %s", error);
	o->complained = true;
}

static bool is_reset(const struct observer *o, const struct bg_table *t, size_t row, int64_t pid)
{
	return o->all.begun && (pid != o->pid || bg_table_number(t, row, "stot", 0) < o->last_streams);
}

static void take(const struct fb_call *call, const struct bg *b, struct observer *o)
{
	const char *stat = strstr(o->reply.text, "# pxname,"), *second = stat ? strstr(stat + 1, "# pxname,") : NULL;
	int64_t pid = pid_of(o->reply.text);
	struct bg_table t = {0}, front = {0};
	size_t row, front_row = 0;
	bool reset;

	if (!stat || bg_table_parse(stat, ',', &t) || (second && bg_table_parse(second, ',', &front))) {
		complain(call, o, "HAProxy's answer to 'show stat' was not understood; is the option 'backend' right?");
		bg_table_clear(&t);
		return;
	}
	row = bg_table_find(&t, "pxname", b->backend, "svname", "BACKEND");
	if (second)
		front_row = bg_table_find(&front, "pxname", b->frontend, "svname", "FRONTEND");
	if (!row || (b->frontend[0] && !front_row)) {
		complain(call, o, "HAProxy has no such backend or frontend; mend the options 'backend' and 'frontend'");
	} else {
		reset = is_reset(o, &t, row, pid);
		if (reset) { /* a new process: it has lost none yet */
			o->unanswered = o->history = o->reading_count = 0;
			o->has_history = true;
		}
		o->pid = pid;
		o->last_streams = bg_table_number(&t, row, "stot", 0);
		o->complained = false;
		sample_service(call, b, o, &t, row, &front, front_row, reset);
		for (int i = 0; i < 2; i++)
			sample_side(call, b, o, i, &t, reset);
	}
	bg_table_clear(&t);
	bg_table_clear(&front);
}

static void round_end(struct observer *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	o->reply.n = 0;
}

/* Facts are a question to the engine each: not every round. A side that got another release begins to count anew. */
static void remember(const struct fb_call *call, struct observer *o, int64_t now)
{
	struct bg fresh;

	if (o->remembered_ms && now - o->remembered_ms < REMEMBER_MS) {
		o->b.call = call;
		o->b.host = call->host;
		return;
	}
	bg_open(&fresh, call);
	for (int i = 0; i < 2; i++)
		if (strcmp(fresh.side[i].release, o->b.side[i].release) != 0)
			o->side[i] = (struct series){0};
	o->b = fresh;
	o->remembered_ms = now;
}

static void round_begin(const struct fb_call *call, struct observer *o, int64_t now)
{
	char error[BG_ERROR_SIZE], command[BG_NAME * 2 + 96];
	int n;

	o->started_ms = now;
	o->next_ms = now + call->host->option_int(call, "observe_interval", 10);
	n = snprintf(command, sizeof command, "show info;show stat %s 6 -1", o->b.backend);
	if (o->b.frontend[0])
		snprintf(command + n, sizeof command - (size_t)n, ";show stat %s 1 -1", o->b.frontend);
	o->fd = bg_haproxy_begin(o->b.socket, command, error);
	if (o->fd < 0)
		complain(call, o, error);
}

static void round_go_on(const struct fb_call *call, struct observer *o, int64_t now)
{
	char error[BG_ERROR_SIZE];
	int rc = bg_haproxy_receive(o->fd, &o->reply, error);

	if (rc == 0 && now - o->started_ms > ROUND_LIMIT_MS) {
		snprintf(error, sizeof error, "HAProxy did not answer within %d ms", ROUND_LIMIT_MS);
		rc = -1;
	}
	if (rc < 0)
		complain(call, o, error);
	if (rc > 0)
		take(call, &o->b, o);
	if (rc != 0)
		round_end(o);
}

int32_t bg_observe(const struct fb_call *call, void **state, struct fb_wait *wait)
{
	struct observer *o = *state;
	int64_t now = now_ms();

	if (!o) {
		o = *state = calloc(1, sizeof *o);
		if (!o)
			return FB_STEP_DONE;
		o->fd = -1;
	}
	if (call->host->remaining_ms(call) == 0) {
		round_end(o);
		free(o->reply.text);
		free(o);
		*state = NULL;
		return FB_STEP_DONE;
	}
	remember(call, o, now);
	if (o->fd < 0 && now >= o->next_ms)
		round_begin(call, o, now);
	if (o->fd >= 0)
		round_go_on(call, o, now);
	if (o->fd >= 0)
		*wait = (struct fb_wait){.fd = o->fd, .events = FB_WAIT_READ, .until_ms = o->started_ms + ROUND_LIMIT_MS + 1};
	else
		*wait = (struct fb_wait){.fd = -1, .until_ms = o->next_ms};
	return FB_STEP_WAIT;
}
