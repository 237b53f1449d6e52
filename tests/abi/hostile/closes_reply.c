/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: closes its connection and returns. */
#include <unistd.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	(void)c;
	close(3);
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "closes-reply", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
