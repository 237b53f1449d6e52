/* SPDX-License-Identifier: Apache-2.0 */
/* Puts another file in the place of its own while it runs, and ends its host, so that the next one would load that. */
#include <dlfcn.h>

#include "adversary.h"

FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi);

static int32_t run(const struct fb_call *c)
{
	char other[4200];
	Dl_info self;
	FILE *f;

	if (!dladdr((void *)&failback_plugin_entry, &self))
		return FB_FATAL;
	snprintf(other, sizeof other, "%s.new", self.dli_fname);
	f = fopen(other, "w");
	if (!f)
		return refused(c, "its own file");
	fputs("another plugin", f);
	fclose(f);
	if (rename(other, self.dli_fname) < 0)
		return refused(c, "its own file");
	kill(getppid(), SIGKILL);
	return for_ever();
}

ADVERSARY("replaces-itself")
