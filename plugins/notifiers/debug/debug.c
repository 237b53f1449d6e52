/* SPDX-License-Identifier: Apache-2.0 */
/* notifier debug: delivers, or not, as its options say. See plugins/common/debug. */
#include "plugins/common/debug/debug.h"

static const struct fb_option options[] = {
	{.name = "retry_after", .type = FB_TYPE_DURATION, .unit = "ms", .max = 86400000, .summary = "With the answer retry: when to try again at the earliest"},
	DEBUG_OPTIONS,
	{0},
};

static int32_t notify(const struct fb_call *call, const struct fb_event *event)
{
	const struct fb_host *h = call->host;
	int64_t after = h->option_int(call, "retry_after", -1);
	int32_t r;

	h->log(call, FB_LOG_INFO, "debug is told of %s: %s", event->name ? event->name : "?", event->summary ? event->summary : "?");
	r = debug_do(call, debug_turn(call, "notifier", "notify"));
	if (r == FB_RETRY && after >= 0)
		h->retry_after(call, after);
	return r;
}

static const struct fb_notifier_ops ops = {.notify = notify};

FB_PLUGIN(NOTIFIER, .name = "debug", .version = "0.1.0", .summary = "Delivers, or not, as its options say", .license = "Apache-2.0", .options = options, .notifier = &ops)
