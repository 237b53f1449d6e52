/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the files, holding what was read, checking all of it. What single settings mean is in the files beside this one. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "config/internal.h"
#include "config/read.h"

/* What holds where nothing is configured. */
static const char built_in[] =
	"backup = ( { phase = \"backup\"; } );\n"
	"recovery = (\n"
	"  { phase = \"protect-traffic\"; timeout = \"5s\"; on_failure = \"continue\"; },\n"
	"  { phase = \"restore\"; timeout = \"30s\"; retries = 2; },\n"
	"  { phase = \"verify\"; stable_for = \"3s\"; },\n"
	"  { parallel = ( { phase = \"cleanup\"; }, { phase = \"analyze\"; }, { phase = \"recommend\"; after = \"analyze\"; } ); },\n"
	"  { phase = \"archive\"; },\n"
	"  { phase = \"notify\"; } );\n"
	"notifiers = ( { use = \"console\"; } );\n";

/* Names that a file with a syntax error holds are not called unknown elsewhere. */
static void keep_broken(struct fb_config *c, const char *path)
{
	struct stat st;
	char *text;
	size_t n;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || fb_io_read_file(path, FB_TREE_FILE_LIMIT, &text, &n, NULL) < 0) {
		c->unread = true;
		return;
	}
	fb_text_puts(&c->broken, text);
	fb_free(text);
}

static void add_file(struct fb_config *c, const char *path, uid_t trusted, struct fb_errs *errs)
{
	struct fb_tree *tree = fb_tree_read(path, trusted, errs);

	if (!tree) {
		keep_broken(c, path);
		return;
	}
	c->trees = fb_realloc(c->trees, (c->tree_count + 1) * sizeof(struct fb_tree *));
	c->trees[c->tree_count++] = tree;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_folder(struct fb_config *c, const char *file, uid_t trusted, struct fb_errs *errs)
{
	const char *slash = strrchr(file, '/');
	char *folder = slash ? fb_asprintf("%.*s/conf.d", (int)(slash - file), file) : fb_strdup("conf.d");
	DIR *dir = opendir(folder);
	char **names = NULL;
	size_t n = 0;

	if (!dir && errno != ENOENT) {
		fb_errs_addf(errs, FB_EXIT_CONFIG, folder, 0, "cannot read this folder: %s", strerror(errno));
		c->unread = true;
	}
	for (struct dirent *e; dir && (e = readdir(dir));) {
		size_t length = strlen(e->d_name);

		if (e->d_name[0] == '.' || length < 6 || strcmp(e->d_name + length - 5, ".conf") != 0)
			continue;
		names = fb_realloc(names, (n + 1) * sizeof(char *));
		names[n++] = fb_asprintf("%s/%s", folder, e->d_name);
	}
	if (dir)
		closedir(dir);
	if (n)
		qsort(names, n, sizeof(char *), by_bytes);
	for (size_t i = 0; i < n; i++) {
		add_file(c, names[i], trusted, errs);
		fb_free(names[i]);
	}
	fb_free(names);
	fb_free(folder);
}

/* The owner whom failback.conf, which nobody but root and us may have written, names as trusted; its errors are told later. */
static uid_t trusted_by(struct fb_config *c)
{
	struct fb_errs none = {0};
	struct fb_config_request nothing = {0};
	struct fb_config first = {.trees = c->trees, .tree_count = c->tree_count};
	long owner;

	fb_settings_read(&first, &nothing, &none);
	owner = first.settings.trusted_owner;
	first.trees = NULL;
	first.tree_count = 0;
	for (size_t i = 0; first.plugin_dirs[i]; i++)
		fb_free(first.plugin_dirs[i]);
	fb_free(first.plugin_dirs);
	fb_free(first.state_dir);
	fb_free(first.runtime_dir);
	fb_free(first.environment);
	fb_errs_clear(&none);
	return (uid_t)owner;
}

/* A build whose errors are of the first kind only, or of the second. */
static void check_all(struct fb_build *b)
{
	json_t *recovery = fb_recovery_json(b), *backup = fb_backup_json(b), *notifiers = fb_notifiers_json(b);

	for (size_t i = 0; i < b->config->service_count; i++)
		json_decref(fb_service_json(b, &b->config->services[i], true, NULL));
	if (!b->expecting && b->catalog)
		fb_budget_check(b, recovery);
	json_decref(recovery);
	json_decref(backup);
	json_decref(notifiers);
}

void fb_budget_check(struct fb_build *b, const json_t *recovery)
{
	const struct fb_settings *s = b->settings;
	int64_t least = fb_chain_minimum(recovery);

	if (s->rollback_timeout >= least)
		return;
	if (s->rollback_timeout_at)
		fb_node_error(b->plugin_errs, s->rollback_timeout_at, "%lld ms are less than the %lld ms that the recovery must hold its stability windows for: "
			      "raise it, or lower 'stable_for' of verify", (long long)s->rollback_timeout, (long long)least);
	else if (b->plugin_errs)
		fb_errs_addf(b->plugin_errs, FB_EXIT_CONFIG, NULL, 0, "rollback_timeout is %lld ms by default, less than the %lld ms that the recovery must hold its "
			     "stability windows for: set it, or lower 'stable_for' of verify", (long long)s->rollback_timeout, (long long)least);
}

static void check_lists(struct fb_config *c, struct fb_errs *errs)
{
	static const char *const chains[] = {"recovery", "backup"};

	for (size_t i = 0; i < c->tree_count; i++) {
		for (size_t k = 0; k < 2; k++) {
			const struct fb_node *node = fb_node_member(&c->trees[i]->root, chains[k]);

			if (node && node->type == FB_NODE_LIST && !node->n)
				fb_node_error(errs, node, "the chain is empty: leave the setting out for the default, or give executor = \"basic\"");
		}
	}
}

/* An error and where it goes: files in the order in which they are first told of, lines upwards, else as found. */
struct ordered {
	size_t file, line, index;
	struct fb_err err;
};

static int by_place(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

void fb_errs_sort(struct fb_errs *errs)
{
	struct ordered *v = fb_alloc(errs->n * sizeof *v);

	for (size_t i = 0; i < errs->n; i++) {
		size_t file = 0;

		while (strcmp(errs->v[file].file, errs->v[i].file) != 0)
			file++;
		v[i] = (struct ordered){.file = file, .line = (size_t)errs->v[i].line, .index = i, .err = errs->v[i]};
	}
	qsort(v, errs->n, sizeof *v, by_place);
	for (size_t i = 0; i < errs->n; i++)
		errs->v[i] = v[i].err;
	fb_free(v);
}

int fb_config_load_all(const struct fb_config_request *request, struct fb_config **ret, struct fb_errs *errs)
{
	struct fb_config *c = fb_alloc(sizeof *c);
	struct fb_build b = {.config = c, .settings = &c->settings, .errs = errs};
	const char *file = request->file && *request->file ? request->file : FB_CONFIG_FILE;
	size_t before = errs->n;
	uid_t trusted = (uid_t)-1;

	c->built_in = fb_tree_from_text("built-in", built_in, errs);
	if (file == request->file || access(file, F_OK) == 0 || errno != ENOENT) {
		add_file(c, file, trusted, errs);
		trusted = trusted_by(c);
	}
	add_folder(c, file, trusted, errs);
	fb_settings_read(c, request, errs);
	fb_backup_store_read(c, errs);
	fb_services_read(c, errs);
	check_lists(c, errs);
	fb_plugins_check(c, errs);
	check_all(&b);
	fb_errs_sort(errs);
	*ret = c;
	return errs->n > before ? -1 : 0;
}

int fb_config_load(const struct fb_config_request *request, struct fb_config **ret, struct fb_errs *errs)
{
	struct fb_config *c;

	if (fb_config_load_all(request, &c, errs) == 0) {
		*ret = c;
		return 0;
	}
	fb_config_free(c);
	return -1;
}

void fb_config_free(struct fb_config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->service_count; i++)
		fb_free(c->services[i].needs);
	fb_free(c->services);
	fb_free(c->service_names);
	for (size_t i = 0; c->plugin_dirs && c->plugin_dirs[i]; i++)
		fb_free(c->plugin_dirs[i]);
	fb_free(c->plugin_dirs);
	fb_free(c->state_dir);
	fb_free(c->runtime_dir);
	fb_free(c->environment);
	fb_backup_store_clear(c);
	for (size_t i = 0; i < c->tree_count; i++)
		fb_tree_free(c->trees[i]);
	fb_free(c->trees);
	fb_tree_free(c->built_in);
	fb_text_clear(&c->broken);
	fb_free(c);
}

const char *fb_config_environment(const struct fb_config *c)
{
	return c->environment;
}

const char *fb_config_state_dir(const struct fb_config *c)
{
	return c->state_dir;
}

const char *fb_config_runtime_dir(const struct fb_config *c)
{
	return c->runtime_dir;
}

const char *const *fb_config_plugin_dirs(const struct fb_config *c)
{
	return (const char *const *)c->plugin_dirs;
}

long fb_config_trusted_owner(const struct fb_config *c)
{
	return c->settings.trusted_owner;
}

const struct fb_backup_store *fb_config_backup_store(const struct fb_config *c)
{
	return &c->backup_store;
}

const char *const *fb_config_services(const struct fb_config *c)
{
	return c->service_names;
}

int fb_config_check(const struct fb_config *c, const struct fb_catalog_fn *catalog, struct fb_errs *errs)
{
	struct fb_build b = {.config = c, .settings = &c->settings, .catalog = catalog, .expecting = true};
	size_t before = errs->n;

	check_all(&b);
	b.expecting = false;
	b.plugin_errs = errs;
	check_all(&b);
	fb_plugins_look(c, catalog, errs);
	fb_errs_sort(errs);
	return errs->n > before ? -1 : 0;
}

json_t *fb_config_used(const struct fb_config *c, const struct fb_catalog_fn *catalog)
{
	struct fb_build b = {.config = c, .settings = &c->settings, .catalog = catalog, .expecting = true};

	check_all(&b);
	b.expecting = false;
	b.plugins = json_array();
	check_all(&b);
	return b.plugins;
}
