/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which objects do sets refer to? A hash table of the first 8 bytes of ids, for the objects of some of the 256 folders at a time: two objects that share
 * them keep each other, which errs on the side that loses nothing.
 */
#ifndef FB_STORE_MARK_H
#define FB_STORE_MARK_H

#include "store/content.h"

struct fb_mark {
	struct fb_store *store;
	struct fb_object_io *io;
	uint64_t *slots;
	size_t n, room;
	unsigned low, high; /* first bytes of ids that are looked at: low <= b < high */
	bool zero;          /* the id that a free slot looks like */
};
/* *ret_step: over how many folders a pass may go. */
int fb_mark_begin(struct fb_mark *m, struct fb_store *s, unsigned *ret_step, struct fb_err *err) FB_MUST_USE;
void fb_mark_range(struct fb_mark *m, unsigned low, unsigned high); /* forgets what was marked */
/* Marks all that a sealed set, or the items of a part (its folder's name), refer to. -1: something cannot be read. */
int fb_mark_set(struct fb_mark *m, const char *set, struct fb_err *err) FB_MUST_USE;
int fb_mark_part(struct fb_mark *m, const char *part, struct fb_err *err) FB_MUST_USE;
bool fb_mark_has(const struct fb_mark *m, const struct fb_oid *id);
void fb_mark_end(struct fb_mark *m);

#endif
