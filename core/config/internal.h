/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share and nobody else sees: the configuration as read, and the work of making a frozen chain of it. */
#ifndef FB_CONFIG_INTERNAL_H
#define FB_CONFIG_INTERNAL_H

#include <jansson.h>

#include "base/mem.h"
#include "config/config.h"
#include "config/tree.h"

#define FB_FOREVER_MS INT64_C(31536000000) /* a year: the longest duration of a setting */

/* The scalars of the top level, in force. */
struct fb_settings {
	const char *environment, *state_dir, *runtime_dir, *executor, *approval;
	bool auto_rollback_enabled, zero_downtime_required, preserve_failed_environment;
	int64_t failure_threshold, rollback_timeout, evidence_timeout, notify_timeout, resume_within, log_limit, watch_for;
	int64_t interval, window, min_requests, min_failed;
	double error_ratio, baseline_factor;
	long trusted_owner;
	bool environment_set;
	const struct fb_backup_store *backup_store;
	const struct fb_node *rollback_timeout_at, *zero_downtime_at, *threshold_at; /* NULL: default */
};

struct fb_service {
	const char *name;
	const struct fb_node *node;
	size_t *needs; /* indexes of what it depends on */
	size_t need_count;
};

struct fb_config {
	struct fb_tree **trees; /* of failback.conf and conf.d, in order */
	size_t tree_count;
	struct fb_tree *built_in;
	struct fb_text broken; /* of files with a syntax error: what they name may be there */
	bool unread;           /* a file could not be read at all: any name may be in it */
	struct fb_settings settings;
	struct fb_backup_store backup_store;
	char *state_dir, *runtime_dir, *environment;
	char **plugin_dirs;
	struct fb_service *services;
	size_t service_count;
	const char **service_names; /* ends in NULL */
};

/* One pass over configuration or plan that makes JSON and finds errors. The same code makes all three passes. */
struct fb_build {
	const struct fb_config *config;
	const struct fb_settings *settings;
	const struct fb_catalog_fn *catalog; /* NULL: what plugins declare is not known */
	bool expecting;             /* only names plugins to the catalog */
	struct fb_errs *errs;       /* of what needs no plugin; NULL: told already */
	struct fb_errs *plugin_errs;
	json_t *plugins;            /* descriptors used, each once; NULL: not wanted */
};

/* settings.c */
extern const char *const fb_settings_names[]; /* of the top level, ends in NULL */
void fb_settings_read(struct fb_config *c, const struct fb_config_request *request, struct fb_errs *errs);
/* The "settings" of the frozen chain. */
json_t *fb_settings_json(const struct fb_settings *s);
/* The one place where a setting stands, in a group or in none (NULL); the others are told. NULL: it is set nowhere, or is BAD. */
const struct fb_node *fb_settings_at(struct fb_config *c, struct fb_errs *errs, const char *group, const char *name);
/* Calls each list setting of that name in every file, in order. */
typedef void fb_each_fn(void *ctx, const struct fb_node *item);
void fb_config_each(const struct fb_config *c, const char *list, fb_each_fn *fn, void *ctx);
/* Is a list of that name in any file? */
bool fb_config_has(const struct fb_config *c, const char *list);

/* backup_store.c; after fb_settings_read */
void fb_backup_store_read(struct fb_config *c, struct fb_errs *errs);
void fb_backup_store_clear(struct fb_config *c);
/* copies.c: the list, of what could be read; a new reference */
json_t *fb_copies_read(const struct fb_node *node, struct fb_errs *errs);
json_t *fb_backup_store_json(const struct fb_backup_store *s);

/* options.c: the descriptor of a plugin, with its error at node; NULL when it is not known. */
const json_t *fb_use_plugin(struct fb_build *b, const struct fb_node *node, const char *kind, const char *name);
/* Checks a group's members that are not reserved (ends in NULL), and its "options", against a descriptor; not a group: defaults, errors at it.
 * preset: values for options that are declared and not set; NULL. New object; what was wrong is left out. */
json_t *fb_options_read(struct fb_build *b, const struct fb_node *group, const char *const *reserved, const json_t *descriptor, const json_t *preset);
/* Is an option of that name declared? NULL: no. */
const json_t *fb_option_declared(const json_t *descriptor, const char *name);
/* { "use", "name", "options", "place" } of a group with a `use`; NULL when it has none. */
json_t *fb_use_read(struct fb_build *b, const struct fb_node *group, const char *kind, const char *const *reserved);
/* Appends item to list (stealing it) under a name of its own: an error when node gives one that is taken; else "use-2" … given: [{"name"}], those
 * that members of the list give themselves. */
void fb_name_settle(struct fb_build *b, json_t *list, json_t *item, const struct fb_node *node, const json_t *given);
bool fb_name_taken(const json_t *list, const char *name);

/* Members of a group that uses a plugin which are not options of the plugin; end in NULL. */
extern const char *const fb_link_reserved[], *const fb_strategy_reserved[], *const fb_check_reserved[], *const fb_notifier_reserved[];

/* The names that members of a list give themselves: [{"name"}]; a new array. */
json_t *fb_given_names(const struct fb_node *list);

/* items.c: the items of a service's backup, named "service.item"; a new array. */
json_t *fb_items_json(struct fb_build *b, const struct fb_service *s);

/* services.c */
void fb_services_read(struct fb_config *c, struct fb_errs *errs);
json_t *fb_service_json(struct fb_build *b, const struct fb_service *s, bool deploys, const char *release);
/* Is it sure that there is no service of that name? Not when a file that could not be taken in may have it. */
bool fb_service_missing(const struct fb_config *c, const char *name);
/* Index of a service, or -1. */
long fb_service_find(const struct fb_config *c, const char *name);
/* Dependencies first, stable by file order: all service indexes into order. False when there is a cycle. */
bool fb_services_order(const struct fb_config *c, size_t *order);

/* links.c */
struct fb_chain {
	const char *name;       /* "plan", "recovery", "backup" */
	int64_t retries;        /* default, attempts after the first */
	int64_t backoff, backoff_max;
	bool steps;             /* a plan: risk and failures are a deployment's */
	json_t *links;          /* those made so far */
	json_t *names;          /* [{"name"}], members of groups too */
};
void fb_chain_add(struct fb_build *b, struct fb_chain *chain, const struct fb_node *node);
/* A chain of one file's list; a new array. */
json_t *fb_chain_read(struct fb_build *b, struct fb_chain *chain, const struct fb_node *list);
/* Ends a plan with a watch link unless it has one; takes what fb_chain_read gave. for_ms 0: none. */
void fb_chain_watch(struct fb_build *b, struct fb_chain *chain, int64_t for_ms);
/* The chains of the configuration; new arrays. */
json_t *fb_recovery_json(struct fb_build *b);
json_t *fb_backup_json(struct fb_build *b);
/* The least time that a chain needs. */
int64_t fb_chain_minimum(const json_t *links);

/* config.c: puts errors in the order of files and lines. */
void fb_errs_sort(struct fb_errs *errs);
/* Does rollback_timeout hold what the recovery must hold? */
void fb_budget_check(struct fb_build *b, const json_t *recovery);

/* plugins.c: the list `plugins`; with a catalog, whether those that it names are there */
void fb_plugins_check(const struct fb_config *c, struct fb_errs *errs);
void fb_plugins_look(const struct fb_config *c, const struct fb_catalog_fn *catalog, struct fb_errs *errs);

/* notifiers.c */
json_t *fb_notifiers_json(struct fb_build *b);

#endif
