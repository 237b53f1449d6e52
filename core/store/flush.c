/* SPDX-License-Identifier: Apache-2.0 */
#include "store/flush.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/mem.h"

#define PART ((uint64_t)32 << 20) /* bytes after which a flush pays */

struct fb_flush {
	int fd;
	uint64_t written; /* since the last flush was asked for; the caller's alone */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t asked;
	bool wanted, ending;
	int error; /* errno of the first that failed */
};

static void *run(void *arg)
{
	struct fb_flush *f = arg;
	int error;

	pthread_mutex_lock(&f->mutex);
	while (!f->ending) {
		if (!f->wanted) {
			pthread_cond_wait(&f->asked, &f->mutex);
			continue;
		}
		f->wanted = false;
		pthread_mutex_unlock(&f->mutex);
		error = syncfs(f->fd) < 0 ? errno : 0;
		pthread_mutex_lock(&f->mutex);
		f->error = f->error ? f->error : error;
	}
	pthread_mutex_unlock(&f->mutex);
	return NULL;
}

struct fb_flush *fb_flush_new(int fd)
{
	struct fb_flush *f = fb_alloc(sizeof *f);
	sigset_t all, old;
	int r;

	f->fd = fd;
	pthread_mutex_init(&f->mutex, NULL);
	pthread_cond_init(&f->asked, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old); /* signals are the calling thread's */
	r = pthread_create(&f->thread, NULL, run, f);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		return f;
	pthread_mutex_destroy(&f->mutex);
	pthread_cond_destroy(&f->asked);
	fb_free(f);
	return NULL;
}

void fb_flush_written(struct fb_flush *f, uint64_t bytes)
{
	if (!f || (f->written += bytes) < PART)
		return;
	f->written = 0;
	pthread_mutex_lock(&f->mutex);
	f->wanted = true;
	pthread_cond_signal(&f->asked);
	pthread_mutex_unlock(&f->mutex);
}

int fb_flush_end(struct fb_flush *f)
{
	int error;

	if (!f)
		return 0;
	pthread_mutex_lock(&f->mutex);
	f->ending = true;
	pthread_cond_signal(&f->asked);
	pthread_mutex_unlock(&f->mutex);
	pthread_join(f->thread, NULL);
	pthread_mutex_destroy(&f->mutex);
	pthread_cond_destroy(&f->asked);
	error = f->error;
	fb_free(f);
	errno = error;
	return error ? -1 : 0;
}
