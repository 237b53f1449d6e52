/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted server for tests: see server.h. */
#include "tests/fake/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static int listen_on(const char *path, int *ret_port)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(in);
	int fd = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (path) {
		assert_true(strlen(path) < sizeof(un.sun_path));
		strcpy(un.sun_path, path);
		assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	} else {
		assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
		*ret_port = ntohs(in.sin_port);
	}
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

int server_free_port(void)
{
	int port, fd = listen_on(NULL, &port);

	close(fd);
	return port;
}

static size_t body_length(const char *head)
{
	const char *p = strcasestr(head, "\r\nContent-Length:");

	return p ? (size_t)strtoul(p + 17, NULL, 10) : 0;
}

/* Reads head and body, or whatever comes before the end. */
static void read_request(int fd, int record)
{
	static char buf[1 << 20];
	size_t n = 0;
	char *end;

	for (;;) {
		ssize_t got = recv(fd, buf + n, sizeof(buf) - 1 - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
		buf[n] = 0;
		end = strstr(buf, "\r\n\r\n");
		if (end && n >= (size_t)(end - buf) + 4 + body_length(buf))
			break;
		if (!end && strncmp(buf, "GET", 3) && strncmp(buf, "POST", 4) && strncmp(buf, "HEAD", 4) && strchr(buf, '\n'))
			break; /* not HTTP: a line is a request */
	}
	buf[n++] = 0x1e;
	if (write(record, buf, n) != (ssize_t)n)
		_exit(1);
}

static void serve(int fd, const struct server_reply *r, int record)
{
	struct linger now = {.l_onoff = 1};
	size_t n = r->text ? strlen(r->text) : 0, done = 0;

	if (!r->at_once)
		read_request(fd, record);
	if (r->delay_ms)
		nanosleep(&(struct timespec){.tv_sec = r->delay_ms / 1000, .tv_nsec = r->delay_ms % 1000 * 1000000L}, NULL);
	while (done < n) {
		ssize_t sent = send(fd, r->text + done, n - done, MSG_NOSIGNAL);
		if (sent <= 0)
			break;
		done += (size_t)sent;
	}
	if (r->how == SERVER_RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (r->how != SERVER_HANG)
		close(fd);
}

struct server server_start(const struct server_reply *replies, size_t n, const char *path)
{
	struct server s = {0};
	char name[] = "/tmp/fb-server-XXXXXX";
	int fd = listen_on(path, &s.port);

	s.record = mkostemp(name, O_APPEND | O_CLOEXEC);
	assert_true(s.record >= 0);
	unlink(name);
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (!s.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (size_t i = 0;; i++) {
			int peer = accept(fd, NULL, NULL);
			if (peer >= 0)
				serve(peer, &replies[i < n ? i : n - 1], s.record);
		}
	}
	close(fd);
	return s;
}

void server_stop(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	close(s->record);
}

char *server_requests(const struct server *s)
{
	struct stat st;
	char *ret;

	assert_int_equal(fstat(s->record, &st), 0);
	ret = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(ret);
	assert_int_equal(pread(s->record, ret, (size_t)st.st_size, 0), st.st_size);
	return ret;
}

size_t server_count(const struct server *s)
{
	char *all = server_requests(s);
	size_t n = 0;

	for (const char *p = all; *p; p++)
		n += *p == 0x1e;
	free(all);
	return n;
}

char *server_request(const struct server *s, size_t n)
{
	char *all = server_requests(s), *p = all, *end, *ret = NULL;

	while ((end = strchr(p, 0x1e))) {
		if (!n--) {
			ret = strndup(p, (size_t)(end - p));
			break;
		}
		p = end + 1;
	}
	free(all);
	return ret;
}
