/* SPDX-License-Identifier: Apache-2.0 */
/* failback doctor: looks at this machine as it is, before it matters, and changes nothing. Each finding says what to do. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/cli.h"
#include "cli/pool.h"
#include "cli/render.h"

#define SPACE_MIN (UINT64_C(64) << 20)

struct doctor {
	struct fb_cli *cli;
	json_t *findings, *plugins;
	bool other_error, plugin_error; /* of which kind there are errors: they decide the exit code */
};

/* Takes advice; code is that of an error, 0 for a note or a warning. */
static void find(struct doctor *d, const char *level, int code, const char *about, const char *text, char *advice)
{
	json_array_append_new(d->findings, json_pack("{s:s, s:s, s:s, s:s?}", "level", level, "about", about, "text", text, "advice", advice));
	if (code == FB_EXIT_PLUGIN)
		d->plugin_error = true;
	else if (code)
		d->other_error = true;
	fb_free(advice);
}

/* ---- folders ---- */

/* The nearest folder above that is there; buf holds path at first. */
static void up_to_what_is(char *path)
{
	struct stat st;

	while (strcmp(path, "/") != 0 && stat(path, &st) < 0) {
		char *slash = strrchr(path, '/');

		slash[slash == path] = 0;
	}
}

static void look_at_absent(struct doctor *d, const char *about, const char *dir)
{
	char above[PATH_MAX], *text;

	snprintf(above, sizeof above, "%s", dir);
	up_to_what_is(above);
	if (access(above, W_OK | X_OK) == 0) {
		text = fb_asprintf("%s is not there yet: the first deployment makes it", dir);
		find(d, "note", 0, about, text, NULL);
	} else {
		text = fb_asprintf("%s is not there, and cannot be made in %s: %s", dir, above, strerror(errno));
		find(d, "error", FB_EXIT_CONFIG, about, text, fb_asprintf("make it for the user that runs failback, mode 0750, or set '%s' to another (%s)", fb_streq(about, "state directory") ? "state_dir" : "runtime_dir", "failback.conf(5)"));
	}
	fb_free(text);
}

static void look_at_space(struct doctor *d, const char *dir)
{
	struct statvfs fs;
	uint64_t left;
	char *text;

	if (statvfs(dir, &fs) < 0)
		return;
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (left >= SPACE_MIN && (fs.f_files == 0 || fs.f_favail > 100))
		return;
	text = fb_asprintf("%s has %llu MiB and %llu files left", dir, (unsigned long long)(left >> 20), (unsigned long long)fs.f_favail);
	find(d, "warning", 0, "state directory", text, fb_strdup("make room: a deployment does not start when its journal cannot be written"));
	fb_free(text);
}

static void look_at_folder(struct doctor *d, const char *about, const char *dir)
{
	struct fb_err err;
	struct stat st;
	char *text = NULL;

	if (stat(dir, &st) < 0) {
		look_at_absent(d, about, dir);
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		text = fb_asprintf("%s is no folder", dir);
		find(d, "error", FB_EXIT_CONFIG, about, text, fb_strdup("move it away, or name another"));
	} else if (access(dir, R_OK | W_OK | X_OK) < 0) {
		text = fb_asprintf("%s cannot be used by user %u: %s", dir, (unsigned)geteuid(), strerror(errno));
		find(d, "error", FB_EXIT_CONFIG, about, text, fb_asprintf("run this as the user that deploys, or give the folder to this one: chown %u %s", (unsigned)geteuid(), dir));
	} else if (fb_io_safe_path(dir, (uid_t)fb_config_trusted_owner(d->cli->config), &err) < 0) {
		find(d, "warning", 0, about, err.text, fb_strdup("whoever can write there can change what failback relies on"));
	} else if (st.st_mode & 07) {
		text = fb_asprintf("%s is open to every user of this machine (mode %04o)", dir, (unsigned)(st.st_mode & 07777));
		find(d, "warning", 0, about, text, fb_asprintf("chmod o= %s", dir));
	}
	fb_free(text);
}

static void look_at_journal(struct doctor *d)
{
	const char *dir = fb_config_state_dir(d->cli->config);
	char *path = fb_asprintf("%s/journal.db", dir);
	struct fb_journal *j = NULL;
	struct fb_err err = {0};

	look_at_folder(d, "state directory", dir);
	if (access(dir, F_OK) == 0)
		look_at_space(d, dir);
	if (access(path, F_OK) == 0 && fb_journal_open(dir, FB_JOURNAL_READ, &j, &err) < 0)
		find(d, "error", FB_EXIT_JOURNAL, "journal", err.text, NULL);
	fb_journal_close(j);
	fb_free(path);
}

static void look_at_plugin_folders(struct doctor *d)
{
	for (const char *const *dir = fb_config_plugin_dirs(d->cli->config); dir && *dir; dir++) {
		struct fb_err err = {0};

		if (access(*dir, F_OK) < 0) {
			char *text = fb_asprintf("%s: %s", *dir, strerror(errno));

			find(d, "warning", 0, "plugin folder", text, fb_strdup("make it, or take it out of 'plugin_dirs'"));
			fb_free(text);
		} else if (fb_io_safe_path(*dir, (uid_t)fb_config_trusted_owner(d->cli->config), &err) < 0) {
			find(d, "error", FB_EXIT_PLUGIN, "plugin folder", err.text, fb_strdup("no plugin is loaded from it until then"));
		}
	}
}

/* ---- plugins ---- */

static char *label_of(const json_t *d)
{
	return fb_asprintf("%s-%s", fb_render_string(d, "kind", "?"), fb_render_string(d, "name", "?"));
}

static void look_at_plugin(struct doctor *d, const json_t *plugin, struct fb_text *trusted)
{
	const json_t *sandbox = json_object_get(plugin, "sandbox"), *item;
	char *label = label_of(plugin), *about = fb_asprintf("plugin %s", label), *text;
	size_t i;

	json_array_append_new(d->plugins, json_pack("{s:O*, s:O*, s:O*, s:O*, s:O*, s:O*, s:O*}", "kind", json_object_get(plugin, "kind"), "name", json_object_get(plugin, "name"), "version",
						     json_object_get(plugin, "version"), "file", json_object_get(plugin, "file"), "sha256", json_object_get(plugin, "sha256"), "sandbox", sandbox,
						     "unenforced", json_object_get(plugin, "unenforced")));
	if (!json_is_object(sandbox))
		fb_text_printf(trusted, "%s%s", trusted->n ? ", " : "", label);
	else if (json_is_string(json_object_get(sandbox, "user")) && geteuid() != 0)
		find(d, "warning", 0, about, "only root can run it as another user", fb_strdup("run deployments and this command as root, or leave out 'user' of its sandbox"));
	json_array_foreach(json_object_get(plugin, "unenforced"), i, item) {
		text = fb_asprintf("its sandbox: %s", json_string_value(item));
		find(d, "warning", 0, about, text, NULL);
		fb_free(text);
	}
	fb_free(label);
	fb_free(about);
}

static bool is_used(const json_t *used, const json_t *entry)
{
	const json_t *item;
	size_t i;

	json_array_foreach(used, i, item)
		if (json_equal(json_object_get(item, "name"), json_object_get(entry, "name")) &&
		    (json_is_true(json_object_get(entry, "of_all")) || json_equal(json_object_get(item, "kind"), json_object_get(entry, "kind"))))
			return true;
	return false;
}

static void look_at_entries(struct doctor *d, const json_t *used)
{
	json_t *entries = fb_config_sandboxes(d->cli->config, NULL), *entry;
	const char *last = "";
	size_t i;

	json_array_foreach(entries, i, entry) {
		const char *place = fb_render_string(entry, "place", "?");
		char *text;

		if (is_used(used, entry) || fb_streq(place, last))
			continue;
		last = place;
		text = fb_asprintf("%s: the sandbox for '%s' is of a plugin that the configuration does not use", place, fb_render_string(entry, "name", "?"));
		find(d, "note", 0, "configuration", text, fb_strdup("it holds where a plan uses the plugin; else take it out"));
		fb_free(text);
	}
	json_decref(entries);
}

static void look_at_plugins(struct doctor *d, struct fb_catalog_fn *catalog)
{
	json_t *used = fb_config_used(d->cli->config, catalog), *plugin;
	struct fb_text trusted = {0}, text = {0};
	size_t i;

	json_array_foreach(used, i, plugin)
		look_at_plugin(d, plugin, &trusted);
	if (trusted.n && geteuid() == 0) {
		fb_text_printf(&text, "trusted: %s run as root without a sandbox: they are kept from accidents, not from malice", trusted.p);
		find(d, "note", 0, "plugins", text.p,
		     fb_strdup("for one that you have not read: plugins = ( { name = \"NAME\"; sandbox = { user = \"USER\"; }; } ); (failback.conf(5), Sandboxes)"));
	}
	look_at_entries(d, used);
	fb_text_clear(&text);
	fb_text_clear(&trusted);
	json_decref(used);
}

/* ---- all of it ---- */

static void look_at_configuration(struct doctor *d)
{
	struct fb_catalog_fn catalog;
	struct fb_errs errs = {0};
	struct fb_pool *pool;
	int bad = fb_config_load_all(&d->cli->request, &d->cli->config, &errs);

	pool = fb_cli_pool(d->cli);
	catalog = fb_pool_catalog(pool);
	bad |= fb_config_check(d->cli->config, &catalog, &errs);
	for (size_t i = 0; bad && i < errs.n; i++) {
		char text[sizeof errs.v->text + sizeof errs.v->file + 32];

		find(d, "error", errs.v[i].code == FB_EXIT_PLUGIN ? FB_EXIT_PLUGIN : FB_EXIT_CONFIG, "configuration", fb_err_format(&errs.v[i], text, sizeof text), NULL);
	}
	look_at_journal(d);
	if (access(fb_config_runtime_dir(d->cli->config), F_OK) == 0 && !fb_streq(fb_config_runtime_dir(d->cli->config), fb_config_state_dir(d->cli->config)))
		look_at_folder(d, "runtime directory", fb_config_runtime_dir(d->cli->config));
	look_at_plugin_folders(d);
	look_at_plugins(d, &catalog);
	fb_pool_free(pool);
	fb_errs_clear(&errs);
}

static void put_findings(const struct fb_style *s, const struct doctor *d, struct fb_text *t)
{
	const json_t *f;
	size_t i;

	json_array_foreach(d->findings, i, f) {
		const char *level = fb_render_string(f, "level", "note"), *advice = fb_render_string(f, "advice", NULL);
		bool bad = fb_streq(level, "error"), warn = fb_streq(level, "warning");
		struct fb_text line = {0};

		fb_style_put(s, t, bad ? FB_TONE_BAD : warn ? FB_TONE_WARN : FB_TONE_DIM, fb_style_mark(s, bad ? FB_MARK_FAIL : warn ? FB_MARK_NOTE : FB_MARK_DOT));
		fb_text_printf(&line, "%s: %s: %s", level, fb_render_string(f, "about", "?"), fb_render_string(f, "text", ""));
		fb_text_puts(t, " ");
		fb_style_wrap(s, t, line.p, 2);
		fb_text_clear(&line);
		if (advice) {
			fb_text_printf(t, "\n  %s ", fb_style_mark(s, FB_MARK_ARROW));
			fb_style_wrap(s, t, advice, 4);
		}
		fb_text_puts(t, "\n");
	}
	if (!d->other_error && !d->plugin_error) {
		fb_style_put(s, t, FB_TONE_GOOD, fb_style_mark(s, FB_MARK_OK));
		fb_text_printf(t, " nothing keeps failback from working here (%zu plugins looked at)\n", json_array_size(d->plugins));
	}
}

int fb_cmd_doctor(struct fb_cli *cli)
{
	struct doctor d = {.cli = cli, .findings = json_array(), .plugins = json_array()};
	struct fb_text t = {0};
	int code;

	look_at_configuration(&d);
	code = d.other_error ? FB_EXIT_CONFIG : d.plugin_error ? FB_EXIT_PLUGIN : FB_EXIT_DONE;
	if (cli->json)
		return fb_cli_print_json(cli, json_pack("{s:s, s:s, s:o, s:o}", "schema", "failback.doctor/1", "environment", fb_config_environment(cli->config), "findings", d.findings, "plugins",
						       d.plugins), code);
	put_findings(&cli->out, &d, &t);
	json_decref(d.findings);
	json_decref(d.plugins);
	return fb_cli_print(cli, &t, code);
}
