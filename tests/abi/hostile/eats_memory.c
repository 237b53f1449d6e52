/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: eats memory. */
#include <stdlib.h>
#include <failback/plugin.h>

static char *volatile kept[64];

static int32_t run(const struct fb_call *c)
{
	for (size_t n = 0; n < 64; n++) {
		char *p = malloc(64 << 20);

		if (!p) {
			c->host->fail(c, "no memory after %u MiB", (unsigned)(n * 64));
			return FB_FAIL;
		}
		kept[n] = p;
	}
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "eats-memory", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
