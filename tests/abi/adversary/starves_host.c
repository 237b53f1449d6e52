/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the highest priority that it is given, raises its limits, takes its host's away, and turns round and round. */
#include <sys/resource.h>

#include "adversary.h"

static volatile int turning = 1;

static int32_t run(const struct fb_call *c)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY}, none = {0, 0};

	(void)c;
	setpriority(PRIO_PROCESS, 0, -20);
	for (int i = 0; i < 16; i++)
		setrlimit((__rlimit_resource_t)i, &all);
	prlimit(getppid(), RLIMIT_NOFILE, &none, NULL);
	prlimit(getppid(), RLIMIT_NPROC, &none, NULL);
	while (turning)
		;
	return FB_OK;
}

ADVERSARY("starves-host")
