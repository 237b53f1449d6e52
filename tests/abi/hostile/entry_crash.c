/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: crashes in its entry. */
#include <failback/plugin.h>

#include <signal.h>

FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi);
FB_EXPORT const struct fb_plugin *failback_plugin_entry(uint32_t host_abi)
{
	(void)host_abi;
	raise(SIGABRT);
	return NULL;
}
