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
#include "store/manifest.h"
#include "store/refs.h"

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

static int mark(void *ctx, const struct fb_oid *id, size_t size, bool encrypted, struct fb_err *err)
{
	struct fb_mark *m = ctx;

	(void)size;
	(void)encrypted;
	(void)err;
	if (id->b[0] < m->low || id->b[0] >= m->high)
		return 0;
	if (key_of(id))
		insert(m, key_of(id));
	else
		m->zero = true;
	return 0;
}

bool fb_mark_has(const struct fb_mark *m, const struct fb_oid *id)
{
	uint64_t key = key_of(id);

	return key ? m->room && m->slots[place(m, key)] == key : m->zero;
}

static int mark_item(struct fb_mark *m, const struct fb_item *item, struct fb_err *err)
{
	struct fb_refs refs = {.store = m->store, .io = m->io, .each = mark, .ctx = m};

	return fb_refs_item(&refs, item, err);
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
