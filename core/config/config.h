/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration and plans: libconfig files read whole, checked whole, every error at once. What comes out is one JSON document, the
 * frozen chain (core/config/frozen.h tells its shape), from which an execution runs and is resumed; libconfig is not seen outside this folder.
 *
 * Messages have two parts in one line: "file:line: setting 'services[2].strategy.url': cause; did you mean …".
 */
#ifndef FB_CONFIG_H
#define FB_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define FB_CONFIG_FILE FB_SYSCONFDIR "/failback.conf"

/* Where to read from and what the command line overrides. NULL or empty: the default. */
struct fb_config_request {
	const char *file;        /* -c; NULL: FB_CONFIG_FILE when it is there, else the defaults */
	const char *environment; /* -e */
	const char *state_dir;
	const char *runtime_dir;
	const char *const *plugin_dirs; /* ends in NULL; searched in order before those of the file */
};

/* Answers for the configuration what a plugin declares: the descriptor document of core/host/catalog.h, borrowed.
 * NULL with err when the plugin is not there or was refused (code FB_EXIT_PLUGIN). kind: "phase", "strategy", "check", "notifier". */
struct fb_catalog_fn {
	/* A hint that describe will be asked for this one: starts its host without waiting, so that all load at the same time. */
	void (*expect)(void *ctx, const char *kind, const char *name);
	const json_t *(*describe)(void *ctx, const char *kind, const char *name, struct fb_err *err);
	/* Names of the plugins of a kind that are in the plugin directories, ends in NULL: for "did you mean". Reads them whole. */
	const char *const *(*names)(void *ctx, const char *kind);
	/* Is there one of this name? Looks for its file alone, whatever else lies there. */
	bool (*has)(void *ctx, const char *kind, const char *name);
	void *ctx;
};

struct fb_config;

/* Reads failback.conf and conf.d/ beside it. Checks everything that needs no plugin. 0, or -1 with errs (code FB_EXIT_CONFIG). */
int fb_config_load(const struct fb_config_request *request, struct fb_config **ret, struct fb_errs *errs) FB_MUST_USE;
/* For `config check`, which tells every error of a run: *ret is set on -1 too, to what could be read, fit for fb_config_check and
 * fb_config_check_plan (their errors are others than those told here) and the functions below, not for fb_config_freeze. */
int fb_config_load_all(const struct fb_config_request *request, struct fb_config **ret, struct fb_errs *errs) FB_MUST_USE;
void fb_config_free(struct fb_config *c); /* takes NULL */

/* Absolute paths and names, as they are in force; live as long as c. */
const char *fb_config_environment(const struct fb_config *c);
const char *fb_config_state_dir(const struct fb_config *c);   /* default /var/lib/failback */
const char *fb_config_runtime_dir(const struct fb_config *c); /* default /run/failback; the state directory when only that was given by hand */
const char *const *fb_config_plugin_dirs(const struct fb_config *c);
long fb_config_trusted_owner(const struct fb_config *c);      /* uid, -1: none */
/* The group backup_store. Paths are absolute; at most one of the two files is not NULL, none is with encryption "none" unless it is set. */
struct fb_backup_store {
	char *path;             /* default: backups in the state directory */
	const char *encryption; /* "secrets" (default), "all", "none" */
	char *key_file, *passphrase_file; /* default: the key file backup.key in the state directory */
	int64_t retention_days; /* default 30 */
	int64_t keep_last;      /* of each service, at least 1; default 5 */
	int64_t max_size;       /* bytes; 0 (default): any */
	json_t *copies;         /* [{"name", "use": "directory"|"s3"|"ssh", ...}]: locations as failback-store(8) takes them, with references to secrets */
};
const struct fb_backup_store *fb_config_backup_store(const struct fb_config *c);
/* Services in the configuration, ends in NULL. */
const char *const *fb_config_services(const struct fb_config *c);

/* Checks every plugin that the configuration names against its declaration: options, kinds, budgets. 0, or -1 with errs. */
int fb_config_check(const struct fb_config *c, const struct fb_catalog_fn *catalog, struct fb_errs *errs) FB_MUST_USE;

/* The descriptors of the plugins that the configuration names and that are there, each once; plans add their own. New reference. */
json_t *fb_config_used(const struct fb_config *c, const struct fb_catalog_fn *catalog);

/*
 * The list `plugins`, for a deployment by plan_file (NULL: none), which is hidden as the configuration is. An entry for each kind that it is about: [{"kind", "name", "of_all", "policy": POLICY, "place"}]; the first that fits holds. New
 * reference. POLICY, complete, with the defaults of the kind, null where nothing is limited:
 * { "user": "nobody"|null, ("uid", "gid", "groups", "home": with a user)
 *   "network": true, "sockets": ["/run/x"]|null (of AF_UNIX that may be connected to; null: any while the network is on),
 *   "read": ["/srv"]|null (beside what every plugin needs; null: all but "hidden"), "hidden": [paths] (opt), "gathered": path (opt) of the archives,
 *   "write": [paths], "scratch": true, "memory": bytes|null, "cpu": ms|null, "processes": n (0: none, -1: any), "no_new_privs": true,
 *   "start_service": false, "capabilities": "none"|"most" (of root's, that are kept) }
 */
json_t *fb_config_sandboxes(const struct fb_config *c, const char *plan_file);
/* May a plugin of this name gain privileges (sudo) where no sandbox says otherwise? Those that run what the configuration says. */
bool fb_config_may_gain(const char *name);

/* What a deployment or a rollback asks for. */
struct fb_freeze_request {
	const char *kind;       /* "deploy" or "rollback" */
	const char *plan_file;  /* deploy */
	const char *release;    /* deploy: --release, over the plan's; rollback: --to; NULL */
	const char *const *services; /* rollback: ends in NULL; empty: all of the configuration */
	const char *reason;     /* rollback */
	const char *deployment_id; /* --deployment-id; NULL */
};
/* Reads the plan (deploy), checks it against the configuration and the plugins, fills defaults in, and returns the frozen chain
 * as a new reference in *ret. It has no ids, times or last known goods yet: those are the execution's. 0, or -1 with errs. */
int fb_config_freeze(const struct fb_config *c, const struct fb_freeze_request *request, const struct fb_catalog_fn *catalog, json_t **ret, struct fb_errs *errs) FB_MUST_USE;

/* The notifiers alone, as a frozen chain that runs nothing (schema, environment, notifiers, plugins): a new reference in *ret. 0, or -1 with errs. */
int fb_config_freeze_notifiers(const struct fb_config *c, const struct fb_catalog_fn *catalog, json_t **ret, struct fb_errs *errs) FB_MUST_USE;

/* Adds every error of a plan, and of the configuration when it is run by that plan; for `config check FILE…`. What is in errs already, from
 * fb_config_load_all and fb_config_check, is not told twice. */
int fb_config_check_plan(const struct fb_config *c, const char *plan_file, const struct fb_catalog_fn *catalog, struct fb_errs *errs) FB_MUST_USE;

/*
 * The options of one plugin out of any context, for who tries a plugin. text: of the file that path names (for places): settings; or one group in braces; or
 * a piece of configuration with a group that uses the plugin. Settings that are not the plugin's own (interval, on, retries) are passed over, but for those
 * of a group "options".
 * descriptor: as a catalog gives it. *ret: checked, defaults in, normalised (core/config/frozen.h), a new reference. 0, or -1 with errs.
 */
int fb_config_options(const char *path, const char *text, const json_t *descriptor, json_t **ret, struct fb_errs *errs) FB_MUST_USE;

#endif
