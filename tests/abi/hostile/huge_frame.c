/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: announces a frame of 4 GiB. */
#include <unistd.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	(void)c;
	if (write(3, "\377\377\377\377{}", 6) < 0)
		return FB_FAIL;
	sleep(1000);
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "huge-frame", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
