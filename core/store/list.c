/* SPDX-License-Identifier: Apache-2.0 */
#include "store/list.h"

#include <stdlib.h>
#include <string.h>

#define HEAD "FBLIST\1"
#define HEAD_SIZE 8
#define SPARSE 1
#define HARD 2
#define FIXED 116 /* bytes of a record before its texts */

void fb_entry_clear(struct fb_entry *e)
{
	fb_free(e->path);
	fb_free(e->link);
	fb_free(e->xattrs);
	e->path = e->link = e->xattrs = NULL;
}

int fb_list_compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	/* the end comes before a slash, a slash before any other byte */
	return (*a == '/' ? 1 : *a ? 1 + (int)(unsigned char)*a : 0) - (*b == '/' ? 1 : *b ? 1 + (int)(unsigned char)*b : 0);
}

static void put(struct fb_text *t, uint64_t v, int bytes)
{
	char b[8];

	for (int i = 0; i < bytes; i++)
		b[i] = (char)(v >> (8 * i));
	fb_text_add(t, b, (size_t)bytes);
}

static uint64_t get(const uint8_t **p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)(*p)[i] << (8 * i);
	*p += bytes;
	return v;
}

void fb_entry_encode(const struct fb_entry *e, struct fb_text *out)
{
	const char *link = e->link ? e->link : "";
	size_t path_size = strlen(e->path), link_size = strlen(link);

	put(out, (unsigned char)e->type, 1);
	put(out, (e->sparse ? SPARSE : 0) | (e->hard ? HARD : 0), 1);
	put(out, e->mode, 2);
	put(out, e->uid, 4);
	put(out, e->gid, 4);
	put(out, (uint64_t)e->mtime, 8);
	put(out, e->mtime_ns, 4);
	put(out, (uint64_t)e->ctime, 8);
	put(out, e->ctime_ns, 4);
	put(out, e->dev, 8);
	put(out, e->ino, 8);
	put(out, e->size, 8);
	put(out, e->stored, 8);
	fb_text_add(out, (const char *)e->object.b, sizeof e->object.b);
	put(out, path_size, 4);
	put(out, link_size, 4);
	put(out, e->xattrs_size, 4);
	put(out, 0, 4);
	fb_text_add(out, e->path, path_size);
	fb_text_add(out, link, link_size);
	if (e->xattrs_size)
		fb_text_add(out, e->xattrs, e->xattrs_size);
}

static char *text_of(const uint8_t **p, size_t size)
{
	char *s = fb_alloc(size + 1);

	memcpy(s, *p, size);
	*p += size;
	return s;
}

/* Relative, and no part that is empty, "." or ".."; "" is the root itself. */
static bool path_stays_below(const char *path)
{
	if (!*path)
		return true;
	for (const char *s = path;;) {
		size_t n = strcspn(s, "/");

		if (n == 0 || n > 255 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
		s += n;
		if (!*s)
			return true;
		s++;
	}
}

bool fb_list_root_plain(const char *path)
{
	return path[0] == '/' && (!path[1] || path_stays_below(path + 1));
}

bool fb_entry_xattr(const struct fb_entry *e, size_t *at, const char **name, const void **value, size_t *size)
{
	const char *p, *end;
	const uint8_t *n;

	if (*at >= e->xattrs_size)
		return false;
	p = e->xattrs + *at;
	end = memchr(p, 0, e->xattrs_size - *at);
	if (!end || end == p || (size_t)(e->xattrs + e->xattrs_size - end) < 5)
		return false;
	n = (const uint8_t *)end + 1;
	*size = (size_t)get(&n, 4);
	if (*size > (size_t)(e->xattrs + e->xattrs_size - (const char *)n))
		return false;
	*name = p;
	*value = n;
	*at = (size_t)((const char *)n - e->xattrs) + *size;
	return true;
}

static const char *wrong_with(const struct fb_entry *e, size_t path_size, size_t link_size)
{
	const char *name;
	const void *value;
	size_t at = 0, size;

	if (!e->type || !strchr("Rdflp", e->type))
		return "a type that is not known (devices are never restored)";
	if (strlen(e->path) != path_size || (e->link && strlen(e->link) != link_size))
		return "a NUL in a name";
	if (e->type == 'R' ? !fb_list_root_plain(e->path) : !path_stays_below(e->path))
		return "a path that leaves its tree";
	if (e->mode > 07777 || e->mtime_ns > 999999999 || e->ctime_ns > 999999999)
		return "a mode or a time that cannot be";
	if (e->type != 'f' && (e->size || e->hard || e->sparse))
		return "content where there is none";
	if (e->type == 'l' ? !link_size : e->hard ? !link_size || !path_stays_below(e->link) : link_size != 0)
		return "a link that cannot be";
	while (fb_entry_xattr(e, &at, &name, &value, &size))
		;
	return at == e->xattrs_size ? NULL : "attributes that cannot be read";
}

int fb_entry_decode(const uint8_t *data, size_t size, struct fb_entry *ret, struct fb_err *err)
{
	struct fb_entry e = {0};
	const uint8_t *p = data;
	size_t path_size, link_size;
	const char *wrong;
	unsigned flags;

	if (size < FIXED)
		return fb_err_set(err, FB_STORE_DAMAGED, "a record of a list is cut short");
	e.type = (char)get(&p, 1);
	flags = (unsigned)get(&p, 1);
	e.sparse = flags & SPARSE;
	e.hard = flags & HARD;
	e.mode = (uint32_t)get(&p, 2);
	e.uid = (uint32_t)get(&p, 4);
	e.gid = (uint32_t)get(&p, 4);
	e.mtime = (int64_t)get(&p, 8);
	e.mtime_ns = (uint32_t)get(&p, 4);
	e.ctime = (int64_t)get(&p, 8);
	e.ctime_ns = (uint32_t)get(&p, 4);
	e.dev = get(&p, 8);
	e.ino = get(&p, 8);
	e.size = get(&p, 8);
	e.stored = get(&p, 8);
	memcpy(e.object.b, p, sizeof e.object.b);
	p += sizeof e.object.b;
	path_size = (size_t)get(&p, 4);
	link_size = (size_t)get(&p, 4);
	e.xattrs_size = (size_t)get(&p, 4);
	if (get(&p, 4) || (flags & ~(unsigned)(SPARSE | HARD)) || path_size > size - FIXED || link_size > size - FIXED - path_size ||
	    e.xattrs_size != size - FIXED - path_size - link_size)
		return fb_err_set(err, FB_STORE_DAMAGED, "a record of a list has parts that do not fit into it");
	e.path = text_of(&p, path_size);
	e.link = text_of(&p, link_size);
	e.xattrs = text_of(&p, e.xattrs_size);
	wrong = wrong_with(&e, path_size, link_size);
	if (wrong) {
		fb_entry_clear(&e);
		return fb_err_set(err, FB_STORE_DAMAGED, "a record of a list has %s", wrong);
	}
	*ret = e;
	return 0;
}

int fb_list_begin(struct fb_list_writer *w, struct fb_store *store, struct fb_object_io *io, bool encrypted, struct fb_err *err)
{
	w->record = (struct fb_text){0};
	fb_content_stream_begin(&w->stream, store, io, encrypted);
	return fb_content_stream_write(&w->stream, HEAD, HEAD_SIZE, err);
}

int fb_list_add(struct fb_list_writer *w, const struct fb_entry *e, struct fb_err *err)
{
	uint8_t size[4];

	w->record.n = 0;
	fb_entry_encode(e, &w->record);
	if (w->record.n > FB_RECORD_LIMIT)
		return fb_err_set(err, FB_STORE_IO, "a path is too long to be kept: %.200s...", e->path);
	for (int i = 0; i < 4; i++)
		size[i] = (uint8_t)(w->record.n >> (8 * i));
	if (fb_content_stream_write(&w->stream, size, sizeof size, err) < 0)
		return -1;
	return fb_content_stream_write(&w->stream, w->record.p, w->record.n, err);
}

int fb_list_end(struct fb_list_writer *w, struct fb_ref *ret, struct fb_err *err)
{
	return fb_content_stream_end(&w->stream, ret, err);
}

void fb_list_clear(struct fb_list_writer *w)
{
	fb_content_stream_clear(&w->stream);
	fb_text_clear(&w->record);
}

/* Makes at least want bytes available at buf + at; 1, 0 when the content has ended before, -1. */
static int fill(struct fb_list_reader *r, size_t want, struct fb_err *err)
{
	const uint8_t *data;
	struct fb_oid id;
	size_t size;
	int got;

	while (r->n - r->at < want) {
		got = fb_content_next(&r->content, &id, &size, err);
		if (got <= 0)
			return got;
		if (fb_object_get(r->io, &id, 0, size, r->content.encrypted, &data, err) < 0)
			return -1;
		memmove(r->buf, r->buf + r->at, r->n - r->at);
		r->n -= r->at;
		r->at = 0;
		if (r->n + size > r->room) {
			r->room = r->n + size;
			r->buf = fb_realloc(r->buf, r->room);
		}
		memcpy(r->buf + r->n, data, size);
		r->n += size;
	}
	return 1;
}

int fb_list_open(struct fb_list_reader *r, struct fb_store *store, struct fb_object_io *io, const struct fb_ref *ref, struct fb_err *err)
{
	int got;

	*r = (struct fb_list_reader){.io = io};
	if (fb_content_open(&r->content, store, io, ref, err) < 0)
		return -1;
	r->buf = fb_alloc(1);
	got = fill(r, HEAD_SIZE, err);
	if (got > 0 && memcmp(r->buf, HEAD, HEAD_SIZE) == 0) {
		r->at = HEAD_SIZE;
		return 0;
	}
	fb_list_close(r);
	return got < 0 ? -1 : fb_err_set(err, FB_STORE_DAMAGED, "the list of files does not begin as one");
}

static int in_order(struct fb_list_reader *r, const struct fb_entry *e, struct fb_err *err)
{
	size_t size;

	if (e->type == 'R') {
		r->in_root = true;
		fb_free(r->last);
		r->last = NULL;
		return 0;
	}
	if (!r->in_root || (r->last ? fb_list_compare(r->last, e->path) >= 0 : *e->path != 0))
		return fb_err_set(err, FB_STORE_DAMAGED, "the list of files is not in order at %.200s", e->path);
	size = strlen(e->path) + 1;
	if (size > r->last_room || !r->last) {
		r->last_room = size + 256;
		r->last = fb_realloc(r->last, r->last_room);
	}
	memcpy(r->last, e->path, size);
	return 0;
}

int fb_list_next(struct fb_list_reader *r, struct fb_entry *ret, struct fb_err *err)
{
	const uint8_t *p;
	size_t size;
	int got = fill(r, 4, err);

	if (got <= 0)
		return got < 0 ? -1 : r->n == r->at ? 0 : fb_err_set(err, FB_STORE_DAMAGED, "the list of files is cut short");
	p = r->buf + r->at;
	size = (size_t)get(&p, 4);
	if (size > FB_RECORD_LIMIT)
		return fb_err_set(err, FB_STORE_DAMAGED, "a record of a list is too large");
	got = fill(r, 4 + size, err);
	if (got <= 0)
		return got < 0 ? -1 : fb_err_set(err, FB_STORE_DAMAGED, "the list of files is cut short");
	if (fb_entry_decode(r->buf + r->at + 4, size, ret, err) < 0)
		return -1;
	r->at += 4 + size;
	if (in_order(r, ret, err) < 0) {
		fb_entry_clear(ret);
		return -1;
	}
	return 1;
}

void fb_list_close(struct fb_list_reader *r)
{
	fb_content_close(&r->content);
	fb_free(r->buf);
	fb_free(r->last);
	r->buf = NULL;
	r->last = NULL;
}

void fb_list_hash_begin(struct fb_list_hash *h, const struct fb_store *store, bool encrypted)
{
	h->record = (struct fb_text){0};
	fb_hash_begin(&h->state, store, encrypted);
}

void fb_list_hash_add(struct fb_list_hash *h, const struct fb_entry *e)
{
	struct fb_entry plain = *e;
	uint8_t size[4];

	plain.dev = plain.ino = plain.stored = 0;
	plain.ctime = 0;
	plain.ctime_ns = 0;
	plain.sparse = false;
	h->record.n = 0;
	fb_entry_encode(&plain, &h->record);
	for (int i = 0; i < 4; i++)
		size[i] = (uint8_t)(h->record.n >> (8 * i));
	fb_hash_add(&h->state, size, sizeof size);
	fb_hash_add(&h->state, h->record.p, h->record.n);
}

void fb_list_hash_end(struct fb_list_hash *h, struct fb_oid *ret)
{
	if (ret)
		fb_hash_end(&h->state, ret);
	fb_text_clear(&h->record);
}
