/* SPDX-License-Identifier: Apache-2.0 */
/* A list of frames and the descriptors that go with each. */
#include "host/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

void fb_outbox_put(struct fb_outbox *o, char *p, size_t size, const int *fds, int fd_count)
{
	struct fb_outbox_item *item = fb_alloc(sizeof *item), **end = &o->first;

	item->p = p;
	item->size = size;
	for (int i = 0; i < fd_count && i < FB_FRAME_FDS; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

		if (fd >= 0)
			item->fds[item->fd_count++] = fd;
	}
	while (*end)
		end = &(*end)->next;
	*end = item;
}

static void drop_first(struct fb_outbox *o)
{
	struct fb_outbox_item *item = o->first;

	o->first = item->next;
	while (item->fd_count)
		close(item->fds[--item->fd_count]);
	explicit_bzero(item->p, item->size);
	fb_free(item->p);
	fb_free(item);
}

int fb_outbox_send(struct fb_outbox *o, int fd)
{
	while (o->first) {
		struct fb_outbox_item *item = o->first;
		size_t sent;
		int r = fb_frame_send_bytes(fd, item->p + item->sent, item->size - item->sent, item->fds, item->sent ? 0 : item->fd_count, 0, &sent);

		item->sent += sent;
		if (r < 0)
			return errno == EAGAIN ? 1 : -1;
		drop_first(o);
	}
	return 0;
}

void fb_outbox_clear(struct fb_outbox *o)
{
	while (o->first)
		drop_first(o);
}
