/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FB_CLI_BACKUP_LIVE_H
#define FB_CLI_BACKUP_LIVE_H

#include "cli/backup/sets.h"

/* Gives back a set, or one item of it (NULL: all), where it lives: writes a plan (--plan: only that) and runs it. --only: single files. Returns the exit code. */
int fb_backup_live(struct fb_cli *cli, const struct fb_set *set, const char *item) FB_MUST_USE;

#endif
