/* SPDX-License-Identifier: Apache-2.0 */
/* strategy exec: a program in any language knows how a service is deployed and brought back. The protocol is plugins/common/exec's and failback-exec(7)'s. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "plugins/common/exec/exec.h"

static const struct fb_option options[] = {
	{.name = "run", .type = FB_TYPE_COMMAND, .flags = FB_OPTION_REQUIRED, .summary = "The program"},
	{.name = "operations", .type = FB_TYPE_LIST, .flags = FB_OPTION_REQUIRED,
	 .summary = "What it can do: check, state, capture, prove, prepare, shift, protect, restore, verify, evidence, observe, commit, cleanup, undo"},
	{.name = "zero_downtime", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "Its users are served all through deployment and recovery"},
	EXEC_OPTIONS,
	{0},
};

static bool names(const struct fb_call *call, const char *operation)
{
	char item[32];

	for (uint32_t i = 0; i < call->host->option_count(call, "operations"); i++) {
		const char *s;

		snprintf(item, sizeof(item), "operations[%u]", (unsigned)i);
		s = call->host->option(call, item);
		if (s && !strcmp(s, operation))
			return true;
	}
	return false;
}

static int32_t check(const struct fb_call *call)
{
	static const char *const needed[] = {"state", "restore"};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!names(call, needed[i])) {
			call->host->fail(call, "'operations' does not name %s, which every strategy must offer: let the program do it, and add it", needed[i]);
			return FB_FATAL;
		}
	return exec_check(call, FB_KIND_STRATEGY);
}

static int32_t carry_out(const struct fb_call *call)
{
	return exec_operation(call, FB_KIND_STRATEGY);
}

static const struct fb_strategy_ops ops = {
	.check = check,
	.state = carry_out,
	.capture = carry_out,
	.prove = carry_out,
	.prepare = carry_out,
	.shift = carry_out,
	.protect = carry_out,
	.restore = carry_out,
	.verify = carry_out,
	.evidence = carry_out,
	.commit = carry_out,
	.cleanup = carry_out,
	.undo = carry_out,
	.observe = exec_observe,
};

FB_PLUGIN(STRATEGY, .features = FB_FEATURE_ZERO_DOWNTIME | FB_FEATURE_BY_OPTIONS, .name = "exec", .version = "0.1.0",
	  .summary = "A program in any language deploys a service and brings it back", .license = "Apache-2.0", .options = options, .strategy = &ops)
