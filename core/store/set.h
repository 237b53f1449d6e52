/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets. While one is written it is a folder sets/ID.part with an owner and a document for each item; sealing writes the manifest there, syncs, and
 * renames the folder to sets/ID: that name is the mark, and there is no other. What is removed is first renamed to sets/ID.gone.
 */
#ifndef FB_STORE_SET_H
#define FB_STORE_SET_H

#include <jansson.h>

#include "base/proc.h"
#include "store/store.h"

/* The part that items of a set go to. Made when it is not there; a leftover whose owner is gone is removed first when another owner comes. owner: the
 * process that composes the set, with its start, so that one that gets its number later is another (pid 0: none known). *ret_fd is the folder, to be closed. Needs the shared lock. */
int fb_set_open_part(struct fb_store *s, const char *id, const struct fb_proc *owner, int *ret_fd, struct fb_err *err) FB_MUST_USE;
/* Forgets an item of that name, if the part has one: it is to be put anew, and until that is done it is not there. */
int fb_set_drop_item(struct fb_store *s, int part, const char *id, const char *item, struct fb_err *err) FB_MUST_USE;
/* Keeps an item's document in the part. One of that name that was there is replaced: a link that is run again puts its item again. */
int fb_set_keep_item(struct fb_store *s, int part, const char *id, const json_t *item, struct fb_err *err) FB_MUST_USE;
/* Turns the part into a set. meta (may be NULL) is an object of texts. *ret_digest is the manifest's. */
int fb_set_seal(struct fb_store *s, const char *id, const json_t *meta, char ret_digest[FB_OID_TEXT], json_t **ret_manifest, struct fb_err *err) FB_MUST_USE;

/* Turns the part into the set that a manifest from elsewhere says, whose items are all here and were verified. Its text was parsed by the caller. */
int fb_set_install(struct fb_store *s, int part, const char *id, const void *manifest, size_t size, struct fb_err *err) FB_MUST_USE;

/* Is the part still of use to someone? *why says so for people. */
bool fb_set_part_alive(struct fb_store *s, const char *name, char *why, size_t size);

/* Calls each with every name in sets/, sorted. */
int fb_set_each(struct fb_store *s, int (*each)(void *ctx, const char *name, struct fb_err *err), void *ctx, struct fb_err *err) FB_MUST_USE;

/* Before the first object is written: since the machine was last started, has anyone? If not, 1: objects that no set refers to may be half on disk and have to be swept
 * (prune.h) before they are relied on, and fb_set_mark_writing follows. 0: yes. -1. */
int fb_set_first_writer(struct fb_store *s, struct fb_err *err) FB_MUST_USE;
int fb_set_mark_writing(struct fb_store *s, struct fb_err *err) FB_MUST_USE;

#endif
