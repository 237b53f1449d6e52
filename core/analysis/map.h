/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a cache, mapped for reading. Knows nothing of what is in them. */
#ifndef FB_ANALYSIS_MAP_H
#define FB_ANALYSIS_MAP_H

#include <stddef.h>
#include <stdint.h>

struct fb_map {
	const char *p;
	size_t n;
};

/* A regular file that is not empty and not larger than most. 0, or -1. */
int fb_map_open(const char *path, size_t most, struct fb_map *ret);
void fb_map_close(struct fb_map *m);
/* Tells what is damaged, fast; not what is forged. */
uint64_t fb_map_sum(const char *p, size_t n);

#endif
