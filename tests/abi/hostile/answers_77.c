/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: answers what is no answer. */
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	(void)c;
	return 77;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "answers-77", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
