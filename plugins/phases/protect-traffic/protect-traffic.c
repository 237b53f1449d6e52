/* SPDX-License-Identifier: Apache-2.0 */
/* Phase 1 of a recovery: users away from the failed release, on all services involved. How, only their strategies know. */
#include "../phase.h"

static int32_t run(const struct fb_call *call)
{
	struct phase_outcome o;
	char failed[256];
	const char *what = phase_release(failed, sizeof failed, call->failed, "the failed release");
	int32_t answer = FB_OK;

	phase_progress(call, -1, "routing users away from %s", what);
	if (!phase_operate(call, FB_OP_PROTECT, NULL, 0, &o)) {
		answer = phase_answer(&o);
		call->host->fail(call, "users could not be routed away from %s: %s. What did succeed stays in place; restore goes on from here", what, o.failed_text);
	} else if (!o.done) {
		phase_say(call, "nothing to protect: no strategy involved can route users away from %s; restore does it", what);
		answer = FB_SKIP;
	} else if (call->flags & FB_CALL_DRY_RUN) {
		phase_say(call, "users of %s would be routed away from %s", o.done_text, what);
	} else {
		phase_say(call, "no user of %s is sent to %s any more", o.done_text, what);
	}
	phase_outcome_clear(&o);
	return answer;
}

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "protect-traffic", .version = "0.1.0", .summary = "Routes users away from the failed release", .license = "Apache-2.0",
	  .phase = &ops)
