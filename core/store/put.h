/* SPDX-License-Identifier: Apache-2.0 */
/* Putting one item into a set that is not sealed. */
#ifndef FB_STORE_PUT_H
#define FB_STORE_PUT_H

#include <jansson.h>

#include "base/proc.h"
#include "store/program.h"
#include "store/store.h"

struct fb_put {
	const char *set, *item, *kind;
	const char *source;         /* for people; NULL: the paths, the name of the program, or "standard input" */
	const json_t *meta;         /* an object of texts, or NULL */
	const char *const *trees;   /* ends in NULL; or */
	const char *file;           /* a path; or */
	const struct fb_program_form *program; /* what it prints, if it then exits with 0; or */
	int stream;                 /* a descriptor, when none of those is given */
	const char *const *exclude; /* of trees; ends in NULL; may be NULL */
	bool secret, rehash;
	struct fb_proc owner;       /* see fb_set_open_part */
	void (*progress)(void *ctx, uint64_t bytes, uint64_t total, const char *text); /* total 0: not known; may be NULL */
	void *ctx;
};
/* Takes the shared lock. *ret is the item's document, with what is worth saying once: "skipped", "changed", "vanished", "unchanged" (files), "read" (bytes).
 * An item that fails is not in the set, also where one of its name was before, and leaves nothing behind but objects, which the next prune removes. */
int fb_put(struct fb_store *s, const struct fb_put *put, json_t **ret, struct fb_err *err) FB_MUST_USE;

/* For put.c alone: a tree's part of it. part: the set's folder; item: the document to fill. */
int fb_put_tree(struct fb_store *s, const struct fb_put *put, int part, bool encrypted, bool distrust, json_t *item, json_t *said, struct fb_err *err) FB_MUST_USE;

#endif
