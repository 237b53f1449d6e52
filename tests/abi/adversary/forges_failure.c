/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps its host's own connection while it is loaded, stops the host, and says that none of its workers could be forked, this one among them: its call
 * would end, and be made again beside it.
 */
#include "adversary.h"

static int control = -1;

static void __attribute__((constructor)) keep(void)
{
	control = fcntl(3, F_DUPFD, 200);
}

static int32_t run(const struct fb_call *c)
{
	return say_of_all_calls(c, control, "{\"m\":\"failed\",\"id\":", "}");
}

ADVERSARY("forges-failure")
