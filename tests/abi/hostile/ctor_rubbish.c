/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: writes rubbish on every descriptor while it is loaded. */
#include <failback/plugin.h>

#include <unistd.h>

static void __attribute__((constructor)) early(void)
{
	for (int fd = 0; fd < 64; fd++)
		if (write(fd, "rubbish on every descriptor", 27) < 0)
			continue;
}

static int32_t run(const struct fb_call *c)
{
	(void)c;
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "ctor-rubbish", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
