/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: exits with 0 in mid-call. */
#include <unistd.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	(void)c;
	_exit(0);
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "op-exit", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
