/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted server for tests: it misbehaves to order (late, partial, reset, silent) where a real server would not, and keeps what it was sent. One
 * process, 127.0.0.1 or a Unix socket, ended by its pid.
 */
#ifndef FB_TESTS_FAKE_SERVER_H
#define FB_TESTS_FAKE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SERVER_CLOSE 0 /* an orderly end after the text */
#define SERVER_RESET 1 /* TCP reset */
#define SERVER_HANG 2  /* neither ends nor says more */

struct server_reply {
	const char *text; /* sent as it is; NULL: nothing */
	int delay_ms;     /* before the text */
	int how;          /* SERVER_ */
	bool at_once;     /* do not wait for a request */
};

struct server {
	pid_t pid;
	int port;
	int record;
};

/* The nth connection gets the nth reply, those after the last get the last. path: a Unix socket instead of a port (NULL: none). */
struct server server_start(const struct server_reply *replies, size_t n, const char *path);
void server_stop(struct server *s);
/* What came, each request (head and body) ended by a byte 0x1e; to be freed. */
char *server_requests(const struct server *s);
/* The nth request alone (from 0), to be freed; NULL when there are not so many. */
char *server_request(const struct server *s, size_t n);
size_t server_count(const struct server *s);
/* A port of 127.0.0.1 on which nobody listens. */
int server_free_port(void);

#define HTTP_REPLY(status, headers, body) "HTTP/1.1 " status "\r\nConnection: close\r\n" headers "\r\n" body

#endif
