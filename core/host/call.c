/* SPDX-License-Identifier: Apache-2.0 */
/* One call from the request to the worker's first word: what goes out. What comes in is incoming.c's, how it ends ending.c's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "failback/plugin.h"
#include "host/pool.h"

#define GRACE_MS 2000
#define TURNS 4 /* reads of one call in one turn of the loop: a flood must not starve the others */

static char *encode_request(const struct fb_plugin_host *h, const struct fb_call_spec *spec, size_t *ret_size, struct fb_err *err)
{
	json_t *frame = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:O*, s:O*}", "m", "call", "kind", spec->kind, "operation", spec->operation, "flags", (json_int_t)spec->flags,
				  "attempt", (json_int_t)spec->attempt, "share", (json_int_t)spec->share, "deadline_ms", (json_int_t)spec->deadline_ms, "context", spec->context,
				  "options", spec->options);
	char *p;

	if (h->policy) { /* a sandboxed plugin has a scratch folder of its own, or none */
		json_t *context = json_copy(spec->context);

		json_object_set_new(context, "scratch", h->work ? json_string(h->work) : json_null());
		json_object_set_new(frame, "context", context);
	}
	p = fb_frame_encode(frame, ret_size, err);
	json_decref(frame);
	if (!p)
		fb_err_prefix(err, "cannot call %s of %s-%s: its options and context are too large", spec->operation, spec->kind, spec->name);
	return p;
}

struct fb_host_call *fb_host_call(struct fb_pool *p, const struct fb_call_spec *spec)
{
	struct fb_host_call *c = fb_alloc(sizeof *c);
	int64_t now = fb_clock_ms();

	c->pool = p;
	c->id = ++p->last_id;
	c->operation = fb_strdup(spec->operation);
	c->began_us = fb_clock_us();
	c->deadline_ms = spec->deadline_ms;
	c->grace_ms = spec->grace_ms > 0 ? spec->grace_ms : GRACE_MS;
	c->started_fn = spec->started;
	c->frame_fn = spec->frame;
	c->done_fn = spec->done;
	c->ctx = spec->ctx;
	c->redactor = spec->redactor;
	c->log_path = fb_strdup(spec->log_path);
	c->log_limit = spec->log_limit;
	c->sock = c->out = -1;
	c->leftovers = json_array();
	c->host = fb_pool_find(p, spec->kind, spec->name);
	c->next = p->calls;
	p->calls = c;
	c->timer = fb_alloc(sizeof *c->timer);
	uv_timer_init(p->loop, c->timer);
	c->timer->data = c;
	if (c->host->state == FB_HOST_IDLE)
		fb_pool_start(c->host);
	c->request = encode_request(c->host, spec, &c->request_size, &c->broken);
	if (c->request && c->host->refusal.code)
		c->broken = c->host->refusal;
	fb_call_arm(c, c->broken.code ? 0 : c->deadline_ms - now);
	if (!c->broken.code && c->host->state == FB_HOST_READY)
		fb_call_begin(c);
	return c;
}

/* Has the host fork a worker: its ends of the socket and of the output pipe go there, ours are kept. 0, or -1 with errno. */
static int ask_worker(struct fb_plugin_host *h, json_int_t id, int *ret_sock, int *ret_out)
{
	int sock[2], out[2], r, e;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) < 0)
		return -1;
	if (pipe2(out, O_CLOEXEC) < 0) {
		e = errno;
		close(sock[0]);
		close(sock[1]);
		errno = e;
		return -1;
	}
	fcntl(sock[0], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	*ret_sock = sock[0];
	*ret_out = out[0];
	r = fb_pool_tell(h, json_pack("{s:s, s:I}", "m", "call", "id", id), (int[]){sock[1], out[1]}, 2);
	close(sock[1]);
	close(out[1]);
	errno = ECONNRESET;
	return r;
}

void fb_pool_near(struct fb_pool *p, const char *kind, const char *name)
{
	struct fb_plugin_host *h = fb_pool_find(p, kind, name);
	struct fb_spare spare = {.id = p->last_id + 1, .sock = -1, .out = -1};

	h->near = p->held;
	if (h->state != FB_HOST_READY || h->spare.id || !p->loop || p->held)
		return;
	p->last_id++;
	if (ask_worker(h, spare.id, &spare.sock, &spare.out) == 0) {
		h->spare = spare;
	} else if (spare.sock >= 0) {
		close(spare.sock);
		close(spare.out);
	}
}

void fb_call_drop_spare(struct fb_plugin_host *h)
{
	if (!h->spare.id)
		return;
	close(h->spare.sock); /* a worker that never got its call ends by itself */
	close(h->spare.out);
	h->spare = (struct fb_spare){0};
}

static void take_spare(struct fb_host_call *c)
{
	struct fb_spare spare = c->host->spare;

	c->host->spare = (struct fb_spare){0};
	c->id = spare.id;
	c->sock = spare.sock;
	c->out = spare.out;
	if (spare.worker.pid)
		fb_call_started(c, &spare.worker);
}

void fb_call_begin(struct fb_host_call *c)
{
	c->asked = true;
	if (c->host->spare.id) {
		take_spare(c);
	} else if (ask_worker(c->host, c->id, &c->sock, &c->out) < 0) {
		fb_err_set(&c->broken, FB_EXIT_PLUGIN, "cannot make a connection for a worker of %s: %s", c->host->label, strerror(errno));
		fb_call_arm(c, 0);
	}
}

static void on_sock(uv_poll_t *poll, int status, int events)
{
	struct fb_host_call *c = poll->data;

	if (events & UV_WRITABLE)
		fb_call_send(c);
	if (events & UV_READABLE || status < 0)
		fb_call_read_frames(c, TURNS);
}

static void on_out(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	fb_call_read_output(poll->data, TURNS);
}

void fb_call_send(struct fb_host_call *c)
{
	int rest;

	if (c->pool->held)
		return;
	rest = c->sock >= 0 ? fb_outbox_send(&c->outbox, c->sock) : 0;
	if (c->sock_poll)
		uv_poll_start(c->sock_poll, UV_READABLE | (rest > 0 ? UV_WRITABLE : 0), on_sock);
}

void fb_pool_hold(struct fb_pool *p)
{
	p->held = true;
}

void fb_pool_release(struct fb_pool *p)
{
	p->held = false;
	for (struct fb_host_call *c = p->calls; c; c = c->next)
		fb_call_send(c);
	for (struct fb_plugin_host *h = p->hosts; h; h = h->next)
		if (h->near) /* after the calls: a fork beside a commit would delay both */
			fb_pool_near(p, h->kind, h->name);
}

static uv_poll_t *watch(struct fb_host_call *c, int fd, uv_poll_cb on)
{
	uv_poll_t *poll = fb_alloc(sizeof *poll);

	uv_poll_init(c->pool->loop, poll, fd);
	poll->data = c;
	uv_poll_start(poll, UV_READABLE, on);
	return poll;
}

static void put_frame(struct fb_host_call *c, json_t *frame, int fd)
{
	size_t size;
	char *p = fb_frame_encode(frame, &size, NULL);

	json_decref(frame);
	if (p)
		fb_outbox_put(&c->outbox, p, size, &fd, fd >= 0);
	fb_call_send(c);
}

void fb_call_started(struct fb_host_call *c, const struct fb_proc *worker)
{
	struct fb_err err = {0};

	if (c->worker.pid || worker->pid <= 0)
		return; /* a host that says it twice is not believed */
	c->worker = *worker;
	c->capture = fb_capture_new(c->log_path, c->log_limit, c->redactor);
	c->sock_poll = watch(c, c->sock, on_sock);
	c->out_poll = watch(c, c->out, on_out);
	if (c->ending == FB_ENDING_KILL)
		return;
	if (c->started_fn && c->started_fn(c->ctx, c, worker, &err) != 0) {
		fb_call_kill(c, FB_CAUSE_STOPPED, fb_asprintf("%s of %s was not begun: %s", c->operation, c->host->label, err.text[0] ? err.text : "it could not be recorded"));
		return;
	}
	fb_outbox_put(&c->outbox, c->request, c->request_size, NULL, 0);
	c->request = NULL;
	c->running = true;
	if (c->stopping)
		put_frame(c, json_pack("{s:s}", "m", "stop"), -1);
	else
		fb_call_send(c);
}

void fb_host_call_reply(struct fb_host_call *c, json_t *reply, int fd)
{
	json_t *copy;

	if (!c->waiting)
		return; /* it has ended meanwhile, or was never asked */
	fb_free(c->waiting);
	c->waiting = NULL;
	copy = reply ? json_copy(reply) : json_object();
	json_object_set_new(copy, "m", json_string("reply"));
	if (json_dumpb(copy, NULL, 0, JSON_COMPACT) > FB_FRAME_LIMIT) {
		json_decref(copy);
		copy = json_pack("{s:s}", "m", "reply"); /* reads as refused */
		fb_host_call_note(c, "an answer to the plugin was too large to be sent");
	}
	put_frame(c, copy, fd);
}

void fb_host_call_note(struct fb_host_call *c, const char *text)
{
	if (c->capture)
		fb_capture_line(c->capture, "failback", text);
}

void fb_host_call_stop(struct fb_host_call *c, bool force)
{
	if (force) {
		if (c->ending != FB_ENDING_KILL && !c->answered)
			fb_call_kill(c, FB_CAUSE_STOPPED, fb_asprintf("%s of %s was stopped by force", c->operation, c->host->label));
		return;
	}
	if (c->stopping || c->ending != FB_ENDING_NOT)
		return;
	c->stopping = true;
	if (!c->asked) { /* its host is still loading: nothing has begun */
		fb_call_kill(c, FB_CAUSE_STOPPED, fb_asprintf("%s of %s was stopped before it began", c->operation, c->host->label));
		return;
	}
	c->ending = FB_ENDING_ASKED;
	if (c->running)
		put_frame(c, json_pack("{s:s}", "m", "stop"), -1);
	fb_call_arm(c, c->grace_ms);
}
