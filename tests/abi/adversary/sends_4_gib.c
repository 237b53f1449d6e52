/* SPDX-License-Identifier: Apache-2.0 */
/* Announces a frame of 4 GiB and sends what it can of it. */
#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	static char much[1 << 20];

	(void)c;
	memset(much, '[', sizeof much);
	if (write(3, "\377\377\377\377", 4) != 4)
		return FB_OK;
	for (int i = 0; i < 4096 && write(3, much, sizeof much) > 0; i++)
		;
	return for_ever();
}

ADVERSARY("sends-4-gib")
