/* SPDX-License-Identifier: Apache-2.0 */
/* A service that is deployed by a checkout: what release.c, deploy.c and service.c know of each other. */
#ifndef FB_STRATEGIES_GIT_SERVICE_H
#define FB_STRATEGIES_GIT_SERVICE_H

#include "plugins/strategies/git/git.h"

#define NAME_ROOM 700

/* ---- release.c: which commit a release is, and the other way round ---- */

/* What the release is now: as the tag, branch or id that `ref` makes of its name; to be freed; NULL: nothing of that name. */
char *release_resolve(struct repo *r, const char *release);
/* Fetches where that is wanted, resolves, and keeps the answer for this execution. NULL: the sentence is set. */
char *release_choose(struct repo *r, const char *release);
/* The commit that this call means by a release: a deployment what was chosen, a recovery what was live under that name. NULL: the sentence is set. */
char *release_commit(struct repo *r, const char *release);
/* The commit of the release that failed; NULL: it is not known. */
char *release_failed(struct repo *r);
/* The release that HEAD is at, to be freed; NULL: a checkout is under way, or it is not known. */
char *release_live(struct repo *r);
/* Records which commit a release is. 0, -1. */
int release_record(struct repo *r, const char *release, const char *commit);
/* Nothing is live until release_is_live: what may be changed from now on is not relied on. */
int32_t release_changes(struct repo *r);
int32_t release_is_live(struct repo *r, const char *release, const char *commit);
/* Was the last change of what is live ended, and was it to this commit? Also when none was ever begun. */
bool release_is_settled(struct repo *r, const char *commit);

/* Names: the ref that is there while a checkout is under way, and the one that keeps the last known good. */
const char *ref_begun(const struct fb_call *call, char buf[NAME_ROOM]);
const char *ref_good(const struct fb_call *call, char buf[NAME_ROOM]);

/* ---- stage.c: releases out of sight ---- */

/* The folder of a commit, to be freed; commit NULL: that of all of this service. NULL: the sentence is set. */
char *stage_folder(struct repo *r, const char *commit);
int32_t stage_make(struct repo *r, const char *release, const char *commit);
/* Removes all of this service; FB_SKIP: there is none. */
int32_t stage_clear(struct repo *r);

/* ---- deploy.c ---- */

int32_t deploy_prepare(struct repo *r);
int32_t deploy_shift(struct repo *r);
int32_t deploy_restore(struct repo *r);
int32_t deploy_undo(struct repo *r);
/* Is the commit in place, and does it run? */
bool deploy_is_live(struct repo *r, const char *commit);
/* Would a checkout of the commit lose local changes, and shall it then not be made? FB_OK, or the sentence is set. */
int32_t deploy_may(struct repo *r, const char *commit);
/* Where commands run from now on in this call: the work tree, or the folder of a staged release. */
void deploy_set_place(const char *folder, bool staged, const char *commit);

#endif
