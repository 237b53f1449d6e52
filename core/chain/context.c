/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/context.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "config/frozen.h"
#include "config/offers.h"
#include "config/secret.h"

bool fb_use_offers(const struct fb_use *u, const char *operation)
{
	return fb_offers(u->descriptor, u->options, operation);
}

bool fb_use_has_feature(const struct fb_use *u, const char *feature)
{
	return fb_offers_feature(u->descriptor, u->options, feature);
}

int fb_context_use(struct fb_context *x, const char *kind, const json_t *json, struct fb_use *ret, struct fb_err *err)
{
	const json_t *d, *plugins = json_object_get(x->frozen, "plugins");
	size_t i;

	*ret = (struct fb_use){.kind = kind, .json = json};
	ret->plugin = json_string_value(json_object_get(json, strcmp(kind, "phase") ? "use" : "phase"));
	ret->name = json_string_value(json_object_get(json, "name"));
	json_array_foreach(plugins, i, d)
		if (fb_streq(json_string_value(json_object_get(d, "kind")), kind) && fb_streq(json_string_value(json_object_get(d, "name")), ret->plugin))
			ret->descriptor = d;
	if (!ret->plugin || !ret->descriptor)
		return fb_err_set(err, FB_EXIT_BUG, "the frozen chain uses the %s '%s' and does not describe it", kind, ret->plugin ? ret->plugin : "?");
	if (!ret->name)
		ret->name = ret->plugin;
	ret->options = fb_secret_resolve(json_object_get(json, "options"), json_object_get(ret->descriptor, "options"), x->redactor, err);
	if (!ret->options)
		return fb_err_prefix(err, "%s '%s'", kind, ret->name);
	return 0;
}

void fb_use_clear(struct fb_use *u)
{
	json_decref(u->options);
	u->options = NULL;
}

struct fb_service *fb_context_service(struct fb_context *x, const char *name)
{
	for (size_t i = 0; name && i < x->service_count; i++) {
		struct fb_service *s = &x->services[i];

		if (!strcmp(s->name, name))
			return s;
		for (size_t k = 0; k < s->item_count; k++)
			if (!strcmp(s->items[k].name, name))
				return &s->items[k];
	}
	return NULL;
}

int64_t fb_context_setting(const struct fb_context *x, const char *name, int64_t absent)
{
	const json_t *v = json_object_get(json_object_get(x->frozen, "settings"), name);

	return json_is_integer(v) ? json_integer_value(v) : json_is_boolean(v) ? json_is_true(v) : absent;
}

static int load_service(struct fb_context *x, struct fb_service *s, const json_t *json, struct fb_err *err)
{
	const json_t *checks = json_object_get(json, "checks"), *c;
	size_t i;

	s->name = json_string_value(json_object_get(json, "name"));
	s->deploys = json_is_true(json_object_get(json, "deploys"));
	s->release = json_string_value(json_object_get(json, "release"));
	if (!s->name)
		return fb_err_set(err, FB_EXIT_BUG, "a service of the frozen chain has no name");
	if (fb_context_use(x, "strategy", json_object_get(json, "strategy"), &s->strategy, err) < 0)
		return fb_err_prefix(err, "service '%s'", s->name);
	s->checks = fb_alloc((json_array_size(checks) + 1) * sizeof *s->checks);
	json_array_foreach(checks, i, c) {
		const json_t *timeout = json_object_get(c, "timeout");

		if (fb_context_use(x, "check", c, &s->checks[i].use, err) < 0)
			return fb_err_prefix(err, "service '%s'", s->name);
		s->checks[i].timeout_ms = json_is_integer(timeout) ? json_integer_value(timeout) : 5000;
		s->check_count = i + 1;
	}
	return 0;
}

static int load_items(struct fb_context *x, struct fb_service *s, const json_t *list, struct fb_err *err)
{
	const json_t *one;
	size_t i;

	s->items = fb_alloc((json_array_size(list) + 1) * sizeof *s->items);
	json_array_foreach(list, i, one) {
		struct fb_service *item = &s->items[i];

		*item = (struct fb_service){.name = json_string_value(json_object_get(one, "name")), .deploys = s->deploys, .release = s->release, .item_of = s};
		s->item_count = i + 1;
		if (!item->name)
			return fb_err_set(err, FB_EXIT_BUG, "an item of service '%s' has no name in the frozen chain", s->name);
		if (fb_context_use(x, "strategy", one, &item->strategy, err) < 0)
			return fb_err_prefix(err, "item '%s'", item->name);
	}
	return 0;
}

static void link_dependencies(struct fb_context *x, struct fb_service *s, const json_t *names)
{
	const json_t *name;
	size_t i;

	s->depends = fb_alloc((json_array_size(names) + 1) * sizeof *s->depends);
	json_array_foreach(names, i, name) {
		const struct fb_service *d = fb_context_service(x, json_string_value(name));

		if (d)
			s->depends[s->depend_count++] = (size_t)(d - x->services);
	}
}

static int load_services(struct fb_context *x, struct fb_err *err)
{
	const json_t *list = json_object_get(x->frozen, "services"), *s;
	size_t i;

	x->services = fb_alloc((json_array_size(list) + 1) * sizeof *x->services);
	json_array_foreach(list, i, s) {
		x->service_count = i + 1;
		if (load_service(x, &x->services[i], s, err) < 0 || load_items(x, &x->services[i], json_object_get(s, "items"), err) < 0)
			return -1;
	}
	json_array_foreach(list, i, s)
		link_dependencies(x, &x->services[i], json_object_get(s, "depends_on"));
	return 0;
}

static int make_folders(struct fb_context *x, const char *state_dir, struct fb_err *err)
{
	char *logs, *evidence;
	int r;

	x->dir = fb_asprintf("%s/executions/%s", state_dir, x->id);
	x->archive = fb_asprintf("%s/archive", x->dir);
	x->scratch = fb_asprintf("%s/scratch/%s", state_dir, x->id); /* not below what a sandboxed phase may read */
	x->service_logs = fb_asprintf("%s/services/%s", state_dir, x->environment);
	logs = fb_asprintf("%s/logs", x->archive);
	evidence = fb_asprintf("%s/evidence", x->archive);
	r = fb_io_make_folders(logs, 0750, err) < 0 || fb_io_make_folders(evidence, 0750, err) < 0 || fb_io_make_folders(x->scratch, 0700, err) < 0 ? -1 : 0;
	fb_free(logs);
	fb_free(evidence);
	return r;
}

int fb_context_init(struct fb_context *x, const char *id, json_t *frozen, const char *state_dir, struct fb_err *err)
{
	struct fb_proc self;

	x->frozen = json_incref(frozen);
	x->id = fb_strdup(id);
	if (fb_proc_look(getpid(), &self) == 0)
		snprintf(x->engine, sizeof x->engine, "%d:%" PRIu64, (int)self.pid, self.start);
	x->environment = json_string_value(json_object_get(frozen, "environment"));
	x->reason = json_string_value(json_object_get(frozen, "reason"));
	x->redactor = fb_redactor_new();
	x->evidence = json_array();
	if (!fb_streq(json_string_value(json_object_get(frozen, "schema")), FB_FROZEN_SCHEMA) || !x->environment)
		return fb_err_set(err, FB_EXIT_JOURNAL, "the chain of execution %s is not one that this program can read", id);
	x->log_limit = fb_context_setting(x, "log_limit", 8 * 1024 * 1024);
	/* A full or read-only disk must not keep a recovery from running: without folders its output is not captured. */
	if (make_folders(x, state_dir, err) < 0 && !fb_journal_degraded(x->journal))
		return -1;
	return load_services(x, err);
}

void fb_context_clear(struct fb_context *x)
{
	for (size_t i = 0; i < x->service_count; i++) {
		struct fb_service *s = &x->services[i];

		fb_use_clear(&s->strategy);
		for (size_t k = 0; k < s->item_count; k++)
			fb_use_clear(&s->items[k].strategy);
		fb_free(s->items);
		for (size_t k = 0; k < s->check_count; k++)
			fb_use_clear(&s->checks[k].use);
		fb_free(s->checks);
		fb_free(s->depends);
		fb_free(s->last_good);
		fb_free(s->failed);
		fb_free(s->before);
	}
	fb_free(x->services);
	fb_free(x->id);
	fb_free(x->dir);
	fb_free(x->archive);
	if (x->scratch)
		fb_io_remove_tree(x->scratch);
	fb_free(x->scratch);
	fb_free(x->service_logs);
	fb_redactor_free(x->redactor);
	json_decref(x->frozen);
	json_decref(x->evidence);
}

void fb_context_lost(struct fb_context *x, const struct fb_err *err)
{
	if (x->is_lost)
		return;
	x->is_lost = true;
	x->stop = 2;
	x->hooks->lost(x, err);
}

void fb_context_event(struct fb_context *x, const char *name, const char *link, const char *summary, json_t *data)
{
	char *text = data ? json_dumps(data, JSON_COMPACT) : NULL, *line = fb_strdup(summary ? summary : "");
	int64_t seq = 0;
	struct fb_err err;

	fb_redact(x->redactor, line, strlen(line));
	if (text)
		fb_redact(x->redactor, text, strlen(text));
	if (!x->is_lost && fb_journal_event(x->journal, name, link, line, text, &seq, &err) < 0)
		fb_context_lost(x, &err);
	if (!x->is_lost)
		x->hooks->news(x, seq, name);
	fb_free(text);
	fb_free(line);
	json_decref(data);
}

void fb_context_note(struct fb_context *x, const char *link, int64_t level, const char *text)
{
	fb_context_event(x, "link.note", link, text, json_pack("{s:s}", "level", fb_level_word(level)));
}
