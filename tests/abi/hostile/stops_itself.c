/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: stops itself. */
#include <unistd.h>
#include <signal.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	(void)c;
	raise(SIGSTOP);
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "stops-itself", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
