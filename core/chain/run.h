/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one runner of chains: order, parallel groups, retries with backoff, deadlines, failure policies, undo. It does not know what a link
 * does, nor whether the chain deploys or recovers.
 */
#ifndef FB_CHAIN_RUN_H
#define FB_CHAIN_RUN_H

#include "chain/link.h"
#include "chain/task.h"

struct fb_run;

struct fb_run_hooks {
	/* Asked before a link starts: true holds it back; fb_run_go_on has it asked again. NULL: never. */
	bool (*hold)(void *owner, struct fb_link *l);
	/* After a failure, links whose on_failure is "continue" are run all the same. */
	bool after_failure;
	/* A call of a link was begun: its worker is no longer at hand for others. NULL: nobody asks. */
	void (*begun)(void *owner);
	/* A link's place changed for good (completed, skipped, failed, undone). Recorded already. NULL: nobody asks. */
	void (*settled)(void *owner, struct fb_link *l);
	/* The chain has ended. failed: the link that ended it; NULL: it went through. The run is freed after it. */
	void (*done)(void *owner, struct fb_run *r, struct fb_link *failed);
};

/* Runs a chain from its first link that is not settled. deadline_ms: of the whole, 0: none. */
struct fb_run *fb_run_start(struct fb_context *x, struct fb_chain *c, int64_t deadline_ms, const struct fb_run_hooks *hooks, void *owner);
/* Undoes, in reverse, every link of c that has done or begun something: by its undo link, else by its phase's undo. done's failed: the first
 * that could not be undone; the others are tried all the same. */
struct fb_run *fb_run_undo(struct fb_context *x, struct fb_chain *c, int64_t deadline_ms, const struct fb_run_hooks *hooks, void *owner);
/* Users may soon wait for this chain: the first worker of each of its phases, and of the services' strategies, is forked ahead. */
void fb_run_near(struct fb_context *x, const struct fb_chain *c);
void fb_run_go_on(struct fb_run *r);
/* Ends it with a failure that was found outside: the link under way is stopped at once and is the failed one, with this message. */
void fb_run_fail(struct fb_run *r, const char *message);
/* The stop that context.stop asks for: links under way are asked (or, with force, killed), no further one starts. */
void fb_run_stop(struct fb_run *r, bool force);
/* The link under way (the first of a group); NULL: none. */
struct fb_link *fb_run_current(struct fb_run *r);

#endif
