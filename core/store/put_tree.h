/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What put_tree.c, which walks and lists, hands to the pool's threads, which read, hash, compress and write (put_read.c). Of the two files only put_tree.c knows the
 * tree's list, its index and what is said of it.
 */
#ifndef FB_STORE_PUT_TREE_H
#define FB_STORE_PUT_TREE_H

#include <sys/stat.h>

#include "store/list.h"
#include "store/names.h"
#include "store/walk.h"

/* A file of more than one chunk, shared by its jobs; all but fd and shape belong to the calling thread. */
struct fb_put_large {
	int fd;
	struct fb_entry entry;
	struct fb_content_writer writer;
	struct fb_cost cost;
	struct fb_name *name; /* where it has more than one */
	struct stat st;
	bool ended; /* it was shorter than its size said: what comes after is not counted */
	bool changed, stripped;
};

enum fb_put_work { FB_PUT_READY, FB_PUT_SMALL, FB_PUT_CHUNK };
struct fb_put_job {
	enum fb_put_work work;
	bool encrypted;
	/* FB_PUT_READY, FB_PUT_SMALL */
	struct fb_entry entry;
	struct fb_name *name; /* first of a file with several names: to be told; hard: to be asked */
	struct fb_walk_folder *in;
	char *open_as;
	bool unchanged, vanished, changed;
	bool stripped; /* some attributes could not be had */
	/* FB_PUT_CHUNK */
	struct fb_put_large *large;
	uint64_t offset;
	bool last;
	size_t size;
	struct fb_oid id;
	/* all */
	struct fb_cost cost;
	struct fb_err *err;
};

/* What the pool runs in its threads. */
void fb_put_read(void *job, struct fb_object_io *io);

/* What stat says of a file, as an entry. */
void fb_put_shape(struct fb_entry *e, const struct stat *st);
bool fb_put_same_times(const struct stat *a, const struct stat *b);
/* Extended attributes of an open file, in the form of a list. false: some could not be had, and were left out. */
bool fb_put_attributes(int fd, struct fb_entry *e);
/* Fills err from errno; -1. */
int fb_put_cannot_read(const char *path, struct fb_err *err);

#endif
