/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: crashes in an operation. */
#include <signal.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	(void)c;
	raise(SIGSEGV);
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "op-crash", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
