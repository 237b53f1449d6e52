/* SPDX-License-Identifier: Apache-2.0 */
/* Passes hundreds of descriptors at once, again and again. */
#include <sys/socket.h>

#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	int fds[250];
	char room[CMSG_SPACE(sizeof fds)];
	struct iovec iov = {.iov_base = (char[]){"\004\000\000\000"}, .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
	struct cmsghdr *h;

	(void)c;
	memset(room, 0, sizeof room);
	for (int i = 0; i < 250; i++)
		fds[i] = 1;
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(h), fds, sizeof fds);
	for (int i = 0; i < 100; i++)
		sendmsg(3, &m, MSG_NOSIGNAL);
	return for_ever();
}

ADVERSARY("passes-descriptors")
