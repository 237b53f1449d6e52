/* SPDX-License-Identifier: Apache-2.0 */
/* check debug: a probe that finds what its options say. See plugins/common/debug. */
#include <stdlib.h>
#include <string.h>

#include "plugins/common/debug/debug.h"

static const struct fb_option options[] = {
	{.name = "state", .type = FB_TYPE_CHOICE, .default_value = "healthy", .choices = "healthy|warning|failed|blind", .summary = "What it finds; healthy in calls past the times"},
	{.name = "value", .type = FB_TYPE_FLOAT, .summary = "The number that it measures"},
	DEBUG_OPTIONS,
	{0},
};

static int32_t probe(const struct fb_call *call, struct fb_health *ret)
{
	static const char *const states[] = {"healthy", "warning", "failed", "blind"};
	const struct fb_host *h = call->host;
	const char *s;
	int32_t r;

	ret->state = FB_HEALTH_HEALTHY;
	ret->text = "debug has nothing to say against it";
	if (debug_turn(call, "check", "probe") != DEBUG_MEANT)
		return FB_OK;
	r = debug_do(call, DEBUG_MEANT);
	if (r != FB_OK)
		return r;
	s = h->option(call, "state");
	for (int32_t i = 1; i < 4; i++)
		if (s && !strcmp(s, states[i]))
			ret->state = FB_HEALTH_HEALTHY + i;
	s = h->option(call, "value");
	if (s)
		ret->value_u = (int64_t)(strtod(s, NULL) * 1e6);
	if (ret->state != FB_HEALTH_HEALTHY)
		ret->text = h->option(call, "message");
	return FB_OK;
}

static const struct fb_check_ops ops = {.probe = probe};

FB_PLUGIN(CHECK, .name = "debug", .version = "0.1.0", .summary = "Finds what its options say, for rehearsals", .license = "Apache-2.0", .options = options, .check = &ops)
