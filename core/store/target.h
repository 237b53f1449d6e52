/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree that a restore writes to. Every folder is opened from the one above it, one name at a time, and no symbolic link is followed below the base;
 * files, links and fifos are made under a temporary name and renamed, so that at any moment each is the old one or the new one, whole.
 * It knows nothing of sets; content comes as objects.
 */
#ifndef FB_STORE_TARGET_H
#define FB_STORE_TARGET_H

#include <time.h>

#include "store/list.h"

/* What became of an entry */
enum fb_change { FB_SAME, FB_CREATED, FB_REPLACED, FB_METADATA, FB_DELETED, FB_CHANGES };
extern const char *const fb_change_texts[FB_CHANGES];

/* An open folder of the target; belongs to the calling thread, but for its descriptor, which jobs use while they hold it. */
struct fb_target_folder {
	int fd; /* -1: in a dry run, it is not there */
	unsigned refs;
	struct fb_target_folder *above; /* held */
	struct fb_entry entry;          /* what it is to be; path is what there is of it below its root */
	bool wanted;                    /* its own metadata is to be restored */
	bool created;
	char **names; /* of what the backup has in it, in order, where extra files are to be deleted */
	size_t names_n;
};

struct fb_target {
	struct fb_store *store;
	bool dry_run, delete, root; /* root: we may set owners */
	bool encrypted;
	struct timespec start; /* of the put: fb_index_same */
	const char *const *exclude; /* of the put: what matches was never in the backup, and is not deleted; may be NULL */
	void (*changed)(void *ctx, const struct fb_target_folder *in, const char *name, enum fb_change change, uint64_t bytes);
	void (*refused)(void *ctx, const struct fb_target_folder *in, const char *name, const char *why);
	void *ctx;
};

/* Opens or makes the folder at a path, below base where one is given; follow: links on the way are the operator's own (--to), else they are refused. NULL with err. */
struct fb_target_folder *fb_target_open(struct fb_target *t, const struct fb_target_folder *base, const char *path, bool follow, struct fb_err *err);
/* The folder is itself what e says: its metadata is to be restored. */
void fb_target_want(struct fb_target_folder *f, const struct fb_entry *e, bool wanted);
/* The folder name in another one. NULL: it was refused (and said), or err is set. In a dry run it may be one that is not there. */
struct fb_target_folder *fb_target_enter(struct fb_target *t, struct fb_target_folder *above, const char *name, const struct fb_entry *e, bool wanted, struct fb_err *err);
struct fb_target_folder *fb_target_hold(struct fb_target_folder *f);
/* The last one to let go deletes what is extra and sets the folder's own metadata. */
void fb_target_release(struct fb_target *t, struct fb_target_folder *f, struct fb_err *err);
/* Notes that the backup has this name here. */
void fb_target_note(struct fb_target *t, struct fb_target_folder *f, const char *name);

/* Is the file name the very one that was backed up, with nothing of it changed since? By its device, inode, size and times, without reading it (fb_index_same). */
bool fb_target_untouched(const struct fb_target *t, const struct fb_target_folder *in, const char *name, const struct fb_entry *e);
/* Makes the file, link or fifo name in a folder what e says. May be called in any thread. *ret_why: refused, and why (static text). -1: err. */
struct fb_target_result {
	enum fb_change change;
	uint64_t bytes; /* written */
	const char *why;
};
int fb_target_file(const struct fb_target *t, const struct fb_target_folder *in, const char *name, const struct fb_entry *e, struct fb_object_io *io,
		   struct fb_target_result *ret, struct fb_err *err) FB_MUST_USE;
int fb_target_other(const struct fb_target *t, const struct fb_target_folder *in, const char *name, const struct fb_entry *e, struct fb_target_result *ret,
		    struct fb_err *err) FB_MUST_USE;
/* Makes name another name of the file at path below root. ret->why: it is not there. */
int fb_target_link(const struct fb_target *t, const struct fb_target_folder *root, const char *path, const struct fb_target_folder *in, const char *name,
		   struct fb_target_result *ret, struct fb_err *err) FB_MUST_USE;

/* Sets owner (as root), mode, attributes and times of an open file or folder where they differ. *ret_any: something did. what fails is err. */
int fb_target_metadata(const struct fb_target *t, int fd, const struct fb_entry *e, bool *ret_any, struct fb_err *err) FB_MUST_USE;

#endif
