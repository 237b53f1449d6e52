/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/proc.h"
#include "store/copy.h"
#include "store/document.h"
#include "store/pool.h"
#include "store/refs.h"
#include "store/set.h"
#include "store/verify.h"

#define SLOTS 64
#define THREADS 8
#define PROGRESS_MS 200

struct job {
	struct fb_oid id;
	size_t size;
	bool encrypted;
	struct fb_err *err;
};

struct pull {
	struct fb_store *store;
	const struct fb_copy *copy;
	struct fb_object_io *io;
	struct fb_pool *pool;
	struct fb_copy_source source;
	uint64_t bytes, total;
	uint64_t fetched, fetched_bytes; /* atomic */
	int64_t said_ms;
	const char *set;
	json_t *sets;
};

/* Counts what came. */
static int fetch(void *ctx, const struct fb_oid *id, struct fb_err *err)
{
	struct pull *p = ctx;
	int64_t n;

	if (fb_copy_fetch(&p->source, id, err) < 0)
		return -1;
	n = fb_object_stored(p->store, id);
	__atomic_add_fetch(&p->fetched, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&p->fetched_bytes, n > 0 ? (uint64_t)n : 0, __ATOMIC_RELAXED);
	return 0;
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
	struct pull *p = ctx;
	struct job *j = job;
	int r = 0;

	if (j->err && err) {
		*err = *j->err;
		r = -1;
	}
	p->bytes += j->size;
	if (err && p->copy->progress && fb_clock_ms() - p->said_ms >= PROGRESS_MS) {
		p->said_ms = fb_clock_ms();
		p->copy->progress(p->copy->ctx, p->bytes < p->total ? p->bytes : p->total, p->total, p->set);
	}
	fb_free(j->err);
	memset(j, 0, sizeof *j);
	return r;
}

static int bring(void *ctx, const struct fb_oid *id, size_t size, bool encrypted, struct fb_err *err)
{
	struct pull *p = ctx;
	struct job *j;

	if (!size)
		return 0; /* a list: it was read, so it is here */
	j = fb_pool_slot(p->pool, err);
	if (!j)
		return -1;
	*j = (struct job){.id = *id, .size = size, .encrypted = encrypted};
	fb_pool_submit(p->pool);
	return 0;
}

static int bring_objects(struct pull *p, const struct fb_manifest *m, struct fb_err *err)
{
	struct fb_refs refs = {.store = p->store, .io = p->io, .each = bring, .ctx = p};
	struct fb_pool_form form = {.slots = SLOTS, .job_size = sizeof(struct job), .work = work, .take = take, .ctx = p, .store = p->store, .threads = THREADS};
	int r = 0;

	p->pool = fb_pool_new(&form);
	for (size_t i = 0; r == 0 && i < m->n; i++)
		r = fb_refs_item(&refs, &m->items[i], err);
	if (fb_pool_drain(p->pool, r == 0 ? err : NULL) < 0)
		r = -1;
	fb_pool_free(p->pool, NULL);
	return r;
}

/* All of it once more, as a whole: sizes, counts and hashes are what the manifest says. */
static int prove(struct pull *p, const struct fb_manifest *m, const char *set, struct fb_err *err)
{
	json_t *answer = NULL;
	int r = fb_verify_manifest(p->store, m, set, NULL, NULL, NULL, &answer, err);

	if (r > 0) {
		const json_t *item = NULL, *problem;
		size_t i = 0;

		while ((item = json_array_get(json_object_get(answer, "items"), i)) && !json_is_false(json_object_get(item, "good")))
			i++;
		problem = json_array_get(json_object_get(item, "problems"), 0);
		r = fb_err_set(err, FB_STORE_DAMAGED, "item %s: %s", json_string_value(json_object_get(item, "name")), json_string_value(json_object_get(problem, "text")));
	}
	json_decref(answer);
	return r;
}

static int install(struct pull *p, const struct fb_manifest *m, const char *set, const struct fb_text *text, bool here, struct fb_err *err)
{
	struct fb_proc owner = {0};
	int part = -1, r;

	if (!here && (fb_proc_look(getpid(), &owner) < 0 || fb_set_open_part(p->store, set, &owner, &part, err) < 0))
		return owner.pid ? -1 : fb_err_set(err, FB_STORE_BUG, "this process is not in /proc");
	r = bring_objects(p, m, err);
	if (r == 0)
		r = prove(p, m, set, err);
	if (r == 0 && !here)
		r = fb_set_install(p->store, part, set, text->p, text->n, err);
	if (r == 0 && here && syncfs(p->store->dir) < 0)
		r = fb_err_set(err, FB_STORE_IO, "cannot sync %s: %s", p->store->path, strerror(errno));
	if (part >= 0)
		close(part);
	return r;
}

static int get_manifest(struct pull *p, const char *set, struct fb_text *text, struct fb_manifest *m, struct fb_err *err)
{
	struct fb_location *l = p->copy->location;
	char *key = fb_asprintf("sets/%s/manifest.json", set);
	int r = fb_location_get(l, key, FB_DOCUMENT_LIMIT, text, err);

	fb_free(key);
	if (r < 0)
		return err->code == FB_STORE_ABSENT ? fb_err_set(err, FB_STORE_ABSENT, "%s has no set %s", l->text, set) : -1;
	if (fb_manifest_parse(text->n ? text->p : "", text->n, p->store->id, set, m, err) < 0)
		return fb_err_prefix(err, "%s, set %s", l->text, set);
	if (p->copy->digest && strcmp(p->copy->digest, m->digest) != 0) {
		fb_manifest_clear(m);
		return fb_err_set(err, FB_STORE_DAMAGED, "the manifest of set %s in %s is not the one that was recorded: it was changed there, do not use it", set, l->text);
	}
	return 0;
}

static int pull_set(void *ctx, const char *set, struct fb_err *err)
{
	struct pull *p = ctx;
	uint64_t fetched = p->fetched, bytes = p->fetched_bytes;
	struct fb_text text = {0};
	struct fb_manifest m, ours;
	bool here;
	int r;

	if (!fb_store_name_valid(set))
		return fb_err_set(err, FB_STORE_USAGE, "'%s' cannot be the id of a set", set);
	if (get_manifest(p, set, &text, &m, err) < 0) {
		fb_text_clear(&text);
		return -1;
	}
	p->set = set;
	p->bytes = p->total = 0;
	for (size_t i = 0; i < m.n; i++)
		p->total += m.items[i].size;
	here = faccessat(p->store->sets, set, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	r = 0;
	if (here && (r = fb_manifest_read(p->store, set, NULL, &ours, err)) == 0) {
		if (strcmp(ours.digest, m.digest) != 0)
			r = fb_err_set(err, FB_STORE_EXISTS, "the store %s has another set of the id %s", p->store->path, set);
		fb_manifest_clear(&ours);
	}
	if (r == 0)
		r = install(p, &m, set, &text, here, err);
	if (r == 0)
		json_array_append_new(p->sets, json_pack("{s:s, s:s, s:s, s:I, s:I}", "set", set, "state", here ? "here" : "fetched", "digest", m.digest, "objects_fetched",
							 (json_int_t)(p->fetched - fetched), "bytes_fetched", (json_int_t)(p->fetched_bytes - bytes)));
	fb_manifest_clear(&m);
	fb_text_clear(&text);
	return r < 0 ? fb_err_prefix(err, "set %s was not fetched from %s", set, p->copy->location->text) : 0;
}

static int pull_missing(void *ctx, const char *set, struct fb_err *err)
{
	struct pull *p = ctx;

	return faccessat(p->store->sets, set, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : pull_set(p, set, err);
}

/* The store to pull into: it is the one that the location has copies of, or becomes it. */
static int open_store(struct fb_store *s, const char *path, const struct fb_key_source *key, struct fb_location *l, struct fb_err *err)
{
	char id[33], *place = fb_asprintf("%s/store.json", path);
	struct fb_text form = {0};
	bool absent = access(place, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR);
	int r = fb_copy_form(l, &form, id, err);

	fb_free(place);
	if (r < 0 && err->code == FB_STORE_ABSENT)
		fb_err_set(err, FB_STORE_ABSENT, "there is no copy of a store in %s", l->text);
	if (r == 0 && absent)
		r = fb_store_adopt(path, form.p, form.n, err);
	fb_text_clear(&form);
	if (r == 0)
		r = fb_store_open(s, path, key, err);
	if (r == 0 && strcmp(id, s->id) != 0) {
		fb_store_close(s);
		r = fb_err_set(err, FB_STORE_EXISTS, "%s is another store than the one that %s has copies of: pull into a folder that is empty", path, l->text);
	}
	return r;
}

int fb_copy_pull(const char *path, const struct fb_key_source *key, const struct fb_copy *copy, json_t **ret, struct fb_err *err)
{
	struct pull p = {.copy = copy, .sets = json_array()};
	int64_t started = fb_clock_us();
	struct fb_err ours = {0};
	struct fb_store s;
	int r = open_store(&s, path, key, copy->location, &ours);

	if (r == 0) {
		p.store = &s;
		p.source = (struct fb_copy_source){&s, copy->location};
		s.fetch = fetch;
		s.fetch_ctx = &p;
		p.io = fb_object_io_new(&s);
		r = fb_store_lock(&s, false, &ours);
		if (r == 0 && (!copy->sets || !*copy->sets))
			r = fb_location_sets(copy->location, pull_missing, &p, &ours);
		for (const char *const *set = copy->sets; r == 0 && set && *set; set++)
			r = pull_set(&p, *set, &ours);
		fb_object_io_free(p.io);
		fb_store_close(&s);
	}
	if (r == 0)
		*ret = json_pack("{s:s, s:s, s:O, s:I, s:I, s:f}", "schema", "failback.backup-pull/1", "location", copy->location->text, "sets", p.sets, "objects_fetched", (json_int_t)p.fetched,
				 "bytes_fetched", (json_int_t)p.fetched_bytes, "seconds", (double)(fb_clock_us() - started) / 1e6);
	json_decref(p.sets);
	if (r < 0 && err)
		*err = ours;
	return r;
}
