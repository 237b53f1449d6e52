/* SPDX-License-Identifier: Apache-2.0 */
/* The copies that backup_store names, as `failback backup` finds them: which one a person means, and where it is. Sends and fetches nothing. */
#ifndef FB_CLI_BACKUP_COPIES_H
#define FB_CLI_BACKUP_COPIES_H

#include "cli/cli.h"

const char *fb_copy_name(const json_t *copy);
/* Lives as long as the configuration. NULL with the message printed and *ret_code set: there is none of that name. */
const json_t *fb_copy_find(struct fb_cli *cli, const char *name, int *ret_code);
/* The location, as failback-store(8) takes it on standard input, with its secrets in place; to be ended with fb_copy_location_end. NULL with the message printed
 * and *ret_code set: a secret is not there. */
char *fb_copy_location(struct fb_cli *cli, const json_t *copy, int *ret_code);
/* Wiped and freed; takes NULL. */
void fb_copy_location_end(char *location);

#endif
