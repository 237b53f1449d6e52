/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check tcp: connects to host:port or a Unix socket, may send a text and wait for an answer that matches. Every address of a name is tried in turn; the
 * first that connects counts. What could not be tried from here (resolver, route, descriptors, permission) is blind.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugins/common/health.h"
#include "plugins/common/run.h"

#define ANSWER_LIMIT 65536

static const struct fb_option options[] = {
	{.name = "address", .type = FB_TYPE_STRING, .flags = FB_OPTION_REQUIRED, .summary = "host:port, [v6]:port, or the path of a Unix socket"},
	{.name = "send", .type = FB_TYPE_STRING, .summary = "Text to send once connected"},
	{.name = "expect", .type = FB_TYPE_STRING, .summary = "POSIX extended regular expression that the answer must match"},
	HEALTH_LATENCY_OPTIONS,
	{0},
};

/* "host:port" in two; 0 or -1. A path is given back in host alone. */
static int split_address(const char *address, char *host, size_t size, char *port, size_t port_size)
{
	const char *colon, *begin = address, *end;
	size_t n;

	*port = 0;
	if (!strncmp(address, "unix:", 5))
		begin = address += 5;
	if (*address == '/')
		return strlen(address) < sizeof(((struct sockaddr_un *)0)->sun_path) && snprintf(host, size, "%s", address) < (int)size ? 0 : -1;
	colon = strrchr(address, ':');
	if (!colon || colon == address || !colon[1] || snprintf(port, port_size, "%s", colon + 1) >= (int)port_size)
		return -1;
	end = colon;
	if (*begin == '[' && end[-1] == ']') {
		begin++;
		end--;
	} else if (memchr(begin, ':', (size_t)(end - begin))) {
		return -1; /* an IPv6 address without brackets says nothing about the port */
	}
	n = (size_t)(end - begin);
	if (!n || n >= size)
		return -1;
	memcpy(host, begin, n);
	host[n] = 0;
	return 0;
}

/* Waits until fd is ready; 0, or -1 when time is over (errno ETIMEDOUT). */
static int wait_for(const struct fb_call *call, int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	int rc;

	do {
		int64_t left = call->host->remaining_ms(call) - 100; /* time to say so before the deadline */
		rc = poll(&p, 1, (int)(left > 60000 ? 60000 : left > 0 ? left : 0));
		if (!rc && left <= 0)
			break;
	} while (!rc || (rc < 0 && errno == EINTR));
	if (rc > 0)
		return 0;
	if (!rc)
		errno = ETIMEDOUT;
	return -1;
}

/* A connected socket, or -1 with errno. */
static int connect_to(const struct fb_call *call, const struct sockaddr *address, socklen_t size)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	socklen_t n = sizeof(error);

	if (fd < 0)
		return -1;
	if (!connect(fd, address, size))
		return fd;
	error = errno;
	if (error == EINPROGRESS) {
		if (wait_for(call, fd, POLLOUT) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n))
			error = errno;
		else if (!error)
			return fd;
	}
	close(fd);
	errno = error;
	return -1;
}

/* -1 with errno, or with *ret_gai when the name could not be resolved. */
static int connect_any(const struct fb_call *call, const char *host, const char *port, int *ret_gai)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = -1, error = 0, peer_error = 0;

	*ret_gai = 0;
	if (!*port) {
		memcpy(un.sun_path, host, strnlen(host, sizeof(un.sun_path) - 1)); /* check has seen that it fits */
		return connect_to(call, (const struct sockaddr *)&un, sizeof(un));
	}
	*ret_gai = getaddrinfo(host, port, &hints, &list);
	if (*ret_gai)
		return -1;
	for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
		fd = connect_to(call, a->ai_addr, a->ai_addrlen);
		error = fd < 0 ? errno : 0;
		if (error && !health_errno_is_blind(error))
			peer_error = error; /* one address that answered says more than one that could not be reached from here */
	}
	freeaddrinfo(list);
	errno = peer_error ? peer_error : error;
	return fd;
}

static int send_all(const struct fb_call *call, int fd, const char *text)
{
	size_t n = strlen(text);

	while (n) {
		ssize_t done = send(fd, text, n, MSG_NOSIGNAL);
		if (done >= 0) {
			text += done;
			n -= (size_t)done;
		} else if (errno != EINTR && (errno != EAGAIN || wait_for(call, fd, POLLOUT))) {
			return -1;
		}
	}
	return 0;
}

/* Reads until it matches. 1: it does; 0: it cannot any more (the end, or too much); -1 with errno. buf ends in NUL. */
static int read_match(const struct fb_call *call, int fd, const regex_t *re, char *buf, size_t *ret_n)
{
	for (size_t n = 0; n < ANSWER_LIMIT;) {
		ssize_t got;
		if (wait_for(call, fd, POLLIN))
			return -1;
		got = recv(fd, buf + n, ANSWER_LIMIT - n, 0);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return (int)got;
		for (ssize_t i = 0; i < got; i++)
			if (!buf[n + (size_t)i])
				buf[n + (size_t)i] = ' '; /* a binary greeting may hold NUL; the expression sees a space */
		*ret_n = n += (size_t)got;
		buf[n] = 0;
		if (!regexec(re, buf, 0, NULL, 0))
			return 1;
	}
	return 0;
}

static int32_t expect_answer(const struct fb_call *call, int fd, const char *address, int64_t begin, struct fb_health *ret)
{
	char *pattern = run_copy(call->host->option(call, "expect")), *buf = calloc(1, ANSWER_LIMIT + 1), seen[120], what[400];
	regex_t re;
	size_t n = 0;
	int32_t rc;
	int got;

	if (!buf || regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB)) {
		rc = health_set(ret, FB_HEALTH_BLIND, -1, "expect '%s' is not a regular expression", pattern);
		goto out;
	}
	got = read_match(call, fd, &re, buf, &n);
	regfree(&re);
	snprintf(what, sizeof(what), "%.200s answered", address);
	run_printable(buf, n, seen, sizeof(seen));
	if (got > 0)
		rc = health_latency(call, ret, health_now_us() - begin, what);
	else if (got < 0)
		rc = health_set(ret, FB_HEALTH_FAILED, -1, "%s connected, then: %s; it sent %zu bytes%s%s", address, strerror(errno), n, n ? ": " : "", seen);
	else
		rc = health_set(ret, FB_HEALTH_FAILED, -1, "%s does not answer what is expected ('%s'); it sent %zu bytes%s%s", address, pattern, n, n ? ": " : "", seen);
out:
	free(buf);
	free(pattern);
	return rc;
}

static int32_t talk(const struct fb_call *call, int fd, const char *address, int64_t begin, struct fb_health *ret)
{
	const char *text = call->host->option(call, "send");
	char what[400];

	if (text && send_all(call, fd, text))
		return health_set(ret, FB_HEALTH_FAILED, -1, "%s connected, then sending failed: %s", address, strerror(errno));
	if (call->host->option(call, "expect"))
		return expect_answer(call, fd, address, begin, ret);
	snprintf(what, sizeof(what), "%.200s connected", address);
	return health_latency(call, ret, health_now_us() - begin, what);
}

static int32_t probe(const struct fb_call *call, struct fb_health *ret)
{
	char host[512], port[64], *address = run_copy(call->host->option(call, "address"));
	int64_t begin = health_now_us();
	int fd, gai;
	int32_t rc;

	if (!address || split_address(address, host, sizeof(host), port, sizeof(port))) {
		free(address);
		return health_set(ret, FB_HEALTH_BLIND, -1, "address is neither host:port nor a path");
	}
	fd = connect_any(call, host, port, &gai);
	if (fd >= 0) {
		rc = talk(call, fd, address, begin, ret);
		close(fd);
	} else if (gai) {
		rc = health_set(ret, FB_HEALTH_BLIND, -1, "the name '%s' could not be resolved from here: %s", host, gai_strerror(gai));
	} else {
		int error = errno;
		/* a full queue of a Unix socket is the server's (unix(7)) */
		bool blind = health_errno_is_blind(error) && !(error == EAGAIN && !*port);
		rc = health_set(ret, blind ? FB_HEALTH_BLIND : FB_HEALTH_FAILED, -1, "connecting to %s%s: %s", address, blind ? " was not possible from here" : "",
				strerror(error));
	}
	free(address);
	return rc;
}

static int32_t check(const struct fb_call *call)
{
	char host[512], port[64];
	const char *s = call->host->option(call, "address");
	regex_t re;

	if (!s || split_address(s, host, sizeof(host), port, sizeof(port))) {
		call->host->fail(call, "address '%s' is neither host:port, [v6]:port nor the path of a Unix socket", s ? s : "");
		return FB_FATAL;
	}
	s = call->host->option(call, "expect");
	if (s && regcomp(&re, s, REG_EXTENDED | REG_NOSUB)) {
		call->host->fail(call, "expect '%s' is not a POSIX extended regular expression (regex(7))", s);
		return FB_FATAL;
	}
	if (s)
		regfree(&re);
	return health_thresholds_are_sane(call) ? FB_OK : FB_FATAL;
}

static const struct fb_check_ops ops = {.check = check, .probe = probe};

FB_PLUGIN(CHECK, .name = "tcp", .version = "0.1.0", .summary = "Connects to an address, may send and expect a text", .license = "Apache-2.0",
	  .options = options, .check = &ops)
