/* SPDX-License-Identifier: Apache-2.0 */
/* Phase 4 of a recovery: what failed is removed, or kept out of users' way for people to look at. */
#include "../phase.h"

static int32_t run(const struct fb_call *call)
{
	bool preserve = call->host->option_int(call, "preserve_failed_environment", 1) != 0;
	struct phase_outcome o;
	char failed[256];
	const char *what = phase_release(failed, sizeof failed, call->failed, "the failed release");
	const char *would = call->flags & FB_CALL_DRY_RUN ? "would be " : "";
	int32_t answer = FB_OK;

	phase_progress(call, -1, preserve ? "setting %s aside" : "removing %s", what);
	if (!phase_operate(call, FB_OP_CLEANUP, NULL, preserve ? FB_CALL_PRESERVE : 0, &o)) {
		answer = phase_answer(&o);
		call->host->fail(call, "%s could not be cleaned up: %s. Users are not affected; it takes up room until it is removed", what, o.failed_text);
	} else if (!o.done) {
		phase_say(call, "nothing to clean up: no service involved left anything behind");
		answer = FB_SKIP;
	} else if (preserve) {
		phase_say(call, "%s of %s %skept for a look, out of users' way", what, o.done_text, would);
	} else {
		phase_say(call, "%s of %s %sremoved", what, o.done_text, would);
	}
	phase_outcome_clear(&o);
	return answer;
}

static const struct fb_option options[] = {
	{.name = "preserve_failed_environment", .type = FB_TYPE_BOOL, .default_value = "true",
	 .summary = "Keep what failed for people to look at, out of users' way"},
	{0},
};

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "cleanup", .version = "0.1.0", .summary = "Removes what failed, or sets it aside", .license = "Apache-2.0", .options = options,
	  .phase = &ops)
