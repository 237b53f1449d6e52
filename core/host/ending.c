/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How calls end. A worker is asked (a stop, or its deadline's SIGTERM), then killed, then its host is killed, each step by one timer; when nothing of
 * it is left, the caller is told once, with the cause.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "host/pool.h"

#define AFTER_TERM_MS 1000 /* of a stop */
#define AFTER_KILL_MS 3000 /* for the host to tell that the worker is gone, with all that it left */
#define DRAIN_TURNS 256

void fb_call_arm(struct fb_host_call *c, int64_t in_ms)
{
	uv_update_time(c->pool->loop);
	uv_timer_start(c->timer, fb_call_on_timer, (uint64_t)(in_ms > 0 ? in_ms : 0), 0);
}

static void send_signal(struct fb_host_call *c, int sig)
{
	int r = fb_pool_tell(c->host, json_pack("{s:s, s:I, s:i}", "m", "signal", "id", c->id, "signal", sig), NULL, 0);

	(void)r; /* a host that is gone is seen elsewhere */
}

static void set_reason(struct fb_host_call *c, int cause, char *why)
{
	if (c->reason == FB_CAUSE_ANSWER && !c->answered) {
		c->reason = cause;
		c->why = why;
	} else {
		fb_free(why);
	}
}

void fb_call_kill(struct fb_host_call *c, int cause, char *why)
{
	set_reason(c, cause, why);
	if (c->ending == FB_ENDING_KILL || c->exited)
		return;
	c->ending = FB_ENDING_KILL;
	if (c->sock_poll && cause == FB_CAUSE_REPLY)
		uv_poll_stop(c->sock_poll);
	if (c->asked)
		send_signal(c, SIGKILL);
	fb_call_arm(c, c->asked ? AFTER_KILL_MS : 0);
}

static char *deadline_text(const struct fb_host_call *c)
{
	char span[32];

	fb_duration_format((fb_clock_us() - c->began_us) / 1000, span, sizeof span);
	if (!c->asked)
		return fb_asprintf("%s of %s could not begin before its deadline: its host was still loading after %s", c->operation, c->host->label, span);
	return fb_asprintf("%s of %s gave no answer before its deadline, after %s, and was ended", c->operation, c->host->label, span);
}

static void ask_to_end(struct fb_host_call *c)
{
	bool stopped = c->stopping && fb_clock_ms() < c->deadline_ms;

	if (stopped)
		set_reason(c, FB_CAUSE_STOPPED, fb_asprintf("%s of %s was stopped: it had not returned %lld ms after it was asked to", c->operation, c->host->label, (long long)c->grace_ms));
	else
		set_reason(c, FB_CAUSE_DEADLINE, deadline_text(c));
	c->ending = FB_ENDING_TERM;
	send_signal(c, SIGTERM);
	fb_call_arm(c, stopped && c->grace_ms > AFTER_TERM_MS ? AFTER_TERM_MS : c->grace_ms);
}

void fb_call_on_timer(uv_timer_t *timer)
{
	struct fb_host_call *c = timer->data;
	char text[256];

	if (c->broken.code) {
		fb_call_finish_refused(c, &c->broken);
		return;
	}
	if (!c->asked) {
		if (c->reason == FB_CAUSE_ANSWER)
			set_reason(c, FB_CAUSE_DEADLINE, deadline_text(c));
		fb_call_conclude(c);
		return;
	}
	switch (c->ending) {
	case FB_ENDING_NOT:
		ask_to_end(c);
		break;
	case FB_ENDING_ASKED:
		if (c->stopping && !c->answered && !c->closed)
			ask_to_end(c);
		else if (c->answered)
			fb_call_kill(c, FB_CAUSE_ANSWER, NULL);
		else
			fb_call_kill(c, FB_CAUSE_REPLY, fb_asprintf("%s of %s closed its connection to failback without an answer and went on running", c->operation, c->host->label));
		break;
	case FB_ENDING_TERM:
		fb_call_kill(c, c->reason, NULL);
		break;
	default:
		snprintf(text, sizeof text, "the host of %s did not tell within 3 s that a killed worker had ended; it was killed as well", c->host->label);
		fb_pool_lost(c->host, text);
	}
}

static void close_handle(uv_handle_t *handle)
{
	fb_free(handle);
}

static void free_call(struct fb_host_call *c)
{
	for (struct fb_host_call **p = &c->pool->calls; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			break;
		}
	if (c->sock >= 0)
		close(c->sock);
	if (c->out >= 0)
		close(c->out);
	if (c->request) {
		explicit_bzero(c->request, c->request_size);
		fb_free(c->request);
	}
	fb_frame_reader_clear(&c->reader);
	fb_outbox_clear(&c->outbox);
	json_decref(c->health);
	json_decref(c->leftovers);
	json_decref(c->refused);
	fb_free(c->verdict);
	fb_free(c->operation);
	fb_free(c->log_path);
	fb_free(c->waiting);
	fb_free(c->why);
	fb_free(c->message);
	fb_free(c);
}

/* The sentence for an end that nobody asked for. */
static void explain(struct fb_host_call *c, struct fb_call_result *r)
{
	if (c->status >= 0 && WIFSIGNALED(c->status)) {
		r->cause = FB_CAUSE_SIGNAL;
		r->number = WTERMSIG(c->status);
		c->why = fb_asprintf("%s of %s was ended by signal %d (%s)", c->operation, c->host->label, r->number, strsignal(r->number));
	} else {
		r->cause = FB_CAUSE_EXIT;
		r->number = c->status >= 0 && WIFEXITED(c->status) ? WEXITSTATUS(c->status) : -1;
		c->why = fb_asprintf("%s of %s ended with exit code %d without an answer", c->operation, c->host->label, r->number);
	}
}

void fb_call_conclude(struct fb_host_call *c)
{
	struct fb_call_result r = {.cause = c->reason};
	struct fb_err err;

	uv_close((uv_handle_t *)c->timer, close_handle);
	if (c->sock_poll)
		uv_close((uv_handle_t *)c->sock_poll, close_handle);
	if (c->out_poll)
		uv_close((uv_handle_t *)c->out_poll, close_handle);
	c->sock_poll = c->out_poll = NULL;
	c->exited = true;
	if (c->answered) {
		r.cause = FB_CAUSE_ANSWER;
		r.answer = c->answer;
		r.health = c->health;
	} else {
		if (c->reason == FB_CAUSE_ANSWER)
			explain(c, &r);
		r.answer = r.cause == FB_CAUSE_REPLY || (r.cause == FB_CAUSE_HOST && c->broken.code) ? FB_FATAL : FB_FAIL;
	}
	r.message = c->answered ? (c->answer == FB_OK ? NULL : c->message) : c->why;
	r.leftovers = json_array_size(c->leftovers) ? c->leftovers : NULL;
	r.elapsed_us = fb_clock_us() - c->began_us;
	r.user_us = c->user_us;
	r.system_us = c->system_us;
	r.max_rss_kib = c->max_rss_kib;
	if (!c->answered && c->why)
		fb_host_call_note(c, c->why);
	fb_confine_judge(c, &r);
	if (fb_capture_end(c->capture, &err) < 0 && !r.message)
		r.message = NULL; /* the effect counts, the log is a convenience; the caller sees the missing file */
	c->capture = NULL;
	if (c->done_fn)
		c->done_fn(c->ctx, c, &r);
	free_call(c);
}

static int64_t number(const json_t *frame, const char *member)
{
	return json_integer_value(json_object_get(frame, member));
}

void fb_call_exited(struct fb_host_call *c, json_t *frame)
{
	json_t *leftovers = json_object_get(frame, "leftovers"), *item;
	size_t i;

	c->exited = true;
	c->status = (int)number(frame, "status");
	c->user_us = number(frame, "user_us");
	c->system_us = number(frame, "system_us");
	c->max_rss_kib = number(frame, "max_rss_kib");
	json_array_foreach(leftovers, i, item)
		if (json_is_string(item))
			json_array_append(c->leftovers, item);
	if (c->capture) {
		fb_call_read_output(c, DRAIN_TURNS);
		fb_call_read_frames(c, DRAIN_TURNS);
	}
	fb_call_conclude(c);
}

void fb_call_host_gone(struct fb_host_call *c, const char *why, json_t *leftovers)
{
	c->exited = true;
	if (leftovers)
		json_array_extend(c->leftovers, leftovers);
	if (c->capture) {
		fb_call_read_output(c, DRAIN_TURNS);
		fb_call_read_frames(c, DRAIN_TURNS);
	}
	set_reason(c, FB_CAUSE_HOST, fb_strdup(why));
	fb_call_conclude(c);
}

void fb_call_finish_refused(struct fb_host_call *c, const struct fb_err *why)
{
	c->exited = true;
	if (!c->broken.code)
		c->broken = *why;
	set_reason(c, FB_CAUSE_HOST, fb_strdup(why->text));
	fb_call_conclude(c);
}
