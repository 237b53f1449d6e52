/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: writes rubbish on every descriptor. */
#include <unistd.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	(void)c;
	for (int fd = 0; fd < 1024; fd++)
		if (write(fd, "rubbish on every descriptor", 27) < 0)
			continue;
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "rubbish", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
