/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: closes every descriptor while it is loaded. */
#include <failback/plugin.h>

#include <unistd.h>

static void __attribute__((constructor)) early(void)
{
	for (int fd = 0; fd < 64; fd++)
		close(fd);
}

static int32_t run(const struct fb_call *c)
{
	(void)c;
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "ctor-close", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
