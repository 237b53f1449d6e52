/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frozen chain (frozen.h) out of configuration, plan and request: who is involved, in which order, by which links. It puts together what
 * the files beside it make.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/frozen.h"
#include "config/internal.h"
#include "config/offers.h"
#include "config/read.h"

static const char *const plan_members[] = {"name", "title", "environment", "services", "release", "watch_for", "approval", "steps", NULL};
static const char *const approvals[] = {"never", "low", "medium", "high", NULL};

/* One plan or rollback on its way to a chain. */
struct freeze {
	struct fb_build *b;
	const struct fb_config *c;
	const struct fb_freeze_request *request;
	const struct fb_node *plan; /* root; NULL: a rollback */
	struct fb_settings settings;
	bool *deploys, *involved;   /* by service */
	char *name, *title, *environment;
	const char *release;
	json_t *steps;
};

/* Deploys without backup and recovery? A rollback that is asked for always has its recovery. */
static bool is_basic(const struct freeze *f)
{
	return f->plan && strcmp(f->settings.executor, "basic") == 0;
}

static void want(struct freeze *f, size_t i)
{
	f->deploys[i] = f->involved[i] = true;
}

static bool lists(const struct fb_node *service, const char *list, const char *name)
{
	const struct fb_node *node = fb_node_member(service, list);

	for (size_t i = 0; node && node->type == FB_NODE_LIST && i < node->n; i++)
		if (node->v[i].type == FB_NODE_STRING && strcmp(node->v[i].s, name) == 0)
			return true;
	return false;
}

static bool go_together(const struct fb_service *a, const struct fb_service *b)
{
	return lists(a->node, "goes_with", b->name) || lists(b->node, "goes_with", a->name);
}

/* A rollback takes those along whose releases cannot live with an older one; then all that depend on any of them are involved. */
static void close_over(struct freeze *f)
{
	const struct fb_config *c = f->c;
	bool moved = true;

	while (moved) {
		moved = false;
		for (size_t i = 0; i < c->service_count; i++) {
			for (size_t k = 0; k < c->service_count; k++) {
				if (f->involved[k] && !f->involved[i] && lists(c->services[i].node, "depends_on", c->services[k].name))
					f->involved[i] = moved = true;
				if (f->deploys[k] && !f->deploys[i] && !f->plan && go_together(&c->services[i], &c->services[k])) {
					want(f, i);
					moved = true;
				}
				if (f->deploys[k] && !f->involved[i] && go_together(&c->services[i], &c->services[k]))
					f->involved[i] = moved = true;
			}
		}
	}
}

static json_t *services_json(struct freeze *f)
{
	size_t *order = fb_alloc((f->c->service_count + 1) * sizeof *order);
	json_t *list = json_array();

	if (fb_services_order(f->c, order))
		for (size_t i = 0; i < f->c->service_count; i++)
			if (f->involved[order[i]])
				json_array_append_new(list, fb_service_json(f->b, &f->c->services[order[i]], f->deploys[order[i]], f->release));
	fb_free(order);
	return list;
}

/* The options of a service's strategy, as they have been read; NULL: none. */
static const json_t *strategy_options(const json_t *services, const char *name)
{
	const json_t *s;
	size_t i;

	json_array_foreach(services, i, s)
		if (fb_streq(json_string_value(json_object_get(s, "name")), name))
			return json_object_get(json_object_get(s, "strategy"), "options");
	return NULL;
}

static bool is_promoted(const json_t *links, const char *service)
{
	const json_t *link;
	size_t i;

	json_array_foreach(links, i, link)
		if ((fb_streq(json_string_value(json_object_get(link, "phase")), "promote") &&
		     fb_streq(json_string_value(json_object_get(link, "service")), service)) ||
		    is_promoted(json_object_get(link, "parallel"), service))
			return true;
	return false;
}

/* Strategies must offer what the chain will ask of them. */
static void check_operations(struct freeze *f, const json_t *services)
{
	struct fb_build quiet = *f->b;

	quiet.plugin_errs = NULL;
	for (size_t i = 0; i < f->c->service_count && f->b->catalog && !f->b->expecting; i++) {
		const struct fb_service *s = &f->c->services[i];
		const struct fb_node *strategy = fb_node_member(s->node, "strategy"), *use = fb_node_member(strategy, "use");
		const json_t *descriptor = f->deploys[i] && use && use->type == FB_NODE_STRING ? fb_use_plugin(&quiet, use, "strategy", use->s) : NULL;

		const json_t *options = strategy_options(services, s->name);

		if (!descriptor)
			continue;
		if (!fb_offers(descriptor, options, "restore") && (!f->plan || (f->settings.auto_rollback_enabled && !is_basic(f))))
			fb_node_error(f->b->plugin_errs, use, "strategy '%s' cannot restore a release, so '%s' could not be brought back: use another strategy%s", use->s,
				      s->name, f->plan ? ", or set auto_rollback_enabled = false" : "");
		if (f->plan && is_promoted(f->steps, s->name) && !fb_offers(descriptor, options, "prepare") && !fb_offers(descriptor, options, "shift") &&
		    !fb_offers(descriptor, options, "restore"))
			fb_node_error(f->b->plugin_errs, use, "strategy '%s' offers none of prepare, shift and restore: the plan cannot promote '%s' with it", use->s, s->name);
	}
}

static json_t *text_or_null(const char *s)
{
	return s && *s ? json_string(s) : json_null();
}

static json_t *absolute_or_null(const char *path)
{
	char *real = path ? realpath(path, NULL) : NULL;
	json_t *ret = text_or_null(real ? real : path);

	free(real);
	return ret;
}

/* A command of a plan that deploys one service is about that service, also when the step does not say so. */
static void give_service(json_t *link, const char *service)
{
	json_t *member;
	size_t i;

	if (fb_streq(json_string_value(json_object_get(link, "phase")), "command") && !json_is_string(json_object_get(link, "service")))
		json_object_set_new(link, "service", json_string(service));
	json_array_foreach(json_object_get(link, "parallel"), i, member)
		give_service(member, service);
	if (json_is_object(json_object_get(link, "fallback")))
		give_service(json_object_get(link, "fallback"), service);
}

static void give_services(struct freeze *f)
{
	const char *only = NULL;
	json_t *link;
	size_t i;

	for (i = 0; i < f->c->service_count; i++) {
		if (f->deploys[i] && only)
			return;
		if (f->deploys[i])
			only = f->c->services[i].name;
	}
	json_array_foreach(f->steps, i, link)
		if (only)
			give_service(link, only);
}

/* All of the document; called twice, once only to name the plugins. */
static json_t *build(struct freeze *f)
{
	struct fb_chain plan = {.name = "plan", .retries = f->settings.failure_threshold - 1, .backoff = 1000, .backoff_max = 30000, .steps = true};
	json_t *recovery, *backup, *services, *notifiers, *settings;

	f->steps = f->plan ? fb_chain_read(f->b, &plan, fb_node_member(f->plan, "steps")) : json_array();
	if (f->plan)
		fb_chain_watch(f->b, &plan, f->settings.watch_for);
	give_services(f);
	json_decref(plan.names);
	recovery = is_basic(f) ? json_array() : fb_recovery_json(f->b);
	backup = !f->plan || is_basic(f) ? json_array() : fb_backup_json(f->b);
	services = services_json(f);
	notifiers = fb_notifiers_json(f->b);
	settings = fb_settings_json(&f->settings);
	if (!f->b->expecting) {
		fb_budget_check(f->b, recovery);
		check_operations(f, services);
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:{s:o, s:o, s:o}, s:o}", "schema", FB_FROZEN_SCHEMA, "kind",
			 f->plan ? "deploy" : "rollback", "name", f->name, "title", f->title, "environment", f->environment, "plan_file",
			 absolute_or_null(f->plan ? f->request->plan_file : NULL), "release", text_or_null(f->release), "reason", text_or_null(f->request->reason),
			 "deployment_id", text_or_null(f->request->deployment_id), "executor", f->settings.executor, "settings", settings, "services", services,
			 "chains", "backup", backup, "plan", f->steps, "recovery", recovery, "notifiers", notifiers);
}

static void take_plan_name(struct freeze *f)
{
	const struct fb_node *name = fb_node_member(f->plan, "name"), *title = fb_node_member(f->plan, "title");
	const char *file = strrchr(f->request->plan_file, '/'), *s = NULL, *t = NULL;
	size_t n;

	file = file ? file + 1 : f->request->plan_file;
	n = strlen(file);
	if (n > 5 && strcmp(file + n - 5, ".conf") == 0)
		n -= 5;
	if (name && fb_read_string(f->b->errs, name, &s) && (strlen(s) > 100 || strpbrk(s, "\r\n\t")))
		fb_node_error(f->b->errs, name, "a name is one line of at most 100 bytes");
	if (title)
		(void)fb_read_string(f->b->errs, title, &t);
	f->name = s ? fb_strdup(s) : fb_asprintf("%.*s", (int)n, file);
	f->title = t ? fb_strdup(t) : fb_asprintf("Deploy %s to %s", f->name, f->environment);
}

static void take_plan_environment(struct freeze *f)
{
	const struct fb_node *node = fb_node_member(f->plan, "environment");
	const char *s = NULL;

	if (node && fb_read_name(f->b->errs, node, &s) && f->c->settings.environment_set && strcmp(s, f->c->environment) != 0)
		fb_node_error(f->b->errs, node, "the plan is for '%s', but this is '%s' (-e or the configuration's environment)", s, f->c->environment);
	f->environment = fb_strdup(s ? s : f->c->environment);
}

static void take_plan_release(struct freeze *f)
{
	const struct fb_node *node = fb_node_member(f->plan, "release");
	const char *s;

	if (node && fb_read_string(f->b->errs, node, &s)) {
		if (fb_release_valid(s))
			f->release = s;
		else
			fb_node_error(f->b->errs, node, "'%.130s' cannot name a release: expected at most 128 of A-Z, a-z, 0-9 and ./:+@~^_-, not beginning with '-'", s);
	}
}

static void take_request_release(struct freeze *f)
{
	const char *s = f->request->release;

	if (!s || !*s)
		return;
	if (!fb_release_valid(s) && f->b->errs)
		fb_errs_addf(f->b->errs, FB_EXIT_USAGE, NULL, 0, "'%.130s' cannot name a release: expected at most 128 of A-Z, a-z, 0-9 and ./:+@~^_-, not beginning with '-'", s);
	f->release = s;
}

static void want_named(struct freeze *f, const struct fb_node *node)
{
	char hint[FB_READ_HINT];
	const char *s;
	long i;

	if (!fb_read_string(f->b->errs, node, &s))
		return;
	i = fb_service_find(f->c, s);
	if (i >= 0)
		want(f, (size_t)i);
	else if (fb_service_missing(f->c, s))
		fb_node_error(f->b->errs, node, "there is no service '%.63s'%s", s, fb_read_hint(s, f->c->service_names, hint));
}

/* Services that steps promote; with a list of its own the plan must name them all. */
static void want_promoted(struct freeze *f, const struct fb_node *steps, bool listed)
{
	for (size_t i = 0; steps && steps->type == FB_NODE_LIST && i < steps->n; i++) {
		const struct fb_node *step = &steps->v[i], *promote = fb_node_member(step, "promote"), *phase = fb_node_member(step, "phase");
		long at;

		if (phase && phase->type == FB_NODE_STRING && strcmp(phase->s, "promote") == 0)
			promote = fb_node_member(step, "service");
		want_promoted(f, fb_node_member(step, "parallel"), listed);
		at = promote && promote->type == FB_NODE_STRING ? fb_service_find(f->c, promote->s) : -1;
		if (at < 0)
			continue;
		if (listed && !f->deploys[at])
			fb_node_error(f->b->errs, promote, "the plan promotes '%s', but its 'services' do not name it", promote->s);
		want(f, (size_t)at);
	}
}

static void take_plan_services(struct freeze *f)
{
	const struct fb_node *node = fb_node_member(f->plan, "services");
	bool listed = node && fb_read_list(f->b->errs, node);

	for (size_t i = 0; listed && i < node->n; i++)
		want_named(f, &node->v[i]);
	want_promoted(f, fb_node_member(f->plan, "steps"), listed);
}

static void take_plan(struct freeze *f)
{
	const struct fb_node *node, *steps = fb_node_member(f->plan, "steps");

	fb_read_known(f->b->errs, f->plan, plan_members);
	take_plan_environment(f);
	take_plan_name(f);
	take_plan_release(f);
	take_request_release(f);
	take_plan_services(f);
	if ((node = fb_node_member(f->plan, "watch_for")))
		(void)fb_read_duration(f->b->errs, node, 0, 0, FB_FOREVER_MS, &f->settings.watch_for);
	if ((node = fb_node_member(f->plan, "approval")))
		(void)fb_read_choice(f->b->errs, node, approvals, &f->settings.approval);
	if (!steps)
		fb_node_error(f->b->errs, f->plan, "'steps' is missing: the plan has nothing to do");
	else if (steps->type == FB_NODE_LIST && !steps->n)
		fb_node_error(f->b->errs, steps, "the list is empty: the plan has nothing to do");
}

static void take_rollback(struct freeze *f)
{
	char hint[FB_READ_HINT];
	const char *const *names = f->request->services;
	struct fb_text title = {0};

	take_request_release(f);
	f->environment = fb_strdup(f->c->environment);
	f->name = fb_strdup("rollback");
	if (!names || !*names)
		names = f->c->service_names;
	if (!f->c->service_count)
		fb_errs_addf(f->b->errs, FB_EXIT_CONFIG, NULL, 0, "cannot roll back: no service is configured; add one to 'services' in the configuration");
	fb_text_puts(&title, "Roll back");
	for (size_t i = 0; names[i]; i++) {
		long at = fb_service_find(f->c, names[i]);

		if (at >= 0)
			want(f, (size_t)at);
		else
			fb_errs_addf(f->b->errs, FB_EXIT_USAGE, NULL, 0, "cannot roll back '%.63s': there is no service of that name%s", names[i],
				     fb_read_hint(names[i], f->c->service_names, hint));
		fb_text_printf(&title, "%s %s", i ? "," : "", names[i]);
	}
	fb_text_printf(&title, " in %s", f->environment);
	f->title = fb_text_take(&title);
}

static void clear(struct freeze *f)
{
	fb_free(f->deploys);
	fb_free(f->involved);
	fb_free(f->name);
	fb_free(f->title);
	fb_free(f->environment);
}

static json_t *freeze(const struct fb_config *c, const struct fb_freeze_request *request, const struct fb_node *plan, const struct fb_catalog_fn *catalog,
		      struct fb_errs *errs)
{
	struct fb_build b = {.config = c, .catalog = catalog, .expecting = true};
	struct freeze f = {.b = &b, .c = c, .request = request, .plan = plan, .settings = c->settings};
	json_t *ret;

	b.settings = &f.settings;
	f.deploys = fb_alloc((c->service_count + 1) * sizeof *f.deploys);
	f.involved = fb_alloc((c->service_count + 1) * sizeof *f.involved);
	b.errs = errs;
	if (plan)
		take_plan(&f);
	else
		take_rollback(&f);
	close_over(&f);
	b.errs = NULL;
	json_decref(build(&f));
	b.expecting = false;
	b.errs = b.plugin_errs = errs;
	b.plugins = json_array();
	ret = build(&f);
	if (catalog) /* a sandbox whose plugin is misspelt would be none */
		fb_plugins_look(c, catalog, errs);
	json_object_set_new(ret, "plugins", b.plugins);
	clear(&f);
	return ret;
}

int fb_config_freeze(const struct fb_config *c, const struct fb_freeze_request *request, const struct fb_catalog_fn *catalog, json_t **ret, struct fb_errs *errs)
{
	bool deploy = fb_streq(request->kind, "deploy");
	struct fb_tree *tree = NULL;
	size_t before = errs->n;
	json_t *json = NULL;

	if (deploy)
		tree = fb_tree_read(request->plan_file, (uid_t)c->settings.trusted_owner, errs);
	if (tree || !deploy)
		json = freeze(c, request, tree ? &tree->root : NULL, catalog, errs);
	fb_tree_free(tree);
	fb_errs_sort(errs);
	if (errs->n == before) {
		*ret = json;
		return 0;
	}
	json_decref(json);
	return -1;
}

/* Adds what is not among errs yet: the configuration's own errors have been told. */
static void add_new(struct fb_errs *errs, const struct fb_errs *more)
{
	size_t told = errs->n;

	for (size_t i = 0; i < more->n; i++) {
		const struct fb_err *e = &more->v[i];
		size_t k = 0;

		while (k < told && (errs->v[k].line != e->line || strcmp(errs->v[k].file, e->file) != 0 || strcmp(errs->v[k].text, e->text) != 0))
			k++;
		if (k == told)
			fb_errs_add(errs, e);
	}
}

int fb_config_check_plan(const struct fb_config *c, const char *plan_file, const struct fb_catalog_fn *catalog, struct fb_errs *errs)
{
	struct fb_freeze_request request = {.kind = "deploy", .plan_file = plan_file};
	size_t before = errs->n;
	struct fb_tree *tree = fb_tree_read(plan_file, (uid_t)c->settings.trusted_owner, errs);
	struct fb_errs all = {0};

	if (tree)
		json_decref(freeze(c, &request, &tree->root, catalog, &all));
	add_new(errs, &all);
	fb_errs_sort(errs);
	fb_tree_free(tree);
	fb_errs_clear(&all);
	return errs->n > before ? -1 : 0;
}
