/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crashpoint: preloaded into failback by tests, kills its engine with SIGKILL at the Nth write to a database, sync of one, or frame to a worker.
 *   CRASH_KINDS=wsm which points count: w a write, s the sync that ends a durable commit, m a frame to a worker or host
 *   CRASH_AT=N      the Nth of them; 0: never
 *   CRASH_COUNT=F   at each of them, its letter is added to the file F, so that a sweep knows how many there are
 * The engine is told from the command by being the leader of its session (so the command must not be started as one); hosts and workers do
 * not inherit the preload.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static long points;

static void point(char kind)
{
	const char *at = getenv("CRASH_AT"), *file = getenv("CRASH_COUNT"), *kinds = getenv("CRASH_KINDS");
	int fd;

	if (!at || (kinds && !strchr(kinds, kind)) || getsid(0) != getpid())
		return;
	points++;
	if (file && (fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) >= 0) {
		if (write(fd, &kind, 1) < 0)
			_exit(99);
		close(fd);
	}
	if (points == atol(at))
		kill(getpid(), SIGKILL);
}

#define EXPORT __attribute__((visibility("default")))
#define NEXT(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

EXPORT ssize_t pwrite64(int fd, const void *buf, size_t count, off64_t offset)
{
	point('w');
	return NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, buf, count, offset);
}

EXPORT ssize_t pwrite(int fd, const void *buf, size_t count, off_t offset)
{
	point('w');
	return NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t)(fd, buf, count, offset);
}

EXPORT int fdatasync(int fd)
{
	point('s');
	return NEXT(int, "fdatasync", int)(fd);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	point('m');
	return NEXT(ssize_t, "sendmsg", int, const struct msghdr *, int)(fd, message, flags);
}
