/* SPDX-License-Identifier: Apache-2.0 */
/* notifier @NAME@: sends one line for each event to a TCP port, such as a log collector's. */
#include <failback/plugin.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct fb_option options[] = {
	{.name = "host", .type = FB_TYPE_STRING, .default_value = "127.0.0.1", .summary = "Where to send: name or address"},
	{.name = "port", .type = FB_TYPE_INT, .default_value = "5170", .min = 1, .max = 65535, .summary = "Where to send: port"},
	{0},
};

/* A connected socket, or -1 with errno. A worker may block: it has a process of its own, and the deadline ends it. */
static int connect_to(const struct addrinfo *list, int64_t within_ms)
{
	int fd = -1, error = 0;

	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
		struct pollfd wait = {.events = POLLOUT};
		socklen_t size = sizeof error;

		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
		if (fd < 0) {
			error = errno;
			continue;
		}
		wait.fd = fd;
		error = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
		if (error == EINPROGRESS && (poll(&wait, 1, (int)within_ms) != 1 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0))
			error = ETIMEDOUT;
		if (error) {
			close(fd);
			fd = -1;
		}
	}
	errno = error;
	return fd;
}

static int32_t failed(const struct fb_call *call, const char *host, const char *what, const char *why)
{
	call->host->fail(call, "cannot %s %s, port %lld: %s; is the receiver running?", what, host, (long long)call->host->option_int(call, "port", 0), why);
	return FB_RETRY; /* it may pass: the event is kept and sent again */
}

/* What the host does not know is NULL. */
static const char *or_dash(const char *s)
{
	return s ? s : "-";
}

static int32_t notify(const struct fb_call *call, const struct fb_event *event)
{
	const struct fb_host *h = call->host;
	const struct addrinfo want = {.ai_socktype = SOCK_STREAM};
	const char *host = h->option(call, "host");
	struct addrinfo *found = NULL;
	char port[16], line[2048];
	ssize_t sent;
	int fd, r, n;

	snprintf(port, sizeof port, "%lld", (long long)h->option_int(call, "port", 0));
	r = getaddrinfo(host, port, &want, &found);
	if (r)
		return failed(call, host, "find", gai_strerror(r));
	fd = connect_to(found, h->remaining_ms(call) / 2);
	freeaddrinfo(found);
	if (fd < 0)
		return failed(call, host, "connect to", strerror(errno));
	n = snprintf(line, sizeof line - 1, "%s %s %s: %s", or_dash(event->time), or_dash(event->severity), or_dash(event->name), or_dash(event->summary));
	if (n > (int)sizeof line - 2)
		n = (int)sizeof line - 2;
	line[n++] = '\n';
	sent = send(fd, line, (size_t)n, MSG_NOSIGNAL);
	r = sent == n ? 0 : sent < 0 ? errno : EIO;
	close(fd);
	return r ? failed(call, host, "send to", strerror(r)) : FB_OK;
}

static const struct fb_notifier_ops ops = {.notify = notify};

FB_PLUGIN(NOTIFIER, .name = "@NAME@", .version = "0.1", .summary = "Sends a line for each event to a TCP port", .license = "Apache-2.0", .options = options,
	  .notifier = &ops)
