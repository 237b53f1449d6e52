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
 * To be called when the item was given back from a set: where a person has asked for it, that set goes with the release that is live from now on, not the one that was made just before.
 * FB_OK, or its sentence is set. item_restore and item_restore_by call it.
 */
int32_t item_given(const struct fb_call *call, const char *set);
/*
 * FB_OP_RESTORE: gives it back in place, unless on_rollback says that only people do that. more: further words ("--delete"); may be NULL. *ret_written (may be
 * NULL): whether anything differed.
 */
int32_t item_restore(const struct fb_call *call, const char *what, const struct store_words *more, bool *ret_written);
/* FB_OP_CHECK: is failback-store there? */
int32_t item_check(const struct fb_call *call);

/* ---- for kinds that have more to do than to name files ---- */

/* A name of its own in the scratch folder, where nothing is: what an earlier try left there is removed. A copy; NULL: there is no scratch folder, and fail() says so. */
char *item_place(const struct fb_call *call, const char *name);
/* Removes it with all that is in it, follows no links, and frees the name. Takes NULL. */
void item_clear(char *place);
/* Another look at an item that is proven: with verify = "restore" place is the folder that it was restored into, else NULL. Its sentence is set when it is not FB_OK. */
typedef int32_t (*item_look_fn)(const struct fb_call *call, const char *place);
/* FB_OP_PROVE as item_prove, then the look. */
int32_t item_prove_with(const struct fb_call *call, item_look_fn look);
/* on_rollback = "keep", and no person has asked for it: says so. */
bool item_stays(const struct fb_call *call, const char *what);
/* Gives it from the set to where the words say ("--to", DIR; "--command", "--", ...). 0; -1, with the sentence and what to look at. */
int item_give(const struct fb_call *call, const char *what, const char *set, const struct store_words *where);
/* A step that may be made again when its outcome is not known; its sentence is set when it is not FB_OK. done_is_done: one that is recorded as made is not made again. */
typedef int32_t (*item_step_fn)(const struct fb_call *call, void *ctx);
int32_t item_act(const struct fb_call *call, const char *key, const char *text, bool done_is_done, item_step_fn step, void *ctx);
/* FB_OP_RESTORE of a kind that knows how: gives the item into the scratch folder, then step has its name in ctx, for which the first member is const char *place. */
int32_t item_restore_by(const struct fb_call *call, const char *what, item_step_fn step, void *ctx);
/* Runs the command in an option as a step of that key; FB_OK when none is set. failed: the beginning of the sentence, "the files are back, but after_restore failed". */
int32_t item_command(const struct fb_call *call, const char *option, const char *failed);
/* Asks a program, and waits for its end: 0 when it exits with 0. What it printed, without the last line's end, is a copy in *ret_output (may be NULL; set in each case); line: what became of it. */
int item_ask(const struct fb_call *call, const struct fb_command *command, char **ret_output, char line[STORE_LINE]);

#define ITEM_OPTIONS(rollback)                                                                                                                                   \
	{.name = "secret", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "It is secret: encrypted, where the store encrypts secrets"},                \
	{.name = "verify", .type = FB_TYPE_CHOICE, .default_value = "read", .choices = "read|restore",                                                             \
	 .summary = "How it is proven: read back whole and compared, or restored into a scratch place and compared"},                                              \
	{                                                                                                                                                          \
		.name = "on_rollback", .type = FB_TYPE_CHOICE, .default_value = rollback, .choices = "restore|keep",                                                \
		.summary = "restore: a recovery gives it back; keep: only people do, with failback backup restore"                                                \
	}

#endif
