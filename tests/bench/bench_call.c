/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a call takes, from the request to its end: in a warm host, and in a warm host that is sandboxed; beside a bare fork and exit of this process,
 * and beside fork, exec and exit of a program that does nothing. All in turn in one run. Prints medians and 99th percentiles; judges nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/abi/rig.h"

#define ROUNDS 500
#define TAME "tests/abi/tame/.libs"

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

struct row {
	const char *name;
	int64_t v[ROUNDS];
};

static void print(struct row *r, const struct row *beside)
{
	qsort(r->v, ROUNDS, sizeof *r->v, by_size);
	printf("%-46s p50 %6lld us  p99 %6lld us", r->name, (long long)r->v[ROUNDS / 2], (long long)r->v[ROUNDS * 99 / 100]);
	if (beside)
		printf("  %.2f and %.2f times fork + exec + exit", (double)r->v[ROUNDS / 2] / (double)beside->v[ROUNDS / 2], (double)r->v[ROUNDS * 99 / 100] / (double)beside->v[ROUNDS * 99 / 100]);
	printf("\n");
}

static int64_t one_fork(const char *program)
{
	int64_t began = fb_clock_us();
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (program)
			execl(program, program, (char *)NULL);
		_exit(program ? 127 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		perror("fork and exec");
		exit(1);
	}
	return fb_clock_us() - began;
}

static int64_t one_call(struct rig *rig)
{
	struct heard *h = rig_call(rig, &(struct ask){.kind = "phase", .name = "tame"});
	int64_t us = h->r.elapsed_us;

	if (h->r.cause != FB_CAUSE_ANSWER || h->r.answer != FB_OK) {
		fprintf(stderr, "a call failed: %s\n", h->message);
		exit(1);
	}
	rig_forget(h);
	return us;
}

int main(void)
{
	static struct row bare = {.name = "fork, exit, wait"}, program = {.name = "fork, exec of /bin/true, exit, wait"}, call = {.name = "a call in a warm host"},
			  confined = {.name = "a call in a warm, sandboxed host"};
	static struct rig rig, sandbox;
	int64_t cold, cold_confined;

	rig_start(&rig, TAME);
	cold = fb_clock_us();
	one_call(&rig);
	cold = fb_clock_us() - cold;
	/* after the first host is up, so that what each leaves can be counted at its end */
	rig_start_confined(&sandbox, TAME, "plugins = ( { name = \"tame\"; sandbox = { network = false; processes = 0; write = [ \"/tmp\" ]; memory = \"512MiB\"; cpu = \"10s\"; }; } );");
	cold_confined = fb_clock_us();
	one_call(&sandbox);
	cold_confined = fb_clock_us() - cold_confined;
	for (int i = 0; i < ROUNDS; i++) { /* in turn, so that all meet the same machine */
		bare.v[i] = one_fork(NULL);
		program.v[i] = one_fork("/bin/true");
		call.v[i] = one_call(&rig);
		confined.v[i] = one_call(&sandbox);
	}
	print(&bare, NULL);
	print(&program, NULL);
	print(&call, &program);
	print(&confined, &program);
	printf("the first call, with its host: %lld us, sandboxed: %lld us; %d rounds\n", (long long)cold, (long long)cold_confined, ROUNDS);
	rig_end(&sandbox);
	rig_end(&rig);
	return 0;
}
