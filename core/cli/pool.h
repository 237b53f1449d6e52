/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of plugin hosts for commands that ask plugins what they are. */
#ifndef FB_CLI_POOL_H
#define FB_CLI_POOL_H

#include "cli/cli.h"
#include "host/host.h"

/* For the configuration that is open; to be freed with fb_pool_free. */
struct fb_pool *fb_cli_pool(struct fb_cli *cli);

#endif
