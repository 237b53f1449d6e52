/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was backed up of a tree the last time: index/HASH names the list of the last sealed set for one root. It is a cache: a wrong, damaged or stale one
 * costs reading again and nothing else, for a file is left unread only when its device, inode, size, mtime and ctime are what the list says,
 * and both times are older than that backup's start (a file that was changed while it ran, or within one tick of the clock, is read again).
 */
#ifndef FB_STORE_INDEX_H
#define FB_STORE_INDEX_H

#include <sys/stat.h>

#include "store/list.h"

/* The moment before which a change must lie to be known: by the clock that file systems take their times from. */
struct timespec fb_index_now(void);
/* Notes in a part where the list of root is. */
int fb_index_note(struct fb_store *s, int part, const char *root, const struct fb_ref *list, const struct timespec *start, struct fb_err *err) FB_MUST_USE;
/* Makes the part's notes the store's. Failures are none: it is a cache. */
void fb_index_install(struct fb_store *s, int part);

/* The last list of root, to be asked for paths in their order. Zeroed: knows nothing. */
struct fb_index {
	struct fb_list_reader list;
	struct fb_entry entry;
	struct timespec start;
	bool open, have;
};
void fb_index_open(struct fb_index *x, struct fb_store *s, struct fb_object_io *io, const char *root, bool encrypted);
/* What is known of the file or folder at path, if st says that it is unchanged; else NULL. Lives until the next call. */
const struct fb_entry *fb_index_find(struct fb_index *x, const char *path, const struct stat *st);
void fb_index_close(struct fb_index *x);

/* Is the file or folder what e was, made before start? Of a folder: its names, mode, owner and attributes, not what is in the files. */
bool fb_index_same(const struct fb_entry *e, const struct stat *st, const struct timespec *start);

#endif
