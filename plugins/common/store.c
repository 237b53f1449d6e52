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
	store_words_clear(w);
	*w = before;
	command.environment = w->environment;
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
