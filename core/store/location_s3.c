/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket of S3, or of a service that speaks its protocol. Each request is signed by us (s3_sign.h) with the hash of its payload, and what is sent carries its
 * SHA-256, which the service compares before it takes it. libcurl's own signing is not used: up to 8.x it neither sorted nor encoded queries as the service does.
 * Nothing that is sent is larger than FB_LOCATION_LIMIT, so that each is one request, and a conditional one (If-None-Match) is atomic.
 */
#include <curl/curl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "store/location.h"
#include "store/s3_sign.h"
#include "store/s3_xml.h"

#define CONNECT_MS 10000
#define ERROR_LIMIT 16384
#define LIST_LIMIT ((size_t)4 << 20) /* of one page: 1,000 keys of 1,024 bytes, encoded, and what stands around them */
#define REGION "us-east-1"

struct bucket {
	struct fb_s3_keys keys;
	const char *token, *ca_file;
	char *host;   /* as the header has it */
	char *origin; /* "https://host" */
	char *base;   /* encoded: "/" or "/bucket/", and the prefix */
	char *prefix; /* not encoded: "" or ending in "/" */
	char *root;   /* encoded: "/" or "/bucket" */
};

struct answer {
	struct fb_text *body;
	size_t limit;
	bool too_long;
	char sum[64]; /* x-amz-checksum-sha256 */
	CURL *curl;
	struct fb_text error; /* the body, where the status says that it is one */
};

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x21 || (unsigned char)*s > 0x7e)
			return false;
	return true;
}

static bool bucket_valid(const char *s)
{
	size_t n = strlen(s);

	return n >= 3 && n <= 255 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == n && s[0] != '.' && s[0] != '-' && !strstr(s, "..");
}

/* "https://host:443/" as an origin and what the header Host has of it */
static int take_endpoint(struct bucket *b, const char *endpoint, const char *name, bool in_host, struct fb_err *err)
{
	bool plain = fb_has_prefix(endpoint, "http://");
	const char *host = strstr(endpoint, "://");
	size_t n;

	if ((!plain && !fb_has_prefix(endpoint, "https://")) || !is_plain(endpoint))
		return fb_err_set(err, FB_STORE_USAGE, "the endpoint of bucket %s is http:// or https:// and a host, not '%.200s'", name, endpoint);
	host += 3;
	n = strcspn(host, "/?#@");
	if (!n || (host[n] && strcmp(host + n, "/") != 0))
		return fb_err_set(err, FB_STORE_USAGE, "the endpoint of bucket %s is a host and maybe a port, nothing after it, and no user before it", name);
	b->host = fb_asprintf("%s%s%.*s", in_host ? name : "", in_host ? "." : "", (int)n, host);
	b->origin = fb_asprintf("%s://%s", plain ? "http" : "https", b->host);
	n = strlen(b->host);
	if (plain ? n > 3 && !strcmp(b->host + n - 3, ":80") : n > 4 && !strcmp(b->host + n - 4, ":443"))
		b->host[n - (plain ? 3 : 4)] = 0;
	return 0;
}

static void take_prefix(struct bucket *b, const char *prefix)
{
	size_t n = prefix ? strlen(prefix) : 0;

	while (n && *prefix == '/') {
		prefix++;
		n--;
	}
	while (n && prefix[n - 1] == '/')
		n--;
	b->prefix = n ? fb_asprintf("%.*s/", (int)n, prefix) : fb_strdup("");
}

static int open_bucket(struct fb_location *l, struct fb_err *err)
{
	const char *name = fb_location_text(l, "bucket"), *endpoint = fb_location_text(l, "endpoint"), *style = fb_location_text(l, "style"), *prefix = fb_location_text(l, "prefix");
	struct bucket *b = l->own = fb_alloc(sizeof *b);
	bool in_host;
	struct fb_text base = {0};
	char *usual;
	int r;

	b->keys = (struct fb_s3_keys){fb_location_text(l, "access_key"), fb_location_text(l, "secret_key"), fb_location_text(l, "region")};
	b->token = fb_location_text(l, "session_token");
	b->ca_file = fb_location_text(l, "ca_file");
	if (!b->keys.region)
		b->keys.region = REGION;
	if (!name || !bucket_valid(name))
		return fb_err_set(err, FB_STORE_USAGE, "'%.100s' cannot be the name of a bucket", name ? name : "");
	if (!b->keys.access || !b->keys.secret)
		return fb_err_set(err, FB_STORE_DENIED, "the bucket %s needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or access_key and secret_key", name);
	if (!is_plain(b->keys.access) || !is_plain(b->keys.region) || strchr(b->keys.region, '/') || (b->token && !is_plain(b->token)) || (prefix && (!is_plain(prefix) || strstr(prefix, ".."))))
		return fb_err_set(err, FB_STORE_USAGE, "the access key, region, token or prefix of bucket %s has a character that it cannot have", name);
	in_host = style ? !strcmp(style, "virtual") : !endpoint && !strchr(name, '.');
	usual = fb_asprintf("https://s3.%s.amazonaws.com", b->keys.region);
	r = take_endpoint(b, endpoint ? endpoint : usual, name, in_host, err);
	fb_free(usual);
	if (r < 0)
		return -1;
	take_prefix(b, prefix);
	b->root = in_host ? fb_strdup("/") : fb_asprintf("/%s", name);
	fb_text_printf(&base, "%s%s", b->root, in_host ? "" : "/");
	fb_s3_encode(&base, b->prefix, true);
	b->base = fb_text_take(&base);
	l->text = fb_asprintf("s3://%s%s%.*s", name, *b->prefix ? "/" : "", *b->prefix ? (int)strlen(b->prefix) - 1 : 0, b->prefix);
	return 0;
}

static void close_bucket(struct fb_location *l)
{
	struct bucket *b = l->own;

	if (!b)
		return;
	fb_free(b->host);
	fb_free(b->origin);
	fb_free(b->base);
	fb_free(b->prefix);
	fb_free(b->root);
	fb_free(b);
}

static void disconnect(struct fb_connection *c)
{
	curl_easy_cleanup(c->own);
	c->own = NULL;
}

/* ---- one request ---- */

static size_t take_body(char *data, size_t one, size_t n, void *ctx)
{
	struct answer *a = ctx;
	long status = 0;

	n *= one;
	curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status / 100 != 2) {
		if (a->error.n < ERROR_LIMIT)
			fb_text_add(&a->error, data, n < ERROR_LIMIT - a->error.n ? n : ERROR_LIMIT - a->error.n);
		return n;
	}
	if (!a->body)
		return n;
	if (a->body->n + n > a->limit) {
		a->too_long = true;
		return 0;
	}
	fb_text_add(a->body, data, n);
	return n;
}

static size_t take_header(char *data, size_t one, size_t n, void *ctx)
{
	static const char sum[] = "x-amz-checksum-sha256:";
	struct answer *a = ctx;

	n *= one;
	if (n > sizeof sum && !strncasecmp(data, sum, sizeof sum - 1))
		sscanf(data, "%*[^:]: %63[A-Za-z0-9+/=]", a->sum);
	return n;
}

struct request {
	const char *method, *path, *query; /* encoded */
	const void *data;
	size_t size;
	bool exclusive;
};

/* Headers in the order of their names, the authorization last. The slist is to be freed. */
static struct curl_slist *make_headers(const struct bucket *b, const struct request *q)
{
	char payload[FB_S3_HASH], sum[48], stamp[32], *line;
	struct fb_s3_header h[8];
	struct curl_slist *list = NULL;
	struct fb_s3_request r = {.method = q->method, .path = q->path, .query = q->query, .headers = h, .payload = payload};
	time_t now = time(NULL);
	struct tm tm;

	fb_s3_hash(q->data ? q->data : "", q->size, payload);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	h[r.n++] = (struct fb_s3_header){"host", b->host};
	if (q->exclusive)
		h[r.n++] = (struct fb_s3_header){"if-none-match", "*"};
	if (q->data) {
		fb_s3_base64_hash(q->data, q->size, sum);
		h[r.n++] = (struct fb_s3_header){"x-amz-checksum-sha256", sum};
	}
	h[r.n++] = (struct fb_s3_header){"x-amz-content-sha256", payload};
	h[r.n++] = (struct fb_s3_header){"x-amz-date", stamp};
	if (b->token)
		h[r.n++] = (struct fb_s3_header){"x-amz-security-token", b->token};
	for (size_t i = 0; i < r.n; i++) {
		line = fb_asprintf("%s: %s", h[i].name, h[i].value);
		list = curl_slist_append(list, line);
		fb_free(line);
	}
	line = fb_s3_sign(&r, &b->keys, stamp);
	{
		char *header = fb_asprintf("authorization: %s", line);

		list = curl_slist_append(list, header);
		fb_free(header);
	}
	fb_free(line);
	list = curl_slist_append(list, "content-type:");
	return curl_slist_append(list, "expect:");
}

static void set_up(CURL *curl, const struct fb_location *l, struct answer *a, const char *url, const struct request *q, struct curl_slist *headers)
{
	const struct bucket *b = l->own;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "failback/" PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, l->timeout_ms < CONNECT_MS ? (long)l->timeout_ms : CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)(l->timeout_ms + 999) / 1000);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	if (b->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, b->ca_file);
	if (q->data) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->size);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->data);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method);
}

struct said {
	char code[80], message[300];
};

static int take_said(void *ctx, const char *path, const char *text, struct fb_err *err)
{
	struct said *s = ctx;

	(void)err;
	if (text && !strcmp(path, "Error/Code"))
		snprintf(s->code, sizeof s->code, "%s", text);
	if (text && !strcmp(path, "Error/Message"))
		snprintf(s->message, sizeof s->message, "%s", text);
	return 0;
}

/* What came from elsewhere is shown: no control characters. */
static void clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = ' ';
}

static int refused(struct fb_connection *c, const struct request *q, struct answer *a, long status, struct fb_err *err)
{
	static const char *const passing[] = {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "OperationAborted", "ConditionalRequestConflict"};
	const char *next = "";
	struct said s = {0};
	int code;

	if (fb_s3_xml_read(a->error.n ? a->error.p : "", a->error.n, take_said, &s, NULL) < 0 && !s.code[0])
		snprintf(s.message, sizeof s.message, "no reason was given");
	clean(s.code);
	clean(s.message);
	c->again = status >= 500 || status == 429 || status == 409;
	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		c->again = c->again || !strcmp(s.code, passing[i]);
	code = status == 404 ? FB_STORE_ABSENT : status == 412 ? FB_STORE_EXISTS : status == 401 || status == 403 ? FB_STORE_DENIED : FB_STORE_IO;
	if (!strcmp(s.code, "RequestTimeTooSkewed"))
		next = "; set this machine's clock";
	else if (code == FB_STORE_DENIED)
		next = "; look at the keys, and at what they may do";
	else if (status == 301 || status == 307 || status == 308 || !strcmp(s.code, "AuthorizationHeaderMalformed"))
		next = "; look at endpoint and region";
	return fb_err_set(err, code, "%s %s of %s was answered with %ld%s%s: %s%s", q->method, q->path, c->location->text, status, s.code[0] ? " " : "", s.code, s.message, next);
}

/* body (may be NULL) is cut back to what it was before when the request fails. */
static int request(struct fb_connection *c, const struct request *q, struct fb_text *body, size_t limit, struct fb_err *err)
{
	const struct bucket *b = c->location->own;
	struct answer a = {.body = body, .limit = limit};
	struct curl_slist *headers;
	char *url, sum[48];
	long status = 0;
	CURLcode code;
	int r;

	if (!c->own)
		c->own = curl_easy_init();
	if (!c->own)
		return fb_err_set(err, FB_STORE_BUG, "libcurl does not start");
	a.curl = c->own;
	url = fb_asprintf("%s%s%s%s", b->origin, q->path, *q->query ? "?" : "", q->query);
	headers = make_headers(b, q);
	set_up(c->own, c->location, &a, url, q, headers);
	code = curl_easy_perform(c->own);
	curl_easy_getinfo(c->own, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	fb_free(url);
	if (a.too_long) {
		r = fb_err_set(err, FB_STORE_DAMAGED, "%s in %s is longer than the %zu bytes that it can be", q->path, c->location->text, limit);
	} else if (code != CURLE_OK) {
		c->again = code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_SSL_CACERT_BADFILE && code != CURLE_UNSUPPORTED_PROTOCOL && code != CURLE_URL_MALFORMAT;
		r = fb_err_set(err, FB_STORE_IO, "cannot reach %s at %s: %s%s", c->location->text, b->origin, curl_easy_strerror(code),
			       code == CURLE_PEER_FAILED_VERIFICATION ? "; if it has a certificate of your own, name its authority with ca_file" : "");
	} else if (status / 100 != 2) {
		r = refused(c, q, &a, status, err);
	} else {
		r = 0;
		if (q->data && a.sum[0]) {
			fb_s3_base64_hash(q->data, q->size, sum);
			c->again = strcmp(sum, a.sum) != 0;
			if (c->again)
				r = fb_err_set(err, FB_STORE_IO, "%s of %s arrived with another SHA-256 (%s) than it was sent with", q->path, c->location->text, a.sum);
		}
	}
	fb_text_clear(&a.error);
	return r;
}

static char *path_of(struct fb_connection *c, const char *key)
{
	const struct bucket *b = c->location->own;
	struct fb_text t = {0};

	fb_text_puts(&t, b->base);
	fb_s3_encode(&t, key, true);
	return fb_text_take(&t);
}

/* ---- operations ---- */

static int make(struct fb_connection *c, struct fb_err *err)
{
	(void)c;
	(void)err;
	return 0; /* a bucket is the business of who pays for it */
}

static int get(struct fb_connection *c, const char *key, size_t limit, struct fb_text *ret, struct fb_err *err)
{
	char *path = path_of(c, key);
	int r = request(c, &(struct request){.method = "GET", .path = path, .query = ""}, ret, limit, err);

	fb_free(path);
	return r;
}

static int put(struct fb_connection *c, const char *key, const void *data, size_t size, bool exclusive, struct fb_err *err)
{
	char *path = path_of(c, key);
	int r = request(c, &(struct request){.method = "PUT", .path = path, .query = "", .data = data, .size = size, .exclusive = exclusive}, NULL, 0, err);

	fb_free(path);
	return r;
}

static int seal(struct fb_connection *c, const char *set, const void *data, size_t size, struct fb_err *err)
{
	char *key = fb_asprintf("sets/%s/manifest.json", set);
	int r = put(c, key, data, size, true, err);

	fb_free(key);
	return r;
}

static int remove_key(struct fb_connection *c, const char *key, struct fb_err *err)
{
	char *path = path_of(c, key);
	struct fb_err ours = {0};
	int r = request(c, &(struct request){.method = "DELETE", .path = path, .query = ""}, NULL, 0, &ours);

	fb_free(path);
	if (r < 0 && ours.code == FB_STORE_ABSENT)
		return 0;
	if (r < 0 && err)
		*err = ours;
	return r;
}

static int unseal(struct fb_connection *c, const char *set, struct fb_err *err)
{
	char *key = fb_asprintf("sets/%s/manifest.json", set);
	int r = remove_key(c, key, err);

	fb_free(key);
	return r;
}

/* ---- listings ---- */

struct listing {
	struct fb_connection *c;
	int (*each)(void *ctx, const char *key, uint64_t size, struct fb_err *err);
	void *ctx;
	char *key, *token;
	uint64_t size;
	bool sized, truncated, known, stopped;
};

static int take_leaf(void *ctx, const char *path, const char *text, struct fb_err *err)
{
	struct listing *l = ctx;
	const struct bucket *b = l->c->location->own;
	char *end;
	int r = 0;

	if (text && !strcmp(path, "ListBucketResult/Contents/Key")) {
		fb_free(l->key);
		l->key = fb_strdup(text);
	} else if (text && !strcmp(path, "ListBucketResult/Contents/Size")) {
		l->size = strtoull(text, &end, 10);
		l->sized = *text >= '0' && *text <= '9' && !*end;
	} else if (!strcmp(path, "ListBucketResult/Contents")) {
		if (!l->key || !l->sized)
			return fb_err_set(err, FB_STORE_IO, "%s was listed with an entry that has no key or size", l->c->location->text);
		if (!l->stopped && fb_has_prefix(l->key, b->prefix))
			r = l->each(l->ctx, l->key + strlen(b->prefix), l->size, err);
		fb_free(l->key);
		l->key = NULL;
		l->sized = false;
		l->stopped = l->stopped || r > 0;
	} else if (text && !strcmp(path, "ListBucketResult/IsTruncated")) {
		l->truncated = !strcmp(text, "true");
	} else if (text && !strcmp(path, "ListBucketResult/NextContinuationToken")) {
		fb_free(l->token);
		l->token = fb_strdup(text);
	} else if (!strcmp(path, "ListBucketResult")) {
		l->known = true;
	}
	return r < 0 ? -1 : 0;
}

/* One page, tried again as a whole while it does not arrive: entries are given out when all of it is there. */
static int get_page(struct fb_connection *c, const char *query, struct fb_text *body, struct fb_err *err)
{
	const struct bucket *b = c->location->own;
	int n = 0, r;

	for (;;) {
		c->again = false;
		fb_text_clear(body);
		r = request(c, &(struct request){.method = "GET", .path = b->root, .query = query}, body, LIST_LIMIT, err);
		if (r == 0 || !c->again || ++n >= c->location->attempts)
			return r;
		fb_location_pause(n);
	}
}

static char *page_query(const struct bucket *b, const char *folder, const char *after, const char *token)
{
	struct fb_text t = {0};

	if (token) {
		fb_text_puts(&t, "continuation-token=");
		fb_s3_encode(&t, token, false);
		fb_text_puts(&t, "&");
	}
	fb_text_puts(&t, "list-type=2&prefix=");
	fb_s3_encode(&t, b->prefix, false);
	fb_s3_encode(&t, folder, false);
	if (after && !token) {
		fb_text_puts(&t, "&start-after=");
		fb_s3_encode(&t, b->prefix, false);
		fb_s3_encode(&t, after, false);
	}
	return fb_text_take(&t);
}

static int list(struct fb_connection *c, const char *folder, const char *after, int (*each)(void *ctx, const char *key, uint64_t size, struct fb_err *err), void *ctx,
		struct fb_err *err)
{
	struct listing l = {.c = c, .each = each, .ctx = ctx};
	struct fb_text body = {0};
	char *before = NULL;
	int r;

	do {
		char *query = page_query(c->location->own, folder, after, l.token);

		fb_free(before);
		before = l.token;
		l.token = NULL;
		l.truncated = l.known = false;
		r = get_page(c, query, &body, err);
		fb_free(query);
		if (r == 0)
			r = fb_s3_xml_read(body.n ? body.p : "", body.n, take_leaf, &l, err);
		if (r == 0 && !l.known)
			r = fb_err_set(err, FB_STORE_IO, "what %s answered to a listing is none", c->location->text);
		if (r == 0 && l.truncated && (!l.token || fb_streq(l.token, before)))
			r = fb_err_set(err, FB_STORE_IO, "the listing of %s says that there is more, and not where", c->location->text);
	} while (r == 0 && l.truncated && !l.stopped);
	fb_text_clear(&body);
	fb_free(before);
	fb_free(l.token);
	fb_free(l.key);
	return r;
}

struct set_names {
	int (*each)(void *ctx, const char *name, struct fb_err *err);
	void *ctx;
};

static int take_set(void *ctx, const char *key, uint64_t size, struct fb_err *err)
{
	static const char end[] = "/manifest.json";
	struct set_names *s = ctx;
	size_t n = strlen(key), begin = strlen("sets/");
	char *name;
	int r;

	(void)size;
	if (n <= begin + sizeof end - 1 || strcmp(key + n - (sizeof end - 1), end) != 0)
		return 0;
	name = fb_asprintf("%.*s", (int)(n - begin - (sizeof end - 1)), key + begin);
	r = fb_store_name_valid(name) ? s->each(s->ctx, name, err) : 0;
	fb_free(name);
	return r;
}

static int sets(struct fb_connection *c, int (*each)(void *ctx, const char *name, struct fb_err *err), void *ctx, struct fb_err *err)
{
	struct set_names s = {each, ctx};

	return list(c, "sets/", NULL, take_set, &s, err);
}

static int objects(struct fb_connection *c, unsigned first, int (*each)(void *ctx, const char *name, uint64_t size, struct fb_err *err), void *ctx, struct fb_err *err)
{
	char after[24];

	snprintf(after, sizeof after, "objects/%02x/", first);
	return list(c, "objects/", first ? after : NULL, each, ctx, err);
}

const struct fb_location_ops fb_location_s3 = {.use = "s3", .open = open_bucket, .close = close_bucket, .disconnect = disconnect, .make = make, .get = get, .put = put, .seal = seal,
	.remove = remove_key, .unseal = unseal, .sets = sets, .objects = objects};
