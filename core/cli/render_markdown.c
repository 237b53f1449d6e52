/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the report as an entry of a rollback log in Markdown (CommonMark with tables), and the text of dry runs. */
#include <string.h>

#include "cli/render.h"
#include "cli/verdict.h"

/* One line of text that cannot end a table cell, open a tag or start markup. */
static void put_cell(struct fb_text *t, const char *text)
{
	static const struct fb_style utf8 = {.utf8 = true};
	struct fb_text safe = {0};
	fb_style_safe(&utf8, &safe, text);
	for (const char *p = safe.p; p && *p; p++) {
		if (strchr("|\\`*_[]#", *p))
			fb_text_puts(t, "\\");
		if (*p == '<')
			fb_text_puts(t, "&lt;");
		else if (*p == '>')
			fb_text_puts(t, "&gt;");
		else if (*p == '&')
			fb_text_puts(t, "&amp;");
		else
			fb_text_add(t, p, 1);
	}
	fb_text_clear(&safe);
}

static void put_item(struct fb_text *t, const char *name, const char *text)
{
	fb_text_printf(t, "- **%s**: ", name);
	put_cell(t, text);
	fb_text_puts(t, "\n");
}

/* A block that ends only where we end it: the fence is longer than any run of backticks inside. */
static void put_block(struct fb_text *t, const char *text)
{
	static const struct fb_style utf8 = {.utf8 = true};
	int longest = 2, run = 0;
	for (const char *p = text; *p; p++) {
		run = *p == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	for (int side = 0; side < 2; side++) {
		fb_text_puts(t, "\n  ");
		for (int i = 0; i <= longest; i++)
			fb_text_puts(t, "`");
		if (side)
			break;
		fb_text_puts(t, "\n  ");
		fb_style_safe_lines(&utf8, t, text, 2);
	}
	fb_text_puts(t, "\n");
}

/* The seeds' word for how bad it was, from what was measured. */
static const char *severity(const json_t *r)
{
	const json_t *rollback = json_object_get(r, "rollback");
	if (fb_streq(fb_render_string(r, "status", ""), "rollback_incomplete"))
		return "Critical";
	if (fb_streq(fb_render_string(rollback, "user_impact", ""), "SOME"))
		return "High";
	return fb_streq(fb_render_string(rollback, "user_impact", ""), "ZERO") ? "Medium" : "Unknown (impact was not measured)";
}

static void put_scope(struct fb_text *t, const json_t *r)
{
	struct fb_text scope = {0};
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(r, "services"), i, one) fb_text_printf(&scope, "%s%s", i ? ", " : "", json_string_value(one) ? json_string_value(one) : "?");
	fb_text_printf(&scope, "%s%s", scope.n ? " in " : "", fb_render_string(r, "environment", "?"));
	put_item(t, "Scope", scope.p);
	fb_text_clear(&scope);
}

/* Downtime is said only when nobody saw any: counters tell how many requests failed, not for how long. */
static void put_downtime(struct fb_text *t, const json_t *r)
{
	const json_t *rollback = json_object_get(r, "rollback"), *detail = json_object_get(rollback, "user_impact_detail");
	const char *impact = fb_render_string(rollback, "user_impact", "UNKNOWN");
	struct fb_text text = {0};
	if (fb_streq(impact, "ZERO"))
		fb_text_printf(&text, "none: 0 of %lld requests failed", (long long)json_integer_value(json_object_get(detail, "requests")));
	else if (fb_streq(impact, "SOME"))
		fb_text_printf(&text, "%lld of %lld requests failed", (long long)json_integer_value(json_object_get(detail, "failed")),
			       (long long)json_integer_value(json_object_get(detail, "requests")));
	else
		fb_text_puts(&text, "not measured");
	put_item(t, "Downtime", text.p);
	fb_text_clear(&text);
}

static void put_links(struct fb_text *t, const char *title, const json_t *phases)
{
	size_t i;
	json_t *one;
	if (json_array_size(phases) == 0)
		return;
	fb_text_printf(t, "\n| %s | Status | Duration | |\n|---|---|---:|---|\n", title);
	json_array_foreach(phases, i, one) {
		fb_text_puts(t, "| ");
		put_cell(t, fb_render_string(one, "phase", "?"));
		fb_text_puts(t, " | ");
		put_cell(t, fb_render_string(one, "status", "?"));
		fb_text_puts(t, " | ");
		fb_render_seconds(json_object_get(one, "duration"), t);
		fb_text_puts(t, " | ");
		put_cell(t, fb_render_string(one, "message", ""));
		fb_text_puts(t, " |\n");
	}
}

static void put_recommendations(struct fb_text *t, const json_t *list)
{
	size_t i;
	json_t *one;
	if (json_array_size(list) == 0)
		return;
	fb_text_puts(t, "\n#### What to do\n\n");
	json_array_foreach(list, i, one) {
		fb_text_puts(t, "- **");
		put_cell(t, fb_render_string(one, "priority", "MEDIUM"));
		fb_text_puts(t, "** ");
		put_cell(t, fb_render_string(one, "action", "?"));
		fb_text_puts(t, "\n");
		if (fb_render_string(one, "example", NULL))
			put_block(t, fb_render_string(one, "example", ""));
	}
}

static void put_way_out(struct fb_text *t, const json_t *list)
{
	size_t i;
	json_t *one;
	if (json_array_size(list) == 0)
		return;
	fb_text_puts(t, "\n#### To finish by hand\n\n");
	json_array_foreach(list, i, one) {
		fb_text_puts(t, "- ");
		put_cell(t, fb_render_string(one, "text", ""));
		fb_text_puts(t, "\n");
		if (fb_render_string(one, "command", NULL))
			put_block(t, fb_render_string(one, "command", ""));
	}
}

static void put_tasks(struct fb_text *t, const json_t *list)
{
	size_t i;
	json_t *one;
	if (json_array_size(list) == 0)
		return;
	fb_text_puts(t, "\n#### Left to do\n\n");
	json_array_foreach(list, i, one) {
		const char *due = fb_render_string(one, "due", "");
		fb_text_puts(t, "- [ ] ");
		put_cell(t, fb_render_string(one, "task", "?"));
		fb_text_printf(t, " (by %.10s %.5s UTC)\n", due, strlen(due) > 16 ? due + 11 : "");
	}
}

static void put_prevention(struct fb_text *t, const json_t *r)
{
	const json_t *first = json_array_get(json_object_get(r, "recommendations"), 0);
	put_item(t, "Prevention", fb_render_string(first, "action", "to be decided"));
}

static void put_explanation(struct fb_text *t, const json_t *explanation)
{
	struct fb_text line = {0};

	if (!json_is_object(explanation))
		return;
	fb_text_printf(&line, "%s (%s, %s)", fb_render_string(explanation, "text", ""), fb_render_string(explanation, "by", "a model"), fb_render_string(explanation, "note", ""));
	put_item(t, "Explanation", line.p);
	fb_text_clear(&line);
}

static void put_verdict(struct fb_text *t, const json_t *cause)
{
	char *text = fb_verdict_text(cause);

	if (text)
		put_item(t, "Root Cause by Hand", text);
	if (fb_verdict_fix(cause))
		put_item(t, "Mended by", fb_verdict_fix(cause));
	fb_free(text);
}

void fb_render_markdown(const json_t *r, struct fb_text *t)
{
	const json_t *deployment = json_object_get(r, "deployment"), *rollback = json_object_get(r, "rollback"), *cause = json_object_get(r, "root_cause");
	const char *at = fb_render_string(r, "timestamp", "");
	struct fb_text time = {0};
	fb_text_printf(t, "### %.10s %.5s - ", at, strlen(at) > 16 ? at + 11 : "");
	put_cell(t, fb_render_string(r, "title", fb_render_string(r, "execution_id", "?")));
	fb_text_puts(t, "\n\n");
	put_item(t, "Execution", fb_render_string(r, "execution_id", "?"));
	put_item(t, "Status", fb_render_string(r, "status", "?"));
	if (json_is_object(rollback)) {
		put_item(t, "Trigger", fb_render_string(r, "reason", fb_render_string(deployment, "error", fb_render_string(deployment, "failed_step", "not recorded"))));
		put_item(t, "Severity", severity(r));
	}
	put_scope(t, r);
	if (json_is_object(rollback)) {
		fb_render_seconds(json_object_get(rollback, "total_duration"), &time);
		put_item(t, "Rollback Time", time.p);
		put_downtime(t, r);
		put_item(t, "System Status", fb_render_string(rollback, "system_status", "UNKNOWN"));
		put_item(t, "Root Cause", fb_render_string(cause, "cause", "not found"));
		put_verdict(t, cause);
		put_explanation(t, json_object_get(cause, "explanation"));
		put_prevention(t, r);
	} else {
		fb_render_seconds(json_object_get(r, "duration"), &time);
		put_item(t, "Duration", time.p);
	}
	put_links(t, "Step", json_object_get(deployment, "steps"));
	put_links(t, "Recovery phase", json_object_get(rollback, "phases"));
	put_recommendations(t, json_object_get(r, "recommendations"));
	put_way_out(t, json_object_get(r, "way_out"));
	put_tasks(t, json_object_get(r, "tasks"));
	fb_text_puts(t, "\n");
	if (fb_render_string(r, "audit_head", NULL))
		fb_text_printf(t, "Audit head: `%s`\n", fb_render_string(r, "audit_head", ""));
	fb_text_clear(&time);
}

static void put_dry_link(const struct fb_style *s, const json_t *link, struct fb_text *t)
{
	const char *title = fb_render_string(link, "title", fb_render_string(link, "name", fb_render_string(link, "id", "?")));
	size_t i;
	json_t *one;
	fb_text_printf(t, "  %s ", fb_style_mark(s, FB_MARK_DOT));
	fb_style_safe(s, t, title);
	if (fb_render_string(link, "message", NULL)) {
		fb_text_puts(t, ": ");
		fb_style_wrap(s, t, fb_render_string(link, "message", ""), 6);
	}
	fb_text_puts(t, "\n");
	json_array_foreach(json_object_get(link, "actions"), i, one) {
		fb_text_printf(t, "      %s ", fb_style_mark(s, FB_MARK_ARROW));
		fb_style_wrap(s, t, json_is_string(one) ? json_string_value(one) : fb_render_string(one, "text", "?"), 8);
		fb_text_puts(t, "\n");
	}
}

void fb_render_dry_run(const struct fb_style *s, const json_t *d, struct fb_text *t)
{
	size_t i;
	json_t *one;
	const char *chain = NULL;
	fb_style_on(s, t, FB_TONE_BOLD);
	fb_text_puts(t, "Dry run: nothing was changed. This would be done:");
	fb_style_off(s, t);
	fb_text_puts(t, "\n");
	json_array_foreach(json_object_get(d, "links"), i, one) {
		const char *in = fb_render_string(one, "chain", NULL);
		if (in && !fb_streq(in, chain)) {
			fb_text_puts(t, "\n");
			fb_style_on(s, t, FB_TONE_BOLD);
			fb_style_safe(s, t, in);
			fb_style_off(s, t);
			fb_text_puts(t, "\n");
			chain = in;
		}
		put_dry_link(s, one, t);
	}
}
