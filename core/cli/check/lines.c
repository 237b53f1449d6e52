/* SPDX-License-Identifier: Apache-2.0 */
/* The results of a check: one line each, for people and as a document. */
#include <stdarg.h>
#include <string.h>

#include "cli/check/check.h"
#include "cli/cli.h"

static void add(struct fb_check_run *c, const char *check, const char *operation, const char *result, const char *format, va_list args) FB_PRINTF(5, 0);

static void add(struct fb_check_run *c, const char *check, const char *operation, const char *result, const char *format, va_list args)
{
	static const struct fb_style plain = {.utf8 = true};
	struct fb_text raw = {0}, safe = {0};

	fb_text_vprintf(&raw, format, args);
	fb_style_safe(&plain, &safe, raw.p ? raw.p : ""); /* what a plugin says may be anything; a document holds UTF-8 */
	json_array_append_new(c->lines, json_pack("{s:s, s:s?, s:s, s:s}", "check", check, "operation", operation, "result", result, "text", safe.p ? safe.p : ""));
	fb_text_clear(&raw);
	fb_text_clear(&safe);
}

#define RESULT(name, counter, word)                                                                        \
	void name(struct fb_check_run *c, const char *check, const char *operation, const char *format, ...) \
	{                                                                                                  \
		va_list args;                                                                              \
                                                                                                           \
		c->counter++;                                                                              \
		va_start(args, format);                                                                    \
		add(c, check, operation, word, format, args);                                              \
		va_end(args);                                                                              \
	}

RESULT(fb_check_ok, ok, "ok")
RESULT(fb_check_failed, failed, "failed")
RESULT(fb_check_skipped, skipped, "skipped")

static json_t *world_json(const struct fb_world *w)
{
	json_t *seen = json_array();

	for (int i = 0; i < w->tree_count; i++)
		json_array_append_new(seen, json_string(w->trees[i].path));
	return json_pack("{s:o, s:b, s:b, s:s?}", "folders", seen, "rest_read_only", w->read_only, "network_off", w->network_off, "why_not", *w->why_not ? w->why_not : NULL);
}

static void put_line(const struct fb_style *s, const json_t *line, struct fb_text *t)
{
	const char *result = json_string_value(json_object_get(line, "result")), *operation = json_string_value(json_object_get(line, "operation"));
	enum fb_tone tone = strcmp(result, "ok") == 0 ? FB_TONE_GOOD : strcmp(result, "failed") == 0 ? FB_TONE_BAD : FB_TONE_DIM;
	size_t from = t->n;

	fb_style_put(s, t, tone, result);
	fb_style_pad(t, from, 8);
	fb_text_puts(t, json_string_value(json_object_get(line, "check")));
	if (operation)
		fb_text_printf(t, " %s", operation);
	fb_style_pad(t, from, 28);
	fb_text_puts(t, " ");
	fb_style_wrap(s, t, json_string_value(json_object_get(line, "text")), 29);
	fb_text_puts(t, "\n");
}

static void put_world(const struct fb_style *s, const struct fb_world *w, struct fb_text *t)
{
	struct fb_text line = {0};

	if (!w->home)
		return;
	fb_text_puts(&line, "watched: changes of");
	for (int i = 0; i < w->tree_count; i++)
		fb_text_printf(&line, "%s %s", i ? "," : "", w->trees[i].path);
	fb_text_puts(&line, w->read_only ? "; all else was read-only" : "; nothing else");
	fb_text_puts(&line, w->network_off ? "; the network was off, but for sockets that are files" : "; the network was on");
	if (*w->why_not)
		fb_text_printf(&line, " (%s)", w->why_not);
	fb_style_wrap(s, t, line.p, 2);
	fb_text_puts(t, "\n");
	fb_text_clear(&line);
}

int fb_check_print(struct fb_check_run *c)
{
	int code = c->failed ? FB_EXIT_PLUGIN : FB_EXIT_DONE;
	struct fb_text t = {0};
	json_t *line;
	size_t i;

	if (c->cli->json)
		return fb_cli_print_json(c->cli, json_pack("{s:s, s:s, s:s?, s:s?, s:O?, s:o, s:O, s:i, s:i, s:i}", "schema", "failback.plugin_check/1", "file", c->path, "kind", c->kind,
							  "name", c->name, "plugin", c->descriptor, "watched", c->world.home ? world_json(&c->world) : json_null(), "checks",
							  c->lines, "ok", c->ok, "failed", c->failed, "skipped", c->skipped),
					 code);
	json_array_foreach(c->lines, i, line)
		put_line(&c->cli->out, line, &t);
	put_world(&c->cli->out, &c->world, &t);
	fb_style_put(&c->cli->out, &t, c->failed ? FB_TONE_BAD : FB_TONE_GOOD, c->failed ? "failed" : "passed");
	fb_text_printf(&t, ": %d ok, %d failed, %d skipped\n", c->ok, c->failed, c->skipped);
	return fb_cli_print(c->cli, &t, code);
}
