/* SPDX-License-Identifier: Apache-2.0 */
/* check exec: a program in any language answers "is it healthy?". The protocol is plugins/common/exec's and failback-exec(7)'s. */
#include "plugins/common/exec/exec.h"

static const struct fb_option options[] = {
	{.name = "run", .type = FB_TYPE_COMMAND, .flags = FB_OPTION_REQUIRED, .summary = "The program"},
	{.name = "operations", .type = FB_TYPE_LIST, .default_value = "[ \"probe\" ]", .summary = "What it can do: probe, check"},
	{.name = "on_timeout", .type = FB_TYPE_CHOICE, .default_value = "failed", .choices = "failed|blind", .summary = "What a program that does not end in time means"},
	EXEC_OPTIONS,
	{0},
};

static int32_t check(const struct fb_call *call)
{
	return exec_check(call, FB_KIND_CHECK);
}

static const struct fb_check_ops ops = {.check = check, .probe = exec_probe};

FB_PLUGIN(CHECK, .features = FB_FEATURE_BY_OPTIONS, .name = "exec", .version = "0.1.0", .summary = "A program in any language probes a service", .license = "Apache-2.0",
	  .options = options, .check = &ops)
