/* SPDX-License-Identifier: Apache-2.0 */
/* Kills every process that its host has started, then stops and kills the host. */
#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	char path[64];
	FILE *f;
	int pid;

	(void)c;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)getppid(), (int)getppid());
	f = fopen(path, "r");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid != getpid())
			kill(pid, SIGKILL);
	kill(getppid(), SIGSTOP);
	kill(getppid(), SIGKILL);
	return for_ever();
}

ADVERSARY("kills-siblings")
