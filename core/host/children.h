/* SPDX-License-Identifier: Apache-2.0 */
/* This process's own children, the adopted ones too: who they are. For subreapers, on both sides of the control socket. */
#ifndef FB_HOST_CHILDREN_H
#define FB_HOST_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Children of the calling process, zombies too. At most max; returns how many. */
int fb_children(pid_t *ret, int max);
/* "4711 sleep" into buf, printable ASCII only. false when it is gone or a zombie. */
bool fb_child_describe(pid_t pid, char *buf, size_t size);
/* Has it been killed, though it may not have come to end itself? */
bool fb_child_is_ending(pid_t pid);
/* The parent of any process; -1 when it is gone. */
pid_t fb_child_parent(pid_t pid);
/* Threads of the calling process. */
int fb_child_threads(void);

#endif
