/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sizes of what host and plugin share (failback-plugin(3), "ABI GUARANTEE"). Either side may be older: whatever crosses the border goes through
 * fb_abi_give, fb_abi_put or fb_abi_take, which copy what both have, and zero the rest. Nothing else of the host may know how large a struct is at
 * its author's.
 */
#ifndef FB_HOST_ABI_H
#define FB_HOST_ABI_H

#include <stddef.h>
#include <stdint.h>

#include "failback/plugin.h"

#define FB_STRUCT_LIMIT 65536u

struct fb_abi_struct {
	size_t first;     /* bytes of the first release: what is smaller was never released */
	size_t ours;      /* bytes that this host knows */
	size_t room;      /* bytes that its own code may touch; the same, but in a host that the tests have cut down to an older release */
	const char *what;
	uint32_t kinds;   /* a bit per kind whose author must have it */
};

/* By slot (FB_SIZE_); those that are free have ours 0. */
extern const struct fb_abi_struct fb_abi_structs[FB_SIZES];
/* The descriptor's own, which has no slot: its struct_size leads it. */
extern const struct fb_abi_struct fb_abi_plugin;
/* FB_ABI_MINOR of this host */
extern const uint32_t fb_abi_minor;

/* A struct of theirs, of the size `theirs_size` that its author compiled with, into one of ours: what either does not have is zero. */
void fb_abi_take(const struct fb_abi_struct *s, void *ours, const void *theirs, size_t theirs_size);
/* One of ours into theirs, which has room for the larger of both. */
void fb_abi_put(const struct fb_abi_struct *s, void *theirs, size_t theirs_size, const void *ours);
/* New memory for that, so that neither side can step over its end; to be freed. */
void *fb_abi_give(const struct fb_abi_struct *s, size_t theirs_size, const void *ours);

#endif
