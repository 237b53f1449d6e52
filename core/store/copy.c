/* SPDX-License-Identifier: Apache-2.0 */
/* What pushing, pulling and looking have in common: the form of a location, fetching an object, and a store to look through. */
#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "store/document.h"

char *fb_copy_key(const struct fb_oid *id, char buf[FB_OBJECT_PLACE + 8])
{
	memcpy(buf, "objects/", 8);
	fb_object_place(id, buf + 8);
	return buf;
}

int fb_copy_form(struct fb_location *l, struct fb_text *ret, char ret_id[33], struct fb_err *err)
{
	json_t *o;
	const char *id;
	int r;

	if (fb_location_get(l, "store.json", 65536, ret, err) < 0)
		return -1;
	if (fb_document_parse(ret->n ? ret->p : "", ret->n, FB_STORE_SCHEMA, "store.json", &o, err) < 0)
		return fb_err_prefix(err, "%s", l->text);
	id = json_string_value(json_object_get(o, "id"));
	r = id && strlen(id) == 32 ? 0 : fb_err_set(err, FB_STORE_DAMAGED, "store.json in %s has no id", l->text);
	if (r == 0)
		memcpy(ret_id, id, 33);
	json_decref(o);
	return r;
}

int fb_copy_fetch(void *ctx, const struct fb_oid *id, struct fb_err *err)
{
	const struct fb_copy_source *source = ctx;
	struct fb_err ours = {0};
	struct fb_text data = {0};
	char key[FB_OBJECT_PLACE + 8];
	int r = fb_location_get(source->location, fb_copy_key(id, key), FB_OBJECT_FILE_LIMIT, &data, &ours);

	if (r == 0)
		r = fb_object_write_file(source->store, id, data.n ? data.p : "", data.n, &ours);
	else if (ours.code == FB_STORE_ABSENT) {
		char text[FB_OID_TEXT];

		fb_err_set(&ours, FB_STORE_DAMAGED, "object %s is missing in %s", fb_oid_text(id, text), source->location->text);
	}
	fb_text_clear(&data);
	if (r < 0 && err)
		*err = ours;
	return r;
}

/* ---- a store to look through ---- */

static int bring_manifest(void *ctx, const char *set, struct fb_err *err)
{
	const struct fb_copy_source *source = ctx;
	char *key = fb_asprintf("sets/%s/manifest.json", set), *place = fb_asprintf("%s/manifest.json", set);
	struct fb_err ours = {0};
	struct fb_text text = {0};
	int r = fb_location_get(source->location, key, FB_DOCUMENT_LIMIT, &text, &ours);

	if (r < 0 && ours.code == FB_STORE_ABSENT)
		fb_err_set(&ours, FB_STORE_ABSENT, "%s has no set %s", source->location->text, set);
	if (r == 0 && mkdirat(source->store->sets, set, 0700) < 0)
		r = fb_err_set(&ours, FB_STORE_IO, "cannot make a folder in %s: %s", source->store->path, strerror(errno));
	if (r == 0) {
		int fd = openat(source->store->sets, set, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		r = fd < 0 ? fb_err_set(&ours, FB_STORE_IO, "cannot open %s in %s: %s", place, source->store->path, strerror(errno)) :
			     fb_store_write_file(source->store, fd, "manifest.json", text.n ? text.p : "", text.n, &ours);
		if (fd >= 0)
			close(fd);
	}
	fb_text_clear(&text);
	fb_free(key);
	fb_free(place);
	if (r < 0 && err)
		*err = ours;
	return r;
}

static int open_view(struct fb_store *s, struct fb_location *l, const struct fb_key_source *key, const char *path, const char *set, struct fb_err *err)
{
	struct fb_copy_source *source;
	struct fb_text form = {0};
	char id[33];
	int r = fb_copy_form(l, &form, id, err);

	if (r < 0 && err && err->code == FB_STORE_ABSENT)
		fb_err_set(err, FB_STORE_ABSENT, "there is no copy of a store in %s", l->text);
	if (r == 0)
		r = fb_store_adopt(path, form.p, form.n, err);
	fb_text_clear(&form);
	if (r == 0)
		r = fb_store_open(s, path, key, err);
	if (r < 0)
		return -1;
	source = fb_alloc(sizeof *source);
	*source = (struct fb_copy_source){s, l};
	s->fetch = fb_copy_fetch;
	s->fetch_ctx = source;
	s->passing = true;
	r = set ? bring_manifest(source, set, err) : fb_location_sets(l, bring_manifest, source, err);
	if (r < 0) {
		fb_free(source);
		fb_store_close(s);
	}
	return r;
}

int fb_copy_open(struct fb_store *s, struct fb_location *l, const struct fb_key_source *key, const char *set, struct fb_err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *path = fb_asprintf("%s/failback-store-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	int r = -1;

	if (set && !fb_store_name_valid(set))
		fb_err_set(err, FB_STORE_USAGE, "'%s' cannot be the id of a set", set);
	else if (!mkdtemp(path))
		fb_err_set(err, FB_STORE_IO, "cannot make a folder like %s: %s", path, strerror(errno));
	else if ((r = open_view(s, l, key, path, set, err)) < 0)
		fb_io_remove_tree(path);
	fb_free(path);
	return r;
}

void fb_copy_close(struct fb_store *s)
{
	char *path = fb_strdup(s->path);
	void *source = s->fetch_ctx;

	fb_store_close(s);
	fb_free(source);
	fb_io_remove_tree(path);
	fb_free(path);
}
