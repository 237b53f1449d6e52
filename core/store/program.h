/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of the caller's whose output is put, or that is given content. It runs without a shell, in a session of its own, and ends with us: its parent's death kills it,
 * and a signal that ends us ends it first. It knows nothing of the store.
 */
#ifndef FB_STORE_PROGRAM_H
#define FB_STORE_PROGRAM_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"

struct fb_program_form {
	char *const *argv;   /* ends in NULL; the first is looked for in PATH */
	mode_t umask;        /* and what else this program has changed for itself */
	struct rlimit files;
};

struct fb_program {
	const char *name;
	pid_t pid;
	int pidfd, signalfd;
	int over;         /* eventfd: the watcher is not needed any more */
	int fd;           /* what it writes is read here, or what is written here it reads; -1: closed */
	sigset_t old;     /* the caller's mask */
	sigset_t signals; /* that end us */
	pthread_t watcher;
};
/* give: it reads what is written to p->fd, and what it prints goes to standard error; else its input is /dev/null, and p->fd reads what it prints. Its standard error is ours.
 * To be called before any other thread is started, and from the thread that lives longest. The program is one that was really started. */
int fb_program_start(struct fb_program *p, const struct fb_program_form *form, bool give, struct fb_err *err) FB_MUST_USE;
/* Closes p->fd and waits. -1 with err, whose text says how it ended, unless it exits with 0. */
int fb_program_finish(struct fb_program *p, struct fb_err *err) FB_MUST_USE;
/* Something has failed: ends it (SIGTERM, and SIGKILL after two seconds), and only then closes p->fd, so that it never takes what it has got for the whole. */
void fb_program_stop(struct fb_program *p);

#endif
