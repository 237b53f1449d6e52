/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request of a notifier, by its rules: within the call's deadline, bounded answers, redirects not followed (the body would go astray), TLS
 * verified, the environment's proxy. And what its answer means for another attempt. Compiled into each plugin that uses it.
 */
#ifndef FB_PLUGINS_COMMON_POST_H
#define FB_PLUGINS_COMMON_POST_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "failback/plugin.h"

/* Options of every notifier that posts; post_send reads them. */
#define POST_OPTIONS                                                                                                        \
	{.name = "verify_tls", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Refuse a certificate that does not verify"}, \
	{.name = "ca_file", .type = FB_TYPE_PATH, .summary = "File of trusted certificates, instead of the system's"},      \
	{.name = "proxy", .type = FB_TYPE_URL, .summary = "Proxy to post through; when not set, the one that the environment names"}

#define POST_ANSWER_LIMIT (64 * 1024)

/* What it points to is the caller's, none of it what host->option returned. */
struct post_request {
	const char *url;
	const char *body;         /* NULL: GET */
	const char *content_type;
	struct curl_slist *headers; /* more; the caller's */
};

struct post_answer {
	char *body;  /* its first POST_ANSWER_LIMIT bytes, always ended by NUL */
	size_t n;
	bool cut;
	CURLcode code;
	long status; /* 0: there was none */
	int64_t retry_after_ms; /* -1: not said */
};

/* Makes the request. *ret is to be cleared in any case. */
void post_send(const struct fb_call *call, const struct post_request *request, struct post_answer *ret);
void post_clear(struct post_answer *a);
/* A 2xx that came whole */
bool post_ok(const struct post_answer *a);
/* The plugin's answer to an answer that is not as wanted, with its message ("posting WHAT: TO answered …") and, where it was said, when to try again. more:
 * what to look at when it is final; NULL: none. */
int32_t post_judge(const struct fb_call *call, const char *what, const char *to, const struct post_answer *a, const char *more);
/* Its first line, for a person. Returns buf. */
const char *post_line(const struct post_answer *a, char *buf, size_t size);
struct curl_slist *post_header(struct curl_slist *list, const char *name, const char *value);
/* An address that may hold a secret: https, or this machine. False: fail has been called. */
bool post_is_private(const struct fb_call *call, const char *option, const char *url);

#endif
