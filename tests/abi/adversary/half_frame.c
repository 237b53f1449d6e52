/* SPDX-License-Identifier: Apache-2.0 */
/* Sends a frame a byte at a time, and never its last one. */
#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	(void)c;
	if (write(3, "\000\020\000\000{", 5) != 5)
		return FB_OK;
	for (;;) {
		usleep(1000);
		if (write(3, " ", 1) != 1)
			pause();
	}
}

ADVERSARY("half-frame")
