/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For strategies that are items of a backup: what they put into the store, proving it, and giving it back, in the set that has the execution's id. Compiled into each plugin that uses it. Knows only the public header.
 */
#ifndef FB_PLUGINS_COMMON_ITEM_H
#define FB_PLUGINS_COMMON_ITEM_H

#include <jansson.h>
#include <stdbool.h>

#include "failback/plugin.h"
#include "plugins/common/store.h"

/* FB_OP_STATE: an item has no release of its own. */
int32_t item_state(const struct fb_call *call);
/*
 * FB_OP_CAPTURE: puts the item into the set. kind: "tree", "sqlite"; what: for people, "/etc/shop and 1 more"; content: the words that say what is put, at the
 * end of the command line. Reports it (member "items") and remembers which set goes with the release that is live.
 */
int32_t item_capture(const struct fb_call *call, const char *kind, const char *what, const struct store_words *content);
/* FB_OP_PROVE: reads all of it back from the sealed set, or with verify = "restore" gives it into the scratch folder and compares; reports how long a restore takes. */
int32_t item_prove(const struct fb_call *call);
/*
 * Which set is to be given back? That of call->release, or the one that phase give-back was told (ITEM_SET, which is then not given back by its recovery).
 * A copy; NULL: none was made, and fail() says so.
 */
#define ITEM_SET "give-back.set"
char *item_set(const struct fb_call *call);
/*
 * FB_OP_RESTORE: gives it back in place, unless on_rollback says that only people do that. more: further words ("--delete"); may be NULL. *ret_written (may be
 * NULL): whether anything differed.
 */
int32_t item_restore(const struct fb_call *call, const char *what, const struct store_words *more, bool *ret_written);
/* FB_OP_CHECK: is failback-store there? */
int32_t item_check(const struct fb_call *call);

#define ITEM_OPTIONS(rollback)                                                                                                                                   \
	{.name = "secret", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "It is secret: encrypted, where the store encrypts secrets"},                \
	{.name = "verify", .type = FB_TYPE_CHOICE, .default_value = "read", .choices = "read|restore",                                                             \
	 .summary = "How it is proven: read back whole and compared, or restored into a scratch place and compared"},                                              \
	{                                                                                                                                                          \
		.name = "on_rollback", .type = FB_TYPE_CHOICE, .default_value = rollback, .choices = "restore|keep",                                                \
		.summary = "restore: a recovery gives it back; keep: only people do, with failback backup restore"                                                \
	}

#endif
