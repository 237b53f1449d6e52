/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list `plugins`: what each plugin may do. An entry becomes a whole policy (config.h tells its shape) with the defaults of its kind filled in; who
 * enforces it, and how, is not known here.
 */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/internal.h"
#include "config/read.h"

#define GROUPS_MAX 256

static const char *const members[] = {"name", "kind", "sandbox", NULL};
static const char *const sandbox_members[] = {"user", "network", "sockets", "read", "write", "memory", "cpu", "processes", "no_new_privs", "start_service", NULL};
static const char *const kinds[] = {"phase", "strategy", "check", "notifier", NULL};

/* Plugins whose work is to run what the configuration says: sudo must work in it, and it starts processes whatever their kind. */
static const char *const runners[] = {"command", "immediate", "exec", "git", NULL};

static bool is_runner(const char *name)
{
	for (size_t i = 0; runners[i]; i++)
		if (strcmp(runners[i], name) == 0)
			return true;
	return false;
}

bool fb_config_may_gain(const char *name)
{
	return is_runner(name);
}

struct reader {
	const struct fb_config *c;
	struct fb_errs *errs;                /* NULL: told already */
	const struct fb_catalog_fn *catalog; /* of fb_plugins_look */
	json_t *hidden;                      /* of fb_config_sandboxes */
	json_t *list;                        /* what has been read: [{"kind", "name", "of_all", "policy", "place"}] */
};

/* ---- one sandbox ---- */

static void set_user(json_t *policy, const struct passwd *user)
{
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;
	json_t *list = json_array();

	if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
		n = 0;
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_integer(groups[i]));
	json_object_set_new(policy, "user", json_string(user->pw_name));
	json_object_set_new(policy, "uid", json_integer(user->pw_uid));
	json_object_set_new(policy, "gid", json_integer(user->pw_gid));
	json_object_set_new(policy, "groups", list);
	json_object_set_new(policy, "home", json_string(user->pw_dir && *user->pw_dir ? user->pw_dir : "/"));
}

static void take_user(struct reader *r, const struct fb_node *node, json_t *policy)
{
	const struct passwd *user;
	const char *name;

	if (!node || !fb_read_string(r->errs, node, &name))
		return;
	user = getpwnam(name);
	if (user)
		set_user(policy, user);
	else
		fb_node_error(r->errs, node, "there is no user '%.64s' on this machine: make one for this plugin (useradd --system), or name another", name);
}

/* A list of absolute paths; absent leaves what the policy has. */
static void take_paths(struct reader *r, const struct fb_node *node, const char *name, json_t *policy)
{
	json_t *list, *item;
	bool right = true;
	size_t i;

	if (!node || !fb_read_strings(r->errs, node, true, &list))
		return;
	json_array_foreach(list, i, item)
		if (*json_string_value(item) != '/') {
			fb_node_error(r->errs, node->type == FB_NODE_LIST ? &node->v[i] : node, "'%.200s' is not an absolute path: it does not begin with /", json_string_value(item));
			right = false;
		}
	if (right)
		json_object_set(policy, name, list);
	json_decref(list);
}

static void take_flag(struct reader *r, const struct fb_node *node, const char *name, json_t *policy)
{
	bool value;

	if (node && fb_read_bool(r->errs, node, &value))
		json_object_set_new(policy, name, json_boolean(value));
}

static void take_limits(struct reader *r, const struct fb_node *sandbox, json_t *policy)
{
	const struct fb_node *node;
	int64_t value;

	if ((node = fb_node_member(sandbox, "memory")) && fb_read_size(r->errs, node, false, INT64_C(33554432), INT64_C(1099511627776), &value))
		json_object_set_new(policy, "memory", json_integer(value));
	if ((node = fb_node_member(sandbox, "cpu")) && fb_read_duration(r->errs, node, 0, 1000, FB_FOREVER_MS, &value))
		json_object_set_new(policy, "cpu", json_integer(value));
	if ((node = fb_node_member(sandbox, "processes")) && fb_read_int(r->errs, node, 0, 1000000, &value))
		json_object_set_new(policy, "processes", json_integer(value));
}

/* What holds for a kind where its sandbox says nothing: the table in failback.conf(5). processes -1: any number. */
static json_t *defaults_of(const char *kind, const char *name)
{
	bool small = strcmp(kind, "check") == 0 || strcmp(kind, "notifier") == 0, runner = is_runner(name);
	json_t *p = json_object();

	json_object_set_new(p, "user", json_null());
	json_object_set_new(p, "network", json_true());
	json_object_set_new(p, "sockets", small ? json_array() : json_null()); /* null: all while the network is on */
	json_object_set_new(p, "read", small ? json_array() : json_null());    /* null: all but what is hidden */
	json_object_set_new(p, "write", json_array());
	json_object_set_new(p, "memory", json_null());
	json_object_set_new(p, "cpu", json_null());
	json_object_set_new(p, "processes", json_integer(small && !runner ? 0 : -1));
	json_object_set_new(p, "no_new_privs", json_boolean(!runner));
	json_object_set_new(p, "start_service", json_false());
	json_object_set_new(p, "scratch", json_boolean(strcmp(kind, "check") != 0));
	json_object_set_new(p, "capabilities", json_string(small ? "none" : "most"));
	return p;
}

static void hide_references(const struct fb_node *node, json_t *hidden)
{
	const char *p = node->type == FB_NODE_STRING ? node->s : NULL;

	for (size_t i = 0; i < node->n; i++)
		hide_references(&node->v[i], hidden);
	while (p && (p = strstr(p, "${file:/"))) { /* it may stand anywhere in a text */
		char *path = fb_asprintf("%.*s", (int)strcspn(p + 7, "}"), p + 7);

		json_array_append_new(hidden, json_string(path));
		fb_free(path);
		p += 7;
	}
}

/* The files of a configuration or a plan, and the secrets that they name. */
static void hide_tree(const struct fb_tree *tree, json_t *hidden)
{
	for (size_t i = 0; i < tree->source_count; i++) {
		char *path = realpath(tree->sources[i]->path, NULL);

		if (path)
			json_array_append_new(hidden, json_string(path));
		free(path);
	}
	hide_references(&tree->root, hidden);
}

/* What nobody who "reads all" shall read: hashes of passwords, keys, the journal, this configuration, the plan, and the secrets that they name. */
static json_t *hidden_of(const struct fb_config *c, const char *plan_file)
{
	json_t *hidden = json_pack("[s, s, s, s, s, s, s]", "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers", "/etc/ssl/private", c->state_dir);
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	struct fb_errs errs = {0}; /* who reads the plan for what it says tells them */
	struct fb_tree *plan = plan_file ? fb_tree_read(plan_file, (uid_t)c->settings.trusted_owner, &errs) : NULL;

	if (credentials && *credentials == '/')
		json_array_append_new(hidden, json_string(credentials));
	for (size_t i = 0; i < c->tree_count; i++)
		hide_tree(c->trees[i], hidden);
	if (plan)
		hide_tree(plan, hidden);
	fb_tree_free(plan);
	fb_errs_clear(&errs);
	return hidden;
}

static json_t *policy_of(struct reader *r, const struct fb_node *sandbox, const char *kind, const char *name)
{
	json_t *p = defaults_of(kind, name);
	const struct fb_node *node;

	take_user(r, fb_node_member(sandbox, "user"), p);
	take_flag(r, fb_node_member(sandbox, "network"), "network", p);
	take_flag(r, fb_node_member(sandbox, "no_new_privs"), "no_new_privs", p);
	take_flag(r, fb_node_member(sandbox, "start_service"), "start_service", p);
	take_paths(r, fb_node_member(sandbox, "sockets"), "sockets", p);
	take_paths(r, fb_node_member(sandbox, "read"), "read", p);
	take_paths(r, fb_node_member(sandbox, "write"), "write", p);
	take_limits(r, sandbox, p);
	if (json_is_null(json_object_get(p, "read"))) {
		json_object_set(p, "hidden", r->hidden);
		if (strcmp(kind, "phase") == 0) { /* analysis and archive read what was gathered */
			char *gathered = fb_asprintf("%s/executions", r->c->state_dir);

			json_object_set_new(p, "gathered", json_string(gathered));
			fb_free(gathered);
		}
	}
	node = fb_node_member(sandbox, "processes");
	if (json_integer_value(json_object_get(p, "processes")) == 0 && json_is_false(json_object_get(p, "no_new_privs")))
		fb_node_error(r->errs, node ? node : sandbox, "a plugin that starts no process has no use for new privileges: leave out processes = 0, or set no_new_privs = true");
	return p;
}

/* ---- the list ---- */

static const json_t *find(const json_t *list, const char *kind, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (fb_streq(json_string_value(json_object_get(item, "kind")), kind) && fb_streq(json_string_value(json_object_get(item, "name")), name))
			return item;
	return NULL;
}

/* An entry for a plugin that is not there protects nothing, and its name is most likely wrong. */
static void look_for(struct reader *r, const struct fb_node *node, const char *kind, const char *name)
{
	const char *all[1024];
	char hint[FB_READ_HINT];
	size_t n = 0;

	if (!r->catalog->names || !r->catalog->has)
		return;
	for (size_t k = 0; kinds[k]; k++)
		if ((!kind || strcmp(kinds[k], kind) == 0) && r->catalog->has(r->catalog->ctx, kinds[k], name))
			return;
	for (size_t k = 0; kinds[k]; k++) {
		if (kind && strcmp(kinds[k], kind) != 0)
			continue;
		for (const char *const *p = r->catalog->names(r->catalog->ctx, kinds[k]); p && *p && n < 1023; p++)
			all[n++] = *p;
	}
	all[n] = NULL;
	fb_node_error(r->errs, node, "there is no %s '%.63s' in the plugin folders%s", kind ? kind : "plugin", name, fb_read_hint(name, all, hint));
}

static void add(struct reader *r, const struct fb_node *sandbox, const char *kind, const char *name, bool of_all, const char *place)
{
	json_array_append_new(r->list, json_pack("{s:s, s:s, s:b, s:o, s:s}", "kind", kind, "name", name, "of_all", of_all, "policy", policy_of(r, sandbox, kind, name), "place", place));
}

static void take(void *ctx, const struct fb_node *node)
{
	struct reader *r = ctx;
	const struct fb_node *named, *kind_node, *sandbox;
	const char *name, *kind = NULL;
	const json_t *twin;
	char *place;

	if (!fb_read_group(r->errs, node))
		return;
	fb_read_known(r->errs, node, members);
	named = fb_node_member(node, "name");
	kind_node = fb_node_member(node, "kind");
	sandbox = fb_node_member(node, "sandbox");
	if (!named)
		fb_node_error(r->errs, node, "'name' is missing: the name of a plugin");
	if (!sandbox)
		fb_node_error(r->errs, node, "'sandbox' is missing: a group, sandbox = { }; for the defaults of the plugin's kind");
	if ((kind_node && !fb_read_choice(r->errs, kind_node, kinds, &kind)) || !named || !fb_read_name(r->errs, named, &name) || !sandbox || !fb_read_group(r->errs, sandbox))
		return;
	fb_read_known(r->errs, sandbox, sandbox_members);
	place = fb_node_place(node);
	twin = find(r->list, kind ? kind : kinds[0], name);
	if (twin && json_is_true(json_object_get(twin, "of_all")) == !kind) {
		fb_node_error(r->errs, named, "there is an entry for '%s' already, at %s: put both into one", name, json_string_value(json_object_get(twin, "place")));
	} else if (kind) {
		add(r, sandbox, kind, name, false, place);
	} else {
		struct reader quiet = *r;

		for (size_t k = 0; kinds[k]; k++) {
			add(k ? &quiet : r, sandbox, kinds[k], name, true, place);
			quiet.errs = NULL; /* each error once */
		}
	}
	fb_free(place);
}

static void read_all(struct reader *r)
{
	fb_config_each(r->c, "plugins", take, r);
	for (size_t i = 0; i < r->c->tree_count; i++) {
		const struct fb_node *node = fb_node_member(&r->c->trees[i]->root, "plugins");

		if (node)
			(void)fb_read_list(r->errs, node);
	}
}

void fb_plugins_check(const struct fb_config *c, struct fb_errs *errs)
{
	struct reader r = {.c = c, .errs = errs, .list = json_array()};

	read_all(&r);
	json_decref(r.list);
}

static void look(void *ctx, const struct fb_node *node)
{
	const struct fb_node *named = fb_node_member(node, "name"), *kind_node = fb_node_member(node, "kind");
	const char *name, *kind = NULL;

	if (named && fb_read_name(NULL, named, &name) && (!kind_node || fb_read_choice(NULL, kind_node, kinds, &kind)))
		look_for(ctx, named, kind, name);
}

void fb_plugins_look(const struct fb_config *c, const struct fb_catalog_fn *catalog, struct fb_errs *errs)
{
	struct reader r = {.c = c, .errs = errs, .catalog = catalog};

	fb_config_each(c, "plugins", look, &r);
}

json_t *fb_config_sandboxes(const struct fb_config *c, const char *plan_file)
{
	json_t *hidden = fb_config_has(c, "plugins") ? hidden_of(c, plan_file) : json_array();
	struct reader r = {.c = c, .hidden = hidden, .list = json_array()};
	json_t *ret = json_array(), *item;
	size_t i;

	read_all(&r);
	for (int general = 0; general < 2; general++) /* an entry for one kind goes before one for all */
		json_array_foreach(r.list, i, item)
			if (json_is_true(json_object_get(item, "of_all")) == general)
				json_array_append(ret, item);
	json_decref(r.list);
	json_decref(hidden);
	return ret;
}
