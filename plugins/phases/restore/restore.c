/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phase 2 of a recovery: the last known good is live again. Two halves: every service's way back is made ready where no user sees it; only
 * when all are, users are switched. After the first switch there is no way but forward, and the core sees to that.
 */
#include "../phase.h"

static int32_t switch_back(const struct fb_call *call, const char *what)
{
	struct phase_outcome o;
	int32_t answer = FB_OK;

	phase_progress(call, 5000, "switching to %s", what);
	if (!phase_operate(call, FB_OP_RESTORE, NULL, 0, &o)) {
		answer = phase_answer(&o);
		if (o.done)
			call->host->fail(call, "restored: %s%s%s; not restored: %s", o.done_text, *o.done_text && o.items ? ", " : "", o.items_text, o.failed_text);
		else
			call->host->fail(call, "%s could not be restored: %s", what, o.failed_text);
	} else if (!o.done) {
		phase_say(call, "nothing to restore: no service involved was changed");
		answer = FB_SKIP;
	} else if (call->flags & FB_CALL_DRY_RUN) {
		phase_say(call, "%s would be restored: %s%s%s", what, o.done_text, *o.done_text && o.items ? ", " : "", o.items_text);
	} else if (!*o.done_text) {
		phase_say(call, "no service was changed; given back from the backup: %s", o.items_text);
	} else {
		phase_say(call, "previous version restored: %s live on %s%s%s", what, o.done_text, o.items ? "; given back from the backup: " : "", o.items_text);
	}
	phase_outcome_clear(&o);
	return answer;
}

static int32_t run(const struct fb_call *call)
{
	struct phase_outcome o;
	char release[256];
	const char *what = phase_release(release, sizeof release, call->last_good, "the last known good release");
	int32_t answer;

	phase_progress(call, 0, "making %s ready", what);
	if (!phase_operate(call, FB_OP_PREPARE, NULL, 0, &o)) {
		answer = phase_answer(&o);
		call->host->fail(call, "the way back to %s could not be made ready, so nothing has been switched: %s", what, o.failed_text);
		phase_outcome_clear(&o);
		return answer;
	}
	phase_outcome_clear(&o);
	return switch_back(call, what);
}

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "restore", .version = "0.1.0", .summary = "Makes the last known good release live again", .license = "Apache-2.0", .phase = &ops)
