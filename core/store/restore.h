/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving an item back. Only what differs is written; killed and run again, it ends right. Where a tree goes: --in-place to where it came from; --to a folder,
 * which becomes the tree, or, of an item of several trees, gets each at its full path below it. What would have to follow a symbolic link
 * or to replace a folder or device is refused and said, and the rest is done.
 */
#ifndef FB_STORE_RESTORE_H
#define FB_STORE_RESTORE_H

#include <jansson.h>

#include "store/object.h"
#include "store/program.h"

struct fb_restore {
	const char *set, *item, *digest;
	const char *const *only; /* paths as they are in the list, or below a root; end in NULL; NULL: all */
	const char *to;          /* a folder; or */
	bool in_place;           /* or: content to a program, or else to output */
	const struct fb_program_form *program;
	int output;
	bool delete;             /* in a tree: what the backup does not have, but for what was excluded from it */
	bool dry_run;
	void (*progress)(void *ctx, uint64_t bytes, uint64_t total, const char *text); /* may be NULL */
	void *ctx;
};
/* Takes the shared lock. *ret (none for output) says what was done. 0; 1: something was refused; -1: it broke off, and can be run again. */
int fb_restore(struct fb_store *s, const struct fb_restore *restore, json_t **ret, struct fb_err *err) FB_MUST_USE;

/* For restore.c alone: content to output or program. */
struct fb_item;
int fb_restore_stream(struct fb_store *s, const struct fb_restore *how, const struct fb_item *item, struct fb_object_io *io, struct fb_err *err) FB_MUST_USE;

#endif
