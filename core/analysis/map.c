/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/map.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int fb_map_open(const char *path, size_t most, struct fb_map *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	void *p = MAP_FAILED;

	*ret = (struct fb_map){NULL, 0};
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && (uint64_t)st.st_size <= most)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return -1;
	*ret = (struct fb_map){p, (size_t)st.st_size};
	return 0;
}

void fb_map_close(struct fb_map *m)
{
	if (m->p)
		munmap((void *)(uintptr_t)m->p, m->n);
	*m = (struct fb_map){NULL, 0};
}

uint64_t fb_map_sum(const char *p, size_t n)
{
	uint64_t h[4] = {n, 1, 2, 3}, word;
	size_t i = 0;

	for (; i + 32 <= n; i += 32)
		for (size_t k = 0; k < 4; k++) {
			memcpy(&word, p + i + 8 * k, 8);
			h[k] = (h[k] ^ word) * 0x9e3779b97f4a7c15u;
			h[k] ^= h[k] >> 29;
		}
	for (; i < n; i++)
		h[0] = (h[0] ^ (unsigned char)p[i]) * 0x9e3779b97f4a7c15u;
	for (size_t k = 1; k < 4; k++)
		h[0] = ((h[0] ^ h[k]) * 0x9e3779b97f4a7c15u) ^ h[k] >> 31;
	return h[0];
}
