/* SPDX-License-Identifier: Apache-2.0 */
/* failback-store-full: libcurl is linked, and is started here. See link_light.c. */
#include <curl/curl.h>

#include "store/commands.h"

int fb_store_link(char **argv, struct fb_err *err)
{
	(void)argv;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return fb_err_set(err, FB_STORE_BUG, "libcurl does not start");
	return 0;
}
