/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts its own file to nothing while it is mapped: the pages of it that were not read yet are gone. */
#include <dlfcn.h>

#include "adversary.h"

FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi);

static int32_t run(const struct fb_call *c)
{
	Dl_info self;

	if (!dladdr((void *)&failback_plugin_entry, &self))
		return FB_FATAL;
	if (truncate(self.dli_fname, 0) < 0)
		return refused(c, "its own file");
	return for_ever();
}

ADVERSARY("cuts-itself")
