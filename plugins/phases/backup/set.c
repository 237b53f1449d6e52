/* SPDX-License-Identifier: Apache-2.0 */
#include "set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/store.h"

static json_t *document(const struct fb_call *call, const char *name)
{
	const char *text = call->host->document(call, name);

	return text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

static bool has_items(const struct fb_call *call)
{
	json_t *services = document(call, "services"), *one;
	bool yes = false;
	size_t i;

	json_array_foreach(services, i, one)
		yes = yes || (json_is_true(json_object_get(one, "deploys")) && json_array_size(json_object_get(one, "items")));
	json_decref(services);
	return yes;
}

int32_t set_prepare(const struct fb_call *call)
{
	return has_items(call) ? store_ready(call) : FB_OK;
}

static bool is_stored(const struct phase_outcome *captured)
{
	const json_t *entry, *item;
	size_t i, k;

	json_array_foreach(captured->services, i, entry)
		json_array_foreach(json_object_get(json_object_get(entry, "reported"), "items"), k, item)
			if (json_is_true(json_object_get(item, "stored")))
				return true;
	return false;
}

int32_t set_seal(const struct fb_call *call, const struct phase_outcome *captured)
{
	char line[STORE_LINE], meta[300];
	struct store_words w = {0};
	const char *digest;
	int32_t answer;
	json_t *said;
	int code;

	if (!is_stored(captured) || call->flags & FB_CALL_DRY_RUN)
		return FB_OK;
	answer = call->host->act(call, "seal", FB_REPEAT_IDEMPOTENT, "seal the backup set");
	if (answer == FB_ACT_NO)
		return FB_RETRY;
	store_begin(&w, "seal");
	store_option(&w, "--set", call->execution);
	snprintf(meta, sizeof meta, "environment=%s", call->environment);
	store_option(&w, "--meta", meta);
	said = store_ask(call, &w, &code, line);
	if (code == STORE_EXISTS) { /* by an engine that died before it had recorded that */
		json_decref(said);
		store_begin(&w, "show");
		store_option(&w, "--set", call->execution);
		said = store_ask(call, &w, &code, line);
	}
	digest = json_string_value(json_object_get(said, "digest"));
	if (code || !digest) {
		call->host->fail(call, "the backup set could not be sealed: %s", line);
		answer = FB_FAIL;
	} else if (call->host->fact_set(call, FB_SCOPE_EXECUTION, "backup.digest", digest) || (answer == FB_ACT_DO && call->host->acted(call, "seal", digest))) {
		call->host->fail(call, "the backup set was sealed, but its digest could not be recorded");
		answer = FB_RETRY;
	} else {
		answer = FB_OK;
	}
	json_decref(said);
	return answer;
}
