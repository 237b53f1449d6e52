/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that give content back: restore and export. */
#include "store/commands.h"

int fb_command_restore(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	(void)a;
	(void)ret;
	return fb_err_set(err, FB_STORE_USAGE, "not yet");
}

int fb_command_export(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	(void)a;
	(void)ret;
	return fb_err_set(err, FB_STORE_USAGE, "not yet");
}
