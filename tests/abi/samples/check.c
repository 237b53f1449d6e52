/* SPDX-License-Identifier: Apache-2.0 */
/* The sample check in both forms: STEPS makes it the one that never blocks. */
#include "sample.h"

OPERATION(check)

static int32_t found(const struct fb_call *c, struct fb_health *ret)
{
	SAY("health: state %d reserved %d latency %lld value %d text %s", ret->state, ret->reserved, (long long)ret->latency_us, ret->value_u == INT64_MIN, text(ret->text));
	SAY_NEXT("health", ret);
	*ret = (struct fb_health){.state = FB_HEALTH_WARNING, .latency_us = 1500, .value_u = 2500000, .text = "as it should be" GIVE_NEXT};
	return FB_OK;
}

#ifdef STEPS
#define NAME "stepping"

static int32_t step(const struct fb_call *c, void **state, struct fb_wait *wait, struct fb_health *ret)
{
	static int rounds;

	SAY("step %d: fd %d events %u until %lld state %d", rounds, wait->fd, wait->events, (long long)wait->until_ms, *state != NULL);
	SAY_NEXT("wait", wait);
	if (rounds++ < 2) {
		*state = &rounds;
		*wait = (struct fb_wait){.fd = -1, .until_ms = 1 GIVE_NEXT};
		return FB_STEP_WAIT;
	}
	found(c, ret);
	return FB_STEP_DONE;
}

static void end(const struct fb_call *c, void *state)
{
	SAY("end: state %d", state != NULL);
}
#else
#define NAME "sample"

static int32_t probe(const struct fb_call *c, struct fb_health *ret)
{
	say_call(c);
	return found(c, ret);
}
#endif

static const struct fb_check_ops ops = {
	.check = do_check,
#ifdef STEPS
	.step = step,
	.end = end,
#else
	.probe = probe,
#endif
#ifdef FB_NEXT
	.next_operation = do_check,
#endif
};

FB_PLUGIN(CHECK, .name = NAME, .version = "1.2", .summary = "A sample", .license = "Apache-2.0", .check = &ops)
