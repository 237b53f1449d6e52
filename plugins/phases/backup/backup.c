/* SPDX-License-Identifier: Apache-2.0 */
/* Phase 0: the way back of every service involved is recorded, and proven, before anything is changed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../phase.h"
#include "set.h"

#define LIMITED "Backup not created - rollback may be limited"

static const json_t *of_service(const json_t *services, const char *name)
{
	size_t i;
	json_t *entry;

	json_array_foreach(services, i, entry) {
		const char *s = json_string_value(json_object_get(entry, "service"));

		if (s && name && !strcmp(s, name))
			return entry;
	}
	return NULL;
}

/*
 * One item of the report. source is what the strategy said when it captured it (item, size, kind, encrypted, stored), proof what it said when it proved it (seconds:
 * how long the restore, or the reading back, that it made took; proven_by); either may be NULL.
 */
static json_t *make_item(const json_t *entry, const json_t *source, const json_t *proof, bool proven)
{
	const char *service = json_string_value(json_object_get(entry, "service"));
	json_t *elapsed = json_object_get(entry, "elapsed_ms"), *item = json_object_get(source, "item"), *size = json_object_get(source, "size");

	return json_pack("{s:s#, s:o, s:o, s:o, s:b, s:O?, s:O?, s:O?, s:O?}", "service", service ? service : "?", service ? (int)strcspn(service, ".") : 1, "item",
			 json_is_string(item) ? json_incref(item) : json_string("way back"), "size", json_is_integer(size) ? json_incref(size) : json_null(), "seconds",
			 json_is_number(elapsed) ? json_real(json_number_value(elapsed) / 1000) : json_null(), "proven", proven, "kind", json_object_get(source, "kind"),
			 "encrypted", json_object_get(source, "encrypted"), "restore_seconds", json_object_get(proof, "seconds"), "proven_by", json_object_get(proof, "proven_by"));
}

/* All items, and in *ret_unproven the services whose strategy has no proof to offer. */
static json_t *make_items(const struct phase_outcome *captured, const struct phase_outcome *proved, char *unproven, size_t size)
{
	json_t *items = json_array(), *entry, *source;
	size_t i, k;

	json_array_foreach(captured->services, i, entry) {
		const char *name = json_string_value(json_object_get(entry, "service"));
		const json_t *proof = of_service(proved->services, name);
		bool proven = proof && phase_entry_answer(proof) == FB_OK && !phase_entry_skipped(proof);
		const json_t *sources = json_object_get(json_object_get(entry, "reported"), "items");
		const json_t *proofs = json_object_get(json_object_get(proof, "reported"), "items");

		if (phase_entry_skipped(entry))
			continue;
		if (!proven)
			snprintf(unproven + strlen(unproven), size - strlen(unproven), "%s%s", *unproven ? ", " : "", name ? name : "?");
		if (!json_array_size(sources))
			json_array_append_new(items, make_item(entry, NULL, NULL, proven));
		json_array_foreach(sources, k, source)
			json_array_append_new(items, make_item(entry, source, json_array_get(proofs, k), proven));
	}
	return items;
}

/* What a failure means: the end of the deployment, or a warning that everyone sees. */
static int32_t give_up(const struct fb_call *call, const struct phase_outcome *o, const char *what)
{
	if (!call->host->option_int(call, "required", 1)) {
		call->host->log(call, FB_LOG_WARNING, "%s: %s: %s", LIMITED, what, o->failed_text);
		phase_say(call, "%s: %s", LIMITED, o->failed_text);
		return FB_SKIP;
	}
	call->host->fail(call, "%s: %s. Nothing was changed. Mend it, or deploy without a backup by setting required = false on the backup phase", what,
			 o->failed_text);
	return phase_answer(o);
}

/* What a failure of the store means; its sentence is set. */
static int32_t go_without(const struct fb_call *call, int32_t answer)
{
	if (answer != FB_FAIL || call->host->option_int(call, "required", 1))
		return answer;
	call->host->log(call, FB_LOG_WARNING, LIMITED);
	phase_say(call, LIMITED);
	return FB_SKIP;
}

/* " in 1.2 s" where every item was restored for proof, else "". */
static const char *restore_time(const json_t *items, char *buf, size_t size)
{
	char time[PHASE_DURATION];
	double seconds = 0;
	const json_t *item;
	size_t i;

	*buf = 0;
	json_array_foreach(items, i, item) {
		const char *by = json_string_value(json_object_get(item, "proven_by"));

		if (!by || strcmp(by, "restore"))
			return buf;
		seconds += json_number_value(json_object_get(item, "restore_seconds"));
	}
	snprintf(buf, size, " in %s", phase_duration((int64_t)(seconds * 1000 + 0.5), time, sizeof time));
	return buf;
}

static int32_t finish(const struct fb_call *call, const struct phase_outcome *captured, const struct phase_outcome *proved, int64_t elapsed_ms)
{
	char time[PHASE_DURATION], took[PHASE_DURATION + 8], unproven[PHASE_TEXT] = "";
	json_t *items = make_items(captured, proved, unproven, sizeof unproven);
	size_t n = json_array_size(items);

	phase_report(call, "items", json_incref(items));
	phase_duration(elapsed_ms, time, sizeof time);
	if (call->flags & FB_CALL_DRY_RUN) {
		phase_say(call, "the way back of %s%s%s would be recorded and proven", captured->done_text, *captured->done_text && captured->items ? ", " : "",
			  captured->items_text);
	} else if (*unproven) {
		call->host->log(call, FB_LOG_WARNING, "the backup of %s is not proven: its strategy offers no proof, so only a drill shows that it can be restored",
				unproven);
		phase_say(call, "%zu item%s backed up in %s; can restore: not proven for %s", n, n == 1 ? "" : "s", time, unproven);
	} else {
		phase_say(call, "%zu item%s backed up in %s; can restore%s: proven", n, n == 1 ? "" : "s", time, restore_time(items, took, sizeof took));
	}
	json_decref(items);
	return FB_OK;
}

static int32_t run(const struct fb_call *call)
{
	struct phase_outcome captured, proved;
	int64_t began = phase_now_ms();
	int32_t answer;

	phase_progress(call, 0, "creating backup");
	answer = set_prepare(call);
	if (answer != FB_OK)
		return go_without(call, answer);
	if (!phase_operate(call, FB_OP_CAPTURE, NULL, 0, &captured)) {
		answer = give_up(call, &captured, "the backup could not be made");
		phase_outcome_clear(&captured);
		return answer;
	}
	if (!captured.done) {
		call->host->log(call, FB_LOG_WARNING, "%s: no strategy involved records a way back", LIMITED);
		phase_say(call, "%s: no strategy involved records a way back", LIMITED);
		phase_outcome_clear(&captured);
		return FB_SKIP;
	}
	answer = set_seal(call, &captured);
	if (answer != FB_OK) {
		phase_outcome_clear(&captured);
		return go_without(call, answer);
	}
	phase_progress(call, 5000, "proving that %s%s%s can be restored", captured.done_text, *captured.done_text && captured.items ? ", " : "",
		       captured.items_text);
	if (!phase_operate(call, FB_OP_PROVE, NULL, 0, &proved))
		answer = give_up(call, &proved, "the backup was made but could not be proven");
	else
		answer = finish(call, &captured, &proved, phase_now_ms() - began);
	phase_outcome_clear(&proved);
	phase_outcome_clear(&captured);
	return answer;
}

static const struct fb_option options[] = {
	{.name = "required", .type = FB_TYPE_BOOL, .default_value = "true",
	 .summary = "Do not deploy when the backup fails; false: warn and go on"},
	{0},
};

static const struct fb_phase_ops ops = {.run = run};

FB_PLUGIN(PHASE, .name = "backup", .version = "0.1.0", .summary = "Records the way back and proves it, before anything is changed",
	  .license = "Apache-2.0", .options = options, .phase = &ops)
