/* SPDX-License-Identifier: Apache-2.0 */
/* Sends a frame of a million brackets, for whoever reads it by calling itself. */
#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	static char deep[1 << 20];

	(void)c;
	memset(deep, '[', sizeof deep);
	memcpy(deep, "{\"m\":", 5);
	if (write(3, "\000\000\020\000", 4) == 4 && write(3, deep, sizeof deep) < 0)
		return FB_OK;
	return for_ever();
}

ADVERSARY("nests")
