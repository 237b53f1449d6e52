/* SPDX-License-Identifier: Apache-2.0 */
/* The sample notifier: every member of an event. */
#include "sample.h"

OPERATION(check)

static int32_t notify(const struct fb_call *c, const struct fb_event *e)
{
	say_call(c);
	SAY("event: %s %s %s %s %s %s %s %s", text(e->id), text(e->name), text(e->time), text(e->severity), text(e->summary), text(e->incident), text(e->data), text(e->report));
	SAY_NEXT("event", e);
	c->host->retry_after(c, 1500);
	c->host->fail(c, "come back later");
	return FB_RETRY;
}

static const struct fb_notifier_ops ops = {
	.check = do_check,
	.notify = notify,
#ifdef FB_NEXT
	.next_operation = do_check,
#endif
};

#ifndef NEEDS
#define NEEDS 0
#endif
FB_PLUGIN(NOTIFIER, .needs_minor = NEEDS, .name = "sample", .version = "1.2", .summary = "A sample", .license = "Apache-2.0", .notifier = &ops)
