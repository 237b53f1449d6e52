/* SPDX-License-Identifier: Apache-2.0 */
/* The worker: one process, one call. What struct fb_call.handle points to, shared by the files that fill struct fb_host. */
#ifndef FB_HOST_WORKER_H
#define FB_HOST_WORKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "host/descriptor.h"
#include "host/frame.h"

#define FB_TEXT_LIMIT (64u * 1024)   /* of one line, message or key */
#define FB_VALUE_LIMIT (256u * 1024) /* of a fact, a report member, a result */

/* Address space of a worker; commands that it runs get the old limit back. Generous: libraries reserve much and touch little. */
#define FB_WORKER_MEMORY ((rlim_t)2 << 30)

struct fb_worker {
	const struct fb_loaded *loaded;
	const char *marker;     /* "FAILBACK_HOST=…": what this host's descendants are known by */
	struct rlimit memory;   /* as it was, for commands */
	int sock;
	struct fb_frame_reader reader;
	bool stopped;           /* asked to return */
	bool gone;              /* the engine is not there any more */
	json_t *request;        /* the call as it came */
	const json_t *options;
	struct fb_call call;    /* as we know it */
	const struct fb_call *theirs; /* as the plugin gets it, in its author's size */
	char *message;          /* set by fail() */
	char *text[4];          /* what option, fact, act_result, document gave last */
	char *json;             /* what operate, probe, notify gave last */
	char *output;           /* what run gave last */
	json_t *kept;           /* what json_string and json_value gave */
	int64_t progress_ms;    /* when progress was sent last */
};

enum fb_worker_text { FB_TEXT_OPTION, FB_TEXT_FACT, FB_TEXT_RESULT, FB_TEXT_DOCUMENT };

/* Carries out the one call that comes over sock and ends the process. */
void fb_worker_run(const struct fb_loaded *loaded, int sock, const char *marker) __attribute__((noreturn));

/* services.c: our whole table, and what it is made of */
const struct fb_host *fb_services(void);
struct fb_worker *fb_worker_of(const struct fb_call *call);
/* Keeps text until the same host function is asked again; NULL stays NULL. */
const char *fb_worker_keep(struct fb_worker *w, enum fb_worker_text slot, char *text);
/* A struct of the plugin's (FB_SIZE_), in its author's size, into one of ours; and the other way (abi.h). */
void fb_worker_take(const struct fb_worker *w, int slot, void *ours, const void *theirs);
void fb_worker_put(const struct fb_worker *w, int slot, void *theirs, const void *ours);
/* Sends a frame that has no reply; takes the reference. 0, or -1 when the engine is gone or it is too long. */
int fb_worker_tell(struct fb_worker *w, json_t *frame);
/* Sends a request and waits for its reply; takes the reference, fd is not closed. NULL: the engine is gone. *ret_fd (may be NULL): a
 * descriptor that came with it, -1. */
json_t *fb_worker_ask(struct fb_worker *w, json_t *frame, int fd, int *ret_fd);
/* Sees whether a stop or the engine's end has come, without waiting. */
void fb_worker_look(struct fb_worker *w);
int64_t fb_worker_remaining_ms(struct fb_worker *w);
void fb_worker_log(struct fb_worker *w, int level, const char *format, ...) FB_PRINTF(3, 4);

/* json.c */
/* The value at path below v; NULL for none or null. A map's key may hold dots: the whole rest of the path is tried as a key first. */
const json_t *fb_json_find(const json_t *v, const char *path);
/* The text of a scalar, the caller's; NULL for others. */
char *fb_json_scalar(const json_t *v);
const char *fb_service_json_string(const struct fb_call *call, const char *text);
const char *fb_service_json_value(const struct fb_call *call, const char *json, const char *path);

/* options.c */
const char *fb_service_option(const struct fb_call *call, const char *path);
int64_t fb_service_option_int(const struct fb_call *call, const char *path, int64_t absent);
uint32_t fb_service_option_count(const struct fb_call *call, const char *path);
const char *fb_service_option_key(const struct fb_call *call, const char *path, uint32_t index);

/* command.c */
int32_t fb_service_run(const struct fb_call *call, const struct fb_command *command, struct fb_command_result *ret);

/* requests.c: the functions that ask the engine */
/* A file without a name that holds the bytes, at its beginning; -1 with errno. */
int fb_worker_hold(const char *p, uint64_t size);
const char *fb_service_fact(const struct fb_call *call, int32_t scope, const char *key);
int32_t fb_service_fact_set(const struct fb_call *call, int32_t scope, const char *key, const char *value);
int32_t fb_service_act(const struct fb_call *call, const char *key, int32_t repeat, const char *text);
int32_t fb_service_acted(const struct fb_call *call, const char *key, const char *result);
const char *fb_service_act_result(const struct fb_call *call, const char *key);
int32_t fb_service_start(const struct fb_call *call, const char *name, const struct fb_command *command, int64_t *ret_pid);
int32_t fb_service_stop(const struct fb_call *call, const char *name, int64_t grace_ms);
int64_t fb_service_pid(const struct fb_call *call, const char *name);
int32_t fb_service_evidence(const struct fb_call *call, const char *path, const char *title);
int32_t fb_service_evidence_text(const struct fb_call *call, const char *name, const char *title, const char *text, uint64_t size);
const char *fb_service_document(const struct fb_call *call, const char *name);
int32_t fb_service_operate(const struct fb_call *call, uint32_t operation, const char *service, uint32_t share, uint32_t flags, const char **ret_json);
int32_t fb_service_probe(const struct fb_call *call, const char *service, const char **ret_json);
int32_t fb_service_notify(const struct fb_call *call, const char *name, const char *summary, int64_t wait_ms, const char **ret_json);

#endif
