/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier teams: posts an incident as an Adaptive Card to a Workflows webhook of Microsoft Teams. What is not ours stands in text runs, which have no
 * markup. Cards of a webhook cannot be updated: with group incident there are few of them.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/incident.h"
#include "plugins/common/post.h"
#include "plugins/common/run.h"

#define BODY_MAX (28 * 1024)

static const struct fb_option options[] = {
	{.name = "webhook_url", .type = FB_TYPE_URL, .flags = FB_OPTION_REQUIRED | FB_OPTION_SECRET, .summary = "Address of the workflow \"Post to a channel when a webhook request is received\""},
	POST_OPTIONS,
	INCIDENT_GROUP_OPTIONS("incident"),
	{0},
};

static json_t *run_of(const char *text, const char *style, const char *colour)
{
	json_t *run = json_pack("{s:s, s:s}", "type", "TextRun", "text", text);

	if (style && !strcmp(style, "bold"))
		json_object_set_new(run, "weight", json_string("Bolder"));
	if (style && !strcmp(style, "code"))
		json_object_set_new(run, "fontType", json_string("Monospace"));
	if (style && !strcmp(style, "title")) {
		json_object_set_new(run, "weight", json_string("Bolder"));
		json_object_set_new(run, "size", json_string("Large"));
	}
	if (colour)
		json_object_set_new(run, "color", json_string(colour));
	return run;
}

static void add(json_t *body, const char *label, const char *text, const char *style, const char *colour, size_t max)
{
	json_t *runs = json_array();
	char *cut, before[64];

	if (text && *text) {
		cut = incident_cut(text, max);
		snprintf(before, sizeof(before), "%s: ", label ? label : "");
		if (label)
			json_array_append_new(runs, run_of(before, "bold", NULL));
		json_array_append_new(runs, run_of(cut, style, colour));
		json_array_append_new(body, json_pack("{s:s, s:O}", "type", "RichTextBlock", "inlines", runs));
		free(cut);
	}
	json_decref(runs);
}

/* max: characters of any one text */
static char *card(const struct incident *i, size_t max)
{
	const char *colour = !strcmp(i->state, "over") ? "Good" : !strcmp(i->severity, "info") ? "Default" : !strcmp(i->severity, "warning") ? "Warning" : "Attention";
	const char *summary = incident_field(i, "summary");
	json_t *body = json_array(), *message;
	char *text;

	add(body, NULL, i->title, "title", colour, max < 200 ? max : 200);
	add(body, NULL, i->own_text || !*summary ? i->text : summary, NULL, NULL, max);
	if (!i->own_text) {
		for (const struct incident_fact *f = incident_facts; f->label; f++) {
			char *value = incident_fact_text(i, f);

			add(body, f->label, value, NULL, NULL, max);
			free(value);
		}
		add(body, "Seen", incident_field(i, "quote"), "code", NULL, max);
		add(body, "Fix", incident_field(i, "fix"), "code", NULL, max);
		add(body, "Next", incident_field(i, "next"), "code", NULL, max);
	}
	add(body, "Incident", i->key, NULL, NULL, max);
	add(body, "Audit head", incident_field(i, "audit_head"), "code", NULL, max);
	message = json_pack("{s:s, s:[{s:s, s:n, s:{s:s, s:s, s:s, s:o, s:{s:s}}}]}", "type", "message", "attachments", "contentType", "application/vnd.microsoft.card.adaptive", "contentUrl",
			    "content", "$schema", "http://adaptivecards.io/schemas/adaptive-card.json", "type", "AdaptiveCard", "version", "1.4", "body", body, "msteams", "width", "Full");
	text = json_dumps(message, JSON_COMPACT);
	json_decref(message);
	if (!text)
		abort();
	return text;
}

/* The card with its texts as long as they may be */
static char *fitting(const struct incident *i)
{
	char *text = NULL;

	for (size_t max = 8000; max >= 100; max /= 2) {
		free(text);
		text = card(i, max);
		if (strlen(text) <= BODY_MAX)
			break;
	}
	return text;
}

static int32_t notify(const struct fb_call *call, const struct fb_event *event)
{
	struct post_request q = {0};
	struct post_answer a;
	struct incident i;
	char *body, *url;
	int32_t answer = FB_OK;

	if (!incident_read(call, event, &i))
		return FB_FATAL;
	body = fitting(&i);
	incident_clear(&i);
	if (call->flags & FB_CALL_DRY_RUN) {
		incident_preview(call, "POST", "webhook_url", body);
		free(body);
		return FB_OK;
	}
	q.url = url = run_copy(call->host->option(call, "webhook_url"));
	q.body = body;
	post_send(call, &q, &a);
	if (!post_ok(&a))
		answer = post_judge(call, event->name, "Teams", &a, "look at the workflow, and who owns it");
	post_clear(&a);
	free(url);
	free(body);
	return answer;
}

static int32_t check(const struct fb_call *call)
{
	char *url = run_copy(call->host->option(call, "webhook_url"));
	int32_t answer = post_is_private(call, "webhook_url", url) ? FB_OK : FB_FATAL;

	free(url);
	return answer;
}

static const struct fb_notifier_ops ops = {.check = check, .notify = notify};

FB_PLUGIN(NOTIFIER, .name = "teams", .version = "0.1.0", .summary = "Posts an incident as an Adaptive Card to Microsoft Teams", .license = "Apache-2.0", .options = options,
	  .notifier = &ops)
