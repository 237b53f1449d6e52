/* SPDX-License-Identifier: Apache-2.0 */
/* strategy units: unit files and drop-ins of systemd's as an item of a backup; after they are back systemd reads them again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/item.h"
#include "plugins/common/run.h"

#define MOST_PATHS 64

static const struct fb_option options[] = {
	{.name = "units", .type = FB_TYPE_LIST, .summary = "Names of units: systemd is asked for their files and drop-ins"},
	{.name = "paths", .type = FB_TYPE_LIST, .summary = "Files and folders, absolute, besides those of the units"},
	{.name = "reload", .type = FB_TYPE_COMMAND, .default_value = "systemctl daemon-reload", .summary = "Run when a restore has changed something"},
	{.name = "after_restore", .type = FB_TYPE_COMMAND, .summary = "Run after the reload, such as a restart of other units"},
	ITEM_OPTIONS("restore"),
	{0},
};

struct paths {
	char *v[MOST_PATHS];
	size_t n;
};

static void clear(struct paths *p)
{
	while (p->n)
		free(p->v[--p->n]);
}

static void add(struct paths *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i], path))
			return;
	if (p->n < MOST_PATHS)
		p->v[p->n++] = run_copy(path);
}

/* "FragmentPath=/etc/…\nDropInPaths=/etc/… /run/…" */
static size_t add_answer(struct paths *p, char *answer)
{
	size_t before = p->n;
	char *lines = NULL, *words;

	for (char *line = strtok_r(answer, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		char *value = strchr(line, '=');

		if (!value || (strncmp(line, "FragmentPath=", 13) && strncmp(line, "DropInPaths=", 12)))
			continue;
		for (char *word = strtok_r(value + 1, " ", &words); word; word = strtok_r(NULL, " ", &words))
			if (*word == '/')
				add(p, word);
	}
	return p->n - before;
}

/* The files of a unit. FB_OK, or an answer with its sentence. */
static int32_t add_unit(const struct fb_call *call, struct paths *p, const char *unit)
{
	const char *const argv[] = {"systemctl", "show", "--no-pager", "--property=FragmentPath,DropInPaths", "--", unit, NULL};
	const struct fb_command command = {.argv = argv};
	char line[STORE_LINE], *output;
	int failed = item_ask(call, &command, &output, line);
	int32_t answer = FB_OK;

	if (failed) {
		call->host->fail(call, "systemd could not be asked for the files of unit %s: %s; name them in 'paths'", unit, line);
		answer = FB_FAIL;
	} else if (!add_answer(p, output)) {
		call->host->fail(call, "systemd knows no file of unit %s: is its name right? A name has its ending, such as shop.service", unit);
		answer = FB_FAIL;
	}
	free(output);
	return answer;
}

static int32_t collect(const struct fb_call *call, struct paths *p)
{
	uint32_t units = call->host->option_count(call, "units"), paths = call->host->option_count(call, "paths");
	int32_t answer = FB_OK;
	char item[64];

	for (uint32_t i = 0; i < paths; i++) {
		snprintf(item, sizeof item, "paths[%u]", (unsigned)i);
		add(p, call->host->option(call, item));
	}
	for (uint32_t i = 0; i < units && answer == FB_OK; i++) {
		char *unit;

		snprintf(item, sizeof item, "units[%u]", (unsigned)i);
		unit = run_copy(call->host->option(call, item));
		answer = add_unit(call, p, unit);
		free(unit);
	}
	return answer;
}

static const char *what(const struct fb_call *call, char *buf, size_t size)
{
	uint32_t n = call->host->option_count(call, "units");
	const char *first = call->host->option(call, n ? "units[0]" : "paths[0]");

	if (n > 1)
		snprintf(buf, size, "the unit files of %s and %u more", first, (unsigned)n - 1);
	else
		snprintf(buf, size, "the unit files of %s", first ? first : "nothing");
	return buf;
}

static int32_t check(const struct fb_call *call)
{
	uint32_t n = call->host->option_count(call, "paths");

	if (!n && !call->host->option_count(call, "units")) {
		call->host->fail(call, "neither 'units' nor 'paths' is set: name the units whose files are backed up");
		return FB_FATAL;
	}
	for (uint32_t i = 0; i < n; i++) {
		char item[64];
		const char *value;

		snprintf(item, sizeof item, "paths[%u]", (unsigned)i);
		value = call->host->option(call, item);
		if (!value || *value != '/') {
			call->host->fail(call, "paths: '%s' is not absolute: it does not begin with /", value ? value : "");
			return FB_FATAL;
		}
	}
	return item_check(call);
}

static int32_t capture(const struct fb_call *call)
{
	struct store_words w = {0};
	struct paths p = {.n = 0};
	int32_t answer = collect(call, &p);
	char buf[600];

	for (size_t i = 0; i < p.n; i++)
		store_option(&w, "--tree", p.v[i]);
	if (answer == FB_OK)
		answer = item_capture(call, "units", what(call, buf, sizeof buf), &w);
	store_words_clear(&w);
	clear(&p);
	return answer;
}

/* Does the backup have it, as a tree's root or in one? */
static bool is_in(const json_t *roots, const char *path)
{
	const json_t *one;
	size_t i, n;

	json_array_foreach(roots, i, one) {
		const char *root = json_string_value(one);

		n = root ? strlen(root) : 0;
		if (n && !strncmp(path, root, n) && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

/* Drop-ins that a deployment has added still work: they are told, not deleted. */
static void tell_added(const struct fb_call *call, const char *set)
{
	struct store_words w = {0};
	char line[STORE_LINE], command[4400], *quoted;
	struct paths p = {.n = 0};
	const json_t *roots;
	json_t *said;
	int code;

	store_begin(&w, "show");
	store_option(&w, "--set", set);
	store_option(&w, "--item", call->service);
	said = store_ask(call, &w, &code, line);
	roots = json_object_get(said, "roots");
	if (code || !json_is_array(roots) || collect(call, &p) != FB_OK)
		call->host->log(call, FB_LOG_WARNING, "whether drop-ins were added since the backup could not be found out");
	for (size_t i = 0; i < p.n; i++)
		if (json_is_array(roots) && !is_in(roots, p.v[i])) {
			call->host->log(call, FB_LOG_WARNING, "%s is not in the backup and still works: it was added since", p.v[i]);
			quoted = run_quote(p.v[i]);
			snprintf(command, sizeof command, "rm %s && systemctl daemon-reload", quoted);
			free(quoted);
			call->host->advise(call, "a unit file that was added since the backup still works; remove it if it belongs to the release that failed", command);
		}
	clear(&p);
	json_decref(said);
}

static int32_t restore(const struct fb_call *call)
{
	bool written = false;
	int32_t answer;
	char buf[600], *set;

	answer = item_restore(call, what(call, buf, sizeof buf), NULL, &written);
	if (answer == FB_OK && (written || call->flags & (FB_CALL_RESUMED | FB_CALL_DRY_RUN)))
		answer = item_command(call, "reload", "the unit files are back, but reload failed");
	if (answer == FB_OK && (written || call->flags & (FB_CALL_RESUMED | FB_CALL_DRY_RUN)))
		answer = item_command(call, "after_restore", "the unit files are back, but after_restore failed");
	if (answer != FB_OK || call->flags & FB_CALL_DRY_RUN)
		return answer;
	set = item_set(call);
	if (set)
		tell_added(call, set);
	free(set);
	return FB_OK;
}

static const struct fb_strategy_ops ops = {.check = check, .state = item_state, .capture = capture, .prove = item_prove, .restore = restore};

FB_PLUGIN(STRATEGY, .name = "units", .version = "0.1.0", .summary = "Backs up unit files and drop-ins of systemd's, and puts them back", .license = "Apache-2.0", .options = options,
	  .strategy = &ops)
