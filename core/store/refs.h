/* SPDX-License-Identifier: Apache-2.0 */
/* All objects that an item refers to. */
#ifndef FB_STORE_REFS_H
#define FB_STORE_REFS_H

#include "store/manifest.h"

struct fb_refs {
	struct fb_store *store;
	struct fb_object_io *io;
	/* size: of the content; of a list (which was read, so is whole) 0. An object that is referred to more than once comes as often. 0; -1 with err. */
	int (*each)(void *ctx, const struct fb_oid *id, size_t size, bool encrypted, struct fb_err *err);
	void *ctx;
	struct fb_err *failed; /* ours */
};
int fb_refs_item(struct fb_refs *r, const struct fb_item *item, struct fb_err *err) FB_MUST_USE;

#endif
