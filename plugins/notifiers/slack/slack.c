/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier slack: tells of an incident in a channel. With an incoming webhook each message is new; with a token the first is posted (chat.postMessage) and
 * then updated (chat.update). Which message is the incident's is a fact of the execution, recorded before and after it is posted, so that another attempt,
 * or another engine, finds it again: a message that was posted and not recorded is looked for by its metadata.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/common/post.h"
#include "plugins/common/run.h"
#include "plugins/notifiers/slack/message.h"

#define EVENT_TYPE "failback_incident"

static const struct fb_option options[] = {
	{.name = "webhook_url", .type = FB_TYPE_URL, .flags = FB_OPTION_SECRET, .summary = "Address of an incoming webhook"},
	{.name = "token", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "Token of a bot (chat:write), instead of webhook_url; messages are then updated"},
	{.name = "channel", .type = FB_TYPE_STRING, .summary = "With a token: the channel's id (C0123456789), or its name; with a webhook, which has a channel of its own, a label"},
	{.name = "mention", .type = FB_TYPE_STRING, .summary = "Before messages of severity error and critical, in Slack's markup: <!here>, <@U0123456789>"},
	{.name = "api_url", .type = FB_TYPE_URL, .default_value = "https://slack.com/api", .summary = "With a token: where Slack's methods are"},
	POST_OPTIONS,
	INCIDENT_GROUP_OPTIONS("incident"),
	{0},
};

static char *option_copy(const struct fb_call *call, const char *name)
{
	const char *s = call->host->option(call, name);

	return s && *s ? run_copy(s) : NULL;
}

static bool is_among(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

/* What another attempt without blocks may mend */
static const char *const payload_errors[] = {"invalid_payload",       "invalid_blocks",     "invalid_blocks_format", "no_text", "invalid_attachments",
					     "msg_blocks_too_long", "too_many_attachments", "msg_too_long", "invalid_metadata_format", "metadata_too_large", NULL};
static const char *const passing_errors[] = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "rollup_error",
					     "team_added_to_org", "external_channel_migrating", NULL};
static const char *const gone_errors[] = {"message_not_found", "cant_update_message", "edit_window_closed", NULL};

/* Which message is the incident's: "CHANNEL TS" */
struct place {
	char channel[64], ts[32];
};

/* ---- the webhook ---- */

static void word_of(const struct post_answer *a, char *buf, size_t size)
{
	post_line(a, buf, size);
	buf[strcspn(buf, " \t")] = 0;
}

static void post_json(const struct fb_call *call, const char *url, const json_t *body, const char *token, struct post_answer *a)
{
	char *text = json_dumps(body, JSON_COMPACT), *bearer = NULL;
	struct post_request q = {.url = url, .body = text};

	if (!text || (token && asprintf(&bearer, "Bearer %s", token) < 0))
		abort();
	if (bearer)
		q.headers = post_header(NULL, "Authorization", bearer);
	post_send(call, &q, a);
	curl_slist_free_all(q.headers);
	free(bearer);
	free(text);
}

static int32_t to_webhook(const struct fb_call *call, const char *what, const struct incident *i, const char *mention)
{
	char *url = option_copy(call, "webhook_url"), word[80];
	int32_t answer = FB_OK;
	struct post_answer a;

	for (int plain = 0; plain < 2; plain++) {
		json_t *message = slack_message(i, mention, plain);

		post_json(call, url, message, NULL, &a);
		json_decref(message);
		word_of(&a, word, sizeof(word));
		if (plain || a.code != CURLE_OK || a.status < 400 || !is_among(word, payload_errors))
			break;
		call->host->log(call, FB_LOG_WARNING, "Slack did not take the message as it was made (%ld: %s); it is sent once more as plain text", a.status, word);
		post_clear(&a);
	}
	if (!post_ok(&a))
		answer = post_judge(call, what, "Slack", &a, "look at the webhook and its channel in Slack");
	post_clear(&a);
	free(url);
	return answer;
}

/* ---- the methods ---- */

struct slack {
	const struct fb_call *call;
	const char *what;
	char *token, *channel, *api;
};

/* Calls a method. FB_OK: *ret is the answer (a new reference), which has ok true, or an error of payload_errors or gone_errors, named in word. */
static int32_t call_method(const struct slack *s, const char *method, const json_t *body, json_t **ret, char *word, size_t size)
{
	const struct fb_host *h = s->call->host;
	struct post_answer a;
	int32_t answer = FB_OK;
	char *url = NULL;

	*word = 0;
	*ret = NULL;
	if (asprintf(&url, "%s/%s", s->api, method) < 0)
		abort();
	post_json(s->call, url, body, s->token, &a);
	if (post_ok(&a))
		*ret = json_loads(a.body, 0, NULL);
	if (post_ok(&a) && !json_is_object(*ret) && !a.cut) {
		h->fail(s->call, "posting %s: Slack answered %s with what is not JSON", s->what, method);
		answer = FB_RETRY;
	} else if (!post_ok(&a)) {
		answer = post_judge(s->call, s->what, "Slack", &a, "look at 'api_url' and the token");
	} else if (!json_is_true(json_object_get(*ret, "ok"))) {
		const char *error = json_string_value(json_object_get(*ret, "error"));

		run_printable(error ? error : "?", strlen(error ? error : "?"), word, size);
		if (is_among(word, passing_errors)) {
			if (a.retry_after_ms >= 0)
				h->retry_after(s->call, a.retry_after_ms);
			h->fail(s->call, "posting %s: Slack answered %s: %s", s->what, method, word);
			answer = FB_RETRY;
		} else if (!is_among(word, payload_errors) && !is_among(word, gone_errors)) {
			h->fail(s->call, "posting %s: Slack answered %s: %s; it will not take it however often it is sent: look at the token, its scopes and the channel", s->what, method, word);
			answer = FB_FAIL;
		}
	}
	post_clear(&a);
	free(url);
	if (answer != FB_OK) {
		json_decref(*ret);
		*ret = NULL;
	}
	return answer;
}

static void take_place(struct place *p, const char *channel, const char *ts)
{
	snprintf(p->channel, sizeof(p->channel), "%s", channel ? channel : "");
	snprintf(p->ts, sizeof(p->ts), "%s", ts ? ts : "");
}

static bool recall(const struct fb_call *call, struct place *ret)
{
	const char *fact = call->host->fact(call, FB_SCOPE_OWN, "message"), *space = fact ? strchr(fact, ' ') : NULL;

	memset(ret, 0, sizeof(*ret));
	if (!space || (size_t)(space - fact) >= sizeof(ret->channel))
		return false;
	memcpy(ret->channel, fact, (size_t)(space - fact));
	snprintf(ret->ts, sizeof(ret->ts), "%s", space + 1);
	return *ret->ts != 0;
}

static int32_t keep(const struct fb_call *call, const struct place *p)
{
	char text[sizeof(p->channel) + sizeof(p->ts) + 2];

	snprintf(text, sizeof(text), "%s %s", p->channel, p->ts);
	return call->host->fact_set(call, FB_SCOPE_OWN, "message", text);
}

/* Was it posted by an attempt that did not live to record it? The channel must be an id for this, and the token may read its history. */
static int32_t look_for(const struct slack *s, const struct incident *i, const char *since, struct place *ret)
{
	struct post_request q = {0};
	struct post_answer a;
	char *url = NULL, *bearer = NULL;
	const json_t *list, *m;
	json_t *root;
	size_t k;

	if (!strchr("CGD", *s->channel)) {
		s->call->host->log(s->call, FB_LOG_WARNING, "whether Slack has a message of %s already cannot be seen without the channel's id: it may be there twice", i->key);
		return FB_OK;
	}
	if (asprintf(&url, "%s/conversations.history?channel=%s&oldest=%s&limit=200&include_all_metadata=true", s->api, s->channel, since) < 0 ||
	    asprintf(&bearer, "Bearer %s", s->token) < 0)
		abort();
	q.url = url;
	q.headers = post_header(NULL, "Authorization", bearer);
	post_send(s->call, &q, &a);
	curl_slist_free_all(q.headers);
	free(url);
	free(bearer);
	root = post_ok(&a) ? json_loads(a.body, 0, NULL) : NULL;
	if (a.code != CURLE_OK || a.status == 429 || a.status >= 500) {
		int32_t answer = post_judge(s->call, s->what, "Slack", &a, NULL);

		post_clear(&a);
		return answer;
	}
	post_clear(&a);
	if (!json_is_true(json_object_get(root, "ok")))
		s->call->host->log(s->call, FB_LOG_WARNING, "whether Slack has a message of %s already cannot be seen (conversations.history needs the channel's id and the scope "
				   "channels:history or groups:history); it may be there twice", i->key);
	list = json_object_get(root, "messages");
	json_array_foreach(list, k, m) {
		const json_t *metadata = json_object_get(m, "metadata");
		const char *type = json_string_value(json_object_get(metadata, "event_type")), *key = json_string_value(json_object_get(json_object_get(metadata, "event_payload"), "incident"));

		if (type && key && !strcmp(type, EVENT_TYPE) && !strcmp(key, i->key))
			take_place(ret, s->channel, json_string_value(json_object_get(m, "ts")));
	}
	json_decref(root);
	return FB_OK;
}

static int32_t no_fact(const struct slack *s)
{
	s->call->host->fail(s->call, "posting %s: what was posted could not be recorded", s->what);
	return FB_RETRY;
}

/* Finds the incident's message, or records that one is about to be posted. */
static int32_t prepare(const struct slack *s, const struct incident *i, struct place *at)
{
	const struct fb_host *h = s->call->host;
	const char *begun = h->fact(s->call, FB_SCOPE_OWN, "posting");
	char since[32];
	int32_t answer;

	if (begun) {
		snprintf(since, sizeof(since), "%.20s", begun);
		answer = look_for(s, i, since, at);
		return answer == FB_OK && *at->ts && keep(s->call, at) ? no_fact(s) : answer;
	}
	snprintf(since, sizeof(since), "%lld.000000", (long long)time(NULL) - 60); /* their clock is another one */
	return h->fact_set(s->call, FB_SCOPE_OWN, "posting", since) ? no_fact(s) : FB_OK;
}

static json_t *body_of(const struct slack *s, const struct incident *i, const char *mention, bool plain, const struct place *at)
{
	json_t *body = slack_message(i, *at->ts ? NULL : mention, plain);

	json_object_set_new(body, "channel", json_string(*at->ts ? at->channel : s->channel));
	json_object_set_new(body, "metadata", json_pack("{s:s, s:{s:s}}", "event_type", EVENT_TYPE, "event_payload", "incident", i->key));
	if (*at->ts) {
		json_object_set_new(body, "ts", json_string(at->ts));
		if (plain) /* blocks stay unless they are taken away */
			json_object_set_new(body, "blocks", json_array());
	} else {
		json_object_set_new(body, "unfurl_links", json_false());
		json_object_set_new(body, "unfurl_media", json_false());
	}
	return body;
}

/* One message: posted, or the one at *at updated. A message that is gone is posted anew. */
static int32_t post_or_update(const struct slack *s, const struct incident *i, const char *mention, struct place *at)
{
	json_t *reply = NULL, *body;
	char word[80];
	int32_t answer;
	bool plain = false;

	for (int tries = 0; tries < 3; tries++) {
		body = body_of(s, i, mention, plain, at);
		answer = call_method(s, *at->ts ? "chat.update" : "chat.postMessage", body, &reply, word, sizeof(word));
		json_decref(body);
		if (answer != FB_OK || !*word)
			break;
		json_decref(reply);
		reply = NULL;
		if (is_among(word, gone_errors) && *at->ts) {
			s->call->host->log(s->call, FB_LOG_WARNING, "the incident's message cannot be updated any more (%s): another is posted", word);
			memset(at, 0, sizeof(*at));
		} else if (!plain) {
			s->call->host->log(s->call, FB_LOG_WARNING, "Slack did not take the message as it was made (%s); it is sent once more as plain text", word);
			plain = true;
		} else {
			break;
		}
	}
	if (answer == FB_OK && *word) {
		s->call->host->fail(s->call, "posting %s: Slack answered %s, also to plain text", s->what, word);
		return FB_FAIL;
	}
	if (answer == FB_OK) {
		const char *channel = json_string_value(json_object_get(reply, "channel")), *ts = json_string_value(json_object_get(reply, "ts"));
		bool fresh = !*at->ts;

		if (fresh)
			take_place(at, channel ? channel : s->channel, ts);
		if (fresh && (!*at->ts || keep(s->call, at)))
			s->call->host->log(s->call, FB_LOG_WARNING, "the message was posted, and which it is %s: the next may be another one", *at->ts ? "could not be recorded" : "Slack did not say");
	}
	json_decref(reply);
	return answer;
}

static int32_t to_channel(const struct fb_call *call, const char *what, const struct incident *i, const char *mention)
{
	struct slack s = {.call = call, .what = what, .token = option_copy(call, "token"), .channel = option_copy(call, "channel"), .api = option_copy(call, "api_url")};
	struct place at;
	int32_t answer = recall(call, &at) ? FB_OK : prepare(&s, i, &at);

	if (answer == FB_OK)
		answer = post_or_update(&s, i, mention, &at);
	free(s.token);
	free(s.channel);
	free(s.api);
	return answer;
}

/* ---- the notifier ---- */

static void preview(const struct fb_call *call, const struct incident *i, const char *mention)
{
	json_t *message = slack_message(i, mention, false);
	char *text, *channel = option_copy(call, "channel");
	bool webhook = call->host->option(call, "webhook_url") != NULL;

	if (!webhook)
		json_object_set_new(message, "channel", json_string(channel ? channel : ""));
	text = json_dumps(message, JSON_COMPACT);
	incident_preview(call, "POST", webhook ? "webhook_url" : "chat.postMessage, then chat.update", text ? text : "");
	free(text);
	free(channel);
	json_decref(message);
}

static int32_t notify(const struct fb_call *call, const struct fb_event *event)
{
	struct incident i;
	char *mention;
	int32_t answer = FB_OK;

	if (!incident_read(call, event, &i))
		return FB_FATAL;
	mention = strcmp(i.severity, "error") && strcmp(i.severity, "critical") ? NULL : option_copy(call, "mention");
	if (call->flags & FB_CALL_DRY_RUN)
		preview(call, &i, mention);
	else if (call->host->option(call, "webhook_url"))
		answer = to_webhook(call, event->name, &i, mention);
	else
		answer = to_channel(call, event->name, &i, mention);
	free(mention);
	incident_clear(&i);
	return answer;
}

static int32_t check(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	char *url = option_copy(call, "webhook_url"), *token = option_copy(call, "token"), *channel = option_copy(call, "channel"), *api = option_copy(call, "api_url");
	int32_t answer = FB_OK;

	if (!url == !token) {
		h->fail(call, "give 'webhook_url', or 'token' and 'channel': %s", url ? "both are set" : "neither is set");
		answer = FB_FATAL;
	} else if (token && !channel) {
		h->fail(call, "'token' needs 'channel': where to post");
		answer = FB_FATAL;
	} else if (token && strspn(channel + (*channel == '#'), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(channel) - (*channel == '#')) {
		h->fail(call, "channel '%s' is no id and no name of a channel: give one such as C0123456789", channel);
		answer = FB_FATAL;
	} else if (!post_is_private(call, "webhook_url", url) || (token && !post_is_private(call, "api_url", api))) {
		answer = FB_FATAL;
	} else if (token && !strchr("CGD", *channel)) {
		h->advise(call, "give the channel's id instead of its name: only then a message that was posted as the engine died is found again", NULL);
	}
	free(url);
	free(token);
	free(channel);
	free(api);
	return answer;
}

static const struct fb_notifier_ops ops = {.check = check, .notify = notify};

FB_PLUGIN(NOTIFIER, .name = "slack", .version = "0.1.0", .summary = "Tells of an incident in a Slack channel", .license = "Apache-2.0", .options = options, .notifier = &ops)
