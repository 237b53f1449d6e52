/* SPDX-License-Identifier: Apache-2.0 */
/* strategy tree: files and folders, configuration and artifacts, as an item of a backup. */
#include <stdio.h>
#include <string.h>

#include "plugins/common/item.h"
#include "plugins/common/run.h"

static const struct fb_option options[] = {
	{.name = "paths", .type = FB_TYPE_LIST, .flags = FB_OPTION_REQUIRED, .summary = "Files and folders, absolute"},
	{.name = "exclude", .type = FB_TYPE_LIST, .summary = "Patterns of what is left out: compared with the path below the folder when they have a slash, else with each name"},
	{.name = "delete", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "A restore also deletes what the backup does not have"},
	{.name = "rehash", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "Read every file, also those that look unchanged"},
	{.name = "after_restore", .type = FB_TYPE_COMMAND, .summary = "Run when a restore has changed something: reloads what reads the files"},
	ITEM_OPTIONS("restore"),
	{0},
};

/* "/etc/shop and 2 more" */
static const char *what(const struct fb_call *call, char *buf, size_t size)
{
	uint32_t n = call->host->option_count(call, "paths");
	const char *first = call->host->option(call, "paths[0]");

	if (n > 1)
		snprintf(buf, size, "%s and %u more", first, (unsigned)n - 1);
	else
		snprintf(buf, size, "%s", first ? first : "nothing");
	return buf;
}

static int32_t check(const struct fb_call *call)
{
	uint32_t n = call->host->option_count(call, "paths");
	char path[96];

	for (uint32_t i = 0; i < n; i++) {
		const char *value;

		snprintf(path, sizeof path, "paths[%u]", (unsigned)i);
		value = call->host->option(call, path);
		if (!value || *value != '/') {
			call->host->fail(call, "paths: '%s' is not absolute: it does not begin with /", value ? value : "");
			return FB_FATAL;
		}
	}
	if (!n) {
		call->host->fail(call, "paths is empty: name the files and folders to back up");
		return FB_FATAL;
	}
	return item_check(call);
}

static int32_t capture(const struct fb_call *call)
{
	struct store_words w = {0};
	int32_t answer;
	char buf[600];

	store_options(call, &w, "--tree", "paths");
	store_options(call, &w, "--exclude", "exclude");
	if (call->host->option_int(call, "rehash", 0))
		store_word(&w, "--rehash");
	answer = item_capture(call, "tree", what(call, buf, sizeof buf), &w);
	store_words_clear(&w);
	return answer;
}

static int32_t reload(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	struct fb_command_result r = {0};
	int32_t answer = h->act(call, "after-restore", FB_REPEAT_IDEMPOTENT, "run after_restore");
	char how[300], line[300];
	struct run_spec spec;

	if (answer == FB_ACT_NO)
		return FB_RETRY;
	if (answer == FB_ACT_DRY || !run_option(call, "after_restore", &spec)) /* done before: once more harms nothing */
		return FB_OK;
	answer = FB_OK;
	if (h->run(call, &spec.command, &r) || r.exit_code) {
		h->fail(call, "the files are back, but after_restore failed: %s%s", run_outcome(&r, how, sizeof how), run_line_after(&r, line, sizeof line));
		answer = FB_FAIL;
	} else if (h->acted(call, "after-restore", NULL)) {
		answer = FB_RETRY;
	}
	run_clear(&spec);
	return answer;
}

static int32_t restore(const struct fb_call *call)
{
	struct store_words more = {0};
	bool written = false;
	int32_t answer;
	char buf[600];

	if (call->host->option_int(call, "delete", 0))
		store_word(&more, "--delete");
	answer = item_restore(call, what(call, buf, sizeof buf), &more, &written);
	store_words_clear(&more);
	if (answer == FB_OK && run_is_set(call, "after_restore") && (written || call->flags & (FB_CALL_RESUMED | FB_CALL_DRY_RUN)))
		answer = reload(call);
	return answer;
}

static const struct fb_strategy_ops ops = {.check = check, .state = item_state, .capture = capture, .prove = item_prove, .restore = restore};

FB_PLUGIN(STRATEGY, .name = "tree", .version = "0.1.0", .summary = "Backs up files and folders, and gives back what differs", .license = "Apache-2.0", .options = options,
	  .strategy = &ops)
