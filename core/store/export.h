/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set as one archive (tar, pax form, zstd) that needs no failback to be read: manifest.json as it is, a folder ITEM/ for each tree with the files at their full paths
 * in it, and a file ITEM for each file and stream. What was encrypted in the store is in the clear in it.
 */
#ifndef FB_STORE_EXPORT_H
#define FB_STORE_EXPORT_H

#include <jansson.h>

#include "store/store.h"

/* item: NULL: all. The file is there only when it is whole, mode 0600. Every object is verified on the way. Takes the shared lock. */
int fb_export(struct fb_store *s, const char *set, const char *item, const char *digest, const char *to, json_t **ret, struct fb_err *err) FB_MUST_USE;

#endif
