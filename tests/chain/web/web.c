/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web: a small real HTTP/1.1 service for the demo and for tests: keep-alive, one process, poll(2). It answers as a release of a service
 * would, and can be made to fail as services do: at the start, at the first request, by crashing, hanging, answering slowly or with 500.
 * It knows nothing of failback.
 *
 *   web --port N --release NAME [--config FILE [--lazy-config]] [--root DIR] [--pidfile FILE] [--counter FILE]
 *       [--control N] [--delay MS] [--fail PERCENT] [--unhealthy]
 *
 *   --port 0: one that is free; "listening on 127.0.0.1:N" in the log tells which
 *
 *   GET /           {"release":"2.1"}       with X-Release, as every answer
 *   GET /health     200 "ok" or 503
 *   POST /work?id=N executes N: one line in the counter file for each execution, written before the answer
 *   on the control port, loopback only: POST /crash?how=segv|exit, /fail?percent=N[&times=N], /delay?ms=N, /health?ok=0|1, GET /counts
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 1024
#define LISTENERS 2

struct conn {
	int fd;
	bool control;    /* came in on the control port */
	bool last;       /* close after this answer */
	bool answering;  /* out holds an answer that is not sent to its end */
	int64_t due_us;  /* do not send before */
	size_t in_n, out_n, out_off;
	char in[8192], out[1024];
};

static const char *release = "0", *config_path, *counter_path;
static bool lazy_config;
static int listeners[LISTENERS] = {-1, -1}; /* the service's, the control port's */
static int counter_fd = -1;
static int64_t delay_ms;
static long fail_percent, fail_times = -1, served, executed; /* fail_times: how often yet; -1: without end */
static bool healthy = true;
static volatile sig_atomic_t stopping;
static struct conn *conns[CONNECTIONS];
static int conn_count;

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[1024], when[32];
	struct timespec ts;
	struct tm tm;
	va_list args;
	int n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line, sizeof line, "%s.%03ldZ [%s] ", when, ts.tv_nsec / 1000000, release);
	va_start(args, format);
	n += vsnprintf(line + n, sizeof line - (size_t)n - 1, format, args);
	va_end(args);
	if (n > (int)sizeof line - 2)
		n = (int)sizeof line - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* a log that cannot be written must not end the service */
}

static bool config_missing(void)
{
	return config_path && access(config_path, R_OK) != 0;
}

static void say_config_missing(const char *where)
{
	const char *prefix = config_path[0] == '/' || config_path[0] == '.' ? "" : "./";

	say("%sError: Cannot find module '%s%s'", where, prefix, config_path);
}

static const char *status_text(int status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 413: return "Content Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	default: return "Service Unavailable";
	}
}

__attribute__((format(printf, 3, 4))) static void answer(struct conn *c, int status, const char *format, ...)
{
	char body[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(body, sizeof body, format, args);
	va_end(args);
	if (stopping)
		c->last = true;
	n = snprintf(c->out, sizeof c->out,
		     "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nX-Release: %s\r\n%s\r\n%s", status,
		     status_text(status), n, release, c->last ? "Connection: close\r\n" : "", body);
	c->out_n = (size_t)n;
	c->out_off = 0;
	c->answering = true;
}

/* The value of a query parameter, NULL when it is not there. Lives until the next call. */
static const char *parameter(const char *path, const char *name)
{
	static char value[128];
	const char *p = strchr(path, '?');
	size_t n = strlen(name);

	while (p) {
		p++;
		if (!strncmp(p, name, n) && p[n] == '=') {
			snprintf(value, sizeof value, "%.*s", (int)strcspn(p + n + 1, "&"), p + n + 1);
			return value;
		}
		p = strchr(p, '&');
	}
	return NULL;
}

static long number(const char *path, const char *name, long absent)
{
	const char *v = parameter(path, name);

	return v ? strtol(v, NULL, 10) : absent;
}

/* Appends the id, so that a double execution is found by counting lines. */
static int execute(const char *id)
{
	char line[160];
	int n = snprintf(line, sizeof line, "%s\n", id);

	executed++;
	return counter_fd < 0 || write(counter_fd, line, (size_t)n) == n ? 0 : -1;
}

static void serve_control(struct conn *c, const char *path)
{
	const char *how = parameter(path, "how");

	if (!strncmp(path, "/crash", 6)) {
		say("FATAL: unrecoverable error, the process ends");
		if (how && !strcmp(how, "exit"))
			_exit(1);
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	} else if (!strncmp(path, "/fail", 5)) {
		fail_percent = number(path, "percent", 100);
		fail_times = number(path, "times", -1);
	} else if (!strncmp(path, "/delay", 6)) {
		delay_ms = number(path, "ms", 0);
	} else if (!strncmp(path, "/health", 7)) {
		healthy = number(path, "ok", 1) != 0;
	} else if (strncmp(path, "/counts", 7) != 0) {
		answer(c, 404, "{\"error\":\"not found\"}");
		return;
	}
	answer(c, 200, "{\"release\":\"%s\",\"served\":%ld,\"executed\":%ld,\"fail_percent\":%ld,\"delay_ms\":%lld}", release, served, executed,
	       fail_percent, (long long)delay_ms);
}

static void serve(struct conn *c, const char *method, const char *path)
{
	static unsigned turn;
	bool post = !strcmp(method, "POST");
	const char *id;

	if (c->control) {
		serve_control(c, path);
		return;
	}
	if (!strcmp(path, "/health")) {
		answer(c, healthy ? 200 : 503, "{\"status\":\"%s\",\"release\":\"%s\"}", healthy ? "ok" : "failing", release);
		return;
	}
	served++;
	c->due_us = now_us() + delay_ms * 1000;
	if (config_missing()) {
		char where[64];

		snprintf(where, sizeof where, "ERROR %.8s %.32s failed: ", method, path);
		say_config_missing(where);
		answer(c, 500, "{\"error\":\"internal error\"}");
	} else if (fail_percent > 0 && fail_times != 0 && (long)(turn++ * 37 % 100) < fail_percent) { /* 37: spreads the failures evenly */
		if (fail_times > 0)
			fail_times--;
		say("ERROR %.8s %.32s failed: TypeError: Cannot read properties of undefined (reading 'id')", method, path);
		answer(c, 500, "{\"error\":\"internal error\"}");
	} else if (post && !strncmp(path, "/work", 5) && (id = parameter(path, "id"))) {
		if (execute(id))
			answer(c, 500, "{\"error\":\"cannot record the work: %s\"}", strerror(errno));
		else
			answer(c, 200, "{\"release\":\"%s\",\"id\":\"%s\"}", release, id);
	} else if (!post && !strncmp(path, "/", 1)) {
		answer(c, 200, "{\"release\":\"%s\"}", release);
	} else {
		answer(c, 404, "{\"error\":\"not found\"}");
	}
}

/* Value of a header within the NUL-ended head, or NULL. */
static const char *header(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strstr(head, "\r\n"); p; p = strstr(p, "\r\n")) {
		p += 2;
		if (!strncasecmp(p, name, n) && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " \t");
	}
	return NULL;
}

/* Serves the next request of c->in when it is whole. */
static void take_request(struct conn *c)
{
	char head[sizeof c->in + 1], method[16], path[1024];
	char *end = memmem(c->in, c->in_n, "\r\n\r\n", 4);
	const char *value;
	size_t head_n, length = 0;
	int minor = 1;

	if (c->answering)
		return;
	if (!end) {
		if (c->in_n == sizeof c->in) {
			c->last = true;
			answer(c, 413, "{\"error\":\"head too long\"}");
		}
		return;
	}
	head_n = (size_t)(end - c->in) + 4;
	memcpy(head, c->in, head_n - 2);
	head[head_n - 2] = '\0';
	if ((value = header(head, "Content-Length")))
		length = strtoul(value, NULL, 10);
	if (sscanf(head, "%15s %1023s HTTP/1.%d", method, path, &minor) != 3 || header(head, "Transfer-Encoding") ||
	    length > sizeof c->in - head_n) {
		c->last = true;
		answer(c, length ? 413 : 400, "{\"error\":\"request not understood\"}");
		return;
	}
	if (c->in_n < head_n + length)
		return;
	value = header(head, "Connection");
	c->last = value ? !strncasecmp(value, "close", 5) : minor == 0;
	c->due_us = 0;
	serve(c, method, path);
	c->in_n -= head_n + length;
	memmove(c->in, c->in + head_n + length, c->in_n);
}

static void drop(int i)
{
	close(conns[i]->fd);
	free(conns[i]);
	conns[i] = conns[--conn_count];
}

/* 0, or -1 when the connection is over. */
static int advance(struct conn *c, short revents, int64_t now)
{
	ssize_t n;

	if (revents & (POLLIN | POLLHUP | POLLERR) && c->in_n < sizeof c->in) {
		n = recv(c->fd, c->in + c->in_n, sizeof c->in - c->in_n, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return -1;
		if (n > 0)
			c->in_n += (size_t)n;
	}
	for (;;) {
		take_request(c);
		if (!c->answering || c->due_us > now)
			return 0;
		n = send(c->fd, c->out + c->out_off, c->out_n - c->out_off, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		c->out_off += (size_t)n;
		if (c->out_off < c->out_n)
			return 0;
		c->answering = false;
		if (c->last)
			return -1;
	}
}

static void accept_all(int fd, bool control)
{
	int one = 1, client;

	while (conn_count < CONNECTIONS && (client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof *c);

		if (!c) {
			close(client);
			return;
		}
		setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		c->fd = client;
		c->control = control;
		conns[conn_count++] = c;
	}
}

/* Waits for and does what is next. */
static void turn_once(void)
{
	struct pollfd fds[LISTENERS + CONNECTIONS];
	int64_t now = now_us(), wake = now + 1000000;
	struct timespec wait;
	int n = conn_count;

	for (int i = 0; i < LISTENERS; i++) /* poll(2) leaves out what is negative */
		fds[i] = (struct pollfd){.fd = conn_count < CONNECTIONS ? listeners[i] : -1, .events = POLLIN};
	for (int i = 0; i < n; i++) {
		struct conn *c = conns[i];
		bool later = c->answering && c->due_us > now;

		fds[LISTENERS + i] = (struct pollfd){.fd = c->fd, .events = (short)(c->in_n < sizeof c->in ? POLLIN : 0)};
		if (later && c->due_us < wake)
			wake = c->due_us;
		if (c->answering && !later)
			fds[LISTENERS + i].events |= POLLOUT;
	}
	wait = (struct timespec){(wake - now) / 1000000, (wake - now) % 1000000 * 1000};
	if (ppoll(fds, (nfds_t)(LISTENERS + n), &wait, NULL) < 0)
		return;
	now = now_us();
	for (int i = n - 1; i >= 0; i--) /* backwards: drop() fills the hole with the last */
		if (advance(conns[i], fds[LISTENERS + i].revents, now) || (stopping && !conns[i]->answering && conns[i]->in_n == 0))
			drop(i);
	for (int i = 0; i < LISTENERS; i++)
		if (fds[i].revents & POLLIN)
			accept_all(listeners[i], i == 1);
}

/* Port 0: one that the kernel finds free. Returns the port. */
static long listen_on(long port, int *ret_fd)
{
	socklen_t size = sizeof(struct sockaddr_in);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) || bind(fd, (struct sockaddr *)&a, sizeof a) ||
	    listen(fd, 512) || getsockname(fd, (struct sockaddr *)&a, &size)) {
		say("Error: listen on 127.0.0.1:%ld: %s", port, strerror(errno));
		exit(1);
	}
	*ret_fd = fd;
	return ntohs(a.sin_port);
}

static void write_pid(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f || fprintf(f, "%d\n", (int)getpid()) < 0 || fclose(f)) {
		say("Error: pid file %s: %s", path, strerror(errno));
		exit(1);
	}
}

static void on_stop(int number_)
{
	(void)number_;
	stopping = 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", 1, 0, 'p'},    {"release", 1, 0, 'r'}, {"config", 1, 0, 'c'},  {"lazy-config", 0, 0, 'l'},
						{"root", 1, 0, 'R'},    {"pidfile", 1, 0, 'P'}, {"counter", 1, 0, 'n'}, {"control", 1, 0, 'C'},
						{"delay", 1, 0, 'd'},   {"fail", 1, 0, 'f'},    {"unhealthy", 0, 0, 'u'}, {0}};
	struct sigaction stop = {.sa_handler = on_stop};
	const char *pidfile = NULL;
	long port = -1, control = 0;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'p': port = atol(optarg); break;
		case 'r': release = optarg; break;
		case 'c': config_path = optarg; break;
		case 'l': lazy_config = true; break;
		case 'R': if (chdir(optarg)) { perror(optarg); return 1; } break;
		case 'P': pidfile = optarg; break;
		case 'n': counter_path = optarg; break;
		case 'C': control = atol(optarg); break;
		case 'd': delay_ms = atol(optarg); break;
		case 'f': fail_percent = atol(optarg); break;
		case 'u': healthy = false; break;
		default: return 64;
		}
	}
	if (port < 0 || port > 65535 || optind != argc) {
		fprintf(stderr, "usage: web --port N --release NAME [options]\n");
		return 64;
	}
	if (!lazy_config && config_missing()) {
		say_config_missing("");
		return 1;
	}
	if (counter_path && (counter_fd = open(counter_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) < 0) {
		say("Error: counter file %s: %s", counter_path, strerror(errno));
		return 1;
	}
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	port = listen_on(port, &listeners[0]);
	if (control)
		listen_on(control, &listeners[1]);
	if (pidfile)
		write_pid(pidfile);
	say("listening on 127.0.0.1:%ld", port);
	while (!stopping || conn_count > 0) {
		if (stopping)
			for (int i = 0; i < LISTENERS; i++) {
				if (listeners[i] >= 0)
					close(listeners[i]);
				listeners[i] = -1;
			}
		turn_once();
	}
	if (pidfile)
		unlink(pidfile);
	say("stopped after %ld requests", served);
	return 0;
}
