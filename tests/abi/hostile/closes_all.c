/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: closes every descriptor. */
#include <unistd.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	(void)c;
	for (int fd = 0; fd < 1024; fd++)
		close(fd);
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "closes-all", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
