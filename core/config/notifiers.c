/* SPDX-License-Identifier: Apache-2.0 */
/* Notifiers: whom to tell about which events. Knows the closed list of event names and no plugin. */
#include <fnmatch.h>
#include <string.h>

#include "base/mem.h"
#include "config/internal.h"
#include "config/read.h"
#include "journal/events.h"

const char *const fb_notifier_reserved[] = {"use", "name", "options", "on", "timeout", "retries", NULL};
static const char *const default_on[] = {"rollback.*", "deployment.failed", "deployment.completed", "approval.waiting"};

#define NAME_OF(name, severity, meaning) name,
static const char *const events[] = {FB_EVENTS(NAME_OF) NULL};

static bool matches(const char *pattern)
{
	for (size_t i = 0; events[i]; i++)
		if (!fb_has_prefix(events[i], "link.") && fnmatch(pattern, events[i], 0) == 0)
			return true;
	return false;
}

static json_t *read_on(struct fb_build *b, const struct fb_node *node)
{
	json_t *on = json_array();
	char hint[FB_READ_HINT];

	if (node && (node->type == FB_NODE_LIST || node->type == FB_NODE_STRING)) {
		for (size_t i = 0; i < (node->type == FB_NODE_LIST ? node->n : 1); i++) {
			const struct fb_node *item = node->type == FB_NODE_LIST ? &node->v[i] : node;
			const char *pattern;

			if (!fb_read_string(b->errs, item, &pattern))
				continue;
			if (matches(pattern))
				json_array_append_new(on, json_string(pattern));
			else if (fb_has_prefix(pattern, "link."))
				fb_node_error(b->errs, item, "events of links ('%.60s') do not go to notifiers", pattern);
			else
				fb_node_error(b->errs, item, "no event is named '%.60s'%s", pattern, fb_read_hint(pattern, events, hint));
		}
		if (node->type == FB_NODE_LIST && !node->n)
			fb_node_error(b->errs, node, "the list is empty: the notifier would never be told anything");
		return on;
	}
	if (node)
		fb_read_expected(b->errs, node, "a list of event names such as [ \"rollback.*\" ]");
	for (size_t i = 0; i < sizeof default_on / sizeof *default_on; i++)
		json_array_append_new(on, json_string(default_on[i]));
	return on;
}

struct notifiers {
	struct fb_build *b;
	json_t *list, *given;
};

static void take_name(void *ctx, const struct fb_node *node)
{
	struct notifiers *n = ctx;
	const struct fb_node *name = fb_node_member(node, "name");

	if (name && name->type == FB_NODE_STRING)
		json_array_append_new(n->given, json_pack("{s:s}", "name", name->s));
}

static void take(void *ctx, const struct fb_node *node)
{
	struct notifiers *n = ctx;
	int64_t timeout = 10000, retries = 5;
	const struct fb_node *m;
	json_t *notifier = fb_use_read(n->b, node, "notifier", fb_notifier_reserved);

	if (!notifier)
		return;
	if ((m = fb_node_member(node, "timeout")))
		(void)fb_read_duration(n->b->errs, m, 0, 1, FB_FOREVER_MS, &timeout);
	if ((m = fb_node_member(node, "retries")))
		(void)fb_read_int(n->b->errs, m, 0, 1000, &retries);
	json_object_set_new(notifier, "on", read_on(n->b, fb_node_member(node, "on")));
	json_object_set_new(notifier, "timeout", json_integer(timeout));
	json_object_set_new(notifier, "retries", json_integer(retries));
	fb_name_settle(n->b, n->list, notifier, node, n->given);
}

json_t *fb_notifiers_json(struct fb_build *b)
{
	struct notifiers n = {.b = b, .list = json_array(), .given = json_array()};
	const struct fb_node *fallback = fb_node_member(&b->config->built_in->root, "notifiers");

	fb_config_each(b->config, "notifiers", take_name, &n);
	fb_config_each(b->config, "notifiers", take, &n);
	if (!fb_config_has(b->config, "notifiers"))
		take(&n, &fallback->v[0]);
	json_decref(n.given);
	return n.list;
}
