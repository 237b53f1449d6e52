/* SPDX-License-Identifier: Apache-2.0 */
/* Passes one descriptor with each byte of a frame that never ends. */
#include <sys/socket.h>

#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	char room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {.iov_base = (char[]){"\000"}, .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
	struct cmsghdr *h;

	(void)c;
	if (write(3, "\377\000\000\000", 4) != 4)
		return FB_FAIL;
	memset(room, 0, sizeof room);
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &(int){1}, sizeof(int));
	for (int i = 0; i < 200; i++)
		sendmsg(3, &m, MSG_NOSIGNAL);
	return for_ever();
}

ADVERSARY("hoards-descriptors")
