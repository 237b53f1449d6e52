/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /proc (proc(5)): task/TID/children where the kernel has it, else every process's stat. */
#include "host/children.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXITING 0x4u /* of the kernel's flags in stat */

struct stat_line {
	char state;
	int parent;
	unsigned flags;
	char comm[64];
};

/* A file of /proc/PID as a text; what does not fit is left out. */
static int read_file(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return -1;
	buf[n] = 0;
	return 0;
}

static int read_stat(pid_t pid, struct stat_line *ret)
{
	char buf[1024], *open_mark, *close_mark;

	if (read_file(pid, "stat", buf, sizeof buf) < 0)
		return -1;
	open_mark = strchr(buf, '(');
	close_mark = strrchr(buf, ')');
	if (!open_mark || !close_mark || close_mark < open_mark || sscanf(close_mark + 1, " %c %d %*d %*d %*d %*d %u", &ret->state, &ret->parent, &ret->flags) != 3)
		return -1;
	*close_mark = 0;
	snprintf(ret->comm, sizeof ret->comm, "%s", open_mark + 1);
	return 0;
}

static int children_by_scan(pid_t *ret, int max)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	if (!dir)
		return 0;
	while (n < max && (entry = readdir(dir))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		struct stat_line s;

		if (pid > 0 && read_stat(pid, &s) == 0 && s.parent == getpid())
			ret[n++] = pid;
	}
	closedir(dir);
	return n;
}

int fb_children(pid_t *ret, int max)
{
	char path[64], buf[16384], *p = buf, *end;
	ssize_t got;
	size_t n = 0;
	int fd, count = 0;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return children_by_scan(ret, max);
	while (n < sizeof buf - 1 && (got = read(fd, buf + n, sizeof buf - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	buf[n] = 0;
	while (count < max) {
		long pid = strtol(p, &end, 10);

		if (end == p || pid <= 0 || *end != ' ') /* the last may be cut */
			break;
		ret[count++] = (pid_t)pid;
		p = end;
	}
	return count;
}

/* SIGKILL has been sent to it and it has not come to end itself yet. */
static bool is_killed(pid_t pid)
{
	static const char *const masks[] = {"\nSigPnd:", "\nShdPnd:"};
	char buf[4096];

	if (read_file(pid, "status", buf, sizeof buf) < 0)
		return true;
	for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
		const char *p = strstr(buf, masks[i]);

		if (p && strtoull(p + strlen(masks[i]), NULL, 16) & (1ull << (SIGKILL - 1)))
			return true;
	}
	return false;
}

bool fb_child_is_ending(pid_t pid)
{
	struct stat_line s;

	return read_stat(pid, &s) < 0 || (s.flags & EXITING) || is_killed(pid);
}

bool fb_child_describe(pid_t pid, char *buf, size_t size)
{
	struct stat_line s;

	if (read_stat(pid, &s) < 0 || s.state == 'Z' || s.state == 'X')
		return false;
	for (char *c = s.comm; *c; c++)
		if (!isascii((unsigned char)*c) || !isprint((unsigned char)*c))
			*c = '?';
	snprintf(buf, size, "%d %s", (int)pid, s.comm);
	return true;
}

pid_t fb_child_parent(pid_t pid)
{
	struct stat_line s;

	return read_stat(pid, &s) == 0 ? s.parent : -1;
}

int fb_child_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	if (!dir)
		return 1; /* no /proc: it cannot be told */
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}
