/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/common/run.h"

void store_word(struct store_words *w, const char *text)
{
	w->v = realloc(w->v, (w->n + 2) * sizeof *w->v);
	if (!w->v)
		abort();
	w->v[w->n++] = run_copy(text);
	w->v[w->n] = NULL;
}

void store_option(struct store_words *w, const char *option, const char *value)
{
	if (!value)
		return;
	store_word(w, option);
	store_word(w, value);
}

void store_options(const struct fb_call *call, struct store_words *w, const char *option, const char *list)
{
	uint32_t n = call->host->option_count(call, list);
	char path[96];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s[%u]", list, (unsigned)i);
		store_option(w, option, call->host->option(call, path));
	}
}

void store_words_clear(struct store_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
	*w = (struct store_words){0};
}

void store_begin(struct store_words *w, const char *command)
{
	store_word(w, STORE_PROGRAM);
	store_word(w, command);
}

json_t *store_ask(const struct fb_call *call, struct store_words *w, int *ret_code, char line[STORE_LINE])
{
	struct fb_command command = {0};
	struct store_words before;
	struct fb_command_result r = {0};
	char how[STORE_LINE / 2], text[STORE_LINE / 2], file[4200];
	json_t *answer;
	int rc;

	*ret_code = 127;
	if (!call->scratch) {
		store_words_clear(w);
		snprintf(line, STORE_LINE, "its sandbox has no scratch folder: set scratch = true");
		return NULL;
	}
	snprintf(file, sizeof file, "%s/%s.answer", call->scratch, call->service ? call->service : "set");
	before = (struct store_words){0}; /* what follows may end with a program's own words */
	store_word(&before, w->v[0]);
	store_option(&before, "--answer", file);
	for (size_t i = 1; i < w->n; i++)
		store_word(&before, w->v[i]);
	before.environment = w->environment;
	before.timeout_ms = w->timeout_ms;
	before.input = w->input;
	store_words_clear(w);
	*w = before;
	command.environment = w->environment;
	command.timeout_ms = w->timeout_ms;
	command.input = w->input;
	command.argv = (const char *const *)w->v;
	rc = call->host->run(call, &command, &r);
	store_words_clear(w);
	if (rc) {
		snprintf(line, STORE_LINE, "%s could not be started: install the package failback-store, or put the program beside failback-host", STORE_PROGRAM);
		return NULL;
	}
	*ret_code = r.exit_code;
	answer = json_load_file(file, 0, NULL);
	unlink(file);
	snprintf(line, STORE_LINE, "%s%s", run_outcome(&r, how, sizeof how), run_line_after(&r, text, sizeof text));
	return answer;
}

static int32_t make(const struct fb_call *call, const json_t *settings, const char *path)
{
	const char *encryption = json_string_value(json_object_get(settings, "encryption"));
	struct store_words w = {0};
	char line[STORE_LINE], text[STORE_LINE];
	int32_t answer;
	int code;

	snprintf(text, sizeof text, "make a store of backups in %s", path);
	answer = call->host->act(call, "store", FB_REPEAT_IDEMPOTENT, text);
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
	if (code && code != STORE_EXISTS) {
		call->host->fail(call, "the store of backups could not be made in %s: %s. 'backup_store' in the configuration says where it is", path, line);
		return FB_FAIL;
	}
	call->host->log(call, FB_LOG_INFO, "made a store of backups in %s (encryption: %s)", path, encryption ? encryption : "?");
	return answer == FB_ACT_DO && call->host->acted(call, "store", NULL) ? FB_RETRY : FB_OK;
}

int32_t store_ready(const struct fb_call *call)
{
	const char *text = call->host->document(call, "backup_store");
	json_t *settings = text ? json_loads(text, 0, NULL) : NULL;
	const char *path = json_string_value(json_object_get(settings, "path"));
	int32_t answer = FB_OK;
	char file[4200];

	snprintf(file, sizeof file, "%s/store.json", path ? path : "");
	if (!path) {
		call->host->fail(call, "there is no store of backups: this host says nothing of one; use a failback that has backup_store");
		answer = FB_FATAL;
	} else if (access(file, F_OK)) {
		answer = make(call, settings, path);
	}
	json_decref(settings);
	return answer;
}
