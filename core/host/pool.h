/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the engine's side share: hosts (pool.c, start.c, control.c, orphans.c), calls (call.c, ending.c), captured output (capture.c). */
#ifndef FB_HOST_POOL_H
#define FB_HOST_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/proc.h"
#include "host/capture.h"
#include "host/frame.h"
#include "host/host.h"
#include "host/outbox.h"

enum fb_host_state {
	FB_HOST_IDLE,     /* no process */
	FB_HOST_STARTING, /* started, no hello yet */
	FB_HOST_READY,
	FB_HOST_REFUSED,  /* for good: see refusal */
};

/* A worker that was forked ahead and waits for its call */
struct fb_spare {
	json_int_t id;         /* of the call that will have it; 0: there is none */
	int sock, out;
	struct fb_proc worker; /* pid 0: not told yet */
};

/* One plugin and its host process */
struct fb_plugin_host {
	struct fb_plugin_host *next;
	struct fb_pool *pool;
	char *kind, *name, *label; /* label: "kind-name" */
	char *path;                /* of the file, once it was found */
	char sha256[65];           /* "" before the first start */
	enum fb_host_state state;
	struct fb_err refusal;
	char stage[16];            /* of loading, in which it was refused */
	json_t *descriptor;
	struct fb_proc proc;
	int control;               /* -1 */
	char marker[40];           /* in the arguments and the environment of all that comes from it */
	struct fb_frame_reader reader;
	struct fb_outbox outbox;
	struct fb_spare spare;
	bool near;                 /* one is wanted, when what is held has been sent */
	int64_t load_end_ms;
	uv_poll_t *poll;           /* NULL while no loop is attached or no process runs */
	uv_timer_t *load_timer;
	json_t *policy;            /* its sandbox; NULL: trusted */
	json_t *cannot;            /* of it, what could not be enforced; NULL */
	bool guarded;              /* this process has sent its first frame */
	char *scratch, *work;      /* a folder of this host, and what its plugin may write in it; NULL */
	struct fb_guard *guard;    /* told of what it is refused; NULL */
	json_t *load_refused;      /* while it was loaded; NULL */
};

struct fb_name_list {
	char *kind;
	char **names;
};

struct fb_pool {
	char *host_program;
	char **dirs;
	long trusted_owner;
	int64_t load_timeout_ms;
	json_t *sandboxes;
	bool loads_only;
	uv_loop_t *loop;
	struct fb_plugin_host *hosts;
	struct fb_host_call *calls;
	json_int_t last_id;
	bool held; /* nothing is sent to workers */
	struct fb_name_list lists[4];
};

struct fb_host_call {
	struct fb_host_call *next;
	struct fb_pool *pool;
	struct fb_plugin_host *host;
	json_int_t id;
	char *operation;
	char *request; /* the call frame, ready to be sent; wiped after */
	size_t request_size;
	struct fb_err broken; /* why it cannot be made at all; code 0: it can */
	int64_t began_us, deadline_ms, grace_ms;
	int (*started_fn)(void *ctx, struct fb_host_call *call, const struct fb_proc *worker, struct fb_err *err);
	void (*frame_fn)(void *ctx, struct fb_host_call *call, const char *method, json_t *frame, int fd);
	void (*done_fn)(void *ctx, struct fb_host_call *call, const struct fb_call_result *result);
	void *ctx;
	struct fb_capture *capture;
	const struct fb_redactor *redactor;
	char *log_path;
	int64_t log_limit;

	bool asked;    /* the host was told */
	bool running;  /* the worker is there and has its call */
	bool answered; /* "done" came */
	bool closed;   /* the worker's end of the socket is closed */
	bool exited;
	bool stopping; /* asked to return by fb_host_call_stop */
	struct fb_proc worker;
	int sock, out; /* our ends; -1 */
	uv_poll_t *sock_poll, *out_poll;
	uv_timer_t *timer;
	struct fb_frame_reader reader;
	struct fb_outbox outbox;
	char *waiting; /* the request that waits for its reply; NULL */
	size_t frame_size; /* of the frame that is taken now */
	size_t kept;       /* bytes of what it has asked to be kept */

	int ending;    /* FB_ENDING_ */
	int reason;    /* FB_CAUSE_ that a kill of ours will be; FB_CAUSE_ANSWER: none */
	char *why;     /* the sentence that goes with reason */
	int answer;
	char *message;
	json_t *health, *leftovers;
	json_t *refused; /* by its sandbox: what the worker tried */
	char *verdict;   /* the message that this gives */
	int status;
	int64_t user_us, system_us, max_rss_kib;
};

/* How far the ending of a worker has gone */
#define FB_ENDING_NOT 0
#define FB_ENDING_ASKED 1  /* "stop" was sent, or it has answered, or it has closed its socket */
#define FB_ENDING_TERM 2   /* SIGTERM was sent */
#define FB_ENDING_KILL 3   /* SIGKILL was sent */

/* pool.c */
struct fb_plugin_host *fb_pool_find(struct fb_pool *p, const char *kind, const char *name);

/* control.c */
void fb_pool_watch(struct fb_plugin_host *h);   /* reads its control socket from the loop, if one is attached */
void fb_pool_unwatch(struct fb_plugin_host *h);
void fb_pool_read_control(struct fb_plugin_host *h);
int fb_pool_tell(struct fb_plugin_host *h, json_t *frame, const int *fds, int fd_count); /* takes the reference; -1: the host is gone */
void fb_pool_lost(struct fb_plugin_host *h, const char *why); /* its process has ended or must end: orphans are killed, calls ended */
void fb_pool_load_over(struct fb_plugin_host *h);
/* The oldest call that belongs to h and has not ended; NULL. Taken one by one: each may be freed by what is done to it. */
struct fb_host_call *fb_pool_next_call(const struct fb_plugin_host *h);

/* confine.c */
void fb_confine_choose(struct fb_plugin_host *h);
int fb_confine_begin(struct fb_plugin_host *h, struct fb_err *err); /* before each start of its host */
json_t *fb_confine_order(const struct fb_plugin_host *h);           /* the frame "load" */
void fb_confine_end(struct fb_plugin_host *h);                      /* its processes are gone */
/* Not NULL: the plugin has tried, while it was loaded, what it may not; to be freed. */
char *fb_confine_load_verdict(const struct fb_plugin_host *h);
/* What its sandbox has to do with a call's end: the answer may become FB_FAIL. */
void fb_confine_judge(struct fb_host_call *c, struct fb_call_result *r);

/* start.c */
void fb_pool_start(struct fb_plugin_host *h); /* state is STARTING after it, or refusal is set */
int fb_pool_locate(struct fb_plugin_host *h, char **ret_path, struct fb_err *err);

/* orphans.c */
/* Ends a host's process and all that has come from it. ret_status: wait status, -1 when it is not known. Names of what it left go to leftovers (may be NULL). */
void fb_orphans_end_host(struct fb_plugin_host *h, int64_t patience_ms, int *ret_status, json_t *leftovers);
/* Waits until pid, a child of ours, has ended, and reaps it. 1: ended, 0: not in time. */
int fb_orphans_wait(pid_t pid, int64_t ms, int *ret_status);

/* call.c */
void fb_call_drop_spare(struct fb_plugin_host *h);
void fb_call_begin(struct fb_host_call *c);  /* its host is ready */
void fb_call_started(struct fb_host_call *c, const struct fb_proc *worker);
void fb_call_exited(struct fb_host_call *c, json_t *frame);
void fb_call_host_gone(struct fb_host_call *c, const char *why, json_t *leftovers); /* answer and cause HOST */
void fb_call_finish_refused(struct fb_host_call *c, const struct fb_err *why);
void fb_call_send(struct fb_host_call *c); /* sends what waits and watches the socket */

/* incoming.c */
void fb_call_read_frames(struct fb_host_call *c, int turns);
void fb_call_read_output(struct fb_host_call *c, int turns);

/* ending.c */
void fb_call_arm(struct fb_host_call *c, int64_t in_ms);
void fb_call_on_timer(uv_timer_t *timer);
void fb_call_kill(struct fb_host_call *c, int cause, char *why); /* now; takes why */
void fb_call_conclude(struct fb_host_call *c); /* the worker is gone: result, done, free */

#endif
