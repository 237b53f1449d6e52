/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/prior.h"

#include <jansson.h>
#include <string.h>

#include "base/mem.h"

struct fb_prior {
	json_t *d;
};

struct fb_prior *fb_prior_read(const char *path, struct fb_err *err)
{
	struct fb_prior *p;
	json_error_t where;
	json_t *d = json_load_file(path, JSON_REJECT_DUPLICATES, &where);

	if (!json_is_object(d)) {
		fb_err_set(err, FB_EXIT_USAGE, "cannot read weights from %s: %s", path, d ? "it is no JSON object" : where.text);
		json_decref(d);
		return NULL;
	}
	p = fb_alloc(sizeof *p);
	p->d = d;
	return p;
}

void fb_prior_free(struct fb_prior *p)
{
	if (!p)
		return;
	json_decref(p->d);
	fb_free(p);
}

static int number(const json_t *table, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(table, name));

	return n > FB_PRIOR_MOST ? FB_PRIOR_MOST : n < FB_PRIOR_LEAST ? FB_PRIOR_LEAST : (int)n;
}

/* Of the signature that it rests on; without one of that, of its category. */
static int weight(const void *ctx, const struct fb_candidate *c)
{
	const struct fb_prior *p = ctx;
	const json_t *signatures = json_object_get(p->d, "signatures");
	const char *id = c->evidence_count ? c->evidence[0]->signature->id : NULL;

	return id && json_object_get(signatures, id) ? number(signatures, id) : number(json_object_get(p->d, "types"), c->category);
}

void fb_prior_apply(const struct fb_prior *p, struct fb_ranking *r)
{
	if (p)
		fb_rank_weigh(r, weight, p);
}
