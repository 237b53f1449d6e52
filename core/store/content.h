/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content of any size as objects: cut into chunks of FB_CHUNK bytes; their ids, in order, are a list of level 1, at most FB_FANOUT of them in one object;
 * the ids of those are lists of level 2, and so on. How many levels there are follows from the size, so a reference is an id and a size.
 * Chunks are of a fixed size, not cut by content: files that are changed in place or appended to (databases, logs) share all the chunks that did not
 * change, memory is bounded exactly, and the sizes of encrypted chunks tell nothing but the size of the whole.
 */
#ifndef FB_STORE_CONTENT_H
#define FB_STORE_CONTENT_H

#include "store/object.h"

#define FB_FANOUT 8192
#define FB_LEVELS 4 /* 0 to 3: 512 PiB */
#define FB_CONTENT_LIMIT ((uint64_t)1 << 59)

struct fb_ref {
	struct fb_oid id;
	uint64_t size;
	bool encrypted;
};

/* Collects the ids of chunks that were stored, in order. Zero it but for io and encrypted; all chunks but the last are full. */
struct fb_content_writer {
	struct fb_object_io *io;
	struct fb_store *store;
	bool encrypted;
	uint64_t size;
	struct fb_cost cost; /* of lists only */
	struct {
		uint8_t *ids;
		size_t n;
	} level[FB_LEVELS];
};
int fb_content_add(struct fb_content_writer *w, const struct fb_oid *chunk, size_t size, struct fb_err *err) FB_MUST_USE;
int fb_content_end(struct fb_content_writer *w, struct fb_ref *ret, struct fb_err *err) FB_MUST_USE; /* empty content is no object at all */
void fb_content_clear(struct fb_content_writer *w);

/* A stream of bytes, stored by the calling thread: for what is written little by little. */
struct fb_content_stream {
	struct fb_content_writer writer;
	uint8_t *buf;
	size_t n;
};
void fb_content_stream_begin(struct fb_content_stream *s, struct fb_store *store, struct fb_object_io *io, bool encrypted);
int fb_content_stream_write(struct fb_content_stream *s, const void *data, size_t size, struct fb_err *err) FB_MUST_USE;
int fb_content_stream_end(struct fb_content_stream *s, struct fb_ref *ret, struct fb_err *err) FB_MUST_USE;
void fb_content_stream_clear(struct fb_content_stream *s);

/* Reads the chunks of some content in order. on_list (may be NULL) hears of each list that is read. */
struct fb_content_reader {
	struct fb_object_io *io;
	bool encrypted;
	int top;       /* the highest level in use; -1: all was read */
	uint64_t left; /* bytes that were not yet given out */
	struct {
		uint8_t *ids;
		size_t n, i;
	} level[FB_LEVELS];
	void (*on_list)(void *ctx, const struct fb_oid *list);
	void *ctx;
};
/* Takes nothing from the store yet but a list. -1: the reference or a list is damaged. */
int fb_content_open(struct fb_content_reader *r, struct fb_store *store, struct fb_object_io *io, const struct fb_ref *ref, struct fb_err *err) FB_MUST_USE;
/* The next chunk: its id and size. 1, 0 at the end, -1. */
int fb_content_next(struct fb_content_reader *r, struct fb_oid *ret, size_t *ret_size, struct fb_err *err) FB_MUST_USE;
void fb_content_close(struct fb_content_reader *r);

/* Gives all bytes to out, in order; out answers -1 with err to stop. */
int fb_content_read(struct fb_store *store, struct fb_object_io *io, const struct fb_ref *ref, int (*out)(void *ctx, const uint8_t *data, size_t size, struct fb_err *err),
		    void *ctx, struct fb_err *err) FB_MUST_USE;

#endif
