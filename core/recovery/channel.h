/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the outbox share: the channels, and who waits for them. */
#ifndef FB_RECOVERY_CHANNEL_H
#define FB_RECOVERY_CHANNEL_H

#include "recovery/internal.h"

/* One notifier. It delivers one notification at a time, in order. */
struct fb_channel {
	struct fb_engine *e;
	struct fb_use use;
	const json_t *on, *fallback, *escalate; /* patterns; names of others */
	int64_t timeout_ms, group_wait_ms, escalate_after_ms; /* escalate_after_ms -1: only what is critical */
	const char *title, *text;               /* templates; NULL */
	int retries;
	bool grouped;           /* what waits is one message */
	struct fb_task *task;
	uv_timer_t timer;       /* until the next attempt, or until what is held is sent */
	bool waiting;           /* for the timer */
	bool held;              /* for the timer: not for another attempt, but for newer events */
	bool closed;            /* a permanent error; the rest of the run goes without it */
	bool spent;             /* what earlier executions left was tried often enough in this run */
	/* under way */
	int64_t row;
	bool leftover;          /* it is an earlier execution's */
	int attempts;           /* of it, in this process */
	int64_t attempts_row;   /* which row they are of */
	json_t *event;
	char *execution;        /* that it is about */
	/* escalation */
	uv_timer_t escalation;
	bool escalated, watching;
};

struct fb_outbox {
	struct fb_channel *channels;
	size_t n;
	struct fb_outbox_waiter *waiters;
	bool leftovers;         /* this process delivers what earlier executions left */
	bool over;              /* the incident is */
	char *last, *last_event, *last_id; /* the newest event as it was told; NULL */
	void (*delivered)(void *owner, const struct fb_channel *c, const char *status, const char *text); /* NULL */
	void *owner;
};

/* What a notification is dropped for when a newer one of its incident says it all: EVENT, and this */
#define FB_SPEAKS_FOR_IT " speaks for it"

/* channel.c */
int fb_channel_init(struct fb_engine *e, const json_t *json, struct fb_channel *c, struct fb_err *err) FB_MUST_USE;
void fb_channel_clear(struct fb_channel *c);
/* Sends what is next, unless it is busy, or waits. */
void fb_channel_next(struct fb_channel *c);
bool fb_channel_wants(const struct fb_channel *c, const char *event);
struct fb_channel *fb_channel_find(struct fb_engine *e, const char *name);
/* Nothing is under way, and nothing of this execution waits. */
bool fb_channel_idle(const struct fb_channel *c);
/* Adds an event to a list of channels (names). 0, or -1 with err. */
int fb_channel_add_to(struct fb_engine *e, const json_t *names, const char *event, const char *id, const char *payload, struct fb_err *err) FB_MUST_USE;
/* What waits for another attempt goes to the fallback, too: nobody will be there to see whether that succeeds. */
void fb_channel_give_up_waiting(struct fb_channel *c);

/* escalate.c */
/* An event was recorded for c: part of that transaction. */
int fb_escalate_told(struct fb_channel *c, const char *event, const char *id, const char *severity, const char *state, const char *payload, struct fb_err *err) FB_MUST_USE;
/* After it: clocks are started. */
void fb_escalate_watch(struct fb_channel *c, const char *severity, const char *state);
/* The engine ends: an incident that is not over is nobody's to watch any more. */
void fb_escalate_end(struct fb_engine *e);
void fb_escalate_init(struct fb_channel *c);

/* outbox.c: somebody may have waited for this */
void fb_outbox_look(struct fb_engine *e);

#endif
