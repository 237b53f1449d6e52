/* SPDX-License-Identifier: Apache-2.0 */
/* Writes over its host's memory: heap, stack and data. */
#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	static char zero[65536];
	char path[64], line[512];
	FILE *maps;
	int mem;

	snprintf(path, sizeof path, "/proc/%d/mem", (int)getppid());
	mem = open(path, O_RDWR);
	if (mem < 0)
		return refused(c, "the memory of the host");
	snprintf(path, sizeof path, "/proc/%d/maps", (int)getppid());
	maps = fopen(path, "r");
	while (maps && fgets(line, sizeof line, maps)) {
		unsigned long from, to;
		char how[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, how) != 3 || how[1] != 'w' || (!strstr(line, "[stack]") && !strstr(line, "[heap]")))
			continue;
		for (; from < to; from += sizeof zero)
			if (pwrite(mem, zero, to - from < sizeof zero ? to - from : sizeof zero, (off_t)from) < 0)
				break;
	}
	return FB_OK;
}

ADVERSARY("writes-host")
