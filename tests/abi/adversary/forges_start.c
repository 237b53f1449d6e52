/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps its host's own connection while it is loaded, stops the host, and names in its place the first process of the system as the worker of every
 * call that is to come: whoever goes on with the execution would kill that.
 */
#include "adversary.h"

static int control = -1;

static void __attribute__((constructor)) keep(void)
{
	control = fcntl(3, F_DUPFD, 200);
}

static int32_t run(const struct fb_call *c)
{
	return say_of_all_calls(c, control, "{\"m\":\"started\",\"id\":", ",\"pid\":1,\"start\":1}");
}

ADVERSARY("forges-start")
