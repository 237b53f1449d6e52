/* SPDX-License-Identifier: Apache-2.0 */
#include "store/mark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/document.h"
#include "store/list.h"
#include "store/manifest.h"

#define PASS 1500000 /* objects of one pass: a table of 32 MiB at most */

static int count_folder(struct fb_store *s, unsigned which, size_t *n, struct fb_err *err)
{
	char place[8];
	int fd;
	DIR *d;

	snprintf(place, sizeof place, "%02x", which);
	fd = openat(s->objects, place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return fb_err_set(err, FB_STORE_DAMAGED, "cannot read objects/%s: %s", place, strerror(errno));
	while (readdir(d))
		++*n;
	closedir(d);
	return 0;
}

int fb_mark_begin(struct fb_mark *m, struct fb_store *s, unsigned *ret_step, struct fb_err *err)
{
	size_t n = 0, passes;

	for (unsigned i = 0; i < 256; i++)
		if (count_folder(s, i, &n, err) < 0)
			return -1;
	passes = n / PASS + 1;
	*m = (struct fb_mark){.store = s, .io = fb_object_io_new(s)};
	*ret_step = passes >= 256 ? 1 : (unsigned)(256 / passes);
	return 0;
}

void fb_mark_range(struct fb_mark *m, unsigned low, unsigned high)
{
	m->low = low;
	m->high = high;
	m->n = 0;
	m->zero = false;
	if (m->slots)
		memset(m->slots, 0, m->room * sizeof *m->slots);
}

static uint64_t key_of(const struct fb_oid *id)
{
	uint64_t k;

	memcpy(&k, id->b, sizeof k);
	return k;
}

/* Ids are hashes: their last bytes spread as well as anything. */
static size_t place(const struct fb_mark *m, uint64_t key)
{
	size_t i = (size_t)(key >> 16) & (m->room - 1);

	while (m->slots[i] && m->slots[i] != key)
		i = (i + 1) & (m->room - 1);
	return i;
}

static void insert(struct fb_mark *m, uint64_t key)
{
	size_t i;

	if (m->n * 2 >= m->room) {
		uint64_t *old = m->slots;
		size_t room = m->room;

		m->room = room ? room * 2 : 4096;
		m->slots = fb_alloc(m->room * sizeof *m->slots);
		for (size_t k = 0; k < room; k++)
			if (old[k])
				m->slots[place(m, old[k])] = old[k];
		fb_free(old);
	}
	i = place(m, key);
	m->n += !m->slots[i];
	m->slots[i] = key;
}

static void mark(void *ctx, const struct fb_oid *id)
{
	struct fb_mark *m = ctx;

	if (id->b[0] < m->low || id->b[0] >= m->high)
		return;
	if (key_of(id))
		insert(m, key_of(id));
	else
		m->zero = true;
}

bool fb_mark_has(const struct fb_mark *m, const struct fb_oid *id)
{
	uint64_t key = key_of(id);

	return key ? m->room && m->slots[place(m, key)] == key : m->zero;
}

static int mark_ref(struct fb_mark *m, const struct fb_ref *ref, struct fb_err *err)
{
	struct fb_content_reader r = {.on_list = mark, .ctx = m};
	struct fb_oid id;
	size_t size;
	int got;

	if (ref->size && ref->size <= FB_CHUNK) {
		mark(m, &ref->id);
		return 0;
	}
	got = fb_content_open(&r, m->store, m->io, ref, err);
	while (got >= 0 && (got = fb_content_next(&r, &id, &size, err)) > 0)
		mark(m, &id);
	fb_content_close(&r);
	return got;
}

static int mark_item(struct fb_mark *m, const struct fb_item *item, struct fb_err *err)
{
	struct fb_list_reader list;
	struct fb_entry e;
	int got;

	if (mark_ref(m, &item->ref, err) < 0)
		return fb_err_prefix(err, "item %s", item->name);
	if (item->type != FB_ITEM_TREE)
		return 0;
	if (fb_list_open(&list, m->store, m->io, &item->ref, err) < 0)
		return fb_err_prefix(err, "item %s", item->name);
	while ((got = fb_list_next(&list, &e, err)) > 0) {
		struct fb_ref ref = {.id = e.object, .size = e.size, .encrypted = item->ref.encrypted};
		int r = e.type == 'f' && e.size ? mark_ref(m, &ref, err) : 0;

		fb_entry_clear(&e);
		if (r < 0) {
			got = -1;
			break;
		}
	}
	fb_list_close(&list);
	return got < 0 ? fb_err_prefix(err, "item %s", item->name) : 0;
}

int fb_mark_set(struct fb_mark *m, const char *set, struct fb_err *err)
{
	struct fb_manifest manifest;
	int r = 0;

	if (fb_manifest_read(m->store, set, NULL, &manifest, err) < 0)
		return -1;
	for (size_t i = 0; r == 0 && i < manifest.n; i++)
		r = mark_item(m, &manifest.items[i], err);
	fb_manifest_clear(&manifest);
	return r;
}

static int is_item(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && dot > e->d_name && !strcmp(dot, ".item");
}

int fb_mark_part(struct fb_mark *m, const char *part, struct fb_err *err)
{
	int fd = openat(m->store->sets, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	struct dirent **names;
	int n = fd < 0 ? -1 : scandirat(fd, ".", &names, is_item, NULL);

	if (n < 0)
		r = fb_err_set(err, FB_STORE_IO, "cannot read %s: %s", part, strerror(errno));
	for (int i = 0; i < n; i++) {
		struct fb_item item;
		json_t *o;

		if (r == 0)
			r = fb_document_read(fd, names[i]->d_name, FB_ITEM_SCHEMA, &o, err);
		if (r == 0) {
			r = fb_item_parse(o, &item, err);
			if (r == 0)
				r = mark_item(m, &item, err);
			json_decref(o);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (fd >= 0)
		close(fd);
	return r;
}

void fb_mark_end(struct fb_mark *m)
{
	fb_object_io_free(m->io);
	fb_free(m->slots);
}
