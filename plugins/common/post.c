/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/post.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "plugins/common/run.h"

#define RETRY_AFTER_MAX_MS (24 * 3600 * 1000LL)

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
	struct post_answer *a = ctx;
	size_t n = size * count, room = POST_ANSWER_LIMIT - a->n, part = n < room ? n : room;

	memcpy(a->body + a->n, data, part);
	a->n += part;
	a->body[a->n] = 0;
	a->cut = a->cut || part < n;
	return n; /* the rest is read and dropped: the status is what counts */
}

/* Retry-After: seconds or a date (RFC 9110, 10.2.3). */
static size_t take_header(char *data, size_t size, size_t count, void *ctx)
{
	struct post_answer *a = ctx;
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
	end += strspn(end, " \t");
	if (end == value || *end) {
		at = curl_getdate(value, NULL);
		if (at < 0)
			return n;
		seconds = (long long)at - (long long)time(NULL);
	}
	a->retry_after_ms = seconds <= 0 ? 0 : seconds > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : seconds * 1000;
	return n;
}

static void set_up(const struct fb_call *call, CURL *curl, const struct post_request *q, struct curl_slist *headers, struct post_answer *a)
{
	const struct fb_host *h = call->host;
	int64_t left = h->remaining_ms(call);
	bool verify = h->option_int(call, "verify_tls", 1);
	const char *s;

	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left > 400 ? left - 200 : left > 0 ? left : 1));
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "failback");
	if ((s = h->option(call, "proxy")))
		curl_easy_setopt(curl, CURLOPT_PROXY, s);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if ((s = h->option(call, "ca_file")))
		curl_easy_setopt(curl, CURLOPT_CAINFO, s);
	curl_easy_setopt(curl, CURLOPT_URL, q->url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (q->body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
}

void post_send(const struct fb_call *call, const struct post_request *q, struct post_answer *ret)
{
	struct curl_slist *headers = NULL;
	CURL *curl = curl_easy_init();

	*ret = (struct post_answer){.body = calloc(1, POST_ANSWER_LIMIT + 1), .code = CURLE_FAILED_INIT, .retry_after_ms = -1};
	if (!ret->body)
		abort();
	if (!curl)
		return;
	if (q->body) {
		headers = post_header(headers, "Content-Type", q->content_type ? q->content_type : "application/json; charset=utf-8");
		headers = curl_slist_append(headers, "Expect:"); /* one round trip */
	}
	for (const struct curl_slist *l = q->headers; l; l = l->next)
		headers = curl_slist_append(headers, l->data);
	set_up(call, curl, q, headers, ret);
	ret->code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
}

void post_clear(struct post_answer *a)
{
	free(a->body);
	a->body = NULL;
}

bool post_ok(const struct post_answer *a)
{
	return a->code == CURLE_OK && a->status >= 200 && a->status < 300;
}

const char *post_line(const struct post_answer *a, char *buf, size_t size)
{
	const char *end = memchr(a->body, '\n', a->n);
	size_t n = end ? (size_t)(end - a->body) : a->n;

	if (!n)
		return "no text";
	return run_printable(a->body, a->body[n - 1] == '\r' ? n - 1 : n, buf, size);
}

int32_t post_judge(const struct fb_call *call, const char *what, const char *to, const struct post_answer *a, const char *more)
{
	const struct fb_host *h = call->host;
	char buf[200];

	if (a->code == CURLE_PEER_FAILED_VERIFICATION || a->code == CURLE_SSL_CACERT_BADFILE || a->code == CURLE_URL_MALFORMAT) {
		h->fail(call, "posting %s: %s; another attempt would end the same: mend the receiver's certificate, 'ca_file' or 'url'", what, curl_easy_strerror(a->code));
		return FB_FAIL;
	}
	if (a->code != CURLE_OK) {
		h->fail(call, "posting %s: %s", what, curl_easy_strerror(a->code));
		return FB_RETRY;
	}
	if (a->status == 429 || a->status == 408 || a->status >= 500 || (a->status >= 200 && a->status < 300)) {
		if ((a->status == 429 || a->status == 503) && a->retry_after_ms >= 0)
			h->retry_after(call, a->retry_after_ms);
		h->fail(call, "posting %s: %s answered %ld: %s", what, to, a->status, post_line(a, buf, sizeof(buf)));
		return FB_RETRY;
	}
	h->fail(call, "posting %s: %s answered %ld: %s; it will not take it however often it is sent%s%s", what, to, a->status, post_line(a, buf, sizeof(buf)), more ? ": " : "",
		more ? more : "");
	return FB_FAIL;
}

struct curl_slist *post_header(struct curl_slist *list, const char *name, const char *value)
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

static bool is_this_machine(const char *host, size_t n)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == n && !strncasecmp(names[i], host, n))
			return true;
	return false;
}

bool post_is_private(const struct fb_call *call, const char *option, const char *url)
{
	const char *host;

	if (!url || strncasecmp(url, "http://", 7))
		return true;
	host = url + 7;
	if (is_this_machine(host, *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#")))
		return true;
	call->host->fail(call, "'%s' is http and not https: it and what is sent would cross the network in the clear; give an https address", option);
	return false;
}
