/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on stream sockets. Knows lengths, JSON and descriptors; what a frame means is its readers' business. */
#include "host/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define HEADER 4u
#define ROOM_FIRST 4096u  /* most frames are small, and each page that a worker touches is a fault */
#define READ_SIZE 65536u  /* at most in one read */

union control {
	struct cmsghdr header; /* for its alignment */
	char room[CMSG_SPACE(sizeof(int) * FB_FRAME_FDS * 2)];
};

/* Takes the descriptors of a message into the reader; what does not fit is closed. 0, or -1 when there were too many. */
static int keep_fds(struct fb_frame_reader *r, struct msghdr *m)
{
	int bad = m->msg_flags & MSG_CTRUNC ? -1 : 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (r->fd_count < FB_FRAME_FDS * 2) {
				r->fds[r->fd_count++] = fd;
			} else {
				close(fd);
				bad = -1;
			}
		}
	}
	return bad;
}

static void compact(struct fb_frame_reader *r)
{
	if (r->at && r->at < r->n)
		memmove(r->p, r->p + r->at, r->n - r->at);
	r->n -= r->at;
	r->at = 0;
}

/* What passed through here may be secret: nothing of it stays where it was. */
static void make_room(struct fb_frame_reader *r)
{
	size_t room = r->room ? r->room * 2 : ROOM_FIRST, most = FB_FRAME_LIMIT + HEADER + READ_SIZE;
	char *p;

	if (r->room - r->n >= ROOM_FIRST)
		return;
	if (room > most)
		room = most;
	p = fb_realloc(NULL, room);
	if (r->n)
		memcpy(p, r->p, r->n);
	if (r->p)
		explicit_bzero(r->p, r->used);
	fb_free(r->p);
	r->p = p;
	r->room = room;
	r->used = r->n;
}

int fb_frame_fill(struct fb_frame_reader *r, int fd, struct fb_err *err)
{
	union control control;
	struct iovec iov;
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n;

	if (r->ended)
		return fb_err_set(err, FB_EXIT_FAILED, "the connection has ended");
	compact(r);
	if (r->n > FB_FRAME_LIMIT + HEADER)
		return 1; /* a whole frame, or a bad one, waits to be taken */
	make_room(r);
	iov = (struct iovec){.iov_base = r->p + r->n, .iov_len = r->room - r->n < READ_SIZE ? r->room - r->n : READ_SIZE};
	do
		n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n <= 0) {
		r->ended = true;
		return fb_err_set(err, FB_EXIT_FAILED, n < 0 ? "the connection broke: %s" : "the other side has closed the connection", n < 0 ? strerror(errno) : "");
	}
	r->n += (size_t)n;
	if (r->n > r->used)
		r->used = r->n;
	if (keep_fds(r, &m) < 0) {
		r->ended = r->flooded = true;
		return fb_err_set(err, FB_EXIT_FAILED, "more than %d descriptors came at once", FB_FRAME_FDS * 2);
	}
	return 1;
}

static uint32_t length_at(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

int fb_frame_next(struct fb_frame_reader *r, json_t **ret, struct fb_err *err)
{
	json_error_t e;
	json_t *frame;
	uint32_t size;

	if (r->n - r->at < HEADER)
		return 0;
	size = length_at(r->p + r->at);
	if (size > FB_FRAME_LIMIT)
		return fb_err_set(err, FB_EXIT_FAILED, "a frame of %u bytes was announced, at most %d are allowed", (unsigned)size, FB_FRAME_LIMIT);
	if (r->n - r->at - HEADER < size)
		return 0;
	frame = json_loadb(r->p + r->at + HEADER, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (!frame)
		return fb_err_set(err, FB_EXIT_FAILED, "a frame of %u bytes is not JSON: %s", (unsigned)size, e.text);
	if (!json_is_object(frame)) {
		json_decref(frame);
		return fb_err_set(err, FB_EXIT_FAILED, "a frame is JSON but not an object");
	}
	r->at += HEADER + size;
	*ret = frame;
	return 1;
}

int fb_frame_take_fd(struct fb_frame_reader *r)
{
	int fd;

	if (r->fd_count == 0)
		return -1;
	fd = r->fds[0];
	memmove(r->fds, r->fds + 1, sizeof r->fds[0] * (size_t)--r->fd_count);
	return fd;
}

void fb_frame_drop_fds(struct fb_frame_reader *r)
{
	while (r->at == r->n && r->fd_count)
		close(r->fds[--r->fd_count]);
}

void fb_frame_reader_clear(struct fb_frame_reader *r)
{
	while (r->fd_count)
		close(r->fds[--r->fd_count]);
	if (r->p)
		explicit_bzero(r->p, r->used); /* options with secrets passed through here */
	fb_free(r->p);
	*r = (struct fb_frame_reader){0};
}

char *fb_frame_encode(const json_t *frame, size_t *ret_size, struct fb_err *err)
{
	size_t size = json_dumpb(frame, NULL, 0, JSON_COMPACT);
	char *p;

	if (size == 0 || size > FB_FRAME_LIMIT) {
		fb_err_set(err, FB_EXIT_FAILED, "a frame of %zu bytes cannot be sent, at most %d are allowed", size, FB_FRAME_LIMIT);
		return NULL;
	}
	p = fb_alloc(HEADER + size);
	for (unsigned i = 0; i < HEADER; i++)
		p[i] = (char)(size >> (8 * i) & 0xff);
	json_dumpb(frame, p + HEADER, size, JSON_COMPACT);
	*ret_size = HEADER + size;
	return p;
}

/* One sendmsg; fds go with it. Bytes sent, or -1 with errno. */
static ssize_t send_piece(int fd, const char *p, size_t size, const int *fds, int fd_count)
{
	union control control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd_count > 0) {
		size_t n = sizeof(int) * (size_t)fd_count;

		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n);
		memcpy(CMSG_DATA(&control.header), fds, n);
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int fb_frame_send_bytes(int fd, const char *p, size_t size, const int *fds, int fd_count, int wait_ms, size_t *ret_sent)
{
	int64_t end = wait_ms < 0 ? INT64_MAX : fb_clock_ms() + wait_ms;
	size_t sent = 0;

	while (sent < size) {
		ssize_t n = send_piece(fd, p + sent, size - sent, fds, sent ? 0 : fd_count);
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		int64_t left;

		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			break;
		left = end == INT64_MAX ? -1 : end - fb_clock_ms();
		if (wait_ms == 0 || (end != INT64_MAX && left <= 0)) {
			errno = EAGAIN;
			break;
		}
		poll(&wait, 1, (int)left);
	}
	*ret_sent = sent;
	return sent == size ? 0 : -1;
}

int fb_frame_send(int fd, const json_t *frame, const int *fds, int fd_count, int wait_ms, struct fb_err *err)
{
	size_t size, sent;
	char *p;
	int r;

	if (fd_count > FB_FRAME_FDS)
		return fb_err_set(err, FB_EXIT_BUG, "%d descriptors cannot go with one frame, at most %d", fd_count, FB_FRAME_FDS);
	p = fb_frame_encode(frame, &size, err);
	if (!p)
		return -1;
	r = fb_frame_send_bytes(fd, p, size, fds, fd_count, wait_ms, &sent);
	if (r < 0)
		fb_err_set(err, FB_EXIT_FAILED, "cannot send a frame: %s", errno == EAGAIN ? "the other side does not read" : strerror(errno));
	explicit_bzero(p, size);
	fb_free(p);
	return r;
}

/* Length of the UTF-8 sequence at s (RFC 3629), 0 when it is none. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

json_t *fb_frame_text(const char *s, size_t limit)
{
	struct fb_text t = {0};
	size_t n, left;
	json_t *text;

	if (!s)
		return json_null();
	left = strnlen(s, limit);
	text = json_stringn(s, left);
	if (text)
		return text;
	for (const char *p = s; left; p += n, left -= n) {
		n = utf8_length((const unsigned char *)p, left);
		if (n)
			fb_text_add(&t, p, n);
		else
			fb_text_puts(&t, "\xef\xbf\xbd");
		n = n ? n : 1;
	}
	text = json_stringn(t.p ? t.p : "", t.n);
	fb_text_clear(&t);
	return text;
}
