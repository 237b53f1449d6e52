/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree as an item. The calling thread walks and gives each entry a place in the pool's ring; threads read, hash, compress and write (put_read.c); results come
 * back in the walk's order and go into the list. A file of more than one chunk is a run of jobs in that order, so that memory does not grow with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/document.h"
#include "store/flush.h"
#include "store/index.h"
#include "store/pool.h"
#include "store/put.h"
#include "store/put_tree.h"

#define SLOTS 256
#define NAMED 100      /* of files that are skipped or changed: so many by name, the others counted */
#define PROGRESS_MS 200

struct tree {
	struct fb_store *store;
	const struct fb_put *put;
	struct fb_pool *pool;
	struct fb_flush *flush;
	struct fb_object_io *io;
	struct fb_list_writer list;
	struct fb_index index;
	struct fb_names names;
	struct fb_list_hash whole;
	bool encrypted;
	struct fb_cost cost;
	uint64_t size, read, total, files, folders, links, others, unchanged, vanished;
	json_t *changed, *skipped;
	uint64_t changed_n, skipped_n;
	int64_t said_ms;
	const char *root;
};

static void name_it(struct tree *t, json_t *list, uint64_t *count, const char *path, const char *why)
{
	char *whole = fb_asprintf("%s%s%s", t->root, *path ? "/" : "", path);

	if (++*count <= NAMED)
		json_array_append_new(list, why ? json_pack("{s:o, s:s}", "path", fb_document_string(whole), "why", why) : fb_document_string(whole));
	fb_free(whole);
}

static void strip(struct tree *t, const char *path)
{
	name_it(t, t->skipped, &t->skipped_n, path, "some of its extended attributes, which are too large or cannot be read");
}

static int add(struct tree *t, const struct fb_entry *e, struct fb_err *err)
{
	t->files += e->type == 'f';
	t->folders += e->type == 'd';
	t->links += e->type == 'l';
	t->others += e->type == 'p';
	t->size += e->hard ? 0 : e->size;
	fb_list_hash_add(&t->whole, e);
	if (t->put->progress && fb_clock_ms() - t->said_ms >= PROGRESS_MS) {
		t->said_ms = fb_clock_ms();
		t->put->progress(t->put->ctx, t->size, t->total, t->put->item);
	}
	return fb_list_add(&t->list, e, err);
}

static void count_cost(struct tree *t, const struct fb_cost *cost)
{
	t->cost.stored += cost->stored;
	t->cost.written += cost->written;
	fb_flush_written(t->flush, cost->written);
}

static void free_large(struct fb_put_large *l)
{
	close(l->fd);
	fb_entry_clear(&l->entry);
	fb_content_clear(&l->writer);
	fb_free(l);
}

static int take_chunk(struct tree *t, struct fb_put_job *j, struct fb_err *err)
{
	struct fb_put_large *l = j->large;
	struct fb_ref ref;
	struct stat after;

	count_cost(t, &j->cost);
	l->cost.stored += j->cost.stored;
	if (!l->ended && j->size && fb_content_add(&l->writer, &j->id, j->size, err) < 0)
		return -1;
	t->read += j->size;
	l->ended = l->ended || (j->size < FB_CHUNK && !j->last);
	if (!j->last)
		return 0;
	if (fb_content_end(&l->writer, &ref, err) < 0)
		return -1;
	count_cost(t, &l->writer.cost);
	l->changed = fstat(l->fd, &after) < 0 || !fb_put_same_times(&l->st, &after) || ref.size != (uint64_t)l->st.st_size;
	l->entry.object = ref.id;
	l->entry.size = ref.size;
	l->entry.stored = l->cost.stored + l->writer.cost.stored;
	if (l->changed) {
		l->entry.ino = 0;
		name_it(t, t->changed, &t->changed_n, l->entry.path, NULL);
	}
	if (l->stripped)
		strip(t, l->entry.path);
	if (l->name)
		fb_names_tell(l->name, &l->entry);
	return add(t, &l->entry, err);
}

static int take_entry(struct tree *t, struct fb_put_job *j, struct fb_err *err)
{
	if (j->vanished) {
		t->vanished++;
		return 0;
	}
	if (j->stripped)
		strip(t, j->entry.path);
	if (j->entry.hard) {
		if (fb_names_ask(j->name, &j->entry) < 0)
			return fb_err_set(err, FB_STORE_IO, "%s vanished while another name of it (%s) was read: try again when the tree is at rest", j->entry.link, j->entry.path);
	} else if (j->entry.type == 'f') {
		if (!j->entry.size)
			fb_object_name(t->store, "", 0, 0, t->encrypted, &j->entry.object);
		count_cost(t, &j->cost);
		t->unchanged += j->unchanged;
		t->read += j->unchanged ? 0 : j->entry.size;
		if (j->changed)
			name_it(t, t->changed, &t->changed_n, j->entry.path, NULL);
		if (j->name)
			fb_names_tell(j->name, &j->entry);
	}
	return add(t, &j->entry, err);
}

static int take(void *ctx, void *job, struct fb_err *err)
{
	struct fb_put_job *j = job;
	int r = 0;

	if (!err)
		r = -1;
	else if (j->err)
		r = fb_err_set(err, j->err->code, "%s", j->err->text);
	else
		r = j->work == FB_PUT_CHUNK ? take_chunk(ctx, j, err) : take_entry(ctx, j, err);
	if (j->work == FB_PUT_CHUNK && j->last)
		free_large(j->large);
	fb_free(j->err);
	fb_free(j->open_as);
	fb_entry_clear(&j->entry);
	memset(j, 0, sizeof *j);
	return r;
}

static struct fb_put_job *new_job(struct tree *t, enum fb_put_work work, struct fb_err *err)
{
	struct fb_put_job *j = fb_pool_slot(t->pool, err);

	if (j) {
		j->work = work;
		j->encrypted = t->encrypted;
	}
	return j;
}

/* Every chunk of a file is a job; a file that is larger than the ring is under way in parts. */
static int give_large(struct tree *t, struct fb_walk_folder *in, const char *name, const char *path, struct fb_name *also, struct fb_err *err)
{
	int fd = openat(in->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct fb_put_large *l;
	struct fb_put_job *j;
	uint64_t at = 0;

	if (fd < 0) {
		t->vanished += errno == ENOENT || errno == ELOOP;
		return errno == ENOENT || errno == ELOOP ? 0 : fb_put_cannot_read(path, err);
	}
	l = fb_alloc(sizeof *l);
	l->fd = fd;
	l->name = also;
	l->entry.type = 'f';
	l->entry.path = fb_strdup(path);
	l->writer = (struct fb_content_writer){.io = t->io, .store = t->store, .encrypted = t->encrypted};
	if (fstat(fd, &l->st) < 0 || !S_ISREG(l->st.st_mode)) {
		t->vanished++;
		free_large(l);
		return 0;
	}
	fb_put_shape(&l->entry, &l->st);
	l->stripped = !fb_put_attributes(fd, &l->entry);
	do {
		j = new_job(t, FB_PUT_CHUNK, err);
		if (!j) { /* its other jobs are in the ring still, and none of them is the last */
			fb_pool_free(t->pool, NULL);
			t->pool = NULL;
			free_large(l);
			return -1;
		}
		j->large = l;
		j->offset = at;
		at += FB_CHUNK;
		j->last = at >= (uint64_t)l->st.st_size; /* after which l may be gone */
		fb_pool_submit(t->pool);
	} while (at < (uint64_t)l->st.st_size);
	return 0;
}

/* Is what is known of a file in the store still? (Of a large one only the first object is looked for.) */
static bool still_there(struct tree *t, const struct fb_entry *known)
{
	int64_t stored = known->size ? fb_object_stored(t->store, &known->object) : 0;

	return known->size && known->size <= FB_CHUNK ? stored == (int64_t)known->stored : stored >= 0;
}

static void copy_xattrs(struct fb_entry *e, const struct fb_entry *known)
{
	e->xattrs_size = known->xattrs_size;
	e->xattrs = known->xattrs_size ? fb_alloc(known->xattrs_size) : NULL;
	if (known->xattrs_size)
		memcpy(e->xattrs, known->xattrs, known->xattrs_size);
}

static int give_file(struct tree *t, struct fb_walk_folder *in, const char *name, const char *path, const struct stat *st, struct fb_err *err)
{
	const struct fb_entry *known = t->put->rehash ? NULL : fb_index_find(&t->index, path, st);
	struct fb_name *also = NULL;
	const char *first = NULL;
	struct fb_put_job *j;

	if (known && !still_there(t, known))
		known = NULL;
	if (st->st_nlink > 1)
		also = fb_names_meet(&t->names, st->st_dev, st->st_ino, path, &first);
	if (!first && !known && (uint64_t)st->st_size > FB_CHUNK)
		return give_large(t, in, name, path, also, err);
	j = new_job(t, FB_PUT_READY, err);
	if (!j)
		return -1;
	j->entry.type = 'f';
	j->entry.path = fb_strdup(path);
	j->name = also;
	fb_put_shape(&j->entry, st);
	if (first) {
		j->entry.hard = true;
		j->entry.sparse = false;
		j->entry.link = fb_strdup(first);
	} else if (known) {
		j->entry.object = known->object;
		j->entry.stored = known->stored;
		copy_xattrs(&j->entry, known);
		j->cost.stored = known->stored;
		j->unchanged = true;
	} else {
		j->work = FB_PUT_SMALL;
		j->in = fb_walk_hold(in);
		j->open_as = fb_strdup(name);
		fb_pool_submit(t->pool);
		return 0;
	}
	fb_pool_pass(t->pool);
	return 0;
}

static char *read_link(int in, const char *name, size_t size)
{
	char *target = fb_alloc(size + 2);
	ssize_t n = readlinkat(in, name, target, size + 1);

	if (n > 0 && (size_t)n <= size) {
		target[n] = 0;
		return target;
	}
	fb_free(target);
	return NULL;
}

/* A folder whose change time is that of the last backup has the attributes that it had then. */
static bool known_folder(struct tree *t, const char *path, const struct stat *st, struct fb_entry *e)
{
	const struct fb_entry *known = t->put->rehash ? NULL : fb_index_find(&t->index, path, st);

	if (!known)
		return false;
	copy_xattrs(e, known);
	return true;
}

static int visit(void *ctx, struct fb_walk_folder *in, const char *name, const char *path, int fd, const struct stat *st, struct fb_err *err)
{
	struct tree *t = ctx;
	char *target = NULL;
	struct fb_put_job *j;

	if (S_ISREG(st->st_mode))
		return give_file(t, in, name, path, st, err);
	if (S_ISLNK(st->st_mode)) {
		target = read_link(in->fd, name, PATH_MAX);
		if (!target) {
			t->vanished++;
			return 0;
		}
	}
	j = new_job(t, FB_PUT_READY, err);
	if (!j) {
		fb_free(target);
		return -1;
	}
	j->entry.type = S_ISDIR(st->st_mode) ? 'd' : S_ISLNK(st->st_mode) ? 'l' : 'p';
	j->entry.path = fb_strdup(path);
	j->entry.link = target;
	fb_put_shape(&j->entry, st);
	if (fd >= 0 && !known_folder(t, path, st, &j->entry))
		j->stripped = !fb_put_attributes(fd, &j->entry);
	fb_pool_pass(t->pool);
	return 0;
}

static void skipped(void *ctx, const char *path, const char *why)
{
	struct tree *t = ctx;

	name_it(t, t->skipped, &t->skipped_n, path, why);
}

static int put_root(struct tree *t, const char *root, struct fb_err *err)
{
	struct fb_walk w = {.exclude = t->put->exclude, .visit = visit, .skipped = skipped, .ctx = t};
	struct fb_entry e = {.type = 'R', .path = (char *)root};
	struct stat st;
	int r;

	if (fstat(t->store->dir, &st) == 0) {
		w.skip_dev = st.st_dev;
		w.skip_ino = st.st_ino;
	}
	t->root = root;
	fb_list_hash_add(&t->whole, &e);
	if (fb_list_add(&t->list, &e, err) < 0)
		return -1;
	fb_index_open(&t->index, t->store, t->io, root, t->encrypted);
	r = fb_walk(&w, root, err);
	if (t->pool && fb_pool_drain(t->pool, r == 0 ? err : NULL) < 0)
		r = -1;
	fb_index_close(&t->index);
	fb_names_clear(&t->names);
	return r;
}

static void set_number(json_t *o, const char *name, uint64_t n)
{
	json_object_set_new(o, name, json_integer((json_int_t)n));
}

static void describe(struct tree *t, json_t *item, json_t *said, const struct fb_ref *list)
{
	char text[FB_OID_TEXT];
	struct fb_oid hash;

	fb_list_hash_end(&t->whole, &hash);
	count_cost(t, &t->list.stream.writer.cost);
	json_object_set_new(item, "object", json_string(fb_oid_text(&list->id, text)));
	set_number(item, "list_size", list->size);
	json_object_set_new(item, "hash", json_string(fb_oid_text(&hash, text)));
	set_number(item, "size", t->size);
	set_number(item, "stored", t->cost.stored);
	set_number(item, "written", t->cost.written);
	set_number(item, "files", t->files);
	set_number(item, "folders", t->folders);
	set_number(item, "links", t->links);
	set_number(item, "others", t->others);
	set_number(item, "changed_files", t->changed_n);
	set_number(item, "skipped_files", t->skipped_n);
	set_number(said, "unchanged", t->unchanged);
	set_number(said, "vanished", t->vanished);
	set_number(said, "read", t->read);
	json_object_set(said, "changed", t->changed);
	json_object_set(said, "skipped", t->skipped);
}

/* The trees' paths, without links, "." or "..". */
static char **real_roots(const char *const *trees, const char *const *exclude, json_t *item, struct fb_err *err)
{
	json_t *roots = json_array(), *source = json_object_get(item, "source");
	struct fb_text all = {0};
	char **v;
	size_t n = 0;

	while (trees[n])
		n++;
	v = fb_alloc((n + 1) * sizeof *v);
	for (size_t i = 0; i < n; i++) {
		char *root = realpath(trees[i], NULL);

		if (!root) {
			fb_err_set(err, errno == ENOENT ? FB_STORE_ABSENT : FB_STORE_IO, "cannot find %s: %s", trees[i], strerror(errno));
			for (size_t k = 0; k < i; k++)
				fb_free(v[k]);
			fb_free(v);
			json_decref(roots);
			fb_text_clear(&all);
			return NULL;
		}
		v[i] = root;
		json_array_append_new(roots, fb_document_string(root));
		fb_text_printf(&all, "%s%s", i ? " " : "", root);
	}
	json_object_set_new(item, "roots", roots);
	for (size_t i = 0; exclude && exclude[i]; i++) {
		if (i == 0)
			json_object_set_new(item, "exclude", json_array());
		json_array_append_new(json_object_get(item, "exclude"), fb_document_string(exclude[i]));
	}
	if (!source)
		json_object_set_new(item, "source", fb_document_string(all.p ? all.p : ""));
	fb_text_clear(&all);
	return v;
}

static int put_roots(struct tree *t, char **roots, int part, json_t *item, json_t *said, struct fb_err *err)
{
	struct timespec start = {.tv_sec = (time_t)json_integer_value(json_object_get(item, "start")), .tv_nsec = (long)json_integer_value(json_object_get(item, "start_ns"))};
	struct fb_ref list;
	int r = 0;

	for (size_t i = 0; r == 0 && roots[i]; i++)
		r = put_root(t, roots[i], err);
	if (r == 0)
		r = fb_list_end(&t->list, &list, err);
	for (size_t i = 0; r == 0 && roots[i]; i++)
		r = fb_index_note(t->store, part, roots[i], &list, &start, err);
	if (r == 0)
		describe(t, item, said, &list);
	return r;
}

int fb_put_tree(struct fb_store *s, const struct fb_put *put, int part, bool encrypted, bool distrust, json_t *item, json_t *said, struct fb_err *err)
{
	struct tree t = {.store = s, .put = put, .encrypted = encrypted, .changed = json_array(), .skipped = json_array()};
	struct fb_pool_form form = {.slots = SLOTS, .job_size = sizeof(struct fb_put_job), .work = fb_put_read, .take = take, .ctx = &t, .store = s, .distrust = distrust};
	char **roots = real_roots(put->trees, put->exclude, item, err);
	int r = -1;

	if (roots) {
		t.io = fb_object_io_new(s);
		if (distrust)
			fb_object_io_distrust(t.io);
		t.pool = fb_pool_new(&form);
		t.flush = fb_flush_new(s->objects);
		fb_list_hash_begin(&t.whole, s, encrypted);
		r = fb_list_begin(&t.list, s, t.io, encrypted, err);
		if (r == 0)
			r = put_roots(&t, roots, part, item, said, err);
		fb_pool_free(t.pool, NULL);
		if (fb_flush_end(t.flush) < 0 && r == 0)
			r = fb_err_set(err, FB_STORE_IO, "cannot bring to disk what was written in %s: %s", s->path, strerror(errno));
		fb_list_hash_end(&t.whole, NULL);
		fb_list_clear(&t.list);
		fb_object_io_free(t.io);
		for (size_t i = 0; roots[i]; i++)
			fb_free(roots[i]);
		fb_free(roots);
	}
	json_decref(t.changed);
	json_decref(t.skipped);
	return r;
}
