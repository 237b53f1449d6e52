/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few threads that do jobs, and a ring that gives the results back to the calling thread in the order of submission: at most as many jobs as the ring
 * has slots are under way, whatever there is to do. It knows nothing of what the jobs are.
 */
#ifndef FB_STORE_POOL_H
#define FB_STORE_POOL_H

#include <stdbool.h>

#include "store/object.h"

struct fb_pool;
struct fb_pool_form {
	size_t slots;                                       /* of the ring */
	size_t job_size;                                    /* each slot has room for one job, zeroed once; it keeps what the last use left in it */
	void (*work)(void *job, struct fb_object_io *io);   /* in a thread */
	int (*take)(void *ctx, void *job, struct fb_err *); /* in the caller's, in order; called for all jobs, also after an error, with err NULL then: only to let go */
	void *ctx;
	struct fb_store *store;
	bool distrust; /* of object_io */
	unsigned threads; /* 0: as many as there are processors; 8 at most: for those that wait for others */
};
/* As many threads as there are processors, 6 at most, where the form does not say it: some 6 MiB each. */
struct fb_pool *fb_pool_new(const struct fb_pool_form *form);
/* A free slot; before that, takes results while the ring is full. NULL when take has failed, with its err. */
void *fb_pool_slot(struct fb_pool *p, struct fb_err *err);
/* Gives the slot that was last asked for to a thread, or lets it through as it is, in its turn. */
void fb_pool_submit(struct fb_pool *p);
void fb_pool_pass(struct fb_pool *p);
/* Takes all results. 0, or -1 with the first error that take gave. */
int fb_pool_drain(struct fb_pool *p, struct fb_err *err) FB_MUST_USE;
/* Ends the threads; takes what is left as after an error. each (may be NULL) is called for every slot's room. Takes NULL. */
void fb_pool_free(struct fb_pool *p, void (*each)(void *job));

#endif
