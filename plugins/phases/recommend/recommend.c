/* SPDX-License-Identifier: Apache-2.0 */
/* Phase 6 of a recovery: what to do about the cause that analyze found. Offers, and changes nothing. */
#include <stdio.h>
#include <string.h>

#include "../failure.h"
#include "../phase.h"
#include "advice.h"
#include "before.h"

static int32_t run(const struct fb_call *call)
{
	struct failure failure;
	struct advice a = {.execution = call->execution, .archive = call->archive};
	char list[PHASE_TEXT] = "";
	const char *learned;
	json_t *e, *before;
	size_t i, n;

	failure_read(call, &failure);
	a.cause = json_object_get(failure.report, "root_cause");
	a.service = failure.service ? failure.service : call->service;
	a.list = json_array();
	if (!json_is_object(a.cause))
		call->host->log(call, FB_LOG_WARNING, "there is no root cause to go by: is analyze in the chain, and before recommend?");
	advice_make(&a);
	learned = call->host->document(call, "learned");
	before = learned ? json_loads(learned, 0, NULL) : NULL;
	before_add(a.list, a.cause, before);
	json_decref(before);
	json_array_foreach(a.list, i, e) {
		size_t used = strlen(list);

		snprintf(list + used, sizeof list - used, "%s[%s] %s", i ? "; " : "", json_string_value(json_object_get(e, "priority")),
			 json_string_value(json_object_get(e, "action")));
	}
	n = json_array_size(a.list);
	phase_report(call, "recommendations", a.list);
	phase_say(call, "%zu recommendation%s: %s", n, n == 1 ? "" : "s", list);
	failure_clear(&failure);
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "recommend", .version = "0.1.0", .summary = "Says what to do about the cause, with commands to copy", .license = "Apache-2.0",
	  .phase = &ops)
