/* SPDX-License-Identifier: Apache-2.0 */
/* HAProxy's runtime API; see haproxy.h. */
#include "haproxy.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static int failed(char error[BG_ERROR_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, BG_ERROR_SIZE, format, args);
	va_end(args);
	return -1;
}

static const char *hint(int number)
{
	switch (number) {
	case ECONNRESET:
	case EPIPE:
	case ECONNREFUSED: return ". HAProxy does not run, or was killed: start it";
	case ENOENT: return ". Start HAProxy with 'stats socket PATH level admin' in its global section, or mend the option 'socket'";
	case EACCES: return ". Let this user write to the socket ('user', 'group' and 'mode' of 'stats socket')";
	case EAGAIN: return ". Too many wait for it: raise 'stats maxconn'";
	default: return "";
	}
}

int bg_haproxy_begin(const char *socket_path, const char *command, char error[BG_ERROR_SIZE])
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = strlen(command);
	char line[1024];
	int fd;

	if (strlen(socket_path) >= sizeof a.sun_path)
		return failed(error, "HAProxy's socket %s: the path is longer than the %zu bytes that a unix socket may have", socket_path,
			      sizeof a.sun_path - 1);
	if (n + 2 > sizeof line)
		return failed(error, "a command of %zu bytes is too long for HAProxy", n);
	memcpy(a.sun_path, socket_path, strlen(socket_path) + 1);
	memcpy(line, command, n);
	line[n] = '\n';
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failed(error, "socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
		int number = errno;

		close(fd);
		return failed(error, "connecting to HAProxy at %s: %s%s", socket_path, strerror(number), hint(number));
	}
	/* A line fits the buffer of a new socket; anything else is an error */
	if (send(fd, line, n + 1, MSG_NOSIGNAL) != (ssize_t)n + 1) {
		int number = errno;

		close(fd);
		return failed(error, "sending '%s' to HAProxy at %s: %s%s", command, socket_path, strerror(number), hint(number));
	}
	return fd;
}

int bg_haproxy_receive(int fd, struct bg_reply *reply, char error[BG_ERROR_SIZE])
{
	for (;;) {
		ssize_t n;

		if (reply->room - reply->n < 4096) {
			size_t room = reply->room ? reply->room * 2 : 16384;
			char *p = room > BG_REPLY_LIMIT ? NULL : realloc(reply->text, room);

			if (!p)
				return failed(error, "HAProxy's reply is too large (%zu bytes so far)", reply->n);
			reply->text = p;
			reply->room = room;
		}
		n = recv(fd, reply->text + reply->n, reply->room - reply->n - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return failed(error, "reading HAProxy's reply: %s%s", strerror(errno), hint(errno));
		reply->n += (size_t)n;
		reply->text[reply->n] = '\0';
		if (n == 0)
			return 1;
	}
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int bg_haproxy_ask(const char *socket_path, const char *command, int64_t wait_ms, char **ret_text, char error[BG_ERROR_SIZE])
{
	struct bg_reply reply = {0};
	int64_t until = now_ms() + wait_ms;
	int fd = bg_haproxy_begin(socket_path, command, error), rc;

	if (fd < 0)
		return -1;
	while ((rc = bg_haproxy_receive(fd, &reply, error)) == 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = until - now_ms();

		if (left <= 0 || (poll(&p, 1, (int)(left > 60000 ? 60000 : left)) < 0 && errno != EINTR)) {
			rc = failed(error, "HAProxy at %s did not answer '%s' within %lld ms", socket_path, command, (long long)wait_ms);
			break;
		}
	}
	close(fd);
	if (rc < 0) {
		free(reply.text);
		return -1;
	}
	*ret_text = reply.text;
	return 0;
}

int bg_haproxy_tell(const char *socket_path, const char *command, int64_t wait_ms, char error[BG_ERROR_SIZE])
{
	char *text, *reason;
	size_t n;

	if (bg_haproxy_ask(socket_path, command, wait_ms, &text, error))
		return -1;
	reason = text + strspn(text, " \t\r\n");
	n = strcspn(reason, "\r\n");
	if (n == 0) {
		free(text);
		return 0;
	}
	failed(error, "HAProxy refused '%s': %.*s%s", command, (int)(n < 200 ? n : 200), reason,
	       !strncmp(reason, "Permission denied", 17) ? " (give its 'stats socket' the words 'level admin')" : "");
	free(text);
	return -1;
}
