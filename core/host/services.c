/* SPDX-License-Identifier: Apache-2.0 */
/* The table of host services, and the connection under it: frames to the engine and its replies. Single-threaded, as plugin.h demands. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/worker.h"

struct fb_worker *fb_worker_of(const struct fb_call *call)
{
	return call->handle;
}

const char *fb_worker_keep(struct fb_worker *w, enum fb_worker_text slot, char *text)
{
	fb_free(w->text[slot]);
	return w->text[slot] = text;
}

/* Whatever came: a stop is noted, a reply is handed over. 1: *ret is a reply, 0: none yet, -1: the engine is gone. */
static int take(struct fb_worker *w, json_t **ret)
{
	json_t *frame;
	int r;

	while ((r = fb_frame_next(&w->reader, &frame, NULL)) > 0) {
		const char *m = json_string_value(json_object_get(frame, "m"));

		if (fb_streq(m, "reply") && ret) {
			*ret = frame;
			return 1;
		}
		if (fb_streq(m, "stop"))
			w->stopped = true;
		json_decref(frame);
	}
	if (r < 0)
		w->gone = true;
	return w->gone ? -1 : 0;
}

void fb_worker_look(struct fb_worker *w)
{
	while (!w->gone) {
		int r = fb_frame_fill(&w->reader, w->sock, NULL);

		if (r < 0)
			w->gone = true;
		if (take(w, NULL) < 0 || r == 0)
			break;
	}
}

int fb_worker_tell(struct fb_worker *w, json_t *frame)
{
	struct fb_err err;
	int r = w->gone ? -1 : fb_frame_send(w->sock, frame, NULL, 0, -1, &err);

	json_decref(frame);
	return r;
}

json_t *fb_worker_ask(struct fb_worker *w, json_t *frame, int fd, int *ret_fd)
{
	json_t *reply = NULL;
	struct fb_err err;
	int r = w->gone ? -1 : fb_frame_send(w->sock, frame, &fd, fd >= 0, -1, &err);

	json_decref(frame);
	while (r == 0 && (r = take(w, &reply)) == 0) {
		struct pollfd wait = {.fd = w->sock, .events = POLLIN};

		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			break;
		if (fb_frame_fill(&w->reader, w->sock, &err) < 0)
			w->gone = true;
	}
	if (ret_fd)
		*ret_fd = reply ? fb_frame_take_fd(&w->reader) : -1;
	fb_frame_drop_fds(&w->reader);
	return reply;
}

int64_t fb_worker_remaining_ms(struct fb_worker *w)
{
	int64_t left;

	fb_worker_look(w);
	left = w->call.deadline_ms - fb_clock_ms();
	return w->stopped || w->gone || left < 0 ? 0 : left;
}

static void tell_log(struct fb_worker *w, int level, const char *format, va_list args) FB_PRINTF(3, 0);

static void tell_log(struct fb_worker *w, int level, const char *format, va_list args)
{
	struct fb_text t = {0};
	int r;

	if (!format)
		return;
	fb_text_vprintf(&t, format, args);
	r = fb_worker_tell(w, json_pack("{s:s, s:i, s:o}", "m", "log", "level", level, "text", fb_frame_text(t.p ? t.p : "", FB_TEXT_LIMIT)));
	(void)r; /* nobody is left to tell */
	fb_text_clear(&t);
}

void fb_worker_log(struct fb_worker *w, int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell_log(w, level, format, args);
	va_end(args);
}

static void service_log(const struct fb_call *call, int32_t level, const char *format, ...) FB_PRINTF(3, 4);
static void service_fail(const struct fb_call *call, const char *format, ...) FB_PRINTF(2, 3);

static void service_log(const struct fb_call *call, int32_t level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell_log(fb_worker_of(call), level < FB_LOG_DEBUG ? FB_LOG_DEBUG : level > FB_LOG_ERROR ? FB_LOG_ERROR : level, format, args);
	va_end(args);
}

static void service_fail(const struct fb_call *call, const char *format, ...)
{
	struct fb_worker *w = fb_worker_of(call);
	struct fb_text t = {0};
	va_list args;

	if (!format)
		return;
	va_start(args, format);
	fb_text_vprintf(&t, format, args);
	va_end(args);
	fb_free(w->message);
	w->message = fb_text_take(&t);
}

static void service_advise(const struct fb_call *call, const char *text, const char *command)
{
	int r = fb_worker_tell(fb_worker_of(call), json_pack("{s:s, s:o, s:o}", "m", "advise", "text", fb_frame_text(text ? text : "", FB_TEXT_LIMIT), "command",
							     fb_frame_text(command, FB_TEXT_LIMIT)));
	(void)r;
}

static void service_progress(const struct fb_call *call, int32_t basis_points, const char *text)
{
	struct fb_worker *w = fb_worker_of(call);
	int64_t now = fb_clock_ms();
	int r;

	if (basis_points < 10000 && w->progress_ms && now - w->progress_ms < 100)
		return;
	w->progress_ms = now;
	r = fb_worker_tell(w, json_pack("{s:s, s:i, s:o}", "m", "progress", "bp", basis_points < -1 ? -1 : basis_points > 10000 ? 10000 : basis_points, "text",
					fb_frame_text(text ? text : "", FB_TEXT_LIMIT)));
	(void)r;
}

static int32_t service_report(const struct fb_call *call, const char *member, const char *json)
{
	json_t *value;

	if (!member || !*member || !json || strnlen(json, FB_VALUE_LIMIT + 1) > FB_VALUE_LIMIT)
		return -1;
	value = json_loads(json, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!value)
		return -1;
	return fb_worker_tell(fb_worker_of(call), json_pack("{s:s, s:o, s:o}", "m", "report", "member", fb_frame_text(member, FB_TEXT_LIMIT), "json", value));
}

static int64_t service_remaining_ms(const struct fb_call *call)
{
	return fb_worker_remaining_ms(fb_worker_of(call));
}

static int32_t service_sleep_ms(const struct fb_call *call, int64_t ms)
{
	struct fb_worker *w = fb_worker_of(call);
	int64_t end = fb_clock_ms() + (ms < 0 ? 0 : ms < INT32_MAX ? ms : INT32_MAX);

	for (;;) {
		struct pollfd wait = {.fd = w->sock, .events = POLLIN};
		int64_t left = fb_worker_remaining_ms(w), more = end - fb_clock_ms();

		if (left == 0)
			return -1;
		if (more <= 0)
			return 0;
		poll(&wait, 1, (int)(more < left ? more : left));
	}
}

static void service_sample(const struct fb_call *call, const struct fb_sample *theirs)
{
	struct fb_worker *w = fb_worker_of(call);
	struct fb_sample s;
	int r;

	if (!theirs)
		return;
	fb_worker_take(w, FB_SIZE_SAMPLE, &s, theirs);
	r = fb_worker_tell(w, json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:i, s:b}", "m", "sample", "release", fb_frame_text(s.release, FB_TEXT_LIMIT), "source",
					fb_frame_text(s.source, FB_TEXT_LIMIT), "requests", (json_int_t)s.requests, "failed", (json_int_t)s.failed, "in_flight",
					(json_int_t)s.in_flight, "latency_us", (json_int_t)s.latency_us, "aborted", (json_int_t)s.aborted, "up", s.up, "reset", s.reset));
	(void)r;
}

static void service_retry_after(const struct fb_call *call, int64_t ms)
{
	int r = fb_worker_tell(fb_worker_of(call), json_pack("{s:s, s:I}", "m", "retry_after", "ms", (json_int_t)(ms < 0 ? 0 : ms)));

	(void)r;
}

const struct fb_host *fb_services(void)
{
	static const struct fb_host table = {
		.log = service_log,
		.fail = service_fail,
		.advise = service_advise,
		.progress = service_progress,
		.option = fb_service_option,
		.option_int = fb_service_option_int,
		.option_count = fb_service_option_count,
		.option_key = fb_service_option_key,
		.fact = fb_service_fact,
		.fact_set = fb_service_fact_set,
		.act = fb_service_act,
		.acted = fb_service_acted,
		.act_result = fb_service_act_result,
		.run = fb_service_run,
		.start_service = fb_service_start,
		.stop_service = fb_service_stop,
		.service_pid = fb_service_pid,
		.evidence = fb_service_evidence,
		.evidence_text = fb_service_evidence_text,
		.report = service_report,
		.document = fb_service_document,
		.remaining_ms = service_remaining_ms,
		.sleep_ms = service_sleep_ms,
		.operate = fb_service_operate,
		.probe = fb_service_probe,
		.notify = fb_service_notify,
		.sample = service_sample,
		.retry_after = service_retry_after,
		.json_string = fb_service_json_string,
		.json_value = fb_service_json_value,
	};

	return &table;
}
