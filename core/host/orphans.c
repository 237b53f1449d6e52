/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a host that did not end everything below it itself. The engine is a subreaper, so what the host has left becomes a child of ours,
 * beside children that are not the pool's. Only those that are known to come from that host are touched: by its session, or by its marker in
 * their environment (after exec) or their arguments (forks of the host itself).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/children.h"
#include "host/pool.h"

#define CHILDREN_MAX 1024
#define KILL_MS 2000

int fb_orphans_wait(pid_t pid, int64_t ms, int *ret_status)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0, ended = 0;
	int64_t end = fb_clock_ms() + ms;

	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = end - fb_clock_ms();
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid || (got < 0 && errno == ECHILD)) {
			ended = 1;
			if (got < 0)
				status = -1; /* somebody else has reaped it */
			break;
		}
		if (left <= 0)
			break;
		if (fd >= 0)
			poll(&wait, 1, (int)left);
		else
			nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
	}
	if (fd >= 0)
		close(fd);
	if (ret_status)
		*ret_status = status;
	return ended;
}

/* Does /proc/PID/<file> hold the marker? */
static bool holds(pid_t pid, const char *file, const char *marker)
{
	char path[64], buf[65536 + 1];
	ssize_t got;
	size_t n = 0;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (n < sizeof buf - 1 && (got = read(fd, buf + n, sizeof buf - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	return memmem(buf, n, marker, strlen(marker)) != NULL;
}

/* Runs as the user of h's sandbox, which no other host that runs has? Without CAP_SYS_PTRACE the environment of such a process cannot be read. */
static bool is_of_user(const struct fb_plugin_host *h, pid_t pid)
{
	json_int_t uid = json_integer_value(json_object_get(h->policy, "uid"));
	char path[64], buf[2048], *line;
	ssize_t n;
	int fd;

	if (!json_is_string(json_object_get(h->policy, "user")) || (uid_t)uid == geteuid())
		return false;
	for (const struct fb_plugin_host *o = h->pool->hosts; o; o = o->next)
		if (o != h && o->control >= 0 && json_is_string(json_object_get(o->policy, "user")) && json_integer_value(json_object_get(o->policy, "uid")) == uid)
			return false;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	buf[n] = 0;
	line = strstr(buf, "\nUid:");
	return line && strtoll(line + 5, NULL, 10) == uid;
}

static bool comes_from(const struct fb_plugin_host *h, pid_t pid)
{
	return is_of_user(h, pid) || getsid(pid) == h->proc.pid || holds(pid, "environ", h->marker) || holds(pid, "cmdline", h->marker);
}

static bool is_call_worker(const struct fb_plugin_host *h, pid_t pid)
{
	for (const struct fb_host_call *c = h->pool->calls; c; c = c->next)
		if (c->host == h && c->worker.pid == pid)
			return true;
	return h->spare.id && h->spare.worker.pid == pid;
}

static bool is_host(const struct fb_pool *p, pid_t pid)
{
	for (const struct fb_plugin_host *h = p->hosts; h; h = h->next)
		if (h->control >= 0 && h->proc.pid == pid)
			return true;
	return false;
}

/* A child of ours is ended and reaped. Its group goes at once, so that one that forks all the time does not outrun us. */
static void end_child(const struct fb_plugin_host *h, pid_t pid, json_t *leftovers)
{
	pid_t group = getpgid(pid);
	char name[128];

	if (leftovers && !is_call_worker(h, pid) && fb_child_describe(pid, name, sizeof name))
		json_array_append_new(leftovers, json_string(name));
	if (group == pid || (group > 0 && group != getpgrp() && getsid(pid) == h->proc.pid))
		kill(-group, SIGKILL);
	kill(pid, SIGKILL);
	fb_orphans_wait(pid, KILL_MS, NULL);
}

static void end_orphans(const struct fb_plugin_host *h, json_t *leftovers)
{
	int64_t end = fb_clock_ms() + KILL_MS;
	pid_t v[CHILDREN_MAX];
	bool found;

	do {
		int n = fb_children(v, CHILDREN_MAX);

		found = false;
		for (int i = 0; i < n; i++)
			if (!is_host(h->pool, v[i]) && comes_from(h, v[i])) {
				found = true;
				end_child(h, v[i], leftovers);
			}
	} while (found && fb_clock_ms() < end);
}

void fb_orphans_end_host(struct fb_plugin_host *h, int64_t patience_ms, int *ret_status, json_t *leftovers)
{
	int status = -1;

	fb_pool_unwatch(h);
	if (h->control >= 0)
		close(h->control);
	h->control = -1;
	fb_outbox_clear(&h->outbox);
	fb_frame_reader_clear(&h->reader);
	if (h->proc.pid > 0) {
		if (!fb_orphans_wait(h->proc.pid, patience_ms, &status)) {
			kill(h->proc.pid, SIGKILL); /* our own child, not reaped: the pid is still its */
			fb_orphans_wait(h->proc.pid, KILL_MS, &status);
		}
		end_orphans(h, leftovers);
	}
	fb_call_drop_spare(h);
	fb_confine_end(h);
	h->proc = (struct fb_proc){0};
	if (ret_status)
		*ret_status = status;
}
