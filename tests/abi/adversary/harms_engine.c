/* SPDX-License-Identifier: Apache-2.0 */
/* Goes for the engine itself: signal, ptrace, memory, limits, priority. Only ever run as another user, or in a sandbox. */
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "adversary.h"

static pid_t parent_of(pid_t pid)
{
	char path[64], line[512];
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof line, f) && strrchr(line, ')'))
		sscanf(strrchr(line, ')') + 1, " %*c %d", &parent);
	return parent;
}

static int sandboxed(void)
{
	char status[8192] = "";
	FILE *f = fopen("/proc/self/status", "r");
	size_t n = f ? fread(status, 1, sizeof status - 1, f) : 0;

	if (f)
		fclose(f);
	return n && strstr(status, "Seccomp:\t2") != NULL;
}

static int32_t run(const struct fb_call *c)
{
	pid_t engine = parent_of(getppid());
	struct rlimit none = {0, 0};
	char path[64];
	int done = 0;

	if ((geteuid() == 0 && !sandboxed()) || engine <= 1) {
		c->host->fail(c, "not as root without a sandbox");
		return FB_FATAL;
	}
	snprintf(path, sizeof path, "/proc/%d/mem", (int)engine);
	done |= (kill(engine, SIGUSR2) == 0) << 0;
	done |= (kill(engine, SIGSTOP) == 0) << 1;
	done |= (ptrace(PTRACE_ATTACH, engine, NULL, NULL) == 0) << 2;
	done |= (open(path, O_RDWR) >= 0) << 3;
	done |= (prlimit(engine, RLIMIT_NOFILE, &none, NULL) == 0) << 4;
	done |= (setpriority(PRIO_PROCESS, (id_t)engine, 19) == 0) << 5;
	snprintf(path, sizeof path, "/proc/%d/environ", (int)engine);
	done |= (open(path, O_RDONLY) >= 0) << 6;
	snprintf(path, sizeof path, "/proc/%d/fd/0", (int)engine);
	done |= (open(path, O_RDONLY) >= 0) << 7;
	c->host->fail(c, done ? "done: %x" : "refused: all of it", (unsigned)done);
	return done ? FB_FATAL : FB_FAIL;
}

ADVERSARY("harms-engine")
