/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier acme-pagerduty: one alert for an execution, by PagerDuty's Events API v2: triggered when a deployment failed, acknowledged when
 * its recovery begins, resolved when that is done; triggered anew when it could not finish. Needs libcurl; knows of failback what its one header says.
 */
#include <failback/plugin.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 32
#define DETAILS_MAX (400 * 1024) /* PagerDuty takes 512 KB */

static const struct fb_option options[] = {
	{.name = "routing_key", .type = FB_TYPE_STRING, .flags = FB_OPTION_REQUIRED | FB_OPTION_SECRET, .summary = "Integration key of the service in PagerDuty"},
	{.name = "url", .type = FB_TYPE_URL, .default_value = "https://events.pagerduty.com/v2/enqueue", .summary = "Where events go; another for the EU"},
	{.name = "link", .type = FB_TYPE_URL, .summary = "Page about an execution; its id is put at the end"},
	{.name = "back_off", .type = FB_TYPE_DURATION, .default_value = "2m", .min = 1000, .max = 3600000, .summary = "Pause after 429, when PagerDuty names none"},
	{0},
};

/* What an event does to the alert; NULL: nothing. */
static const char *action_of(const char *event)
{
	static const char *const table[][2] = {{"deployment.failed", "trigger"}, {"rollback.started", "acknowledge"}, {"rollback.completed", "resolve"},
					       {"rollback.incomplete", "trigger"}};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(event, table[i][0]))
			return table[i][1];
	return NULL;
}

/* PagerDuty has these four severities and no other. */
static const char *severity_of(const struct fb_event *event)
{
	static const char *const known[] = {"critical", "error", "warning", "info"};

	for (size_t i = 0; event->severity && i < sizeof known / sizeof *known; i++)
		if (!strcmp(event->severity, known[i]))
			return known[i];
	return "error";
}

/* "name":"text", with at most `limit` bytes of text. */
static void put(const struct fb_call *call, FILE *f, const char *name, const char *s, int limit, const char *then)
{
	char text[1024];

	snprintf(text, sizeof text, "%.*s", limit, s ? s : "");
	fprintf(f, "\"%s\":%s%s", name, call->host->json_string(call, text), then);
}

/* The event, to be freed. */
static char *make_event(const struct fb_call *call, const struct fb_event *event, const char *action)
{
	const struct fb_host *h = call->host;
	char *text = NULL, link[600];
	const char *s;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fputc('{', f);
	put(call, f, "routing_key", h->option(call, "routing_key"), KEY_SIZE, ",");
	put(call, f, "event_action", action, 20, ",");
	put(call, f, "dedup_key", call->execution, 255, "");
	if (!strcmp(action, "trigger")) {
		fputs(",\"client\":\"failback\",", f);
		if ((s = h->option(call, "link"))) {
			snprintf(link, sizeof link, "%s%s", s, call->execution ? call->execution : "");
			put(call, f, "client_url", link, 500, ",\"links\":[{");
			put(call, f, "href", link, 500, ",");
			put(call, f, "text", "The report", 20, "}],");
		}
		fputs("\"payload\":{", f);
		put(call, f, "summary", event->summary && *event->summary ? event->summary : event->name, 1000, ",");
		put(call, f, "source", call->environment ? call->environment : "failback", 200, ",");
		put(call, f, "severity", severity_of(event), 20, ",");
		if (event->time)
			put(call, f, "timestamp", event->time, 40, ",");
		put(call, f, "class", event->name, 100, "");
		if (event->data && strlen(event->data) < DETAILS_MAX)
			fprintf(f, ",\"custom_details\":%s", event->data); /* it is a JSON object as it is */
		fputc('}', f);
	}
	fputc('}', f);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

struct answer {
	char text[300];
	size_t n;
};

static size_t take(char *data, size_t size, size_t count, void *ctx)
{
	struct answer *a = ctx;

	for (size_t i = 0; i < size * count && a->n < sizeof a->text - 1; i++)
		a->text[a->n++] = (unsigned char)data[i] < 0x20 ? ' ' : data[i];
	return size * count;
}

static CURLcode post(const struct fb_call *call, const char *body, struct answer *a, long *ret_status, curl_off_t *ret_wait_s)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	int64_t left = call->host->remaining_ms(call);
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_FAILED_INIT;

	if (curl && headers && left > 0) {
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left > 400 ? left - 200 : left));
		curl_easy_setopt(curl, CURLOPT_URL, call->host->option(call, "url"));
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
		code = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
		curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, ret_wait_s);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return code;
}

static int32_t notify(const struct fb_call *call, const struct fb_event *event)
{
	const struct fb_host *h = call->host;
	const char *action = action_of(event->name);
	struct answer a = {0};
	curl_off_t wait_s = 0;
	long status = 0;
	CURLcode code;
	char *body;

	if (!action)
		return FB_SKIP;
	body = make_event(call, event, action);
	if (!body)
		return FB_FATAL;
	if (call->flags & FB_CALL_DRY_RUN) {
		h->log(call, FB_LOG_INFO, "would %s the alert %s", action, call->execution);
		free(body);
		return FB_SKIP;
	}
	code = post(call, body, &a, &status, &wait_s);
	free(body);
	if (code == CURLE_OK && status == 202)
		return FB_OK;
	if (code != CURLE_OK)
		h->fail(call, "cannot %s the alert in PagerDuty: %s; look at 'url' and the way there", action, curl_easy_strerror(code));
	else
		h->fail(call, "cannot %s the alert in PagerDuty: it answered %ld %s; expected is 202, look at 'url' and 'routing_key'", action, status, a.text);
	if (status == 429)
		h->retry_after(call, wait_s > 0 ? (int64_t)wait_s * 1000 : h->option_int(call, "back_off", 120000));
	return code != CURLE_OK || status == 429 || status >= 500 ? FB_RETRY : FB_FAIL;
}

static int32_t check(const struct fb_call *call)
{
	const char *key = call->host->option(call, "routing_key");

	if (key && strlen(key) == KEY_SIZE)
		return FB_OK;
	call->host->fail(call, "routing_key has %zu characters, an integration key of the Events API v2 has %d: copy it anew", key ? strlen(key) : 0, KEY_SIZE);
	return FB_FATAL;
}

static const struct fb_notifier_ops ops = {.check = check, .notify = notify};

FB_PLUGIN(NOTIFIER, .name = "acme-pagerduty", .version = "1.0", .summary = "Keeps one alert in PagerDuty for each recovery", .license = "Apache-2.0",
	  .options = options, .notifier = &ops)
