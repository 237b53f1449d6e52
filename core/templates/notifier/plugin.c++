// SPDX-License-Identifier: Apache-2.0
// notifier @NAME@: sends one line for each event to a TCP port, such as a log collector's.
#include <failback/plugin.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace {

const fb_option options[] = {
	{.name = "host", .type = FB_TYPE_STRING, .default_value = "127.0.0.1", .summary = "Where to send: name or address"},
	{.name = "port", .type = FB_TYPE_INT, .default_value = "5170", .min = 1, .max = 65535, .summary = "Where to send: port"},
	{},
};

struct closed_fd {
	int fd;
	~closed_fd()
	{
		if (fd >= 0)
			close(fd);
	}
};

// Connects fd within so many milliseconds: 0 or an errno. A worker may block: it has a process of its own, and the deadline ends it.
int connect_within(int fd, const addrinfo *to, int64_t within_ms)
{
	pollfd wait = {.fd = fd, .events = POLLOUT, .revents = 0};
	int error = 0;
	socklen_t size = sizeof error;

	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	return poll(&wait, 1, static_cast<int>(within_ms)) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : ETIMEDOUT;
}

int32_t failed(const fb_call *call, const std::string &host, const char *what, const char *why)
{
	call->host->fail(call, "cannot %s %s, port %lld: %s; is the receiver running?", what, host.c_str(),
			 static_cast<long long>(call->host->option_int(call, "port", 0)), why);
	return FB_RETRY; // it may pass: the event is kept and sent again
}

// What the host does not know is null.
std::string text(const char *s)
{
	return s ? s : "-";
}

// No exception may leave an operation.
int32_t notify(const fb_call *call, const fb_event *event) noexcept
{
	const std::string host = call->host->option(call, "host"), port = std::to_string(call->host->option_int(call, "port", 0));
	addrinfo want = {}, *list = nullptr;

	want.ai_socktype = SOCK_STREAM;
	if (const int r = getaddrinfo(host.c_str(), port.c_str(), &want, &list))
		return failed(call, host, "find", gai_strerror(r));
	const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> found(list, freeaddrinfo);
	const std::string line = text(event->time) + " " + text(event->severity) + " " + text(event->name) + ": " + text(event->summary) + "\n";
	int error = 0;
	for (const addrinfo *a = found.get(); a; a = a->ai_next) {
		const closed_fd out{socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol)};

		error = out.fd < 0 ? errno : connect_within(out.fd, a, call->host->remaining_ms(call) / 2);
		if (error)
			continue;
		if (send(out.fd, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
			return failed(call, host, "send to", std::strerror(errno));
		return FB_OK;
	}
	return failed(call, host, "connect to", std::strerror(error));
}

const fb_notifier_ops ops = {.notify = notify};

} // namespace

FB_PLUGIN(NOTIFIER, .name = "@NAME@", .version = "0.1", .summary = "Sends a line for each event to a TCP port", .license = "Apache-2.0", .options = options,
	  .notifier = &ops)
