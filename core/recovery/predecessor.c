/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before a new engine goes on, nothing of the old one may run any more. Its hosts end what they started as soon as it is gone; this waits for
 * that, then looks for itself: recorded hosts and workers, their groups, sessions and descendants, and whatever carries the execution's id in its
 * environment. Services that were started to live on are left alone.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "recovery/internal.h"

#define HOSTS_END_MS 3000
#define KILLED_END_MS 5000
#define MOST 512

static void rest(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Does the process carry FAILBACK_EXECUTION=<id>? Of one that runs as a sandbox's user it can be read with CAP_SYS_PTRACE only; hosts and workers are found
 * by their record, and what is below them by its parents. */
static bool carries(pid_t pid, const char *id)
{
	char path[64], *want = fb_asprintf("FAILBACK_EXECUTION=%s", id), *buf = fb_alloc(131072);
	ssize_t n = 0, got;
	bool found = false;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && n < 131071 && (got = read(fd, buf + n, (size_t)(131071 - n))) > 0)
		n += got;
	if (fd >= 0)
		close(fd);
	for (char *p = buf; p < buf + n && !found; p += strlen(p) + 1)
		found = !strcmp(p, want);
	fb_free(want);
	fb_free(buf);
	return found;
}

static bool is_service(struct fb_journal *j, pid_t pid)
{
	struct fb_process_row *rows;
	pid_t session = getsid(pid);
	struct fb_err err;
	bool yes = false;
	size_t n;

	/* When it cannot be known, it is spared: a service that is killed by mistake is an outage. */
	if (fb_journal_processes(j, NULL, "service", NULL, NULL, NULL, &rows, &n, &err) < 0)
		return true;
	for (size_t i = 0; i < n; i++)
		yes = yes || (!strcmp(rows[i].boot_id, fb_clock_boot_id()) && (rows[i].proc.pid == pid || rows[i].proc.pid == session));
	fb_processes_free(rows, n);
	return yes;
}

static int add(struct fb_proc *v, int n, const struct fb_proc *more, int count)
{
	for (int i = 0; i < count && n < MOST; i++)
		if (more[i].pid != getpid())
			v[n++] = more[i];
	return n;
}

/* Everything that may still run for the execution. */
static int survivors(struct fb_journal *j, const char *execution, struct fb_proc *v)
{
	struct fb_process_row *rows;
	struct fb_proc *found = fb_alloc(MOST * sizeof *found);
	struct dirent *entry;
	struct fb_err err;
	size_t count = 0;
	int n = 0;
	DIR *dir;

	if (fb_journal_processes(j, execution, NULL, NULL, NULL, NULL, &rows, &count, &err) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(rows[i].role, "service") || strcmp(rows[i].boot_id, fb_clock_boot_id()) || !fb_proc_alive(&rows[i].proc))
			continue;
		n = add(v, n, &rows[i].proc, 1);
		n = add(v, n, found, fb_proc_descendants(rows[i].proc.pid, found, MOST));
	}
	if (count)
		fb_processes_free(rows, count);
	dir = opendir("/proc");
	while (dir && (entry = readdir(dir))) {
		struct fb_proc p;

		if (fb_proc_look((pid_t)strtol(entry->d_name, NULL, 10), &p) == 0 && fb_proc_alive(&p) && carries(p.pid, execution) && !is_service(j, p.pid))
			n = add(v, n, &p, 1);
	}
	if (dir)
		closedir(dir);
	fb_free(found);
	return n;
}

int fb_predecessor_end(struct fb_journal *j, const char *execution, struct fb_err *err)
{
	struct fb_proc *v = fb_alloc(MOST * sizeof *v);
	int64_t patient = fb_clock_ms() + HOSTS_END_MS, end = patient + KILLED_END_MS;
	int n;

	while ((n = survivors(j, execution, v)) > 0 && fb_clock_ms() < end) {
		/* First let the hosts do it: they know their descendants best. */
		for (int i = 0; i < n && fb_clock_ms() >= patient; i++)
			fb_proc_signal(&v[i], SIGSTOP);
		for (int i = 0; i < n && fb_clock_ms() >= patient; i++)
			fb_proc_signal(&v[i], SIGKILL);
		rest();
	}
	if (n > 0)
		fb_err_set(err, FB_EXIT_INTERRUPTED, "process %d, which the engine before left behind, does not end: it may still act on a service, so nothing was started", (int)v[0].pid);
	fb_free(v);
	return n > 0 ? -1 : 0;
}
