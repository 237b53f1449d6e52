/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: calls what no library has. */
#include <failback/plugin.h>

int32_t fb_there_is_no_such_function(void);

static int32_t run(const struct fb_call *c)
{
	(void)c;
	return fb_there_is_no_such_function();
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "undefined", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
