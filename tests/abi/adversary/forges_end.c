/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps its host's own connection while it is loaded, and tells the engine over it that calls have ended: its own, and others'. */
#include "adversary.h"

static int control = -1;

static void __attribute__((constructor)) keep(void)
{
	control = fcntl(3, F_DUPFD, 200);
}

static int32_t run(const struct fb_call *c)
{
	char text[200];

	(void)c;
	for (int id = 1; id < 64; id++) {
		snprintf(text, sizeof text, "{\"m\":\"exited\",\"id\":%d,\"status\":0,\"user_us\":0,\"system_us\":0,\"max_rss_kib\":0,\"leftovers\":[]}", id);
		send_frame(control, text);
	}
	return for_ever();
}

ADVERSARY("forges-end")
