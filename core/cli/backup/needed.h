/* SPDX-License-Identifier: Apache-2.0 */
/* Which executions' backups the releases that matter stand on: those that users are on, and the last known good ones. The journal alone knows. */
#ifndef FB_CLI_BACKUP_NEEDED_H
#define FB_CLI_BACKUP_NEEDED_H

#include "journal/journal.h"

/* why: "live" or "last_good". */
typedef void fb_needed_fn(void *ctx, const char *execution, const char *environment, const char *service, const char *release, const char *why);
/*
 * Calls each for every service of every environment. Of a release two executions count: the newest that touched it (also one that came back to it), and the
 * newest deployment of it that was completed, whose set has what was there before.
 */
int fb_needed_each(struct fb_journal *j, fb_needed_fn *each, void *ctx, struct fb_err *err) FB_MUST_USE;

#endif
