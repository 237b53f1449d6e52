/* SPDX-License-Identifier: Apache-2.0 */
/* Forks three hundred processes, each in a session of its own and deaf to every signal. */
#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	(void)c;
	for (int i = 0; i < 300; i++)
		if (fork() == 0) {
			setsid();
			hide();
			for (;;)
				pause();
		}
	return FB_OK;
}

ADVERSARY("eats-pids")
