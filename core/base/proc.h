/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, named so that a reused pid is never taken for another: pid and start time. */
#ifndef FB_BASE_PROC_H
#define FB_BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct fb_proc {
	pid_t pid;
	uint64_t start; /* field 22 of /proc/PID/stat, clock ticks since boot (proc(5)) */
};

/* Who pid is now. 0, or -1 when there is no such process. */
int fb_proc_look(pid_t pid, struct fb_proc *ret) FB_MUST_USE;
/* Is it still there, and not merely a zombie? */
bool fb_proc_alive(const struct fb_proc *p);
/* All descendants of pid, found by their parents; at most max. Returns how many. */
int fb_proc_descendants(pid_t pid, struct fb_proc *ret, int max);
/* All live members of a process group or, with session, of a session. At most max. Returns how many. */
int fb_proc_group(pid_t id, bool session, struct fb_proc *ret, int max);
/* Sends a signal to p if it is still the same process (pidfd). 0, or -1 when it is gone. */
int fb_proc_signal(const struct fb_proc *p, int sig);
/* Kills pid's descendants with SIGKILL, stopping first those that fork, until none is left or the time is over.
 * The caller must be their subreaper, or their ancestor must stay alive. 0, or -1 when some were left. */
int fb_proc_kill_descendants(pid_t pid, int64_t wait_ms);

#endif
