/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins that do nothing, for measuring what is around them. Compiled several times: NAME is the plugin's (and so the file's) name; with
 * STRATEGY it is a strategy instead.
 */
#include <failback/plugin.h>

#ifdef STRATEGY
static int32_t good(const struct fb_call *call)
{
	(void)call;
	return FB_OK;
}

static const struct fb_strategy_ops ops = {.state = good, .restore = good};

FB_PLUGIN(STRATEGY, .name = NAME, .version = "0.1.0", .summary = "A service that is whatever it is said to be", .license = "Apache-2.0", .strategy = &ops)
#else
static int32_t run(const struct fb_call *call)
{
	return call->host->option_int(call, "fails", 0) ? FB_FATAL : FB_OK;
}

static const struct fb_option options[] = {
	{.name = "fails", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "Fail at once"},
	{0},
};

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = NAME, .version = "0.1.0", .summary = "Does nothing", .license = "Apache-2.0", .options = options, .phase = &ops)
#endif
