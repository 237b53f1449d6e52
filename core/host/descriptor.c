/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of the plugin ABI (failback-plugin(3), "REFUSALS"). It reads memory of a stranger: what points nowhere kills this process, which
 * holds nothing else, and the engine says so.
 */
#include "host/descriptor.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/abi.h"
#include "host/declared.h"
#include "host/operations.h"

#define REFUSE(...) fb_err_set(err, FB_EXIT_PLUGIN, __VA_ARGS__)

/* The part that is the same for ever. */
static int check_head(const struct fb_plugin *p, const char *path, struct fb_err *err)
{
	if (p->magic != FB_PLUGIN_MAGIC)
		return REFUSE("%s: the descriptor begins with 0x%08x, expected 0x%08x: write it with the macro FB_PLUGIN", path, p->magic, FB_PLUGIN_MAGIC);
	if (p->abi_major != FB_ABI_MAJOR)
		return REFUSE("%s was built for plugin ABI %u.%u, this failback has %u.%u: build it with the header of this failback, or install the failback that it was built for",
			      path, p->abi_major, p->abi_minor, FB_ABI_MAJOR, fb_abi_minor);
	if (p->struct_size < fb_abi_plugin.first)
		return REFUSE("%s: the descriptor says it has %u bytes, the first release's had %zu: write it with the macro FB_PLUGIN", path, p->struct_size, fb_abi_plugin.first);
	if (p->struct_size > FB_STRUCT_LIMIT)
		return REFUSE("%s: the descriptor says it has %u bytes, at most %u are allowed: write it with the macro FB_PLUGIN", path, p->struct_size, FB_STRUCT_LIMIT);
	return 0;
}

static int check_sizes(const struct fb_plugin *p, const char *path, struct fb_err *err)
{
	for (int i = 0; i < FB_SIZES; i++) {
		const struct fb_abi_struct *s = &fb_abi_structs[i];

		if (!(s->kinds & 1u << p->kind))
			continue;
		if (p->sizes[i] < s->first)
			return REFUSE("%s: its %s has %u bytes, the first release's had %zu: write the descriptor with the macro FB_PLUGIN", path, s->what, p->sizes[i],
				      s->first);
		if (p->sizes[i] > FB_STRUCT_LIMIT)
			return REFUSE("%s: its %s has %u bytes, at most %u are allowed: write the descriptor with the macro FB_PLUGIN", path, s->what, p->sizes[i],
				      FB_STRUCT_LIMIT);
	}
	if (p->sizes[FB_SIZE_OPTION] % sizeof(void *))
		return REFUSE("%s: its struct fb_option has %u bytes, which is no multiple of %zu: write the descriptor with the macro FB_PLUGIN", path, p->sizes[FB_SIZE_OPTION],
			      sizeof(void *));
	return 0;
}

/* Text that is there, ends within limit, and is UTF-8 (which jansson tells). */
static int check_text(const char *s, size_t limit, const char *path, const char *what, struct fb_err *err)
{
	json_t *text;

	if (!s)
		return REFUSE("%s: the descriptor's %s is NULL: set .%s", path, what, what);
	if (strnlen(s, limit + 1) > limit)
		return REFUSE("%s: the descriptor's %s is longer than %zu bytes: shorten it", path, what, limit);
	text = json_string(s);
	if (!text)
		return REFUSE("%s: the descriptor's %s is not UTF-8: save the source as UTF-8", path, what);
	json_decref(text);
	return 0;
}

static int check_identity(const struct fb_plugin *p, const char *path, const char *kind, const char *name, struct fb_err *err)
{
	const char *theirs = fb_kind_name(p->kind);

	if (!theirs)
		return REFUSE("%s: it is of kind %u, this failback knows 1 to %u (phase, strategy, check, notifier): it may need a newer failback", path, p->kind, FB_KIND_NOTIFIER);
	if (!fb_streq(theirs, kind))
		return REFUSE("%s: it is a %s, its file name says %s: rename the file to %s-%s.so", path, theirs, kind, theirs, name);
	if (p->needs_minor > fb_abi_minor)
		return REFUSE("%s needs a host with plugin ABI %u.%u or newer, this failback has %u.%u: install a newer failback", path, FB_ABI_MAJOR, p->needs_minor, FB_ABI_MAJOR,
			      fb_abi_minor);
	if (check_text(p->name, 63, path, "name", err) < 0 || check_text(p->version, 63, path, "version", err) < 0 ||
	    check_text(p->summary, 500, path, "summary", err) < 0 || check_text(p->license, 200, path, "license", err) < 0)
		return -1;
	if (!fb_name_valid(p->name))
		return REFUSE("%s: its name '%s' is not allowed: use a-z, 0-9 and '-', not '-' first, at most 63", path, p->name);
	if (!fb_streq(p->name, name))
		return REFUSE("%s: it names itself '%s', its file name says '%s': rename the file to %s-%s.so", path, p->name, name, kind, p->name);
	if (!*p->version)
		return REFUSE("%s: the descriptor's version is empty: set .version", path);
	return 0;
}

static int take_ops(struct fb_loaded *l, const char *path, struct fb_err *err)
{
	const struct fb_plugin *p = &l->plugin;
	const void *ops = p->kind == FB_KIND_PHASE ? (const void *)p->phase : p->kind == FB_KIND_STRATEGY ? (const void *)p->strategy
			: p->kind == FB_KIND_CHECK ? (const void *)p->check : (const void *)p->notifier;

	if (!ops)
		return REFUSE("%s: it is a %s and its table of operations is NULL: set .%s = &ops", path, fb_kind_name(p->kind), fb_kind_name(p->kind));
	switch (p->kind) {
	case FB_KIND_PHASE:
		fb_abi_take(&fb_abi_structs[FB_SIZE_PHASE_OPS], &l->phase, ops, p->sizes[FB_SIZE_PHASE_OPS]);
		if (!l->phase.run)
			return REFUSE("%s: a phase must offer run: set it in struct fb_phase_ops", path);
		break;
	case FB_KIND_STRATEGY:
		fb_abi_take(&fb_abi_structs[FB_SIZE_STRATEGY_OPS], &l->strategy, ops, p->sizes[FB_SIZE_STRATEGY_OPS]);
		if (!l->strategy.state || !l->strategy.restore)
			return REFUSE("%s: a strategy must offer state and restore, %s is missing: set it in struct fb_strategy_ops", path, l->strategy.state ? "restore" : "state");
		break;
	case FB_KIND_CHECK:
		fb_abi_take(&fb_abi_structs[FB_SIZE_CHECK_OPS], &l->check, ops, p->sizes[FB_SIZE_CHECK_OPS]);
		if (!l->check.probe && !l->check.step)
			return REFUSE("%s: a check must offer probe or step: set one in struct fb_check_ops", path);
		if (l->check.step && !l->check.end)
			return REFUSE("%s: a check that offers step must offer end, which frees its state: set it in struct fb_check_ops", path);
		break;
	default:
		fb_abi_take(&fb_abi_structs[FB_SIZE_NOTIFIER_OPS], &l->notifier, ops, p->sizes[FB_SIZE_NOTIFIER_OPS]);
		if (!l->notifier.notify)
			return REFUSE("%s: a notifier must offer notify: set it in struct fb_notifier_ops", path);
	}
	return 0;
}

int fb_descriptor_take(const struct fb_plugin *theirs, const char *path, const char *kind, const char *name, struct fb_loaded *ret, struct fb_err *err)
{
	struct fb_loaded *l = ret;

	memset(l, 0, sizeof *l);
	l->stage = "descriptor";
	if (!theirs)
		return REFUSE("%s: failback_plugin_entry returned NULL: it must return the descriptor; write it with the macro FB_PLUGIN", path);
	if (check_head(theirs, path, err) < 0)
		return -1;
	fb_abi_take(&fb_abi_plugin, &l->plugin, theirs, theirs->struct_size);
	if (check_identity(&l->plugin, path, kind, name, err) < 0 || check_sizes(&l->plugin, path, err) < 0 || take_ops(l, path, err) < 0)
		return -1;
	l->stage = "options";
	return fb_declared_take(l, path, err);
}

static json_t *text_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *option_json(const struct fb_option *o)
{
	json_t *choices = o->type == FB_TYPE_CHOICE ? json_array() : json_null();

	for (const char *p = o->choices; json_is_array(choices) && p && *p;) {
		size_t n = strcspn(p, "|");

		json_array_append_new(choices, json_stringn(p, n));
		p += n + (p[n] == '|');
	}
	return json_pack("{s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "name", o->name, "type", fb_declared_type(o->type), "required",
			 (o->flags & FB_OPTION_REQUIRED) != 0, "secret", (o->flags & FB_OPTION_SECRET) != 0, "default", text_or_null(o->default_value), "choices", choices,
			 "unit", text_or_null(o->unit), "alias", text_or_null(o->alias), "min", (json_int_t)o->min, "max", (json_int_t)o->max, "summary", json_string(o->summary));
}

static void add(json_t *list, bool offered, const char *name)
{
	if (offered)
		json_array_append_new(list, json_string(name));
}

static json_t *operations(const struct fb_loaded *l)
{
	const struct fb_strategy_ops *s = &l->strategy;
	json_t *v = json_array();

	add(v, l->phase.check || s->check || l->check.check || l->notifier.check, "check");
	add(v, l->phase.run, "run");
	add(v, l->check.probe || l->check.step, "probe");
	add(v, l->notifier.notify, "notify");
	add(v, s->state, "state");
	add(v, s->capture, "capture");
	add(v, s->prove, "prove");
	add(v, s->prepare, "prepare");
	add(v, s->shift, "shift");
	add(v, s->protect, "protect");
	add(v, s->restore, "restore");
	add(v, s->verify, "verify");
	add(v, s->evidence, "evidence");
	add(v, s->observe, "observe");
	add(v, s->commit, "commit");
	add(v, s->cleanup, "cleanup");
	add(v, l->phase.undo || s->undo, "undo");
	return v;
}

json_t *fb_descriptor_json(const struct fb_loaded *l)
{
	const struct fb_plugin *p = &l->plugin;
	json_t *options = json_array(), *features = json_array();
	char abi[32];

	for (int i = 0; i < l->option_count; i++)
		json_array_append_new(options, option_json(&l->options[i]));
	add(features, p->features & FB_FEATURE_ZERO_DOWNTIME, "zero-downtime");
	add(features, p->features & FB_FEATURE_BY_OPTIONS, "by-options");
	snprintf(abi, sizeof abi, "%u.%u", p->abi_major, p->abi_minor);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "kind", fb_kind_name(p->kind), "name", p->name, "version", p->version, "summary", p->summary, "license",
			 p->license, "abi", abi, "features", features, "operations", operations(l), "options", options);
}
