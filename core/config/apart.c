/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's options by themselves, from a text that may be a whole example or only some settings. */
#include <string.h>

#include "base/mem.h"
#include "config/internal.h"

/* Does the text, comments left out, begin with a brace? */
static bool is_braced(const char *s)
{
	for (;;) {
		s += strspn(s, " \t\r\n");
		if (*s == '#' || (s[0] == '/' && s[1] == '/'))
			s += strcspn(s, "\n");
		else
			return *s == '{';
	}
}

/* The first group that uses the plugin, outermost first. */
static const struct fb_node *find_use(const struct fb_node *node, const char *name)
{
	const struct fb_node *use = fb_node_member(node, "use"), *phase = fb_node_member(node, "phase"), *found = NULL;

	if ((use && use->type == FB_NODE_STRING && fb_streq(use->s, name)) || (phase && phase->type == FB_NODE_STRING && fb_streq(phase->s, name)))
		return node;
	if (node->type == FB_NODE_GROUP || node->type == FB_NODE_LIST)
		for (size_t i = 0; i < node->n && !found; i++)
			found = find_use(&node->v[i], name);
	return found;
}

static const char *const *reserved_of(const char *kind)
{
	if (fb_streq(kind, "phase"))
		return fb_link_reserved;
	return fb_streq(kind, "strategy") ? fb_strategy_reserved : fb_streq(kind, "check") ? fb_check_reserved : fb_notifier_reserved;
}

int fb_config_options(const char *path, const char *text, const json_t *descriptor, json_t **ret, struct fb_errs *errs)
{
	const char *kind = json_string_value(json_object_get(descriptor, "kind")), *name = json_string_value(json_object_get(descriptor, "name"));
	bool braced = is_braced(text);
	char *whole = braced ? fb_asprintf("group = %s", text) : fb_strdup(text);
	struct fb_tree *tree = fb_tree_from_text(path, whole, errs);
	struct fb_build b = {.errs = errs, .plugin_errs = errs};
	const struct fb_node *group;
	size_t before = errs->n;

	fb_free(whole);
	if (!tree)
		return -1;
	group = find_use(&tree->root, name);
	if (!group)
		group = braced ? fb_node_member(&tree->root, "group") : &tree->root;
	*ret = fb_options_read(&b, group, reserved_of(kind), descriptor, NULL);
	fb_tree_free(tree);
	if (errs->n == before)
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return -1;
}
