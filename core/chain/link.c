/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/link.h"

#include <string.h>

#include "base/mem.h"

static const char *const state_names[] = {"pending", "running", "completed", "skipped", "failed", "undone"};

const char *fb_link_state_name(const struct fb_link *l)
{
	return l->interrupted && l->state == FB_LINK_PENDING ? "interrupted" : state_names[l->state];
}

static int64_t number(const json_t *json, const char *name, int64_t absent)
{
	const json_t *v = json_object_get(json, name);

	return json_is_integer(v) ? json_integer_value(v) : absent;
}

static struct fb_link *load_one(struct fb_context *x, const json_t *json, struct fb_err *err);
static int load(struct fb_context *x, const json_t *json, int *seq, struct fb_link *l, struct fb_err *err);

static int load_members(struct fb_context *x, const json_t *members, int *seq, struct fb_link *l, struct fb_err *err)
{
	const json_t *m;
	size_t i;

	l->parallel = fb_alloc((json_array_size(members) + 1) * sizeof *l->parallel);
	json_array_foreach(members, i, m) {
		l->parallel_count = i + 1;
		if (load(x, m, seq, &l->parallel[i], err) < 0)
			return -1;
	}
	return 0;
}

static void load_after(const json_t *names, struct fb_link *l)
{
	const json_t *name;
	size_t i, n = 0;

	l->after = fb_alloc((json_array_size(names) + 1) * sizeof *l->after);
	json_array_foreach(names, i, name)
		if (json_is_string(name))
			l->after[n++] = json_string_value(name);
}

static int load(struct fb_context *x, const json_t *json, int *seq, struct fb_link *l, struct fb_err *err)
{
	const char *on_failure = json_string_value(json_object_get(json, "on_failure"));

	l->id = json_string_value(json_object_get(json, "id"));
	l->name = json_string_value(json_object_get(json, "name"));
	l->title = json_string_value(json_object_get(json, "title"));
	l->service = json_string_value(json_object_get(json, "service"));
	if (!l->id || !l->name)
		return fb_err_set(err, FB_EXIT_BUG, "a link of the frozen chain has no id or no name");
	if (!l->title)
		l->title = l->name;
	l->timeout_ms = number(json, "timeout", 600000);
	l->retries = (int)number(json, "retries", 0);
	l->backoff_ms = number(json, "backoff", 1000);
	l->backoff_max_ms = number(json, "backoff_max", 30000);
	l->on_failure = fb_streq(on_failure, "continue") ? FB_ON_FAILURE_CONTINUE : fb_streq(on_failure, "fallback") ? FB_ON_FAILURE_FALLBACK : FB_ON_FAILURE_STOP;
	l->data = json_object();
	l->seq = (*seq)++;
	load_after(json_object_get(json, "after"), l);
	if (json_is_array(json_object_get(json, "parallel")))
		return load_members(x, json_object_get(json, "parallel"), seq, l, err);
	if (fb_context_use(x, "phase", json, &l->use, err) < 0)
		return fb_err_prefix(err, "link '%s'", l->name);
	if (json_is_object(json_object_get(json, "fallback")) && !(l->fallback = load_one(x, json_object_get(json, "fallback"), err)))
		return -1;
	if (json_is_object(json_object_get(json, "undo")) && !(l->undo = load_one(x, json_object_get(json, "undo"), err)))
		return -1;
	return 0;
}

static void clear(struct fb_link *l)
{
	fb_use_clear(&l->use);
	fb_free(l->after);
	fb_free(l->message);
	fb_free(l->log);
	json_decref(l->data);
	for (size_t i = 0; i < l->parallel_count; i++)
		clear(&l->parallel[i]);
	fb_free(l->parallel);
	if (l->fallback)
		clear(l->fallback);
	fb_free(l->fallback);
	if (l->undo)
		clear(l->undo);
	fb_free(l->undo);
}

static struct fb_link *load_one(struct fb_context *x, const json_t *json, struct fb_err *err)
{
	struct fb_link *l = fb_alloc(sizeof *l);
	int seq = 0;

	if (load(x, json, &seq, l, err) == 0)
		return l;
	clear(l);
	fb_free(l);
	return NULL;
}

/* Takes over what an earlier engine recorded. What was running when it died is pending again, and marked. */
static void remember(struct fb_link *l, const struct fb_link_row *rows, size_t n)
{
	for (size_t i = 0; i < l->parallel_count; i++)
		remember(&l->parallel[i], rows, n);
	for (size_t i = 0; i < n; i++) {
		const struct fb_link_row *r = &rows[i];
		json_t *data;

		if (strcmp(r->id, l->id))
			continue;
		for (int s = FB_LINK_COMPLETED; s <= FB_LINK_UNDONE; s++)
			if (!strcmp(r->status, state_names[s]))
				l->state = s;
		l->interrupted = !strcmp(r->status, "running") || !strcmp(r->status, "interrupted");
		l->attempt = r->attempt;
		l->answer = r->answer;
		l->message = fb_strdup(r->message);
		l->log = fb_strdup(r->log);
		l->started_ms = r->started_ms;
		l->started_boot_ms = r->started_boot_ms;
		l->ended_ms = r->ended_ms;
		l->ended_boot_ms = r->ended_boot_ms;
		data = r->data ? json_loads(r->data, 0, NULL) : NULL;
		if (json_is_object(data))
			json_object_update(l->data, data);
		json_decref(data);
	}
}

int fb_chain_load(struct fb_context *x, const char *name, int first_seq, struct fb_chain *ret, struct fb_err *err)
{
	const json_t *links = json_object_get(json_object_get(x->frozen, "chains"), name), *l;
	struct fb_link_row *rows = NULL;
	size_t i, n = 0;

	*ret = (struct fb_chain){.name = name, .links = fb_alloc((json_array_size(links) + 1) * sizeof *ret->links)};
	json_array_foreach(links, i, l) {
		ret->count = i + 1;
		if (load(x, l, &first_seq, &ret->links[i], err) < 0)
			return -1;
	}
	if (!x->resumed)
		return 0;
	if (fb_journal_links(x->journal, x->id, &rows, &n, err) < 0)
		return -1;
	for (i = 0; i < ret->count; i++)
		remember(&ret->links[i], rows, n);
	fb_links_free(rows, n);
	return 0;
}

void fb_chain_clear(struct fb_chain *c)
{
	for (size_t i = 0; i < c->count; i++)
		clear(&c->links[i]);
	fb_free(c->links);
	*c = (struct fb_chain){0};
}

int fb_chain_size(const struct fb_chain *c)
{
	int n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += c->links[i].parallel ? (int)c->links[i].parallel_count : 1;
	return n;
}

int fb_link_record(struct fb_context *x, const char *chain, const struct fb_link *l, struct fb_err *err)
{
	char *data = json_dumps(l->data, JSON_COMPACT);
	struct fb_link_row row = {.id = (char *)l->id, .chain = (char *)chain, .name = (char *)l->name, .title = (char *)l->title, .plugin = (char *)(l->use.plugin ? l->use.plugin : ""),
				  .status = (char *)fb_link_state_name(l), .message = l->message, .data = data, .log = l->log, .seq = l->seq, .attempt = l->attempt,
				  .answer = l->answer, .started_ms = l->started_ms, .ended_ms = l->ended_ms, .started_boot_ms = l->started_boot_ms,
				  .ended_boot_ms = l->ended_boot_ms};
	int r = fb_journal_link(x->journal, &row, err);

	fb_free(data);
	return r;
}
