/* SPDX-License-Identifier: Apache-2.0 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/copy.h"
#include "store/document.h"
#include "store/mark.h"
#include "store/pool.h"
#include "store/refs.h"
#include "store/set.h"

#define SLOTS 64
#define THREADS 8
#define PASS 500000 /* objects whose ids are in memory at once, there and here each */
#define KEY 16      /* bytes of an id that are compared: no two of a store share them */
#define PROGRESS_MS 200

/* Ids that need not be sent (any more) */
struct known {
	uint8_t (*slots)[KEY];
	size_t n, room;
};

static size_t place(const struct known *k, const uint8_t *key)
{
	static const uint8_t none[KEY];
	uint64_t at;
	size_t i;

	memcpy(&at, key + 4, sizeof at);
	for (i = (size_t)at & (k->room - 1); memcmp(k->slots[i], none, KEY) != 0 && memcmp(k->slots[i], key, KEY) != 0;)
		i = (i + 1) & (k->room - 1);
	return i;
}

/* false: it was there. */
static bool learn(struct known *k, const struct fb_oid *id)
{
	size_t i;

	if (k->n * 2 >= k->room) {
		struct known larger = {.room = k->room ? k->room * 2 : 4096};

		larger.slots = fb_alloc(larger.room * KEY);
		for (size_t j = 0; j < k->room; j++)
			if (!sodium_is_zero(k->slots[j], KEY))
				memcpy(larger.slots[place(&larger, k->slots[j])], k->slots[j], KEY);
		larger.n = k->n;
		fb_free(k->slots);
		*k = larger;
	}
	i = place(k, id->b);
	if (!sodium_is_zero(k->slots[i], KEY))
		return false;
	memcpy(k->slots[i], id->b, KEY);
	k->n++;
	return true;
}

struct job {
	struct fb_location *location;
	struct fb_oid id;
	size_t size; /* 0: of a list */
	bool encrypted;
	uint64_t sent;
	struct fb_err *err;
};

struct push {
	struct fb_store *store;
	const struct fb_copy *copy;
	struct fb_object_io *io;
	struct fb_pool *pool;
	struct known known;
	unsigned low, high, seen; /* folders of this pass; the one that was listed last */
	uint64_t sent, sent_bytes, passed, total;
	int64_t said_ms;
	const char *set;
};

static void work(void *job, struct fb_object_io *io)
{
	struct job *j = job;
	struct fb_err err = {0};
	const uint8_t *data;
	char key[FB_OBJECT_PLACE + 8];
	size_t n;
	int r = j->size ? fb_object_get(io, &j->id, 0, j->size, j->encrypted, &data, &err) : fb_object_read_file(io, &j->id, &err);

	if (r == 0) {
		data = fb_object_io_file(io, &n);
		r = fb_location_put(j->location, fb_copy_key(&j->id, key), data, n, false, &err);
		j->sent = n;
	}
	if (r < 0) {
		j->err = fb_alloc(sizeof *j->err);
		*j->err = err;
	}
}

static int take(void *ctx, void *job, struct fb_err *err)
{
	struct push *p = ctx;
	struct job *j = job;
	int r = 0;

	if (j->err && err) {
		*err = *j->err;
		r = -1;
	}
	if (!j->err) {
		p->sent++;
		p->sent_bytes += j->sent;
	}
	fb_free(j->err);
	memset(j, 0, sizeof *j);
	return r;
}

static void say(struct push *p, bool now)
{
	if (!p->copy->progress || (!now && fb_clock_ms() - p->said_ms < PROGRESS_MS))
		return;
	p->said_ms = fb_clock_ms();
	p->copy->progress(p->copy->ctx, p->passed < p->total ? p->passed : p->total, p->total, p->set);
}

static int send_object(void *ctx, const struct fb_oid *id, size_t size, bool encrypted, struct fb_err *err)
{
	struct push *p = ctx;
	struct job *j;
	int64_t stored;

	if (id->b[0] < p->low || id->b[0] >= p->high)
		return 0;
	stored = fb_object_stored(p->store, id);
	if (stored > 0)
		p->passed += (uint64_t)stored;
	say(p, false);
	if (!learn(&p->known, id))
		return 0;
	j = fb_pool_slot(p->pool, err);
	if (!j)
		return -1;
	*j = (struct job){.location = p->copy->location, .id = *id, .size = size, .encrypted = encrypted};
	fb_pool_submit(p->pool);
	return 0;
}

/* An object that is there: of the size that it has here, or it is sent again. */
static int see_object(void *ctx, const char *name, uint64_t size, struct fb_err *err)
{
	struct push *p = ctx;
	char folder[3] = "";
	struct fb_oid id;
	int64_t stored;

	(void)err;
	if (strlen(name) < 11 || strncmp(name, "objects/", 8) != 0 || name[10] != '/')
		return 0;
	memcpy(folder, name + 8, 2);
	if (fb_location_object(folder, name + 11, &id) < 0 || id.b[0] < p->low)
		return 0;
	if (id.b[0] >= p->high)
		return 1;
	if (id.b[0] != p->seen && p->known.n >= PASS) {
		p->high = id.b[0];
		return 1;
	}
	p->seen = id.b[0];
	stored = fb_object_stored(p->store, &id);
	if (stored < 0 || (uint64_t)stored == size)
		learn(&p->known, &id);
	return 0;
}

/* So many folders at a time that what is here of them can be known. */
static int count_step(struct fb_store *s, unsigned *ret, struct fb_err *err)
{
	struct fb_mark mark;

	if (fb_mark_begin(&mark, s, ret, err) < 0)
		return -1;
	fb_mark_end(&mark);
	*ret = *ret / 3 ? *ret / 3 : 1;
	return 0;
}

static int push_pass(struct push *p, const struct fb_manifest *m, struct fb_err *err)
{
	struct fb_refs refs = {.store = p->store, .io = p->io, .each = send_object, .ctx = p};
	struct fb_pool_form form = {.slots = SLOTS, .job_size = sizeof(struct job), .work = work, .take = take, .ctx = p, .store = p->store, .threads = THREADS};
	int r = 0;

	p->pool = fb_pool_new(&form);
	for (size_t i = 0; r == 0 && i < m->n; i++)
		if (m->items[i].size || m->items[i].type == FB_ITEM_TREE)
			r = fb_refs_item(&refs, &m->items[i], err);
	if (fb_pool_drain(p->pool, r == 0 ? err : NULL) < 0)
		r = -1;
	fb_pool_free(p->pool, NULL);
	p->pool = NULL;
	return r;
}

static int push_objects(struct push *p, const struct fb_manifest *m, unsigned step, struct fb_err *err)
{
	int r = 0;

	for (p->low = 0; r == 0 && p->low < 256; p->low = p->high) {
		p->high = p->low + step < 256 ? p->low + step : 256;
		p->seen = 256;
		p->known.n = 0;
		if (p->known.room)
			memset(p->known.slots, 0, p->known.room * KEY);
		r = fb_location_objects(p->copy->location, p->low, see_object, p, err);
		if (r == 0)
			r = push_pass(p, m, err);
	}
	return r;
}

/* The mark. *ret_there: it had it already. */
static int seal(struct push *p, const char *set, bool *ret_there, struct fb_err *err)
{
	struct fb_location *l = p->copy->location;
	char *place = fb_asprintf("%s/manifest.json", set), *key = fb_asprintf("sets/%s", place), *text = NULL;
	struct fb_text there = {0};
	struct fb_err ours = {0};
	size_t size;
	int r = fb_store_read_file(p->store->sets, place, FB_DOCUMENT_LIMIT, &text, &size, err);

	if (r == 0 && fb_location_seal(l, set, text, size, &ours) < 0) {
		if (ours.code != FB_STORE_EXISTS) {
			*err = ours;
			r = -1;
		} else if (fb_location_get(l, key, FB_DOCUMENT_LIMIT, &there, err) < 0) {
			r = -1;
		} else if (there.n != size || memcmp(there.p, text, size) != 0) {
			r = fb_err_set(err, FB_STORE_EXISTS, "%s has another set of the id %s: it was changed there, or another machine puts its sets there; use a location of its own", l->text, set);
		} else {
			*ret_there = true;
		}
	}
	fb_text_clear(&there);
	fb_free(text);
	fb_free(key);
	fb_free(place);
	return r;
}

static int push_set(struct push *p, const char *set, unsigned step, json_t *sets, struct fb_err *err)
{
	uint64_t sent = p->sent, bytes = p->sent_bytes;
	struct fb_manifest m;
	bool there = false;
	int r;

	if (fb_manifest_read(p->store, set, p->copy->digest, &m, err) < 0)
		return -1;
	p->set = set;
	p->passed = p->total = 0;
	for (size_t i = 0; i < m.n; i++)
		p->total += (uint64_t)json_integer_value(json_object_get(m.items[i].json, "stored"));
	say(p, true);
	r = push_objects(p, &m, step, err);
	if (r == 0)
		r = seal(p, set, &there, err);
	if (r == 0)
		json_array_append_new(sets, json_pack("{s:s, s:s, s:s, s:I, s:I}", "set", set, "state", there ? "there" : "sent", "digest", m.digest, "objects_sent", (json_int_t)(p->sent - sent),
						      "bytes_sent", (json_int_t)(p->sent_bytes - bytes)));
	p->passed = p->total;
	if (r == 0)
		say(p, true);
	fb_manifest_clear(&m);
	return r < 0 ? fb_err_prefix(err, "set %s was not sent", set) : 0;
}

/* ---- which store, which sets ---- */

/* The location becomes this store's, or is it. */
static int claim(struct fb_store *s, struct fb_location *l, struct fb_err *err)
{
	struct fb_err ours = {0};
	struct fb_text there = {0};
	char id[33], *text;
	size_t size;
	int r;

	if (fb_store_read_file(s->dir, "store.json", 65536, &text, &size, err) < 0)
		return -1;
	r = fb_copy_form(l, &there, id, &ours);
	if (r < 0 && ours.code == FB_STORE_ABSENT) {
		ours = (struct fb_err){0};
		r = fb_location_make(l, &ours);
		if (r == 0 && (r = fb_location_put(l, "store.json", text, size, true, &ours)) < 0 && ours.code == FB_STORE_EXISTS) {
			ours = (struct fb_err){0}; /* by another one, or by an attempt of ours whose answer was lost */
			r = fb_copy_form(l, &there, id, &ours);
		} else {
			memcpy(id, s->id, sizeof id);
		}
	}
	if (r == 0 && strcmp(id, s->id) != 0)
		r = fb_err_set(&ours, FB_STORE_EXISTS, "%s holds copies of another store (%s; this one is %s): use another folder or prefix for each store", l->text, id, s->id);
	if (r == 0 && there.n && (there.n != size || memcmp(there.p, text, size) != 0)) /* the key was changed since */
		r = fb_location_put(l, "store.json", text, size, false, &ours);
	fb_text_clear(&there);
	fb_free(text);
	if (r < 0)
		*err = ours;
	return r;
}

struct names {
	char **v;
	size_t n;
};

static int add_name(void *ctx, const char *name, struct fb_err *err)
{
	struct names *names = ctx;

	(void)err;
	if (!fb_store_name_valid(name))
		return 0;
	names->v = fb_realloc(names->v, (names->n + 1) * sizeof *names->v);
	names->v[names->n++] = fb_strdup(name);
	return 0;
}

static void clear_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		fb_free(names->v[i]);
	fb_free(names->v);
}

static bool has_name(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return true;
	return false;
}

static int push_missing(struct push *p, unsigned step, json_t *sets, struct fb_err *err)
{
	struct names here = {0}, there = {0};
	int r = fb_set_each(p->store, add_name, &here, err);

	if (r == 0)
		r = fb_location_sets(p->copy->location, add_name, &there, err);
	for (size_t i = 0; r == 0 && i < here.n; i++)
		if (!has_name(&there, here.v[i]))
			r = push_set(p, here.v[i], step, sets, err);
	clear_names(&here);
	clear_names(&there);
	return r;
}

int fb_copy_push(struct fb_store *s, const struct fb_copy *copy, json_t **ret, struct fb_err *err)
{
	struct push p = {.store = s, .copy = copy};
	int64_t started = fb_clock_us();
	struct fb_err ours = {0};
	json_t *sets = json_array();
	unsigned step;
	int r = fb_store_lock(s, false, &ours);

	if (r == 0)
		r = claim(s, copy->location, &ours);
	if (r == 0)
		r = count_step(s, &step, &ours);
	p.io = fb_object_io_new(s);
	if (r == 0 && (!copy->sets || !*copy->sets))
		r = push_missing(&p, step, sets, &ours);
	for (const char *const *set = copy->sets; r == 0 && set && *set; set++)
		r = push_set(&p, *set, step, sets, &ours);
	fb_object_io_free(p.io);
	fb_free(p.known.slots);
	if (r == 0)
		*ret = json_pack("{s:s, s:s, s:O, s:I, s:I, s:f}", "schema", "failback.backup-push/1", "location", copy->location->text, "sets", sets, "objects_sent", (json_int_t)p.sent, "bytes_sent",
				 (json_int_t)p.sent_bytes, "seconds", (double)(fb_clock_us() - started) / 1e6);
	json_decref(sets);
	if (r < 0 && err)
		*err = ours;
	return r;
}
