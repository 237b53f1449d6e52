/* SPDX-License-Identifier: Apache-2.0 */
/* Work beside an execution that may fail, be slow or be ended, and nobody asks: what logs of successes had is learned, and signatures are compiled before they are needed. */
#ifndef FB_RECOVERY_ASIDE_H
#define FB_RECOVERY_ASIDE_H

#include "recovery/internal.h"

/* A deployment begins: failback-analyze has the compiled signatures in its cache when the phase needs them. */
void fb_aside_warm(const struct fb_engine *e);
/* It went well: what its steps' logs have is learned. */
void fb_aside_learn(const struct fb_engine *e);
/* Document "known": {"steps": [{"link", "name", "file"}]} of the plan's steps that succeeded before; to be freed. */
char *fb_aside_known(const struct fb_engine *e);
/* The execution has ended: what compiles is ended, what learns is given so long; what then still runs stays. */
void fb_aside_settle(int64_t wait_ms);
/* Nobody waits for the engine any more: it stays until what learns has ended, which is ended when its time is over. */
void fb_aside_end(void);

#endif
