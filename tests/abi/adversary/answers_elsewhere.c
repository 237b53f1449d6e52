/* SPDX-License-Identifier: Apache-2.0 */
/* Closes its connection and gives its answer on every other descriptor. */
#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	(void)c;
	close(3);
	for (int fd = 0; fd < 64; fd++)
		if (fd != 3)
			send_frame(fd, "{\"m\":\"done\",\"answer\":0,\"message\":null}");
	return FB_OK;
}

ADVERSARY("answers-elsewhere")
