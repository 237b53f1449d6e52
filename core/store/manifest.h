/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests of sealed sets: what is in them, checked for form. Fields of an item:
 *   name, kind, type ("tree": files; "file": one; "stream": one, from a program), source, created, seconds
 *   size (bytes of content), stored (bytes of its objects on disk), written (bytes of new ones), hash (hash.h, of the content; of a tree, of what
 *   restores it; keyed in an encrypted item), object (where the content begins; of a tree, that of its list), list_size (of a tree)
 *   start, start_ns (when it was begun: index.h), exclude (of a tree)
 *   secret, encrypted, meta; of a tree also roots, files, folders, links, others; of a file: mode, uid, gid, mtime, path
 */
#ifndef FB_STORE_MANIFEST_H
#define FB_STORE_MANIFEST_H

#include <jansson.h>
#include <time.h>

#include "store/content.h"

#define FB_MANIFEST_SCHEMA "failback.backup/1"
#define FB_ITEM_SCHEMA "failback.backup-item/1"

enum fb_item_type { FB_ITEM_TREE, FB_ITEM_FILE, FB_ITEM_STREAM };

struct fb_item {
	const char *name, *kind, *source; /* live as long as the manifest */
	enum fb_item_type type;
	struct fb_ref ref;  /* of the content, or of a tree's list */
	uint64_t size;
	struct fb_oid hash; /* of the whole */
	struct timespec start;
	uint32_t mode, uid, gid; /* of a file */
	int64_t mtime;
	uint32_t mtime_ns;
	const json_t *json;
};

struct fb_manifest {
	json_t *json;
	char digest[FB_OID_TEXT]; /* of the file as it is */
	struct fb_item *items;
	size_t n;
};
/* Reads a sealed set's. digest (may be NULL): the one that the caller has recorded; another one is FB_STORE_DAMAGED. */
int fb_manifest_read(struct fb_store *s, const char *set, const char *digest, struct fb_manifest *ret, struct fb_err *err) FB_MUST_USE;
void fb_manifest_clear(struct fb_manifest *m);
/* NULL with err when there is none of that name. */
const struct fb_item *fb_manifest_item(const struct fb_manifest *m, const char *name, struct fb_err *err);

/* A text as a manifest: its form alone, and that it belongs to store (NULL: any) and set (NULL: any). For fb_manifest_read and the fuzzer. */
int fb_manifest_parse(const char *text, size_t size, const char *store, const char *set, struct fb_manifest *ret, struct fb_err *err) FB_MUST_USE;
/* One item's document; points into it. */
int fb_item_parse(const json_t *json, struct fb_item *ret, struct fb_err *err) FB_MUST_USE;

#endif
