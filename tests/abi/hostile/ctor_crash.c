/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: crashes in a constructor. */
#include <failback/plugin.h>

#include <signal.h>

static void __attribute__((constructor)) early(void)
{
	raise(SIGSEGV);
}

static int32_t run(const struct fb_call *c)
{
	(void)c;
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "ctor-crash", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
