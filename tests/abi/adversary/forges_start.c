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
	char text[200];

	kill(getppid(), SIGSTOP);
	c->host->log(c, FB_LOG_INFO, "stopped it");
	c->host->sleep_ms(c, 100);
	for (int id = 1; id < 64; id++) {
		snprintf(text, sizeof text, "{\"m\":\"started\",\"id\":%d,\"pid\":1,\"start\":1}", id);
		send_frame(control, text);
	}
	return for_ever();
}

ADVERSARY("forges-start")
