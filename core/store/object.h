/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects: at most FB_CHUNK bytes, named by their hash (hash.h). A file in objects/ has
 *   4 bytes  "FBOB"
 *   1 byte   version, 1
 *   1 byte   flags: 1 zstd, 2 encrypted
 *   1 byte   level: 0 content; above that, a list of ids of the level below (content.h)
 *   1 byte   0
 *   8 bytes  size of the plaintext, little-endian
 *   8 bytes  of a zstd frame that is not encrypted: SipHash-2-4 of it with a key of zeros, for zstd does not look at all of its bits; else 0
 * and then the plaintext, or a zstd frame of it where that is smaller, or a libsodium secretstream of one message (header, then the message with the first
 * 16 bytes as additional data) of either. Content is named as `sha256sum` names it; a list of ids by BLAKE2b-256 with its level in the personal bytes, so that
 * no content has a list's name. Nothing in an object is believed before its hash was compared.
 */
#ifndef FB_STORE_OBJECT_H
#define FB_STORE_OBJECT_H

#include <sodium.h>

#include "store/store.h"

#define FB_CHUNK ((size_t)1 << 20)
#define FB_OBJECT_HEADER 24

/* What one thread needs to read and write objects. Sizes are fixed: some 6 MiB when it has done both. */
struct fb_object_io;
struct fb_object_io *fb_object_io_new(struct fb_store *store);
void fb_object_io_free(struct fb_object_io *io); /* takes NULL */
/* FB_CHUNK + 1 bytes of the caller's own, which no function here touches. */
uint8_t *fb_object_io_buffer(struct fb_object_io *io);
/* Objects that are there are read back before they are relied on, and written anew when they are damaged. */
void fb_object_io_distrust(struct fb_object_io *io);

struct fb_cost {
	uint64_t stored;  /* bytes of objects on disk, new or not */
	uint64_t written; /* of new ones */
};

/* The id that data has or would have. */
void fb_object_name(const struct fb_store *store, const void *data, size_t size, unsigned level, bool encrypted, struct fb_oid *ret);
/* Stores data unless it is there. Adds to cost. Not synced. */
int fb_object_put(struct fb_object_io *io, const void *data, size_t size, unsigned level, bool encrypted, struct fb_oid *ret, struct fb_cost *cost,
		  struct fb_err *err) FB_MUST_USE;
/* Reads one back and compares. *ret lives until the next call with io. The message of a damaged one says what is wrong and names it. */
int fb_object_get(struct fb_object_io *io, const struct fb_oid *id, unsigned level, size_t size, bool encrypted, const uint8_t **ret, struct fb_err *err) FB_MUST_USE;
/* The bytes of the file that was last read with io, for who copies it. */
const uint8_t *fb_object_io_file(const struct fb_object_io *io, size_t *ret_size);
/* Reads the file alone; says nothing of its content but that it could be an object. */
int fb_object_read_file(struct fb_object_io *io, const struct fb_oid *id, struct fb_err *err) FB_MUST_USE;
/* Writes bytes from elsewhere as an object's file. They are believed as little as any when they are read. */
int fb_object_write_file(struct fb_store *s, const struct fb_oid *id, const void *data, size_t size, struct fb_err *err) FB_MUST_USE;
#define FB_OBJECT_FILE_LIMIT (FB_OBJECT_HEADER + FB_CHUNK + 1024)
/* Bytes on disk, or -1 when it is not there. */
int64_t fb_object_stored(const struct fb_store *store, const struct fb_oid *id);

/* "ab/cdef...": where it is below objects/ */
#define FB_OBJECT_PLACE 66
char *fb_object_place(const struct fb_oid *id, char buf[FB_OBJECT_PLACE]);

#endif
