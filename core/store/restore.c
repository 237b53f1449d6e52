/* SPDX-License-Identifier: Apache-2.0 */
#include "store/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/document.h"
#include "store/manifest.h"
#include "store/pool.h"
#include "store/target.h"

#define SLOTS 64
#define NAMED 1000 /* changes that are told by name; the others are counted */
#define PROGRESS_MS 200

/* A folder on the way from the root to where the list is; opened when something in it is wanted. */
struct level {
	struct fb_entry entry;
	struct fb_target_folder *folder;
	bool wanted, refused;
};

struct job {
	struct fb_target_folder *in; /* held */
	struct fb_entry entry;
	struct fb_target_result result;
	struct fb_err *err;
	const struct fb_target *target;
};

struct restore {
	struct fb_target target;
	const struct fb_restore *how;
	const struct fb_item *item;
	struct fb_object_io *io;
	struct fb_pool *pool;
	char *root;                    /* the absolute path of the tree, as it was */
	struct fb_target_folder *base; /* where the root goes, or is in */
	char *base_name;               /* its name there; NULL: base is the root */
	struct level *levels;
	size_t depth, room;
	bool *met; /* of how->only */
	json_t *changes, *refused;
	uint64_t counts[FB_CHANGES], refused_n, written, passed;
	int64_t said_ms;
};

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The whole path of something, as it was when it was put. */
static json_t *whole_path(const struct restore *r, const struct fb_target_folder *in, const char *name)
{
	const char *below = in->entry.path;
	bool root_itself = r->base_name && in == r->base;
	char *path = root_itself ? fb_strdup(r->root) : fb_asprintf("%s%s%s%s%s", !strcmp(r->root, "/") ? "" : r->root, *below ? "/" : "", below, *name ? "/" : "", name);
	json_t *text = fb_document_string(*path ? path : "/");

	fb_free(path);
	return text;
}

static void changed(void *ctx, const struct fb_target_folder *in, const char *name, enum fb_change change, uint64_t bytes)
{
	struct restore *r = ctx;

	r->counts[change]++;
	r->written += bytes;
	if (change != FB_SAME && json_array_size(r->changes) < NAMED)
		json_array_append_new(r->changes, json_pack("{s:o, s:s}", "path", whole_path(r, in, name), "change", fb_change_texts[change]));
}

static void refused(void *ctx, const struct fb_target_folder *in, const char *name, const char *why)
{
	struct restore *r = ctx;

	if (r->refused_n++ < NAMED)
		json_array_append_new(r->refused, json_pack("{s:o, s:s}", "path", whole_path(r, in, name), "why", why));
}

static void report(struct restore *r, const struct fb_target_folder *in, const char *name, const struct fb_target_result *result)
{
	if (result->why)
		refused(r, in, name, result->why);
	else
		changed(r, in, name, result->change, result->bytes);
}

static void work(void *job, struct fb_object_io *io)
{
	struct job *j = job;
	const char *name = j->entry.path;
	struct fb_err err = {0};
	int r;

	name = name_of(name);
	r = j->entry.type == 'f' ? fb_target_file(j->target, j->in, name, &j->entry, io, &j->result, &err) : fb_target_other(j->target, j->in, name, &j->entry, &j->result, &err);
	if (r == 0)
		return;
	j->err = fb_alloc(sizeof *j->err);
	*j->err = err;
}

static void say_progress(struct restore *r, uint64_t passed)
{
	r->passed += passed;
	if (r->how->progress && fb_clock_ms() - r->said_ms >= PROGRESS_MS) {
		r->said_ms = fb_clock_ms();
		r->how->progress(r->how->ctx, r->passed, r->item->size, r->item->name);
	}
}

static int take(void *ctx, void *job, struct fb_err *err)
{
	struct restore *r = ctx;
	struct job *j = job;
	int failed = !err;

	if (err && j->err) {
		*err = *j->err;
		failed = 1;
	} else if (err) {
		report(r, j->in, name_of(j->entry.path), &j->result);
		say_progress(r, j->entry.size);
	}
	fb_target_release(&r->target, j->in, failed ? NULL : err);
	failed = failed || err->code;
	fb_free(j->err);
	fb_entry_clear(&j->entry);
	memset(j, 0, sizeof *j);
	return failed ? -1 : 0;
}

static void pop(struct restore *r, size_t depth, struct fb_err *err)
{
	while (r->depth > depth) {
		struct level *l = &r->levels[--r->depth];

		fb_target_release(&r->target, l->folder, err);
		fb_entry_clear(&l->entry);
	}
}

/* Is path inside of folder (or the same)? "" has everything inside. */
static bool inside(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !n || (!strncmp(path, folder, n) && (!path[n] || path[n] == '/'));
}

static bool selected(struct restore *r, const char *path)
{
	char *whole;
	bool is = false;

	if (!r->how->only)
		return true;
	whole = fb_asprintf("%s%s%s", strcmp(r->root, "/") != 0 ? r->root : "", *path ? "/" : "", path);
	for (size_t i = 0; r->how->only[i]; i++) {
		const char *only = r->how->only[i];
		char *plain = fb_strdup(only);
		size_t n = strlen(plain);

		while (n > 1 && plain[n - 1] == '/')
			plain[--n] = 0;
		if (*plain == '/' ? inside(whole, plain) : inside(path, !strcmp(plain, ".") ? "" : plain)) {
			is = true;
			r->met[i] = true;
		}
		fb_free(plain);
	}
	fb_free(whole);
	return is;
}

/* Opens the innermost level and those above it. 0; 1: refused, which was said; -1. */
static int open_levels(struct restore *r, struct fb_err *err)
{
	for (size_t i = 0; i < r->depth; i++) {
		struct level *l = &r->levels[i];

		if (l->folder || l->refused) {
			if (l->refused)
				return 1;
			continue;
		}
		if (i == 0 && !r->base_name) {
			l->folder = fb_target_hold(r->base);
			fb_target_want(l->folder, &l->entry, l->wanted);
			continue;
		}
		l->folder = fb_target_enter(&r->target, i ? r->levels[i - 1].folder : r->base, i ? name_of(l->entry.path) : r->base_name, &l->entry, l->wanted, err);
		if (!l->folder && err->code)
			return -1;
		l->refused = !l->folder;
		if (l->refused)
			return 1;
	}
	return 0;
}

static int damaged_order(const struct fb_entry *e, struct fb_err *err)
{
	return fb_err_set(err, FB_STORE_DAMAGED, "the list of files is damaged: %.300s is in no folder of it", e->path);
}

/* Goes up to the folder that e is in. */
static int find_parent(struct restore *r, const struct fb_entry *e, struct fb_err *err)
{
	const char *slash = strrchr(e->path, '/');
	size_t n = slash ? (size_t)(slash - e->path) : 0;

	while (r->depth && (strlen(r->levels[r->depth - 1].entry.path) != n || strncmp(r->levels[r->depth - 1].entry.path, e->path, n) != 0)) {
		if (r->depth == 1)
			return damaged_order(e, err);
		pop(r, r->depth - 1, err);
		if (err->code)
			return -1;
	}
	return r->depth ? 0 : damaged_order(e, err);
}

static int enter_folder(struct restore *r, struct fb_entry *e, bool wanted, struct fb_err *err)
{
	struct level *l;

	if (r->depth == r->room) {
		r->room = r->room ? r->room * 2 : 32;
		r->levels = fb_realloc(r->levels, r->room * sizeof *r->levels);
	}
	l = &r->levels[r->depth++];
	*l = (struct level){.entry = *e, .wanted = wanted};
	*e = (struct fb_entry){0}; /* it is the level's now */
	return wanted && open_levels(r, err) < 0 ? -1 : 0;
}

static int give(struct restore *r, struct fb_target_folder *in, struct fb_entry *e, struct fb_err *err)
{
	struct fb_target_result same = {.change = FB_SAME};
	struct job *j;

	if (fb_target_untouched(&r->target, in, name_of(e->path), e)) { /* most are, and this is cheaper than a thread */
		report(r, in, name_of(e->path), &same);
		say_progress(r, e->size);
		return 0;
	}
	j = fb_pool_slot(r->pool, err);
	if (!j)
		return -1;
	*j = (struct job){.in = fb_target_hold(in), .entry = *e, .target = &r->target};
	*e = (struct fb_entry){0};
	fb_pool_submit(r->pool);
	return 0;
}

/* One more name of a file: once that is there. */
static int give_link(struct restore *r, struct fb_target_folder *in, struct fb_entry *e, struct fb_err *err)
{
	struct fb_target_result result;

	if (!selected(r, e->link)) /* what is at its first name is not ours to judge */
		return give(r, in, e, err);
	if (fb_pool_drain(r->pool, err) < 0)
		return -1;
	if (fb_target_link(&r->target, r->levels[0].folder, e->link, in, name_of(e->path), &result, err) < 0)
		return -1;
	if (!result.why) {
		report(r, in, name_of(e->path), &result);
		return 0;
	}
	return give(r, in, e, err); /* its first name is in the way of something, or this one is */
}

static int restore_entry(struct restore *r, struct fb_entry *e, struct fb_err *err)
{
	bool wanted = selected(r, e->path);
	int opened = 0;

	if (!*e->path && e->type != 'd') { /* the tree is a single file */
		if (!wanted)
			return 0;
		fb_free(e->path);
		e->path = fb_strdup(r->base_name ? r->base_name : name_of(r->root));
		return give(r, r->base, e, err);
	}
	if (*e->path && find_parent(r, e, err) < 0)
		return -1;
	if (*e->path && wanted) {
		opened = open_levels(r, err);
		if (opened < 0)
			return -1;
		if (opened == 0)
			fb_target_note(&r->target, r->levels[r->depth - 1].folder, name_of(e->path));
	}
	if (e->type == 'd')
		return enter_folder(r, e, wanted, err);
	if (!wanted || opened) /* opened is 1: a folder above was refused, and said */
		return 0;
	return e->hard ? give_link(r, r->levels[r->depth - 1].folder, e, err) : give(r, r->levels[r->depth - 1].folder, e, err);
}

/* Lets go of a root when all of it is done. */
static int end_root(struct restore *r, struct fb_err *err)
{
	int failed = fb_pool_drain(r->pool, err), fd;

	pop(r, 0, failed < 0 ? NULL : err);
	fd = r->base && r->base->fd >= 0 && !r->target.dry_run ? fcntl(r->base->fd, F_DUPFD_CLOEXEC, 3) : -1;
	fb_target_release(&r->target, r->base, failed < 0 ? NULL : err);
	if (failed == 0 && fd >= 0 && syncfs(fd) < 0)
		failed = fb_err_set(err, FB_STORE_IO, "cannot sync what was restored: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	r->base = NULL;
	fb_free(r->base_name);
	r->base_name = NULL;
	return failed < 0 || err->code ? -1 : 0;
}

static int begin_root(struct restore *r, const char *root, bool alone, struct fb_err *err)
{
	const struct fb_restore *how = r->how;
	struct fb_target_folder *to = NULL;
	char *above;

	if (r->base && end_root(r, err) < 0)
		return -1;
	fb_free(r->root);
	r->root = fb_strdup(root);
	if (how->to && alone) {
		r->base = fb_target_open(&r->target, NULL, how->to, true, err);
		return r->base ? 0 : -1;
	}
	above = fb_strdup(root);
	*strrchr(above, '/') = 0; /* an absolute path has one */
	r->base_name = root[1] ? fb_strdup(name_of(root)) : NULL;
	if (how->to)
		to = fb_target_open(&r->target, NULL, how->to, true, err);
	if (!how->to || to)
		r->base = fb_target_open(&r->target, to, to ? above : *above ? above : "/", false, err);
	fb_target_release(&r->target, to, err);
	fb_free(above);
	return r->base ? 0 : -1;
}

static int all_met(const struct restore *r, struct fb_err *err)
{
	for (size_t i = 0; r->how->only && r->how->only[i]; i++)
		if (!r->met[i])
			return fb_err_set(err, FB_STORE_ABSENT, "the item %s has nothing at %s", r->item->name, r->how->only[i]);
	return 0;
}

static int restore_tree(struct restore *r, struct fb_store *s, struct fb_err *err)
{
	bool alone = json_array_size(json_object_get(r->item->json, "roots")) == 1;
	struct fb_list_reader list;
	struct fb_entry e;
	int got, failed = 0;

	if (fb_list_open(&list, s, r->io, &r->item->ref, err) < 0)
		return -1;
	while (!failed && (got = fb_list_next(&list, &e, err)) > 0) {
		failed = e.type == 'R' ? begin_root(r, e.path, alone, err) : restore_entry(r, &e, err);
		fb_entry_clear(&e);
	}
	fb_list_close(&list);
	if (!failed && got == 0)
		failed = end_root(r, err);
	else
		failed = -1;
	return failed < 0 ? -1 : all_met(r, err);
}

/* A file or a stream as one file. */
static int restore_file(struct restore *r, struct fb_err *err)
{
	const struct fb_item *item = r->item;
	bool stream = item->type == FB_ITEM_STREAM;
	const char *place = stream ? NULL : json_string_value(json_object_get(item->json, "path")), *path = place ? place : item->name;
	struct fb_entry e = {.type = 'f', .mode = stream ? 0600 : item->mode, .uid = stream ? geteuid() : item->uid, .gid = stream ? getegid() : item->gid,
			     .mtime = stream ? item->start.tv_sec : item->mtime, .mtime_ns = stream ? (uint32_t)item->start.tv_nsec : item->mtime_ns, .size = item->size,
			     .object = item->ref.id};
	char *above;
	int failed;

	if (r->how->in_place && (!place || place[0] != '/'))
		return fb_err_set(err, FB_STORE_USAGE, "item %s has no place of its own that is known: say --to or --stdout", item->name);
	r->root = fb_strdup(path);
	above = fb_strdup(r->how->in_place ? path : r->how->to);
	if (r->how->in_place)
		*strrchr(above, '/') = 0;
	r->base = fb_target_open(&r->target, NULL, *above ? above : "/", !r->how->in_place, err);
	fb_free(above);
	if (!r->base)
		return -1;
	e.path = fb_strdup(*name_of(path) ? name_of(path) : item->name);
	e.link = fb_strdup("");
	r->base_name = fb_strdup(e.path);
	failed = give(r, r->base, &e, err);
	fb_entry_clear(&e);
	return failed < 0 ? -1 : end_root(r, err);
}

static json_t *answer(const struct restore *r, double seconds)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:O, s:f}", "schema", "failback.backup-restore/1", "set", r->how->set, "item", r->item->name,
			 "dry_run", r->how->dry_run, "same", (json_int_t)r->counts[FB_SAME], "created", (json_int_t)r->counts[FB_CREATED], "replaced",
			 (json_int_t)r->counts[FB_REPLACED], "metadata", (json_int_t)r->counts[FB_METADATA], "deleted", (json_int_t)r->counts[FB_DELETED], "refused_found",
			 (json_int_t)r->refused_n, "bytes", (json_int_t)r->written, "changes", r->changes, "refused", r->refused, "seconds", seconds);
}

/* Texts of an array, which they live as long as; ends in NULL. */
static const char **texts(const json_t *array)
{
	const char **v = fb_alloc((json_array_size(array) + 1) * sizeof *v);
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(array); i++)
		if (json_is_string(json_array_get(array, i)))
			v[n++] = json_string_value(json_array_get(array, i));
	return v;
}

static int restore_item(struct fb_store *s, struct restore *r, json_t **ret, struct fb_err *err)
{
	struct fb_pool_form form = {.slots = SLOTS, .job_size = sizeof(struct job), .work = work, .take = take, .ctx = r, .store = s};
	int64_t started = fb_clock_us();
	size_t only = 0;
	const char **exclude = texts(json_object_get(r->item->json, "exclude"));
	int failed;

	while (r->how->only && r->how->only[only])
		only++;
	r->met = fb_alloc((only + 1) * sizeof *r->met);
	r->io = fb_object_io_new(s);
	r->target = (struct fb_target){.store = s, .dry_run = r->how->dry_run, .delete = r->how->delete, .root = geteuid() == 0, .encrypted = r->item->ref.encrypted,
				       .start = r->item->start, .exclude = exclude, .changed = changed, .refused = refused, .ctx = r};
	r->changes = json_array();
	r->refused = json_array();
	if (!r->how->to && !r->how->in_place) {
		failed = fb_restore_stream(s, r->how, r->item, r->io, err);
		r->written = r->item->size;
		if (failed == 0 && r->how->program)
			*ret = answer(r, (double)(fb_clock_us() - started) / 1e6);
	} else {
		r->pool = fb_pool_new(&form);
		failed = r->item->type == FB_ITEM_TREE ? restore_tree(r, s, err) : restore_file(r, err);
		fb_pool_free(r->pool, NULL);
		pop(r, 0, NULL);
		fb_target_release(&r->target, r->base, NULL);
		if (failed == 0)
			*ret = answer(r, (double)(fb_clock_us() - started) / 1e6);
	}
	fb_object_io_free(r->io);
	json_decref(r->changes);
	json_decref(r->refused);
	fb_free(r->met);
	fb_free(r->levels);
	fb_free(r->root);
	fb_free(r->base_name);
	fb_free(exclude);
	return failed < 0 ? -1 : r->refused_n > 0;
}

int fb_restore(struct fb_store *s, const struct fb_restore *how, json_t **ret, struct fb_err *err)
{
	struct restore r = {.how = how};
	struct fb_err ours = {0};
	struct fb_manifest m;
	int failed = -1;

	if (fb_store_lock(s, false, err) < 0 || fb_manifest_read(s, how->set, how->digest, &m, err) < 0)
		return -1;
	r.item = fb_manifest_item(&m, how->item, &ours);
	if (r.item)
		failed = restore_item(s, &r, ret, &ours);
	if (failed < 0 && err)
		*err = ours;
	fb_manifest_clear(&m);
	return failed;
}
