/* SPDX-License-Identifier: Apache-2.0 */
/* strategy state: what its parts share. */
#ifndef FB_PLUGINS_STATE_H
#define FB_PLUGINS_STATE_H

#include "plugins/common/item.h"
#include "plugins/common/run.h"

/* ---- moment.c: is what was read of one moment? ---- */

/* What files there are below the paths, but for what is excluded, with their sizes, times and numbers: two that are equal were made with no change in between. 0; -1: line says why not. */
struct state_moment {
	uint64_t sum, files;
};
int state_moment(const struct fb_call *call, struct state_moment *ret, char line[STORE_LINE]);

/* ---- aside.c: what a restore would lose is put where people find it ---- */

/* The folder of this execution, which is not made: "/srv/shop/.failback-aside/EXECUTION"; to be freed. */
char *state_aside(const struct fb_call *call);
/* The folder above it may not lie in a path that is backed up. FB_OK or FB_FATAL. */
int32_t state_aside_check(const struct fb_call *call);
/* A copy of all paths as they are. An action of this call. */
int32_t state_keep(const struct fb_call *call);
/* The files of `clear` go there. An action of this call. */
int32_t state_clear(const struct fb_call *call);

#endif
