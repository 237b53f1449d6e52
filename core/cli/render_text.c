/* SPDX-License-Identifier: Apache-2.0 */
/* Owns how a report looks on a terminal. Knows the document's shape (failback.report/1) and nothing of where it came from. */
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "cli/render.h"
#include "cli/verdict.h"

#define FEW_LINES 6 /* of a block, where not all is told */
#define TITLE_COLUMNS 28

const char *fb_render_string(const json_t *object, const char *name, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(object, name));
	return s && *s ? s : otherwise;
}

void fb_render_seconds(const json_t *seconds, struct fb_text *t)
{
	char buf[32];
	if (!json_is_number(seconds))
		fb_text_puts(t, "-");
	else
		fb_text_puts(t, fb_duration_format((int64_t)(json_number_value(seconds) * 1000.0 + 0.5), buf, sizeof buf));
}

static void put_section(const struct fb_style *s, struct fb_text *t, const char *title)
{
	fb_text_puts(t, "\n");
	fb_style_put(s, t, FB_TONE_BOLD, title);
	fb_text_puts(t, "\n");
}

static void put_wrapped(const struct fb_style *s, struct fb_text *t, int indent, const char *text)
{
	fb_text_printf(t, "%*s", indent, "");
	fb_style_wrap(s, t, text, indent);
	fb_text_puts(t, "\n");
}

/* A command to be copied: never cut, never folded, its own lines kept. */
static void put_command(const struct fb_style *s, struct fb_text *t, int indent, const char *command)
{
	fb_text_printf(t, "%*s", indent, "");
	fb_style_on(s, t, FB_TONE_ACCENT);
	fb_style_safe_lines(s, t, command, indent);
	fb_style_off(s, t);
	fb_text_puts(t, "\n");
}

static void put_phase(const struct fb_style *s, const json_t *phase, struct fb_text *t)
{
	const char *status = fb_render_string(phase, "status", "pending"), *message = fb_render_string(phase, "message", NULL);
	enum fb_mark mark = fb_style_status_mark(status);
	struct fb_text line = {0}, name = {0}, time = {0};
	json_int_t attempts = json_integer_value(json_object_get(phase, "attempts"));
	fb_text_puts(&line, "  ");
	fb_style_put(s, &line, fb_style_mark_tone(mark), fb_style_mark(s, mark));
	fb_text_puts(&line, " ");
	fb_style_safe(s, &name, fb_render_string(phase, "phase", "?"));
	size_t from = line.n;
	fb_style_cut(s, &line, name.p, TITLE_COLUMNS);
	fb_style_pad(&line, from, TITLE_COLUMNS);
	fb_render_seconds(json_object_get(phase, "duration"), &time);
	fb_text_printf(&line, " %9s", time.p);
	if (!fb_streq(status, "completed") && !fb_streq(status, "failed"))
		fb_text_printf(&line, "  %s", status);
	if (json_is_true(json_object_get(phase, "undone")) && !fb_streq(status, "undone"))
		fb_text_puts(&line, "  undone");
	if (attempts > 1)
		fb_text_printf(&line, "  %lld attempts", (long long)attempts);
	if (json_is_true(json_object_get(phase, "crosses_reboot")))
		fb_text_puts(&line, "  across a reboot");
	if (json_is_true(json_object_get(phase, "late")))
		fb_text_puts(&line, "  recorded late");
	fb_style_cut(s, t, line.p, s->width);
	fb_text_puts(t, "\n");
	if (message && fb_streq(status, "failed"))
		put_wrapped(s, t, 4, message);
	fb_text_clear(&line);
	fb_text_clear(&name);
	fb_text_clear(&time);
}

void fb_render_phases(const struct fb_style *s, const json_t *phases, struct fb_text *t)
{
	size_t i;
	json_t *phase;
	json_array_foreach(phases, i, phase) put_phase(s, phase, t);
}

/* What was backed up, of which service, and how it is known that it can come back. */
static void put_items(const struct fb_style *s, const json_t *items, struct fb_text *t)
{
	const json_t *one;
	size_t i;
	json_array_foreach(items, i, one) {
		const char *by = fb_render_string(one, "proven_by", NULL), *kind = fb_render_string(one, "kind", NULL);
		struct fb_text line = {0};
		fb_text_printf(&line, "    %s %s", fb_render_string(one, "service", "?"), fb_render_string(one, "item", "?"));
		if (kind)
			fb_text_printf(&line, ", %s", kind);
		if (json_is_integer(json_object_get(one, "size")))
			fb_text_printf(&line, ", %lld bytes", (long long)json_integer_value(json_object_get(one, "size")));
		if (json_is_true(json_object_get(one, "encrypted")))
			fb_text_puts(&line, ", encrypted");
		fb_text_puts(&line, json_is_true(json_object_get(one, "proven")) ? ", proven" : ", not proven");
		if (by)
			fb_text_printf(&line, fb_streq(by, "restore") ? ": restored apart in %.2f s" : ": read back in %.2f s", json_number_value(json_object_get(one, "restore_seconds")));
		fb_style_cut(s, t, line.p, s->width);
		fb_text_puts(t, "\n");
		fb_text_clear(&line);
	}
}

/* Where it is beside the store. */
static void put_copies(const struct fb_style *s, const json_t *copies, struct fb_text *t)
{
	const json_t *one;
	size_t i;
	json_array_foreach(copies, i, one) {
		struct fb_text line = {0};
		fb_text_printf(&line, "    copy %s: %s", fb_render_string(one, "name", "?"), fb_render_string(one, "state", "?"));
		if (fb_render_string(one, "location", NULL))
			fb_text_printf(&line, ", %s", fb_render_string(one, "location", ""));
		if (fb_render_string(one, "text", NULL))
			fb_text_printf(&line, ": %s", fb_render_string(one, "text", ""));
		fb_style_cut(s, t, line.p, s->width);
		fb_text_puts(t, "\n");
		fb_text_clear(&line);
	}
}

static const char *headline(const char *status)
{
	static const char *const lines[][2] = {{"completed", "Completed"}, {"failed", "Failed, nothing was changed"},
		{"failed_with_rollback", "Failed and rolled back"}, {"rollback_incomplete", "Recovery incomplete: a person is needed"}, {"refused", "Refused"},
		{"stopped", "Stopped"}, {"interrupted", "Interrupted: its engine is gone"}, {"running", "Running"}, {"waiting_approval", "Waiting for approval"}};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (fb_streq(lines[i][0], status))
			return lines[i][1];
	return status;
}

/* What it says in place of the status's own words. */
static const char *words_for(const json_t *r, const char *status)
{
	/* the same word for a rollback that was asked for: it did what it should */
	if (fb_streq(status, "completed") && fb_streq(fb_render_string(r, "kind", ""), "rollback"))
		return "Rolled back";
	if (fb_streq(status, "failed") && json_integer_value(json_object_get(r, "exit_code")) == FB_EXIT_INCOMPLETE)
		return "Failed, and what was changed was not taken back: a person is needed";
	return headline(status);
}

static void put_headline(const struct fb_style *s, const json_t *r, struct fb_text *t)
{
	const char *status = fb_render_string(r, "status", "unknown"), *failure = fb_render_string(r, "failure", NULL);
	const json_t *total = json_object_get(json_object_get(r, "rollback"), "total_duration");
	enum fb_mark mark = fb_style_status_mark(status);
	fb_style_put(s, t, fb_style_mark_tone(mark), fb_style_mark(s, mark));
	fb_text_puts(t, " ");
	fb_style_on(s, t, FB_TONE_BOLD);
	fb_style_safe(s, t, words_for(r, status));
	fb_style_off(s, t);
	fb_text_puts(t, ": ");
	fb_style_safe(s, t, fb_render_string(r, "title", fb_render_string(r, "execution_id", "?")));
	fb_text_puts(t, "\n");
	if (failure && (fb_streq(status, "refused") || fb_streq(status, "failed") || fb_streq(status, "stopped"))) {
		fb_text_puts(t, "  ");
		fb_style_wrap(s, t, failure, 2);
		fb_text_puts(t, "\n");
	}
	if (json_is_number(total) && fb_streq(status, "rollback_incomplete")) {
		fb_text_puts(t, "  Rollback not complete after ");
		fb_render_seconds(total, t);
		fb_text_puts(t, "\n");
	} else if (json_is_number(total)) {
		fb_text_puts(t, "  Rollback complete in ");
		fb_render_seconds(total, t);
		fb_text_puts(t, "\n");
	}
}

/* "ZERO: 0 of 1204 requests failed (haproxy frontend web)" */
static void put_impact(const struct fb_style *s, const char *impact, const json_t *detail, struct fb_text *t)
{
	const json_t *requests = json_object_get(detail, "requests"), *failed = json_object_get(detail, "failed");
	const char *source = fb_render_string(detail, "source", NULL);
	struct fb_text line = {0};
	fb_text_puts(t, "  User impact     ");
	fb_style_on(s, t, fb_streq(impact, "ZERO") ? FB_TONE_GOOD : fb_streq(impact, "SOME") ? FB_TONE_BAD : FB_TONE_WARN);
	fb_style_safe(s, t, impact);
	fb_style_off(s, t);
	if (json_is_integer(requests) && json_integer_value(requests) == 0)
		fb_text_puts(&line, "no request came in");
	else if (json_is_integer(requests) && json_is_integer(failed))
		fb_text_printf(&line, "%lld of %lld requests failed", (long long)json_integer_value(failed), (long long)json_integer_value(requests));
	else
		fb_text_puts(&line, "no counters were there to measure it");
	if (source)
		fb_text_printf(&line, " (%s)", source);
	fb_text_puts(t, ": ");
	fb_style_wrap(s, t, line.p, 20 + (int)strlen(impact));
	fb_text_puts(t, "\n");
	fb_text_clear(&line);
}

static void put_system(const struct fb_style *s, const json_t *rollback, struct fb_text *t)
{
	const char *status = fb_render_string(rollback, "system_status", "UNKNOWN"), *why = fb_render_string(rollback, "system_status_why", NULL);
	fb_text_puts(t, "  System status   ");
	fb_style_put(s, t, fb_streq(status, "STABLE") ? FB_TONE_GOOD : FB_TONE_WARN, status);
	if (why) {
		fb_text_puts(t, ": ");
		fb_style_wrap(s, t, why, 20 + (int)strlen(status));
	}
	fb_text_puts(t, "\n");
}

/* Lines of a log as they stand below each other, each cut at the width. */
static void put_lines(const struct fb_style *s, const char *text, int most, struct fb_text *t)
{
	int n = 0;
	for (; *text && n < most; n++) {
		size_t size = strcspn(text, "\n");
		char *line = fb_asprintf("%.*s", (int)size, text);
		fb_text_puts(t, "      ");
		fb_style_cut(s, t, line, s->width > 12 ? s->width - 6 : s->width);
		fb_text_puts(t, "\n");
		fb_free(line);
		text += size + (text[size] == '\n');
	}
	if (*text)
		put_wrapped(s, t, 6, "…");
}

/* One quote: where it stands, and the line itself, which is folded rather than cut: its end is what matters. */
static void put_quote(const struct fb_style *s, const json_t *one, bool exact, struct fb_text *t)
{
	struct fb_text line = {0};
	fb_text_printf(&line, "%s", fb_render_string(one, "file", "?"));
	if (json_is_integer(json_object_get(one, "line")))
		fb_text_printf(&line, ":%lld", (long long)json_integer_value(json_object_get(one, "line")));
	if (exact && json_is_integer(json_object_get(one, "offset")))
		fb_text_printf(&line, " (%lld bytes at %lld)", (long long)json_integer_value(json_object_get(one, "length")),
			       (long long)json_integer_value(json_object_get(one, "offset")));
	put_wrapped(s, t, 4, line.p);
	if (json_object_get(one, "block"))
		put_lines(s, fb_render_string(one, "text", ""), exact ? INT_MAX : FEW_LINES, t);
	else if (fb_render_string(one, "text", NULL))
		put_wrapped(s, t, 6, fb_render_string(one, "text", ""));
	fb_text_clear(&line);
}

/* In full: all quotes, with their byte ranges; else the best one. */
/* A model's words, and whose they are. */
static void put_explanation(const struct fb_style *s, const json_t *explanation, struct fb_text *t)
{
	struct fb_text line = {0};

	if (!json_is_object(explanation))
		return;
	put_wrapped(s, t, 2, fb_render_string(explanation, "text", ""));
	fb_text_printf(&line, "(%s, %s)", fb_render_string(explanation, "by", "a model"), fb_render_string(explanation, "note", ""));
	put_wrapped(s, t, 2, line.p);
	fb_text_clear(&line);
}

/* The step's own log did not say it. */
static void put_teller(const struct fb_style *s, const json_t *by, struct fb_text *t)
{
	struct fb_text line = {0};

	if (!json_is_object(by))
		return;
	fb_text_printf(&line, "found in what service %s said: %s", fb_render_string(by, "service", "?"), fb_render_string(by, "title", fb_render_string(by, "file", "?")));
	put_wrapped(s, t, 2, line.p);
	fb_text_clear(&line);
}

static void put_verdict(const struct fb_style *s, const json_t *cause, struct fb_text *t)
{
	char *text = fb_verdict_text(cause), *fix = fb_verdict_fix(cause) ? fb_asprintf("What mended it: %s", fb_verdict_fix(cause)) : NULL;

	if (text)
		put_wrapped(s, t, 2, text);
	if (fix)
		put_wrapped(s, t, 2, fix);
	fb_free(text);
	fb_free(fix);
}

static void put_cause(const struct fb_style *s, const json_t *cause, bool full, struct fb_text *t)
{
	const json_t *list = json_object_get(cause, "evidence"), *confidence = json_object_get(cause, "confidence");
	struct fb_text line = {0};
	if (!json_is_object(cause))
		return;
	put_section(s, t, "Root cause");
	put_wrapped(s, t, 2, fb_render_string(cause, "likely_cause", fb_render_string(cause, "cause", "not found")));
	fb_text_printf(&line, "%s in %s", fb_render_string(cause, "type", "unknown type"), fb_render_string(cause, "component", "an unknown component"));
	if (json_is_number(confidence))
		fb_text_printf(&line, ", confidence %.0f %%", json_number_value(confidence) * (json_number_value(confidence) <= 1.0 ? 100.0 : 1.0));
	if (!fb_streq(fb_render_string(cause, "class", NULL), "unknown"))
		put_wrapped(s, t, 2, line.p);
	fb_text_clear(&line);
	put_teller(s, json_object_get(cause, "told_by"), t);
	put_verdict(s, cause, t);
	for (size_t i = 0; i < json_array_size(list) && (full || i < 1 || (i == 1 && json_object_get(json_array_get(list, 1), "block"))); i++)
		put_quote(s, json_array_get(list, i), full, t);
	put_explanation(s, json_object_get(cause, "explanation"), t);
}

static void put_recommendations(const struct fb_style *s, const json_t *list, struct fb_text *t)
{
	size_t i;
	json_t *one;
	if (json_array_size(list) == 0)
		return;
	put_section(s, t, "What to do");
	json_array_foreach(list, i, one) {
		const char *priority = fb_render_string(one, "priority", "MEDIUM"), *more = fb_render_string(one, "description", NULL), *example = fb_render_string(one, "example", NULL);
		fb_text_puts(t, "  ");
		fb_style_on(s, t, fb_streq(priority, "HIGH") ? FB_TONE_BAD : fb_streq(priority, "MEDIUM") ? FB_TONE_WARN : FB_TONE_DIM);
		fb_text_puts(t, "[");
		fb_style_safe(s, t, priority);
		fb_text_puts(t, "]");
		fb_style_off(s, t);
		fb_text_puts(t, " ");
		fb_style_wrap(s, t, fb_render_string(one, "action", "?"), 4);
		fb_text_puts(t, "\n");
		if (more)
			put_wrapped(s, t, 4, more);
		if (example)
			put_command(s, t, 6, example);
	}
}

static void put_way_out(const struct fb_style *s, const json_t *list, const char *title, struct fb_text *t)
{
	size_t i;
	json_t *one;
	if (json_array_size(list) == 0)
		return;
	put_section(s, t, title);
	json_array_foreach(list, i, one) {
		const char *text = fb_render_string(one, "text", NULL), *command = fb_render_string(one, "command", NULL);
		fb_text_printf(t, "  %zu. ", i + 1);
		if (text)
			fb_style_wrap(s, t, text, 5);
		fb_text_puts(t, "\n");
		if (command)
			put_command(s, t, 6, command);
	}
}

static void put_members(const struct fb_style *s, const json_t *list, struct fb_text *t)
{
	size_t i, k;
	json_t *one, *command;
	if (json_array_size(list) == 0)
		return;
	put_section(s, t, "What is where");
	json_array_foreach(list, i, one) {
		const char *status = fb_render_string(one, "status", "unknown"), *detail = fb_render_string(one, "detail", NULL);
		struct fb_text name = {0};
		fb_style_safe(s, &name, fb_render_string(one, "service", "?"));
		fb_text_puts(t, "  ");
		size_t from = t->n;
		fb_text_puts(t, name.p);
		fb_style_pad(t, from, 15);
		fb_text_puts(t, " ");
		fb_style_on(s, t, fb_streq(status, "restored") || fb_streq(status, "unchanged") ? FB_TONE_GOOD : FB_TONE_WARN);
		fb_style_safe(s, t, status);
		fb_style_off(s, t);
		if (fb_render_string(one, "release", NULL)) {
			fb_text_puts(t, "  release ");
			fb_style_safe(s, t, fb_render_string(one, "release", ""));
		}
		if (detail) {
			fb_text_puts(t, "  ");
			fb_style_wrap(s, t, detail, 18);
		}
		fb_text_puts(t, "\n");
		json_array_foreach(json_object_get(one, "commands"), k, command) if (json_is_string(command)) put_command(s, t, 6, json_string_value(command));
		fb_text_clear(&name);
	}
}

static void put_clocks(const struct fb_style *s, const json_t *clocks, struct fb_text *t)
{
	static const char *const names[][2] = {{"traffic_safe", "users safe"}, {"restored", "restored"}, {"verified", "verified"}, {"reported", "reported"}};
	struct fb_text line = {0};
	for (size_t i = 0; i < 4; i++) {
		const json_t *after = json_object_get(json_object_get(clocks, names[i][0]), "after_detection");
		if (!json_is_number(after))
			continue;
		fb_text_printf(&line, "%s%s ", line.n ? ", " : "", names[i][1]);
		fb_render_seconds(after, &line);
	}
	if (line.n) {
		fb_text_puts(t, "  After detection ");
		fb_style_wrap(s, t, line.p, 18);
		fb_text_puts(t, "\n");
	}
	fb_text_clear(&line);
}

static void put_commands_next(const struct fb_style *s, const json_t *r, struct fb_text *t)
{
	const char *id = fb_render_string(r, "execution_id", ""), *status = fb_render_string(r, "status", "");
	const char *word = fb_streq(status, "waiting_approval") ? "Approve with" : fb_streq(status, "interrupted") ? "Go on with" : "More";
	const char *command = fb_streq(status, "waiting_approval") ? "approve" : fb_streq(status, "interrupted") ? "resume" : "report";
	fb_text_printf(t, "\n%s: ", word);
	fb_style_on(s, t, FB_TONE_ACCENT);
	fb_text_printf(t, "failback %s ", command);
	fb_style_safe(s, t, id);
	fb_style_off(s, t);
	fb_text_puts(t, "\n");
}

static void put_outcome(const struct fb_style *s, const json_t *r, struct fb_text *t)
{
	const json_t *rollback = json_object_get(r, "rollback"), *impact = json_object_get(r, "impact");
	if (json_is_object(rollback)) {
		put_impact(s, fb_render_string(rollback, "user_impact", "UNKNOWN"), json_object_get(rollback, "user_impact_detail"), t);
		put_system(s, rollback, t);
		put_clocks(s, json_object_get(r, "clocks"), t);
	} else if (json_is_object(impact) && (fb_streq(fb_render_string(r, "status", ""), "completed") || fb_streq(fb_render_string(r, "status", ""), "failed"))) {
		put_impact(s, fb_render_string(impact, "user_impact", "UNKNOWN"), impact, t);
	}
}

void fb_render_summary(const struct fb_style *s, const json_t *r, struct fb_text *t)
{
	const json_t *deployment = json_object_get(r, "deployment"), *step = json_object_get(deployment, "failed_at_step");
	fb_text_puts(t, "\n");
	put_headline(s, r, t);
	if (json_is_integer(step)) {
		struct fb_text line = {0};
		fb_text_printf(&line, "Step %lld failed: %s", (long long)json_integer_value(step), fb_render_string(deployment, "error", fb_render_string(deployment, "failed_step", "")));
		put_wrapped(s, t, 2, line.p);
		fb_text_clear(&line);
	}
	put_outcome(s, r, t);
	put_cause(s, json_object_get(r, "root_cause"), false, t);
	put_recommendations(s, json_object_get(r, "recommendations"), t);
	if (fb_streq(fb_render_string(r, "status", ""), "rollback_incomplete"))
		put_members(s, json_object_get(r, "members"), t);
	put_way_out(s, json_object_get(r, "way_out"), "To finish by hand", t);
	put_commands_next(s, r, t);
}

static void put_facts(const struct fb_style *s, const json_t *r, struct fb_text *t)
{
	struct fb_text line = {0}, safe = {0};
	const char *release = fb_render_string(r, "release", NULL), *reason = fb_render_string(r, "reason", NULL);
	fb_text_printf(&line, "%s, %s%s%s, %s", fb_render_string(r, "kind", "?"), fb_render_string(r, "environment", "?"), release ? ", release " : "", release ? release : "",
		       fb_render_string(r, "timestamp", "?"));
	if (json_is_number(json_object_get(r, "duration"))) {
		fb_text_puts(&line, ", ");
		fb_render_seconds(json_object_get(r, "duration"), &line);
	}
	fb_text_puts(t, "  ");
	fb_style_safe(s, &safe, fb_render_string(r, "execution_id", "?"));
	fb_style_put(s, t, FB_TONE_DIM, safe.p);
	fb_text_puts(t, "\n");
	put_wrapped(s, t, 2, line.p);
	fb_text_clear(&line);
	fb_text_clear(&safe);
	if (reason) {
		fb_text_printf(&line, "Reason: %s", reason);
		put_wrapped(s, t, 2, line.p);
		fb_text_clear(&line);
	}
}

static void put_tasks(const struct fb_style *s, const json_t *list, struct fb_text *t)
{
	size_t i;
	json_t *one;
	if (json_array_size(list) == 0)
		return;
	put_section(s, t, "Left to do");
	json_array_foreach(list, i, one) {
		const char *due = fb_render_string(one, "due", "");
		fb_text_printf(t, "  by %.10s %.5s  ", due, strlen(due) > 16 ? due + 11 : "");
		fb_style_safe(s, t, fb_render_string(one, "task", "?"));
		fb_text_puts(t, "\n");
	}
}

static void put_files(const struct fb_style *s, const json_t *r, struct fb_text *t)
{
	size_t i;
	json_t *one;
	if (json_array_size(json_object_get(r, "evidence")) > 0)
		put_section(s, t, "Evidence");
	json_array_foreach(json_object_get(r, "evidence"), i, one) {
		fb_text_puts(t, "  ");
		fb_style_safe(s, t, fb_render_string(one, "file", "?"));
		fb_text_printf(t, "  %lld bytes%s  ", (long long)json_integer_value(json_object_get(one, "size")), json_is_true(json_object_get(one, "cut")) ? ", cut" : "");
		fb_style_safe(s, t, fb_render_string(one, "title", ""));
		fb_text_puts(t, "\n");
	}
}

void fb_render_text(const struct fb_style *s, const json_t *r, struct fb_text *t)
{
	const json_t *backup = json_object_get(r, "backup"), *deployment = json_object_get(r, "deployment"), *rollback = json_object_get(r, "rollback");
	const char *head = fb_render_string(r, "audit_head", NULL);
	put_headline(s, r, t);
	put_facts(s, r, t);
	put_outcome(s, r, t);
	if (json_is_object(backup)) {
		put_section(s, t, "Backup");
		fb_render_phases(s, json_object_get(backup, "phases"), t);
		put_items(s, json_object_get(backup, "items"), t);
		put_copies(s, json_object_get(backup, "copies"), t);
	}
	if (fb_streq(fb_render_string(r, "kind", ""), "deploy") && json_is_false(json_object_get(r, "backup_created")) && json_array_size(json_object_get(backup, "phases")) > 0)
		fb_text_puts(t, "  Backup not created - rollback may be limited\n");
	if (json_array_size(json_object_get(deployment, "steps")) > 0) {
		put_section(s, t, "Plan");
		fb_render_phases(s, json_object_get(deployment, "steps"), t);
	}
	if (json_is_object(rollback)) {
		put_section(s, t, "Recovery");
		fb_render_phases(s, json_object_get(rollback, "phases"), t);
	}
	put_cause(s, json_object_get(r, "root_cause"), true, t);
	put_recommendations(s, json_object_get(r, "recommendations"), t);
	put_members(s, json_object_get(r, "members"), t);
	put_way_out(s, json_object_get(r, "way_out"), "To finish by hand", t);
	put_tasks(s, json_object_get(r, "tasks"), t);
	put_files(s, r, t);
	if (head) {
		fb_text_puts(t, "\n");
		fb_style_on(s, t, FB_TONE_DIM);
		fb_text_printf(t, "Audit head %s", head);
		fb_style_off(s, t);
		fb_text_puts(t, "\n");
	}
}
