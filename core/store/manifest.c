/* SPDX-License-Identifier: Apache-2.0 */
#include "store/manifest.h"

#include <sodium.h>
#include <string.h>

#include "base/mem.h"
#include "store/document.h"
#include "store/list.h"

static const char *const types[] = {[FB_ITEM_TREE] = "tree", [FB_ITEM_FILE] = "file", [FB_ITEM_STREAM] = "stream"};

static const char *text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static int number(const json_t *o, const char *name, uint64_t limit, uint64_t *ret)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > limit)
		return -1;
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

static int file_fields(const json_t *o, struct fb_item *ret)
{
	uint64_t mode, uid, gid, ns;
	const json_t *mtime = json_object_get(o, "mtime");
	const char *path = text(o, "path");

	if (number(o, "mode", 07777, &mode) < 0 || number(o, "uid", UINT32_MAX, &uid) < 0 || number(o, "gid", UINT32_MAX, &gid) < 0 || !json_is_integer(mtime) ||
	    number(o, "mtime_ns", 999999999, &ns) < 0 || (path && (!fb_list_root_plain(path) || !path[1])))
		return -1;
	ret->mode = (uint32_t)mode;
	ret->uid = (uint32_t)uid;
	ret->gid = (uint32_t)gid;
	ret->mtime = json_integer_value(mtime);
	ret->mtime_ns = (uint32_t)ns;
	return 0;
}

int fb_item_parse(const json_t *json, struct fb_item *ret, struct fb_err *err)
{
	struct fb_item item = {.name = text(json, "name"), .kind = text(json, "kind"), .source = text(json, "source"), .json = json};
	const char *type = text(json, "type");
	uint64_t start, start_ns;
	size_t i;

	if (!item.name || !fb_store_name_valid(item.name))
		return fb_err_set(err, FB_STORE_DAMAGED, "an item has no name that can be used");
	for (i = 0; i < sizeof types / sizeof *types && !fb_streq(type, types[i]); i++)
		;
	if (i == sizeof types / sizeof *types)
		return fb_err_set(err, FB_STORE_DAMAGED, "item %s has a type that is not known", item.name);
	item.type = (enum fb_item_type)i;
	item.ref.encrypted = json_is_true(json_object_get(json, "encrypted"));
	if (!item.kind || !item.source || fb_oid_parse(text(json, "object"), &item.ref.id) < 0 || fb_oid_parse(text(json, "hash"), &item.hash) < 0 ||
	    number(json, "start", INT64_MAX, &start) < 0 || number(json, "start_ns", 999999999, &start_ns) < 0 || number(json, "size", INT64_MAX, &item.size) < 0 || !json_is_boolean(json_object_get(json, "encrypted")) ||
	    (item.type == FB_ITEM_TREE ? number(json, "list_size", FB_CONTENT_LIMIT, &item.ref.size) < 0 : item.size > FB_CONTENT_LIMIT))
		return fb_err_set(err, FB_STORE_DAMAGED, "item %s lacks a field, or has one that cannot be", item.name);
	item.start = (struct timespec){.tv_sec = (time_t)start, .tv_nsec = (long)start_ns};
	if (item.type != FB_ITEM_TREE)
		item.ref.size = item.size;
	if (item.type == FB_ITEM_FILE && file_fields(json, &item) < 0)
		return fb_err_set(err, FB_STORE_DAMAGED, "item %s lacks what a file has, or has what cannot be", item.name);
	*ret = item;
	return 0;
}

static int read_items(struct fb_manifest *m, struct fb_err *err)
{
	const json_t *items = json_object_get(m->json, "items");

	if (!json_is_array(items))
		return fb_err_set(err, FB_STORE_DAMAGED, "the manifest has no items");
	m->items = fb_alloc((json_array_size(items) + 1) * sizeof *m->items);
	for (m->n = 0; m->n < json_array_size(items); m->n++) {
		if (fb_item_parse(json_array_get(items, m->n), &m->items[m->n], err) < 0)
			return -1;
		for (size_t i = 0; i < m->n; i++)
			if (!strcmp(m->items[i].name, m->items[m->n].name))
				return fb_err_set(err, FB_STORE_DAMAGED, "the manifest has the item %s twice", m->items[i].name);
	}
	return 0;
}

int fb_manifest_parse(const char *data, size_t size, const char *store, const char *set, struct fb_manifest *ret, struct fb_err *err)
{
	struct fb_manifest m = {0};
	struct fb_oid digest;
	const char *in, *is;

	crypto_generichash(digest.b, sizeof digest.b, (const unsigned char *)data, size, NULL, 0);
	fb_oid_text(&digest, m.digest);
	if (fb_document_parse(data, size, FB_MANIFEST_SCHEMA, "the manifest", &m.json, err) < 0)
		return -1;
	in = text(m.json, "store");
	is = text(m.json, "set");
	if (!in || !is || !text(m.json, "created") || !json_is_object(json_object_get(m.json, "meta")))
		fb_err_set(err, FB_STORE_DAMAGED, "the manifest lacks store, set, created or meta");
	else if (store && strcmp(store, in) != 0)
		fb_err_set(err, FB_STORE_DAMAGED, "the manifest is of another store (%.40s): it was put here", in);
	else if (set && strcmp(set, is) != 0)
		fb_err_set(err, FB_STORE_DAMAGED, "the manifest is that of the set %.130s: it was put here", is);
	else if (read_items(&m, err) == 0) {
		*ret = m;
		return 0;
	}
	fb_manifest_clear(&m);
	return -1;
}

int fb_manifest_read(struct fb_store *s, const char *set, const char *digest, struct fb_manifest *ret, struct fb_err *err)
{
	struct fb_err ours = {0};
	struct fb_oid form;
	char *place, *data;
	size_t size;
	int r;

	if (!fb_store_name_valid(set))
		return fb_err_set(err, FB_STORE_USAGE, "'%s' cannot be the id of a set", set);
	if (digest && fb_oid_parse(digest, &form) < 0)
		return fb_err_set(err, FB_STORE_USAGE, "--digest takes the 64 digits that seal has answered, not '%.100s'", digest);
	place = fb_asprintf("%s/manifest.json", set);
	r = fb_store_read_file(s->sets, place, FB_DOCUMENT_LIMIT, &data, &size, &ours);
	fb_free(place);
	if (r < 0 && ours.code == FB_STORE_ABSENT)
		return fb_err_set(err, FB_STORE_ABSENT, "the store %s has no sealed set %s", s->path, set);
	if (r == 0) {
		r = fb_manifest_parse(data, size, s->id, set, ret, &ours);
		fb_free(data);
	}
	if (r < 0) {
		if (err)
			*err = ours;
		return fb_err_prefix(err, "set %s", set);
	}
	if (digest && strcmp(digest, ret->digest) != 0) {
		fb_err_set(err, FB_STORE_DAMAGED, "set %s: the manifest has the digest %s, and %s was recorded when it was sealed: it was changed since", set, ret->digest, digest);
		fb_manifest_clear(ret);
		return -1;
	}
	return 0;
}

void fb_manifest_clear(struct fb_manifest *m)
{
	json_decref(m->json);
	fb_free(m->items);
	*m = (struct fb_manifest){0};
}

const struct fb_item *fb_manifest_item(const struct fb_manifest *m, const char *name, struct fb_err *err)
{
	struct fb_text names = {0};
	char *list;

	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->items[i].name, name))
			return &m->items[i];
	for (size_t i = 0; i < m->n; i++)
		fb_text_printf(&names, "%s%s", i ? ", " : "", m->items[i].name);
	list = fb_text_take(&names);
	fb_err_set(err, FB_STORE_ABSENT, "the set %s has no item %s; it has %.500s", text(m->json, "set"), name, *list ? list : "none");
	fb_free(list);
	return NULL;
}
