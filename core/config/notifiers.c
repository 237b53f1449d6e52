/* SPDX-License-Identifier: Apache-2.0 */
/* Notifiers: whom to tell about which events. Knows the closed list of event names and no plugin. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/internal.h"
#include "config/frozen.h"
#include "config/read.h"
#include "config/words.h"
#include "journal/events.h"

const char *const fb_notifier_reserved[] = {"use", "name", "options", "on", "timeout", "retries", "enabled", "title", "text", "fallback", "escalate", "escalate_after", NULL};
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
		return on; /* an empty one: for those that only stand in for others */
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
	json_t *names;          /* of all, the disabled ones too: name -> true when it is in use */
	struct {
		char *name;
		const struct fb_node *on;
	} *silent;              /* those whose list "on" is empty */
	size_t silent_count;
};

static void take_name(void *ctx, const struct fb_node *node)
{
	struct notifiers *n = ctx;
	const struct fb_node *name = fb_node_member(node, "name");

	if (name && name->type == FB_NODE_STRING)
		json_array_append_new(n->given, json_pack("{s:s}", "name", name->s));
}

/* A template, with every field that it names known. */
static void take_template(struct fb_build *b, const struct fb_node *node, json_t *notifier, const char *name)
{
	const struct fb_node *m = fb_node_member(node, name);
	char hint[FB_READ_HINT], *why, *unknown;
	const char *s;

	if (!m || !fb_read_string(b->errs, m, &s))
		return;
	why = fb_words_check(s, &unknown);
	if (why)
		fb_node_error(b->errs, m, "%s%s", why, unknown ? fb_read_hint(unknown, fb_words_names, hint) : "");
	else
		json_object_set_new(notifier, name, json_string(s));
	fb_free(why);
	fb_free(unknown);
}

static void take_others(struct fb_build *b, const struct fb_node *node, json_t *notifier, const char *name)
{
	const struct fb_node *m = fb_node_member(node, name);
	json_t *list;

	if (m && fb_read_strings(b->errs, m, true, &list))
		json_object_set_new(notifier, name, list);
}

static bool is_enabled(struct fb_build *b, const struct fb_node *node)
{
	const struct fb_node *m = fb_node_member(node, "enabled");
	bool enabled = true;

	return !m || !fb_read_bool(b->errs, m, &enabled) || enabled;
}

static void take_use(struct notifiers *n, const struct fb_node *node, json_t *notifier)
{
	int64_t timeout = 10000, retries = 5, after;
	const struct fb_node *m;
	bool enabled = is_enabled(n->b, node);

	if (!notifier)
		return;
	if ((m = fb_node_member(node, "timeout")))
		(void)fb_read_duration(n->b->errs, m, 0, 1, FB_FOREVER_MS, &timeout);
	if ((m = fb_node_member(node, "retries")))
		(void)fb_read_int(n->b->errs, m, 0, 1000, &retries);
	json_object_set_new(notifier, "on", read_on(n->b, fb_node_member(node, "on")));
	json_object_set_new(notifier, "timeout", json_integer(timeout));
	json_object_set_new(notifier, "retries", json_integer(retries));
	take_template(n->b, node, notifier, "title");
	take_template(n->b, node, notifier, "text");
	take_others(n->b, node, notifier, "fallback");
	take_others(n->b, node, notifier, "escalate");
	if ((m = fb_node_member(node, "escalate_after")) && fb_read_duration(n->b->errs, m, 0, 0, FB_FOREVER_MS, &after))
		json_object_set_new(notifier, "escalate_after", json_integer(after));
	if (m && !fb_node_member(node, "escalate"))
		fb_node_error(n->b->errs, m, "'escalate_after' says when, and 'escalate' is missing: to whom");
	fb_name_settle(n->b, n->list, json_incref(notifier), node, n->given);
	json_object_set_new(n->names, json_string_value(json_object_get(notifier, "name")), json_boolean(enabled));
	if (enabled && (m = fb_node_member(node, "on")) && m->type == FB_NODE_LIST && !m->n) {
		n->silent = fb_realloc(n->silent, (n->silent_count + 1) * sizeof *n->silent);
		n->silent[n->silent_count].name = fb_strdup(json_string_value(json_object_get(notifier, "name")));
		n->silent[n->silent_count++].on = m;
	}
	json_decref(notifier);
}

static void take(void *ctx, const struct fb_node *node)
{
	struct notifiers *n = ctx;

	take_use(n, node, fb_use_read(n->b, node, "notifier", fb_notifier_reserved));
}

/* ---- who stands in for whom ---- */

static bool is_named(const json_t *list, const char *name)
{
	const json_t *notifier, *other;
	size_t i, k;

	json_array_foreach(list, i, notifier) {
		json_array_foreach(json_object_get(notifier, "fallback"), k, other)
			if (fb_streq(json_string_value(other), name))
				return true;
		json_array_foreach(json_object_get(notifier, "escalate"), k, other)
			if (fb_streq(json_string_value(other), name))
				return true;
	}
	return false;
}

/* Steals text. */
static void error_at(struct fb_build *b, const json_t *notifier, char *text)
{
	const char *place = json_string_value(json_object_get(notifier, "place")), *colon = place ? strrchr(place, ':') : NULL;
	char *file = colon ? fb_asprintf("%.*s", (int)(colon - place), place) : NULL;

	if (b->errs)
		fb_errs_addf(b->errs, FB_EXIT_CONFIG, file, colon ? atoi(colon + 1) : 0, "notifier '%s': %s", json_string_value(json_object_get(notifier, "name")), text);
	fb_free(text);
	fb_free(file);
}

/* Others that are there; those that are disabled are left out. */
static void check_others(struct notifiers *n, json_t *notifier, const char *member)
{
	json_t *list = json_object_get(notifier, member), *known;
	const char **names = fb_alloc((json_object_size(n->names) + 1) * sizeof *names), *name;
	char hint[FB_READ_HINT];
	size_t count = 0;

	json_object_foreach(n->names, name, known)
		names[count++] = name;
	for (size_t i = 0; i < json_array_size(list);) {
		name = json_string_value(json_array_get(list, i));
		known = json_object_get(n->names, name);
		if (!known)
			error_at(n->b, notifier, fb_asprintf("'%s' names '%.63s', and there is no such notifier%s", member, name, fb_read_hint(name, names, hint)));
		else if (fb_streq(name, json_string_value(json_object_get(notifier, "name"))))
			error_at(n->b, notifier, fb_asprintf("'%s' names itself", member));
		if (json_is_true(known))
			i++;
		else
			json_array_remove(list, i);
	}
	fb_free(names);
}

static size_t place_of(const json_t *list, const char *name)
{
	size_t i = 0;

	while (i < json_array_size(list) && !fb_streq(json_string_value(json_object_get(json_array_get(list, i), "name")), name))
		i++;
	return i;
}

/* Does what `from` cannot deliver come to `to`? seen: one for each notifier. Those before `to` are left out: a circle is told of once, at its first. */
static bool falls_to(const json_t *list, size_t from, size_t to, bool *seen, struct fb_text *way)
{
	const json_t *others = json_object_get(json_array_get(list, from), "fallback");

	for (size_t k = 0; k < json_array_size(others); k++) {
		const char *name = json_string_value(json_array_get(others, k));
		size_t next = place_of(list, name), n = way->n;

		if (next < to || next == from || next >= json_array_size(list) || seen[next])
			continue;
		fb_text_printf(way, ", %s", name);
		seen[next] = true;
		if (next == to || falls_to(list, next, to, seen, way))
			return true;
		way->n = n;
		way->p[n] = 0;
	}
	return false;
}

static void check_circles(struct notifiers *n)
{
	bool *seen = fb_alloc((json_array_size(n->list) + 1) * sizeof *seen);

	for (size_t i = 0; i < json_array_size(n->list); i++) {
		json_t *notifier = json_array_get(n->list, i);
		struct fb_text way = {0};

		memset(seen, 0, json_array_size(n->list) * sizeof *seen);
		fb_text_puts(&way, json_string_value(json_object_get(notifier, "name")));
		if (falls_to(n->list, i, i, seen, &way))
			error_at(n->b, notifier, fb_asprintf("'fallback' goes in a circle (%s): what none of them can deliver would come to nobody else; take one out", way.p));
		fb_text_clear(&way);
	}
	fb_free(seen);
}

static void settle_others(struct notifiers *n)
{
	json_t *notifier;
	size_t i;

	for (i = 0; i < n->silent_count; i++) {
		if (!is_named(n->list, n->silent[i].name))
			fb_node_error(n->b->errs, n->silent[i].on, "the list is empty: the notifier would never be told anything, since no other names it in 'fallback' or 'escalate'");
		fb_free(n->silent[i].name);
	}
	fb_free(n->silent);
	json_array_foreach(n->list, i, notifier) {
		check_others(n, notifier, "fallback");
		check_others(n, notifier, "escalate");
	}
	check_circles(n);
	for (i = json_array_size(n->list); i-- > 0;)
		if (!json_is_true(json_object_get(n->names, json_string_value(json_object_get(json_array_get(n->list, i), "name")))))
			json_array_remove(n->list, i);
}

/* ---- the seeds' group: notification_config = { slack = { enabled; channel; webhook_url; }; … } ---- */

static const char *const seed_names[] = {"slack", "email", "pagerduty", NULL};

/* What their guides have in the environment */
static const char *const seed_presets[][3] = {
	{"slack", "webhook_url", "${env:SLACK_WEBHOOK_URL}"}, {"email", "host", "${env:EMAIL_SMTP_HOST}"}, {"email", "user", "${env:EMAIL_SMTP_USER}"}, {"email", "password", "${env:EMAIL_SMTP_PASSWORD}"}};

static void take_seed(struct notifiers *n, const struct fb_node *node)
{
	struct fb_build *b = n->b;
	const json_t *descriptor;
	json_t *notifier, *preset, *options;
	char *place;

	if (!fb_read_group(b->errs, node))
		return;
	if (!is_enabled(b, node)) { /* its plugin need not be there */
		json_object_set_new(n->names, node->name, json_false());
		return;
	}
	descriptor = fb_use_plugin(b, node, "notifier", node->name);
	preset = json_object();
	for (size_t i = 0; i < sizeof seed_presets / sizeof *seed_presets; i++)
		if (fb_streq(seed_presets[i][0], node->name) && !(fb_streq(node->name, "email") && fb_node_member(node, "host")) && !fb_node_member(node, "token"))
			json_object_set_new(preset, seed_presets[i][1], json_string(seed_presets[i][2]));
	options = descriptor ? fb_options_read(b, node, fb_notifier_reserved, descriptor, preset) : json_object();
	place = fb_node_place(node);
	notifier = json_pack("{s:s, s:s, s:o, s:s}", "use", node->name, "name", node->name, "options", options, "place", place);
	take_use(n, node, notifier);
	fb_free(place);
	json_decref(preset);
}

static bool take_seeds(struct notifiers *n)
{
	const struct fb_config *c = n->b->config;
	bool any = false;

	for (size_t t = 0; t < c->tree_count; t++) {
		const struct fb_node *group = fb_node_member(&c->trees[t]->root, "notification_config");

		if (!group || !fb_read_group(n->b->errs, group))
			continue;
		any = true;
		fb_read_known(n->b->errs, group, seed_names);
		for (size_t i = 0; i < group->n; i++)
			for (size_t k = 0; seed_names[k]; k++)
				if (fb_streq(group->v[i].name, seed_names[k]))
					take_seed(n, &group->v[i]);
	}
	return any;
}

json_t *fb_notifiers_json(struct fb_build *b)
{
	struct notifiers n = {.b = b, .list = json_array(), .given = json_array(), .names = json_object()};
	const struct fb_node *fallback = fb_node_member(&b->config->built_in->root, "notifiers");
	bool seeds;

	fb_config_each(b->config, "notifiers", take_name, &n);
	fb_config_each(b->config, "notifiers", take, &n);
	seeds = take_seeds(&n);
	if (!fb_config_has(b->config, "notifiers") && !seeds)
		take(&n, &fallback->v[0]);
	settle_others(&n);
	json_decref(n.given);
	json_decref(n.names);
	return n.list;
}

int fb_config_freeze_notifiers(const struct fb_config *c, const struct fb_catalog_fn *catalog, json_t **ret, struct fb_errs *errs)
{
	struct fb_build b = {.config = c, .settings = &c->settings, .catalog = catalog, .expecting = true};
	size_t before = errs->n;
	json_t *list;

	json_decref(fb_notifiers_json(&b));
	b.expecting = false;
	b.errs = b.plugin_errs = errs;
	b.plugins = json_array();
	list = fb_notifiers_json(&b);
	*ret = json_pack("{s:s, s:s, s:o, s:o, s:{}}", "schema", FB_FROZEN_SCHEMA, "environment", c->environment, "notifiers", list, "plugins", b.plugins, "settings");
	if (errs->n == before)
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return -1;
}
