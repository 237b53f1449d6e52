/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's side of a sandbox: hears of every system call that is refused (seccomp_unotify(2)), answers it, and knows whose it was. */
#ifndef FB_HOST_GUARD_H
#define FB_HOST_GUARD_H

#include "host/pool.h"

/* Takes the listener that h's host has sent. */
void fb_guard_begin(struct fb_plugin_host *h, int listener);
/* Its descriptor, for poll; -1: none. */
int fb_guard_fd(const struct fb_plugin_host *h);
/* Answers what waits. */
void fb_guard_read(struct fb_plugin_host *h);
/* Answers from h's loop, if one is attached. */
void fb_guard_watch(struct fb_plugin_host *h);
void fb_guard_unwatch(struct fb_plugin_host *h);
/* Lets go of it: what is refused from now on fails with ENOSYS. */
void fb_guard_end(struct fb_plugin_host *h);
/* May we read the memory of a sandboxed plugin's process? */
bool fb_guard_looks(void);

#endif
