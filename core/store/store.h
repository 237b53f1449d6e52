/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backup store: one folder that holds objects (content, by its hash) and sets (manifests that refer to them). It knows files, objects, manifests
 * and keys; nothing of plugins, the journal, services or configuration. What lies where:
 *   store.json             format, id, encryption (document.h)
 *   lock                   flock: shared by all that read or write sets, exclusive for what removes
 *   writing                the boot in which objects were last written (set.h)
 *   objects/ab/cdef...     object.h
 *   sets/ID/manifest.json  a sealed set; sets/ID.part/ one that is not, which is never a backup (set.h, manifest.h)
 *   index/HASH             where the last list of a tree is, so that unchanged files are not read (index.h)
 */
#ifndef FB_STORE_STORE_H
#define FB_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "store/keys.h"

/* Codes of errors, which failback-store ends with (failback-store(8)) */
#define FB_STORE_PARTLY 4 /* a restore wrote what it could, and something was left */
#define FB_STORE_USAGE 64
#define FB_STORE_DAMAGED 65
#define FB_STORE_ABSENT 66
#define FB_STORE_BUG 70
#define FB_STORE_EXISTS 73
#define FB_STORE_IO 74
#define FB_STORE_BUSY 75
#define FB_STORE_PROGRAM 76 /* the program of --command failed */
#define FB_STORE_DENIED 77

/* SHA-256 of content (hash.h), BLAKE2b-256 of lists and documents */
#define FB_OID_SIZE 32
#define FB_OID_TEXT 65
struct fb_oid {
	uint8_t b[FB_OID_SIZE];
};
char *fb_oid_text(const struct fb_oid *id, char *buf); /* 64 hexadecimal digits and NUL; returns buf */
int fb_oid_parse(const char *text, struct fb_oid *ret) FB_MUST_USE; /* 0, or -1 when it is anything but 64 lower-case digits */

enum fb_store_encryption { FB_STORE_NONE, FB_STORE_SECRETS, FB_STORE_ALL };
int fb_store_encryption_parse(const char *text, enum fb_store_encryption *ret) FB_MUST_USE; /* "none", "secrets", "all" */
const char *fb_store_encryption_text(enum fb_store_encryption e);

struct fb_store {
	char *path;
	int dir, objects, sets, lock; /* descriptors */
	char id[33];
	enum fb_store_encryption encryption;
	struct fb_keys keys;  /* valid when unlocked */
	bool unlocked;
	uint64_t temporary;   /* random: begins the names of our temporary files */
	unsigned temporaries; /* how many were named; atomic */
	/* Brings the bytes of an object that is not here, or is damaged, from where there is a copy (copy.h), in any thread; NULL: there is none. */
	int (*fetch)(void *ctx, const struct fb_oid *id, struct fb_err *err);
	void *fetch_ctx;
	bool passing; /* what was fetched is looked at, not kept */
};

/* Makes a store in a folder that is empty or not there. encryption other than none needs a key; a key file that is not there is made. */
int fb_store_init(const char *path, enum fb_store_encryption encryption, const struct fb_key_source *key, char ret_id[33], struct fb_err *err) FB_MUST_USE;

/* Makes a store out of another one's store.json, in a folder that is empty or not there: one that its sets can be put into. */
#define FB_STORE_SCHEMA "failback.store/1"
int fb_store_adopt(const char *path, const void *form, size_t size, struct fb_err *err) FB_MUST_USE;

/* Opens a store, and unlocks it with key, if one is given or the store remembers its key file. A key that is absent is an error only where it is needed
 * (fb_store_need_key); a wrong one always. fb_store_close takes a zeroed store too. */
int fb_store_open(struct fb_store *s, const char *path, const struct fb_key_source *key, struct fb_err *err) FB_MUST_USE;
void fb_store_close(struct fb_store *s);
int fb_store_need_key(const struct fb_store *s, struct fb_err *err) FB_MUST_USE;

/* From now on the store opens with another key (new), and no longer with that which it was opened with. What is in it stays encrypted as it is: the key only wraps the
 * master key. A key file that is not there is made. Killed at any point, the store opens with one of the two. */
int fb_store_change_key(struct fb_store *s, const struct fb_key_source *old, const struct fb_key_source *new_key, struct fb_err *err) FB_MUST_USE;

/* Locks the store until it is closed. Shared waits for whoever prunes; exclusive waits for nobody: FB_STORE_BUSY. */
int fb_store_lock(struct fb_store *s, bool exclusive, struct fb_err *err) FB_MUST_USE;

/* A name for a temporary file, new in this store. Returns buf. */
#define FB_TEMPORARY_SIZE 48
#define FB_TEMPORARY_PREFIX ".t-"
char *fb_store_temporary(struct fb_store *s, char buf[FB_TEMPORARY_SIZE]);

/* Writes a small file in a folder: temporary name, then rename; not synced. */
int fb_store_write_file(struct fb_store *s, int folder, const char *name, const void *data, size_t size, struct fb_err *err) FB_MUST_USE;
/* The same, synced: after a power failure it is the old one or the new one. */
int fb_store_replace_file(struct fb_store *s, int folder, const char *name, const void *data, size_t size, struct fb_err *err) FB_MUST_USE;
/* Reads one of at most limit bytes, to be freed. FB_STORE_ABSENT when it is not there. */
int fb_store_read_file(int folder, const char *name, size_t limit, char **ret, size_t *ret_size, struct fb_err *err) FB_MUST_USE;
/* Removes a folder and what is in it, below a folder; follows no link. What is not there is no error. */
int fb_store_remove_folder(int folder, const char *name, struct fb_err *err) FB_MUST_USE;
/* Ids of sets, names of items: [A-Za-z0-9][A-Za-z0-9._-]{0,126}, not ending in ".part" or ".gone" */
bool fb_store_name_valid(const char *name);

#endif
