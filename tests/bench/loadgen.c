/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loadgen: an open-loop HTTP client on keep-alive connections. Requests are due at fixed times whatever the answers do, and latency counts
 * from the time at which a request was due, so that a stall is seen by all requests that it delays. It never retries: what it counts is what
 * a user would have seen. It knows nothing of failback.
 *
 *   loadgen --port N [--rate PER_SECOND] [--connections N] [--post PERCENT] [--duration SECONDS] [--timeout MS] [--id-prefix TEXT]
 *           [--ids FILE] [--abort PERCENT] [--cookie TEXT] [--path PATH]
 *
 * One JSON document on stdout at the end of the duration, or at SIGTERM or SIGINT. Its times are milliseconds since started_wall_ms. --ids: one line "ID STATUS SENT" a POST, STATUS 0 when there
 * was no answer, SENT when it was given to a connection. --abort: that share of requests is given up by the client before the answer (for controls); they count as aborted only.
 * --cookie: sent with every request; "keep": what the server sets is sent from then on, by each connection for itself.
 * An idle connection that the server closes is opened anew when it is needed and is no failure; one that closes after a request was
 * handed to it is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 512
#define RELEASES 16
#define METHODS 2
static const char *const method_names[METHODS] = {"GET", "POST"};

/* How a request ended */
enum outcome { ANSWERED, STATUS_5XX, STATUS_OTHER, CONNECT, CLOSED, TIMEOUT, ABORTED, OUTCOMES };
static const char *const outcome_names[OUTCOMES] = {"answered", "status_5xx", "status_other", "connect", "closed", "timeout", "aborted"};

struct request {
	int64_t due_us;
	int64_t seq;
	bool post, give_up;
};

struct conn {
	int fd; /* -1: not open */
	bool busy, connecting;
	struct request r;
	int64_t sent_us;
	size_t in_n, out_n, out_off;
	char cookie[128], in[4096], out[512];
};

struct by_release {
	char name[64];
	int64_t answers, good, first_us, last_us; /* good: below 400 */
};

static int port, connections = 32;
static double rate = 100, duration = 0;
static long post_percent, abort_percent, timeout_ms = 5000;
static const char *prefix = "r", *cookie, *path = "/";
static FILE *ids;
static volatile sig_atomic_t stopping;

static struct conn conns[CONNECTIONS];
static struct request *queue; /* due, but every connection is busy */
static size_t queue_n, queue_off, queue_room;
static int64_t start_us, start_wall_us, counts[METHODS][OUTCOMES], first_failure_us = -1, last_failure_us = -1, reconnects, failures_by_status[600];
static uint32_t *latencies; /* of what was answered below 500 */
static size_t latency_n, latency_room;
static int64_t longest_us, longest_failed_us;
static struct by_release releases[RELEASES];
static char last_answer[64];

static int64_t clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static void *grow(void *p, size_t *room, size_t n, size_t size)
{
	if (n < *room)
		return p;
	*room = *room ? *room * 2 : 1024;
	p = reallocarray(p, *room, size);
	if (!p) {
		perror("loadgen");
		exit(70);
	}
	return p;
}

static void count_release(const char *name, int64_t at, bool good)
{
	for (int i = 0; i < RELEASES; i++) {
		if (!releases[i].name[0]) {
			snprintf(releases[i].name, sizeof releases[i].name, "%s", name);
			releases[i].first_us = at;
		}
		if (!strcmp(releases[i].name, name)) {
			releases[i].answers++;
			releases[i].good += good;
			releases[i].last_us = at;
			break;
		}
	}
	snprintf(last_answer, sizeof last_answer, "%s", name);
}

static void finish(struct conn *c, enum outcome o, int status, bool keep)
{
	int64_t at = now_us() - start_us, took = at - c->r.due_us;
	bool failed = o != ANSWERED && o != ABORTED;

	counts[c->r.post][o]++;
	if (o == ANSWERED) {
		latencies = grow(latencies, &latency_room, latency_n, sizeof *latencies);
		latencies[latency_n++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
	}
	if (o != ABORTED && took > longest_us)
		longest_us = took;
	if (failed) {
		if (took > longest_failed_us)
			longest_failed_us = took;
		if (first_failure_us < 0)
			first_failure_us = at;
		last_failure_us = at;
		failures_by_status[status > 0 && status < 600 ? status : 0]++;
	}
	if (c->r.post && ids)
		fprintf(ids, "%s-%lld %d %.3f\n", prefix, (long long)c->r.seq, status, (double)c->sent_us / 1000);
	c->busy = c->connecting = false;
	c->in_n = 0;
	if (!keep && c->fd >= 0) {
		close(c->fd);
		c->fd = -1;
	}
}

static int open_connection(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Sends what is left of the request. */
static void push(struct conn *c)
{
	ssize_t n;

	if (c->out_off == c->out_n)
		return;
	n = send(c->fd, c->out + c->out_off, c->out_n - c->out_off, MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ENOTCONN)
			finish(c, c->connecting ? CONNECT : CLOSED, 0, false);
		return;
	}
	c->connecting = false;
	c->out_off += (size_t)n;
	if (c->out_off == c->out_n && c->r.give_up)
		finish(c, ABORTED, 0, false);
}

static void begin(struct conn *c, const struct request *r)
{
	char target[160], given[sizeof c->cookie];

	c->r = *r;
	c->sent_us = now_us() - start_us;
	c->busy = true;
	c->in_n = c->out_off = 0;
	if (c->fd < 0) {
		c->fd = open_connection();
		c->connecting = true;
		reconnects++;
		if (c->fd < 0) {
			finish(c, CONNECT, 0, false);
			return;
		}
	}
	if (r->post)
		snprintf(target, sizeof target, "/work?id=%s-%lld", prefix, (long long)r->seq);
	else
		snprintf(target, sizeof target, "%s", path);
	memcpy(given, c->cookie, sizeof given);
	c->out_n = (size_t)snprintf(c->out, sizeof c->out, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%s%s\r\n", method_names[r->post], target,
				    r->post ? "Content-Length: 0\r\n" : "", given[0] ? "Cookie: " : "", given,
				    given[0] ? "\r\n" : "");
	if (!c->connecting)
		push(c);
}

/* The value of a header of the NUL-ended head, up to any of `stop`; false when it is not there. */
static bool header(const char *head, const char *name, const char *stop, char *ret, size_t size)
{
	const char *p = strcasestr(head, name);

	if (!p)
		return false;
	p += strlen(name);
	p += strspn(p, " ");
	snprintf(ret, size, "%.*s", (int)strcspn(p, stop), p);
	return true;
}

static void parse(struct conn *c)
{
	char value[128], name[64] = "";
	char *end = memmem(c->in, c->in_n, "\r\n\r\n", 4);
	int status = 0;
	size_t head_n;
	bool close_after;

	if (!end)
		return;
	head_n = (size_t)(end - c->in) + 4;
	*end = '\0'; /* the rest is counted by head_n */
	if (sscanf(c->in, "HTTP/1.%*d %d", &status) != 1 || status < 100 || status > 599) {
		finish(c, CLOSED, 0, false);
		return;
	}
	close_after = header(c->in, "\r\nConnection:", "\r", value, sizeof value) && !strncasecmp(value, "close", 5);
	if (header(c->in, "\r\nContent-Length:", "\r", value, sizeof value)) {
		if (c->in_n < head_n + strtoul(value, NULL, 10)) {
			*end = '\r';
			return;
		}
	} else {
		close_after = true;
	}
	if (header(c->in, "\r\nX-Release:", "\r", name, sizeof name))
		count_release(name, now_us() - start_us, status < 400);
	if (cookie && !strcmp(cookie, "keep"))
		header(c->in, "\r\nSet-Cookie:", ";\r", c->cookie, sizeof c->cookie);
	finish(c, status >= 500 ? STATUS_5XX : status >= 400 ? STATUS_OTHER : ANSWERED, status, !close_after);
}

static void readable(struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_n, sizeof c->in - c->in_n, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && c->busy) {
		c->in_n += (size_t)n;
		parse(c);
	} else if (c->busy) {
		finish(c, c->connecting ? CONNECT : CLOSED, 0, false);
	} else {
		close(c->fd);
		c->fd = -1;
	}
}

static void dispatch(int64_t at)
{
	static int next;

	while (queue_off < queue_n && queue[queue_off].due_us + timeout_ms * 1000 < at) { /* nobody took it in time */
		struct conn lost = {.fd = -1, .r = queue[queue_off++]};

		finish(&lost, TIMEOUT, 0, false);
	}
	for (int tried = 0; tried < connections && queue_off < queue_n; tried++, next = (next + 1) % connections)
		if (!conns[next].busy)
			begin(&conns[next], &queue[queue_off++]);
	if (queue_off == queue_n)
		queue_off = queue_n = 0;
}

/* Puts what is due by now into the queue; returns the time of the next one. */
static int64_t schedule(int64_t at, bool more)
{
	static int64_t seq;
	int64_t due = (int64_t)((double)seq * 1e6 / rate);

	for (; more && due <= at; due = (int64_t)((double)++seq * 1e6 / rate)) {
		queue = grow(queue, &queue_room, queue_n, sizeof *queue);
		queue[queue_n++] = (struct request){.due_us = due, .seq = seq, .post = seq * 37 % 100 < post_percent,
						    .give_up = seq * 61 % 100 < abort_percent};
	}
	return due;
}

static bool any_busy(void)
{
	for (int i = 0; i < connections; i++)
		if (conns[i].busy)
			return true;
	return queue_off < queue_n;
}

static void turn_once(bool more)
{
	struct pollfd fds[CONNECTIONS];
	int64_t at = now_us() - start_us, wake = schedule(at, more), wait;
	struct timespec ts;

	dispatch(at);
	if (!more || wake > at + 50000)
		wake = at + 50000;
	for (int i = 0; i < connections; i++)
		fds[i] = (struct pollfd){.fd = conns[i].fd,
					 .events = (short)(POLLIN | (conns[i].busy && conns[i].out_off < conns[i].out_n ? POLLOUT : 0))};
	wait = wake - (now_us() - start_us);
	if (wait < 0)
		wait = 0;
	ts = (struct timespec){wait / 1000000, wait % 1000000 * 1000};
	if (ppoll(fds, (nfds_t)connections, &ts, NULL) < 0)
		return;
	at = now_us() - start_us;
	for (int i = 0; i < connections; i++) {
		struct conn *c = &conns[i];

		if (fds[i].revents & POLLOUT && c->busy && c->fd == fds[i].fd)
			push(c);
		if (fds[i].revents & (POLLIN | POLLHUP | POLLERR) && c->fd == fds[i].fd)
			readable(c);
		if (c->busy && at - c->r.due_us > timeout_ms * 1000)
			finish(c, TIMEOUT, 0, false);
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile(double p)
{
	return latency_n ? latencies[(size_t)(p * (double)(latency_n - 1))] / 1000.0 : 0;
}

static void print_json(int64_t elapsed)
{
	int64_t total[OUTCOMES] = {0}, requests = 0, failed, settled = 0;

	if (latency_n)
		qsort(latencies, latency_n, sizeof *latencies, compare);
	for (int m = 0; m < METHODS; m++)
		for (int o = 0; o < OUTCOMES; o++) {
			total[o] += counts[m][o];
			requests += counts[m][o];
		}
	failed = requests - total[ANSWERED] - total[ABORTED];
	printf("{\"started_wall_ms\": %.3f, \"requests\": %lld, \"failed\": %lld, \"elapsed_ms\": %lld, \"rate\": %g, \"reconnects\": %lld", (double)start_wall_us / 1000, (long long)requests,
	       (long long)failed, (long long)elapsed / 1000, rate, (long long)reconnects);
	for (int o = 0; o < OUTCOMES; o++)
		printf(", \"%s\": %lld", outcome_names[o], (long long)total[o]);
	for (int m = 0; m < METHODS; m++) {
		printf(", \"%s\": {", method_names[m]);
		for (int o = 0; o < OUTCOMES; o++)
			printf("%s\"%s\": %lld", o ? ", " : "", outcome_names[o], (long long)counts[m][o]);
		printf("}");
	}
	printf(", \"statuses\": {");
	for (int s = 0, n = 0; s < 600; s++)
		if (failures_by_status[s])
			printf("%s\"%d\": %lld", n++ ? ", " : "", s, (long long)failures_by_status[s]);
	printf("}, \"releases\": {");
	for (int i = 0; i < RELEASES && releases[i].name[0]; i++) {
		printf("%s\"%s\": {\"answers\": %lld, \"good\": %lld, \"first_ms\": %.3f, \"last_ms\": %.3f}", i ? ", " : "", releases[i].name,
		       (long long)releases[i].answers, (long long)releases[i].good, (double)releases[i].first_us / 1000, (double)releases[i].last_us / 1000);
		if (strcmp(releases[i].name, last_answer) != 0 && releases[i].last_us > settled)
			settled = releases[i].last_us;
	}
	printf("}, \"settled_release\": \"%s\", \"settled_ms\": %.3f", last_answer, (double)settled / 1000);
	printf(", \"first_failure_ms\": %.3f, \"last_failure_ms\": %.3f", first_failure_us < 0 ? -1 : (double)first_failure_us / 1000,
	       last_failure_us < 0 ? -1 : (double)last_failure_us / 1000);
	printf(", \"latency_ms\": {\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"max\": %.3f}", percentile(0.5), percentile(0.9),
	       percentile(0.99), percentile(0.999), percentile(1));
	printf(", \"longest_ms\": %.3f, \"longest_failed_ms\": %.3f}\n", (double)longest_us / 1000, (double)longest_failed_us / 1000);
}

static void on_stop(int number)
{
	(void)number;
	stopping = 1;
}

static int usage(void)
{
	fprintf(stderr, "usage: loadgen --port N [--rate N] [--connections N] [--post PERCENT] [--duration SECONDS] [options]\n");
	return 64;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", 1, 0, 'p'},    {"rate", 1, 0, 'r'},    {"connections", 1, 0, 'c'}, {"post", 1, 0, 'P'},
						{"duration", 1, 0, 'd'}, {"timeout", 1, 0, 't'}, {"id-prefix", 1, 0, 'i'},   {"ids", 1, 0, 'I'},
						{"abort", 1, 0, 'a'},    {"cookie", 1, 0, 'k'},  {"path", 1, 0, 'u'},        {0}};
	struct sigaction stop = {.sa_handler = on_stop};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'p': port = atoi(optarg); break;
		case 'r': rate = atof(optarg); break;
		case 'c': connections = atoi(optarg); break;
		case 'P': post_percent = atol(optarg); break;
		case 'd': duration = atof(optarg); break;
		case 't': timeout_ms = atol(optarg); break;
		case 'i': prefix = optarg; break;
		case 'I': if (!(ids = fopen(optarg, "we"))) { perror(optarg); return 74; } break;
		case 'a': abort_percent = atol(optarg); break;
		case 'k': cookie = optarg; break;
		case 'u': path = optarg; break;
		default: return usage();
		}
	}
	if (port < 1 || port > 65535 || rate <= 0 || connections < 1 || connections > CONNECTIONS || optind != argc)
		return usage();
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	for (int i = 0; i < connections; i++) {
		conns[i].fd = -1;
		if (cookie && strcmp(cookie, "keep") != 0)
			snprintf(conns[i].cookie, sizeof conns[i].cookie, "%s", cookie);
	}
	start_us = now_us();
	start_wall_us = clock_us(CLOCK_REALTIME);
	for (;;) {
		bool more = !stopping && (duration <= 0 || (double)(now_us() - start_us) < duration * 1e6);

		if (!more && !any_busy())
			break;
		turn_once(more);
	}
	print_json(now_us() - start_us);
	free(queue);
	free(latencies);
	if (ids && fclose(ids)) {
		perror("loadgen: ids");
		return 74;
	}
	return 0;
}
