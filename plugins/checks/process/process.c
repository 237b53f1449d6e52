/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check process: is a process there, told by a pid file or by the name of a service that failback started? A pid is not enough: it may have been
 * given to another process, so its start is held against the pid file's time, and its name against an expected one. Reads /proc only; sends no signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plugins/common/health.h"
#include "plugins/common/run.h"

/* A pid file is written after its process began; clocks of /proc are ticks, file times may be coarse. */
#define START_SLACK_S 2

static const struct fb_option options[] = {
	{.name = "pidfile", .type = FB_TYPE_PATH, .summary = "File that holds the process id"},
	{.name = "process", .type = FB_TYPE_STRING, .summary = "Name of a process that failback itself started for this service"},
	{.name = "command", .type = FB_TYPE_STRING, .summary = "Expected name of the process, as in /proc/PID/comm or its program's file name"},
	{0},
};

static int read_small(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;
	int e;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	e = errno;
	close(fd);
	errno = e;
	if (n < 0)
		return -1;
	buf[n] = 0;
	return (int)n;
}

/* The seconds since 1970 at which it started, and its state. -1: it cannot be seen. */
static int look(pid_t pid, char *ret_state, double *ret_start)
{
	char path[64], buf[1024], *p;
	unsigned long long start;
	struct timespec wall, boot;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_small(path, buf, sizeof(buf)) <= 0)
		return -1;
	p = strrchr(buf, ')'); /* the name may hold anything, parentheses too (proc(5)) */
	if (!p || sscanf(p + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", ret_state, &start) != 2)
		return -1;
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	*ret_start = (double)(wall.tv_sec - boot.tv_sec) + (double)start / (double)sysconf(_SC_CLK_TCK);
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Is it the program that is expected? 1 yes, 0 no (ret_name: what it is), -1 cannot be seen. */
static int has_name(pid_t pid, const char *expected, char *ret_name, size_t size)
{
	char path[64], link[4096], comm[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (read_small(path, comm, sizeof(comm)) <= 0)
		return -1;
	comm[strcspn(comm, "\n")] = 0;
	run_printable(comm, strlen(comm), ret_name, size);
	if (!strcmp(comm, base_name(expected)) || (strlen(comm) == 15 && !strncmp(comm, base_name(expected), 15)))
		return 1;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0)
		return 0;
	link[n] = 0;
	if (n > 10 && !strcmp(link + n - 10, " (deleted)"))
		link[n - 10] = 0;
	return !strcmp(expected, *expected == '/' ? link : base_name(link));
}

/* mtime < 0: there is no file to hold the start against. */
static int32_t judge(const struct fb_call *call, struct fb_health *ret, pid_t pid, const char *where, double mtime)
{
	char name[64] = "", state = 0, expected[256];
	const char *command = call->host->option(call, "command");
	double start = 0;
	int seen = look(pid, &state, &start), named;

	snprintf(expected, sizeof(expected), "%s", command ? command : "");
	if (seen && kill(pid, 0) && errno == ESRCH)
		return health_set(ret, FB_HEALTH_FAILED, -1, "%s names process %d, which does not run", where, (int)pid);
	if (seen && !*expected)
		return health_set(ret, FB_HEALTH_HEALTHY, -1, "process %d runs", (int)pid);
	if (seen)
		return health_set(ret, FB_HEALTH_BLIND, -1, "process %d runs, but its name cannot be seen from here", (int)pid);
	if (state == 'Z' || state == 'X' || state == 'x')
		return health_set(ret, FB_HEALTH_FAILED, -1, "process %d has ended and was not waited for (a zombie)", (int)pid);
	if (mtime >= 0 && start > mtime + START_SLACK_S)
		return health_set(ret, FB_HEALTH_FAILED, -1, "%s is stale: process %d began %.0f s after the file was written, it is another one", where, (int)pid,
				  start - mtime);
	if (*expected) {
		named = has_name(pid, expected, name, sizeof(name));
		if (named < 0)
			return health_set(ret, FB_HEALTH_BLIND, -1, "the name of process %d cannot be seen from here", (int)pid);
		if (!named)
			return health_set(ret, FB_HEALTH_FAILED, -1, "%s names process %d, which is '%s', not '%s'", where, (int)pid, name, expected);
	}
	if (state == 'T' || state == 't')
		return health_set(ret, FB_HEALTH_WARNING, -1, "process %d is stopped", (int)pid);
	return health_set(ret, FB_HEALTH_HEALTHY, -1, "process %d%s%s runs", (int)pid, *name ? " " : "", name);
}

static int32_t by_pidfile(const struct fb_call *call, struct fb_health *ret, const char *path)
{
	char buf[64], *end;
	struct stat st;
	long pid;

	if (stat(path, &st) || read_small(path, buf, sizeof(buf)) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return health_set(ret, FB_HEALTH_FAILED, -1, "pid file %s is not there: the process does not run, or writes it elsewhere", path);
		return health_set(ret, FB_HEALTH_BLIND, -1, "pid file %s could not be read: %s", path, strerror(errno));
	}
	pid = strtol(buf, &end, 10);
	while (*end == ' ' || *end == '\n' || *end == '\r')
		end++;
	if (end == buf || (*end && *end != '\t') || pid <= 0 || pid > 0x3fffffff)
		return health_set(ret, FB_HEALTH_BLIND, -1, "pid file %s does not hold a process id", path);
	return judge(call, ret, (pid_t)pid, path, (double)st.st_mtim.tv_sec + (double)st.st_mtim.tv_nsec / 1e9);
}

static int32_t probe(const struct fb_call *call, struct fb_health *ret)
{
	char *pidfile = run_copy(call->host->option(call, "pidfile")), *name = run_copy(call->host->option(call, "process"));
	int32_t rc;

	if (pidfile) {
		rc = by_pidfile(call, ret, pidfile);
	} else {
		int64_t pid = name ? call->host->service_pid(call, name) : 0;
		char where[300];
		snprintf(where, sizeof(where), "the record of '%s'", name ? name : "");
		rc = pid > 0 ? judge(call, ret, (pid_t)pid, where, -1) : health_set(ret, FB_HEALTH_FAILED, -1, "'%s' does not run", name ? name : "");
	}
	free(pidfile);
	free(name);
	return rc;
}

static int32_t check(const struct fb_call *call)
{
	bool pidfile = call->host->option(call, "pidfile"), name = call->host->option(call, "process");

	if (pidfile != name)
		return FB_OK;
	call->host->fail(call, "%s: give one of 'pidfile' and 'process'", pidfile ? "both 'pidfile' and 'process' are set" : "no process is named");
	return FB_FATAL;
}

static const struct fb_check_ops ops = {.check = check, .probe = probe};

FB_PLUGIN(CHECK, .name = "process", .version = "0.1.0", .summary = "Is a process there, the same that wrote its pid file?", .license = "Apache-2.0",
	  .options = options, .check = &ops)
