/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Docker Engine API (github.com/moby/moby, api/swagger.yaml) over a socket of the file system. Knows requests, answers and their bounds; nothing of what they are
 * for but the look at one image.
 */
#include "plugins/strategies/images/images.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)16 << 20)
#define CONNECT_MS 10000L

struct answer {
	char *text;
	size_t n;
	bool too_long;
	FILE *file; /* instead of text, while the status is 200 */
	CURL *curl;
	int write_errno;
};

static size_t take(char *data, size_t size, size_t count, void *ctx)
{
	struct answer *a = ctx;
	size_t n = size * count;
	long status = 0;

	if (a->file && curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200) {
		if (fwrite(data, 1, n, a->file) == n)
			return n;
		a->write_errno = errno;
		return 0;
	}
	if (n > ANSWER_MAX - a->n) {
		a->too_long = true;
		return 0;
	}
	a->text = realloc(a->text, a->n + n + 1);
	if (!a->text)
		abort();
	memcpy(a->text + a->n, data, n);
	a->n += n;
	a->text[a->n] = 0;
	return n;
}

/* "Api-Version: 1.41", of which only numbers and a dot are believed. */
static size_t take_header(char *data, size_t size, size_t count, void *ctx)
{
	struct engine *e = ctx;
	size_t n = size * count, at = strlen("api-version:"), end;

	if (n <= at || strncasecmp(data, "api-version:", at))
		return n;
	while (at < n && data[at] == ' ')
		at++;
	for (end = at; end < n && (isdigit((unsigned char)data[end]) || data[end] == '.'); end++)
		;
	if (end > at && end - at < 12)
		snprintf(e->version, sizeof e->version, "/v%.*s", (int)(end - at), data + at);
	return n;
}

static const char *socket_path(const struct fb_call *call)
{
	return call->host->option(call, "socket");
}

static void unreached(const struct engine *e, const char *what, CURLcode code, const struct answer *a, const char *detail)
{
	const struct fb_call *call = e->call;
	const char *path = socket_path(call), *why = *detail ? detail : curl_easy_strerror(code);

	if (a->too_long)
		call->host->fail(call, "%s failed: the engine at %s answers with more than %zu MiB", what, path, ANSWER_MAX >> 20);
	else if (a->write_errno)
		call->host->fail(call, "%s failed: the scratch folder cannot be written: %s", what, strerror(a->write_errno));
	else if (code == CURLE_COULDNT_CONNECT && access(path, F_OK))
		call->host->fail(call, "%s failed: there is no socket %s: is a Docker Engine installed, and running? 'socket' says where it listens", what, path);
	else if (code == CURLE_COULDNT_CONNECT && access(path, W_OK))
		call->host->fail(call, "%s failed: this user may not use %s: add it to the group that owns the socket, and list the socket where the plugin has a sandbox", what, path);
	else
		call->host->fail(call, "%s failed: the engine at %s does not answer: %s", what, path, why);
}

/* One or more objects, one after the other. */
static json_t *parse(const char *text, size_t n, bool many)
{
	json_t *all = many ? json_array() : NULL, *one;
	size_t at = 0;
	json_error_t error;

	if (!many)
		return text ? json_loadb(text, n, 0, NULL) : NULL;
	while (at < n && (one = json_loadb(text + at, n - at, JSON_DISABLE_EOF_CHECK, &error))) {
		json_array_append_new(all, one);
		at += (size_t)error.position;
	}
	return all;
}

struct request {
	const char *path, *what;
	const char *body; /* a file */
	FILE *file;       /* for the answer */
	bool post, bare;  /* bare: without the version */
};

static long ask(struct engine *e, const struct request *q, json_t **ret)
{
	char url[IMAGES_NAME * 3], detail[CURL_ERROR_SIZE] = "";
	struct answer a = {.file = q->file, .curl = e->curl};
	struct curl_slist *headers = q->body ? curl_slist_append(NULL, "Content-Type: application/x-tar") : NULL;
	FILE *body = q->body ? fopen(q->body, "re") : NULL;
	int64_t left = e->call->host->remaining_ms(e->call);
	long status = -1;
	CURLcode code;

	*ret = NULL;
	if (q->body && (!body || fseeko(body, 0, SEEK_END))) {
		e->call->host->fail(e->call, "%s failed: %s cannot be read: %s", q->what, q->body, strerror(errno));
		goto out;
	}
	curl_easy_reset(e->curl);
	snprintf(url, sizeof url, "http://localhost%s%s", q->bare ? "" : e->version, q->path);
	curl_easy_setopt(e->curl, CURLOPT_URL, url);
	curl_easy_setopt(e->curl, CURLOPT_UNIX_SOCKET_PATH, socket_path(e->call));
	curl_easy_setopt(e->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(e->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e->curl, CURLOPT_CONNECTTIMEOUT_MS, left < CONNECT_MS ? (long)(left < 1 ? 1 : left) : CONNECT_MS);
	curl_easy_setopt(e->curl, CURLOPT_TIMEOUT_MS, (long)(left < 1 ? 1 : left));
	curl_easy_setopt(e->curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(e->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(e->curl, CURLOPT_WRITEDATA, &a);
	if (q->bare) {
		curl_easy_setopt(e->curl, CURLOPT_HEADERFUNCTION, take_header);
		curl_easy_setopt(e->curl, CURLOPT_HEADERDATA, e);
	}
	if (q->post) {
		curl_easy_setopt(e->curl, CURLOPT_POST, 1L);
		curl_easy_setopt(e->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(body ? ftello(body) : 0));
		curl_easy_setopt(e->curl, CURLOPT_HTTPHEADER, headers);
		if (body) {
			rewind(body);
			curl_easy_setopt(e->curl, CURLOPT_READDATA, body);
		} else {
			curl_easy_setopt(e->curl, CURLOPT_POSTFIELDS, "");
		}
	}
	code = curl_easy_perform(e->curl);
	if (code == CURLE_OK && curl_easy_getinfo(e->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
		*ret = parse(a.text, a.n, q->post && status < 300);
	else
		unreached(e, q->what, code, &a, detail);
out:
	if (body)
		fclose(body);
	curl_slist_free_all(headers);
	free(a.text);
	return status;
}

int engine_open(struct engine *e, const struct fb_call *call)
{
	const struct request q = {.path = "/_ping", .what = "asking the Docker Engine for its version", .bare = true};
	json_t *said;
	long status;

	*e = (struct engine){.call = call, .curl = curl_easy_init()};
	if (!e->curl)
		abort();
	status = ask(e, &q, &said);
	json_decref(said);
	if (status == 200 && *e->version)
		return 0;
	if (status >= 0)
		call->host->fail(call, "what listens at %s is no Docker Engine: /_ping answers status %ld%s", socket_path(call), status, *e->version ? "" : " without an Api-Version");
	return -1;
}

void engine_close(struct engine *e)
{
	if (e->curl)
		curl_easy_cleanup(e->curl);
	e->curl = NULL;
}

long engine_get(struct engine *e, const char *path, const char *what, json_t **ret)
{
	const struct request q = {.path = path, .what = what};

	return ask(e, &q, ret);
}

long engine_post(struct engine *e, const char *path, const char *file, const char *what, json_t **ret)
{
	const struct request q = {.path = path, .what = what, .body = file, .post = true};

	return ask(e, &q, ret);
}

const char *engine_error(const json_t *said)
{
	const char *text = json_string_value(json_object_get(said, "message"));
	const json_t *one;
	size_t i;

	json_array_foreach(said, i, one) {
		const char *detail = json_string_value(json_object_get(json_object_get(one, "errorDetail"), "message"));

		if (!text)
			text = detail ? detail : json_string_value(json_object_get(one, "error"));
	}
	return text;
}

int engine_save(struct engine *e, const char *path, const char *file, const char *what)
{
	struct request q = {.path = path, .what = what};
	const char *why;
	json_t *said = NULL;
	long status = -1;
	int rc = -1;

	q.file = fopen(file, "we");
	if (q.file)
		status = ask(e, &q, &said);
	else
		e->call->host->fail(e->call, "%s failed: %s cannot be written: %s", what, file, strerror(errno));
	if (q.file && fclose(q.file)) {
		if (status == 200)
			e->call->host->fail(e->call, "%s failed: the scratch folder cannot be written: %s", what, strerror(errno));
	} else if (status == 200) {
		rc = 0;
	}
	if (status >= 0 && status != 200) {
		why = engine_error(said);
		e->call->host->fail(e->call, "%s failed: the engine answers status %ld: %s", what, status, why ? why : "without a reason");
	}
	json_decref(said);
	return rc;
}

char *engine_word(struct engine *e, const char *text)
{
	char *word = curl_easy_escape(e->curl, text, 0), *ret;

	if (!word)
		abort();
	ret = run_copy(word);
	curl_free(word);
	return ret;
}

int engine_image(struct engine *e, const char *name, json_t **ret)
{
	char path[IMAGES_NAME * 2], what[IMAGES_NAME];
	const char *why;
	long status;

	*ret = NULL;
	snprintf(path, sizeof path, "/images/%.400s/json", name);
	snprintf(what, sizeof what, "asking for image %.400s", name);
	status = engine_get(e, path, what, ret);
	if (status == 200 && json_is_string(json_object_get(*ret, "Id")))
		return 1;
	why = engine_error(*ret);
	if (status >= 0 && status != 404)
		e->call->host->fail(e->call, "%s failed: the engine answers status %ld: %s", what, status, why ? why : "without a reason");
	json_decref(*ret);
	*ret = NULL;
	return status == 404 ? 0 : -1;
}
