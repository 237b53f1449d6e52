/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task: one call into a plugin on behalf of a link, with all that the host table promises behind it: actions written ahead, facts, evidence,
 * services that outlive the call. What a phase asks of services and people goes on through the context's hooks.
 */
#ifndef FB_CHAIN_TASK_H
#define FB_CHAIN_TASK_H

#include "chain/context.h"

struct fb_task_spec {
	struct fb_context *context;
	const struct fb_use *use;
	const char *link;        /* id of the link in the journal: scope of its actions */
	const char *link_name;   /* shown to the plugin */
	const char *operation;   /* "restore" */
	const char *service;     /* NULL: none */
	bool undo;
	bool preserve;           /* cleanup: keep what failed */
	bool silent;             /* probes, observers, notifiers: no events of its own */
	uint32_t attempt, share;
	int64_t deadline_ms;
	const char *release, *last_good, *failed; /* borrowed for the call of fb_task_start */
	const char *log;         /* file name under the archive's logs/; NULL: not captured */
	json_t *event, *about;   /* notifiers: the event document, and members of the call that it decides; borrowed */
	const char *told_of;     /* notifiers: the execution that the event is of, whose facts they have; to live as long as the task; NULL: the context's */
	/* Its process is there and is being recorded: part of that transaction, before it is told what to do. 0, or -1 with err: it is not begun. Not called when no
	 * process comes to be, nor when silent; may be NULL. */
	int (*started)(void *owner, struct fb_task *task, struct fb_err *err);
	/* The last word. The task is freed after it. */
	void (*done)(void *owner, struct fb_task *task, const struct fb_call_result *result);
	void *owner;
};

struct fb_task {
	struct fb_task_spec spec;
	struct fb_host_call *call;
	struct fb_proc worker;
	json_t *advice;    /* array of {text, command} */
	json_t *reported;  /* object: member -> JSON */
	int64_t retry_after_ms;
	int64_t started_ms;     /* wall */
	int64_t next_progress_ms;
	bool gone;         /* recorded so */
	bool stopping;     /* act answers NO */
	int acting;        /* actions intended and not yet acted: nothing is cut between the two when a stop is asked */
	void *waiting;     /* what answers its request later, if anything does */
	void (*cancel)(void *waiting); /* the task ends before that answered */
	struct fb_task *next, *previous; /* of the context's list */
};

/* Starts a call; it always ends in done, never before this returns. */
struct fb_task *fb_task_start(const struct fb_task_spec *spec);
/* Asks it to return: no further action. force: kill it. */
void fb_task_stop(struct fb_task *t, bool force);
/* In done: records that its process is gone, in the caller's transaction; else that is done after it. */
int fb_task_gone(struct fb_task *t, struct fb_err *err) FB_MUST_USE;
/* Answers the request that the task waits for; steals reply. */
void fb_task_reply(struct fb_task *t, json_t *reply);
/* {"kind": "signal", "number": 9} for the journal; new reference. */
json_t *fb_task_cause(const struct fb_call_result *r);

/* Requests of the host table that have files of their own. Each answers through fb_task_reply. */
void fb_task_start_service(struct fb_task *t, const json_t *frame);
void fb_task_stop_service(struct fb_task *t, const json_t *frame);
void fb_task_service_pid(struct fb_task *t, const json_t *frame);
void fb_task_evidence(struct fb_task *t, const json_t *frame, int fd); /* closes fd */

/* Copies what the services of this name that were started here have printed; context.copies tells when it is done. */
void fb_evidence_of_service(struct fb_context *x, const char *service);

#endif
