/* SPDX-License-Identifier: Apache-2.0 */
/* notifier acme-slack: posts an event as a Block Kit message to an incoming webhook of Slack. Needs libcurl; knows of failback what its one header says. */
#include <failback/plugin.h>

#include <ctype.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct fb_option options[] = {
	{.name = "webhook_url", .type = FB_TYPE_URL, .flags = FB_OPTION_REQUIRED | FB_OPTION_SECRET, .summary = "Incoming webhook; who knows it may post"},
	{.name = "link", .type = FB_TYPE_URL, .summary = "Page about an execution; its id is put at the end"},
	{.name = "dry_run", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "Log what would be posted, post nothing"},
	{0},
};

struct answer {
	char text[200];
	size_t n;
};

static bool is_word(const struct answer *a, const char *word)
{
	return a->n == strlen(word) && !memcmp(a->text, word, a->n);
}

/* At most `limit` characters of s as a JSON string. Slack wants & < > as entities. */
static const char *quoted(const struct fb_call *call, const char *s, int limit)
{
	char text[5 * 600 + 8];
	size_t n = 0, size;

	for (; s && *s && n < sizeof text - 16; s += size) {
		const char *entity = *s == '&' ? "&amp;" : *s == '<' ? "&lt;" : *s == '>' ? "&gt;" : NULL;

		for (size = 1; ((unsigned char)s[size] & 0xc0) == 0x80; size++)
			;
		if (!limit--) {
			n += (size_t)sprintf(text + n, "…");
			break;
		}
		n += (size_t)sprintf(text + n, "%.*s", entity ? 5 : (int)(size < 5 ? size : 4), entity ? entity : s);
	}
	text[n] = 0;
	return call->host->json_string(call, text);
}

static void put_field(const struct fb_call *call, FILE *f, const char *title, const char *s, const char **comma)
{
	char text[700];

	if (!s)
		return; /* what is not known is left out */
	snprintf(text, sizeof text, "*%s*\n%s", title, s);
	fprintf(f, "%s{\"type\":\"mrkdwn\",\"text\":%s}", *comma, quoted(call, text, 390)); /* 2000 is the most, and an entity has five */
	*comma = ",";
}

/* The message, to be freed; with blocks, or as plain text alone. */
static char *make_message(const struct fb_call *call, const struct fb_event *event, bool blocks)
{
	const char *page = call->host->option(call, "link"), *comma = "";
	char *text = NULL, line[700];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, "{\"text\":%s", quoted(call, event->summary, 550));
	if (blocks) {
		snprintf(line, sizeof line, "%s: %s", event->name, call->environment);
		fprintf(f, ",\"blocks\":[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":%s}}", quoted(call, line, 120));
		fprintf(f, ",{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":%s}},{\"type\":\"section\",\"fields\":[",
			quoted(call, event->summary && *event->summary ? event->summary : event->name, 550));
		put_field(call, f, "Environment", call->environment, &comma);
		put_field(call, f, "Release", call->release, &comma);
		put_field(call, f, "Last known good", call->last_good, &comma);
		put_field(call, f, "Severity", event->severity, &comma);
		put_field(call, f, "Incident", event->incident, &comma);
		put_field(call, f, "Cause", call->reason, &comma);
		fputs("]}", f);
		if (page && call->execution) {
			snprintf(line, sizeof line, "<%s%s|Open the report>", page, call->execution);
			fprintf(f, ",{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\",\"text\":%s}]}", call->host->json_string(call, line));
		}
		fputc(']', f);
	}
	fputc('}', f);
	return fclose(f) ? NULL : text;
}

static size_t take(char *data, size_t size, size_t count, void *ctx)
{
	struct answer *a = ctx;

	for (size_t i = 0; i < size * count && a->n < sizeof a->text - 1; i++)
		a->text[a->n++] = (char)(isprint((unsigned char)data[i]) ? data[i] : ' ');
	return size * count;
}

static CURLcode post(const struct fb_call *call, const char *body, struct answer *a, long *ret_status, curl_off_t *ret_wait_s)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json; charset=utf-8");
	int64_t left = call->host->remaining_ms(call);
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_FAILED_INIT;

	*a = (struct answer){0};
	if (curl && headers && left > 0) {
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left > 400 ? left - 200 : left));
		curl_easy_setopt(curl, CURLOPT_URL, call->host->option(call, "webhook_url"));
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
	bool dry = call->flags & FB_CALL_DRY_RUN || h->option_int(call, "dry_run", 0);
	curl_off_t wait_s = 0;
	CURLcode code = CURLE_OK;
	struct answer a = {0};
	long status = 0;

	for (int blocks = 1; blocks >= 0; blocks--) { /* a message that Slack cannot lay out is sent once more as plain text */
		char *body = make_message(call, event, blocks);
		if (!body)
			return FB_FATAL;
		if (dry)
			h->log(call, FB_LOG_INFO, "would post to Slack: %s", body);
		else
			code = post(call, body, &a, &status, &wait_s);
		free(body);
		if (dry)
			return FB_SKIP;
		if (code != CURLE_OK || status != 400 || !(is_word(&a, "invalid_blocks") || is_word(&a, "invalid_payload")))
			break;
	}
	if (code == CURLE_OK && status == 200 && is_word(&a, "ok"))
		return FB_OK;
	if (code != CURLE_OK)
		h->fail(call, "posting %s to Slack: %s; look at 'webhook_url' and the way there", event->name, curl_easy_strerror(code));
	else
		h->fail(call, "posting %s to Slack: it answered %ld '%s'; look whether the webhook and its channel are still there", event->name, status, a.text);
	if (status == 429 && wait_s > 0)
		h->retry_after(call, (int64_t)wait_s * 1000);
	return code != CURLE_OK || status == 429 || status >= 500 ? FB_RETRY : FB_FAIL;
}

static const struct fb_notifier_ops ops = {.notify = notify};

FB_PLUGIN(NOTIFIER, .name = "acme-slack", .version = "1.0", .summary = "Posts events to a channel of Acme's Slack", .license = "Apache-2.0", .options = options,
	  .notifier = &ops)
