/* SPDX-License-Identifier: Apache-2.0 */
/* Phase 8 of a recovery: what is still in the outbox is delivered. A message that does not arrive never changes what the recovery achieved. */
#include <stdio.h>
#include <string.h>

#include "../phase.h"

struct count {
	int delivered, missing;
	char list[PHASE_TEXT]; /* "slack, email" */
	char missing_list[PHASE_TEXT];
};

static void add_name(char *list, const char *name, const char *text)
{
	size_t n = strlen(list);

	snprintf(list + n, PHASE_TEXT - n, "%s%s%s%s%s", n ? ", " : "", name, text ? " (" : "", text ? text : "", text ? ")" : "");
}

static void count_one(const json_t *d, struct count *c)
{
	const char *name = json_string_value(json_object_get(d, "notifier")), *status = json_string_value(json_object_get(d, "status"));

	name = name ? name : "?";
	if (status && (!strcmp(status, "delivered") || !strcmp(status, "sent") || !strcmp(status, "ok"))) {
		c->delivered++;
		if (!strstr(c->list, name))
			add_name(c->list, name, NULL);
	} else {
		const char *text = json_string_value(json_object_get(d, "text"));

		c->missing++;
		add_name(c->missing_list, name, text && *text ? text : status);
	}
}

static int32_t run(const struct fb_call *call)
{
	int64_t wait = call->host->option_int(call, "wait", 10000), left = call->host->remaining_ms(call);
	const char *text = NULL;
	json_t *doc, *list, *d;
	struct count c = {0};
	int32_t answer;
	size_t i;

	if (left - 200 < wait)
		wait = left > 200 ? left - 200 : 0;
	phase_progress(call, -1, "delivering what is in the outbox");
	answer = call->host->notify(call, NULL, NULL, wait, &text);
	doc = text ? json_loads(text, 0, NULL) : NULL;
	list = json_object_get(doc, "deliveries");
	json_array_foreach(list, i, d)
		count_one(d, &c);
	if (json_is_array(list))
		phase_report(call, "deliveries", json_incref(list));
	json_decref(doc);
	if (c.missing)
		call->host->log(call, FB_LOG_WARNING, "not delivered: %s", c.missing_list);
	if (c.missing)
		phase_say(call, "%d delivered%s%s; %d not delivered yet: %s. It stays in the outbox; the log says why", c.delivered,
			  c.delivered ? ": " : "", c.list, c.missing, c.missing_list);
	else if (answer != FB_OK && answer != FB_SKIP)
		phase_say(call, "the outbox could not be drained; what is in it is kept; the log says why");
	else if (c.delivered)
		phase_say(call, "%d notification%s delivered: %s", c.delivered, c.delivered == 1 ? "" : "s", c.list);
	else
		phase_say(call, "nothing to deliver: no notifier is waiting for news of this execution");
	return FB_OK;
}

static const struct fb_option options[] = {
	{.name = "wait", .type = FB_TYPE_DURATION, .default_value = "10s", .unit = "s", .min = 0, .max = 600000,
	 .summary = "How long to wait for deliveries; never past the phase's own timeout"},
	{0},
};

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "notify", .version = "0.1.0", .summary = "Delivers the final word to people and systems", .license = "Apache-2.0",
	  .options = options, .phase = &ops)
