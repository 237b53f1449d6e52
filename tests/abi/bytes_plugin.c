/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin whose descriptor is whatever the file "descriptor" in the temporary folder says. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/descriptor_bytes.h"

FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi);
FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi)
{
	static unsigned char bytes[DESCRIPTOR_MOST + 1];
	char path[4096];
	size_t n;
	FILE *f;

	(void)host_abi;
	snprintf(path, sizeof path, "%s/descriptor", getenv("TMPDIR") ? getenv("TMPDIR") : "/nowhere");
	f = fopen(path, "r");
	n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
	if (f)
		fclose(f);
	return descriptor_from(bytes, n);
}
