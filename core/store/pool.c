/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PROCESSORS_MOST 6
#define THREADS_MOST 8

struct fb_pool {
	struct fb_pool_form form;
	pthread_mutex_t mutex;
	pthread_cond_t work, done;
	char *jobs;
	bool *is_done; /* by slot */
	/* counts since the beginning; a slot is count % slots. taken <= begun <= given */
	size_t taken, begun, given;
	bool waiting; /* for the oldest job */
	bool ending, failed;
	struct fb_err err;
	unsigned idle, threads;
	pthread_t thread[THREADS_MOST];
};

static void *job_at(struct fb_pool *p, size_t count)
{
	return p->jobs + count % p->form.slots * p->form.job_size;
}

static void *run(void *arg)
{
	struct fb_pool *p = arg;
	struct fb_object_io *io = fb_object_io_new(p->form.store);
	size_t mine;

	if (p->form.distrust)
		fb_object_io_distrust(io);
	pthread_mutex_lock(&p->mutex);
	for (;;) {
		while (p->begun < p->given && p->is_done[p->begun % p->form.slots])
			p->begun++; /* passed */
		if (p->begun == p->given) {
			if (p->ending)
				break;
			p->idle++;
			pthread_cond_wait(&p->work, &p->mutex);
			p->idle--;
			continue;
		}
		mine = p->begun++;
		pthread_mutex_unlock(&p->mutex);
		p->form.work(job_at(p, mine), io);
		pthread_mutex_lock(&p->mutex);
		p->is_done[mine % p->form.slots] = true;
		if (p->waiting && mine == p->taken)
			pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->mutex);
	fb_object_io_free(io);
	return NULL;
}

static unsigned processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : n > PROCESSORS_MOST ? PROCESSORS_MOST : (unsigned)n;
}

struct fb_pool *fb_pool_new(const struct fb_pool_form *form)
{
	struct fb_pool *p = fb_alloc(sizeof *p);
	sigset_t all, old;

	p->form = *form;
	p->jobs = fb_alloc(form->slots * form->job_size);
	p->is_done = fb_alloc(form->slots * sizeof *p->is_done);
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old); /* signals are the calling thread's */
	for (unsigned want = !form->threads ? processors() : form->threads < THREADS_MOST ? form->threads : THREADS_MOST; p->threads < want; p->threads++)
		if (pthread_create(&p->thread[p->threads], NULL, run, p) != 0)
			break;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!p->threads) {
		fputs("failback-store: cannot start a thread\n", stderr);
		exit(FB_STORE_BUG);
	}
	return p;
}

/* Takes the oldest result. */
static void take_one(struct fb_pool *p)
{
	size_t slot = p->taken % p->form.slots;

	pthread_mutex_lock(&p->mutex);
	p->waiting = true;
	while (!p->is_done[slot])
		pthread_cond_wait(&p->done, &p->mutex);
	p->waiting = false;
	pthread_mutex_unlock(&p->mutex);
	if (p->form.take(p->form.ctx, job_at(p, p->taken), p->failed ? NULL : &p->err) < 0)
		p->failed = true;
	pthread_mutex_lock(&p->mutex);
	p->is_done[slot] = false;
	p->taken++;
	if (p->begun < p->taken)
		p->begun = p->taken; /* it was passed, and no thread has come by */
	pthread_mutex_unlock(&p->mutex);
}

static int answer(struct fb_pool *p, struct fb_err *err)
{
	if (p->failed && err)
		*err = p->err;
	return p->failed ? -1 : 0;
}

void *fb_pool_slot(struct fb_pool *p, struct fb_err *err)
{
	if (p->given - p->taken == p->form.slots)
		take_one(p);
	return answer(p, err) < 0 ? NULL : job_at(p, p->given);
}

static void give(struct fb_pool *p, bool done)
{
	pthread_mutex_lock(&p->mutex);
	p->is_done[p->given % p->form.slots] = done;
	p->given++;
	if (!done && p->idle)
		pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->mutex);
}

void fb_pool_submit(struct fb_pool *p)
{
	give(p, false);
}

void fb_pool_pass(struct fb_pool *p)
{
	give(p, true);
}

int fb_pool_drain(struct fb_pool *p, struct fb_err *err)
{
	while (p->taken < p->given)
		take_one(p);
	return answer(p, err);
}

void fb_pool_free(struct fb_pool *p, void (*each)(void *job))
{
	if (!p)
		return;
	p->failed = true;
	while (p->taken < p->given)
		take_one(p);
	pthread_mutex_lock(&p->mutex);
	p->ending = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->mutex);
	for (unsigned i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	for (size_t i = 0; each && i < p->form.slots; i++)
		each(job_at(p, i));
	pthread_mutex_destroy(&p->mutex);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->done);
	fb_free(p->jobs);
	fb_free(p->is_done);
	fb_free(p);
}
