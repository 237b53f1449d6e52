/* SPDX-License-Identifier: Apache-2.0 */
/* Reading back what a sealed set refers to. */
#ifndef FB_STORE_VERIFY_H
#define FB_STORE_VERIFY_H

#include <jansson.h>

#include "store/manifest.h"

/* Reads every object of a set (of one item, when item is given) and compares hashes, sizes and counts with the manifest. *ret says of each item whether it is good, and what is
 * wrong. 0: all is good; 1: something is not; -1: it could not be found out. Takes the shared lock. */
int fb_verify(struct fb_store *s, const char *set, const char *item, const char *digest, void (*progress)(void *ctx, uint64_t bytes, uint64_t total, const char *text),
	      void *ctx, json_t **ret, struct fb_err *err) FB_MUST_USE;

/* The same of a manifest that was read, without locking; set is for the answer. */
int fb_verify_manifest(struct fb_store *s, const struct fb_manifest *m, const char *set, const char *item, void (*progress)(void *ctx, uint64_t bytes, uint64_t total, const char *text), void *ctx,
		       json_t **ret, struct fb_err *err) FB_MUST_USE;

#endif
