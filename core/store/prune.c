/* SPDX-License-Identifier: Apache-2.0 */
#include "store/prune.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/document.h"
#include "store/mark.h"
#include "store/set.h"

enum fate { KEEP, REMOVE };
struct place { /* what lies in sets/ */
	char *name;
	char why[200];
	char *problem; /* of what is kept and cannot be read: why; else NULL */
	enum fate fate;
	enum { SET, PART, GONE, STRANGE } sort;
};

struct plan {
	struct fb_store *store;
	const struct fb_prune *prune;
	struct place *v;
	size_t n, damaged;
	uint64_t kept, kept_bytes, removed, removed_bytes, temporaries;
};

static bool among(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

static void decide_set(const struct fb_prune *p, struct place *at)
{
	at->sort = SET;
	if (p->keep) {
		at->fate = among(p->keep, at->name) ? KEEP : REMOVE;
		snprintf(at->why, sizeof at->why, at->fate == KEEP ? "it is to be kept" : "it is not among those to be kept");
	} else {
		at->fate = among(p->remove, at->name) ? REMOVE : KEEP;
		snprintf(at->why, sizeof at->why, at->fate == KEEP ? "nobody asked to remove it" : "it is to be removed");
	}
}

static int decide(void *ctx, const char *name, struct fb_err *err)
{
	struct plan *plan = ctx;
	struct place at = {.name = fb_strdup(name)};

	(void)err;
	if (ends_with(name, ".gone")) {
		at.sort = GONE;
		at.fate = REMOVE;
		snprintf(at.why, sizeof at.why, "its removal was begun before");
	} else if (ends_with(name, ".part")) {
		at.sort = PART;
		at.fate = fb_set_part_alive(plan->store, name, at.why, sizeof at.why) ? KEEP : REMOVE;
	} else if (fb_store_name_valid(name)) {
		decide_set(plan->prune, &at);
	} else {
		at.sort = STRANGE;
		at.fate = KEEP;
		snprintf(at.why, sizeof at.why, "it is not ours");
	}
	plan->v = fb_realloc(plan->v, (plan->n + 1) * sizeof *plan->v);
	plan->v[plan->n++] = at;
	return 0;
}

/* Each id that the caller named must be there: a wrong name shall not cost the right set. */
static int all_there(const struct plan *plan, const char *const *ids, struct fb_err *err)
{
	for (; ids && *ids; ids++) {
		bool there = false;

		for (size_t i = 0; i < plan->n && !there; i++)
			there = plan->v[i].sort == SET && !strcmp(plan->v[i].name, *ids);
		if (!there)
			return fb_err_set(err, FB_STORE_ABSENT, "the store %s has no sealed set %s; nothing was removed", plan->store->path, *ids);
	}
	return 0;
}

/* A kept set that is damaged may need any object that there is: none is removed then. For sets that were to go this would free nothing, and each of them may be the one that
 * is left to return to: they stay, too. */
static void keep_all_sets(struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct place *at = &plan->v[i];

		if (at->sort != SET || at->fate != REMOVE)
			continue;
		at->fate = KEEP;
		snprintf(at->why, sizeof at->why, "another set that is kept is damaged, so no object can be removed, and removing this one would free nothing");
	}
}

/* Marks what is kept. In the first pass what is damaged is noted, and all is kept; in a later one, where something is gone already, it ends the run. */
static int mark_kept(struct plan *plan, struct fb_mark *mark, bool begun, struct fb_err *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct place *at = &plan->v[i];
		struct fb_err ours = {0};
		int r = at->fate == REMOVE ? 0 : at->sort == SET ? fb_mark_set(mark, at->name, &ours) : at->sort == PART ? fb_mark_part(mark, at->name, &ours) : 0;

		if (r == 0)
			continue;
		if (begun || (ours.code != FB_STORE_DAMAGED && ours.code != FB_STORE_ABSENT)) {
			if (err)
				*err = ours;
			return fb_err_prefix(err, "%s, because what %s needs is not known", begun ? "not all was removed" : "nothing was removed", at->name);
		}
		at->problem = fb_strdup(ours.text);
		plan->damaged++;
	}
	if (plan->damaged)
		keep_all_sets(plan);
	return 0;
}

/* The mark of removal first: what follows can be broken off at any point. */
static int unseal(struct plan *plan, struct fb_err *err)
{
	int sets = plan->store->sets;

	for (size_t i = 0; i < plan->n; i++) {
		struct place *at = &plan->v[i];
		char *gone = at->fate == REMOVE && at->sort == SET ? fb_asprintf("%s.gone", at->name) : NULL;
		int r = gone ? fb_store_remove_folder(sets, gone, err) : 0; /* one that an earlier set of this id left */

		if (gone && r == 0 && renameat(sets, at->name, sets, gone) < 0)
			r = fb_err_set(err, FB_STORE_IO, "cannot remove the set %s: %s", at->name, strerror(errno));
		fb_free(gone);
		if (r < 0)
			return -1;
	}
	if (fsync(sets) < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot sync %s/sets: %s", plan->store->path, strerror(errno));
	for (size_t i = 0; i < plan->n; i++) {
		struct place *at = &plan->v[i];
		char *name = at->sort == SET ? fb_asprintf("%s.gone", at->name) : fb_strdup(at->name);
		int r = at->fate == REMOVE ? fb_store_remove_folder(sets, name, err) : 0;

		fb_free(name);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int remove_object(struct plan *plan, int folder, const char *name, bool temporary, struct fb_err *err)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fb_err_set(err, FB_STORE_IO, "cannot look at object %s: %s", name, strerror(errno));
	if (!plan->prune->dry_run && unlinkat(folder, name, 0) < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot remove object %s: %s", name, strerror(errno));
	plan->removed += !temporary;
	plan->temporaries += temporary;
	plan->removed_bytes += (uint64_t)st.st_size;
	return 0;
}

static void keep_object(struct plan *plan, int folder, const char *name)
{
	struct stat st;

	plan->kept++;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		plan->kept_bytes += (uint64_t)st.st_size;
}

static int sweep_folder(struct plan *plan, const struct fb_mark *mark, unsigned which, struct fb_err *err)
{
	char place[8], text[FB_OID_TEXT + 256];
	struct fb_oid id;
	struct dirent *e;
	int fd, r = 0;
	DIR *d;

	snprintf(place, sizeof place, "%02x", which);
	fd = openat(plan->store->objects, place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return fb_err_set(err, FB_STORE_DAMAGED, "cannot read objects/%s: %s", place, strerror(errno));
	while (r == 0 && (e = readdir(d))) {
		snprintf(text, sizeof text, "%s%s", place, e->d_name);
		if (fb_has_prefix(e->d_name, FB_TEMPORARY_PREFIX)) {
			r = remove_object(plan, dirfd(d), e->d_name, true, err);
		} else if (strlen(e->d_name) == FB_OID_TEXT - 3 && fb_oid_parse(text, &id) == 0) {
			if (plan->damaged || fb_mark_has(mark, &id))
				keep_object(plan, dirfd(d), e->d_name);
			else
				r = remove_object(plan, dirfd(d), e->d_name, false, err);
		}
	}
	closedir(d);
	return r;
}

/* Notes of lists that are no longer there */
static void forget_lists(struct fb_store *s)
{
	int index = openat(s->dir, "index", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = index < 0 ? NULL : fdopendir(index);
	struct dirent *e;
	struct fb_oid id;
	json_t *o;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' && !fb_has_prefix(e->d_name, FB_TEMPORARY_PREFIX))
			continue;
		if (fb_document_read(index, e->d_name, "failback.backup-index/1", &o, NULL) < 0) {
			unlinkat(index, e->d_name, 0);
			continue;
		}
		if (fb_oid_parse(json_string_value(json_object_get(o, "list")), &id) < 0 || fb_object_stored(s, &id) < 0)
			unlinkat(index, e->d_name, 0);
		json_decref(o);
	}
	if (d)
		closedir(d);
	else if (index >= 0)
		close(index);
}

/* Temporary files beside store.json, of someone who was killed */
static void forget_temporaries(struct fb_store *s)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (fb_has_prefix(e->d_name, FB_TEMPORARY_PREFIX))
			unlinkat(fd, e->d_name, 0);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

/* In as many passes over the manifests as the memory for one needs. */
static int mark_and_sweep(struct plan *plan, struct fb_err *err)
{
	struct fb_mark mark;
	unsigned step, r = 0;

	if (fb_mark_begin(&mark, plan->store, &step, err) < 0)
		return -1;
	for (unsigned low = 0; r == 0 && low < 256; low += step) {
		fb_mark_range(&mark, low, low + step);
		if (mark_kept(plan, &mark, low > 0, err) < 0 || (low == 0 && !plan->prune->dry_run && unseal(plan, err) < 0))
			r = 1;
		for (unsigned i = low; r == 0 && i < low + step && i < 256; i++)
			if (sweep_folder(plan, &mark, i, err) < 0)
				r = 1;
	}
	fb_mark_end(&mark);
	if (r == 0 && !plan->prune->dry_run) {
		forget_lists(plan->store);
		forget_temporaries(plan->store);
	}
	return r ? -1 : 0;
}

static json_t *answer(const struct plan *plan, double seconds)
{
	json_t *sets = json_array(), *damaged = json_array();

	for (size_t i = 0; i < plan->n; i++) {
		const struct place *at = &plan->v[i];

		json_array_append_new(sets, json_pack("{s:o, s:s, s:s}", "name", fb_document_string(at->name), "decision", at->fate == KEEP ? "keep" : "remove", "why", at->why));
		if (at->problem)
			json_array_append_new(damaged, json_pack("{s:o, s:o}", "name", fb_document_string(at->name), "problem", fb_document_string(at->problem)));
	}
	return json_pack("{s:s, s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:f}", "schema", "failback.backup-prune/1", "dry_run", plan->prune->dry_run, "sets", sets, "damaged", damaged, "objects_kept",
			 (json_int_t)plan->kept, "bytes_kept", (json_int_t)plan->kept_bytes, "objects_removed", (json_int_t)plan->removed, "temporaries_removed", (json_int_t)plan->temporaries, "bytes_removed",
			 (json_int_t)plan->removed_bytes, "seconds", seconds);
}

/* Of the first that is damaged, in words; 1. */
static int tell_damage(const struct plan *plan, struct fb_err *err)
{
	struct fb_text store = {0};
	const struct place *at = plan->v;

	while (!at->problem)
		at++;
	fb_text_shell_quote(&store, plan->store->path);
	fb_err_set(err, FB_STORE_DAMAGED,
		   "nothing was removed that a backup may need: %s, which is kept, is damaged%s: %s. No object and no set can go until that is mended: see what is left of it with "
		   "failback-store --store %s verify --set %s; bring its files back from a copy of the store, or give it up with failback-store --store %s remove --set %s, and prune again",
		   at->name, plan->damaged > 1 ? " (and it is not the only one)" : "", at->problem, store.p, at->name, store.p, at->name);
	fb_text_clear(&store);
	return 1;
}

static int prune_locked(struct fb_store *s, const struct fb_prune *prune, json_t **ret, struct fb_err *err)
{
	struct plan plan = {.store = s, .prune = prune};
	int64_t started = fb_clock_us();
	int r = fb_set_each(s, decide, &plan, err);

	if (r == 0)
		r = all_there(&plan, prune->keep, err);
	if (r == 0)
		r = all_there(&plan, prune->remove, err);
	if (r == 0)
		r = mark_and_sweep(&plan, err);
	if (r == 0 && ret)
		*ret = answer(&plan, (double)(fb_clock_us() - started) / 1e6);
	if (r == 0 && plan.damaged)
		r = tell_damage(&plan, err);
	for (size_t i = 0; i < plan.n; i++) {
		fb_free(plan.v[i].name);
		fb_free(plan.v[i].problem);
	}
	fb_free(plan.v);
	return r;
}

int fb_prune(struct fb_store *s, const struct fb_prune *prune, json_t **ret, struct fb_err *err)
{
	if (fb_store_lock(s, true, err) < 0)
		return -1;
	return prune_locked(s, prune, ret, err);
}

int fb_prune_garbage(struct fb_store *s, struct fb_err *err)
{
	struct fb_prune nothing = {0};

	return prune_locked(s, &nothing, NULL, err) == 0 ? 0 : -1; /* of a damaged store nothing was swept */
}
