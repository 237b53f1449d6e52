/* SPDX-License-Identifier: Apache-2.0 */
/* The sample strategy: every operation. */
#include "sample.h"

OPERATION(check)
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

/* Three rounds. A round that is not the first must find of the host's own members what the host sets, whatever was left in them. */
static int32_t observe(const struct fb_call *c, void **state, struct fb_wait *wait)
{
	static int rounds;
	const struct fb_sample sample = {.release = "2.1", .source = "a counter", .requests = 100 + rounds, .failed = 2, .in_flight = 3, .latency_us = 4, .aborted = -1, .up = 1, .reset = rounds == 0 GIVE_NEXT};

	SAY("round %d: fd %d events %u until %lld state %d", rounds, wait->fd, wait->events, (long long)wait->until_ms, *state != NULL);
	SAY_NEXT("wait", wait);
	*state = &rounds;
	c->host->sample(c, &sample);
	*wait = (struct fb_wait){.fd = -1, .until_ms = 1 GIVE_NEXT};
	return ++rounds < 3 ? FB_STEP_WAIT : FB_STEP_DONE;
}

static const struct fb_strategy_ops ops = {
	.check = do_check,       .state = do_state,     .capture = do_capture,   .prove = do_prove,   .prepare = do_prepare, .shift = do_shift, .protect = do_protect,
	.restore = do_restore,   .verify = do_verify,   .evidence = do_evidence, .commit = do_commit, .cleanup = do_cleanup, .undo = do_undo,   .observe = observe,
#ifdef FB_NEXT
	.next_operation = do_check,
#endif
};

FB_PLUGIN(STRATEGY, .features = FB_FEATURE_ZERO_DOWNTIME, .name = "sample", .version = "1.2", .summary = "A sample", .license = "Apache-2.0", .strategy = &ops)
