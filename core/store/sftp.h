/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One session of the SSH File Transfer Protocol, version 3 (draft-ietf-secsh-filexfer-02), with a program at whose other end a server is: `ssh HOST -s sftp`, or any
 * command that the configuration puts in its place. Names and answers are exact, where `sftp -b` has only what it prints for people. One request at a time.
 */
#ifndef FB_STORE_SFTP_H
#define FB_STORE_SFTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/mem.h"

/* Codes of status answers that are told apart, and our own */
#define FB_SFTP_OK 0
#define FB_SFTP_EOF 1
#define FB_SFTP_ABSENT 2
#define FB_SFTP_DENIED 3
#define FB_SFTP_FAILED 4
#define FB_SFTP_BROKEN 100 /* the session is over */

struct fb_sftp;
/* Starts argv (ends in NULL) and shakes hands. NULL with err. */
struct fb_sftp *fb_sftp_start(char *const *argv, int64_t timeout_ms, struct fb_err *err);
void fb_sftp_stop(struct fb_sftp *s); /* takes NULL */
/* What the last answer that was not FB_SFTP_OK said. */
const char *fb_sftp_said(const struct fb_sftp *s);

/* Each answers a code. */
int fb_sftp_read(struct fb_sftp *s, const char *path, size_t limit, struct fb_text *ret);   /* at most limit + 1 bytes */
int fb_sftp_write(struct fb_sftp *s, const char *path, const void *data, size_t size);      /* a new file, synced where the server can */
int fb_sftp_rename(struct fb_sftp *s, const char *from, const char *to, bool replace);      /* without replace: FB_SFTP_FAILED when there is one */
int fb_sftp_remove(struct fb_sftp *s, const char *path);
int fb_sftp_make_folder(struct fb_sftp *s, const char *path);
int fb_sftp_remove_folder(struct fb_sftp *s, const char *path);
int fb_sftp_look(struct fb_sftp *s, const char *path, bool *ret_folder, uint64_t *ret_size);
/* each: 0, or anything else to stop, which is then *ret_each. */
int fb_sftp_list(struct fb_sftp *s, const char *path, int (*each)(void *ctx, const char *name, uint64_t size, bool file), void *ctx, int *ret_each);

#endif
