/* SPDX-License-Identifier: Apache-2.0 */
/* A notifier that says in the log what it was told. */
#include <failback/plugin.h>

static int32_t notify(const struct fb_call *c, const struct fb_event *e)
{
	c->host->log(c, FB_LOG_INFO, "%s %s %s %s %s %s", e->id, e->name, e->severity, e->incident, e->data, e->report ? e->report : "(null)");
	c->host->retry_after(c, 2000);
	return FB_RETRY;
}

static const struct fb_notifier_ops ops = {.notify = notify};

FB_PLUGIN(NOTIFIER, .name = "tame", .version = "1", .summary = "Tells", .license = "Apache-2.0", .notifier = &ops)
