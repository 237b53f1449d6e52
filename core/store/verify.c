/* SPDX-License-Identifier: Apache-2.0 */
#include "store/verify.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/document.h"
#include "store/hash.h"
#include "store/list.h"
#include "store/manifest.h"
#include "store/pool.h"

#define SLOTS 256
#define NAMED 100 /* problems that are told of one item; the others are counted */
#define PROGRESS_MS 200
#define REMOTE 8 /* threads that wait for another machine */

struct job {
	struct fb_oid id;
	size_t size;
	bool encrypted;
	char *path; /* of the file that it is of */
	struct fb_err *err;
};

struct verify {
	struct fb_store *store;
	const struct fb_item *item;
	struct fb_object_io *io;
	struct fb_pool *pool;
	json_t *problems;
	uint64_t problems_n, objects, bytes;
	int64_t said_ms;
	void (*progress)(void *ctx, uint64_t bytes, uint64_t total, const char *text);
	void *ctx;
};

static void problem(struct verify *v, const char *path, const char *text)
{
	if (++v->problems_n <= NAMED)
		json_array_append_new(v->problems, path ? json_pack("{s:o, s:o}", "path", fb_document_string(path), "text", fb_document_string(text)) :
							  json_pack("{s:o}", "text", fb_document_string(text)));
}

static void count(struct verify *v, size_t size)
{
	v->objects++;
	v->bytes += size;
	if (v->progress && fb_clock_ms() - v->said_ms >= PROGRESS_MS) {
		v->said_ms = fb_clock_ms();
		v->progress(v->ctx, v->bytes, v->item->size, v->item->name);
	}
}

static void work(void *job, struct fb_object_io *io)
{
	struct job *j = job;
	struct fb_err err = {0};
	const uint8_t *data;

	if (fb_object_get(io, &j->id, 0, j->size, j->encrypted, &data, &err) == 0)
		return;
	j->err = fb_alloc(sizeof *j->err);
	*j->err = err;
}

static int take(void *ctx, void *job, struct fb_err *err)
{
	struct verify *v = ctx;
	struct job *j = job;

	if (err && j->err)
		problem(v, j->path, j->err->text);
	if (err)
		count(v, j->size);
	fb_free(j->err);
	fb_free(j->path);
	memset(j, 0, sizeof *j);
	return 0;
}

/* Gives all chunks of a file to the threads. -1: something could not be done; what is damaged is a problem, and 0. */
static int give_file(struct verify *v, const struct fb_entry *e, struct fb_err *err)
{
	struct fb_ref ref = {.id = e->object, .size = e->size, .encrypted = v->item->ref.encrypted};
	struct fb_content_reader r = {0};
	struct fb_err ours = {0};
	struct fb_oid id;
	size_t size;
	int got = fb_content_open(&r, v->store, v->io, &ref, &ours);

	while (got >= 0 && (got = fb_content_next(&r, &id, &size, &ours)) > 0) {
		struct job *j = fb_pool_slot(v->pool, err);

		if (!j) {
			fb_content_close(&r);
			return -1;
		}
		*j = (struct job){.id = id, .size = size, .encrypted = ref.encrypted, .path = fb_strdup(e->path)};
		fb_pool_submit(v->pool);
	}
	fb_content_close(&r);
	if (got < 0)
		problem(v, e->path, ours.text);
	return 0;
}

static void compare(struct verify *v, const char *field, uint64_t is)
{
	const json_t *said = json_object_get(v->item->json, field);
	char text[160];

	if (json_is_integer(said) && (uint64_t)json_integer_value(said) == is)
		return;
	snprintf(text, sizeof text, "the manifest says %s %lld, and there are %llu", field, (long long)json_integer_value(said), (unsigned long long)is);
	problem(v, NULL, text);
}

static int verify_tree(struct verify *v, struct fb_err *err)
{
	uint64_t files = 0, folders = 0, links = 0, others = 0, bytes = 0;
	struct fb_list_reader list = {0};
	struct fb_err ours = {0};
	struct fb_list_hash whole;
	struct fb_oid hash;
	struct fb_entry e;
	int got = fb_list_open(&list, v->store, v->io, &v->item->ref, &ours), r = 0;

	fb_list_hash_begin(&whole, v->store, v->item->ref.encrypted);
	while (r == 0 && got >= 0 && (got = fb_list_next(&list, &e, &ours)) > 0) {
		files += e.type == 'f';
		folders += e.type == 'd';
		links += e.type == 'l';
		others += e.type == 'p';
		bytes += e.hard ? 0 : e.size;
		fb_list_hash_add(&whole, &e);
		if (e.type == 'f')
			r = give_file(v, &e, err);
		fb_entry_clear(&e);
	}
	fb_list_close(&list);
	fb_list_hash_end(&whole, &hash);
	if (fb_pool_drain(v->pool, r == 0 ? err : NULL) < 0)
		r = -1;
	if (got < 0) {
		problem(v, NULL, ours.text);
		return r;
	}
	compare(v, "files", files);
	compare(v, "folders", folders);
	compare(v, "links", links);
	compare(v, "others", others);
	compare(v, "size", bytes);
	if (sodium_memcmp(hash.b, v->item->hash.b, sizeof hash.b) != 0)
		problem(v, NULL, "the hash of the whole tree is not the one in the manifest");
	return r;
}

struct whole {
	struct verify *v;
	struct fb_hash state;
};

static int hash_chunk(void *ctx, const uint8_t *data, size_t size, struct fb_err *err)
{
	struct whole *w = ctx;

	(void)err;
	fb_hash_add(&w->state, data, size);
	count(w->v, size);
	return 0;
}

static void verify_content(struct verify *v)
{
	const struct fb_item *item = v->item;
	struct whole w = {.v = v};
	struct fb_err ours = {0};
	struct fb_oid hash;

	fb_hash_begin(&w.state, v->store, item->ref.encrypted);
	if (fb_content_read(v->store, v->io, &item->ref, hash_chunk, &w, &ours) < 0) {
		problem(v, NULL, ours.text);
		return;
	}
	fb_hash_end(&w.state, &hash);
	if (sodium_memcmp(hash.b, item->hash.b, sizeof hash.b) != 0)
		problem(v, NULL, "the hash of the whole is not the one in the manifest");
}

static int verify_item(struct verify *v, const struct fb_item *item, json_t *items, struct fb_err *err)
{
	int64_t started = fb_clock_us();
	json_t *o;
	int r = 0;

	v->item = item;
	v->problems = json_array();
	v->problems_n = v->objects = v->bytes = 0;
	if (item->ref.encrypted && fb_store_need_key(v->store, err) < 0) {
		json_decref(v->problems);
		return -1;
	}
	if (item->type == FB_ITEM_TREE)
		r = verify_tree(v, err);
	else
		verify_content(v);
	o = json_pack("{s:s, s:b, s:I, s:I, s:I, s:f, s:o}", "name", item->name, "good", v->problems_n == 0, "problems_found", (json_int_t)v->problems_n, "objects",
		      (json_int_t)v->objects, "bytes", (json_int_t)v->bytes, "seconds", (double)(fb_clock_us() - started) / 1e6, "problems", v->problems);
	json_array_append_new(items, o);
	return r < 0 ? -1 : v->problems_n > 0;
}

static int verify_items(struct verify *v, const struct fb_manifest *m, const char *item, json_t *items, struct fb_err *err)
{
	const struct fb_item *one = NULL;
	int r, bad = 0;

	if (item) {
		one = fb_manifest_item(m, item, err);
		return one ? verify_item(v, one, items, err) : -1;
	}
	for (size_t i = 0; i < m->n; i++) {
		r = verify_item(v, &m->items[i], items, err);
		if (r < 0)
			return -1;
		bad |= r;
	}
	return bad;
}

int fb_verify_manifest(struct fb_store *s, const struct fb_manifest *m, const char *set, const char *item, void (*progress)(void *ctx, uint64_t bytes, uint64_t total, const char *text), void *ctx,
		       json_t **ret, struct fb_err *err)
{
	struct verify v = {.store = s, .progress = progress, .ctx = ctx};
	struct fb_pool_form form = {.slots = SLOTS, .job_size = sizeof(struct job), .work = work, .take = take, .ctx = &v, .store = s, .threads = s->fetch ? REMOTE : 0};
	int64_t started = fb_clock_us();
	json_t *items;
	int r;

	v.io = fb_object_io_new(s);
	v.pool = fb_pool_new(&form);
	items = json_array();
	r = verify_items(&v, m, item, items, err);
	fb_pool_free(v.pool, NULL);
	fb_object_io_free(v.io);
	if (r >= 0)
		*ret = json_pack("{s:s, s:s, s:s, s:b, s:f, s:O}", "schema", "failback.backup-verify/1", "set", set, "digest", m->digest, "good", r == 0, "seconds",
				 (double)(fb_clock_us() - started) / 1e6, "items", items);
	json_decref(items);
	return r;
}

int fb_verify(struct fb_store *s, const char *set, const char *item, const char *digest, void (*progress)(void *ctx, uint64_t bytes, uint64_t total, const char *text),
	      void *ctx, json_t **ret, struct fb_err *err)
{
	struct fb_manifest m;
	int r;

	if (fb_store_lock(s, false, err) < 0 || fb_manifest_read(s, set, digest, &m, err) < 0)
		return -1;
	r = fb_verify_manifest(s, &m, set, item, progress, ctx, ret, err);
	fb_manifest_clear(&m);
	return r;
}
