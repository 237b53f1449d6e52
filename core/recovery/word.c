/* SPDX-License-Identifier: Apache-2.0 */
/* The words of an incident. Knows the event and the report, and no notifier. */
#include "recovery/word.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/words.h"
#include "journal/events.h"

/* Headlines; the second where the incident is a deployment's. */
static const struct {
	const char *event, *title, *of_deployment;
} titles[] = {
	{"deployment.started", "Deployment Started", NULL},
	{"deployment.failed", "Deployment Failed", NULL},
	{"deployment.completed", "Deployment Completed", NULL},
	{"rollback.started", "Rollback Started", "Deployment Failed - Automatic Rollback Started"},
	{"rollback.traffic_safe", "Rollback: Traffic Is Safe", "Deployment Failed - Traffic Is Safe"},
	{"rollback.restored", "Rollback: Restored", "Deployment Failed - Last Known Good Restored"},
	{"rollback.verified", "Rollback: Verified", "Deployment Failed - Last Known Good Verified"},
	{"rollback.completed", "Rollback Completed", "Deployment Failed - Automatic Rollback Completed"},
	{"rollback.incomplete", "Rollback Incomplete - A Person Is Needed", "Deployment Failed - Rollback Incomplete, A Person Is Needed"},
	{"backup.created", "Backup Created", NULL},
	{"backup.failed", "Backup Not Created", NULL},
	{"approval.waiting", "Approval Needed", NULL},
	{"approval.decided", "Approval Decided", NULL},
	{"execution.resumed", "Execution Resumed", NULL},
	{"execution.interrupted", "Execution Interrupted", NULL},
	{"execution.stopped", "Execution Stopped", NULL},
	{"execution.ended", "Execution Ended", NULL},
	{"journal.degraded", "Journal: No Space Left", NULL},
	{"journal.caught_up", "Journal: Written Again", NULL},
};

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static void put(json_t *fields, const char *name, const char *value)
{
	json_object_set_new(fields, name, json_string(value ? value : ""));
}

static const char *title_of(const char *event, bool deploys)
{
	for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
		if (!strcmp(titles[i].event, event))
			return deploys && titles[i].of_deployment ? titles[i].of_deployment : titles[i].title;
	return event;
}

bool fb_word_is_final(const char *event)
{
	static const char *const finals[] = {"deployment.completed", "rollback.completed", "rollback.incomplete", "execution.stopped", "execution.ended"};

	for (size_t i = 0; i < sizeof finals / sizeof *finals; i++)
		if (!strcmp(finals[i], event))
			return true;
	return false;
}

int fb_word_rank(const char *severity)
{
	static const char *const ranks[] = {"info", "warning", "error", "critical"};

	for (int i = 3; severity && i > 0; i--)
		if (!strcmp(ranks[i], severity))
			return i;
	return 0;
}

static const char *state_of(const char *event, const char *system)
{
	static const char *const recovering[] = {"rollback.started", "rollback.traffic_safe", "rollback.restored", "rollback.verified"};

	if (!strcmp(event, "rollback.completed"))
		return !*system || !strcmp(system, "STABLE") ? "over" : "open";
	if (!strcmp(event, "deployment.completed"))
		return "over";
	for (size_t i = 0; i < sizeof recovering / sizeof *recovering; i++)
		if (!strcmp(recovering[i], event))
			return "recovering";
	if (!strcmp(event, "deployment.failed") || !strcmp(event, "rollback.incomplete") || !strcmp(event, "execution.interrupted") || !strcmp(event, "journal.degraded"))
		return "open";
	return "news";
}

/* ---- fields ---- */

/* "backend, db" and "backend 2.1 -> 2.0, db 7" */
static void put_services(const json_t *payload, json_t *fields)
{
	struct fb_text names = {0}, releases = {0};
	const json_t *s;
	size_t i;

	json_array_foreach(json_object_get(payload, "services"), i, s) {
		const char *name = text_of(s, "name"), *release = text_of(s, "release"), *failed = text_of(s, "failed"), *good = text_of(s, "last_good");
		const char *from = *failed ? failed : good, *to = *failed ? good : release;

		fb_text_printf(&names, "%s%s", i ? ", " : "", name);
		fb_text_printf(&releases, "%s%s%s%s%s%s", i ? ", " : "", name, *from ? " " : "", from, *from && *to ? " -> " : *to ? " " : "", to);
	}
	put(fields, "services", names.p);
	put(fields, "releases", releases.p);
	fb_text_clear(&names);
	fb_text_clear(&releases);
}

static void put_cause(const json_t *report, json_t *fields)
{
	const json_t *cause = json_object_get(report, "root_cause"), *quote = json_array_get(json_object_get(cause, "evidence"), 0),
		     *confidence = json_object_get(cause, "confidence"), *fix = json_array_get(json_object_get(report, "recommendations"), 0);
	const char *file = text_of(quote, "file"), *example = text_of(fix, "example"), *likely = text_of(cause, "likely_cause"), *class = text_of(cause, "class");
	char text[64];

	put(fields, "cause", *likely ? likely : text_of(cause, "cause"));
	put(fields, "cause_type", *class ? class : text_of(cause, "type"));
	text[0] = 0;
	if (json_is_number(confidence))
		snprintf(text, sizeof text, "%.0f", 100 * json_number_value(confidence));
	put(fields, "confidence", text);
	put(fields, "quote", text_of(quote, "text"));
	if (*file) {
		const json_t *line = json_object_get(quote, "line");
		char *where = json_is_integer(line) ? fb_asprintf("%s:%lld", file, (long long)json_integer_value(line)) : fb_strdup(file);

		put(fields, "source", where);
		fb_free(where);
	}
	if (*text_of(fix, "action")) {
		char *action = fb_asprintf("[%s] %s%s%s", text_of(fix, "priority"), text_of(fix, "action"), *example ? ": " : "", example);

		put(fields, "fix", action);
		fb_free(action);
	}
}

static void put_impact(const json_t *report, json_t *fields)
{
	const json_t *rollback = json_object_get(report, "rollback"), *impact = json_object_get(report, "impact"), *requests = json_object_get(impact, "requests"),
		     *failed = json_object_get(impact, "failed");
	const char *felt = text_of(rollback, "user_impact"), *source = text_of(impact, "source");

	put(fields, "impact", *felt ? felt : text_of(impact, "user_impact"));
	put(fields, "system", text_of(rollback, "system_status"));
	if (json_is_integer(requests) && json_is_integer(failed)) {
		char *detail = fb_asprintf("%lld requests, %lld failed%s%s%s", (long long)json_integer_value(requests), (long long)json_integer_value(failed), *source ? " (" : "", source,
					   *source ? ")" : "");

		put(fields, "impact_detail", detail);
		fb_free(detail);
	}
}

static void put_commands(const json_t *payload, const json_t *report, json_t *fields)
{
	const char *event = text_of(payload, "name"), *id = text_of(payload, "execution"),
		   *way = text_of(json_array_get(json_object_get(report, "way_out"), 0), "command");
	bool waits = !strcmp(event, "approval.waiting"), cut = !strcmp(event, "execution.interrupted");
	char *show = fb_asprintf("failback report %s", id), *next = *way ? fb_strdup(way) : fb_asprintf("failback %s %s", waits ? "approve" : cut ? "resume" : "show", id);

	put(fields, "next", next);
	put(fields, "report", show);
	fb_free(show);
	fb_free(next);
}

static json_t *fields_of(const json_t *payload, const json_t *report)
{
	static const char *const same[] = {"summary", "severity", "status", "time", "incident", "execution", "environment", "kind", "failure", "audit_head"};
	bool deploys = !strcmp(text_of(payload, "kind"), "deploy");
	json_t *fields = json_object();

	for (const char *const *name = fb_words_names; *name; name++)
		put(fields, *name, "");
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		put(fields, same[i], text_of(payload, same[i]));
	put(fields, "event", text_of(payload, "name"));
	put(fields, "plan", text_of(payload, "title"));
	put(fields, "title", title_of(text_of(payload, "name"), deploys));
	put_services(payload, fields);
	put_cause(report, fields);
	put_impact(report, fields);
	put_commands(payload, report, fields);
	return fields;
}

/* ---- text ---- */

static void line(struct fb_text *t, const char *label, const char *value, const char *more)
{
	if (*value)
		fb_text_printf(t, "%s%s: %s%s%s%s", t->n ? "\n" : "", label, value, *more ? " (" : "", more, *more ? ")" : "");
}

static char *text_for_people(const json_t *f)
{
	struct fb_text t = {0};

	fb_text_puts(&t, text_of(f, "summary"));
	line(&t, "Services", *text_of(f, "releases") ? text_of(f, "releases") : text_of(f, "services"), text_of(f, "environment"));
	line(&t, "Cause", text_of(f, "cause"), text_of(f, "cause_type"));
	line(&t, "Seen", text_of(f, "quote"), text_of(f, "source"));
	line(&t, "Fix", text_of(f, "fix"), "");
	line(&t, "User impact", text_of(f, "impact"), text_of(f, "impact_detail"));
	line(&t, "System", text_of(f, "system"), "");
	line(&t, "Next", text_of(f, "next"), "");
	line(&t, "Audit head", text_of(f, "audit_head"), "");
	return fb_text_take(&t);
}

json_t *fb_word_make(const json_t *payload, const json_t *report)
{
	json_t *fields = fields_of(payload, report);
	const char *event = text_of(payload, "name");
	char *text = text_for_people(fields);
	json_t *word = json_pack("{s:s, s:s, s:s, s:b, s:O}", "title", text_of(fields, "title"), "text", text, "state", state_of(event, text_of(fields, "system")), "final",
				 fb_word_is_final(event), "fields", fields);

	fb_free(text);
	json_decref(fields);
	return word;
}

void fb_word_dress(json_t *word, const char *title, const char *text)
{
	const json_t *fields = json_object_get(word, "fields");
	char *made;

	if (title && word) {
		made = fb_words_render(title, fields);
		for (char *p = made; *p; p++) /* a headline is one line */
			if ((unsigned char)*p < ' ')
				*p = ' ';
		json_object_set_new(word, "title", json_string(made));
		json_object_set_new(word, "own_title", json_true());
		fb_free(made);
	}
	if (text && word) {
		made = fb_words_render(text, fields);
		json_object_set_new(word, "text", json_string(made));
		json_object_set_new(word, "own_text", json_true());
		fb_free(made);
	}
}

/* ---- the sample ---- */

static json_t *sample_report(void)
{
	return json_pack("{s:{s:s, s:s, s:s, s:s, s:f, s:[{s:s, s:i, s:s}]}, s:[{s:s, s:s, s:s}], s:{s:s, s:s}, s:{s:i, s:i, s:s}}", "root_cause", "type", "deployment_failure", "class",
			 "missing_file", "cause", "Missing configuration file", "likely_cause", "Missing configuration or dependency file: config/production.json", "confidence", 0.9, "evidence", "file", "logs/plan-7.log", "line", 42, "text",
			 "Error: Cannot find module './config/production.json'", "recommendations", "priority", "HIGH", "action", "add config/production.json", "example",
			 "git add config/production.json", "rollback", "user_impact", "ZERO", "system_status", "STABLE", "impact", "requests", 1200, "failed", 0, "source", "a sample");
}

json_t *fb_word_sample(const char *event, const char *environment)
{
#define X(name, severity, meaning) {name, severity, meaning},
	static const char *const table[][3] = {FB_EVENTS(X)};
#undef X
	char time[FB_TIME_SIZE], head[65];
	const char *severity = "info", *meaning = "";
	bool fine = !strncmp(event, "deployment.started", 18) || !strncmp(event, "deployment.completed", 20) || !strncmp(event, "backup.", 7);
	json_t *p, *report = sample_report();

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(table[i][0], event)) {
			severity = table[i][1];
			meaning = table[i][2];
		}
	memset(head, 'a', sizeof head - 1);
	head[64] = 0;
	p = json_pack("{s:s, s:s+, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:[{s:s, s:s, s:s, s:s?}], s:b}", "schema", "failback.event/1", "id", "deploy-sample-", event,
		      "name", event, "time", fb_clock_format(fb_clock_wall_ms(), time), "severity", severity, "summary", meaning, "incident", "INC-deploy-sample", "execution",
		      "deploy-sample", "status", fine ? "completed" : "failed_with_rollback", "audit_head", head, "environment", environment, "kind", "deploy", "title",
		      "Deploy a sample", "failure", fine ? NULL : "step 7, Verify, failed", "services", "name", "backend", "release", "2.1", "last_good", "2.0", "failed",
		      fine ? NULL : "2.1", "sample", 1);
	json_object_set_new(p, "word", fb_word_make(p, fb_word_is_final(event) && !fine ? report : NULL));
	json_decref(report);
	return p;
}
