/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check http: one request with libcurl; status, body and latency are held against what is expected. What could not be asked from here (resolver, route,
 * descriptors, permission, a certificate file of our own) is blind. What the other side did or did not do (refused, reset, silence, a bad
 * certificate) is a failure. Proxies of the environment are not used: a check says what it says on every machine.
 */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/health.h"
#include "plugins/common/run.h"

#define DEADLINE_MARGIN_MS 100 /* so that we, not the deadline, end a slow request and can say so */
#define TEXT 600

static const struct fb_option options[] = {
	{.name = "url", .type = FB_TYPE_URL, .flags = FB_OPTION_REQUIRED, .alias = "endpoint_url", .summary = "Address to ask"},
	{.name = "method", .type = FB_TYPE_STRING, .default_value = "GET", .summary = "Method of the request"},
	{.name = "headers", .type = FB_TYPE_MAP, .summary = "Headers of the request"},
	{.name = "secret_headers", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "Headers whose values are secret, such as Authorization"},
	{.name = "body", .type = FB_TYPE_STRING, .summary = "Body of the request"},
	{.name = "expected_status", .type = FB_TYPE_INT, .default_value = "200", .min = 100, .max = 599, .summary = "Status that is healthy"},
	{.name = "expected_statuses", .type = FB_TYPE_LIST, .summary = "Instead of it, statuses that are healthy: \"200\", \"2xx\", \"200-204\""},
	{.name = "body_match", .type = FB_TYPE_STRING, .summary = "POSIX extended regular expression that the body must match"},
	HEALTH_LATENCY_OPTIONS,
	{.name = "follow_redirects", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "Follow redirects, at most ten"},
	{.name = "verify_tls", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Refuse a certificate that does not verify"},
	{.name = "ca_file", .type = FB_TYPE_PATH, .summary = "File of trusted certificates, instead of the system's"},
	{.name = "unix_socket", .type = FB_TYPE_PATH, .summary = "Connect to this socket instead of the address's host"},
	{.name = "username", .type = FB_TYPE_STRING, .summary = "User for basic authentication"},
	{.name = "password", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "Password for basic authentication"},
	{.name = "bearer_token", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "Token for bearer authentication"},
	{.name = "proxy", .type = FB_TYPE_URL, .summary = "Proxy to ask through; none when not set"},
	{.name = "max_body", .type = FB_TYPE_SIZE, .default_value = "64KiB", .unit = "bytes", .min = 1, .max = 16777216, .summary = "Read no more of the body than this"},
	{0},
};

struct body {
	char *p;
	size_t n, limit;
	bool full;
};

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
	struct body *b = ctx;
	size_t n = size * count, room = b->limit - b->n, part = n < room ? n : room;

	memcpy(b->p + b->n, data, part);
	b->n += part;
	b->p[b->n] = 0;
	b->full = part < n;
	return part; /* less than n ends the transfer: we have seen enough */
}

static bool status_matches(const char *item, long status)
{
	long low, high;
	int end = 0;

	if (strlen(item) == 3 && item[0] >= '1' && item[0] <= '5' && !strcmp(item + 1, "xx"))
		return status / 100 == item[0] - '0';
	if (sscanf(item, "%3ld-%3ld%n", &low, &high, &end) == 2 && end && !item[end])
		return status >= low && status <= high;
	end = 0;
	return sscanf(item, "%3ld%n", &low, &end) == 1 && end && !item[end] && status == low;
}

static bool status_is_valid(const char *item)
{
	for (long s = 100; s < 600; s++)
		if (status_matches(item, s))
			return true;
	return false;
}

/* The nth of expected_statuses, expected_status when there are none; NULL after the last. */
static const char *expected_at(const struct fb_call *call, uint32_t i)
{
	uint32_t n = call->host->option_count(call, "expected_statuses");
	char path[64];

	if (!n)
		return i ? NULL : call->host->option(call, "expected_status");
	snprintf(path, sizeof(path), "expected_statuses[%" PRIu32 "]", i);
	return i < n ? call->host->option(call, path) : NULL;
}

static bool status_is_expected(const struct fb_call *call, long status, char *ret_list, size_t size)
{
	const char *item;
	size_t at = 0;
	bool found = false;

	for (uint32_t i = 0; (item = expected_at(call, i)); i++) {
		int n = at < size ? snprintf(ret_list + at, size - at, "%s%s", i ? ", " : "", item) : 0;
		at += n > 0 ? (size_t)n : 0;
		found = found || status_matches(item, status);
	}
	return found;
}

/* The address without user, query and fragment, which may hold secrets. */
static void show_url(const char *method, const char *url, char *buf, size_t size)
{
	const char *host = strstr(url, "://"), *end, *at;
	int scheme;

	host = host ? host + 3 : url;
	end = host + strcspn(host, "?#");
	at = memchr(host, '@', strcspn(host, "/?#"));
	scheme = (int)(host - url);
	if (at)
		host = at + 1;
	snprintf(buf, size, "%s %.*s%.*s", method, scheme, url, (int)(end - host), host);
}

static struct curl_slist *add_headers(const struct fb_call *call, struct curl_slist *list, const char *map)
{
	const struct fb_host *h = call->host;
	uint32_t n = h->option_count(call, map);

	for (uint32_t i = 0; i < n; i++) {
		char *name = run_copy(h->option_key(call, map, i)), path[300], line[8192];
		const char *value;
		snprintf(path, sizeof(path), "%s.%s", map, name);
		value = h->option(call, path);
		snprintf(line, sizeof(line), value && *value ? "%s: %s" : "%s;", name, value);
		list = curl_slist_append(list, line);
		free(name);
	}
	return list;
}

static void set_text(CURL *curl, CURLoption option, const struct fb_call *call, const char *path)
{
	const char *s = call->host->option(call, path);

	if (s)
		curl_easy_setopt(curl, option, s);
}

static CURL *make_request(const struct fb_call *call, const char *method, struct body *body, struct curl_slist *headers, char *error)
{
	const struct fb_host *h = call->host;
	CURL *curl = curl_easy_init();
	int64_t left = h->remaining_ms(call);
	bool verify = h->option_int(call, "verify_tls", 1);
	const char *s;

	if (!curl)
		return NULL;
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left > 2 * DEADLINE_MARGIN_MS ? left - DEADLINE_MARGIN_MS : left > 0 ? left : 1));
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "failback");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, (long)h->option_int(call, "follow_redirects", 0));
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	set_text(curl, CURLOPT_URL, call, "url");
	set_text(curl, CURLOPT_PROXY, call, "proxy");
	set_text(curl, CURLOPT_CAINFO, call, "ca_file");
	set_text(curl, CURLOPT_UNIX_SOCKET_PATH, call, "unix_socket");
	set_text(curl, CURLOPT_USERNAME, call, "username");
	set_text(curl, CURLOPT_PASSWORD, call, "password");
	if (h->option(call, "bearer_token")) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		set_text(curl, CURLOPT_XOAUTH2_BEARER, call, "bearer_token");
	}
	if (!strcmp(method, "HEAD"))
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else if ((s = h->option(call, "body")))
		curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, s);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	return curl;
}

static bool error_is_blind(CURL *curl, CURLcode code, bool unix_socket)
{
	curl_off_t looked_up = 0;
	long error = 0;

	switch (code) {
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
		return !error || health_errno_is_blind((int)error); /* 0: there was not even a socket (descriptors) */
	case CURLE_OPERATION_TIMEDOUT: /* silent before the name was known: the resolver, not the service */
		curl_easy_getinfo(curl, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
		return !looked_up && !unix_socket;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* url is http or https, so this is an answer that is not HTTP, or a redirect elsewhere */
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_HTTP_RETURNED_ERROR:
		return false;
	default:
		return true;
	}
}

static int32_t judge_error(const struct fb_call *call, CURL *curl, CURLcode code, const char *error, const char *what, struct fb_health *ret)
{
	bool socket = call->host->option(call, "unix_socket");
	long os_error = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
	if (code != CURLE_COULDNT_CONNECT)
		os_error = 0;
	return health_set(ret, error_is_blind(curl, code, socket) ? FB_HEALTH_BLIND : FB_HEALTH_FAILED, -1, "%s: %s%s%s%s", what,
			  *error ? error : curl_easy_strerror(code), os_error ? " (" : "", os_error ? strerror((int)os_error) : "", os_error ? ")" : "");
}

static int32_t judge_body(const struct fb_call *call, const struct body *body, const char *what, int64_t latency, struct fb_health *ret)
{
	const char *pattern = call->host->option(call, "body_match");
	regex_t re;
	int rc;

	if (!pattern)
		return health_latency(call, ret, latency, what);
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return health_set(ret, FB_HEALTH_BLIND, -1, "body_match '%s' is not a regular expression", pattern);
	rc = regexec(&re, body->p, 0, NULL, 0);
	regfree(&re);
	if (!rc)
		return health_latency(call, ret, latency, what);
	return health_set(ret, FB_HEALTH_FAILED, latency, "%s, but the first %zu bytes of its body do not match '%s'", what, body->n, pattern);
}

static int32_t judge_answer(const struct fb_call *call, CURL *curl, const struct body *body, const char *what, int64_t latency, struct fb_health *ret)
{
	char list[200] = "", text[TEXT];
	char *location = NULL;
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	snprintf(text, sizeof(text), "%.400s answered %ld", what, status);
	if (status_is_expected(call, status, list, sizeof(list)))
		return judge_body(call, body, text, latency, ret);
	curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
	return health_set(ret, FB_HEALTH_FAILED, latency, "%s, expected %s%s", text, list, location ? " (a redirect: set follow_redirects to follow it)" : "");
}

static int32_t probe(const struct fb_call *call, struct fb_health *ret)
{
	char *method = run_copy(call->host->option(call, "method")), *url = run_copy(call->host->option(call, "url"));
	struct body body = {.limit = (size_t)call->host->option_int(call, "max_body", 65536)};
	char what[TEXT], error[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = add_headers(call, add_headers(call, NULL, "headers"), "secret_headers");
	int64_t begin = health_now_us(), latency;
	CURLcode code;
	CURL *curl;
	int32_t rc;

	body.p = calloc(1, body.limit + 1);
	show_url(method ? method : "GET", url ? url : "", what, sizeof(what));
	curl = body.p ? make_request(call, method ? method : "GET", &body, headers, error) : NULL;
	if (!curl) {
		rc = health_set(ret, FB_HEALTH_BLIND, -1, "%s: no memory for a request", what);
		goto out;
	}
	code = curl_easy_perform(curl);
	latency = health_now_us() - begin;
	if (code && !(code == CURLE_WRITE_ERROR && body.full))
		rc = judge_error(call, curl, code, error, what, ret);
	else
		rc = judge_answer(call, curl, &body, what, latency, ret);
	curl_easy_cleanup(curl);
out:
	curl_slist_free_all(headers);
	free(body.p);
	free(method);
	free(url);
	return rc;
}

static int32_t check(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	const char *s;
	regex_t re;

	for (uint32_t i = 0; (s = expected_at(call, i)); i++)
		if (!status_is_valid(s)) {
			h->fail(call, "expected_statuses: '%s' is not a status: write \"200\", \"2xx\" or \"200-204\"", s);
			return FB_FATAL;
		}
	s = h->option(call, "body_match");
	if (s && regcomp(&re, s, REG_EXTENDED | REG_NOSUB)) {
		h->fail(call, "body_match '%s' is not a POSIX extended regular expression (regex(7))", s);
		return FB_FATAL;
	}
	if (s)
		regfree(&re);
	s = h->option(call, "method");
	if (s && (!*s || s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])) {
		h->fail(call, "method '%s' is not a method: write GET, HEAD, POST or the like", s);
		return FB_FATAL;
	}
	return health_thresholds_are_sane(call) ? FB_OK : FB_FATAL;
}

static const struct fb_check_ops ops = {.check = check, .probe = probe};

FB_PLUGIN(CHECK, .name = "http", .version = "0.1.0", .summary = "Asks an HTTP address: status, body, latency", .license = "Apache-2.0",
	  .options = options, .check = &ops)
