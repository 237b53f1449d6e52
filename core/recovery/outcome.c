/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an execution has come to: status and exit code, what became of each service, and, when a person is needed, the commands that finish it.
 * Nothing is called stable that was not verified.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "failback/plugin.h"
#include "recovery/internal.h"

static void set_document(struct fb_engine *e, const char *name, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	struct fb_err err;

	fb_redact(e->x.redactor, text, strlen(text));
	if (!e->x.is_lost && fb_journal_document_set(e->x.journal, name, text, &err) < 0)
		fb_context_lost(&e->x, &err);
	fb_free(text);
	json_decref(value);
}

/* ---- status ---- */

/* Did the plan do anything that is still there? An action that was begun counts. */
static bool changed(struct fb_engine *e)
{
	struct fb_action_row *rows;
	struct fb_err err;
	bool any = e->changed;
	size_t n;

	if (fb_journal_actions(e->x.journal, e->x.id, &rows, &n, &err) < 0)
		return true;
	for (size_t i = 0; i < n; i++)
		any = any || (strcmp(rows[i].state, "dry") && fb_has_prefix(rows[i].link, "plan/"));
	fb_actions_free(rows, n);
	return any;
}

void fb_outcome_decide(struct fb_engine *e)
{
	if (e->x.stop == 2) {
		e->status = "stopped";
		e->exit_code = FB_EXIT_STOPPED;
	} else if (e->exit_code >= 0 && strcmp(e->status, "running")) {
		return; /* decided where it happened: completed, refused, stopped, failed before anything was changed */
	} else if (e->x.dry) {
		e->status = "completed";
		e->exit_code = FB_EXIT_DONE;
	} else if (!e->x.recovering) { /* auto_rollback_enabled is off */
		e->status = "failed";
		e->exit_code = changed(e) ? FB_EXIT_INCOMPLETE : FB_EXIT_FAILED;
	} else if (!e->enhanced) {
		e->status = e->undo_failed ? "rollback_incomplete" : "failed";
		e->exit_code = e->changed || e->undo_failed ? FB_EXIT_INCOMPLETE : FB_EXIT_FAILED;
	} else if (e->restored && e->verified && !e->undo_failed) {
		e->status = e->deploys ? "failed_with_rollback" : "completed";
		e->exit_code = e->deploys ? FB_EXIT_RECOVERED : FB_EXIT_DONE;
	} else if (e->deploys && !e->restored && !e->undo_failed && (!changed(e) || !e->x.service_count)) {
		e->status = "failed";
		e->exit_code = FB_EXIT_FAILED;
	} else {
		e->status = "rollback_incomplete";
		e->exit_code = FB_EXIT_INCOMPLETE;
	}
}

/* ---- members: what is where ---- */

/* The last answer of an operation for a service in the recovery; NULL when it was not asked. */
static const json_t *last_result(struct fb_engine *e, const char *service, const char *operation)
{
	const json_t *found = NULL, *one;

	for (size_t i = 0; i < e->recovery.count; i++) {
		size_t k;

		json_array_foreach(json_object_get(e->recovery.links[i].data, "operations"), k, one)
			if (fb_streq(json_string_value(json_object_get(one, "service")), service) && fb_streq(json_string_value(json_object_get(one, "operation")), operation))
				found = one;
	}
	return found;
}

static bool went_well(const json_t *result)
{
	return result && json_integer_value(json_object_get(result, "answer")) <= FB_SKIP;
}

/* Was it really called? Not where its strategy does not offer it, or what it depends on failed before it. */
static bool was_tried(const json_t *result)
{
	return json_integer_value(json_object_get(result, "tries")) > 0;
}

/* What may be said of a member: never more than was seen. */
static const char *member_status(const json_t *prepare, const json_t *protect, const json_t *restore)
{
	if (went_well(restore))
		return "restored";
	if (was_tried(protect) && json_integer_value(json_object_get(protect, "answer")) == FB_OK)
		return "protected";
	if (was_tried(restore) || (was_tried(protect) && !went_well(protect)))
		return "unknown";
	return was_tried(prepare) && went_well(prepare) ? "prepared" : "unchanged";
}

static json_t *commands_for(struct fb_engine *e, const char *service)
{
	json_t *commands = json_array();

	for (size_t i = 0; i < e->recovery.count; i++) {
		const json_t *one;
		size_t k;

		json_array_foreach(json_object_get(e->recovery.links[i].data, "advice"), k, one)
			if (fb_streq(json_string_value(json_object_get(one, "service")), service) && json_is_string(json_object_get(one, "command")))
				json_array_append(commands, json_object_get(one, "command"));
	}
	return commands;
}

static json_t *member(struct fb_engine *e, const struct fb_service *s)
{
	const struct fb_service *whose = s->item_of ? s->item_of : s;
	const json_t *restore = last_result(e, s->name, "restore"), *protect = last_result(e, s->name, "protect"), *prepare = last_result(e, s->name, "prepare");
	const char *status = member_status(prepare, protect, restore);
	const char *detail = json_string_value(json_object_get(restore ? restore : protect, "message"));

	return json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:o}", "service", s->name, "status", status, "release", went_well(restore) ? whose->last_good : NULL, "failed", whose->failed, "detail", detail,
			 "commands", commands_for(e, s->name));
}

/* A service, and what of its backup was to come back with it. */
static void add_members(struct fb_engine *e, const struct fb_service *s, json_t *members)
{
	if (!s->deploys)
		return;
	json_array_append_new(members, member(e, s));
	for (size_t i = 0; i < s->item_count; i++)
		if (last_result(e, s->items[i].name, "restore"))
			json_array_append_new(members, member(e, &s->items[i]));
}

/* ---- the way out ---- */

static void add_way(json_t *list, const char *text, char *command)
{
	json_array_append_new(list, json_pack("{s:s, s:s?}", "text", text, "command", command));
	fb_free(command);
}

static void add_option(struct fb_text *t, const char *option, const char *value)
{
	char *path = value && *value ? realpath(value, NULL) : NULL;

	if (value && *value) {
		fb_text_printf(t, " %s ", option);
		fb_text_shell_quote(t, path ? path : value);
	}
	free(path);
}

/* "failback" with the options under which this execution runs: the line is pasted into another shell, in another folder. */
static void begin_command(struct fb_text *t, const struct fb_engine *e)
{
	const struct fb_config_request *c = &e->request->config;

	fb_text_puts(t, "failback");
	add_option(t, "-c", c->file);
	add_option(t, "--state-dir", c->state_dir);
	add_option(t, "--runtime-dir", c->runtime_dir);
	for (size_t i = 0; c->plugin_dirs && c->plugin_dirs[i]; i++)
		add_option(t, "--plugin-dir", c->plugin_dirs[i]);
	fb_text_puts(t, " -e ");
	fb_text_shell_quote(t, e->x.environment);
}

static char *plain_command(const struct fb_engine *e, const char *rest)
{
	struct fb_text t = {0};

	begin_command(&t, e);
	fb_text_printf(&t, " %s", rest);
	return fb_text_take(&t);
}

static char *show_command(const struct fb_engine *e)
{
	char *rest = fb_asprintf("show %s", e->x.id), *command = plain_command(e, rest);

	fb_free(rest);
	return command;
}

static char *rollback_command(const struct fb_engine *e, const struct fb_service *s)
{
	struct fb_text t = {0};

	begin_command(&t, e);
	fb_text_puts(&t, " rollback ");
	fb_text_shell_quote(&t, s->name);
	if (s->last_good) {
		fb_text_puts(&t, " --to ");
		fb_text_shell_quote(&t, s->last_good);
	}
	fb_text_puts(&t, " --reason ");
	fb_text_printf(&t, "'finish %s'", e->x.id);
	return fb_text_take(&t);
}

static json_t *way_out(struct fb_engine *e, const json_t *members)
{
	json_t *list = json_array(), *m, *c;
	size_t i, k;

	json_array_foreach(members, i, m) {
		const char *name = json_string_value(json_object_get(m, "service"));
		const struct fb_service *s = fb_context_service(&e->x, name);

		if (fb_streq(json_string_value(json_object_get(m, "status")), "restored"))
			continue;
		json_array_foreach(json_object_get(m, "commands"), k, c) {
			char *text = fb_asprintf("put right what keeps '%s' from being restored", name);

			add_way(list, text, fb_strdup(json_string_value(c)));
			fb_free(text);
		}
		if (s && s->last_good) {
			char *text = fb_asprintf("then bring '%s' back; what is done already is not done again", name);

			add_way(list, text, rollback_command(e, s));
			fb_free(text);
		}
	}
	if (!e->verified)
		add_way(list, "see that it is healthy", plain_command(e, "status"));
	if (e->undo_failed)
		add_way(list, "a step of the plan could not be undone: see which, and undo it by hand", show_command(e));
	add_way(list, "the whole story, with logs", show_command(e));
	return list;
}

static json_t *system_status(const struct fb_engine *e)
{
	if (!e->x.recovering)
		return fb_streq(e->status, "completed") ? json_pack("{s:s, s:s}", "system_status", "STABLE", "why", "the release passed its watch")
							: json_pack("{s:s, s:s}", "system_status", "UNKNOWN", "why", "nothing was verified");
	if (e->restored && e->verified)
		return json_pack("{s:s, s:s}", "system_status", "STABLE", "why", "the last known good held for its whole stability window");
	if (e->restored)
		return json_pack("{s:s, s:s}", "system_status", "DEGRADED", "why", "the last known good is live and could not be verified");
	if (e->protected_traffic)
		return json_pack("{s:s, s:s}", "system_status", "PROTECTED", "why", "users are away from the failed release; not everything was restored");
	return json_pack("{s:s, s:s}", "system_status", "UNKNOWN", "why", "the recovery did not come so far");
}

void fb_outcome_record(struct fb_engine *e)
{
	json_t *members = json_array();
	size_t i;

	set_document(e, "impact", fb_observe_impact(e));
	set_document(e, "system", system_status(e));
	if (e->failure)
		set_document(e, "why", json_pack("{s:s}", "message", e->failure));
	for (i = 0; i < e->x.service_count; i++)
		add_members(e, &e->x.services[i], members);
	if (e->exit_code == FB_EXIT_INCOMPLETE || e->exit_code == FB_EXIT_STOPPED)
		set_document(e, "way_out", way_out(e, members));
	if (e->x.recovering)
		set_document(e, "members", members);
	else
		json_decref(members); /* nothing was asked of them that could be told */
}

char *fb_outcome_summary(struct fb_engine *e)
{
	const char *title = json_string_value(json_object_get(e->x.frozen, "title"));
	json_t *impact = fb_observe_impact(e);
	const char *felt = json_string_value(json_object_get(impact, "user_impact"));
	char *text;

	if (e->exit_code == FB_EXIT_DONE && e->deploys)
		text = fb_asprintf("%s: done; user impact %s", title, felt);
	else if (e->exit_code == FB_EXIT_DONE || e->exit_code == FB_EXIT_RECOVERED)
		text = fb_asprintf("%s: %s; the last known good is live and verified; user impact %s", title, e->failure ? e->failure : "rolled back", felt);
	else if (e->exit_code == FB_EXIT_INCOMPLETE)
		text = fb_asprintf("%s: %s; the recovery is NOT complete, a person is needed: failback show %s", title, e->failure ? e->failure : "it failed", e->x.id);
	else
		text = fb_asprintf("%s: %s", title, e->failure ? e->failure : e->status);
	json_decref(impact);
	return text;
}
