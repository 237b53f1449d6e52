/* SPDX-License-Identifier: Apache-2.0 */
/* What each service goes back to, and what the journal says of its releases before, during and after an execution. */
#ifndef FB_RECOVERY_TARGETS_H
#define FB_RECOVERY_TARGETS_H

#include "recovery/internal.h"

#define FB_TARGETS_CHOSEN 0
#define FB_TARGETS_ADOPT 1 /* some service's live release is not known to the journal: prove it (verify), then adopt it */
#define FB_TARGETS_NONE 2  /* refused: err tells what is missing */

/* Keeps what the strategies said is live: results of the state operation. */
void fb_targets_states(struct fb_engine *e, json_t *results);
/* Chooses each service's last known good. FB_TARGETS_, or -1 with err when the journal failed. */
int fb_targets_choose(struct fb_engine *e, struct fb_err *err) FB_MUST_USE;
/* Adopts those that verified; results of the verify operation. */
int fb_targets_adopt(struct fb_engine *e, json_t *results, struct fb_err *err) FB_MUST_USE;
/* Records the choice, so that a resumed execution makes the same. */
int fb_targets_store(struct fb_engine *e, struct fb_err *err) FB_MUST_USE;
/* Takes the recorded choice over. False: there is none, the execution had not come so far. */
bool fb_targets_restore(struct fb_engine *e);

int fb_targets_deploying(struct fb_engine *e, struct fb_err *err) FB_MUST_USE;  /* the plan begins */
int fb_targets_committed(struct fb_engine *e, struct fb_err *err) FB_MUST_USE;  /* the plan went through */
void fb_targets_failed(struct fb_engine *e);                                    /* the recovery begins: what is left behind */
int fb_targets_recovered(struct fb_engine *e, struct fb_err *err) FB_MUST_USE;  /* the last known good is verified */

#endif
