/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of plugin hosts for commands that ask plugins what they are. */
#ifndef FB_CLI_POOL_H
#define FB_CLI_POOL_H

#include "cli/cli.h"
#include "host/host.h"

/* For the configuration that is open; to be freed with fb_pool_free. */
struct fb_pool *fb_cli_pool(struct fb_cli *cli);

/* Reads the configuration, which was not read yet, and tells every error of it and of the first plan_count operands, plans. 0: there is none; else the exit code. */
int fb_cli_check_all(struct fb_cli *cli, int plan_count);

#endif
