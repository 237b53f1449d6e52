/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over a tree in the order of a list (list.h), by descriptors, following no link below the root. It knows nothing of what is done with what it finds.
 */
#ifndef FB_STORE_WALK_H
#define FB_STORE_WALK_H

#include <sys/stat.h>

#include "store/store.h"

/* An open folder, shared with threads that have yet to open what is in it. */
struct fb_walk_folder {
	int fd;
	unsigned refs; /* atomic */
};
struct fb_walk_folder *fb_walk_hold(struct fb_walk_folder *f);
void fb_walk_release(struct fb_walk_folder *f); /* takes NULL */

struct fb_walk {
	const char *const *exclude; /* patterns, ends in NULL: with a slash against the path below the root, else against each name (fnmatch(3)) */
	dev_t skip_dev;             /* a folder that is left out with all in it: the store itself */
	ino_t skip_ino;
	/* in: the folder that has it; name: to be opened there; path: below the root, "" the root itself. fd: of a folder, open; else -1. */
	int (*visit)(void *ctx, struct fb_walk_folder *in, const char *name, const char *path, int fd, const struct stat *st, struct fb_err *err);
	void (*skipped)(void *ctx, const char *path, const char *why);
	void *ctx;
	const char *root; /* for messages */
};
/* root: an absolute path without links (realpath(3)). What vanishes while it walks was never there; what cannot be read is an error. */
int fb_walk(struct fb_walk *w, const char *root, struct fb_err *err) FB_MUST_USE;

/* The names in an open folder, sorted by their bytes: *ret points into *arena, both to be freed. */
int fb_walk_names(int fd, char ***ret, size_t *ret_n, char **arena) FB_MUST_USE; /* 0, or -1 with errno */

#endif
