/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout = "tree": what a live tree has to be, and how it differs. A path is ours where a release that may be in the tree has it (facts "live" and "mixed"); what is at such a path and
 * in none of these releases is the work of a person, and is kept before it is overwritten or removed (aside.c). All other paths are not looked at. write.c makes the changes.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/strategies/files/tree.h"

int32_t fs_tree_check(struct fs *s)
{
	int fd;

	if (!s->live_at) {
		s->host->fail(s->call, "layout \"tree\" needs 'target': the folder that is made equal to a release");
		return FB_FATAL;
	}
	fd = open(s->live_at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || faccessat(fd, ".", W_OK | X_OK, 0)) {
		s->host->fail(s->call, "%s cannot be made equal to a release: %s", s->live_at, strerror(errno));
		if (fd >= 0)
			close(fd);
		return FB_FATAL;
	}
	close(fd);
	return FB_OK;
}

bool fs_tree_mixed(struct fs *s)
{
	return fs_fact(s, "mixed", NULL) != NULL;
}

/* ---- which releases may have files in the tree ---- */

/* Their names, the live one first; and the one that it goes to. */
static json_t *names_of(struct fs *s, const char *release)
{
	const char *mixed = fs_fact(s, "mixed", NULL);
	json_t *names = mixed ? json_loads(mixed, 0, NULL) : NULL, *one;
	bool has = false;
	size_t i;

	if (!json_is_array(names)) {
		json_decref(names);
		names = json_array();
		if (s->live)
			json_array_append_new(names, json_string(s->live));
	}
	json_array_foreach(names, i, one)
		has = has || !strcmp(json_string_value(one), release);
	if (!has)
		json_array_append_new(names, json_string(release));
	return names;
}

int fs_tree_begin(struct fs *s, const char *release)
{
	json_t *names = names_of(s, release);
	char *text = json_dumps(names, JSON_COMPACT);
	int rc = text && !fs_fact_set(s, "mixed", NULL, text) && !s->host->fact_set(s->call, FB_SCOPE_OWN, "changed", release) ? 0 : -1;

	free(text);
	json_decref(names);
	return rc;
}

static int read_managed(struct fs *s, const char *release, struct fs_plan *p)
{
	json_t *names = names_of(s, release), *one;
	size_t i;
	int rc = 0;

	p->managed = calloc(json_array_size(names), sizeof *p->managed);
	if (!p->managed)
		abort();
	json_array_foreach(names, i, one) {
		const char *name = json_string_value(one);

		if (!fs_fact(s, "digest", name) && !fs_release_there(s, name))
			continue; /* nothing is known of it any more: what is there of it counts as a person's */
		if (fs_release_known(s, name, &p->managed[p->managed_n])) {
			rc = -1;
			break;
		}
		p->managed_n++;
	}
	p->to_is_new = p->managed_n && (!s->live || strcmp(s->live, release)) && !fs_tree_mixed(s);
	json_decref(names);
	return rc;
}

/* ---- what it has to be ---- */

static int lay_over(struct fs *s, const char *release, struct fs_list *ret)
{
	json_t *edits = fs_edits(s, release), *one;
	const char *folder = json_string_value(json_object_get(edits, "folder"));
	struct fs_list kept = {0};
	struct fs_entry *e;
	size_t i;

	if (!folder || fs_scan(s, folder, &kept)) {
		json_decref(edits);
		return folder ? -1 : 0;
	}
	free(s->laid_over);
	s->laid_over = run_copy(folder);
	for (i = 0; i < kept.n; i++) {
		if (kept.v[i].type == 'd')
			continue;
		e = fs_list_find(ret, kept.v[i].path);
		if (e)
			fs_list_remove(ret, e);
		fs_list_copy(ret, &kept.v[i]);
		ret->v[ret->n - 1].source = s->laid_over;
		fs_list_sort(ret);
	}
	json_array_foreach(json_object_get(edits, "missing"), i, one)
		if ((e = fs_list_find(ret, json_string_value(one))))
			fs_list_remove(ret, e);
	fs_list_clear(&kept);
	json_decref(edits);
	return 0;
}

int fs_tree_want(struct fs *s, const char *release, bool back, struct fs_list *ret)
{
	if (fs_release_known(s, release, ret))
		return -1;
	if (!back || !lay_over(s, release, ret))
		return 0;
	fs_list_clear(ret);
	return -1;
}

/* ---- the plan ---- */

static void add_paths(struct fs_list *all, const struct fs_list *more)
{
	for (size_t i = 0; i < more->n; i++)
		fs_list_add(all, more->v[i].path);
}

/* Each path once. */
static void unique(struct fs_list *l)
{
	size_t n = 0;

	fs_list_sort(l);
	for (size_t i = 0; i < l->n; i++) {
		if (n && !strcmp(l->v[n - 1].path, l->v[i].path)) {
			fs_entry_clear(&l->v[i]);
			continue;
		}
		if (n != i)
			l->v[n] = l->v[i];
		n++;
	}
	l->n = n;
}

static bool in_any(const struct fs *s, const struct fs_plan *p, const struct fs_entry *live)
{
	for (size_t i = 0; i < p->managed_n; i++) {
		const struct fs_entry *e = fs_list_find(&p->managed[i], live->path);

		if (e && fs_same(e, live, s->owners))
			return true;
	}
	return false;
}

/* Every release that may be in the tree has it, so it was not we who removed it. The one that it goes to does not count before it has begun. */
static bool in_all(const struct fs_plan *p, const char *path)
{
	size_t n = p->managed_n - (p->to_is_new ? 1 : 0);

	for (size_t i = 0; i < n; i++)
		if (!fs_list_find(&p->managed[i], path))
			return false;
	return n > 0;
}

static void plan_path(struct fs *s, struct fs_plan *p, struct fs_entry *live, const struct fs_entry *want)
{
	struct fs_change *c;

	if ((want && live->type && fs_same(live, want, s->owners)) || (!want && (!live->type || live->type == '?')))
		return;
	p->v = realloc(p->v, (p->n + 1) * sizeof *p->v);
	if (!p->v)
		abort();
	c = &p->v[p->n++];
	*c = (struct fs_change){.want = want, .live = live};
	c->edited = live->type && !in_any(s, p, live);
	c->missing = !live->type && in_all(p, live->path);
	c->in_the_way = want && live->type && live->type != want->type && (live->type == 'd' || want->type == 'd' || live->type == '?');
	if (c->edited || c->missing)
		p->edits++;
}

/* A folder that a file takes the place of: nothing may be in it that is not ours. */
static int look_below(struct fs *s, const struct fs_plan *p, const char *path)
{
	char *full = fs_text("%s/%s", s->live_at, path), *one;
	struct fs_list below;
	int rc = fs_scan(s, full, &below);

	for (size_t i = 0; !rc && i < below.n; i++) {
		one = fs_text("%s/%s", path, below.v[i].path);
		if (!fs_list_find(&p->all, one)) {
			s->host->fail(s->call, "the release has a file or link %s/%s, where now is a folder with %s, which no release has: move that away", s->live_at, path, below.v[i].path);
			rc = -1;
		}
		free(one);
	}
	fs_list_clear(&below);
	free(full);
	return rc;
}

static int look_at_all(struct fs *s, struct fs_plan *p, const struct fs_list *want, int folder)
{
	for (size_t i = 0; i < p->all.n; i++) {
		struct fs_entry *live = &p->all.v[i];

		if (fs_in_time(s, "comparing the tree") || fs_look(s, folder, live->path, live))
			return -1;
		plan_path(s, p, live, fs_list_find(want, live->path));
	}
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].in_the_way && p->v[i].live->type == '?') {
			s->host->fail(s->call, "%s/%s is neither file, folder nor link, and a release has that path: move it away", s->live_at, p->v[i].live->path);
			return -1;
		}
		if (p->v[i].in_the_way && p->v[i].live->type == 'd' && look_below(s, p, p->v[i].live->path))
			return -1;
	}
	return 0;
}

int fs_plan_make(struct fs *s, const char *release, const struct fs_list *want, struct fs_plan *p)
{
	int folder, rc = -1;

	memset(p, 0, sizeof *p);
	p->release = release;
	p->want = want;
	folder = open(s->live_at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) {
		s->host->fail(s->call, "cannot open the folder %s: %s", s->live_at, strerror(errno));
		return -1;
	}
	if (!read_managed(s, release, p)) {
		add_paths(&p->all, want);
		for (size_t i = 0; i < p->managed_n; i++)
			add_paths(&p->all, &p->managed[i]);
		unique(&p->all);
		rc = look_at_all(s, p, want, folder);
	}
	close(folder);
	if (rc)
		fs_plan_clear(p);
	return rc;
}

void fs_plan_clear(struct fs_plan *p)
{
	for (size_t i = 0; i < p->managed_n; i++)
		fs_list_clear(&p->managed[i]);
	free(p->managed);
	free(p->v);
	fs_list_clear(&p->all);
	memset(p, 0, sizeof *p);
}

/* ---- questions ---- */

static void say_edits(const struct fs_plan *p, char *buf, size_t size)
{
	size_t at = 0, n = 0;
	char path[200];

	*buf = 0;
	for (size_t i = 0; i < p->n && at < size; i++) {
		const struct fs_change *c = &p->v[i];

		if (!c->edited && !c->missing)
			continue;
		if (n++ < 5)
			at += (size_t)snprintf(buf + at, size - at, "%s%s%s", n > 1 ? ", " : "", run_printable(c->live->path, strlen(c->live->path), path, sizeof path), c->missing ? " (removed)" : "");
	}
	if (n > 5 && at < size)
		snprintf(buf + at, size - at, " and %zu more", n - 5);
}

int32_t fs_tree_can(struct fs *s, const char *release, const struct fs_list *want)
{
	char said[FS_TEXT];
	struct fs_plan p;
	const char *how;
	int32_t answer = FB_OK;

	if (fs_plan_make(s, release, want, &p))
		return FB_FAIL;
	how = s->host->option(s->call, "edited");
	say_edits(&p, said, sizeof said);
	if (p.edits && !s->recovery && how && !strcmp(how, "refuse")) {
		s->host->fail(s->call, "people have changed what release %s would overwrite in %s: %s. Bring that into the release, or undo it; with edited = \"aside\" it is kept aside and overwritten",
			      release, s->live_at, said);
		answer = FB_FAIL;
	} else if (p.edits) {
		s->host->log(s->call, FB_LOG_WARNING, "people have changed what release %s will overwrite in %s: %s; it will be kept aside", release, s->live_at, said);
	}
	fs_plan_clear(&p);
	return answer;
}

int fs_tree_differs(struct fs *s, const struct fs_list *want, char *buf, size_t size)
{
	struct fs_list live = {0};
	int folder = open(s->live_at, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	size_t n = 0, at = 0;
	char path[200];

	*buf = 0;
	if (folder < 0) {
		s->host->fail(s->call, "cannot open the folder %s: %s", s->live_at, strerror(errno));
		return -1;
	}
	for (size_t i = 0; !rc && i < want->n; i++) {
		struct fs_entry *e = fs_list_add(&live, want->v[i].path);

		rc = fs_in_time(s, "comparing the tree") || fs_look(s, folder, e->path, e) ? -1 : 0;
		if (rc || fs_same(e, &want->v[i], s->owners))
			continue;
		if (n++ < 5 && at < size)
			at += (size_t)snprintf(buf + at, size - at, "%s%s", n > 1 ? ", " : "", run_printable(e->path, strlen(e->path), path, sizeof path));
	}
	if (n > 5 && at < size)
		snprintf(buf + at, size - at, " and %zu more", n - 5);
	close(folder);
	fs_list_clear(&live);
	return rc ? -1 : (int)(n < 1000000 ? n : 1000000);
}

int fs_tree_now(struct fs *s, const struct fs_list *a, const struct fs_list *b, struct fs_list *ret)
{
	int folder = open(s->live_at, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	size_t n = 0;

	memset(ret, 0, sizeof *ret);
	if (folder < 0) {
		s->host->fail(s->call, "cannot open the folder %s: %s", s->live_at, strerror(errno));
		return -1;
	}
	add_paths(ret, a);
	add_paths(ret, b);
	unique(ret);
	for (size_t i = 0; !rc && i < ret->n; i++)
		rc = fs_in_time(s, "comparing the tree") || fs_look(s, folder, ret->v[i].path, &ret->v[i]) ? -1 : 0;
	for (size_t i = 0; i < ret->n; i++) { /* without what is not there */
		if (!ret->v[i].type)
			fs_entry_clear(&ret->v[i]);
		else if (n++ != i)
			ret->v[n - 1] = ret->v[i];
	}
	ret->n = n;
	close(folder);
	if (rc)
		fs_list_clear(ret);
	return rc;
}

int32_t fs_tree_go(struct fs *s, const char *release, const struct fs_list *want)
{
	struct fs_plan p;
	int32_t answer = FB_OK;

	if (fs_plan_make(s, release, want, &p))
		return FB_FAIL;
	if (p.n || fs_tree_mixed(s))
		answer = fs_tree_write(s, &p);
	fs_plan_clear(&p);
	if (answer == FB_OK && !s->dry && (fs_fact_set(s, "live", NULL, release) || fs_fact_set(s, "mixed", NULL, NULL)))
		answer = FB_RETRY;
	return answer;
}
