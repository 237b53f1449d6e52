/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that wait until a socket takes them, so that a reader who does not read stops nobody. */
#ifndef FB_HOST_OUTBOX_H
#define FB_HOST_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "host/frame.h"

struct fb_outbox_item {
	struct fb_outbox_item *next;
	char *p;
	size_t size, sent;
	int fds[FB_FRAME_FDS];
	int fd_count;
};
/* Zero it to begin. */
struct fb_outbox {
	struct fb_outbox_item *first;
};

/* Takes encoded bytes (freed and wiped when sent); the descriptors are duplicated. */
void fb_outbox_put(struct fb_outbox *o, char *p, size_t size, const int *fds, int fd_count);
/* Sends what can be sent now. 0: all is sent, 1: the rest waits for POLLOUT, -1: the connection broke. */
int fb_outbox_send(struct fb_outbox *o, int fd);
void fb_outbox_clear(struct fb_outbox *o);

#endif
