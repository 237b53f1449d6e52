/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the runner share: a chain that runs (run.c), its links under way (step.c), and what of them is recorded (record.c). */
#ifndef FB_CHAIN_STEP_H
#define FB_CHAIN_STEP_H

#include "chain/run.h"

/* One link under way: its task, or the wait before its next attempt. */
struct fb_step {
	struct fb_run *run;
	struct fb_link *link;    /* whose row is written */
	struct fb_link *by;      /* what is called: the link itself, its fallback or its undo */
	struct fb_task *task;
	struct fb_task *ended;   /* it has, and its end is not recorded yet */
	uv_timer_t timer;        /* backoff */
	bool waiting, recorded;  /* recorded: that this attempt has begun */
	char *overruled;         /* the message of a failure found outside */
	int64_t begun_ms;        /* wall: this attempt */
	int64_t begun_boot_ms;   /* undo: the first attempt */
	char *undo_log;          /* undo: relative to the execution's folder */
	struct fb_step *next;
};

struct fb_run {
	struct fb_context *x;
	struct fb_chain *chain;
	const struct fb_run_hooks *hooks;
	void *owner;
	int64_t deadline_ms;
	size_t at;               /* index of the top-level link under way; undo: counts down */
	bool undo, ended;
	struct fb_link *failed;
	struct fb_step *steps;
	uv_timer_t kick;         /* moves on from the loop, never from inside a caller */
};

/* run.c */
/* Begins what can be begun, and ends the run when nothing is left. */
void fb_run_advance(struct fb_run *r);
/* The same from the loop: never from inside a caller. */
void fb_run_kick(struct fb_run *r);

/* step.c */
/* by: what is called for the link; the link itself, or its undo. */
void fb_step_begin(struct fb_run *r, struct fb_link *l, struct fb_link *by);
/* Does not wait any longer for its next attempt. */
void fb_step_wake(struct fb_step *s);

/* record.c. Whatever cannot be recorded loses the context. */
void fb_step_record_begin(struct fb_step *s); /* in memory: a new attempt */
int fb_step_record_start(struct fb_step *s, struct fb_err *err) FB_MUST_USE; /* part of a transaction */
void fb_step_record_start_alone(struct fb_step *s); /* its process never came to be */
/* Each attempt has its own row: what the last one came to is not what the first one came to. */
int fb_step_record_attempt(struct fb_step *s, int answer, const char *message, struct fb_err *err) FB_MUST_USE;
/* The link's last word. */
void fb_step_settle(struct fb_step *s, int state, const struct fb_call_result *result);
/* Of its undo; a link that failed, or was interrupted, stays one that did. */
void fb_step_settle_undo(struct fb_step *s, bool good, const char *message, const struct fb_call_result *result);
json_t *fb_step_text(const char *text); /* null for NULL */

#endif
