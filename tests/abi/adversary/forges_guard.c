/* SPDX-License-Identifier: Apache-2.0 */
/* Says in its constructor what only a host says that begins, with a file in place of what refuses system calls: whoever waits for that waits for a file. */
#include "adversary.h"

#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

static void __attribute__((constructor)) speak(void)
{
	static const char text[] = "{\"m\":\"guard\",\"cannot\":[]}";
	unsigned char head[4] = {sizeof text - 1, 0, 0, 0};
	struct iovec v[2] = {{.iov_base = head, .iov_len = sizeof head}, {.iov_base = (void *)(uintptr_t)text, .iov_len = sizeof text - 1}};
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = {{0}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 2, .msg_control = u.room, .msg_controllen = sizeof u.room};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	sendmsg(3, &m, MSG_NOSIGNAL);
	close(fd);
}

static int32_t run(const struct fb_call *c)
{
	(void)c;
	return FB_OK;
}

ADVERSARY("forges-guard")
