/* SPDX-License-Identifier: Apache-2.0 */
#include "store/refs.h"

#include "store/list.h"

static void on_list(void *ctx, const struct fb_oid *id)
{
	struct fb_refs *r = ctx;

	if (!r->failed->code)
		(void)r->each(r->ctx, id, 0, false, r->failed);
}

static int each_of(struct fb_refs *r, const struct fb_ref *ref, struct fb_err *err)
{
	struct fb_content_reader reader = {.on_list = on_list, .ctx = r};
	struct fb_oid id;
	size_t size;
	int got;

	if (ref->size && ref->size <= FB_CHUNK)
		return r->each(r->ctx, &ref->id, (size_t)ref->size, ref->encrypted, err);
	got = fb_content_open(&reader, r->store, r->io, ref, err);
	while (got >= 0 && !r->failed->code && (got = fb_content_next(&reader, &id, &size, err)) > 0)
		if (r->each(r->ctx, &id, size, ref->encrypted, err) < 0)
			got = -1;
	fb_content_close(&reader);
	if (got >= 0 && r->failed->code) {
		if (err)
			*err = *r->failed;
		got = -1;
	}
	return got < 0 ? -1 : 0;
}

static int each_of_tree(struct fb_refs *r, const struct fb_item *item, struct fb_err *err)
{
	struct fb_list_reader list = {0};
	struct fb_entry e;
	int got = fb_list_open(&list, r->store, r->io, &item->ref, err);

	while (got >= 0 && (got = fb_list_next(&list, &e, err)) > 0) {
		struct fb_ref ref = {.id = e.object, .size = e.size, .encrypted = item->ref.encrypted};

		if (e.type == 'f' && e.size && each_of(r, &ref, err) < 0)
			got = -1;
		fb_entry_clear(&e);
	}
	fb_list_close(&list);
	return got < 0 ? -1 : 0;
}

int fb_refs_item(struct fb_refs *r, const struct fb_item *item, struct fb_err *err)
{
	struct fb_err failed = {0};
	int code;

	r->failed = &failed;
	code = each_of(r, &item->ref, err);
	if (code == 0 && item->type == FB_ITEM_TREE)
		code = each_of_tree(r, item, err);
	r->failed = NULL;
	return code < 0 ? fb_err_prefix(err, "item %s", item->name) : 0;
}
