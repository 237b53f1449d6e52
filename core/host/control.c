/* SPDX-License-Identifier: Apache-2.0 */
/* What a host says on its control socket, and what follows: loaded, refused, a worker started or ended, or nothing more, ever. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/children.h"
#include "host/guard.h"
#include "host/pool.h"

#define LAST_WORD_MS 300   /* for one that has closed its socket while it was loading: how did it end? */
#define FRAMES_PER_TURN 64

static void close_handle(uv_handle_t *handle)
{
	fb_free(handle);
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	struct fb_plugin_host *h = poll->data;

	if (events & UV_WRITABLE || status < 0)
		fb_pool_watch(h); /* sends what waited */
	if (h->control >= 0 && (events & UV_READABLE || status < 0))
		fb_pool_read_control(h);
}

static void on_load_timer(uv_timer_t *timer)
{
	fb_pool_load_over(timer->data);
}

void fb_pool_watch(struct fb_plugin_host *h)
{
	int rest = h->control >= 0 ? fb_outbox_send(&h->outbox, h->control) : 0;

	if (!h->pool->loop || h->control < 0)
		return;
	if (!h->poll) {
		h->poll = fb_alloc(sizeof *h->poll);
		uv_poll_init(h->pool->loop, h->poll, h->control);
		h->poll->data = h;
		uv_unref((uv_handle_t *)h->poll); /* a host that waits for work keeps no loop alive */
	}
	uv_poll_start(h->poll, UV_READABLE | (rest > 0 ? UV_WRITABLE : 0), on_control);
	fb_guard_watch(h);
	if (h->state == FB_HOST_STARTING && !h->load_timer) {
		int64_t left = h->load_end_ms - fb_clock_ms();

		h->load_timer = fb_alloc(sizeof *h->load_timer);
		uv_timer_init(h->pool->loop, h->load_timer);
		h->load_timer->data = h;
		uv_unref((uv_handle_t *)h->load_timer);
		uv_update_time(h->pool->loop);
		uv_timer_start(h->load_timer, on_load_timer, (uint64_t)(left > 0 ? left : 0), 0);
	}
}

static void stop_load_timer(struct fb_plugin_host *h)
{
	if (h->load_timer)
		uv_close((uv_handle_t *)h->load_timer, close_handle);
	h->load_timer = NULL;
}

void fb_pool_unwatch(struct fb_plugin_host *h)
{
	if (h->poll)
		uv_close((uv_handle_t *)h->poll, close_handle);
	h->poll = NULL;
	fb_guard_unwatch(h);
	stop_load_timer(h);
}

int fb_pool_tell(struct fb_plugin_host *h, json_t *frame, const int *fds, int fd_count)
{
	size_t size = 0;
	char *p = h->control >= 0 ? fb_frame_encode(frame, &size, NULL) : NULL;

	json_decref(frame);
	if (!p)
		return -1;
	fb_outbox_put(&h->outbox, p, size, fds, fd_count);
	fb_pool_watch(h);
	return 0;
}

struct fb_host_call *fb_pool_next_call(const struct fb_plugin_host *h)
{
	struct fb_host_call *found = NULL;

	for (struct fb_host_call *c = h->pool->calls; c; c = c->next)
		if (c->host == h && !c->exited)
			found = c; /* the oldest stands last */
	return found;
}

static void refuse(struct fb_plugin_host *h)
{
	struct fb_host_call *c;

	h->state = FB_HOST_REFUSED;
	stop_load_timer(h);
	if (h->pool->loop)
		while ((c = fb_pool_next_call(h)))
			fb_call_finish_refused(c, &h->refusal);
}

static void died_while_loading(struct fb_plugin_host *h, int status)
{
	if (WIFSIGNALED(status))
		fb_err_set(&h->refusal, FB_EXIT_PLUGIN, "%s crashed while it was loaded (signal %d, %s): build it again with the header and the libraries of this system", h->path,
			   WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WIFEXITED(status) && WEXITSTATUS(status) == FB_HOST_CLOSED)
		fb_err_set(&h->refusal, FB_EXIT_PLUGIN, "%s closed the descriptors of its host while it was loaded: a plugin must leave alone what it has not opened", h->path);
	else if (WIFEXITED(status))
		fb_err_set(&h->refusal, FB_EXIT_PLUGIN, "%s ended its host while it was loaded (exit code %d): a plugin must not call exit, least of all in a constructor", h->path,
			   WEXITSTATUS(status));
	else
		fb_err_set(&h->refusal, FB_EXIT_PLUGIN, "%s ended its host while it was loaded", h->path);
}

void fb_pool_lost(struct fb_plugin_host *h, const char *why)
{
	json_t *leftovers = json_array();
	bool loading = h->state == FB_HOST_STARTING;
	char *verdict = loading ? fb_confine_load_verdict(h) : NULL;
	struct fb_host_call *c;
	int status;

	fb_orphans_end_host(h, loading ? LAST_WORD_MS : 50, &status, leftovers);
	if (loading) {
		if (why)
			fb_err_set(&h->refusal, FB_EXIT_PLUGIN, "%s", why);
		else if (verdict)
			fb_err_set(&h->refusal, FB_EXIT_PLUGIN, "%s", verdict);
		else
			died_while_loading(h, status);
		refuse(h);
	} else {
		char text[256];

		h->state = FB_HOST_IDLE;
		if (why)
			snprintf(text, sizeof text, "%s", why);
		else if (status != -1 && WIFSIGNALED(status))
			snprintf(text, sizeof text, "the host of %s was ended by signal %d (%s) in the middle of the call", h->label, WTERMSIG(status), strsignal(WTERMSIG(status)));
		else
			snprintf(text, sizeof text, "the host of %s ended in the middle of the call", h->label);
		/* All of its calls end here; one that a callback makes anew has another host process. */
		while ((c = fb_pool_next_call(h)) && c->asked) {
			fb_call_host_gone(c, text, leftovers);
			json_array_clear(leftovers);
		}
	}
	json_decref(leftovers);
	fb_free(verdict);
}

void fb_pool_load_over(struct fb_plugin_host *h)
{
	char text[512], span[32];

	if (h->state != FB_HOST_STARTING)
		return;
	snprintf(text, sizeof text, "%s was not loaded within %s and was killed: it must not wait for anything in a constructor or in its entry function", h->path,
		 fb_duration_format(h->pool->load_timeout_ms, span, sizeof span));
	kill(h->proc.pid, SIGKILL);
	fb_pool_lost(h, text);
}

/* What the host says of its plugin is the word of a process that has run the plugin's constructors: only the shape is relied on. */
static bool is_description(const struct fb_plugin_host *h, const json_t *d)
{
	static const char *const texts[] = {"version", "summary", "license", "abi"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (!json_is_string(json_object_get(d, texts[i])))
			return false;
	return fb_streq(json_string_value(json_object_get(d, "kind")), h->kind) && fb_streq(json_string_value(json_object_get(d, "name")), h->name) &&
	       json_is_array(json_object_get(d, "options")) && json_is_array(json_object_get(d, "operations")) && json_is_array(json_object_get(d, "features"));
}

static void hello(struct fb_plugin_host *h, json_t *frame)
{
	json_t *d = json_object_get(frame, "descriptor");
	struct fb_host_call *c;
	char *verdict;

	fb_guard_read(h); /* what was refused before its first word */
	if ((verdict = fb_confine_load_verdict(h))) {
		kill(h->proc.pid, SIGKILL);
		fb_pool_lost(h, verdict);
		fb_free(verdict);
		return;
	}
	if (!is_description(h, d)) {
		char text[512];

		snprintf(text, sizeof text, "the host of %s sent what is no description of it: something in the plugin writes on descriptors that are not its own", h->path);
		kill(h->proc.pid, SIGKILL);
		fb_pool_lost(h, text);
		return;
	}
	json_decref(h->descriptor);
	h->descriptor = json_incref(d);
	json_object_set_new(d, "file", json_string(h->path));
	json_object_set_new(d, "sha256", json_string(h->sha256));
	json_object_set_new(d, "sandbox", h->policy ? json_deep_copy(h->policy) : json_null());
	json_object_set_new(d, "unenforced", h->cannot ? json_deep_copy(h->cannot) : json_array());
	h->state = FB_HOST_READY;
	stop_load_timer(h);
	if (!h->pool->loop)
		return;
	for (;;) {
		struct fb_host_call *first = NULL;

		for (c = h->pool->calls; c; c = c->next)
			if (c->host == h && !c->asked && !c->exited)
				first = c;
		if (!first || h->state != FB_HOST_READY)
			return;
		fb_call_begin(first);
	}
}

static void lied(struct fb_plugin_host *h, const char *what)
{
	char text[512];

	snprintf(text, sizeof text, "the host of %s %s: something in the plugin writes on descriptors that are not its own", h->label, what);
	kill(h->proc.pid, SIGKILL);
	fb_pool_lost(h, text);
}

/* The first frame of a sandboxed one, sent before any code of the plugin has run. Another has been forged. */
static void guarded(struct fb_plugin_host *h, const json_t *frame)
{
	const json_t *item;
	size_t i;
	int fd;

	if (!h->policy || h->guarded) {
		lied(h, "sent what only a host sends that begins");
		return;
	}
	h->guarded = true;
	fd = fb_frame_take_fd(&h->reader);
	json_decref(h->cannot);
	h->cannot = json_array();
	json_array_foreach(json_object_get(frame, "cannot"), i, item)
		if (json_is_string(item))
			json_array_append(h->cannot, (json_t *)(uintptr_t)item);
	if (fd >= 0)
		fb_guard_begin(h, fd);
}

static void refused(struct fb_plugin_host *h, const json_t *frame)
{
	const char *text = json_string_value(json_object_get(frame, "text")), *stage = json_string_value(json_object_get(frame, "stage"));

	snprintf(h->stage, sizeof h->stage, "%s", stage ? stage : "load");
	fb_err_set(&h->refusal, FB_EXIT_PLUGIN, "%s", text ? text : "the host refused the plugin and gave no reason");
	fb_orphans_end_host(h, LAST_WORD_MS, NULL, NULL);
	refuse(h);
}

static struct fb_host_call *call_of(const struct fb_plugin_host *h, const json_t *frame)
{
	json_int_t id = json_integer_value(json_object_get(frame, "id"));

	for (struct fb_host_call *c = h->pool->calls; c; c = c->next)
		if (c->host == h && c->id == id && !c->exited)
			return c;
	return NULL;
}

static struct fb_proc worker_of(const json_t *frame)
{
	return (struct fb_proc){.pid = (pid_t)json_integer_value(json_object_get(frame, "pid")), .start = (uint64_t)json_integer_value(json_object_get(frame, "start"))};
}

/*
 * A constructor may have kept the control socket, and whoever has it can say what a host says. A worker that is not the host's child would be journaled
 * as one, and killed by whoever goes on with the execution; a call that is told to have ended while its worker runs would leave it behind.
 */
static bool is_its_child(const struct fb_plugin_host *h, const struct fb_proc *worker)
{
	struct fb_proc now;
	pid_t parent;

	if (worker->pid <= 0)
		return false;
	if (fb_proc_look(worker->pid, &now) < 0)
		return true; /* it has ended already: there is nobody to take for another */
	parent = fb_child_parent(worker->pid);
	return parent == -1 || (parent == h->proc.pid && (!worker->start || now.start == worker->start));
}

static void control_frame(struct fb_plugin_host *h, json_t *frame)
{
	const char *m = json_string_value(json_object_get(frame, "m"));
	struct fb_host_call *c;

	if (h->state == FB_HOST_STARTING && fb_streq(m, "guard")) {
		guarded(h, frame);
		return;
	}
	if (h->state == FB_HOST_STARTING && fb_streq(m, "hello")) {
		hello(h, frame);
		return;
	}
	if (h->state == FB_HOST_STARTING && fb_streq(m, "refused")) {
		refused(h, frame);
		return;
	}
	if (fb_streq(m, "started")) {
		const struct fb_proc worker = worker_of(frame);

		if (!is_its_child(h, &worker)) {
			lied(h, "named a process as its worker that is none of its own");
			return;
		}
	}
	if (h->spare.id && json_integer_value(json_object_get(frame, "id")) == h->spare.id) {
		if (fb_streq(m, "started"))
			h->spare.worker = worker_of(frame);
		else
			fb_call_drop_spare(h); /* it ended, or could not be forked */
		return;
	}
	c = call_of(h, frame);
	if (!c)
		return;
	if (fb_streq(m, "started")) {
		const struct fb_proc worker = worker_of(frame);

		fb_call_started(c, &worker);
	} else if (fb_streq(m, "exited")) {
		if (c->worker.pid && fb_proc_alive(&c->worker))
			lied(h, "said that a worker had ended which runs");
		else
			fb_call_exited(c, frame);
	} else if (fb_streq(m, "failed")) {
		const char *text = json_string_value(json_object_get(frame, "text"));

		if (c->worker.pid)
			lied(h, "said that a worker could not be forked which was");
		else
			fb_call_host_gone(c, text ? text : "the host could not fork a worker", NULL);
	}
}

void fb_pool_read_control(struct fb_plugin_host *h)
{
	struct fb_err err;
	int r = fb_frame_fill(&h->reader, h->control, &err), bad = 0;

	for (int i = 0; h->control >= 0 && i < FRAMES_PER_TURN * 16; i++) {
		json_t *frame;

		bad = fb_frame_next(&h->reader, &frame, &err);
		if (bad <= 0)
			break;
		control_frame(h, frame);
		json_decref(frame);
	}
	if (h->control < 0)
		return; /* it was lost or refused on the way */
	fb_frame_drop_fds(&h->reader);
	if (bad < 0) {
		char text[1400];

		snprintf(text, sizeof text, "the host of %s sent what is not a frame (%s): something in the plugin writes on descriptors that are not its own", h->path, err.text);
		kill(h->proc.pid, SIGKILL);
		fb_pool_lost(h, text);
	} else if (r < 0) {
		fb_pool_lost(h, NULL);
	}
}
