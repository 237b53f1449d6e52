/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step of a plan that gives back what a backup set has: whole items through their plugins, or single files of a tree. What is there now was put into a set of
 * its own before, by phase backup, so that a step that fails is taken back by the recovery. Nothing is written before all of it has been read back.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/item.h"
#include "plugins/common/run.h"
#include "../phase.h"

static const struct fb_option options[] = {
	{.name = "set", .type = FB_TYPE_STRING, .flags = FB_OPTION_REQUIRED, .summary = "The backup set, as failback backup list shows it"},
	{.name = "items", .type = FB_TYPE_LIST, .summary = "Items of it, such as web.config; all that it has when not set"},
	{.name = "only", .type = FB_TYPE_LIST, .summary = "Only these files and folders of the one item, a tree; the rest is left as it is"},
	{0},
};

struct job {
	const struct fb_call *call;
	char *set;
	char **items; /* ends in NULL */
	size_t count, left; /* left: that no item of the configuration is there for */
};

static int32_t check(const struct fb_call *call)
{
	const struct fb_host *h = call->host;

	if (!h->option_count(call, "only") || h->option_count(call, "items") == 1)
		return FB_OK;
	h->fail(call, "'only' names files of one item: name that item, alone, in 'items'");
	return FB_FATAL;
}

static void clear(struct job *j)
{
	for (size_t i = 0; i < j->count; i++)
		free(j->items[i]);
	free(j->items);
	free(j->set);
}

static void add(struct job *j, const char *item)
{
	j->items = realloc(j->items, (j->count + 2) * sizeof *j->items);
	if (!j->items)
		abort();
	j->items[j->count++] = run_copy(item);
	j->items[j->count] = NULL;
}

/* What the set has, as it was sealed; NULL with its sentence. */
static json_t *look(const struct job *j)
{
	struct store_words w = {0};
	char line[STORE_LINE];
	json_t *said;
	int code;

	store_begin(&w, "show");
	store_option(&w, "--set", j->set);
	said = store_ask(j->call, &w, &code, line);
	if (code == 0 && said)
		return said;
	j->call->host->fail(j->call, "set %s cannot be read: %s. 'failback backup list' shows what there is", j->set, line);
	json_decref(said);
	return NULL;
}

static bool has(const json_t *items, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(items, i, one) {
		const char *s = json_string_value(json_object_get(one, "name"));

		if (s && !strcmp(s, name))
			return true;
	}
	return false;
}

/* Does the configuration have an item of that name, of a service of this plan? What a service's own strategy keeps is none: that goes back with its release. */
static bool is_configured(const json_t *services, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(services, i, one)
		if (json_is_true(json_object_get(one, "deploys")) && has(json_object_get(one, "items"), name))
			return true;
	return false;
}

static void tell_left(const struct job *j, const char *item)
{
	j->call->host->log(j->call, FB_LOG_WARNING,
			   strchr(item, '.') ? "%s is not given back: the configuration has no such item in the services of this plan; 'failback backup restore %s --item %s --to DIR' gives you what it holds"
					     : "%s is not given back: its strategy keeps it, and 'failback rollback' takes it back with its release; 'failback backup restore %s --item %s --to DIR' gives you "
					       "what it holds",
			   item, j->set, item);
}

/* Which items: those named, which must be there, or all. */
static bool choose(struct job *j)
{
	const struct fb_host *h = j->call->host;
	uint32_t n = h->option_count(j->call, "items");
	const char *text = h->document(j->call, "services");
	json_t *services = text ? json_loads(text, 0, NULL) : NULL, *set = look(j);
	const json_t *items = json_object_get(set, "items"), *one;
	bool single = h->option_count(j->call, "only"), good = set;
	char path[32];
	size_t i;

	for (uint32_t k = 0; good && k < n; k++) {
		snprintf(path, sizeof path, "items[%u]", (unsigned)k);
		add(j, h->option(j->call, path));
		good = has(items, j->items[k]);
		if (!good) {
			h->fail(j->call, "set %s has no item %s: 'failback backup show %s' tells what it has", j->set, j->items[k], j->set);
		} else if (!single && !is_configured(services, j->items[k])) {
			tell_left(j, j->items[k]);
			h->fail(j->call, "%s cannot be given back where it lives: it is no item of a service of this plan; see the log of this link", j->items[k]);
			good = false;
		}
	}
	if (good && !n)
		json_array_foreach(items, i, one) {
			const char *name = json_string_value(json_object_get(one, "name"));

			if (is_configured(services, name)) {
				add(j, name);
			} else {
				tell_left(j, name);
				j->left++;
			}
		}
	if (good && !j->count) {
		h->fail(j->call, "nothing of set %s can be given back where it lives: the configuration has none of its items; see the log of this link", j->set);
		good = false;
	}
	json_decref(services);
	json_decref(set);
	return good;
}

/* Is every item whole? Asked before anything is written. */
static bool are_whole(const struct job *j)
{
	char line[STORE_LINE];
	int code = 0;

	for (size_t i = 0; i < j->count && !code; i++) {
		struct store_words w = {0};

		phase_progress(j->call, (int32_t)(i * 5000 / j->count), "reading %s back", j->items[i]);
		store_begin(&w, "verify");
		store_option(&w, "--set", j->set);
		store_option(&w, "--item", j->items[i]);
		json_decref(store_ask(j->call, &w, &code, line));
		if (code)
			j->call->host->fail(j->call, "%s in set %s is damaged, so nothing was given back: %s. 'failback backup verify %s' tells more", j->items[i], j->set, line, j->set);
	}
	return !code;
}

/* Single files, by the store itself: in place, the rest of the tree as it is. */
static int32_t give_files(const struct job *j)
{
	const struct fb_host *h = j->call->host;
	int32_t answer = h->act(j->call, "files", FB_REPEAT_IDEMPOTENT, "give back single files");
	struct store_words w = {0};
	char line[STORE_LINE];
	json_t *said;
	int code;

	if (answer == FB_ACT_NO)
		return FB_RETRY;
	if (answer == FB_ACT_DRY)
		return FB_OK;
	store_begin(&w, "restore");
	store_option(&w, "--set", j->set);
	store_option(&w, "--item", j->items[0]);
	store_word(&w, "--in-place");
	store_options(j->call, &w, "--only", "only");
	said = store_ask(j->call, &w, &code, line);
	if (code) {
		const char *why = json_string_value(json_object_get(json_array_get(json_object_get(said, "refused"), 0), "why"));

		h->fail(j->call, "the files of %s could not be given back: %s", j->items[0], why ? why : line);
		answer = FB_FAIL;
	} else {
		answer = answer == FB_ACT_DO && h->acted(j->call, "files", NULL) ? FB_RETRY : FB_OK;
	}
	json_decref(said);
	return answer;
}

/* A whole item, by its plugin. */
static int32_t give_item(const struct job *j, const char *item)
{
	struct phase_outcome o;
	int32_t answer = FB_OK;

	if (!phase_operate(j->call, FB_OP_RESTORE, item, 0, &o)) {
		answer = phase_answer(&o);
		j->call->host->fail(j->call, "%s could not be given back: %s", item, o.failed_text);
	}
	phase_outcome_clear(&o);
	return answer;
}

static int32_t give(const struct job *j)
{
	const struct fb_host *h = j->call->host;
	int32_t answer = FB_OK;

	if (h->fact_set(j->call, FB_SCOPE_EXECUTION, ITEM_SET, j->set)) {
		h->fail(j->call, "which set is to be given back could not be recorded");
		return FB_RETRY;
	}
	if (h->option_count(j->call, "only"))
		return give_files(j);
	for (size_t i = 0; i < j->count && answer == FB_OK; i++) {
		phase_progress(j->call, (int32_t)(5000 + i * 5000 / j->count), "giving back %s", j->items[i]);
		answer = give_item(j, j->items[i]);
	}
	return answer;
}

static int32_t run(const struct fb_call *call)
{
	struct job j = {.call = call, .set = run_copy(call->host->option(call, "set"))};
	int64_t began = phase_now_ms();
	char time[PHASE_DURATION];
	int32_t answer = FB_FATAL; /* a set that is not whole does not become so */
	char left[64] = "";

	if (choose(&j) && are_whole(&j))
		answer = give(&j);
	if (j.left)
		snprintf(left, sizeof left, "; %zu not, see the log", j.left);
	if (answer == FB_OK && call->flags & FB_CALL_DRY_RUN)
		phase_say(call, "%zu item%s of set %s would be given back%s", j.count, j.count == 1 ? "" : "s", j.set, left);
	else if (answer == FB_OK)
		phase_say(call, "%s of set %s given back in %s%s", call->host->option_count(call, "only") ? "files" : j.count == 1 ? j.items[0] : "all items", j.set,
			  phase_duration(phase_now_ms() - began, time, sizeof time), left);
	clear(&j);
	return answer;
}

static const struct fb_phase_ops ops = {.check = check, .run = run};

FB_PLUGIN(PHASE, .name = "give-back", .version = "0.1.0", .summary = "Gives back what a backup set has: items, or single files", .license = "Apache-2.0", .options = options,
	  .phase = &ops)
