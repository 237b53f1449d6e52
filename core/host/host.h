/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's side of plugin hosts: one failback-host process for each plugin file, started ahead of need; one worker process for
 * each call, under a deadline. It knows processes, frames and descriptors, and nothing of chains or the journal: what a worker asks for is
 * handed to the caller.
 */
#ifndef FB_HOST_HOST_H
#define FB_HOST_HOST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/proc.h"
#include "base/redact.h"
#include "config/config.h"

struct fb_pool;      /* the hosts of one process */
struct fb_host_call; /* one call under way */

struct fb_pool_options {
	const char *host_program;       /* path of failback-host */
	const char *const *plugin_dirs; /* ends in NULL */
	long trusted_owner;             /* uid, -1: none */
	int64_t load_timeout_ms;        /* from exec to hello; 0: 10 s */
	const json_t *sandboxes;        /* of fb_config_sandboxes; kept; NULL: none */
	bool loads_only;                /* plugins are asked what they are, and no more: where we cannot become a sandbox's user, it is loaded as ours */
};

struct fb_pool *fb_pool_new(const struct fb_pool_options *options);
/* Ends all calls and hosts, waits until every process of theirs is gone. Takes NULL. */
void fb_pool_free(struct fb_pool *p);

/*
 * The descriptor document of a plugin, from its own file, proven safe (base/io.h) and loaded in its host:
 * { "kind": "check", "name": "http", "version": "0.1.0", "summary": "…", "license": "…", "abi": "1.0", "file": "/usr/lib/failback/check-http.so",
 *   "sha256": "…", "features": ["zero-downtime"], "operations": ["check", "probe"],
 *   "options": [ {"name", "type": "duration", "required": false, "secret": false, "default": "5s"|null, "choices": ["a"]|null, "unit": "s"|null,
 *                 "alias": null, "min": 0, "max": 0, "summary"} ],
 *   "sandbox": POLICY|null, "unenforced": ["this kernel …"] }
 * Starts the host if it does not run and waits for its hello. Borrowed; NULL with err (FB_EXIT_PLUGIN): each refusal has its own sentence.
 */
const json_t *fb_pool_describe(struct fb_pool *p, const char *kind, const char *name, struct fb_err *err);
/* Where the loading of one that describe has refused ended: "load" (the file, its constructors, its entry), "descriptor" or "options". Lives as long as p. */
const char *fb_pool_stage(struct fb_pool *p, const char *kind, const char *name);
/* Which sandbox a plugin gets from now on (config/config.h, null: none), whatever fb_pool_options.sandboxes says: a resumed execution runs by its record.
 * Before its host is started. */
void fb_pool_confine(struct fb_pool *p, const char *kind, const char *name, const json_t *policy);
/* "user nobody; no network; writes nothing": of a policy, for people; to be freed. */
char *fb_pool_sandbox_text(const json_t *policy);
/* Starts the host without waiting. */
void fb_pool_expect(struct fb_pool *p, const char *kind, const char *name);
/* A call of this plugin is near: its host, if it is ready, forks the worker already. A convenience: without it, or when it comes to nothing, the call forks
 * its own. With it a call's `started` may be told before fb_host_call has returned. */
void fb_pool_near(struct fb_pool *p, const char *kind, const char *name);
/* Between the two nothing is sent to any worker: what they are told to do is recorded first, together with what is recorded beside it. */
void fb_pool_hold(struct fb_pool *p);
void fb_pool_release(struct fb_pool *p);
/* Names of the files of a kind that lie in the plugin directories (not loaded); ends in NULL, lives as long as p. */
const char *const *fb_pool_names(struct fb_pool *p, const char *kind);
/* The three above as the configuration takes them. */
struct fb_catalog_fn fb_pool_catalog(struct fb_pool *p);

/* From now on replies are read by this loop; calls can be made. exited: told when a host died that nobody ended (may be NULL). */
int fb_pool_attach(struct fb_pool *p, uv_loop_t *loop, struct fb_err *err) FB_MUST_USE;
/* Calls under way end with FB_CAUSE_HOST. Run the loop once more before it is closed: handles are closed in it. */
void fb_pool_detach(struct fb_pool *p);
/* The hosts that run, for the journal. At most max; returns how many. names[i] is "kind-name", borrowed. */
int fb_pool_hosts(struct fb_pool *p, struct fb_proc *ret, const char **ret_names, int max);

/* Why a call ended */
#define FB_CAUSE_ANSWER 0   /* it answered: see answer */
#define FB_CAUSE_SIGNAL 1   /* the worker was ended by `number` */
#define FB_CAUSE_EXIT 2     /* the worker exited with `number` without an answer */
#define FB_CAUSE_DEADLINE 3 /* killed: its time was over */
#define FB_CAUSE_REPLY 4    /* it sent what is not a frame of ours, or answered a value that is none */
#define FB_CAUSE_HOST 5     /* its host died or could not be started */
#define FB_CAUSE_STOPPED 6  /* killed after fb_host_call_stop */

struct fb_call_result {
	int answer;          /* FB_OK …; FB_FATAL or FB_FAIL when cause is not ANSWER (a signal, an exit and a deadline are FB_FAIL) */
	int cause;           /* FB_CAUSE_ */
	int number;
	const char *message; /* the plugin's sentence, or one that says what became of it; NULL with FB_OK */
	json_t *health;      /* checks: {"state","latency_us","value_u","text"}; borrowed, NULL */
	json_t *leftovers;   /* what it left running and was killed: ["4711 sleep"]; borrowed, NULL when nothing */
	int64_t elapsed_us;  /* from the request to the end */
	int64_t user_us, system_us, max_rss_kib;
};

struct fb_call_spec {
	const char *kind, *name;  /* of the plugin */
	const char *operation;    /* "run", "restore", "probe" … as in failback-plugin(3) */
	uint32_t flags;           /* FB_CALL_ */
	uint32_t attempt, share;
	int64_t deadline_ms;      /* CLOCK_BOOTTIME */
	int64_t grace_ms;         /* between SIGTERM and SIGKILL; 0: 2 s */
	json_t *context;          /* {"execution","environment","service","release","last_good","failed","link","reason","archive","scratch", "event":{…} (notify)}; borrowed */
	json_t *options;          /* with secrets in place; borrowed for the call of fb_host_call only */
	const struct fb_redactor *redactor; /* lives until done; NULL */
	const char *log_path;     /* captured output is appended here; NULL: thrown away */
	int64_t log_limit;        /* bytes: beyond it the head and the tail are kept, and a line between says how much is missing */
	/* The worker is there and waits for its call: record it. Not 0: the call is not made (message: err's). */
	int (*started)(void *ctx, struct fb_host_call *call, const struct fb_proc *worker, struct fb_err *err);
	/* A frame of the worker other than "done". fd: the descriptor that came with it, -1; the callee closes it. Answer with
	 * fb_host_call_reply, now or later, where frame.h says so. */
	void (*frame)(void *ctx, struct fb_host_call *call, const char *method, json_t *frame, int fd);
	/* The last callback; the call is freed after it. Worker and all it left are gone. */
	void (*done)(void *ctx, struct fb_host_call *call, const struct fb_call_result *result);
	void *ctx;
};

/* Makes a call. Never fails at once: what goes wrong comes through done. */
struct fb_host_call *fb_host_call(struct fb_pool *p, const struct fb_call_spec *spec);
/* Answers the request that waits; fd -1: none; it is not closed. Takes no reference. */
void fb_host_call_reply(struct fb_host_call *call, json_t *reply, int fd);
/* Asks it to return; after the grace it is killed. force: kill at once. */
void fb_host_call_stop(struct fb_host_call *call, bool force);
/* What the call asked of its caller was refused because of its sandbox, "to start a service": it fails, and says so. */
void fb_host_call_refuse(struct fb_host_call *call, const char *text);
/* Appends a line to the call's log as the engine's own word. */
void fb_host_call_note(struct fb_host_call *call, const char *text);

/* "debug", "info", "warning" or "error" for FB_LOG_; what lies outside is taken for the nearest. */
const char *fb_level_word(int64_t level);

#endif
