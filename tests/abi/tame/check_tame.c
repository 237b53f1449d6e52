/* SPDX-License-Identifier: Apache-2.0 */
/* A check in the simple form; its option says what it finds. */
#include <failback/plugin.h>

#include <string.h>

static int32_t probe(const struct fb_call *c, struct fb_health *ret)
{
	ret->state = (int32_t)c->host->option_int(c, "state", FB_HEALTH_HEALTHY);
	ret->latency_us = 1500;
	ret->value_u = 2500000;
	ret->text = "as told";
	if (ret->state == 100) {
		c->host->fail(c, "no probe was made");
		return FB_FAIL;
	}
	return FB_OK;
}

static const struct fb_check_ops ops = {.probe = probe};
static const struct fb_option options[] = {{.name = "state", .type = FB_TYPE_INT, .summary = "What it finds"}, {0}};

FB_PLUGIN(CHECK, .name = "tame", .version = "1", .summary = "Finds what it is told", .license = "Apache-2.0", .options = options, .check = &ops)
