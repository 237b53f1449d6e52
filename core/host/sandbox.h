/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin may do, enforced in its own host before it is loaded, so that its constructors run inside. The policy comes from the engine, whole
 * (config/config.h); nothing is decided here. The kernel does the rest: Landlock for files, seccomp for sockets, processes and what belongs to the
 * machine, limits, a user. System calls that are refused go to the engine (guard.h), which names them.
 */
#ifndef FB_HOST_SANDBOX_H
#define FB_HOST_SANDBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct fb_sandbox {
	bool on;          /* a policy is in force */
	bool apart;       /* each worker gets a domain of its own: it can neither signal nor trace its host and the others */
	int64_t processes; /* 0: it may start none; -1: any number */
	bool counted;     /* that number is a limit: the user is this plugin's alone */
	int64_t cpu_ms;   /* 0: no limit */
	int listener;     /* of refused system calls: to be sent to the engine and closed before the plugin is loaded; -1 */
	json_t *cannot;   /* what this kernel, or this user, cannot enforce or allow: sentences */
};

/* Enters it, for good. order is the frame "load" (frame.h), file the plugin's. 0, or -1 with err when something that was asked for failed. */
int fb_sandbox_enter(const json_t *order, const char *file, struct fb_sandbox *ret, struct fb_err *err) FB_MUST_USE;
/* In a worker, before its call: what holds for one call. */
void fb_sandbox_worker(const struct fb_sandbox *s);
/* What fb_sandbox_worker's part refused in this process so far: one a line, "" for nothing. */
const char *fb_sandbox_refused(void);

/* landlock.c */
/* The version of the kernel's interface, 0: none. */
int fb_landlock_version(void);
/* A ruleset from the policy; *ret is a descriptor, -1 when the kernel has none. Sentences go to cannot. */
int fb_landlock_prepare(const json_t *policy, const char *file, const char *scratch, json_t *cannot, int *ret, struct fb_err *err) FB_MUST_USE;
/* Enters it and closes it. */
int fb_landlock_enter(int ruleset, struct fb_err *err) FB_MUST_USE;
/* One domain more, that takes away nothing but what lies outside of it: signals, tracing. 0 or -1. */
int fb_landlock_apart(void) FB_MUST_USE;

/* seccomp.c */
/* looks: the engine can read a caller's memory, so that it can be asked about connect. *ret_listener: -1 when refused calls cannot be told. */
int fb_seccomp_enter(const json_t *policy, bool looks, json_t *cannot, int *ret_listener, struct fb_err *err) FB_MUST_USE;
/* In a worker that starts no process: fork and signals to others are refused, and noted for fb_sandbox_refused. */
void fb_seccomp_worker(void);

#endif
