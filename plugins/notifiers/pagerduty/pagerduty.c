/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier pagerduty: Events API v2. An incident is one alert under a dedup key that never changes: triggered when something is broken, acknowledged when the
 * way back has begun, resolved when what is live was verified, and not before. A deployment that went well is a change event, which wakes nobody.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/incident.h"
#include "plugins/common/post.h"
#include "plugins/common/run.h"

#define SUMMARY_MAX 1024
#define DETAIL_MAX 4000
#define KEY_LENGTH 32
#define BODY_MAX (512 * 1024)
#define BUSY_MS (2 * 60 * 1000) /* "back off for a few minutes" */

static const struct fb_option options[] = {
	{.name = "routing_key", .type = FB_TYPE_STRING, .flags = FB_OPTION_REQUIRED | FB_OPTION_SECRET, .alias = "api_key", .summary = "Integration key of an Events API v2 integration, 32 characters"},
	{.name = "severities", .type = FB_TYPE_MAP, .summary = "Of our severities (info, warning, error, critical), those that are another one of theirs"},
	{.name = "change_events", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Deployments that went well are change events"},
	{.name = "client_url", .type = FB_TYPE_URL, .summary = "Page that the alert links to"},
	{.name = "api_url", .type = FB_TYPE_URL, .default_value = "https://events.pagerduty.com", .summary = "Where the Events API is"},
	POST_OPTIONS,
	INCIDENT_GROUP_OPTIONS("each"),
	{0},
};

#define CHANGE "change"

static const char *const actions[] = {"trigger", "acknowledge", "resolve"};

static char *option_copy(const struct fb_call *call, const char *name)
{
	const char *s = call->host->option(call, name);

	return s && *s ? run_copy(s) : NULL;
}

/* ---- what is sent ---- */

/* Ours and theirs are the same words. */
static const char *severity(const char *word)
{
	static const char *const known[] = {"critical", "error", "warning", "info"};

	for (size_t k = 0; word && k < 4; k++)
		if (!strcmp(known[k], word))
			return known[k];
	return NULL;
}

static const char *severity_of(const struct fb_call *call, const struct incident *i)
{
	char path[64];
	const char *given;

	snprintf(path, sizeof(path), "severities.%.32s", i->severity);
	given = severity(call->host->option(call, path));
	return given ? given : severity(i->severity) ? severity(i->severity) : "error";
}

static void put_cut(json_t *o, const char *name, const char *value, size_t max)
{
	char *cut = incident_cut(value, max);

	if (*cut)
		json_object_set_new(o, name, json_string(cut));
	free(cut);
}

static json_t *details_of(const struct incident *i)
{
	static const char *const names[] = {"summary", "services", "releases", "environment", "failure", "cause", "cause_type", "confidence", "quote", "source",
					    "fix", "impact", "impact_detail", "system", "status", "next", "audit_head"};
	json_t *details = json_object();
	const char *grade = i->severity;

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		put_cut(details, names[k], incident_field(i, names[k]), DETAIL_MAX);
	put_cut(details, "text", i->text, DETAIL_MAX);
	put_cut(details, "incident", i->key, 255);
	json_object_set_new(details, "priority", json_string(!strcmp(grade, "critical") || !strcmp(grade, "error") ? "HIGH" : !strcmp(grade, "warning") ? "MEDIUM" : "LOW"));
	return details;
}

/* "Deployment Failed - …: backend 2.1 -> 2.0 (production): step 7 failed" */
static char *summary_of(const struct incident *i)
{
	const char *what = incident_field(i, "releases"), *environment = incident_field(i, "environment"), *why = incident_field(i, "failure");
	char *text = NULL, *ret;

	if (i->own_title)
		return incident_cut(i->title, SUMMARY_MAX);
	if (asprintf(&text, "%s%s%s%s%s%s%s%s", i->title, *what ? ": " : "", what, *environment ? " (" : "", environment, *environment ? ")" : "", *why ? ": " : "", why) < 0)
		abort();
	for (char *p = text; *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	ret = incident_cut(text, SUMMARY_MAX);
	free(text);
	return ret;
}

static json_t *payload_of(const struct fb_call *call, const struct fb_event *event, const struct incident *i, bool change)
{
	const char *service = incident_field(i, "services");
	char *summary = summary_of(i), source[200];
	json_t *p;

	snprintf(source, sizeof(source), "failback/%.150s", call->environment ? call->environment : "unknown");
	p = json_pack("{s:s, s:s, s:s?, s:o}", "summary", summary, "source", source, "timestamp", event->time, "custom_details", details_of(i));
	if (!change) {
		json_object_set_new(p, "severity", json_string(severity_of(call, i)));
		put_cut(p, "component", service, 255);
		put_cut(p, "group", call->environment ? call->environment : "", 255);
		put_cut(p, "class", incident_field(i, "cause_type"), 255);
	}
	free(summary);
	return p;
}

/* An alert that was acknowledged, by us, wakes nobody however often it is triggered: that a person is needed is an alert of its own. */
static char *dedup_key(const struct fb_event *event, const struct incident *i)
{
	char *text = NULL, *ret;

	if (asprintf(&text, "%.240s%s", i->key, strcmp(event->name, "rollback.incomplete") ? "" : "-incomplete") < 0)
		abort();
	ret = incident_cut(text, 255);
	free(text);
	return ret;
}

static json_t *body_of(const struct fb_call *call, const struct fb_event *event, const struct incident *i, const char *action)
{
	bool change = !strcmp(action, CHANGE);
	char *key = option_copy(call, "routing_key"), *url = option_copy(call, "client_url"), *dedup = dedup_key(event, i);
	json_t *body = json_pack("{s:s}", "routing_key", key ? key : "");

	if (!change) {
		json_object_set_new(body, "event_action", json_string(action));
		json_object_set_new(body, "dedup_key", json_string(dedup));
	}
	if (change || !strcmp(action, "trigger"))
		json_object_set_new(body, "payload", payload_of(call, event, i, change));
	if (!change && !strcmp(action, "trigger")) {
		json_object_set_new(body, "client", json_string("failback"));
		if (url)
			json_object_set_new(body, "client_url", json_string(url));
	}
	if (url)
		json_object_set_new(body, "links", json_pack("[{s:s, s:s}]", "href", url, "text", "failback"));
	free(key);
	free(url);
	free(dedup);
	return body;
}

static int32_t send_event(const struct fb_call *call, const struct fb_event *event, const struct incident *i, const char *action)
{
	json_t *body = body_of(call, event, i, action);
	char *text = json_dumps(body, JSON_COMPACT), *api = option_copy(call, "api_url"), *url = NULL;
	struct post_request q = {.body = text};
	int32_t answer = FB_OK;
	struct post_answer a;

	json_decref(body);
	if (!text || asprintf(&url, "%s/v2/%s", api, strcmp(action, CHANGE) ? "enqueue" : "change/enqueue") < 0)
		abort();
	q.url = url;
	if (strlen(text) > BODY_MAX) {
		call->host->fail(call, "posting %s: %zu bytes are more than PagerDuty takes (%d)", event->name, strlen(text), BODY_MAX);
		answer = FB_FAIL;
	} else if (call->flags & FB_CALL_DRY_RUN) {
		incident_preview(call, "POST", url, text);
	} else {
		post_send(call, &q, &a);
		if (a.status == 429 && a.retry_after_ms < 0)
			a.retry_after_ms = BUSY_MS;
		if (!post_ok(&a))
			answer = post_judge(call, event->name, "PagerDuty", &a, "look at 'routing_key' and the integration");
		post_clear(&a);
	}
	free(text);
	free(api);
	free(url);
	return answer;
}

/* ---- which ---- */

/* How far the alert is: 0 nothing was sent, 1 triggered, 2 acknowledged, 3 resolved. */
static int stage_of(const struct fb_call *call)
{
	const char *fact = call->host->fact(call, FB_SCOPE_OWN, "stage");

	for (int i = 0; fact && i < 3; i++)
		if (!strcmp(fact, actions[i]))
			return i + 1;
	return 0;
}

/* What was sent and could not be recorded is sent again, which the dedup key makes harmless. */
static int32_t step(const struct fb_call *call, const struct fb_event *event, const struct incident *i, int action)
{
	int32_t answer = send_event(call, event, i, actions[action]);

	if (answer == FB_OK && !(call->flags & FB_CALL_DRY_RUN) && call->host->fact_set(call, FB_SCOPE_OWN, "stage", actions[action]))
		call->host->log(call, FB_LOG_WARNING, "that PagerDuty was told to %s could not be recorded", actions[action]);
	return answer;
}

static int32_t change(const struct fb_call *call, const struct fb_event *event, const struct incident *i)
{
	const char *key = call->host->option(call, "routing_key");
	bool ruleset = key && *key == 'R'; /* of event orchestration, which takes no change events */

	if (ruleset || strcmp(event->name, "deployment.completed") || !call->host->option_int(call, "change_events", 1))
		return FB_SKIP;
	return send_event(call, event, i, CHANGE);
}

static int32_t decide(const struct fb_call *call, const struct fb_event *event, const struct incident *i)
{
	int stage = stage_of(call);
	int32_t answer = FB_OK;

	if (!strcmp(i->state, "open"))
		return step(call, event, i, 0);
	if (!strcmp(i->state, "recovering")) {
		if (stage >= 2)
			return FB_SKIP;
		if (stage == 0)
			answer = step(call, event, i, 0);
		return answer == FB_OK ? step(call, event, i, 1) : answer;
	}
	if (!strcmp(i->state, "over") && strcmp(event->name, "deployment.completed"))
		return step(call, event, i, 2);
	if (stage == 1 || stage == 2) { /* a deployment that failed, and went well when it was gone on with */
		if (strcmp(i->state, "over"))
			return FB_SKIP;
		answer = step(call, event, i, 2);
	}
	return answer == FB_OK ? change(call, event, i) : answer;
}

static int32_t notify(const struct fb_call *call, const struct fb_event *event)
{
	struct incident i;
	int32_t answer;

	if (!incident_read(call, event, &i))
		return FB_FATAL;
	answer = decide(call, event, &i);
	incident_clear(&i);
	return answer;
}

static int32_t check(const struct fb_call *call)
{
	char *key = option_copy(call, "routing_key"), *api = option_copy(call, "api_url");
	uint32_t n = call->host->option_count(call, "severities");
	int32_t answer = FB_OK;

	if (!key || strlen(key) != KEY_LENGTH) {
		call->host->fail(call, "'routing_key' has %zu characters, and an integration key has %d: take that of an Events API v2 integration", key ? strlen(key) : 0, KEY_LENGTH);
		answer = FB_FATAL;
	} else if (!post_is_private(call, "api_url", api)) {
		answer = FB_FATAL;
	}
	for (uint32_t k = 0; answer == FB_OK && k < n; k++) {
		char *ours = run_copy(call->host->option_key(call, "severities", k)), path[80], *theirs;

		snprintf(path, sizeof(path), "severities.%.60s", ours);
		theirs = option_copy(call, path);
		if (!severity(ours) || !severity(theirs)) {
			call->host->fail(call, "severities: '%s = %s': both are one of info, warning, error, critical", ours, theirs ? theirs : "");
			answer = FB_FATAL;
		}
		free(ours);
		free(theirs);
	}
	free(key);
	free(api);
	return answer;
}

static const struct fb_notifier_ops ops = {.check = check, .notify = notify};

FB_PLUGIN(NOTIFIER, .name = "pagerduty", .version = "0.1.0", .summary = "Triggers, acknowledges and resolves alerts of PagerDuty", .license = "Apache-2.0", .options = options,
	  .notifier = &ops)
