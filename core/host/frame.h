/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between engine, host and worker: a 4-byte little-endian length, then that many bytes of UTF-8 JSON (an object), at most 1 MiB;
 * at most FB_FRAME_FDS descriptors travel with the first byte of a frame (SCM_RIGHTS). Both sides treat what they read as hostile.
 *
 * Control socket (fd 3 of failback-host, a stream socket to the engine):
 *   engine -> host  {"m":"load","no_new_privs":true,"sandbox":POLICY|null (config/config.h),"scratch":path|null,"looks":true}, first
 *   host -> engine  {"m":"guard","cannot":["…"]} + [listener of refused system calls, seccomp_unotify(2)], once, when there is a sandbox; before any
 *                   code of the plugin has run
 *   host -> engine  {"m":"hello","pid":…,"descriptor":{…}}  or  {"m":"refused","stage":"load"|"descriptor"|"options","text":"…"}, once
 *   engine -> host  {"m":"call","id":N} + [call socket, output pipe]
 *   host -> engine  {"m":"started","id":N,"pid":…,"start":…}  or  {"m":"failed","id":N,"text":"…"}: no worker could be made
 *   engine -> host  {"m":"signal","id":N,"signal":15}
 *   host -> engine  {"m":"exited","id":N,"status":wait status,"user_us":…,"system_us":…,"max_rss_kib":…,"leftovers":["pid comm"…]}
 *   The host forks a worker for each call and reaps it. When the worker has ended it kills what the worker left behind, and says so. When the
 *   control socket closes it kills all its descendants and exits.
 * Call socket (engine <-> worker, made for one call; options and secrets travel only here):
 *   engine -> worker {"m":"call","kind","operation","flags","attempt","share","deadline_ms","context":{…},"options":{…}}
 *   worker -> engine {"m":"log","level","text"} {"m":"progress","bp","text"} {"m":"advise","text","command"} {"m":"report","member","json"}
 *                    {"m":"sample",…} {"m":"retry_after","ms"}                                                   (no reply)
 *                    {"m":"fact","scope","key"} {"m":"fact_set","scope","key","value"}
 *                    {"m":"act","key","repeat","text"} {"m":"acted","key","result"} {"m":"act_result","key"}
 *                    {"m":"start_service","name","argv"|"shell","directory","environment","input","log"} {"m":"stop_service","name","grace_ms"}
 *                    {"m":"service_pid","name"} {"m":"evidence","title","name"} + [fd] {"m":"document","name"}
 *                    {"m":"operate","operation","service","share","flags"} {"m":"probe","service"} {"m":"notify","name","summary","wait_ms"}
 *                                                                                  (each answered by {"m":"reply",…} before the next)
 *                    {"m":"done","answer","message","health":{…},"refused"}                                               (last)
 *   engine -> worker {"m":"stop"} at any time: shall return soon; act answers NO from now on
 *
 * Types: "operation" is a name ("restore"); "level", "repeat", "scope", "answer" are the numbers of plugin.h; "environment" is a list of
 * "NAME=value"; the "json" of report is the value itself, not its text; all members of sample are those of struct fb_sample.
 * Members that are not known are null or left out. What a request's reply carries, beside "m":
 *   fact, act_result                       "value": text or null
 *   act                                    "value": FB_ACT_ (anything else is NO)
 *   fact_set, acted, stop_service, evidence  "value": 0 or -1 (anything else is -1)
 *   start_service                          "value": 0 or -1, "pid"
 *   service_pid                            "value": pid or 0
 *   document                               "value": text or null, or a descriptor that holds the text
 *   operate, probe, notify                 "value": the answer (FB_OK …; anything else is FB_FATAL), "json": the value for ret_json, or a descriptor
 *                                          that holds its text
 */
#ifndef FB_HOST_FRAME_H
#define FB_HOST_FRAME_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#if defined(__SANITIZE_ADDRESS__)
#define FB_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FB_SANITIZED 1
#endif
#endif

#define FB_HOST_CLOSED 123 /* exit code of a host whose plugin has closed the control socket while it was loaded */

#define FB_FRAME_LIMIT (1024 * 1024)
#define FB_FRAME_FDS 4

/* Reads frames from a stream piece by piece; zero it to begin, fb_frame_reader_clear frees it and closes descriptors that nobody took. */
struct fb_frame_reader {
	char *p;
	size_t n, room, used; /* used: the most that n ever was */
	size_t at; /* where the next frame begins */
	int fds[FB_FRAME_FDS * 2];
	int fd_count;
	bool ended; /* the other side has closed */
	bool flooded; /* it sent more descriptors than anyone may; also ended */
};
/* Reads what is there (one recvmsg). 1: something came, 0: nothing now (EAGAIN), -1: the end or an error, see ended and err. */
int fb_frame_fill(struct fb_frame_reader *r, int fd, struct fb_err *err) FB_MUST_USE;
/* Takes the next whole frame: 1 and a new reference, 0 when none is whole yet, -1 with err when the stream is not one of ours
 * (too long, not JSON, not an object). Nothing can be read after that. */
int fb_frame_next(struct fb_frame_reader *r, json_t **ret, struct fb_err *err) FB_MUST_USE;
/* Takes the oldest descriptor that came, or -1. */
int fb_frame_take_fd(struct fb_frame_reader *r);
/* Closes descriptors that nobody took, once no frame is half read: a frame that brings one it has no right to loses it. */
void fb_frame_drop_fds(struct fb_frame_reader *r);
void fb_frame_reader_clear(struct fb_frame_reader *r);

/* A frame's bytes with its length before them, to be freed. NULL with err when it is too long. */
char *fb_frame_encode(const json_t *frame, size_t *ret_size, struct fb_err *err) FB_MUST_USE;
/* Sends such bytes; *ret_sent tells how many went. 0, or -1 with errno (EAGAIN: its time was over). */
int fb_frame_send_bytes(int fd, const char *p, size_t size, const int *fds, int fd_count, int wait_ms, size_t *ret_sent) FB_MUST_USE;
/* Text of any origin as a JSON string: bytes that are not UTF-8 become U+FFFD; at most limit bytes. NULL gives null. New reference. */
json_t *fb_frame_text(const char *s, size_t limit);

/* Writes one frame; waits when the socket is full, at most wait_ms (-1: for ever). 0 or -1 with err. Does not close or keep fds. */
int fb_frame_send(int fd, const json_t *frame, const int *fds, int fd_count, int wait_ms, struct fb_err *err) FB_MUST_USE;

#endif
