/* SPDX-License-Identifier: Apache-2.0 */
/* strategy git: its options, and which of its two uses a call is for: a service that is deployed by a checkout, or an item of a backup. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/run.h"
#include "plugins/strategies/git/git.h"

static const struct fb_option options[] = {
	{.name = "path", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "The work tree"},
	{.name = "tag", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Tag the commit that is live backup-YYYYMMDD-HHMMSS (UTC)"},
	{.name = "push", .type = FB_TYPE_STRING, .summary = "The remote that the tag is pushed to; when that fails, it is only told"},
	{.name = "version_file", .type = FB_TYPE_STRING, .summary = "A file in the work tree, such as DEPLOYED_VERSION.txt, that gets the commit at each capture, checkout and restore"},
	{.name = "head", .type = FB_TYPE_CHOICE, .default_value = "detach", .choices = "detach|branch", .summary = "Where a restore leaves HEAD: on the commit, or on the branch that it was on, which is moved back"},
	{.name = "local_changes", .type = FB_TYPE_CHOICE, .default_value = "refuse", .choices = "refuse|save", .summary = "When there are changes that would be lost: refuse, or save them as a commit first"},
	/* of a service */
	{.name = "ref", .type = FB_TYPE_STRING, .default_value = "%s", .summary = "Service: what a release is to git, with %s for its name: \"v%s\""},
	{.name = "fetch", .type = FB_TYPE_STRING, .summary = "Service: the remote that is fetched from before a release is looked for"},
	{.name = "install", .type = FB_TYPE_COMMAND, .summary = "Service: installs what the commit depends on, in the folder that it runs in"},
	{.name = "install_in", .type = FB_TYPE_CHOICE, .default_value = "both", .choices = "both|place", .summary = "Service: where install runs: in the staging folder and in the work tree, or only there"},
	{.name = "test", .type = FB_TYPE_COMMAND, .summary = "Service: tests the commit in the folder that it runs in; ends with 0 when it is good"},
	{.name = "test_in", .type = FB_TYPE_CHOICE, .default_value = "both", .choices = "both|staging|place", .summary = "Service: where test runs: in the staging folder, in the work tree before start, or in both"},
	{.name = "staging", .type = FB_TYPE_PATH, .summary = "Service: the folder that releases are staged in; in the repository's own folder when not set"},
	{.name = "stop", .type = FB_TYPE_COMMAND, .summary = "Service: stops it"},
	{.name = "start", .type = FB_TYPE_COMMAND, .summary = "Service: starts it"},
	{.name = "running", .type = FB_TYPE_COMMAND, .summary = "Service: ends with 0 when it runs, with another code when it does not"},
	{.name = "healthy", .type = FB_TYPE_COMMAND, .summary = "Service: ends with 0 when it is healthy"},
	{.name = "settle", .type = FB_TYPE_DURATION, .default_value = "0s", .unit = "s", .max = 3600000, .summary = "Service: how long it may take to come up after start"},
	{.name = "protect", .type = FB_TYPE_CHOICE, .default_value = "leave", .choices = "leave|stop", .summary = "Service: stop: a failed release is stopped at once, so that nobody uses it"},
	{.name = "logs", .type = FB_TYPE_LIST, .summary = "Service: log files that explain a failure"},
	{.name = "environment", .type = FB_TYPE_MAP, .summary = "Service: variables for all commands"},
	{.name = "secret_environment", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "Service: variables whose values are secret"},
	/* of an item */
	{.name = "bundle", .type = FB_TYPE_CHOICE, .default_value = "auto", .choices = "auto|always", .summary = "Item: keep the commit with its history: auto, when no branch of a remote has it; or always"},
	{.name = "after_restore", .type = FB_TYPE_COMMAND, .summary = "Item: run after a restore: reinstalls what the commit needs"},
	ITEM_OPTIONS("restore"),
	{0},
};

/* Options of one use, and the value that says nothing. */
struct own {
	const char *name, *idle;
};

static const struct own of_service[] = {{"ref", "%s"},     {"fetch", NULL},	  {"install", NULL}, {"install_in", "both"}, {"test", NULL},	    {"test_in", "both"},	   {"staging", NULL}, {"stop", NULL}, {"start", NULL},
					{"running", NULL}, {"healthy", NULL}, {"protect", "leave"}, {"logs", NULL},	     {"environment", NULL}, {"secret_environment", NULL}, {NULL, NULL}};
static const struct own of_item[] = {{"bundle", "auto"}, {"after_restore", NULL}, {"secret", "false"}, {"verify", "read"}, {"on_rollback", "restore"}, {NULL, NULL}};

static bool is_item(const struct fb_call *call)
{
	return strchr(call->service, '.') != NULL;
}

static const struct fb_strategy_ops *use_of(const struct fb_call *call)
{
	return is_item(call) ? &git_item : &git_service;
}

/* The first option that is set and means nothing here; NULL: none. */
static const char *foreign(const struct fb_call *call, const struct own *first)
{
	for (const struct own *list = first; list->name; list++)
		if (run_is_set(call, list->name) && !(list->idle && git_is(call, list->name, list->idle)))
			return list->name;
	return first == of_service && call->host->option_int(call, "settle", 0) ? "settle" : NULL;
}

static int32_t check(const struct fb_call *call)
{
	const char *name = foreign(call, is_item(call) ? of_service : of_item);

	if (!name)
		return use_of(call)->check(call);
	call->host->fail(call,
			 is_item(call) ? "'%s' is an option of a service that is deployed with strategy git, and %s is an item of a backup: take it away, or set it in the service's strategy"
				       : "'%s' is an option of an item of a backup, and %s is a service that is deployed with strategy git: take it away, or set it in an item of its backup",
			 name, call->service);
	return FB_FATAL;
}

/* An item offers no more than items are for. */
#define OPERATION(name)                                                                                                                                          \
	static int32_t name(const struct fb_call *call)                                                                                                          \
	{                                                                                                                                                        \
		return use_of(call)->name ? use_of(call)->name(call) : FB_SKIP;                                                                                  \
	}

OPERATION(state)
OPERATION(capture)
OPERATION(prove)
OPERATION(prepare)
OPERATION(shift)
OPERATION(protect)
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
	.protect = protect,
	.restore = restore,
	.verify = verify,
	.evidence = evidence,
	.commit = commit,
	.cleanup = cleanup,
	.undo = undo,
};

FB_PLUGIN(STRATEGY, .name = "git", .version = "0.2.0", .summary = "Deploys a service by a checkout of git, or backs up the state of a work tree; goes back to it", .license = "Apache-2.0",
	  .options = options, .strategy = &ops)
