/* SPDX-License-Identifier: Apache-2.0 */
#include "set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/common/store.h"

#define IS_SEALED 73 /* failback-store's exit code: it is there already */

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

static bool is_there(const char *path)
{
	char file[4200];

	snprintf(file, sizeof file, "%s/store.json", path);
	return access(file, F_OK) == 0;
}

static int32_t make(const struct fb_call *call, const json_t *settings, const char *path)
{
	const char *encryption = json_string_value(json_object_get(settings, "encryption"));
	struct store_words w = {0};
	char line[STORE_LINE], text[STORE_LINE];
	int32_t answer;
	int code;

	snprintf(text, sizeof text, "make a store of backups in %s", path);
	answer = call->host->act(call, "store", FB_REPEAT_PROBE, text);
	if (answer == FB_ACT_NO)
		return FB_RETRY;
	if (answer == FB_ACT_DRY)
		return FB_OK;
	store_begin(&w, "init");
	store_option(&w, "--encryption", encryption);
	if (encryption && strcmp(encryption, "none")) {
		store_option(&w, "--key-file", json_string_value(json_object_get(settings, "key_file")));
		store_option(&w, "--passphrase-file", json_string_value(json_object_get(settings, "passphrase_file")));
	}
	json_decref(store_ask(call, &w, &code, line));
	if (code) {
		call->host->fail(call, "the store of backups could not be made in %s: %s. 'backup_store' in the configuration says where it is", path, line);
		return FB_FAIL;
	}
	call->host->log(call, FB_LOG_INFO, "made a store of backups in %s (encryption: %s)", path, encryption ? encryption : "?");
	return answer == FB_ACT_DO && call->host->acted(call, "store", NULL) ? FB_RETRY : FB_OK;
}

int32_t set_prepare(const struct fb_call *call)
{
	json_t *settings;
	const char *path;
	int32_t answer = FB_OK;

	if (!has_items(call))
		return FB_OK;
	settings = document(call, "backup_store");
	path = json_string_value(json_object_get(settings, "path"));
	if (!path) {
		call->host->fail(call, "services have items to back up, and this host says nothing of a store: use a failback that has backup_store");
		answer = FB_FATAL;
	} else if (!is_there(path)) {
		answer = make(call, settings, path);
	}
	json_decref(settings);
	return answer;
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
	if (code == IS_SEALED) { /* by an engine that died before it had recorded that */
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
