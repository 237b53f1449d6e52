/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier webhook: posts an event as a CloudEvent 1.0 in structured mode (application/cloudevents+json). The event's id is the same for every attempt, so
 * a receiver drops what it has seen. Decides from the answer whether another attempt makes sense; the outbox makes it.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/incident.h"
#include "plugins/common/post.h"
#include "plugins/common/run.h"
#include "plugins/notifiers/webhook/sign.h"

static const struct fb_option options[] = {
	{.name = "url", .type = FB_TYPE_URL, .flags = FB_OPTION_REQUIRED | FB_OPTION_SECRET, .summary = "Address to post to; it may hold a token"},
	{.name = "headers", .type = FB_TYPE_MAP, .summary = "More headers"},
	{.name = "secret_headers", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "More headers whose values are secret, such as Authorization"},
	{.name = "source", .type = FB_TYPE_STRING, .summary = "The event's source, a URI reference; /failback/ENVIRONMENT when not set"},
	{.name = "signing_key", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "Signs the body: X-Failback-Signature: sha256=HMAC"},
	POST_OPTIONS,
	INCIDENT_GROUP_OPTIONS("each"),
	{0},
};

/* The CloudEvent as text, to be freed; NULL when the event's data is not JSON. */
static char *make_event(const struct fb_call *call, const struct fb_event *event)
{
	const char *given = call->host->option(call, "source");
	json_t *data = json_loads(event->data ? event->data : "{}", 0, NULL), *root;
	char source[300], type[200];
	char *ret;

	if (!data)
		return NULL;
	snprintf(source, sizeof(source), "/failback/%s", call->environment ? call->environment : "unknown");
	snprintf(type, sizeof(type), "dev.failback.%s.v1", event->name);
	root = json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "specversion", "1.0", "id", event->id, "source", given ? given : source, "type", type, "datacontenttype",
			 "application/json", "data", data);
	/* optional attributes and extensions (names: lower-case letters and digits, CloudEvents 1.0, 3.1) */
	const struct { const char *name, *value; } more[] = {
		{"time", event->time}, {"subject", call->execution}, {"severity", event->severity}, {"incident", event->incident}, {"summary", event->summary}};
	for (size_t i = 0; root && i < sizeof(more) / sizeof(more[0]); i++)
		if (more[i].value && *more[i].value)
			json_object_set_new(root, more[i].name, json_string(more[i].value));
	ret = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	return ret;
}

static struct curl_slist *add_map(const struct fb_call *call, struct curl_slist *list, const char *map)
{
	const struct fb_host *h = call->host;
	uint32_t n = h->option_count(call, map);

	for (uint32_t i = 0; i < n; i++) {
		char *name = run_copy(h->option_key(call, map, i)), path[300];
		const char *value;
		snprintf(path, sizeof(path), "%s.%s", map, name);
		value = h->option(call, path);
		list = post_header(list, name, value ? value : "");
		free(name);
	}
	return list;
}

static struct curl_slist *make_headers(const struct fb_call *call, const char *body)
{
	struct curl_slist *list;
	const char *key = call->host->option(call, "signing_key");
	char signature[SIGN_SIZE];

	list = add_map(call, add_map(call, NULL, "headers"), "secret_headers");
	if (key && !sign(key, body, strlen(body), signature))
		list = post_header(list, "X-Failback-Signature", signature);
	return list;
}

static int32_t notify(const struct fb_call *call, const struct fb_event *event)
{
	struct post_request q = {.content_type = "application/cloudevents+json; charset=UTF-8"};
	char *body = make_event(call, event);
	struct post_answer a;
	int32_t answer = FB_OK;
	char *url;

	if (!body) {
		call->host->fail(call, "event %s cannot be posted: its data is not a JSON document", event->name);
		return FB_FATAL;
	}
	if (call->flags & FB_CALL_DRY_RUN) {
		incident_preview(call, "POST", "url", body);
		free(body);
		return FB_OK;
	}
	q.url = url = run_copy(call->host->option(call, "url"));
	q.body = body;
	q.headers = make_headers(call, body);
	post_send(call, &q, &a);
	if (!post_ok(&a))
		answer = post_judge(call, event->name, "the receiver", &a, "look at 'url', its token and the receiver");
	post_clear(&a);
	curl_slist_free_all(q.headers);
	free(url);
	free(body);
	return answer;
}

static int32_t check(const struct fb_call *call)
{
	const char *key = call->host->option(call, "signing_key"), *source = call->host->option(call, "source");

	if (key && strlen(key) < 16)
		call->host->advise(call, "signing_key has fewer than 16 characters: use a longer one", "openssl rand -hex 32");
	if (source && (!*source || strpbrk(source, " \t\r\n<>\""))) {
		call->host->fail(call, "source '%s' is not a URI reference: it is empty, or has spaces, quotes or angle brackets", source);
		return FB_FATAL;
	}
	return FB_OK;
}

static const struct fb_notifier_ops ops = {.check = check, .notify = notify};

FB_PLUGIN(NOTIFIER, .name = "webhook", .version = "0.1.0", .summary = "Posts events as CloudEvents 1.0", .license = "Apache-2.0", .options = options,
	  .notifier = &ops)
