/* SPDX-License-Identifier: Apache-2.0 */
#include "store/content.h"

#include <sodium.h>
#include <string.h>

#include "base/mem.h"

/* Bytes that one id of a level stands for at most */
static uint64_t span(unsigned level)
{
	uint64_t n = FB_CHUNK;

	while (level--)
		n *= FB_FANOUT;
	return n;
}

static unsigned depth_of(uint64_t size)
{
	unsigned level = 0;

	while (size > span(level))
		level++;
	return level;
}

static int push(struct fb_content_writer *w, unsigned level, const struct fb_oid *id, struct fb_err *err);

static int flush(struct fb_content_writer *w, unsigned level, struct fb_err *err)
{
	struct fb_oid id;

	if (fb_object_put(w->io, w->level[level].ids, w->level[level].n * FB_OID_SIZE, level, w->encrypted, &id, &w->cost, err) < 0)
		return -1;
	w->level[level].n = 0;
	return push(w, level + 1, &id, err);
}

static int push(struct fb_content_writer *w, unsigned level, const struct fb_oid *id, struct fb_err *err)
{
	if (level >= FB_LEVELS)
		return fb_err_set(err, FB_STORE_IO, "the content is larger than %llu bytes", (unsigned long long)FB_CONTENT_LIMIT);
	if (!w->level[level].ids)
		w->level[level].ids = fb_alloc((size_t)FB_FANOUT * FB_OID_SIZE);
	if (w->level[level].n == FB_FANOUT && flush(w, level, err) < 0)
		return -1;
	memcpy(w->level[level].ids + w->level[level].n++ * FB_OID_SIZE, id->b, FB_OID_SIZE);
	return 0;
}

int fb_content_add(struct fb_content_writer *w, const struct fb_oid *chunk, size_t size, struct fb_err *err)
{
	if (w->size > FB_CONTENT_LIMIT - size)
		return fb_err_set(err, FB_STORE_IO, "the content is larger than %llu bytes", (unsigned long long)FB_CONTENT_LIMIT);
	w->size += size;
	return push(w, 1, chunk, err);
}

/* What is left on each level becomes one id of the next, until a single id is left. */
int fb_content_end(struct fb_content_writer *w, struct fb_ref *ret, struct fb_err *err)
{
	unsigned top = depth_of(w->size) ? depth_of(w->size) : 1;

	ret->size = w->size;
	ret->encrypted = w->encrypted;
	if (!w->size) {
		fb_object_name(w->store, "", 0, 0, w->encrypted, &ret->id);
		return 0;
	}
	for (unsigned level = 1; level < top; level++)
		if (w->level[level].n && flush(w, level, err) < 0)
			return -1;
	if (w->level[top].n == 1 && depth_of(w->size) == 0) {
		memcpy(ret->id.b, w->level[top].ids, FB_OID_SIZE);
		w->level[top].n = 0;
		return 0;
	}
	if (fb_object_put(w->io, w->level[top].ids, w->level[top].n * FB_OID_SIZE, top, w->encrypted, &ret->id, &w->cost, err) < 0)
		return -1;
	w->level[top].n = 0;
	return 0;
}

void fb_content_clear(struct fb_content_writer *w)
{
	for (unsigned level = 0; level < FB_LEVELS; level++)
		fb_free(w->level[level].ids);
	memset(w->level, 0, sizeof w->level);
}

void fb_content_stream_begin(struct fb_content_stream *s, struct fb_store *store, struct fb_object_io *io, bool encrypted)
{
	*s = (struct fb_content_stream){.writer = {.io = io, .store = store, .encrypted = encrypted}, .buf = fb_alloc(FB_CHUNK)};
}

static int flush_stream(struct fb_content_stream *s, struct fb_err *err)
{
	struct fb_content_writer *w = &s->writer;
	struct fb_oid id;

	if (fb_object_put(w->io, s->buf, s->n, 0, w->encrypted, &id, &w->cost, err) < 0 || fb_content_add(w, &id, s->n, err) < 0)
		return -1;
	s->n = 0;
	return 0;
}

int fb_content_stream_write(struct fb_content_stream *s, const void *data, size_t size, struct fb_err *err)
{
	const uint8_t *p = data;

	while (size) {
		size_t n = FB_CHUNK - s->n < size ? FB_CHUNK - s->n : size;

		if (!n) {
			if (flush_stream(s, err) < 0)
				return -1;
			continue;
		}
		memcpy(s->buf + s->n, p, n);
		s->n += n;
		p += n;
		size -= n;
	}
	return 0;
}

int fb_content_stream_end(struct fb_content_stream *s, struct fb_ref *ret, struct fb_err *err)
{
	if (s->n && flush_stream(s, err) < 0)
		return -1;
	return fb_content_end(&s->writer, ret, err);
}

void fb_content_stream_clear(struct fb_content_stream *s)
{
	fb_content_clear(&s->writer);
	fb_free(s->buf);
	s->buf = NULL;
}

/* Loads the list that id stands for into a level; size: the bytes of content below it. */
static int load(struct fb_content_reader *r, unsigned level, const struct fb_oid *id, uint64_t size, struct fb_err *err)
{
	size_t n = (size_t)((size + span(level - 1) - 1) / span(level - 1));
	const uint8_t *ids;

	if (fb_object_get(r->io, id, level, n * FB_OID_SIZE, r->encrypted, &ids, err) < 0)
		return -1;
	if (!r->level[level].ids)
		r->level[level].ids = fb_alloc((size_t)FB_FANOUT * FB_OID_SIZE);
	memcpy(r->level[level].ids, ids, n * FB_OID_SIZE);
	r->level[level].n = n;
	r->level[level].i = 0;
	if (r->on_list)
		r->on_list(r->ctx, id);
	return 0;
}

int fb_content_open(struct fb_content_reader *r, struct fb_store *store, struct fb_object_io *io, const struct fb_ref *ref, struct fb_err *err)
{
	struct fb_oid empty;

	r->io = io;
	r->encrypted = ref->encrypted;
	r->left = ref->size;
	r->top = -1;
	memset(r->level, 0, sizeof r->level);
	if (ref->encrypted && fb_store_need_key(store, err) < 0)
		return -1;
	if (ref->size > FB_CONTENT_LIMIT)
		return fb_err_set(err, FB_STORE_DAMAGED, "a reference claims %llu bytes, more than there can be", (unsigned long long)ref->size);
	if (!ref->size) {
		fb_object_name(store, "", 0, 0, ref->encrypted, &empty);
		return sodium_memcmp(empty.b, ref->id.b, sizeof empty.b) == 0 ? 0 : fb_err_set(err, FB_STORE_DAMAGED, "a reference to nothing has another id than nothing has");
	}
	r->top = (int)depth_of(ref->size);
	if (r->top > 0)
		return load(r, (unsigned)r->top, &ref->id, ref->size, err);
	r->level[0].ids = fb_alloc(FB_OID_SIZE);
	memcpy(r->level[0].ids, ref->id.b, FB_OID_SIZE);
	r->level[0].n = 1;
	return 0;
}

int fb_content_next(struct fb_content_reader *r, struct fb_oid *ret, size_t *ret_size, struct fb_err *err)
{
	unsigned level = r->top > 0 ? 1 : 0;
	struct fb_oid id;

	if (!r->left)
		return 0;
	while (r->level[level].i == r->level[level].n) /* go up to where there is more: left says that there is */
		level++;
	while (level > 1) {
		uint64_t below = r->left < span(level - 1) ? r->left : span(level - 1);

		memcpy(id.b, r->level[level].ids + r->level[level].i++ * FB_OID_SIZE, FB_OID_SIZE);
		if (load(r, --level, &id, below, err) < 0)
			return -1;
	}
	memcpy(ret->b, r->level[level].ids + r->level[level].i++ * FB_OID_SIZE, FB_OID_SIZE);
	*ret_size = r->left < FB_CHUNK ? (size_t)r->left : FB_CHUNK;
	r->left -= *ret_size;
	return 1;
}

void fb_content_close(struct fb_content_reader *r)
{
	for (unsigned level = 0; level < FB_LEVELS; level++)
		fb_free(r->level[level].ids);
	memset(r->level, 0, sizeof r->level);
	r->left = 0;
}

int fb_content_read(struct fb_store *store, struct fb_object_io *io, const struct fb_ref *ref, int (*out)(void *ctx, const uint8_t *data, size_t size, struct fb_err *err),
		    void *ctx, struct fb_err *err)
{
	struct fb_content_reader r = {0};
	const uint8_t *data;
	struct fb_oid id;
	size_t size;
	int got = fb_content_open(&r, store, io, ref, err);

	while (got >= 0 && (got = fb_content_next(&r, &id, &size, err)) > 0) {
		got = fb_object_get(io, &id, 0, size, ref->encrypted, &data, err);
		if (got == 0)
			got = out(ctx, data, size, err);
	}
	fb_content_close(&r);
	return got;
}
