/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: exits with 0 in a constructor. */
#include <failback/plugin.h>

#include <unistd.h>

static void __attribute__((constructor)) early(void)
{
	_exit(0);
}

static int32_t run(const struct fb_call *c)
{
	(void)c;
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "ctor-exit", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
