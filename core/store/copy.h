/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of a store's sets at a location. Objects first, the manifest last and only where there is none: what is broken off is never a set there, and is gone on with. Whatever comes
 * from a location is believed when its hash was compared, not before. A location belongs to one store; it is written to under that store's lock, so from one machine.
 */
#ifndef FB_STORE_COPY_H
#define FB_STORE_COPY_H

#include "store/location.h"
#include "store/object.h"
#include "store/prune.h"

struct fb_copy {
	struct fb_location *location;
	const char *const *sets; /* ids, ends in NULL; NULL or none: all that are not yet there */
	const char *digest;      /* of one set, as it was recorded; NULL: none was */
	void (*progress)(void *ctx, uint64_t bytes, uint64_t total, const char *text); /* may be NULL */
	void *ctx;
};
/* Sends sets. *ret says of each what became of it. */
int fb_copy_push(struct fb_store *s, const struct fb_copy *copy, json_t **ret, struct fb_err *err) FB_MUST_USE;
/* Brings sets into the store at path, which is made when it is not there. Objects of it that are damaged are mended, also those of sets that it has. */
int fb_copy_pull(const char *path, const struct fb_key_source *key, const struct fb_copy *copy, json_t **ret, struct fb_err *err) FB_MUST_USE;
/* fb_prune of what is at the location, under the lock of its store s. */
int fb_copy_prune(struct fb_store *s, struct fb_location *l, const struct fb_key_source *key, const struct fb_prune *prune, json_t **ret, struct fb_err *err) FB_MUST_USE;

/* A store to look at, in a folder of its own below TMPDIR, with the manifest of a set (NULL: of all) at the location; objects come from there and are not kept. */
int fb_copy_open(struct fb_store *s, struct fb_location *l, const struct fb_key_source *key, const char *set, struct fb_err *err) FB_MUST_USE;
void fb_copy_close(struct fb_store *s);

/* Shared by the files of this module. The store.json of a location: its text, and the id in it. */
int fb_copy_form(struct fb_location *l, struct fb_text *ret, char ret_id[33], struct fb_err *err) FB_MUST_USE;
/* fetch of struct fb_store; ctx is a source. */
int fb_copy_fetch(void *ctx, const struct fb_oid *id, struct fb_err *err);
struct fb_copy_source { /* ctx of fetch */
	struct fb_store *store;
	struct fb_location *location;
};
char *fb_copy_key(const struct fb_oid *id, char buf[FB_OBJECT_PLACE + 8]);

#endif
