/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that use a plugin, checked against what it declares. Knows declared names ("blue.server", "items[].path") and no kind of plugin. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/internal.h"
#include "config/offers.h"
#include "config/read.h"
#include "config/value.h"

static void refuse_plugin(struct fb_build *b, const struct fb_node *node, const char *kind, const char *name, const struct fb_err *why)
{
	const char *const *names = b->catalog->names ? b->catalog->names(b->catalog->ctx, kind) : NULL;
	char hint[FB_READ_HINT], *path;

	if (!b->plugin_errs)
		return;
	path = fb_node_path(node);
	fb_errs_addf(b->plugin_errs, why->code ? why->code : FB_EXIT_PLUGIN, node->source->path, node->line, "setting '%s': %s%s", path, why->text,
		     fb_read_hint(name, names, hint));
	fb_free(path);
}

const json_t *fb_use_plugin(struct fb_build *b, const struct fb_node *node, const char *kind, const char *name)
{
	struct fb_err err = {0};
	const json_t *descriptor;
	size_t i;

	if (!b->catalog)
		return NULL;
	if (b->expecting) {
		if (b->catalog->expect)
			b->catalog->expect(b->catalog->ctx, kind, name);
		return NULL;
	}
	descriptor = b->catalog->describe(b->catalog->ctx, kind, name, &err);
	if (!descriptor) {
		refuse_plugin(b, node, kind, name, &err);
		return NULL;
	}
	for (i = 0; i < json_array_size(b->plugins); i++)
		if (json_equal(json_array_get(b->plugins, i), descriptor))
			return descriptor;
	if (b->plugins)
		json_array_append(b->plugins, (json_t *)descriptor);
	return descriptor;
}

const json_t *fb_option_declared(const json_t *descriptor, const char *name)
{
	const json_t *option;
	size_t i;

	json_array_foreach(json_object_get(descriptor, "options"), i, option)
		if (fb_streq(json_string_value(json_object_get(option, "name")), name))
			return option;
	return NULL;
}

/* One level of a declaration: all names that begin with prefix. */
struct level {
	struct fb_build *b;
	const json_t *options;
	const char *prefix;         /* "", "blue.", "items[]." */
	const char *const *reserved; /* only at the top; NULL: none */
	const struct fb_node *at;   /* for what is missing */
	json_t *ret;
};

static void read_level(struct level *l, const struct fb_node *group);

static const char *name_of(const json_t *option)
{
	const char *name = json_string_value(json_object_get(option, "name"));

	return name ? name : "";
}

/* The part of an option's name that is looked for at this level, and its length; NULL: it is not of this level. */
static const char *part(const struct level *l, const json_t *option, size_t *ret_n)
{
	const char *name = name_of(option);

	if (!fb_has_prefix(name, l->prefix))
		return NULL;
	name += strlen(l->prefix);
	*ret_n = strcspn(name, ".[");
	return name;
}

static bool part_is(const char *p, size_t n, const char *name)
{
	return strlen(name) == n && strncmp(p, name, n) == 0;
}

/* The option that a member's name or alias stands for, and whether that is a group of options. */
static const json_t *find(const struct level *l, const char *name, bool *ret_nested)
{
	const json_t *option;
	size_t i, n;

	*ret_nested = false;
	json_array_foreach(l->options, i, option) {
		const char *p = part(l, option, &n), *alias = json_string_value(json_object_get(option, "alias"));

		if (!p)
			continue;
		if (alias && fb_has_prefix(alias, l->prefix) && *l->prefix)
			alias += strlen(l->prefix);
		if (!p[n] && (part_is(p, n, name) || fb_streq(alias, name)))
			return option;
	}
	json_array_foreach(l->options, i, option) {
		const char *p = part(l, option, &n);

		if (p && p[n] == '.' && part_is(p, n, name)) {
			*ret_nested = true;
			return option;
		}
	}
	return NULL;
}

static bool in(const char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static void unknown(const struct level *l, const struct fb_node *node)
{
	size_t count = json_array_size(l->options) * 2, k = 0, i, n;
	const char **names;
	char **own = fb_alloc((count + 1) * sizeof *own), hint[FB_READ_HINT];
	const json_t *option;
	size_t reserved = 0;

	json_array_foreach(l->options, i, option) {
		const char *p = part(l, option, &n), *alias = json_string_value(json_object_get(option, "alias"));

		if (!p)
			continue;
		own[k++] = fb_asprintf("%.*s", (int)n, p);
		if (alias)
			own[k++] = fb_strdup(alias);
	}
	while (l->reserved && l->reserved[reserved])
		reserved++;
	names = fb_alloc((k + reserved + 1) * sizeof *names);
	for (i = 0; i < k; i++)
		names[i] = own[i];
	for (i = 0; i < reserved; i++)
		names[k + i] = l->reserved[i];
	fb_node_error(l->b->plugin_errs, node, "there is no such setting%s", fb_read_hint(node->name, names, hint));
	for (i = 0; i < k; i++)
		fb_free(own[i]);
	fb_free(own);
	fb_free(names);
}

static json_t *read_groups(struct level *l, const struct fb_node *node, const char *name)
{
	char *prefix = fb_asprintf("%s[].", name);
	json_t *list = NULL;

	if (node->type != FB_NODE_LIST) {
		fb_read_expected(l->b->plugin_errs, node, "a list of groups ( { … } )");
		goto out;
	}
	list = json_array();
	for (size_t i = 0; i < node->n; i++) {
		struct level inner = {.b = l->b, .options = l->options, .prefix = prefix, .at = &node->v[i]};

		if (!fb_read_group(l->b->plugin_errs, &node->v[i]))
			continue;
		inner.ret = json_object();
		read_level(&inner, &node->v[i]);
		json_array_append_new(list, inner.ret);
	}
out:
	fb_free(prefix);
	return list;
}

static json_t *read_nested(struct level *l, const struct fb_node *node, const char *name, size_t n)
{
	char *prefix = fb_asprintf("%s%.*s.", l->prefix, (int)n, name);
	struct level inner = {.b = l->b, .options = l->options, .prefix = prefix, .at = node ? node : l->at};

	inner.ret = json_object();
	if (!node || fb_read_group(l->b->plugin_errs, node))
		read_level(&inner, node);
	fb_free(prefix);
	return inner.ret;
}

static void read_member(struct level *l, const struct fb_node *node)
{
	bool nested;
	const json_t *option = find(l, node->name, &nested);
	const char *p;
	char *key;
	json_t *value;
	size_t n;

	if (!option) {
		unknown(l, node);
		return;
	}
	p = part(l, option, &n);
	key = fb_asprintf("%.*s", (int)n, p);
	if (json_object_get(l->ret, key)) {
		fb_node_error(l->b->plugin_errs, node, "'%s' is set twice in this group", key);
	} else {
		if (nested)
			value = read_nested(l, node, p, n);
		else if (fb_streq(json_string_value(json_object_get(option, "type")), "groups"))
			value = read_groups(l, node, name_of(option));
		else
			value = fb_value_read(l->b->plugin_errs, node, option);
		/* null marks what was set, and wrong: no default, and not missing */
		json_object_set_new(l->ret, key, value ? value : json_null());
	}
	fb_free(key);
}

static void read_members(struct level *l, const struct fb_node *group)
{
	for (size_t i = 0; group && group->type == FB_NODE_GROUP && i < group->n; i++)
		if (!in(l->reserved, group->v[i].name))
			read_member(l, &group->v[i]);
}

static void fill_default(struct level *l, const json_t *option, const char *p, size_t n)
{
	char *key = fb_asprintf("%.*s", (int)n, p);
	json_t *value = NULL;

	if (json_object_get(l->ret, key))
		goto out;
	if (p[n] == '.') {
		value = read_nested(l, NULL, p, n);
		if (!json_object_size(value)) {
			json_decref(value);
			value = NULL;
		}
	} else if (!p[n]) {
		value = fb_value_default(l->b->plugin_errs, l->at, option);
		if (!value && json_is_true(json_object_get(option, "required")))
			fb_node_error(l->b->plugin_errs, l->at, "'%s' is missing: %s", name_of(option), json_string_value(json_object_get(option, "summary")));
	}
	if (value)
		json_object_set_new(l->ret, key, value);
out:
	fb_free(key);
}

static void read_level(struct level *l, const struct fb_node *group)
{
	const json_t *option;
	size_t i, n;

	read_members(l, group);
	json_array_foreach(l->options, i, option) {
		const char *p = part(l, option, &n);

		if (p)
			fill_default(l, option, p, n);
	}
}

/* Names in `operations` are those of operations that the plugin has: a wrong one would silently not be offered. */
static void check_offers(struct fb_build *b, const struct fb_node *group, const struct fb_node *apart, const json_t *descriptor)
{
	const struct fb_node *inner = fb_node_member(apart, "operations"), *node = inner ? inner : fb_node_member(group, "operations");
	const json_t *operations = json_object_get(descriptor, "operations"), *one;
	const char **names, *name;
	char hint[FB_READ_HINT];
	size_t i, n = 0;

	if (!node || node->type != FB_NODE_LIST || !fb_offers_by_options(descriptor))
		return;
	names = fb_alloc((json_array_size(operations) + 1) * sizeof *names);
	json_array_foreach(operations, i, one)
		names[n++] = json_string_value(one);
	for (i = 0; i < node->n; i++) {
		size_t k = 0;

		if (node->v[i].type != FB_NODE_STRING)
			continue; /* told already */
		name = node->v[i].s;
		while (k < n && strcmp(names[k], name) != 0)
			k++;
		if (k == n)
			fb_node_error(b->plugin_errs, &node->v[i], "a %s has no operation '%.63s'%s", json_string_value(json_object_get(descriptor, "kind")), name,
				      fb_read_hint(name, names, hint));
	}
	fb_free(names);
}

json_t *fb_options_read(struct fb_build *b, const struct fb_node *group, const char *const *reserved, const json_t *descriptor, const json_t *preset)
{
	struct level l = {.b = b, .options = json_object_get(descriptor, "options"), .prefix = "", .reserved = reserved, .at = group, .ret = json_object()};
	const struct fb_node *apart = fb_node_member(group, "options");
	const char *key;
	json_t *value;
	void *next;

	if (apart && apart->type != FB_NODE_GROUP) {
		fb_read_group(b->errs, apart);
		apart = NULL;
	}
	if (!descriptor)
		return l.ret;
	read_members(&l, group);
	l.reserved = NULL;
	read_members(&l, apart);
	json_object_foreach((json_t *)preset, key, value)
		if (fb_option_declared(descriptor, key) && !json_object_get(l.ret, key))
			json_object_set(l.ret, key, value);
	read_level(&l, NULL);
	check_offers(b, group, apart, descriptor);
	json_object_foreach_safe(l.ret, next, key, value)
		if (json_is_null(value))
			json_object_del(l.ret, key);
	return l.ret;
}

json_t *fb_use_read(struct fb_build *b, const struct fb_node *group, const char *kind, const char *const *reserved)
{
	const struct fb_node *use, *named;
	const char *plugin, *name = NULL;
	const json_t *descriptor;
	char *place;
	json_t *ret;

	if (!fb_read_group(b->errs, group))
		return NULL;
	use = fb_node_member(group, "use");
	if (!use) {
		fb_node_error(b->errs, group, "'use' is missing: the name of a %s plugin", kind);
		return NULL;
	}
	if (!fb_read_name(b->errs, use, &plugin))
		return NULL;
	named = fb_node_member(group, "name");
	if (named && !fb_read_name(b->errs, named, &name))
		name = NULL;
	descriptor = fb_use_plugin(b, use, kind, plugin);
	place = fb_node_place(group);
	ret = json_pack("{s:s, s:s, s:o, s:s}", "use", plugin, "name", name ? name : plugin, "options", fb_options_read(b, group, reserved, descriptor, NULL),
			"place", place);
	fb_free(place);
	return ret;
}

bool fb_name_taken(const json_t *list, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (fb_streq(json_string_value(json_object_get(item, "name")), name))
			return true;
	return false;
}
