/* SPDX-License-Identifier: Apache-2.0 */
/* phase debug: a link that does what its options say. See plugins/common/debug. */
#include "plugins/common/debug/debug.h"

static const struct fb_option options[] = {
	{.name = "on", .type = FB_TYPE_LIST, .default_value = "[ \"run\" ]", .summary = "In which operations: run, undo; in others it answers ok"},
	{.name = "operations", .type = FB_TYPE_LIST, .default_value = "[ \"run\" ]", .summary = "What it offers: run, undo"},
	DEBUG_OPTIONS,
	DEBUG_ACT_OPTIONS,
	{0},
};

static int32_t run(const struct fb_call *call)
{
	return debug_do(call, debug_turn(call, "phase", "run"));
}

static int32_t undo(const struct fb_call *call)
{
	return debug_do(call, debug_turn(call, "phase", "undo"));
}

static const struct fb_phase_ops ops = {.check = debug_check, .run = run, .undo = undo};

FB_PLUGIN(PHASE, .features = FB_FEATURE_BY_OPTIONS, .name = "debug", .version = "0.1.0", .summary = "Does what its options say, for rehearsals", .license = "Apache-2.0",
	  .options = options, .phase = &ops)
