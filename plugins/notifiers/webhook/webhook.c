/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier webhook: posts an event as a CloudEvent 1.0 in structured mode (application/cloudevents+json). The event's id is the same for every attempt, so
 * a receiver drops what it has seen. Decides from the answer whether another attempt makes sense; the outbox makes it.
 */
#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "plugins/common/run.h"
#include "plugins/notifiers/webhook/sign.h"

#define ANSWER_LIMIT 4096
#define RETRY_AFTER_MAX_MS (24 * 3600 * 1000LL)

static const struct fb_option options[] = {
	{.name = "url", .type = FB_TYPE_URL, .flags = FB_OPTION_REQUIRED | FB_OPTION_SECRET, .summary = "Address to post to; it may hold a token"},
	{.name = "headers", .type = FB_TYPE_MAP, .summary = "More headers"},
	{.name = "secret_headers", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "More headers whose values are secret, such as Authorization"},
	{.name = "source", .type = FB_TYPE_STRING, .summary = "The event's source, a URI reference; /failback/ENVIRONMENT when not set"},
	{.name = "signing_key", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "Signs the body: X-Failback-Signature: sha256=HMAC"},
	{.name = "verify_tls", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Refuse a certificate that does not verify"},
	{.name = "ca_file", .type = FB_TYPE_PATH, .summary = "File of trusted certificates, instead of the system's"},
	{.name = "proxy", .type = FB_TYPE_URL, .summary = "Proxy to post through; none when not set"},
	{0},
};

struct answer {
	char body[ANSWER_LIMIT + 1];
	size_t n;
	int64_t retry_after_ms; /* -1: not said */
};

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
	struct answer *a = ctx;
	size_t n = size * count, room = ANSWER_LIMIT - a->n, part = n < room ? n : room;

	memcpy(a->body + a->n, data, part);
	a->n += part;
	return n; /* the rest is read and dropped: the status is what counts */
}

/* Retry-After: seconds or a date (RFC 9110, 10.2.3). */
static size_t take_header(char *data, size_t size, size_t count, void *ctx)
{
	struct answer *a = ctx;
	size_t n = size * count;
	char value[128], *end;
	long long seconds;
	time_t at;

	if (n < 12 || strncasecmp(data, "Retry-After:", 12) || n - 12 >= sizeof(value))
		return n;
	memcpy(value, data + 12, n - 12);
	value[n - 12] = 0;
	value[strcspn(value, "\r\n")] = 0;
	seconds = strtoll(value, &end, 10);
	if (end == value || *end) {
		at = curl_getdate(value, NULL);
		if (at < 0)
			return n;
		seconds = (long long)at - (long long)time(NULL);
	}
	a->retry_after_ms = seconds <= 0 ? 0 : seconds > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : seconds * 1000;
	return n;
}

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

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 4;
	char *line = malloc(size);

	if (!line)
		abort();
	snprintf(line, size, *value ? "%s: %s" : "%s;", name, value);
	list = curl_slist_append(list, line);
	free(line);
	return list;
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
		list = add_header(list, name, value ? value : "");
		free(name);
	}
	return list;
}

static struct curl_slist *make_headers(const struct fb_call *call, const char *body)
{
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/cloudevents+json; charset=UTF-8");
	const char *key = call->host->option(call, "signing_key");
	char signature[SIGN_SIZE];

	list = add_map(call, add_map(call, list, "headers"), "secret_headers");
	if (key && !sign(key, body, strlen(body), signature))
		list = add_header(list, "X-Failback-Signature", signature);
	return list;
}

static CURLcode post(const struct fb_call *call, const char *body, struct answer *a, long *ret_status)
{
	const struct fb_host *h = call->host;
	struct curl_slist *headers = make_headers(call, body);
	bool verify = h->option_int(call, "verify_tls", 1);
	int64_t left = h->remaining_ms(call);
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_FAILED_INIT;
	const char *s;

	if (curl) {
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left > 400 ? left - 200 : left > 0 ? left : 1));
		curl_easy_setopt(curl, CURLOPT_USERAGENT, "failback");
		curl_easy_setopt(curl, CURLOPT_PROXY, (s = h->option(call, "proxy")) ? s : "");
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
		if ((s = h->option(call, "ca_file")))
			curl_easy_setopt(curl, CURLOPT_CAINFO, s);
		curl_easy_setopt(curl, CURLOPT_URL, h->option(call, "url"));
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
		curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
		curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
		code = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
		curl_easy_cleanup(curl);
	}
	curl_slist_free_all(headers);
	return code;
}

/* The first line of the answer, for a person. */
static const char *first_line(const struct answer *a, char *buf, size_t size)
{
	const char *end = memchr(a->body, '\n', a->n);
	size_t n = end ? (size_t)(end - a->body) : a->n;

	if (!n)
		return "no text";
	return run_printable(a->body, n && a->body[n - 1] == '\r' ? n - 1 : n, buf, size);
}

static int32_t judge(const struct fb_call *call, const struct fb_event *event, CURLcode code, long status, const struct answer *a)
{
	const struct fb_host *h = call->host;
	char line[200];

	if (code == CURLE_OK && status >= 200 && status < 300)
		return FB_OK;
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT) {
		h->fail(call, "posting %s: %s; another attempt would end the same: mend the receiver's certificate, 'ca_file' or 'url'", event->name, curl_easy_strerror(code));
		return FB_FAIL;
	}
	if (code != CURLE_OK) {
		h->fail(call, "posting %s: %s", event->name, curl_easy_strerror(code));
		return FB_RETRY;
	}
	first_line(a, line, sizeof(line));
	if (status == 429 || status == 408 || status >= 500) {
		if ((status == 429 || status == 503) && a->retry_after_ms >= 0)
			h->retry_after(call, a->retry_after_ms);
		h->fail(call, "posting %s: the receiver answered %ld: %s", event->name, status, a->n ? line : "no text");
		return FB_RETRY;
	}
	h->fail(call, "posting %s: the receiver answered %ld: %s; it will not take it however often it is sent: look at 'url', its token and the receiver", event->name,
		status, a->n ? line : "no text");
	return FB_FAIL;
}

static int32_t notify(const struct fb_call *call, const struct fb_event *event)
{
	struct answer a = {.retry_after_ms = -1};
	char *body = make_event(call, event);
	long status = 0;
	CURLcode code;

	if (!body) {
		call->host->fail(call, "event %s cannot be posted: its data is not a JSON document", event->name);
		return FB_FATAL;
	}
	code = post(call, body, &a, &status);
	free(body);
	return judge(call, event, code, status, &a);
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
