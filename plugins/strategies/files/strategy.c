/* SPDX-License-Identifier: Apache-2.0 */
/* strategy files: releases are folders. Its options and operations; what each does is in the files beside. */
#include "plugins/strategies/files/files.h"

static const struct fb_option options[] = {
	{.name = "releases", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "Folder of the releases: release R is R in it"},
	{.name = "layout", .type = FB_TYPE_CHOICE, .default_value = "link", .choices = "link|tree", .summary = "What is live: a link that names a release, or a tree that is made equal to one"},
	{.name = "link", .type = FB_TYPE_PATH, .summary = "layout link: the symbolic link that names the live release"},
	{.name = "target", .type = FB_TYPE_PATH, .summary = "layout tree: the folder that is made equal to a release"},
	{.name = "install", .type = FB_TYPE_COMMAND, .summary = "Makes a release in FAILBACK_DIRECTORY; without it the release's folder has to be there"},
	{.name = "validate", .type = FB_TYPE_GROUPS, .summary = "Commands that look at a release before it goes live"},
	{.name = "validate[].name", .type = FB_TYPE_STRING, .summary = "What it looks for"},
	{.name = "validate[].run", .type = FB_TYPE_COMMAND, .flags = FB_OPTION_REQUIRED, .summary = "Ends with 0 when the release in FAILBACK_DIRECTORY is valid"},
	{.name = "affects", .type = FB_TYPE_GROUPS, .summary = "What has to be done after a switch, for which files"},
	{.name = "affects[].name", .type = FB_TYPE_STRING, .summary = "Name of the group"},
	{.name = "affects[].paths", .type = FB_TYPE_LIST, .flags = FB_OPTION_REQUIRED, .summary = "Patterns of paths in the release"},
	{.name = "affects[].run", .type = FB_TYPE_COMMAND, .flags = FB_OPTION_REQUIRED, .summary = "Run after a switch that changes one of them"},
	{.name = "reload", .type = FB_TYPE_COMMAND, .summary = "Run after each switch"},
	{.name = "ignore", .type = FB_TYPE_LIST, .summary = "Patterns of paths that are no part of a release: what the service itself writes there"},
	{.name = "edited", .type = FB_TYPE_CHOICE, .default_value = "aside", .choices = "aside|refuse",
	 .summary = "layout tree: what people have changed and a release would overwrite is kept aside, or the deployment refused"},
	{.name = "changed", .type = FB_TYPE_CHOICE, .default_value = "refuse", .choices = "refuse|accept",
	 .summary = "A last known good that is not what it was recorded as: no deployment, or it counts as it is now"},
	{.name = "keep", .type = FB_TYPE_INT, .default_value = "0", .max = 100000, .summary = "How many releases stay after a deployment; 0: all"},
	{.name = "zero_downtime", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "None of the commands interrupts its users"},
	{.name = "environment", .type = FB_TYPE_MAP, .summary = "Variables for all commands"},
	{.name = "secret_environment", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "Variables whose values are secret"},
	{0},
};

#define OPERATION(name)                                                                                                                                          \
	static int32_t name(const struct fb_call *call)                                                                                                           \
	{                                                                                                                                                          \
		struct fs s;                                                                                                                                       \
		int32_t answer;                                                                                                                                    \
                                                                                                                                                                   \
		fs_open(&s, call);                                                                                                                                 \
		answer = fs_op_##name(&s);                                                                                                                         \
		fs_close(&s);                                                                                                                                      \
		return answer;                                                                                                                                     \
	}

OPERATION(check)
OPERATION(state)
OPERATION(capture)
OPERATION(prove)
OPERATION(prepare)
OPERATION(shift)
OPERATION(restore)
OPERATION(verify)
OPERATION(evidence)
OPERATION(commit)
OPERATION(cleanup)
OPERATION(undo)

static const struct fb_strategy_ops ops = {
	.check = check,
	.state = state,
	.capture = capture,
	.prove = prove,
	.prepare = prepare,
	.shift = shift,
	.restore = restore,
	.verify = verify,
	.evidence = evidence,
	.commit = commit,
	.cleanup = cleanup,
	.undo = undo,
};

FB_PLUGIN(STRATEGY, .features = FB_FEATURE_ZERO_DOWNTIME | FB_FEATURE_BY_OPTIONS, .name = "files", .version = "0.1.0",
	  .summary = "Releases are folders: a link names the live one, or a tree is made equal to it", .license = "Apache-2.0", .options = options, .strategy = &ops)
