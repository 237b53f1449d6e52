/* SPDX-License-Identifier: Apache-2.0 */
/* What a person said of a cause, in words for every rendering: plain, not yet made harmless. */
#ifndef FB_CLI_VERDICT_H
#define FB_CLI_VERDICT_H

#include <jansson.h>

/* "Confirmed by user ops, 2026-01-20 11:02 UTC", "Corrected by …: the disk is full (disk_full): TEXT"; to be freed. NULL: nobody said anything of root_cause. */
char *fb_verdict_text(const json_t *root_cause);
/* What mended it; NULL. */
const char *fb_verdict_fix(const json_t *root_cause);

#endif
