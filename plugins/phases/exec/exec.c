/* SPDX-License-Identifier: Apache-2.0 */
/* phase exec: a program in any language does a link of a chain. The protocol is plugins/common/exec's and failback-exec(7)'s. */
#include "plugins/common/exec/exec.h"

static const struct fb_option options[] = {
	{.name = "run", .type = FB_TYPE_COMMAND, .flags = FB_OPTION_REQUIRED, .summary = "The program"},
	{.name = "operations", .type = FB_TYPE_LIST, .default_value = "[ \"run\" ]", .summary = "What it can do: run, undo, check"},
	EXEC_OPTIONS,
	{0},
};

static int32_t check(const struct fb_call *call)
{
	return exec_check(call, FB_KIND_PHASE);
}

static int32_t carry_out(const struct fb_call *call)
{
	return exec_operation(call, FB_KIND_PHASE);
}

static const struct fb_phase_ops ops = {.check = check, .run = carry_out, .undo = carry_out};

FB_PLUGIN(PHASE, .features = FB_FEATURE_BY_OPTIONS, .name = "exec", .version = "0.1.0", .summary = "A program in any language does the link", .license = "Apache-2.0",
	  .options = options, .phase = &ops)
