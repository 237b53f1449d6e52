/* SPDX-License-Identifier: Apache-2.0 */
/* failback plugin list, failback plugin show */
#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/pool.h"
#include "cli/render.h"
#include "cli/rows.h"

static const char *const kinds[] = {"phase", "strategy", "check", "notifier", NULL};

/* The file that a plugin's name means: in the first folder that has one. To be freed; NULL. */
static char *file_of(struct fb_cli *cli, const char *kind, const char *name)
{
	for (const char *const *dir = fb_config_plugin_dirs(cli->config); dir && *dir; dir++) {
		char *path = fb_asprintf("%s/%s-%s.so", *dir, kind, name);
		if (access(path, F_OK) == 0)
			return path;
		fb_free(path);
	}
	return NULL;
}

static void put_row(const struct fb_style *s, const char *kind, const char *name, const json_t *d, const char *why, struct fb_text *t)
{
	fb_style_put(s, t, d ? FB_TONE_GOOD : FB_TONE_BAD, fb_style_mark(s, d ? FB_MARK_OK : FB_MARK_FAIL));
	fb_text_puts(t, " ");
	fb_row_cell(s, t, kind, 9);
	fb_text_puts(t, " ");
	fb_row_cell(s, t, name, 18);
	fb_text_puts(t, " ");
	if (d) {
		fb_row_cell(s, t, fb_render_string(d, "version", "?"), 8);
		fb_text_puts(t, " ");
		fb_row_cell(s, t, fb_render_string(d, "abi", "?"), 4);
		fb_text_puts(t, " ");
		fb_style_safe(s, t, fb_render_string(d, "summary", ""));
	} else {
		fb_style_wrap(s, t, why, 4);
	}
	fb_text_puts(t, "\n");
}

/* "check-http.so" to kind and name, the latter in buf (NAME_MAX + 1). NULL: it is named otherwise. */
static const char *kind_of_file(const char *file, char *buf)
{
	size_t n = strlen(file);
	for (const char *const *kind = kinds; *kind; kind++) {
		size_t length = strlen(*kind);
		if (n > length + 4 && strncmp(file, *kind, length) == 0 && file[length] == '-' && strcmp(file + n - 3, ".so") == 0) {
			memcpy(buf, file + length + 1, n - length - 4);
			buf[n - length - 4] = 0;
			return fb_name_valid(buf) ? *kind : NULL;
		}
	}
	return NULL;
}

/* Shared objects in the plugin folders that no name leads to: named otherwise, or behind another of the same name. */
static void add_unused(struct fb_cli *cli, json_t *unused, struct fb_text *t)
{
	static const char *const otherwise = "it is not named <kind>-<name>.so: kinds are phase, strategy, check and notifier, a name has a-z, 0-9 and '-'";
	for (const char *const *dir = fb_config_plugin_dirs(cli->config); dir && *dir; dir++) {
		DIR *d = opendir(*dir);
		for (struct dirent *e; d && (e = readdir(d));) {
			char name[sizeof e->d_name], *path, *first, *why = NULL;
			const char *kind = kind_of_file(e->d_name, name);
			size_t n = strlen(e->d_name);
			if (e->d_name[0] == '.' || n < 4 || strcmp(e->d_name + n - 3, ".so") != 0)
				continue;
			path = fb_asprintf("%s/%s", *dir, e->d_name);
			first = kind ? file_of(cli, kind, name) : NULL;
			if (!kind)
				why = fb_strdup(otherwise);
			else if (!fb_streq(first, path))
				why = fb_asprintf("%s comes before it", first);
			if (why) {
				json_array_append_new(unused, json_pack("{s:s, s:s}", "file", path, "reason", why));
				fb_style_put(&cli->out, t, FB_TONE_DIM, fb_style_mark(&cli->out, FB_MARK_SKIP));
				fb_text_puts(t, " ");
				fb_style_safe(&cli->out, t, path);
				fb_text_puts(t, ": ");
				fb_style_wrap(&cli->out, t, why, 4);
				fb_text_puts(t, "\n");
			}
			fb_free(why);
			fb_free(first);
			fb_free(path);
		}
		if (d)
			closedir(d);
	}
}

static void refuse(struct fb_cli *cli, json_t *refused, struct fb_pool *pool, const char *kind, const char *name, const char *why)
{
	char *file = file_of(cli, kind, name);
	json_array_append_new(refused, json_pack("{s:s, s:s, s:s?, s:s, s:s}", "kind", kind, "name", name, "file", file, "stage", fb_pool_stage(pool, kind, name), "error", why));
	fb_free(file);
}

int fb_cmd_plugin_list(struct fb_cli *cli)
{
	struct fb_text t = {0};
	struct fb_pool *pool;
	json_t *plugins = json_array(), *refused = json_array(), *unused = json_array();
	int code = fb_cli_config(cli);
	bool any_refused;
	if (code)
		goto out;
	pool = fb_cli_pool(cli);
	for (const char *const *kind = kinds; *kind; kind++) /* all load at the same time */
		for (const char *const *name = fb_pool_names(pool, *kind); name && *name; name++)
			fb_pool_expect(pool, *kind, *name);
	for (const char *const *kind = kinds; *kind; kind++)
		for (const char *const *name = fb_pool_names(pool, *kind); name && *name; name++) {
			struct fb_err err = {0};
			const json_t *d = fb_pool_describe(pool, *kind, *name, &err);
			put_row(&cli->out, *kind, *name, d, err.text, &t);
			if (d)
				json_array_append_new(plugins, json_deep_copy(d));
			else
				refuse(cli, refused, pool, *kind, *name, err.text);
		}
	add_unused(cli, unused, &t);
	fb_pool_free(pool);
	any_refused = json_array_size(refused) > 0;
	code = any_refused ? FB_EXIT_PLUGIN : FB_EXIT_DONE;
	if (cli->json) {
		fb_text_clear(&t);
		return fb_cli_print_json(cli, json_pack("{s:s, s:o, s:o, s:o}", "schema", "failback.plugins/1", "plugins", plugins, "refused", refused, "unused", unused), code);
	}
	if (t.n == 0) {
		fb_text_puts(&t, "no plugin was found in:\n");
		for (const char *const *dir = fb_config_plugin_dirs(cli->config); dir && *dir; dir++)
			fb_text_printf(&t, "  %s\n", *dir);
	}
	code = fb_cli_print(cli, &t, code);
out:
	json_decref(plugins);
	json_decref(refused);
	json_decref(unused);
	return code;
}

/* "from 1 to 10", in the unit that people write where it is one of time. */
static void put_range(const json_t *o, struct fb_text *t)
{
	int64_t min = json_integer_value(json_object_get(o, "min")), max = json_integer_value(json_object_get(o, "max"));
	const char *type = fb_render_string(o, "type", "");
	if (!min && !max)
		return;
	if (strcmp(type, "duration") == 0)
		fb_text_printf(t, ", from %" PRId64 " to %" PRId64 " ms", min, max);
	else if (strcmp(type, "float") == 0)
		fb_text_printf(t, ", from %g to %g", (double)min / 1e6, (double)max / 1e6);
	else if (strcmp(type, "percent") == 0)
		fb_text_printf(t, ", from %g%% to %g%%", (double)min / 100, (double)max / 100);
	else
		fb_text_printf(t, ", from %" PRId64 " to %" PRId64 "%s", min, max, strcmp(type, "size") == 0 ? " bytes" : "");
}

static void put_option(const struct fb_style *s, const json_t *o, struct fb_text *t)
{
	const char *unit = fb_render_string(o, "unit", NULL), *alias = fb_render_string(o, "alias", NULL), *def = fb_render_string(o, "default", NULL);
	const json_t *choices = json_object_get(o, "choices");
	size_t i;
	json_t *one;
	fb_text_puts(t, "  ");
	fb_style_on(s, t, FB_TONE_BOLD);
	fb_style_safe(s, t, fb_render_string(o, "name", "?"));
	fb_style_off(s, t);
	fb_text_puts(t, "  ");
	fb_style_safe(s, t, fb_render_string(o, "type", "?"));
	if (json_array_size(choices) > 0) {
		fb_text_puts(t, " (");
		json_array_foreach(choices, i, one) {
			fb_text_puts(t, i ? " | " : "");
			fb_style_safe(s, t, json_string_value(one));
		}
		fb_text_puts(t, ")");
	}
	if (json_is_true(json_object_get(o, "required")))
		fb_text_puts(t, ", required");
	if (json_is_true(json_object_get(o, "secret")))
		fb_text_puts(t, ", secret");
	if (def) {
		fb_text_puts(t, ", default ");
		fb_style_safe(s, t, def);
	}
	put_range(o, t);
	if (unit) {
		fb_text_puts(t, ", a bare number is in ");
		fb_style_safe(s, t, unit);
	}
	if (alias) {
		fb_text_puts(t, ", also ");
		fb_style_safe(s, t, alias);
	}
	fb_text_puts(t, "\n      ");
	fb_style_wrap(s, t, fb_render_string(o, "summary", ""), 6);
	fb_text_puts(t, "\n");
}

static void put_list(const struct fb_style *s, const char *title, const json_t *list, struct fb_text *t)
{
	size_t i;
	json_t *one;
	if (json_array_size(list) == 0)
		return;
	fb_text_printf(t, "%s: ", title);
	json_array_foreach(list, i, one) {
		fb_text_puts(t, i ? ", " : "");
		fb_style_safe(s, t, json_string_value(one));
	}
	fb_text_puts(t, "\n");
}

static void put_plugin(const struct fb_style *s, const json_t *d, struct fb_text *t)
{
	static const char *const lines[][2] = {{"version", "Version"}, {"license", "Licence"}, {"abi", "Plugin interface"}, {"file", "File"}, {"sha256", "SHA-256"}};
	size_t i;
	json_t *one;
	fb_style_on(s, t, FB_TONE_BOLD);
	fb_style_safe(s, t, fb_render_string(d, "kind", "?"));
	fb_text_puts(t, " ");
	fb_style_safe(s, t, fb_render_string(d, "name", "?"));
	fb_style_off(s, t);
	fb_text_puts(t, ": ");
	fb_style_wrap(s, t, fb_render_string(d, "summary", ""), 2);
	fb_text_puts(t, "\n\n");
	for (size_t k = 0; k < sizeof lines / sizeof *lines; k++) {
		fb_text_printf(t, "%s: ", lines[k][1]);
		fb_style_safe(s, t, fb_render_string(d, lines[k][0], "?"));
		fb_text_puts(t, "\n");
	}
	put_list(s, "Operations", json_object_get(d, "operations"), t);
	put_list(s, "Features", json_object_get(d, "features"), t);
	fb_text_puts(t, json_array_size(json_object_get(d, "options")) ? "\nOptions:\n" : "\nNo options.\n");
	json_array_foreach(json_object_get(d, "options"), i, one) put_option(s, one, t);
}

/* "check-http" or "http": to kind and name. Kinds whose directory has it are counted. */
static int find_plugin(struct fb_pool *pool, const char *text, const char **ret_kind, const char **ret_name)
{
	int n = 0;
	for (const char *const *kind = kinds; *kind; kind++) {
		size_t length = strlen(*kind);
		bool prefixed = strncmp(text, *kind, length) == 0 && text[length] == '-';
		for (const char *const *name = fb_pool_names(pool, *kind); name && *name; name++)
			if (strcmp(*name, text) == 0 || (prefixed && strcmp(*name, text + length + 1) == 0)) {
				*ret_kind = *kind;
				*ret_name = *name;
				n++;
				break;
			}
	}
	return n;
}

static int not_found(struct fb_cli *cli, struct fb_pool *pool, const char *text)
{
	const char *names[257] = {0}, *near;
	int n = 0;
	for (const char *const *kind = kinds; *kind; kind++)
		for (const char *const *name = fb_pool_names(pool, *kind); name && *name && n < 256; name++)
			names[n++] = *name;
	near = fb_nearest(text, names);
	if (near)
		return fb_cli_fail(cli, FB_EXIT_USAGE, "there is no plugin '%s'; did you mean '%s'?", text, near);
	return fb_cli_fail(cli, FB_EXIT_USAGE, "there is no plugin '%s'; 'failback plugin list' shows those there are", text);
}

int fb_cmd_plugin_show(struct fb_cli *cli)
{
	const char *text = cli->operands[0], *kind = NULL, *name = NULL;
	struct fb_err err = {0};
	struct fb_text t = {0};
	struct fb_pool *pool;
	const json_t *d;
	int code = fb_cli_config(cli), n;
	if (code)
		return code;
	pool = fb_cli_pool(cli);
	n = find_plugin(pool, text, &kind, &name);
	if (n == 0)
		code = not_found(cli, pool, text);
	else if (n > 1)
		code = fb_cli_fail(cli, FB_EXIT_USAGE, "more than one kind has a plugin '%s'; say which, as in '%s-%s'", text, kind, name);
	else if (!(d = fb_pool_describe(pool, kind, name, &err)))
		code = fb_cli_fail_err(cli, &err);
	else if (cli->json)
		code = fb_cli_print_json(cli, json_pack("{s:s, s:o}", "schema", "failback.plugin/1", "plugin", json_deep_copy(d)), FB_EXIT_DONE);
	else {
		put_plugin(&cli->out, d, &t);
		code = fb_cli_print(cli, &t, FB_EXIT_DONE);
	}
	fb_pool_free(pool);
	return code;
}
