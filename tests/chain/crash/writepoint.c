/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writepoint: preloaded into failback-store by tests; at the Nth call that changes a file system the process is killed, or the disk is full from there on.
 *   WRITE_AT=N      the Nth of them; 0: never
 *   WRITE_MODE=kill|full
 *   WRITE_COUNT=F   how many there were is written to the file F when the program ends
 * Standard output and error are no disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long points;

static int point(int needs_space)
{
	static long at = -1;
	static int full;
	long now;

	if (at < 0) {
		const char *text = getenv("WRITE_AT"), *mode = getenv("WRITE_MODE");

		full = mode && !strcmp(mode, "full");
		at = text ? atol(text) : 0;
	}
	now = __atomic_add_fetch(&points, 1, __ATOMIC_SEQ_CST);
	if (at && !full && now == at) {
		kill(getpid(), SIGKILL);
		pause(); /* another thread may be the one that is told */
	}
	if (!at || !full || now < at || !needs_space)
		return 0;
	errno = ENOSPC;
	return -1;
}

static void __attribute__((destructor)) count(void)
{
	const char *file = getenv("WRITE_COUNT");
	FILE *f = file ? fopen(file, "w") : NULL;

	if (f) {
		fprintf(f, "%ld\n", points);
		fclose(f);
	}
}

#define EXPORT __attribute__((visibility("default")))
#define NEXT(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

EXPORT ssize_t write(int fd, const void *buf, size_t size)
{
	if (fd > 2 && point(1) < 0)
		return -1;
	return NEXT(ssize_t, "write", int, const void *, size_t)(fd, buf, size);
}

static int creates(int flags, va_list args, mode_t *mode)
{
	*mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	return flags & O_CREAT;
}

#define OPENAT(name)                                                                  \
	EXPORT int name(int at, const char *path, int flags, ...)                     \
	{                                                                             \
		va_list args;                                                         \
		mode_t mode;                                                          \
		int new;                                                              \
                                                                                      \
		va_start(args, flags);                                                \
		new = creates(flags, args, &mode);                                    \
		va_end(args);                                                         \
		if (new && point(1) < 0)                                              \
			return -1;                                                    \
		return NEXT(int, #name, int, const char *, int, ...)(at, path, flags, mode); \
	}
OPENAT(openat)
OPENAT(openat64)

#define OPEN(name)                                                        \
	EXPORT int name(const char *path, int flags, ...)                 \
	{                                                                 \
		va_list args;                                             \
		mode_t mode;                                              \
		int new;                                                  \
                                                                          \
		va_start(args, flags);                                    \
		new = creates(flags, args, &mode);                        \
		va_end(args);                                             \
		if (new && point(1) < 0)                                  \
			return -1;                                        \
		return NEXT(int, #name, const char *, int, ...)(path, flags, mode); \
	}
OPEN(open)
OPEN(open64)

EXPORT int rename(const char *from, const char *to)
{
	return point(0) < 0 ? -1 : NEXT(int, "rename", const char *, const char *)(from, to);
}

EXPORT int unlink(const char *path)
{
	return point(0) < 0 ? -1 : NEXT(int, "unlink", const char *)(path);
}

EXPORT int mkfifoat(int at, const char *path, mode_t mode)
{
	return point(1) < 0 ? -1 : NEXT(int, "mkfifoat", int, const char *, mode_t)(at, path, mode);
}

#define TRUNCATE(name, type)                                                                \
	EXPORT int name(int fd, type size)                                                  \
	{                                                                                   \
		return fd > 2 && point(0) < 0 ? -1 : NEXT(int, #name, int, type)(fd, size); \
	}
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

EXPORT int fchmod(int fd, mode_t mode)
{
	return point(0) < 0 ? -1 : NEXT(int, "fchmod", int, mode_t)(fd, mode);
}

EXPORT int fchown(int fd, uid_t uid, gid_t gid)
{
	return point(0) < 0 ? -1 : NEXT(int, "fchown", int, uid_t, gid_t)(fd, uid, gid);
}

EXPORT int futimens(int fd, const struct timespec times[2])
{
	return point(0) < 0 ? -1 : NEXT(int, "futimens", int, const struct timespec *)(fd, times);
}

EXPORT int utimensat(int at, const char *path, const struct timespec times[2], int flags)
{
	return point(0) < 0 ? -1 : NEXT(int, "utimensat", int, const char *, const struct timespec *, int)(at, path, times, flags);
}

EXPORT int renameat(int a, const char *from, int b, const char *to)
{
	return point(0) < 0 ? -1 : NEXT(int, "renameat", int, const char *, int, const char *)(a, from, b, to);
}

EXPORT int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	return point(0) < 0 ? -1 : NEXT(int, "renameat2", int, const char *, int, const char *, unsigned)(a, from, b, to, flags);
}

EXPORT int linkat(int a, const char *from, int b, const char *to, int flags)
{
	return point(1) < 0 ? -1 : NEXT(int, "linkat", int, const char *, int, const char *, int)(a, from, b, to, flags);
}

EXPORT int symlinkat(const char *target, int at, const char *path)
{
	return point(1) < 0 ? -1 : NEXT(int, "symlinkat", const char *, int, const char *)(target, at, path);
}

EXPORT int mkdirat(int at, const char *path, mode_t mode)
{
	return point(1) < 0 ? -1 : NEXT(int, "mkdirat", int, const char *, mode_t)(at, path, mode);
}

EXPORT int unlinkat(int at, const char *path, int flags)
{
	return point(0) < 0 ? -1 : NEXT(int, "unlinkat", int, const char *, int)(at, path, flags);
}

EXPORT int syncfs(int fd)
{
	return point(1) < 0 ? -1 : NEXT(int, "syncfs", int)(fd);
}

EXPORT int fsync(int fd)
{
	return point(1) < 0 ? -1 : NEXT(int, "fsync", int)(fd);
}
