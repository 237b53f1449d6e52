/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phase llm-analyze: after analyze, a language model may put the evidence in order and say in its own words what it means. Whether it is there, is slow, or talks nonsense:
 * the recovery ends as it would without it, and the cause that analyze found stays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../failure.h"
#include "../phase.h"
#include "pack.h"
#include "plugins/common/post.h"
#include "plugins/common/run.h"

static const struct fb_option options[] = {
	{.name = "endpoint", .type = FB_TYPE_URL, .flags = FB_OPTION_REQUIRED, .summary = "Base address of an OpenAI-compatible service, such as http://127.0.0.1:11434/v1; /chat/completions is added"},
	{.name = "model", .type = FB_TYPE_STRING, .flags = FB_OPTION_REQUIRED, .summary = "The model's name there"},
	{.name = "api_key", .type = FB_TYPE_STRING, .flags = FB_OPTION_SECRET, .summary = "Sent as Authorization: Bearer"},
	{.name = "max_tokens", .type = FB_TYPE_INT, .default_value = "600", .min = 50, .max = 8000, .summary = "How long its answer may be"},
	POST_OPTIONS,
	{0},
};

/* Nothing depends on it: that it did not help is said, and is no failure. */
static int32_t without(const struct fb_call *call, const char *why)
{
	phase_say(call, "the cause stays as analyze found it: %s", why);
	return FB_SKIP;
}

static char *address(const struct fb_call *call)
{
	const char *base = call->host->option(call, "endpoint"), path[] = "/chat/completions";
	size_t n = strlen(base);
	char *ret;

	while (n && base[n - 1] == '/')
		n--;
	if (asprintf(&ret, "%.*s%s", (int)n, base, n > sizeof path - 1 && !strncmp(base + n - (sizeof path - 1), path, sizeof path - 1) ? "" : path) < 0)
		abort();
	return ret;
}

static struct curl_slist *headers_of(const struct fb_call *call)
{
	const char *key = call->host->option(call, "api_key");
	struct curl_slist *list = NULL;
	char *value;

	if (!key || !*key)
		return NULL;
	if (asprintf(&value, "Bearer %s", key) < 0)
		abort();
	list = post_header(NULL, "Authorization", value);
	explicit_bzero(value, strlen(value));
	free(value);
	return list;
}

/* What the post said was wrong, as one line. */
static const char *refusal(const struct post_answer *a, char *buf, size_t size)
{
	char line[160];

	if (a->code != CURLE_OK)
		snprintf(buf, size, "the model could not be asked: %s", curl_easy_strerror(a->code));
	else if (a->cut)
		snprintf(buf, size, "the model's answer is longer than %d bytes", POST_ANSWER_LIMIT);
	else
		snprintf(buf, size, "the model's service answered %ld: %s", a->status, post_line(a, line, sizeof line));
	return buf;
}

static int32_t ask(const struct fb_call *call, const json_t *cause, const char *step, const char *model, const char *body)
{
	struct post_request q = {.body = body};
	char why[PACK_WHY] = "", line[400];
	struct post_answer a;
	json_t *better;
	char *url;

	q.url = url = address(call);
	if (!post_is_private(call, "endpoint", url)) {
		free(url);
		return FB_FAIL;
	}
	q.headers = headers_of(call);
	post_send(call, &q, &a);
	curl_slist_free_all(q.headers);
	free(url);
	if (!post_ok(&a) || a.cut) {
		refusal(&a, line, sizeof line);
		post_clear(&a);
		return without(call, line);
	}
	better = pack_answer(cause, step, model, a.body, a.n, why);
	post_clear(&a);
	if (!better) {
		char safe[PACK_WHY];

		snprintf(line, sizeof line, "the answer of %.60s was refused: %s", model, run_printable(why, strlen(why), safe, sizeof safe));
		return without(call, line);
	}
	phase_say(call, "%s: %s", model, json_string_value(json_object_get(json_object_get(better, "explanation"), "text")));
	phase_report(call, "root_cause", better);
	return FB_OK;
}

static int32_t run(const struct fb_call *call)
{
	char *model = run_copy(call->host->option(call, "model")), *body = NULL;
	struct failure failure;
	const json_t *cause;
	int32_t answer;

	failure_read(call, &failure);
	cause = json_object_get(failure.report, "root_cause");
	if (!json_is_object(cause))
		answer = without(call, "there is none yet: is analyze in the chain, and before llm-analyze?");
	else if (!(body = pack_request(cause, failure.title, model, (int)call->host->option_int(call, "max_tokens", 600))))
		answer = without(call, "there is no evidence to show to a model");
	else if (call->flags & FB_CALL_DRY_RUN)
		answer = without(call, "a model is not asked in a dry run");
	else
		answer = ask(call, cause, failure.title, model, body);
	free(body);
	free(model);
	failure_clear(&failure);
	return answer;
}

static int32_t check(const struct fb_call *call)
{
	char *url = run_copy(call->host->option(call, "endpoint"));
	int32_t answer = post_is_private(call, "endpoint", url) ? FB_OK : FB_FATAL;

	free(url);
	return answer;
}

static const struct fb_phase_ops ops = {.check = check, .run = run};

FB_PLUGIN(PHASE, .name = "llm-analyze", .version = "0.1.0", .summary = "Has a language model order and word the evidence that analyze found; what it quotes is checked", .license = "Apache-2.0",
	  .options = options, .phase = &ops)
