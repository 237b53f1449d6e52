/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: its entry returns NULL. */
#include <failback/plugin.h>

FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi);
FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi)
{
	(void)host_abi;
	return NULL;
}
