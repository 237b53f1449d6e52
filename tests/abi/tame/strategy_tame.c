/* SPDX-License-Identifier: Apache-2.0 */
/* A strategy whose every operation says its name. */
#include <failback/plugin.h>

#include <stdlib.h>
#include <time.h>

#define OPERATION(name)                                                                  \
	static int32_t do_##name(const struct fb_call *c)                                \
	{                                                                                \
		c->host->log(c, FB_LOG_INFO, #name " %u %u", c->operation, c->share);    \
		return FB_OK;                                                            \
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
OPERATION(check)

static int32_t do_observe(const struct fb_call *c, void **state, struct fb_wait *wait)
{
	struct fb_sample s = {.release = "2.1", .source = "counter", .requests = 100, .failed = -1, .in_flight = 3, .latency_us = 7, .aborted = 0, .up = 1};
	struct timespec t;
	int *round = *state ? *state : (*state = calloc(1, sizeof *round));

	s.requests += ++*round;
	c->host->sample(c, &s);
	clock_gettime(CLOCK_BOOTTIME, &t);
	*wait = (struct fb_wait){.fd = -1, .until_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + 5};
	return FB_STEP_WAIT;
}

static const struct fb_strategy_ops ops = {
	.check = do_check,       .state = do_state,     .capture = do_capture,   .prove = do_prove,   .prepare = do_prepare, .shift = do_shift, .protect = do_protect,
	.restore = do_restore,   .verify = do_verify,   .evidence = do_evidence, .commit = do_commit, .cleanup = do_cleanup, .undo = do_undo,   .observe = do_observe,
};

FB_PLUGIN(STRATEGY, .features = FB_FEATURE_ZERO_DOWNTIME, .name = "tame", .version = "1", .summary = "Says its name", .license = "Apache-2.0", .strategy = &ops)
