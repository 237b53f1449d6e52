/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of a tree item's files: a stream of binary records that is kept as content of its own. It begins with "FBLIST" and the version 1 in two bytes;
 * each record is its length (4 bytes) and what encode() writes, little-endian. For each tree one 'R' record with the absolute path, then the entries: the
 * tree itself (path ""), then what is in it, each folder before its content, names in byte order. Records from elsewhere are checked here for
 * form and order; that a path stays below its root is a promise of fb_list_next: no "..", no ".", no empty part, not absolute.
 */
#ifndef FB_STORE_LIST_H
#define FB_STORE_LIST_H

#include <time.h>

#include "base/mem.h"
#include "store/content.h"
#include "store/hash.h"

struct fb_entry {
	char type;      /* 'R' root, 'd' folder, 'f' file, 'l' symbolic link, 'p' fifo */
	bool sparse;    /* had holes */
	bool hard;      /* one more name of the file at link, which came before it; size and object are that file's */
	uint32_t mode;  /* permissions */
	uint32_t uid, gid;
	int64_t mtime, ctime; /* seconds */
	uint32_t mtime_ns, ctime_ns;
	uint64_t dev, ino, size;
	uint64_t stored; /* bytes of its objects on disk, when it was put */
	struct fb_oid object;
	char *path;   /* below the root */
	char *link;   /* target, or first name; else "" */
	char *xattrs; /* name, NUL, size (4 bytes, little-endian), value; and so on */
	size_t xattrs_size;
};
void fb_entry_clear(struct fb_entry *e); /* frees what it points to */
/* The order of paths: by parts, so that a folder's content comes right after it. */
int fb_list_compare(const char *a, const char *b);

#define FB_XATTRS_LIMIT (128 << 10)
#define FB_RECORD_LIMIT (256 << 10)

struct fb_list_writer {
	struct fb_content_stream stream;
	struct fb_text record;
};
int fb_list_begin(struct fb_list_writer *w, struct fb_store *store, struct fb_object_io *io, bool encrypted, struct fb_err *err) FB_MUST_USE;
int fb_list_add(struct fb_list_writer *w, const struct fb_entry *e, struct fb_err *err) FB_MUST_USE;
int fb_list_end(struct fb_list_writer *w, struct fb_ref *ret, struct fb_err *err) FB_MUST_USE;
void fb_list_clear(struct fb_list_writer *w);

struct fb_list_reader {
	struct fb_object_io *io;
	struct fb_content_reader content;
	uint8_t *buf; /* bytes that were read and not yet given */
	size_t n, at, room;
	char *last;   /* path of the record before, in this root; NULL: none */
	size_t last_room;
	bool in_root;
};
int fb_list_open(struct fb_list_reader *r, struct fb_store *store, struct fb_object_io *io, const struct fb_ref *ref, struct fb_err *err) FB_MUST_USE;
/* The next record; what it points to is the caller's (fb_entry_clear). 1, 0 at the end, -1. */
int fb_list_next(struct fb_list_reader *r, struct fb_entry *ret, struct fb_err *err) FB_MUST_USE;
void fb_list_close(struct fb_list_reader *r); /* takes a zeroed one */

/* Is a path absolute, without "..", "." and empty parts? */
bool fb_list_root_plain(const char *path);

/* One record's bytes (without the length) as an entry; its form alone. For fb_list_next and the fuzzer. */
int fb_entry_decode(const uint8_t *data, size_t size, struct fb_entry *ret, struct fb_err *err) FB_MUST_USE;
void fb_entry_encode(const struct fb_entry *e, struct fb_text *out);
/* The next name and value in an entry's xattrs, from *at on; false at the end. Their form was checked. */
bool fb_entry_xattr(const struct fb_entry *e, size_t *at, const char **name, const void **value, size_t *size);

/* The hash of a tree: over what a restore makes of it, not over where it lay. Keyed when it is encrypted. */
struct fb_list_hash {
	struct fb_hash state;
	struct fb_text record;
};
void fb_list_hash_begin(struct fb_list_hash *h, const struct fb_store *store, bool encrypted);
void fb_list_hash_add(struct fb_list_hash *h, const struct fb_entry *e);
void fb_list_hash_end(struct fb_list_hash *h, struct fb_oid *ret); /* frees; ret may be NULL */

#endif
