/* SPDX-License-Identifier: Apache-2.0 */
/* Files, hashes, ids. */
#ifndef FB_BASE_IO_H
#define FB_BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Reads a whole file of at most limit bytes; *ret ends in NUL and is to be freed. 0, or -1 with err. */
int fb_io_read_file(const char *path, size_t limit, char **ret, size_t *ret_size, struct fb_err *err) FB_MUST_USE;
/* Writes all; restarts after signals. 0 or -1 with errno. */
int fb_io_write_all(int fd, const void *data, size_t size) FB_MUST_USE;
/* Replaces a file as a whole: temporary file, fsync, rename, fsync of the folder. */
int fb_io_replace_file(const char *path, const void *data, size_t size, mode_t mode, struct fb_err *err) FB_MUST_USE;
/* Makes a folder and its parents; those that are there are left as they are. */
int fb_io_make_folders(const char *path, mode_t mode, struct fb_err *err) FB_MUST_USE;
/* Removes a folder and what is in it; follows no link and leaves the file system of path never. */
int fb_io_remove_tree(const char *path);

/* SHA-256 as 64 hexadecimal digits and NUL. */
#define FB_HASH_SIZE 65
void fb_hash(const void *data, size_t size, char *ret);
int fb_hash_file(const char *path, char *ret, struct fb_err *err) FB_MUST_USE;

/* An execution's id: <kind>-<environment>-<UTC yyyymmddthhmmssz>-<4 base32>. Returns buf. */
#define FB_ID_SIZE 128
char *fb_id_new(const char *kind, const char *environment, int64_t wall_ms, char *buf);

/* Is path safe to load code or commands from: it and every folder above it, and above each link on the way, owned by root, by us or by trusted (-1: nobody else),
 * and writable by no one else (a sticky folder such as /tmp will do, for what is ours in it)? err names the file and the rule. */
int fb_io_safe_path(const char *path, uid_t trusted, struct fb_err *err) FB_MUST_USE;

#endif
