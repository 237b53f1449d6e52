/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker sends, treated as hostile: frames are counted, checked member by member and taken in the one order that frame.h allows; output is
 * read in bounded pieces. Whatever is none of ours ends the worker and is told as what it was.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "failback/plugin.h"
#include "host/pool.h"

/* What one call may leave in the journal and in the archive; the log has a limit of its own. */
#define KEPT_LIMIT (64u << 20)

/* Members of each method: i an integer, s a text, S a text or null, v any value, l a list of texts or null. */
static const struct {
	const char *name;
	bool request;       /* waits for a reply */
	bool still_counts;  /* is worth hearing from a worker that has ended already */
	size_t keeps;       /* what it makes the engine keep, beside the frame itself; 0: nothing */
	const char *members[8];
} methods[] = {
	{"log", false, true, 0, {"i level", "s text"}},
	{"progress", false, true, 0, {"i bp", "s text"}},
	{"advise", false, true, 1, {"s text", "S command"}},
	{"report", false, true, 1, {"s member", "v json"}},
	{"sample", false, true, 0, {"S release", "S source", "i requests", "i failed", "i in_flight", "i latency_us", "i aborted", "i up"}},
	{"retry_after", false, true, 0, {"i ms"}},
	{"fact", true, false, 0, {"i scope", "s key"}},
	{"fact_set", true, true, 1, {"i scope", "s key", "S value"}},
	{"act", true, false, 1, {"s key", "i repeat", "s text"}},
	{"acted", true, true, 1, {"s key", "S result"}},
	{"act_result", true, false, 0, {"s key"}},
	{"start_service", true, false, 256 * 1024, {"s name", "S shell", "l argv", "S directory", "l environment", "S input", "S log"}},
	{"stop_service", true, false, 0, {"s name", "i grace_ms"}},
	{"service_pid", true, false, 0, {"s name"}},
	{"evidence", true, true, 64 * 1024, {"s title", "s name"}},
	{"document", true, false, 0, {"s name"}},
	{"operate", true, false, 0, {"s operation", "S service", "i share", "i flags"}},
	{"probe", true, false, 0, {"S service"}},
	{"notify", true, false, 4096, {"S name", "S summary", "i wait_ms"}},
};

static bool member_fits(const json_t *frame, const char *member)
{
	const json_t *v = json_object_get(frame, member + 2);
	size_t i;
	json_t *item;

	switch (member[0]) {
	case 'i':
		return json_is_integer(v);
	case 's':
		return json_is_string(v);
	case 'S':
		return !v || json_is_null(v) || json_is_string(v);
	case 'l':
		if (!v || json_is_null(v))
			return true;
		json_array_foreach((json_t *)(uintptr_t)v, i, item)
			if (!json_is_string(item))
				return false;
		return json_is_array(v);
	default:
		return v != NULL;
	}
}

static void bad(struct fb_host_call *c, const char *format, ...) FB_PRINTF(2, 3);

static void bad(struct fb_host_call *c, const char *format, ...)
{
	struct fb_text t = {0};
	va_list args;

	fb_text_printf(&t, "%s of %s ", c->operation, c->host->label);
	va_start(args, format);
	fb_text_vprintf(&t, format, args);
	va_end(args);
	c->answered = false;
	fb_call_kill(c, FB_CAUSE_REPLY, fb_text_take(&t));
}

/* Redacts every text below v, in place. */
static void redact_value(const struct fb_redactor *r, json_t *v)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_string(v)) {
		char *s = fb_strdup(json_string_value(v));

		fb_redact(r, s, strlen(s));
		if (json_string_set(v, s) < 0)
			json_string_set(v, "***");
		fb_free(s);
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, item)
			redact_value(r, item);
	} else if (json_is_object(v)) {
		json_object_foreach(v, key, item)
			redact_value(r, item);
	}
}

/* What people and the journal will see. Facts and results are the plugins' own and stay as they are. */
static void redact_frame(const struct fb_host_call *c, json_t *frame)
{
	static const char *const shown[] = {"text", "command", "json", "title", "message", "health"};

	for (size_t i = 0; c->redactor && i < sizeof shown / sizeof *shown; i++)
		redact_value(c->redactor, json_object_get(frame, shown[i]));
}

static bool health_fits(const json_t *h)
{
	json_int_t state = json_integer_value(json_object_get(h, "state"));

	return json_is_object(h) && state >= FB_HEALTH_HEALTHY && state <= FB_HEALTH_BLIND && json_is_integer(json_object_get(h, "latency_us")) &&
	       json_is_integer(json_object_get(h, "value_u")) && member_fits(h, "S text");
}

/* What its own filter refused, one a line. Its word counts only against itself. */
static void take_refused(struct fb_host_call *c, const char *text)
{
	while (c->host->policy && text && *text && json_array_size(c->refused) < 8) {
		size_t n = strcspn(text, "\n");

		if (!c->refused)
			c->refused = json_array();
		json_array_append_new(c->refused, json_stringn(text, n));
		text += n + (text[n] != 0);
	}
}

static void take_done(struct fb_host_call *c, json_t *frame)
{
	const json_t *answer = json_object_get(frame, "answer");
	json_t *health = json_object_get(frame, "health");
	const char *message = json_string_value(json_object_get(frame, "message"));

	if (!json_is_integer(answer) || json_integer_value(answer) < FB_OK || json_integer_value(answer) > FB_FATAL) {
		if (json_is_integer(answer))
			bad(c, "answered %" JSON_INTEGER_FORMAT ", which is none (FB_OK 0, FB_SKIP 1, FB_RETRY 2, FB_FAIL 3, FB_FATAL 4)", json_integer_value(answer));
		else
			bad(c, "answered without a number");
		return;
	}
	if (!member_fits(frame, "S refused")) {
		bad(c, "sent an answer with a wrong 'refused'");
		return;
	}
	take_refused(c, json_string_value(json_object_get(frame, "refused")));
	if (!member_fits(frame, "S message") || (health && !json_is_null(health) && !health_fits(health))) {
		bad(c, "sent an answer with a wrong '%s'", member_fits(frame, "S message") ? "health" : "message");
		return;
	}
	c->answered = true;
	c->answer = (int)json_integer_value(answer);
	c->message = fb_strdup(message);
	c->health = json_is_object(health) ? json_incref(health) : NULL;
	if (c->ending < FB_ENDING_TERM) {
		c->ending = FB_ENDING_ASKED;
		fb_call_arm(c, 1000); /* it shall end by itself now */
	}
}

const char *fb_level_word(int64_t level)
{
	static const char *const words[] = {"debug", "info", "warning", "error"};

	return words[level < 0 ? 0 : level > 3 ? 3 : level];
}

static void take_frame(struct fb_host_call *c, json_t *frame)
{
	const char *m = json_string_value(json_object_get(frame, "m"));
	size_t i;
	int fd = -1;

	redact_frame(c, frame);
	if (!m) {
		bad(c, "sent a frame that does not say what it is");
		return;
	}
	if (c->answered) {
		bad(c, fb_streq(m, "done") ? "answered twice" : "sent '%.40s' after its answer", m);
		return;
	}
	if (fb_streq(m, "done")) {
		take_done(c, frame);
		return;
	}
	for (i = 0; i < sizeof methods / sizeof *methods; i++)
		if (fb_streq(methods[i].name, m))
			break;
	if (i == sizeof methods / sizeof *methods) {
		bad(c, "sent '%.40s', which is nothing that a plugin can ask for", m);
		return;
	}
	for (size_t k = 0; k < 8 && methods[i].members[k]; k++)
		if (!member_fits(frame, methods[i].members[k])) {
			bad(c, "sent '%s' with a wrong '%s'", m, methods[i].members[k] + 2);
			return;
		}
	c->kept += methods[i].keeps ? c->frame_size + methods[i].keeps : 0;
	if (fb_streq(m, "log") && json_integer_value(json_object_get(frame, "level")) >= FB_LOG_WARNING)
		c->kept += c->frame_size; /* a note in the report */
	if (c->kept > KEPT_LIMIT) {
		bad(c, "has asked to keep more than %u MiB of facts, actions, notes, reports and evidence, which is more than one call may", KEPT_LIMIT >> 20);
		return;
	}
	if (methods[i].request && c->waiting) {
		bad(c, "asked for '%s' while '%s' was not answered", m, c->waiting);
		return;
	}
	if (fb_streq(m, "evidence") && (fd = fb_frame_take_fd(&c->reader)) < 0) {
		bad(c, "sent 'evidence' without a file");
		return;
	}
	if (fb_streq(m, "log"))
		fb_capture_line(c->capture, fb_level_word(json_integer_value(json_object_get(frame, "level"))), json_string_value(json_object_get(frame, "text")));
	if (c->exited && !methods[i].still_counts)
		return; /* nobody is there to go on with the answer */
	if (methods[i].request)
		c->waiting = fb_strdup(m);
	if (c->frame_fn) {
		c->frame_fn(c->ctx, c, m, frame, fd);
	} else {
		if (fd >= 0)
			close(fd);
		if (methods[i].request)
			fb_host_call_reply(c, NULL, -1);
	}
}

/* Its end of the socket is closed. */
static void hear_no_more(struct fb_host_call *c)
{
	c->closed = true;
	if (c->sock_poll)
		uv_poll_stop(c->sock_poll);
	if (!c->answered && c->ending == FB_ENDING_NOT && !c->exited) {
		c->ending = FB_ENDING_ASKED;
		fb_call_arm(c, c->grace_ms);
	}
}

void fb_call_read_frames(struct fb_host_call *c, int turns)
{
	struct fb_err err;

	for (int i = 0; i < turns && c->sock >= 0 && !c->closed && c->reason != FB_CAUSE_REPLY; i++) {
		int r = fb_frame_fill(&c->reader, c->sock, &err), whole = 0;
		size_t at = c->reader.at;
		json_t *frame;

		while (c->reason != FB_CAUSE_REPLY && (whole = fb_frame_next(&c->reader, &frame, &err)) > 0) {
			c->frame_size = c->reader.at - at;
			at = c->reader.at;
			take_frame(c, frame);
			json_decref(frame);
		}
		fb_frame_drop_fds(&c->reader);
		if (whole < 0)
			bad(c, "sent what is not a frame: %s", err.text);
		else if (c->reader.flooded)
			bad(c, "sent more descriptors than a frame may bring");
		else if (r < 0)
			hear_no_more(c);
		if (r <= 0)
			break;
	}
}

void fb_call_read_output(struct fb_host_call *c, int turns)
{
	char buf[65536];

	for (int i = 0; i < turns && c->out >= 0; i++) {
		ssize_t n = read(c->out, buf, sizeof buf);

		if (n > 0) {
			fb_capture_output(c->capture, buf, (size_t)n);
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (c->out_poll) /* every writer has closed it */
			uv_poll_stop(c->out_poll);
		break;
	}
}
