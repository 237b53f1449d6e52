/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing sets, and the objects that no set refers to. Counted by mark and sweep over all manifests each time, so that there is no count that could be
 * wrong. Where something that is kept is damaged, no object and no set is removed, only temporary files and what was begun and never ended. Memory does not grow with the store: large ones are swept in several passes.
 */
#ifndef FB_STORE_PRUNE_H
#define FB_STORE_PRUNE_H

#include <jansson.h>

#include "store/store.h"

struct fb_prune {
	const char *const *keep;   /* ids, ends in NULL: all others go; or */
	const char *const *remove; /* ids that go; NULL and keep NULL: only garbage goes */
	bool dry_run;
	void (*progress)(void *ctx, uint64_t bytes, uint64_t total, const char *text); /* may be NULL */
	void *ctx;
};
/* Takes the exclusive lock. *ret says of each set and leftover what was decided and why. 0; 1: something that is kept is damaged, which err and *ret say; -1. */
int fb_prune(struct fb_store *s, const struct fb_prune *prune, json_t **ret, struct fb_err *err) FB_MUST_USE;
/* Removes what no set and no live part refers to; the caller has the exclusive lock. */
int fb_prune_garbage(struct fb_store *s, struct fb_err *err) FB_MUST_USE;

#endif
