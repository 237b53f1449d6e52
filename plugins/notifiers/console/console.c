/* SPDX-License-Identifier: Apache-2.0 */
/* notifier console: one line for people, in the execution's log, which the command line and the journal of a service show. Sends nothing anywhere. */
#include <stdio.h>
#include <string.h>

#include "failback/plugin.h"

static const struct fb_option options[] = {
	{.name = "prefix", .type = FB_TYPE_STRING, .summary = "Words before every line"},
	{0},
};

static int32_t level_of(const char *severity)
{
	if (severity && (!strcmp(severity, "critical") || !strcmp(severity, "error")))
		return FB_LOG_ERROR;
	return severity && !strcmp(severity, "warning") ? FB_LOG_WARNING : FB_LOG_INFO;
}

static int32_t notify(const struct fb_call *call, const struct fb_event *event)
{
	const char *prefix = call->host->option(call, "prefix");

	if (call->flags & FB_CALL_DRY_RUN) {
		char preview[2048];

		snprintf(preview, sizeof(preview), "{\"method\": \"log\", \"to\": \"the execution's log\", \"body\": %.1800s}",
			 call->host->json_string(call, event->summary && strlen(event->summary) < 300 ? event->summary : event->name));
		call->host->report(call, "preview", preview);
		return FB_OK;
	}
	call->host->log(call, level_of(event->severity), "%s%s%s [%s]%s%s%s%s", prefix ? prefix : "", prefix ? " " : "", event->summary ? event->summary : event->name,
			event->name, event->incident ? " " : "", event->incident ? event->incident : "", event->report ? ", report: " : "",
			event->report ? event->report : "");
	return FB_OK;
}

static const struct fb_notifier_ops ops = {.notify = notify};

FB_PLUGIN(NOTIFIER, .name = "console", .version = "0.1.0", .summary = "One line for people in the execution's log", .license = "Apache-2.0",
	  .options = options, .notifier = &ops)
