/* SPDX-License-Identifier: Apache-2.0 */
/* Chains out of links: a plan's steps, with the watch at their end; the configuration's recovery and backup, or the built-in ones. */
#include "base/mem.h"
#include "config/internal.h"
#include "config/read.h"

json_t *fb_chain_read(struct fb_build *b, struct fb_chain *chain, const struct fb_node *list)
{
	chain->links = json_array();
	chain->names = json_array();
	for (size_t i = 0; list && fb_read_list(b->errs, list) && i < list->n; i++)
		fb_chain_add(b, chain, &list->v[i]);
	return chain->links;
}

void fb_chain_watch(struct fb_build *b, struct fb_chain *chain, int64_t for_ms)
{
	const json_t *last = json_array_get(chain->links, json_array_size(chain->links) - 1);
	struct fb_errs none = {0};
	struct fb_tree *tree;
	char *text;

	if (!for_ms || fb_streq(json_string_value(json_object_get(last, "phase")), "watch"))
		return;
	text = fb_asprintf("name = \"watch%s\"; title = \"Watch\"; phase = \"watch\"; options = { for = \"%lldms\"; };",
			   fb_name_taken(chain->names, "watch") ? "-after" : "", (long long)for_ms);
	tree = fb_tree_from_text("built-in", text, &none);
	fb_chain_add(b, chain, &tree->root);
	fb_tree_free(tree);
	fb_errs_clear(&none);
	fb_free(text);
}

struct reader {
	struct fb_build *b;
	struct fb_chain *chain;
};

static void add(void *ctx, const struct fb_node *node)
{
	struct reader *r = ctx;

	fb_chain_add(r->b, r->chain, node);
}

/* A chain of the configuration, over all files; the built-in one when there is none. */
static json_t *configured(struct fb_build *b, struct fb_chain *chain)
{
	struct reader r = {.b = b, .chain = chain};
	const struct fb_node *own = fb_node_member(&b->config->built_in->root, chain->name);

	chain->links = json_array();
	chain->names = json_array();
	fb_config_each(b->config, chain->name, add, &r);
	for (size_t i = 0; !fb_config_has(b->config, chain->name) && i < own->n; i++)
		fb_chain_add(b, chain, &own->v[i]);
	json_decref(chain->names);
	return chain->links;
}

json_t *fb_recovery_json(struct fb_build *b)
{
	struct fb_chain chain = {.name = "recovery", .backoff = 250, .backoff_max = 2000};

	return configured(b, &chain);
}

json_t *fb_backup_json(struct fb_build *b)
{
	struct fb_chain chain = {.name = "backup", .backoff = 1000, .backoff_max = 30000};

	return configured(b, &chain);
}
