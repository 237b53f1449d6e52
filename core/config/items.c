/* SPDX-License-Identifier: Apache-2.0 */
/* Backup items of a service: what is captured beside its strategy's own way back, each by a strategy plugin that can capture and restore. */
#include <string.h>

#include "base/mem.h"
#include "config/internal.h"
#include "config/offers.h"
#include "config/read.h"

static const char *const needed[] = {"capture", "restore", NULL};

/* Can the plugin that the item uses do what items are for? */
static void check_item(struct fb_build *b, const struct fb_node *node, const json_t *item)
{
	const char *use = json_string_value(json_object_get(item, "use"));
	const struct fb_node *at = fb_node_member(node, "use");
	struct fb_build quiet = *b;
	const json_t *descriptor;

	quiet.plugin_errs = NULL;
	if (b->expecting || !b->catalog || !(descriptor = fb_use_plugin(&quiet, at, "strategy", use)))
		return;
	for (const char *const *operation = needed; *operation; operation++)
		if (!fb_offers(descriptor, json_object_get(item, "options"), *operation)) {
			fb_node_error(b->plugin_errs, at, "strategy '%s' does not offer %s as it stands here, so it cannot be an item of a backup", use, *operation);
			return;
		}
}

json_t *fb_items_json(struct fb_build *b, const struct fb_service *s)
{
	const struct fb_node *list = fb_node_member(s->node, "backup");
	json_t *items = json_array(), *given, *item;
	size_t i;

	if (!list || !fb_read_list(b->errs, list))
		return items;
	given = fb_given_names(list);
	for (i = 0; i < list->n; i++) {
		item = fb_use_read(b, &list->v[i], "strategy", fb_strategy_reserved);
		if (!item)
			continue;
		check_item(b, &list->v[i], item);
		fb_name_settle(b, items, item, &list->v[i], given);
	}
	json_decref(given);
	json_array_foreach(items, i, item) {
		char *name = fb_asprintf("%s.%s", s->name, json_string_value(json_object_get(item, "name")));

		json_object_set_new(item, "name", json_string(name));
		fb_free(name);
	}
	return items;
}
