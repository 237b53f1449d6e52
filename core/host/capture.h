/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call's log: what the worker wrote, redacted as it comes, in a file of bounded size. The first half of the limit is written as it comes; of
 * what follows the last half is kept and written at the end, after a line that says how much is missing between.
 */
#ifndef FB_HOST_CAPTURE_H
#define FB_HOST_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/redact.h"

struct fb_capture;
/* path NULL: all is thrown away. limit 0: 8 MiB. redactor NULL: none; it lives until fb_capture_end. Never NULL; what goes wrong with the
 * file is told by fb_capture_end. */
struct fb_capture *fb_capture_new(const char *path, int64_t limit, const struct fb_redactor *redactor);
/* Raw output; a secret may be cut by the border of two pieces. */
void fb_capture_output(struct fb_capture *c, const char *data, size_t size);
/* A text of one or more lines, each written as "[word] line". */
void fb_capture_line(struct fb_capture *c, const char *word, const char *text);
/* Writes what is held back and frees c (takes NULL). 0, or -1 with err when the log is not whole. */
int fb_capture_end(struct fb_capture *c, struct fb_err *err) FB_MUST_USE;

#endif
