/* SPDX-License-Identifier: Apache-2.0 */
/* Takes its host under ptrace and holds it. */
#include <sys/ptrace.h>

#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	if (ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0)
		return refused(c, "ptrace of the host");
	waitpid(getppid(), NULL, __WALL);
	return for_ever();
}

ADVERSARY("traces-host")
