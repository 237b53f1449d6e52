/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scalars of the top level, in both spellings (the seeds' group rollback_config too), over all files: one set twice is an error that
 * names both places. Knows the settings' names, types, ranges and defaults, and nothing of services or chains.
 */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/internal.h"
#include "config/read.h"

#ifndef FB_STATEDIR
#define FB_STATEDIR "/var/lib/failback"
#endif
#define FB_RUNTIMEDIR "/run/failback"

const char *const fb_settings_names[] = {
	"environment", "state_dir", "runtime_dir", "plugin_dirs", "trusted_owner", "executor", "auto_rollback_enabled", "failure_threshold",
	"rollback_timeout", "zero_downtime_required", "evidence_timeout", "notify_timeout", "resume_within", "log_limit", "approval", "watch_for",
	"preserve_failed_environment", "detection", "rollback_config", "services", "recovery", "backup", "backup_store", "notifiers", "notification_config", "plugins", NULL};
static const char *const rollback_config[] = {"auto_rollback_enabled", "failure_threshold", "rollback_timeout", "zero_downtime_required", NULL};
static const char *const detection[] = {"interval", "window", "min_requests", "min_failed", "error_ratio", "baseline_factor", NULL};
static const char *const executors[] = {"enhanced", "basic", NULL};
static const char *const approvals[] = {"never", "low", "medium", "high", NULL};

struct reader {
	struct fb_config *c;
	struct fb_errs *errs;
};

/* The one place where a setting stands, in a group or in none (NULL); the others are told. NULL: it is set nowhere, or is BAD. */
static const struct fb_node *look(const struct reader *r, const char *group, const char *name)
{
	const struct fb_node *found = NULL;
	char *first;

	for (size_t i = 0; i < r->c->tree_count; i++) {
		const struct fb_node *root = &r->c->trees[i]->root;
		const struct fb_node *at[2] = {
			group && strcmp(group, "rollback_config") != 0 ? NULL : fb_node_member(root, name),
			group ? fb_node_member(fb_node_member(root, group), name) : NULL,
		};

		for (int k = 0; k < 2; k++) {
			if (!at[k])
				continue;
			if (found) {
				first = fb_node_place(found);
				fb_node_error(r->errs, at[k], "it is set twice, first at %s: remove one", first);
				fb_free(first);
			} else {
				found = at[k];
			}
		}
	}
	return found && found->type != FB_NODE_BAD ? found : NULL;
}

const struct fb_node *fb_settings_at(struct fb_config *c, struct fb_errs *errs, const char *group, const char *name)
{
	return look(&(struct reader){.c = c, .errs = errs}, group, name);
}

/* Seeds' settings stand at the top or in the group rollback_config; others have no second place. */
static const char *second_place(const char *name)
{
	for (size_t i = 0; rollback_config[i]; i++)
		if (strcmp(rollback_config[i], name) == 0)
			return "rollback_config";
	return NULL;
}

static const struct fb_node *top(const struct reader *r, const char *name)
{
	return look(r, second_place(name), name);
}

static void take_bool(const struct reader *r, const char *name, bool *value)
{
	const struct fb_node *node = top(r, name);

	if (node)
		(void)fb_read_bool(r->errs, node, value);
}

static void take_duration(const struct reader *r, const struct fb_node *node, int64_t unit_ms, int64_t min, int64_t max, int64_t *value)
{
	if (node)
		(void)fb_read_duration(r->errs, node, unit_ms, min, max, value);
}

static void take_choice(const struct reader *r, const char *name, const char *const *choices, const char **value)
{
	const struct fb_node *node = top(r, name);

	if (node)
		(void)fb_read_choice(r->errs, node, choices, value);
}

static const char *take_path(const struct reader *r, const char *name)
{
	const struct fb_node *node = top(r, name);
	const char *s = NULL;

	return node && fb_read_path(r->errs, node, &s) ? s : NULL;
}

static void take_owner(const struct reader *r, long *owner)
{
	const struct fb_node *node = top(r, "trusted_owner");
	const struct passwd *user;
	const char *name;
	int64_t uid;

	if (!node)
		return;
	if (node->type == FB_NODE_INT) {
		if (fb_read_int(r->errs, node, 0, INT64_C(4294967294), &uid))
			*owner = (long)uid;
		return;
	}
	if (!fb_read_string(r->errs, node, &name))
		return;
	errno = 0;
	user = getpwnam(name);
	if (user)
		*owner = (long)user->pw_uid;
	else
		fb_node_error(r->errs, node, "there is no user '%.64s' on this machine: name one, or give a uid", name);
}

static void take_detection(const struct reader *r, struct fb_settings *s)
{
	const struct fb_node *node;

	for (size_t i = 0; i < r->c->tree_count; i++) {
		node = fb_node_member(&r->c->trees[i]->root, "detection");
		if (node && fb_read_group(r->errs, node))
			fb_read_known(r->errs, node, detection);
	}
	take_duration(r, look(r, "detection", "interval"), 0, 1, 60000, &s->interval);
	take_duration(r, look(r, "detection", "window"), 0, 1, 3600000, &s->window);
	if ((node = look(r, "detection", "min_requests")))
		(void)fb_read_int(r->errs, node, 1, 1000000000, &s->min_requests);
	if ((node = look(r, "detection", "min_failed")))
		(void)fb_read_int(r->errs, node, 1, 1000000000, &s->min_failed);
	if ((node = look(r, "detection", "error_ratio")))
		(void)fb_read_float(r->errs, node, 0.0001, 1, &s->error_ratio);
	if ((node = look(r, "detection", "baseline_factor")))
		(void)fb_read_float(r->errs, node, 1, 1000000, &s->baseline_factor);
	node = look(r, "detection", "window");
	if (s->window < s->interval && node)
		fb_node_error(r->errs, node, "the window (%lld ms) is shorter than the interval (%lld ms): nothing would be seen", (long long)s->window, (long long)s->interval);
}

static void take_rollback_config(const struct reader *r)
{
	for (size_t i = 0; i < r->c->tree_count; i++) {
		const struct fb_node *node = fb_node_member(&r->c->trees[i]->root, "rollback_config");

		if (node && fb_read_group(r->errs, node))
			fb_read_known(r->errs, node, rollback_config);
	}
}

/* Relative paths of the command line are relative to where it was run. */
static char *absolute(const char *path)
{
	char *here, *ret;

	if (*path == '/' || !(here = getcwd(NULL, 0)))
		return fb_strdup(path);
	ret = fb_asprintf("%s/%s", here, path);
	free(here);
	return ret;
}

static bool given(const char *s)
{
	return s && *s;
}

static void take_plugin_dirs(const struct reader *r, const struct fb_config_request *request)
{
	struct fb_config *c = r->c;
	size_t n = 0;
	bool any = false;

	for (size_t i = 0; request->plugin_dirs && request->plugin_dirs[i]; i++) {
		c->plugin_dirs = fb_realloc(c->plugin_dirs, (n + 2) * sizeof(char *));
		c->plugin_dirs[n++] = absolute(request->plugin_dirs[i]);
	}
	for (size_t i = 0; i < c->tree_count; i++) {
		const struct fb_node *node = fb_node_member(&c->trees[i]->root, "plugin_dirs");

		if (!node || !fb_read_list(r->errs, node))
			continue;
		any = true;
		for (size_t k = 0; k < node->n; k++) {
			const char *s;

			if (!fb_read_path(r->errs, &node->v[k], &s))
				continue;
			c->plugin_dirs = fb_realloc(c->plugin_dirs, (n + 2) * sizeof(char *));
			c->plugin_dirs[n++] = fb_strdup(s);
		}
	}
	c->plugin_dirs = fb_realloc(c->plugin_dirs, (n + 2) * sizeof(char *));
	if (!any)
		c->plugin_dirs[n++] = fb_strdup(FB_PLUGINDIR);
	c->plugin_dirs[n] = NULL;
}

static void take_places(const struct reader *r, const struct fb_config_request *request)
{
	const char *state = take_path(r, "state_dir"), *runtime = take_path(r, "runtime_dir"), *environment = NULL;
	const struct fb_node *node = top(r, "environment");
	struct fb_config *c = r->c;

	c->state_dir = given(request->state_dir) ? absolute(request->state_dir) : fb_strdup(state ? state : FB_STATEDIR);
	if (given(request->runtime_dir))
		c->runtime_dir = absolute(request->runtime_dir);
	else if (runtime)
		c->runtime_dir = fb_strdup(runtime);
	else
		c->runtime_dir = fb_strdup(given(request->state_dir) ? c->state_dir : FB_RUNTIMEDIR);
	if (node && fb_read_name(r->errs, node, &environment))
		c->settings.environment_set = true;
	if (given(request->environment)) {
		c->settings.environment_set = true;
		if (!fb_name_valid(request->environment))
			fb_errs_addf(r->errs, FB_EXIT_USAGE, NULL, 0, "-e '%s' is not a name: expected at most 63 of a-z, 0-9 and '-', not beginning with '-'",
				     request->environment);
		environment = request->environment;
	}
	c->environment = fb_strdup(environment ? environment : "production");
}

void fb_settings_read(struct fb_config *c, const struct fb_config_request *request, struct fb_errs *errs)
{
	const struct reader r = {.c = c, .errs = errs};
	struct fb_settings *s = &c->settings;
	const struct fb_node *node;

	*s = (struct fb_settings){
		.executor = "enhanced", .approval = "never", .auto_rollback_enabled = true, .preserve_failed_environment = true, .failure_threshold = 3,
		.rollback_timeout = 60000, .evidence_timeout = 500, .notify_timeout = 10000, .resume_within = 3600000, .log_limit = 8388608,
		.watch_for = 30000, .interval = 10, .window = 250, .min_requests = 10, .min_failed = 10, .error_ratio = 0.5, .baseline_factor = 3.0,
		.trusted_owner = -1};
	for (size_t i = 0; i < c->tree_count; i++)
		fb_read_known(errs, &c->trees[i]->root, fb_settings_names);
	take_rollback_config(&r);
	take_places(&r, request);
	take_plugin_dirs(&r, request);
	take_owner(&r, &s->trusted_owner);
	take_choice(&r, "executor", executors, &s->executor);
	take_choice(&r, "approval", approvals, &s->approval);
	take_bool(&r, "auto_rollback_enabled", &s->auto_rollback_enabled);
	take_bool(&r, "preserve_failed_environment", &s->preserve_failed_environment);
	take_bool(&r, "zero_downtime_required", &s->zero_downtime_required);
	s->zero_downtime_at = s->zero_downtime_required ? top(&(struct reader){.c = c}, "zero_downtime_required") : NULL;
	if ((node = top(&r, "failure_threshold")))
		(void)fb_read_int(errs, node, 1, 100, &s->failure_threshold);
	s->rollback_timeout_at = top(&r, "rollback_timeout");
	take_duration(&r, s->rollback_timeout_at, 1000, 1, FB_FOREVER_MS, &s->rollback_timeout);
	take_duration(&r, top(&r, "evidence_timeout"), 0, 0, FB_FOREVER_MS, &s->evidence_timeout);
	take_duration(&r, top(&r, "notify_timeout"), 0, 0, FB_FOREVER_MS, &s->notify_timeout);
	take_duration(&r, top(&r, "resume_within"), 0, 0, FB_FOREVER_MS, &s->resume_within);
	take_duration(&r, top(&r, "watch_for"), 0, 0, FB_FOREVER_MS, &s->watch_for);
	if ((node = top(&r, "log_limit")))
		(void)fb_read_size(errs, node, false, 4096, INT64_C(1099511627776), &s->log_limit);
	take_detection(&r, s);
	s->environment = c->environment;
	s->state_dir = c->state_dir;
	s->runtime_dir = c->runtime_dir;
}

json_t *fb_settings_json(const struct fb_settings *s)
{
	return json_pack("{s:b, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:s, s:{s:I, s:I, s:I, s:I, s:f, s:f}, s:o}",
			 "auto_rollback_enabled", s->auto_rollback_enabled, "failure_threshold", (json_int_t)s->failure_threshold,
			 "rollback_timeout", (json_int_t)s->rollback_timeout, "zero_downtime_required", s->zero_downtime_required,
			 "evidence_timeout", (json_int_t)s->evidence_timeout, "notify_timeout", (json_int_t)s->notify_timeout,
			 "resume_within", (json_int_t)s->resume_within, "log_limit", (json_int_t)s->log_limit, "approval", s->approval,
			 "detection", "interval", (json_int_t)s->interval, "window", (json_int_t)s->window, "min_requests", (json_int_t)s->min_requests,
			 "min_failed", (json_int_t)s->min_failed, "error_ratio", s->error_ratio, "baseline_factor", s->baseline_factor,
			 "backup_store", fb_backup_store_json(s->backup_store));
}

void fb_config_each(const struct fb_config *c, const char *list, fb_each_fn *fn, void *ctx)
{
	for (size_t i = 0; i < c->tree_count; i++) {
		const struct fb_node *node = fb_node_member(&c->trees[i]->root, list);

		for (size_t k = 0; node && node->type == FB_NODE_LIST && k < node->n; k++)
			fn(ctx, &node->v[k]);
	}
}

bool fb_config_has(const struct fb_config *c, const char *list)
{
	for (size_t i = 0; i < c->tree_count; i++)
		if (fb_node_member(&c->trees[i]->root, list))
			return true;
	return false;
}
