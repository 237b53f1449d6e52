/* SPDX-License-Identifier: Apache-2.0 */
/* One tar, compressed with zstd, that has its final name only when it is whole. Each member is a frame of its own: what was cut off can be cut off cleanly. */
#ifndef FB_ARCHIVE_TAR_H
#define FB_ARCHIVE_TAR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tar;

/* Begins FOLDER/.NAME.part. workers: threads that compress beside. NULL with errno. */
struct tar *tar_begin(const char *folder, const char *name, int level, int workers);
/* Adds the first `size` bytes of an open file, or what is there of them; *ret_hex gets its SHA-256 (65 bytes). 0, or -1 with errno: then the tar is as it was before
 * this member. go (may be NULL) is asked between pieces: false ends it with ETIME. */
int tar_file(struct tar *t, const char *member, int fd, int64_t size, char *ret_hex, bool (*go)(void *ctx), void *ctx);
int tar_text(struct tar *t, const char *member, const char *text, size_t size);
/* Takes back the last member. */
void tar_drop(struct tar *t);
/* Writes the end, makes it durable, and gives it its name: NAME.tar.zst, or NAME.incomplete.tar.zst. 0, or -1 with errno. Frees t in both cases; ret_path (may be
 * NULL) gets the path, ret_size the bytes. */
int tar_end(struct tar *t, bool whole, char *ret_path, size_t room, int64_t *ret_size);
/* Gives it up: nothing stays. Takes NULL. */
void tar_cancel(struct tar *t);

#endif
