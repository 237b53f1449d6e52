/* SPDX-License-Identifier: Apache-2.0 */
/* fb_prune of a location: the same rule, by what the manifests there say. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/copy.h"
#include "store/mark.h"
#include "store/set.h"

#define PASS 1500000

struct plan {
	struct fb_location *location;
	const struct fb_prune *prune;
	struct fb_mark mark;
	char **names;
	bool *removes;
	size_t n;
	unsigned low, high;
	uint64_t seen, kept, kept_bytes, removed, removed_bytes, temporaries;
};

static bool among(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

static int add_set(void *ctx, const char *name, struct fb_err *err)
{
	struct plan *p = ctx;

	(void)err;
	if (!fb_store_name_valid(name))
		return 0;
	p->names = fb_realloc(p->names, (p->n + 1) * sizeof *p->names);
	p->removes = fb_realloc(p->removes, (p->n + 1) * sizeof *p->removes);
	p->removes[p->n] = p->prune->keep ? !among(p->prune->keep, name) : among(p->prune->remove, name);
	p->names[p->n++] = fb_strdup(name);
	return 0;
}

static int all_there(const struct plan *p, const char *const *ids, struct fb_err *err)
{
	for (; ids && *ids; ids++) {
		bool there = false;

		for (size_t i = 0; i < p->n && !there; i++)
			there = !strcmp(p->names[i], *ids);
		if (!there)
			return fb_err_set(err, FB_STORE_ABSENT, "%s has no set %s; nothing was removed", p->location->text, *ids);
	}
	return 0;
}

static int count(void *ctx, const char *name, uint64_t size, struct fb_err *err)
{
	struct plan *p = ctx;

	(void)name;
	(void)size;
	(void)err;
	p->seen++;
	return 0;
}

static int sweep(void *ctx, const char *name, uint64_t size, struct fb_err *err)
{
	struct plan *p = ctx;
	bool temporary;
	char folder[3] = "", text[3];
	struct fb_oid id = {0};
	unsigned at;

	if (strlen(name) < 12 || sscanf(name, "objects/%2[0-9a-f]/", folder) != 1 || name[10] != '/' || sscanf(folder, "%02x", &at) != 1)
		return 0;
	snprintf(text, sizeof text, "%s", folder);
	if (at >= p->high)
		return 1;
	temporary = fb_has_prefix(name + 11, FB_TEMPORARY_PREFIX);
	if (at < p->low || (!temporary && fb_location_object(text, name + 11, &id) < 0))
		return 0;
	if (!temporary && fb_mark_has(&p->mark, &id)) {
		p->kept++;
		p->kept_bytes += size;
		return 0;
	}
	if (!p->prune->dry_run && fb_location_remove(p->location, name, err) < 0)
		return -1;
	p->removed += !temporary;
	p->temporaries += temporary;
	p->removed_bytes += size;
	return 0;
}

static int mark_kept(struct plan *p, struct fb_err *err)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->removes[i] && fb_mark_set(&p->mark, p->names[i], err) < 0)
			return fb_err_prefix(err, "%s, because what %s needs is not known", p->low ? "not all was removed" : "nothing was removed", p->names[i]);
	return 0;
}

static int mark_and_sweep(struct plan *p, struct fb_store *view, struct fb_err *err)
{
	unsigned step;
	int r = fb_location_objects(p->location, 0, count, p, err);

	if (r == 0)
		r = fb_mark_begin(&p->mark, view, &step, err);
	if (r < 0)
		return -1;
	step = (unsigned)(256 / (p->seen / PASS + 1));
	step = step ? step : 1;
	for (p->low = 0; r == 0 && p->low < 256; p->low += step) {
		p->high = p->low + step < 256 ? p->low + step : 256;
		fb_mark_range(&p->mark, p->low, p->high);
		r = mark_kept(p, err);
		for (size_t i = 0; r == 0 && p->low == 0 && !p->prune->dry_run && i < p->n; i++)
			if (p->removes[i])
				r = fb_location_unseal(p->location, p->names[i], err);
		if (r == 0)
			r = fb_location_objects(p->location, p->low, sweep, p, err);
	}
	fb_mark_end(&p->mark);
	return r;
}

static json_t *answer(const struct plan *p, double seconds)
{
	json_t *sets = json_array();

	for (size_t i = 0; i < p->n; i++) {
		const char *why = p->prune->keep ? p->removes[i] ? "it is not among those to be kept" : "it is to be kept" : p->removes[i] ? "it is to be removed" : "nobody asked to remove it";

		json_array_append_new(sets, json_pack("{s:s, s:s, s:s}", "name", p->names[i], "decision", p->removes[i] ? "remove" : "keep", "why", why));
	}
	return json_pack("{s:s, s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:f}", "schema", "failback.backup-prune/1", "location", p->location->text, "dry_run", p->prune->dry_run, "sets", sets,
			 "objects_kept", (json_int_t)p->kept, "bytes_kept", (json_int_t)p->kept_bytes, "objects_removed", (json_int_t)p->removed, "temporaries_removed", (json_int_t)p->temporaries,
			 "bytes_removed", (json_int_t)p->removed_bytes, "seconds", seconds);
}

int fb_copy_prune(struct fb_store *s, struct fb_location *l, const struct fb_key_source *key, const struct fb_prune *prune, json_t **ret, struct fb_err *err)
{
	struct plan p = {.location = l, .prune = prune};
	int64_t started = fb_clock_us();
	struct fb_store view;
	int r;

	if (fb_store_lock(s, true, err) < 0 || fb_copy_open(&view, l, key, NULL, err) < 0)
		return -1;
	r = strcmp(view.id, s->id) == 0 ? 0 : fb_err_set(err, FB_STORE_EXISTS, "%s holds copies of another store (%s; this one is %s): nothing was removed", l->text, view.id, s->id);
	if (r == 0)
		r = fb_set_each(&view, add_set, &p, err);
	if (r == 0)
		r = all_there(&p, prune->keep, err);
	if (r == 0)
		r = all_there(&p, prune->remove, err);
	if (r == 0)
		r = mark_and_sweep(&p, &view, err);
	if (r == 0)
		*ret = answer(&p, (double)(fb_clock_us() - started) / 1e6);
	for (size_t i = 0; i < p.n; i++)
		fb_free(p.names[i]);
	fb_free(p.names);
	fb_free(p.removes);
	fb_copy_close(&view);
	return r;
}
