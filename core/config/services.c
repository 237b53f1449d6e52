/* SPDX-License-Identifier: Apache-2.0 */
/* Services: who they are, what they need, in which order; a strategy and checks of each. Knows no chain. */
#include <string.h>

#include "base/mem.h"
#include "config/internal.h"
#include "config/offers.h"
#include "config/read.h"

static const char *const service_members[] = {"name", "depends_on", "goes_with", "strategy", "checks", "backup", NULL};
const char *const fb_strategy_reserved[] = {"use", "name", "options", NULL};
const char *const fb_check_reserved[] = {"use", "name", "options", "interval", "timeout", "healthy_after", "failed_after", NULL};

struct reader {
	struct fb_config *c;
	struct fb_errs *errs;
};

long fb_service_find(const struct fb_config *c, const char *name)
{
	for (size_t i = 0; i < c->service_count; i++)
		if (strcmp(c->services[i].name, name) == 0)
			return (long)i;
	return -1;
}

bool fb_service_missing(const struct fb_config *c, const char *name)
{
	char *quoted;
	bool missing;

	if (c->unread || fb_service_find(c, name) >= 0)
		return false;
	quoted = fb_asprintf("\"%s\"", name);
	missing = !c->broken.p || !strstr(c->broken.p, quoted);
	fb_free(quoted);
	return missing;
}

static void take_service(void *ctx, const struct fb_node *node)
{
	struct reader *r = ctx;
	struct fb_config *c = r->c;
	const struct fb_node *named;
	const char *name;
	char *first;
	long twin;

	if (!fb_read_group(r->errs, node))
		return;
	fb_read_known(r->errs, node, service_members);
	named = fb_node_member(node, "name");
	if (!named) {
		fb_node_error(r->errs, node, "'name' is missing: the service's name");
		return;
	}
	if (!fb_node_member(node, "strategy"))
		fb_node_error(r->errs, node, "'strategy' is missing: how the service is deployed and brought back");
	if (!fb_read_name(r->errs, named, &name))
		return;
	twin = fb_service_find(c, name);
	if (twin >= 0) {
		first = fb_node_place(c->services[twin].node);
		fb_node_error(r->errs, named, "there is a service '%s' already, at %s", name, first);
		fb_free(first);
		return;
	}
	c->services = fb_realloc(c->services, (c->service_count + 1) * sizeof *c->services);
	c->services[c->service_count++] = (struct fb_service){.name = name, .node = node};
}

/* A list of other services' names; those that are good get into v (room for all services). Returns how many. */
static size_t take_others(struct reader *r, const struct fb_service *s, const char *list, size_t *v)
{
	const struct fb_node *node = fb_node_member(s->node, list);
	char hint[FB_READ_HINT];
	size_t n = 0;

	if (!node || !fb_read_list(r->errs, node))
		return 0;
	for (size_t i = 0; i < node->n; i++) {
		const char *name;
		long other;

		if (!fb_read_string(r->errs, &node->v[i], &name))
			continue;
		other = fb_service_find(r->c, name);
		if (other >= 0 && &r->c->services[other] == s) {
			fb_node_error(r->errs, &node->v[i], "a service cannot name itself here");
		} else if (other >= 0) {
			size_t k = 0;

			while (k < n && v[k] != (size_t)other)
				k++;
			if (k == n)
				v[n++] = (size_t)other;
		} else if (fb_service_missing(r->c, name)) {
			fb_node_error(r->errs, &node->v[i], "there is no service '%.63s'%s", name, fb_read_hint(name, r->c->service_names, hint));
		}
	}
	return n;
}

/* Finds a cycle from service i on: a depth-first search; path holds who is being looked at. */
static bool find_cycle(const struct fb_config *c, size_t i, unsigned char *state, size_t *path, size_t *depth)
{
	state[i] = 1;
	path[(*depth)++] = i;
	for (size_t k = 0; k < c->services[i].need_count; k++) {
		size_t next = c->services[i].needs[k];

		if (state[next] == 1) {
			path[(*depth)++] = next;
			return true;
		}
		if (!state[next] && find_cycle(c, next, state, path, depth))
			return true;
	}
	(*depth)--;
	state[i] = 2;
	return false;
}

static void refuse_cycles(struct reader *r)
{
	const struct fb_config *c = r->c;
	unsigned char *state = fb_alloc(c->service_count);
	size_t *path = fb_alloc((c->service_count + 1) * sizeof *path), depth = 0;
	struct fb_text t = {0};

	for (size_t i = 0; i < c->service_count; i++) {
		if (state[i] || !find_cycle(c, i, state, path, &depth))
			continue;
		for (size_t k = 0; k < depth; k++)
			if (t.n || path[k] == path[depth - 1])
				fb_text_printf(&t, "%s%s", t.n ? " -> " : "", c->services[path[k]].name);
		fb_node_error(r->errs, fb_node_member(c->services[path[depth - 1]].node, "depends_on"), "services depend on one another in a circle: %s", t.p);
		break;
	}
	fb_text_clear(&t);
	fb_free(path);
	fb_free(state);
}

static void check_lists(struct reader *r)
{
	for (size_t i = 0; i < r->c->tree_count; i++) {
		const struct fb_node *root = &r->c->trees[i]->root;
		static const char *const lists[] = {"services", "recovery", "backup", "notifiers"};

		for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
			const struct fb_node *node = fb_node_member(root, lists[k]);

			if (node)
				(void)fb_read_list(r->errs, node);
		}
	}
}

void fb_services_read(struct fb_config *c, struct fb_errs *errs)
{
	struct reader r = {.c = c, .errs = errs};
	size_t *v;

	check_lists(&r);
	fb_config_each(c, "services", take_service, &r);
	c->service_names = fb_alloc((c->service_count + 1) * sizeof *c->service_names);
	for (size_t i = 0; i < c->service_count; i++)
		c->service_names[i] = c->services[i].name;
	v = fb_alloc((c->service_count + 1) * sizeof *v);
	for (size_t i = 0; i < c->service_count; i++) {
		struct fb_service *s = &c->services[i];

		(void)take_others(&r, s, "goes_with", v);
		s->need_count = take_others(&r, s, "depends_on", v);
		s->needs = fb_alloc((s->need_count + 1) * sizeof *s->needs);
		memcpy(s->needs, v, s->need_count * sizeof *v);
	}
	fb_free(v);
	refuse_cycles(&r);
}

bool fb_services_order(const struct fb_config *c, size_t *order)
{
	bool *done = fb_alloc((c->service_count + 1) * sizeof *done), moved = true;
	size_t n = 0;

	while (moved) {
		moved = false;
		for (size_t i = 0; i < c->service_count && !moved; i++) {
			size_t k = 0;

			if (done[i])
				continue;
			while (k < c->services[i].need_count && done[c->services[i].needs[k]])
				k++;
			if (k == c->services[i].need_count) {
				done[i] = moved = true;
				order[n++] = i;
			}
		}
	}
	fb_free(done);
	return n == c->service_count;
}

json_t *fb_given_names(const struct fb_node *list)
{
	json_t *names = json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct fb_node *name = fb_node_member(&list->v[i], "name");

		if (name && name->type == FB_NODE_STRING)
			json_array_append_new(names, json_pack("{s:s}", "name", name->s));
	}
	return names;
}

void fb_name_settle(struct fb_build *b, json_t *list, json_t *item, const struct fb_node *node, const json_t *given)
{
	const struct fb_node *named = fb_node_member(node, "name");
	const char *name = json_string_value(json_object_get(item, "name"));
	char *own;

	if (named) {
		if (named->type == FB_NODE_STRING && fb_name_taken(list, name))
			fb_node_error(b->errs, named, "the name '%s' is taken in this list", name);
	} else if (fb_name_taken(list, name) || fb_name_taken(given, name)) {
		for (int n = 2;; n++) {
			own = fb_asprintf("%s-%d", name, n);
			if (!fb_name_taken(list, own) && !fb_name_taken(given, own))
				break;
			fb_free(own);
		}
		json_object_set_new(item, "name", json_string(own));
		fb_free(own);
	}
	json_array_append_new(list, item);
}

static void take_times(struct fb_build *b, const struct fb_node *node, json_t *check)
{
	int64_t interval = 1000, timeout = 5000, healthy_after = 1, failed_after = 1;
	const struct fb_node *m;

	if ((m = fb_node_member(node, "interval")))
		(void)fb_read_duration(b->errs, m, 0, 1, FB_FOREVER_MS, &interval);
	if ((m = fb_node_member(node, "timeout")))
		(void)fb_read_duration(b->errs, m, 0, 1, FB_FOREVER_MS, &timeout);
	if ((m = fb_node_member(node, "healthy_after")))
		(void)fb_read_int(b->errs, m, 1, 1000, &healthy_after);
	if ((m = fb_node_member(node, "failed_after")))
		(void)fb_read_int(b->errs, m, 1, 1000, &failed_after);
	json_object_set_new(check, "interval", json_integer(interval));
	json_object_set_new(check, "timeout", json_integer(timeout));
	json_object_set_new(check, "healthy_after", json_integer(healthy_after));
	json_object_set_new(check, "failed_after", json_integer(failed_after));
}

static json_t *checks_json(struct fb_build *b, const struct fb_node *list)
{
	json_t *checks = json_array(), *given;

	if (!list || !fb_read_list(b->errs, list))
		return checks;
	given = fb_given_names(list);
	for (size_t i = 0; i < list->n; i++) {
		json_t *check = fb_use_read(b, &list->v[i], "check", fb_check_reserved);

		if (!check)
			continue;
		take_times(b, &list->v[i], check);
		fb_name_settle(b, checks, check, &list->v[i], given);
	}
	json_decref(given);
	return checks;
}

static void check_downtime(struct fb_build *b, const struct fb_node *strategy, const json_t *json)
{
	const json_t *descriptor;
	const char *name = json_string_value(json_object_get(json, "use"));
	struct fb_build quiet = *b;
	char *place;

	quiet.plugin_errs = NULL;
	if (!b->settings->zero_downtime_required || b->expecting || !b->catalog || !(descriptor = fb_use_plugin(&quiet, strategy, "strategy", name)))
		return;
	if (fb_offers_feature(descriptor, json_object_get(json, "options"), "zero-downtime"))
		return;
	place = b->settings->zero_downtime_at ? fb_node_place(b->settings->zero_downtime_at) : fb_strdup("the default");
	fb_node_error(b->plugin_errs, strategy, "zero_downtime_required (%s) rules out strategy '%s', which does not keep users served all through: "
		      "use a strategy that does, or set zero_downtime_required = false", place, name);
	fb_free(place);
}

json_t *fb_service_json(struct fb_build *b, const struct fb_service *s, bool deploys, const char *release)
{
	const struct fb_node *strategy = fb_node_member(s->node, "strategy");
	static const char *const lists[] = {"depends_on", "goes_with"};
	json_t *ret = json_pack("{s:s}", "name", s->name), *use = strategy ? fb_use_read(b, strategy, "strategy", fb_strategy_reserved) : NULL;
	char *place = fb_node_place(s->node);

	for (size_t i = 0; i < 2; i++) {
		const struct fb_node *node = fb_node_member(s->node, lists[i]);
		json_t *names = json_array();

		for (size_t k = 0; node && node->type == FB_NODE_LIST && k < node->n; k++)
			if (node->v[k].type == FB_NODE_STRING)
				json_array_append_new(names, json_string(node->v[k].s));
		json_object_set_new(ret, lists[i], names);
	}
	if (use && deploys)
		check_downtime(b, strategy, use);
	json_object_set_new(ret, "deploys", json_boolean(deploys));
	json_object_set_new(ret, "release", release && deploys ? json_string(release) : json_null());
	json_object_set_new(ret, "strategy", use ? use : json_null());
	json_object_set_new(ret, "checks", checks_json(b, fb_node_member(s->node, "checks")));
	json_object_set_new(ret, "items", fb_items_json(b, s));
	json_object_set_new(ret, "place", json_string(place));
	fb_free(place);
	return ret;
}
