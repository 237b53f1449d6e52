/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the report's sections about chains: backup, deployment, rollback, and the shape of one link in them. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "recovery/report_parts.h"

static bool in_chain(const struct fb_report_source *r, size_t i, const char *chain)
{
	return fb_streq(r->links[i].chain, chain);
}

static bool has_status(const struct fb_report_source *r, size_t i, const char *status)
{
	return fb_streq(r->links[i].status, status);
}

static json_t *actions_of(const struct fb_report_source *r, const char *link)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->action_count; i++) {
		const struct fb_action_row *a = &r->actions[i];
		if (!fb_streq(a->link, link))
			continue;
		json_t *one = json_pack("{s:o, s:o, s:o, s:o, s:b}", "service", a->service && *a->service ? fb_report_text(a->service) : json_null(), "operation",
					fb_report_text(a->operation), "text", fb_report_text(a->text), "state", fb_report_text(a->state), "undo", a->undo);
		if (one && a->late)
			json_object_set_new(one, "late", json_true());
		json_array_append_new(list, one);
	}
	return list;
}

/* What analyze reported, under the names of the seeds. */
static json_t *analysis_of(const json_t *cause)
{
	const char *likely = json_object_get(cause, "likely_cause") ? "likely_cause" : "cause";

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "likely_cause", fb_report_member(cause, likely), "error_type", fb_report_member(cause, "type"), "failed_step",
			 fb_report_member(cause, "failed_step"), "component", fb_report_member(cause, "component"), "components", fb_report_member(cause, "components"),
			 "confidence", fb_report_member(cause, "confidence"), "evidence", fb_report_member(cause, "evidence"));
}

static void add_reported(const struct fb_report_source *r, size_t i, json_t *phase)
{
	const json_t *reported = json_object_get(r->data[i], "reported"), *cause = json_object_get(reported, "root_cause");
	static const char *const members[] = {"recommendations", "items", "checks", "deliveries"};
	static const char *const own[] = {"cause", "leftovers", "advice", "operations"};
	if (json_is_object(cause))
		json_object_set_new(phase, "analysis", analysis_of(cause));
	for (size_t m = 0; m < sizeof members / sizeof *members; m++)
		if (json_object_get(reported, members[m]))
			json_object_set_new(phase, members[m], fb_report_member(reported, members[m]));
	for (size_t m = 0; m < sizeof own / sizeof *own; m++) {
		json_t *value = json_object_get(r->data[i], own[m]);
		if (value && !json_is_null(value) && !(json_is_array(value) && json_array_size(value) == 0))
			json_object_set_new(phase, own[m], json_deep_copy(value));
	}
}

/* The row tells of the link's run; that it was taken back after is told beside it. */
static void add_undo(const struct fb_report_source *r, size_t i, json_t *phase)
{
	static const char *const members[] = {"status", "message", "attempts", "log", "cause", "leftovers"};
	const json_t *undo = json_object_get(r->data[i], "undo");
	json_t *one;
	if (!json_is_object(undo))
		return;
	one = json_pack("{s:f, s:o}", "duration", (double)json_integer_value(json_object_get(undo, "elapsed_ms")) / 1000.0, "ended",
			fb_report_stamp(json_integer_value(json_object_get(undo, "ended_ms"))));
	for (size_t m = 0; m < sizeof members / sizeof *members; m++)
		if (json_object_get(undo, members[m]))
			json_object_set_new(one, members[m], fb_report_member(undo, members[m]));
	json_object_set_new(phase, "undone", json_boolean(fb_streq(json_string_value(json_object_get(undo, "status")), "undone")));
	json_object_set_new(phase, "undo", one);
}

json_t *fb_report_phase(const struct fb_report_source *r, size_t i)
{
	const struct fb_link_row *l = &r->links[i];
	bool reboot = false, done = l->ended_ms > 0;
	json_t *duration = json_null();
	if (done && l->started_ms > 0)
		duration = json_real(fb_report_seconds(r, (struct fb_report_time){l->started_ms, l->started_boot_ms}, (struct fb_report_time){l->ended_ms, l->ended_boot_ms}, &reboot));
	json_t *phase = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "phase", fb_report_text(l->title ? l->title : l->name), "id",
				  fb_report_text(l->id), "name", fb_report_text(l->name), "plugin", fb_report_text(l->plugin), "status", fb_report_text(l->status), "duration",
				  duration, "attempts", l->attempt, "started", fb_report_stamp(l->started_ms), "ended", fb_report_stamp(l->ended_ms), "message",
				  fb_report_text(l->message), "log", fb_report_text(l->log), "actions", actions_of(r, l->id));
	if (reboot)
		json_object_set_new(phase, "crosses_reboot", json_true());
	if (l->late)
		json_object_set_new(phase, "late", json_true());
	add_reported(r, i, phase);
	add_undo(r, i, phase);
	return phase;
}

static json_t *phases_of(const struct fb_report_source *r, const char *chain)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->link_count; i++)
		if (in_chain(r, i, chain))
			json_array_append_new(list, fb_report_phase(r, i));
	return list;
}

static int count(const struct fb_report_source *r, const char *chain, const char *status)
{
	int n = 0;
	for (size_t i = 0; i < r->link_count; i++)
		n += in_chain(r, i, chain) && has_status(r, i, status);
	return n;
}

/* Seconds from the beginning of a chain's first link to `until`, or to the end of its last link; null while it is not over. */
static json_t *chain_duration(const struct fb_report_source *r, const char *chain, const struct fb_report_time *until, bool *ret_reboot)
{
	struct fb_report_time from = {0}, to = {0};
	for (size_t i = 0; i < r->link_count; i++) {
		const struct fb_link_row *l = &r->links[i];
		if (!in_chain(r, i, chain) || !l->started_ms)
			continue;
		if (!from.wall_ms || l->started_ms < from.wall_ms)
			from = (struct fb_report_time){l->started_ms, l->started_boot_ms};
		if (l->ended_ms > to.wall_ms)
			to = (struct fb_report_time){l->ended_ms, l->ended_boot_ms};
	}
	if (until)
		to = *until;
	return from.wall_ms && to.wall_ms ? json_real(fb_report_seconds(r, from, to, ret_reboot)) : json_null();
}

/* S73: failed_at_step is the number of the first step that failed; null when none did. */
json_t *fb_report_deployment(const struct fb_report_source *r)
{
	struct fb_report_time detected, *until = fb_report_clock(r, "detected", &detected) ? &detected : NULL;
	json_t *steps = json_array(), *failed = json_null(), *failed_title = json_null(), *failed_message = json_null();
	bool reboot = false, found = false;
	int number = 0, failures = 0, good = 0;
	for (size_t i = 0; i < r->link_count; i++) {
		if (!in_chain(r, i, "plan"))
			continue;
		json_t *step = fb_report_phase(r, i);
		json_object_set_new(step, "step", json_integer(++number));
		json_array_append_new(steps, step);
		failures += has_status(r, i, "failed");
		good += !has_status(r, i, "failed") && (has_status(r, i, "completed") || has_status(r, i, "skipped") || has_status(r, i, "undone"));
		if (!found && (has_status(r, i, "failed") || (r->e.ended_ms && has_status(r, i, "interrupted")))) {
			found = true;
			failed = json_integer(number);
			failed_title = fb_report_member(step, "phase");
			failed_message = fb_report_member(step, "message");
		}
	}
	json_t *d = json_pack("{s:o, s:i, s:i, s:o, s:o, s:o, s:o}", "duration", chain_duration(r, "plan", until, &reboot), "steps_completed", good,
			      "steps_failed", failures, "failed_at_step", failed, "failed_step", failed_title, "error", failed_message, "steps", steps);
	if (reboot)
		json_object_set_new(d, "crosses_reboot", json_true());
	return d;
}

bool fb_report_recovered_at_all(const struct fb_report_source *r)
{
	struct fb_report_time t;
	for (size_t i = 0; i < r->link_count; i++)
		if (in_chain(r, i, "recovery") && !has_status(r, i, "pending"))
			return true;
	return fb_report_clock(r, "detected", &t) && fb_streq(r->e.kind, "rollback");
}

/* From detection until the report could be written; without that clock, until the last link of the recovery had ended. */
static json_t *recovery_duration(const struct fb_report_source *r, bool *ret_reboot)
{
	struct fb_report_time from, to = {0};
	if (!fb_report_clock(r, "detected", &from))
		return chain_duration(r, "recovery", NULL, ret_reboot);
	if (!fb_report_clock(r, "reported", &to))
		for (size_t i = 0; i < r->link_count; i++)
			if (in_chain(r, i, "recovery") && r->links[i].ended_ms > to.wall_ms)
				to = (struct fb_report_time){r->links[i].ended_ms, r->links[i].ended_boot_ms};
	return to.wall_ms ? json_real(fb_report_seconds(r, from, to, ret_reboot)) : json_null();
}

static json_t *either(json_t *value, const char *otherwise)
{
	if (value && !json_is_null(value))
		return json_incref(value);
	return otherwise ? json_string(otherwise) : json_null();
}

json_t *fb_report_rollback(const struct fb_report_source *r)
{
	bool reboot = false;
	json_t *duration, *rollback;
	if (!fb_report_recovered_at_all(r))
		return json_null();
	duration = recovery_duration(r, &reboot);
	rollback = json_pack("{s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "total_duration", json_deep_copy(duration), "duration", duration, "phases_completed",
			     count(r, "recovery", "completed") + count(r, "recovery", "skipped"), "user_impact", either(json_object_get(r->impact, "user_impact"), "UNKNOWN"),
			     "user_impact_detail", r->impact ? json_deep_copy(r->impact) : json_null(), "system_status",
			     either(json_object_get(r->system, "system_status"), "UNKNOWN"), "system_status_why", either(json_object_get(r->system, "why"), NULL), "phases",
			     phases_of(r, "recovery"));
	if (reboot)
		json_object_set_new(rollback, "crosses_reboot", json_true());
	return rollback;
}

/* created: every link of the backup chain came to a good end; proven: and no item of it was left unproven. */
json_t *fb_report_backup(const struct fb_report_source *r)
{
	json_t *items = json_array(), *item, *list, *copies = json_array();
	int links = 0, good = 0;
	bool proven = true;
	size_t k;
	for (size_t i = 0; i < r->link_count; i++) {
		list = json_object_get(json_object_get(r->data[i], "reported"), "copies");
		json_array_extend(copies, list); /* of any chain: they can be made beside the steps */
		if (!in_chain(r, i, "backup") || list)
			continue;
		links++;
		good += has_status(r, i, "completed");
		list = json_object_get(json_object_get(r->data[i], "reported"), "items");
		json_array_foreach(list, k, item) {
			proven = proven && json_is_true(json_object_get(item, "proven"));
			json_array_append(items, item);
		}
	}
	if (links == 0) {
		json_decref(items);
		json_decref(copies);
		return json_null();
	}
	bool created = good == links;
	return json_pack("{s:b, s:b, s:o, s:o, s:o, s:o}", "created", created, "proven", created && proven && json_array_size(items) > 0, "duration",
			 chain_duration(r, "backup", NULL, NULL), "items", items, "copies", copies, "phases", phases_of(r, "backup"));
}
