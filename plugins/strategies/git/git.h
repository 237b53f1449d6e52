/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two uses of strategy git, and what both need. An item of a backup is called under the name SERVICE.ITEM (failback-plugin(3)), a service under a name without a
 * dot: that is how git.c knows which of the two a call is for.
 */
#ifndef FB_STRATEGIES_GIT_GIT_H
#define FB_STRATEGIES_GIT_GIT_H

#include "plugins/strategies/git/repo.h"

extern const struct fb_strategy_ops git_item;    /* item.c */
extern const struct fb_strategy_ops git_service; /* service.c */

/* Does an option have this value? */
bool git_is(const struct fb_call *call, const char *option, const char *value);
/* Works on the work tree in `path`. */
int32_t git_with(const struct fb_call *call, int32_t (*work)(struct repo *r));
/* Sets the sentence "what of PATH failed: what the last program said"; FB_FAIL. */
int32_t git_failed(struct repo *r, const char *what);
/* FB_OP_CHECK of both: is it a work tree with a commit? */
int32_t git_check(struct repo *r);
/* What git prints; to be freed; NULL: nothing. c may be NULL. */
char *git_said(struct repo *r, const char *a, const char *b, const char *c);
int git_write_file(const char *folder, const char *name, const char *text);
/* The commit into the version file, where one is wanted. */
int32_t git_write_version(struct repo *r, const char *commit);
/* Tags the commit and pushes the tag, as the options say; buf: its name, the same in each try of an execution, or "". */
int32_t git_tag(struct repo *r, const char *commit, char *buf, size_t size);
/* What differs from HEAD (tree now) as a commit that refs/failback/replaced/EXECUTION keeps, with this at its end. */
int32_t git_save(struct repo *r, const char *now, const char *suffix);
/* How a person puts local changes away. */
void git_advise_stash(struct repo *r);
/* The branch that HEAD goes to with a commit; NULL: none. It is this one when it still stands there, or when `head` says that it is to be moved. */
const char *git_branch_for(struct repo *r, const char *branch, const char *commit);

#endif
