/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor FOLDER PLUGIN [ROUNDS [LINKS]]: what nobody can go below. One round is LINKS times: fork, exit and wait of a process of the size of a warm
 * plugin host (the same libraries, the same plugin loaded), then one durable commit, which is one write and one fdatasync into a file of
 * FOLDER whose blocks are there. Prints the microseconds of every round, one line each: forks, commits, both together.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"

#define PAGES 256

static int stop(const char *what)
{
	perror(what);
	return 74;
}

static int one_fork(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(0);
	return pid < 0 || waitpid(pid, &status, 0) != pid || status ? -1 : 0;
}

static int one_commit(int fd, int at)
{
	static const char page[4096];

	return pwrite(fd, page, sizeof page, (at % PAGES) * (off_t)sizeof page) == sizeof page && fdatasync(fd) == 0 ? 0 : -1;
}

static int one_round(int fd, int links)
{
	int64_t begun = fb_clock_us(), before, forks = 0, commits = 0;
	static int at;

	for (int i = 0; i < links; i++) {
		before = fb_clock_us();
		if (one_fork() < 0)
			return -1;
		forks += fb_clock_us() - before;
		before = fb_clock_us();
		if (one_commit(fd, at++) < 0)
			return -1;
		commits += fb_clock_us() - before;
	}
	printf("%lld %lld %lld\n", (long long)forks, (long long)commits, (long long)(fb_clock_us() - begun));
	return 0;
}

int main(int argc, char **argv)
{
	int rounds = argc > 3 ? atoi(argv[3]) : 1, links = argc > 4 ? atoi(argv[4]) : 8, fd;
	static const char blocks[PAGES * 4096];
	char *path;

	if (argc < 3 || rounds < 1 || links < 1) {
		fputs("usage: floor FOLDER PLUGIN [ROUNDS [LINKS]]\n", stderr);
		return 64;
	}
	if (sodium_init() < 0 || !dlopen(argv[2], RTLD_NOW | RTLD_LOCAL)) {
		fprintf(stderr, "floor: %s: %s\n", argv[2], dlerror());
		return 69;
	}
	json_decref(json_object());
	path = fb_asprintf("%s/floor.XXXXXX", argv[1]);
	fd = mkstemp(path);
	if (fd < 0 || unlink(path) < 0 || fb_io_write_all(fd, blocks, sizeof blocks) < 0 || fsync(fd) < 0)
		return stop(path);
	fb_free(path);
	for (int i = 0; i < rounds; i++)
		if (one_round(fd, links) < 0)
			return stop("floor");
	return 0;
}
