/* SPDX-License-Identifier: Apache-2.0 */
/* The set of items that an execution puts into the store of backups: its store is there before, and it is sealed after. */
#ifndef FB_PHASES_BACKUP_SET_H
#define FB_PHASES_BACKUP_SET_H

#include "failback/plugin.h"
#include "../phase.h"

/* Makes the store when a service has items and there is none yet. FB_OK, or an answer whose sentence is set. */
int32_t set_prepare(const struct fb_call *call);
/* Seals the set when something was put into it, and records its digest. The same. */
int32_t set_seal(const struct fb_call *call, const struct phase_outcome *captured);

#endif
