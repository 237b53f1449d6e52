/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has what was written brought to disk while more is read, so that the seal, which must wait for all of it, finds most of it done. The kernel tells an error of the
 * disk once, so that one which comes here must end what is put.
 */
#ifndef FB_STORE_FLUSH_H
#define FB_STORE_FLUSH_H

#include <stdint.h>

struct fb_flush;
/* fd: anything on the file system, open as long as the flusher is. NULL when no thread can be had, which all functions take. */
struct fb_flush *fb_flush_new(int fd);
/* So many bytes more were written. Never waits. */
void fb_flush_written(struct fb_flush *f, uint64_t bytes);
/* Waits for a flush that is under way, and frees f. 0, or -1 with errno when one failed. */
int fb_flush_end(struct fb_flush *f);

#endif
