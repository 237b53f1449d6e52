/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For plugins that run failback-store(8), which host->run finds, on the store in FAILBACK_STORE: its words, and its answer. Compiled into each plugin that uses
 * it. Knows only the public header.
 */
#ifndef FB_PLUGINS_COMMON_STORE_H
#define FB_PLUGINS_COMMON_STORE_H

#include <jansson.h>
#include <stddef.h>

#include "failback/plugin.h"

#define STORE_PROGRAM "failback-store"
#define STORE_LINE 600
#define STORE_EXISTS 73 /* exit code: it is there already */

/* A command line that grows; texts are copied. */
struct store_words {
	char **v; /* ends in NULL */
	size_t n;
	const char *input; /* its standard input; not copied. NULL: none */
	const char *const *environment; /* for it, and for the program that it runs; not copied. NULL: none */
	int64_t timeout_ms; /* it is ended then; 0: with the call */
};
/* "failback-store COMMAND" */
void store_begin(struct store_words *w, const char *command);
void store_word(struct store_words *w, const char *text);
/* An option and its value; nothing when the value is NULL. */
void store_option(struct store_words *w, const char *option, const char *value);
/* An option for each text of a list option of the plugin's. */
void store_options(const struct fb_call *call, struct store_words *w, const char *option, const char *list);
void store_words_clear(struct store_words *w);

/* Makes the store of `backup_store` when it is not there yet, as an action of this call. FB_OK (also in a dry run), or an answer whose sentence is set. */
int32_t store_ready(const struct fb_call *call);

/* Runs it and clears the words; its answer goes through the scratch folder, so that no log has it. The answer, or NULL; *ret_code is its exit code (-1: a signal, 127: it is not there), line what it said last. */
json_t *store_ask(const struct fb_call *call, struct store_words *w, int *ret_code, char line[STORE_LINE]);

#endif
