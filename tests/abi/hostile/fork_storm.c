/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: forks as fast as it can. */
#include <unistd.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	(void)c;
	if (fork() == 0)
		for (int i = 0; i < 100000; i++)
			if (fork() > 0)
				_exit(0);
	usleep(50000);
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "fork-storm", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
