/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failback-host FILE KIND NAME MARKER, control socket on descriptor 3: enters the sandbox that it is told, loads one plugin, says hello, then forks a worker for each call. It is
 * the subreaper of all that its workers start, kills what they leave behind, and ends with everything below it when the engine's socket closes.
 * No thread, no event loop library; it never reads what calls carry.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/proc.h"
#include "host/children.h"
#include "host/frame.h"
#include "host/load.h"
#include "host/sandbox.h"
#include "host/worker.h"

#define CONTROL 3
#define CHILDREN_MAX 1024
#define SWEEP_MS 5000
#define SEND_MS 60000
#define ORDER_MS 10000

struct slot {
	struct slot *next;
	json_int_t id;
	pid_t pid;
};

struct host {
	struct fb_loaded loaded;
	struct fb_sandbox sandbox;
	struct fb_frame_reader reader;
	struct slot *slots; /* workers that run */
	int signals;        /* signalfd */
	char *marker;
};

static struct host self = {.loaded = {.stage = "load"}};

static bool is_worker(pid_t pid)
{
	for (const struct slot *s = self.slots; s; s = s->next)
		if (s->pid == pid)
			return true;
	return false;
}

/* SIGKILL to a process that was left to us, and to its whole group at once, which even one that forks all the time cannot outrun. */
static void kill_left(pid_t pid)
{
	pid_t group = getpgid(pid);

	if (group > 0 && group != getpgrp() && !is_worker(group))
		kill(-group, SIGKILL);
	kill(pid, SIGKILL);
}

/* Who was killed before we look, with its worker's group at a deadline, was not left behind. */
static void leave_out_killed(json_t *seen)
{
	pid_t v[CHILDREN_MAX];
	int n = fb_children(v, CHILDREN_MAX);

	for (int i = 0; i < n; i++) {
		char key[32];

		snprintf(key, sizeof key, "%d", (int)v[i]);
		if (!is_worker(v[i]) && fb_child_is_ending(v[i]))
			json_object_set_new(seen, key, json_true());
	}
}

/* Kills every child that is no worker: it was left behind by one that has ended. Workers are subreapers of their own, so nothing of a
 * worker that lives comes here. Names what it kills. */
static json_t *sweep(void)
{
	int64_t end = fb_clock_ms() + SWEEP_MS;
	json_t *names = json_array(), *seen = json_object();
	pid_t v[CHILDREN_MAX];
	bool left = true;

	if (!self.slots && waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
		left = false;
	else
		leave_out_killed(seen);
	while (left && fb_clock_ms() < end) {
		int n = fb_children(v, CHILDREN_MAX);

		left = false;
		for (int i = 0; i < n; i++) {
			char name[128], key[32];

			if (is_worker(v[i]))
				continue;
			left = true;
			snprintf(key, sizeof key, "%d", (int)v[i]);
			if (!json_object_get(seen, key) && fb_child_describe(v[i], name, sizeof name)) {
				json_object_set_new(seen, key, json_true());
				if (json_array_size(names) < 64)
					json_array_append_new(names, json_string(name));
			}
			kill_left(v[i]);
			waitpid(v[i], NULL, WNOHANG);
		}
		if (left)
			nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
	}
	json_decref(seen);
	return names;
}

/* The engine is gone, or has let go of us: nothing of ours may stay. */
static void __attribute__((noreturn)) end_all(void)
{
	int64_t end = fb_clock_ms() + 2 * SWEEP_MS;
	json_t *names;

	while (self.slots) {
		struct slot *s = self.slots;

		kill(-s->pid, SIGKILL);
		kill(s->pid, SIGKILL);
		self.slots = s->next;
		fb_free(s);
	}
	do {
		names = sweep();
		json_decref(names);
	} while (waitpid(-1, NULL, WNOHANG) >= 0 && fb_clock_ms() < end);
	_exit(0);
}

static void tell(json_t *frame)
{
	struct fb_err err;
	int r = fb_frame_send(CONTROL, frame, NULL, 0, SEND_MS, &err);

	json_decref(frame);
	if (r < 0)
		end_all();
}

static void __attribute__((noreturn)) be_worker(int sock, int out, pid_t host)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;
	int null;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != host)
		_exit(0);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* what its commands leave stays with it, and comes to the host only when it has ended */
	sigaction(SIGCHLD, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(self.signals);
	/* Descriptors that the plugin's libraries opened while they were loaded are theirs and stay. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || dup3(sock, CONTROL, O_CLOEXEC) < 0)
		_exit(126);
	close(null);
	close(out);
	close(sock);
	fb_frame_reader_clear(&self.reader);
	fb_sandbox_worker(&self.sandbox);
	fb_worker_run(&self.loaded, CONTROL, self.marker);
}

static void start_call(json_int_t id, int sock, int out)
{
	struct fb_proc worker = {0};
	pid_t host = getpid(), pid;
	struct slot *s;
	char text[128];

	if (sock < 0 || out < 0) {
		tell(json_pack("{s:s, s:I, s:s}", "m", "failed", "id", id, "text", "the call came without its descriptors"));
		return;
	}
	pid = fork();
	if (pid == 0)
		be_worker(sock, out, host);
	if (pid < 0) {
		snprintf(text, sizeof text, "cannot fork a worker: %s", strerror(errno));
		tell(json_pack("{s:s, s:I, s:s}", "m", "failed", "id", id, "text", text));
		return;
	}
	setpgid(pid, pid); /* here as well: whoever comes first, it is so before the first signal */
	s = fb_alloc(sizeof *s);
	s->id = id;
	s->pid = pid;
	s->next = self.slots;
	self.slots = s;
	if (fb_proc_look(pid, &worker) < 0)
		worker.pid = pid;
	tell(json_pack("{s:s, s:I, s:i, s:I}", "m", "started", "id", id, "pid", (int)pid, "start", (json_int_t)worker.start));
}

static void signal_call(json_int_t id, int sig)
{
	for (const struct slot *s = self.slots; s; s = s->next)
		if (s->id == id && sig > 0 && sig < NSIG) {
			kill(-s->pid, sig);
			kill(-s->pid, SIGCONT); /* one that is stopped shall hear it too */
		}
}

static void worker_ended(pid_t pid, int status, const struct rusage *use)
{
	for (struct slot **p = &self.slots; *p; p = &(*p)->next) {
		struct slot *s = *p;

		if (s->pid != pid)
			continue;
		*p = s->next;
		tell(json_pack("{s:s, s:I, s:i, s:I, s:I, s:I, s:o}", "m", "exited", "id", s->id, "status", status, "user_us",
			       (json_int_t)use->ru_utime.tv_sec * 1000000 + use->ru_utime.tv_usec, "system_us", (json_int_t)use->ru_stime.tv_sec * 1000000 + use->ru_stime.tv_usec,
			       "max_rss_kib", (json_int_t)use->ru_maxrss, "leftovers", sweep()));
		fb_free(s);
		return;
	}
}

static void reap(void)
{
	struct signalfd_siginfo drop;
	struct rusage use;
	int status;
	pid_t pid;

	while (read(self.signals, &drop, sizeof drop) > 0)
		;
	while ((pid = wait4(-1, &status, WNOHANG, &use)) > 0)
		worker_ended(pid, status, &use);
}

static void take_orders(void)
{
	json_t *frame;
	int r = fb_frame_fill(&self.reader, CONTROL, NULL);

	if (r < 0)
		end_all();
	while ((r = fb_frame_next(&self.reader, &frame, NULL)) > 0) {
		const char *m = json_string_value(json_object_get(frame, "m"));
		json_int_t id = json_integer_value(json_object_get(frame, "id"));

		if (fb_streq(m, "call")) {
			int sock = fb_frame_take_fd(&self.reader), out = fb_frame_take_fd(&self.reader);

			start_call(id, sock, out);
			if (sock >= 0)
				close(sock);
			if (out >= 0)
				close(out);
		} else if (fb_streq(m, "signal")) {
			signal_call(id, (int)json_integer_value(json_object_get(frame, "signal")));
		}
		json_decref(frame);
	}
	if (r < 0)
		end_all();
}

static void serve(void)
{
	for (;;) {
		struct pollfd v[2] = {{.fd = CONTROL, .events = POLLIN}, {.fd = self.signals, .events = POLLIN}};

		if (poll(v, 2, -1) < 0 && errno != EINTR)
			end_all();
		if (v[1].revents)
			reap();
		if (v[0].revents)
			take_orders();
	}
}

/* Whatever the engine was, this process starts from the same state; limits are only lowered. */
static void settle(void)
{
	struct sigaction plain = {.sa_handler = SIG_DFL}, ignore = {.sa_handler = SIG_IGN};
	struct rlimit no_core = {0, 0};
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		sigaction(s, &plain, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(077);
	setrlimit(RLIMIT_CORE, &no_core);
#ifdef HAVE_CLOSE_RANGE
	close_range(CONTROL + 1, ~0u, 0);
#else
	for (int fd = CONTROL + 1; fd < 1024; fd++)
		close(fd);
#endif
	fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (chdir("/") < 0)
		_exit(126);
}

/* The engine's first word: what the plugin may do. Without it, it is gone. */
static json_t *wait_for_order(void)
{
	json_t *frame = NULL;
	int r;

	while ((r = fb_frame_next(&self.reader, &frame, NULL)) == 0) {
		struct pollfd wait = {.fd = CONTROL, .events = POLLIN};

		if (poll(&wait, 1, ORDER_MS) <= 0 || fb_frame_fill(&self.reader, CONTROL, NULL) < 0)
			_exit(126);
	}
	if (r < 0 || !fb_streq(json_string_value(json_object_get(frame, "m")), "load"))
		_exit(126);
	return frame;
}

/* In the sandbox, before any code of the plugin: whoever holds the listener answers its own refused calls, so it is not kept. */
static int enter(const char *file, struct fb_err *err)
{
	json_t *order = wait_for_order(), *frame;
	int r = fb_sandbox_enter(order, file, &self.sandbox, err);

	json_decref(order);
	if (r < 0 || !self.sandbox.on)
		return r;
	frame = json_pack("{s:s, s:O}", "m", "guard", "cannot", self.sandbox.cannot);
	r = fb_frame_send(CONTROL, frame, &self.sandbox.listener, self.sandbox.listener >= 0, SEND_MS, err);
	json_decref(frame);
	if (self.sandbox.listener >= 0)
		close(self.sandbox.listener);
	self.sandbox.listener = -1;
	return r;
}

int main(int argc, char **argv)
{
	struct fb_err err = {0};
	struct stat st;
	sigset_t child;
	int r;

	if (argc != 5) {
		fputs("failback-host is started by failback, not by hand\n", stderr);
		return FB_EXIT_USAGE;
	}
	settle();
	self.marker = fb_asprintf("FAILBACK_HOST=%s", argv[4]);
	r = enter(argv[1], &err);
	if (r == 0)
		r = fb_load(argv[1], argv[2], argv[3], &self.loaded, &err);
	if (fstat(CONTROL, &st) < 0 || !S_ISSOCK(st.st_mode))
		_exit(FB_HOST_CLOSED);
	if (r < 0) {
		tell(json_pack("{s:s, s:s, s:o}", "m", "refused", "stage", self.loaded.stage, "text", fb_frame_text(err.text, sizeof err.text)));
		_exit(FB_EXIT_PLUGIN); /* no destructor of a refused plugin runs */
	}
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	self.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (self.signals < 0)
		_exit(126);
	tell(json_pack("{s:s, s:i, s:o}", "m", "hello", "pid", (int)getpid(), "descriptor", fb_descriptor_json(&self.loaded)));
	serve();
}
