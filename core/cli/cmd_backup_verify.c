/* SPDX-License-Identifier: Apache-2.0 */
/* failback backup verify: reads all of a set back */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli/backup/sets.h"
#include "cli/backup/tool.h"
#include "cli/cli.h"
#include "cli/render.h"
#include "cli/rows.h"

static void put_item(const struct fb_style *s, const json_t *item, struct fb_text *t)
{
	bool good = json_is_true(json_object_get(item, "good"));
	json_int_t problems = json_integer_value(json_object_get(item, "problems_found"));
	const json_t *list = json_object_get(item, "problems"), *one;
	enum fb_mark mark = good ? FB_MARK_OK : FB_MARK_FAIL;
	char size[FB_ROW_SIZE];
	size_t i;

	fb_style_put(s, t, fb_style_mark_tone(mark), fb_style_mark(s, mark));
	fb_text_puts(t, " ");
	fb_row_cell(s, t, fb_render_string(item, "name", "?"), 32);
	fb_text_printf(t, " %9s  ", fb_row_size((uint64_t)json_integer_value(json_object_get(item, "bytes")), size));
	if (good)
		fb_render_seconds(json_object_get(item, "seconds"), t);
	else
		fb_text_printf(t, "%lld problem%s", (long long)problems, problems == 1 ? "" : "s");
	fb_text_puts(t, "\n");
	json_array_foreach(list, i, one) {
		const char *path = fb_render_string(one, "path", NULL);

		fb_text_puts(t, "    ");
		if (path) {
			fb_style_safe(s, t, path);
			fb_text_puts(t, ": ");
		}
		fb_style_safe(s, t, fb_render_string(one, "text", "?"));
		fb_text_puts(t, "\n");
	}
	if (problems > (json_int_t)json_array_size(list))
		fb_text_printf(t, "    and %lld more\n", (long long)(problems - (json_int_t)json_array_size(list)));
}

static int put_answer(struct fb_cli *cli, const struct fb_set *set, json_t *answer)
{
	const struct fb_style *s = &cli->out;
	bool good = json_is_true(json_object_get(answer, "good"));
	int code = good ? FB_EXIT_DONE : FB_EXIT_FAILED;
	struct fb_text t = {0};
	json_t *item;
	size_t i;

	if (cli->json) {
		json_object_set_new(answer, "digest_recorded", json_boolean(set->recorded != NULL));
		return fb_cli_print_json(cli, json_incref(answer), code);
	}
	json_array_foreach(json_object_get(answer, "items"), i, item)
		put_item(s, item, &t);
	fb_text_puts(&t, "\n");
	fb_style_put(s, &t, good ? FB_TONE_GOOD : FB_TONE_BAD, good ? "whole" : "damaged");
	fb_text_printf(&t, ": %s, read back in ", set->id);
	fb_render_seconds(json_object_get(answer, "seconds"), &t);
	if (good)
		fb_text_puts(&t, set->recorded ? "\nthe manifest is the one that was sealed\n" : "\nthe journal has no digest to compare the manifest with\n");
	else
		fb_text_puts(&t, "\ndo not restore from it what is named above; 'failback backup list' shows other sets\n");
	return fb_cli_print(cli, &t, code);
}

static int verify(struct fb_cli *cli, const struct fb_set *set, const char *item)
{
	const char *args[] = {"verify", "--set", set->id, NULL, NULL, NULL, NULL, NULL};
	struct fb_tool_call call = {.args = args, .doing = "verifying", .about = item ? item : set->id, .key = true};
	char *what = fb_asprintf("the set %s could not be verified", set->id);
	struct fb_tool_answer a;
	size_t n = 3;
	int code;

	if (item) {
		args[n++] = "--item";
		args[n++] = item;
	}
	if (set->recorded) {
		args[n++] = "--digest";
		args[n] = set->recorded;
	}
	fb_tool_run(cli, &call, &a);
	if (a.json && (a.code == 0 || a.code == FB_TOOL_DAMAGED))
		code = put_answer(cli, set, a.json);
	else
		code = fb_tool_fail(cli, &a, FB_EXIT_FAILED, what);
	fb_tool_clear(&a);
	fb_free(what);
	return code;
}

int fb_cmd_backup_verify(struct fb_cli *cli)
{
	const char *item = fb_cli_option(cli, "item");
	const struct fb_set *set = NULL;
	struct fb_sets s;
	int code = fb_sets_read(cli, FB_JOURNAL_READ, &s);

	if (code == 0)
		set = fb_sets_find(cli, &s, cli->operands[0], &code);
	if (set && item && !set->problem)
		code = fb_set_has_item(cli, set, item);
	if (code == 0)
		code = verify(cli, set, item);
	fb_sets_clear(&s);
	return code;
}
