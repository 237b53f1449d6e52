/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HAProxy's runtime API over its unix socket (management guide, section 9.3): one connection for each request, answered until HAProxy closes.
 * It knows the protocol, not what blue and green are.
 */
#ifndef BG_HAPROXY_H
#define BG_HAPROXY_H

#include <stddef.h>
#include <stdint.h>

#define BG_ERROR_SIZE 1280
#define BG_REPLY_LIMIT ((size_t)8 << 20)

/* A connection that does not block, with `command` (no line end) on its way. The descriptor, or -1 with error. */
int bg_haproxy_begin(const char *socket_path, const char *command, char error[BG_ERROR_SIZE]) __attribute__((warn_unused_result));

/* A reply as it comes. Zero it to begin, free text. */
struct bg_reply {
	char *text; /* NUL at its end; NULL until something came */
	size_t n, room;
};
/* Takes what is there. 1: the reply is whole, 0: more is to come, -1 with error. */
int bg_haproxy_receive(int fd, struct bg_reply *reply, char error[BG_ERROR_SIZE]) __attribute__((warn_unused_result));

/* Sends the command, waits at most wait_ms for the reply. 0 and *ret_text to be freed, or -1 with error. */
int bg_haproxy_ask(const char *socket_path, const char *command, int64_t wait_ms, char **ret_text, char error[BG_ERROR_SIZE])
	__attribute__((warn_unused_result));
/* The same for a command that changes something: success is an empty reply, anything else is HAProxy's reason. */
int bg_haproxy_tell(const char *socket_path, const char *command, int64_t wait_ms, char error[BG_ERROR_SIZE]) __attribute__((warn_unused_result));

#endif
