/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

struct stat_line {
	char state;
	pid_t parent, group, session;
	uint64_t start;
};

/* Reads /proc/PID/stat; the command's name may hold anything, so fields count from the last ')' (proc(5)). */
static int read_stat(pid_t pid, struct stat_line *ret)
{
	char path[64], buf[1024], *p;
	ssize_t n;
	int fd, parent, group, session;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buf, sizeof buf - 1);
	close(fd);
	if (n <= 0)
		return -1;
	buf[n] = 0;
	p = strrchr(buf, ')');
	if (!p || sscanf(p + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64, &ret->state, &parent, &group, &session, &ret->start) != 5)
		return -1;
	ret->parent = parent;
	ret->group = group;
	ret->session = session;
	return 0;
}

int fb_proc_look(pid_t pid, struct fb_proc *ret)
{
	struct stat_line s;

	if (pid <= 0 || read_stat(pid, &s) < 0)
		return -1;
	ret->pid = pid;
	ret->start = s.start;
	return 0;
}

bool fb_proc_alive(const struct fb_proc *p)
{
	struct stat_line s;

	return p->pid > 0 && read_stat(p->pid, &s) == 0 && s.start == p->start && s.state != 'Z' && s.state != 'X';
}

/* Calls take for every process that is not a zombie until it has been asked for all. */
static int scan(bool (*take)(pid_t pid, const struct stat_line *s, const void *arg), const void *arg, struct fb_proc *ret, int max)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	if (!dir)
		return 0;
	while (n < max && (entry = readdir(dir))) {
		struct stat_line s;
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || read_stat(pid, &s) < 0 || s.state == 'Z' || s.state == 'X' || !take(pid, &s, arg))
			continue;
		ret[n].pid = pid;
		ret[n++].start = s.start;
	}
	closedir(dir);
	return n;
}

struct ancestors {
	pid_t pids[4096];
	int n;
};

static bool descends(pid_t pid, const struct stat_line *s, const void *arg)
{
	const struct ancestors *a = arg;

	for (int i = 0; i < a->n; i++)
		if (a->pids[i] == pid)
			return false;
	for (int i = 0; i < a->n; i++)
		if (a->pids[i] == s->parent)
			return true;
	return false;
}

int fb_proc_descendants(pid_t pid, struct fb_proc *ret, int max)
{
	struct ancestors *a = calloc(1, sizeof *a);
	int n = 0, more;

	if (!a)
		return 0;
	a->pids[a->n++] = pid;
	/* Level by level: a pid may be smaller than its parent's after the counter has wrapped. */
	while (n < max && (more = scan(descends, a, ret + n, max - n)) > 0) {
		for (int i = n; i < n + more && a->n < 4096; i++)
			a->pids[a->n++] = ret[i].pid;
		n += more;
	}
	free(a);
	return n;
}

static bool in_group(pid_t pid, const struct stat_line *s, const void *arg)
{
	(void)pid;
	return s->group == *(const pid_t *)arg;
}

static bool in_session(pid_t pid, const struct stat_line *s, const void *arg)
{
	(void)pid;
	return s->session == *(const pid_t *)arg;
}

int fb_proc_group(pid_t id, bool session, struct fb_proc *ret, int max)
{
	return scan(session ? in_session : in_group, &id, ret, max);
}

int fb_proc_signal(const struct fb_proc *p, int sig)
{
	int fd = (int)syscall(SYS_pidfd_open, p->pid, 0), r;

	if (fd < 0) {
		if (errno == ENOSYS && fb_proc_alive(p))
			return kill(p->pid, sig);
		return -1;
	}
	/* The descriptor holds this process; if it is the one that was meant, the signal cannot reach another. */
	if (!fb_proc_alive(p)) {
		close(fd);
		return -1;
	}
	r = (int)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
	close(fd);
	return r;
}

int fb_proc_kill_descendants(pid_t pid, int64_t wait_ms)
{
	int64_t end = fb_clock_ms() + wait_ms;
	struct fb_proc v[256];
	int n;

	while ((n = fb_proc_descendants(pid, v, 256)) > 0) {
		for (int i = 0; i < n; i++)
			fb_proc_signal(&v[i], SIGSTOP);
		for (int i = 0; i < n; i++)
			fb_proc_signal(&v[i], SIGKILL);
		if (fb_clock_ms() >= end)
			return -1;
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
	}
	return 0;
}
