/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout = "tree": the changes of a plan. Each file is written beside, to the disk, and renamed into place. What is there is looked at once more before it is touched. New folders
 * come first, then files and links, then what goes, then permissions of folders; it can be begun again at any point.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/strategies/files/tree.h"

struct writing {
	struct fs *s;
	struct fs_plan *p;
	char *from; /* folder of the release */
	int folder; /* the tree */
};

static int failed(struct writing *w, const char *what, const char *path)
{
	w->s->host->fail(w->s->call, "cannot %s %s/%s: %s", what, w->s->live_at, path, strerror(errno));
	return -1;
}

/* Is what has this name still what was looked at? */
static int unchanged(struct writing *w, const struct fs_change *c, int parent, const char *name)
{
	struct stat st;
	bool there = fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0, same = c->live->type && !c->gone;

	if (!there && errno != ENOENT)
		return failed(w, "look at", c->live->path);
	if (there == same && (!there || st.st_ino == c->live->inode))
		if (!there || c->live->type == 'd' || (uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec == c->live->change_ns)
			return 0;
	w->s->host->fail(w->s->call, "%s/%s was changed by someone else at this moment; it is looked at anew", w->s->live_at, c->live->path);
	return -1;
}

static int open_parent(struct writing *w, const char *path, const char **ret_name)
{
	int fd = fs_parent(w->folder, path, ret_name);

	if (fd < 0)
		failed(w, "open the folder of", path);
	return fd;
}

static int remove_one(struct writing *w, struct fs_change *c)
{
	const char *name;
	int parent, rc;

	if (!c->live->type || c->gone)
		return 0;
	parent = open_parent(w, c->live->path, &name);
	if (parent < 0)
		return -1;
	rc = unchanged(w, c, parent, name);
	if (!rc && unlinkat(parent, name, c->live->type == 'd' ? AT_REMOVEDIR : 0)) {
		if (c->live->type == 'd' && !c->in_the_way && (errno == ENOTEMPTY || errno == EEXIST)) /* users' own files are in it */
			w->s->host->log(w->s->call, FB_LOG_INFO, "%s/%s stays: files that no release has are in it", w->s->live_at, c->live->path);
		else
			rc = failed(w, "remove", c->live->path);
	} else if (!rc) {
		c->gone = true;
		rc = fsync(parent) ? failed(w, "write to the disk the folder of", c->live->path) : 0;
	}
	close(parent);
	return rc;
}

static int put_one(struct writing *w, struct fs_change *c)
{
	const struct fs_entry *e = c->want;
	const char *name;
	int parent = open_parent(w, e->path, &name), rc;
	char *beside;

	if (parent < 0)
		return -1;
	beside = e->type == 'd' ? run_copy(name) : fs_text(".%.200s.failback", name);
	if (e->type != 'd' && unlinkat(parent, beside, 0) && errno != ENOENT) /* of an attempt that was killed */
		rc = failed(w, "remove what an earlier attempt left beside", e->path);
	else
		rc = fs_copy(w->s, e->source ? e->source : w->from, e, parent, beside);
	if (!rc)
		rc = e->type == 'd' ? 0 : unchanged(w, c, parent, name);
	if (!rc && e->type != 'd' && renameat(parent, beside, parent, name))
		rc = failed(w, "put in place", e->path);
	if (rc && e->type != 'd')
		unlinkat(parent, beside, 0);
	if (!rc && fsync(parent))
		rc = failed(w, "write to the disk the folder of", e->path);
	free(beside);
	close(parent);
	return rc;
}

/* Permissions of folders: last, for one may be without leave to write in it. */
static int dress_folder(struct writing *w, const struct fs_change *c)
{
	const char *name;
	int parent, fd, rc;

	if (!c->want || c->want->type != 'd')
		return 0;
	parent = open_parent(w, c->want->path, &name);
	fd = parent < 0 ? -1 : openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	rc = fd < 0 || (w->s->owners && fchown(fd, c->want->uid, c->want->gid)) || fchmod(fd, c->want->mode) || fsync(fd) ? failed(w, "set the permissions of", c->want->path) : 0;
	if (fd >= 0)
		close(fd);
	if (parent >= 0)
		close(parent);
	return rc;
}

static bool below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && path[n] == '/';
}

/* What is in the way, with what is in it, from the innermost out. */
static int clear_way(struct writing *w)
{
	for (size_t i = 0; i < w->p->n; i++) {
		size_t end = i + 1;

		if (!w->p->v[i].in_the_way)
			continue;
		while (end < w->p->n && strncmp(w->p->v[end].live->path, w->p->v[i].live->path, strlen(w->p->v[i].live->path)) == 0)
			end++;
		for (size_t k = end; k-- > i;)
			if ((k == i || below(w->p->v[k].live->path, w->p->v[i].live->path)) && remove_one(w, &w->p->v[k]))
				return -1;
	}
	return 0;
}

static int write_all(struct writing *w)
{
	struct fs_plan *p = w->p;

	if (clear_way(w))
		return -1;
	for (size_t i = 0; i < p->n; i++) {
		const struct fs_change *c = &p->v[i];
		bool is_folder = c->want && c->want->type == 'd' && c->live->type == 'd';

		if (fs_in_time(w->s, "writing the tree") || (c->want && !is_folder && put_one(w, &p->v[i])))
			return -1;
		w->s->host->progress(w->s->call, (int32_t)(i * 10000 / p->n), "writing the tree");
	}
	for (size_t i = p->n; i-- > 0;)
		if ((!p->v[i].want && remove_one(w, &p->v[i])) || dress_folder(w, &p->v[i]))
			return -1;
	return 0;
}

int32_t fs_tree_write(struct fs *s, struct fs_plan *p)
{
	struct writing w = {.s = s, .p = p};
	char *key = fs_text("tree/%s", p->release);
	size_t going = 0;
	int32_t leave, answer = FB_OK;

	for (size_t i = 0; i < p->n; i++)
		going += p->v[i].want ? 0 : 1;
	leave = fs_leave(s, key, "make %s equal to release %s: %zu written, %zu removed, %zu changed by people kept aside", s->live_at, p->release, p->n - going, going, p->edits);
	if (leave == FB_ACT_NO)
		answer = FB_RETRY;
	if (leave == FB_ACT_DO || leave == FB_ACT_DONE) {
		w.from = fs_release_path(s, p->release);
		w.folder = open(s->live_at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (w.folder < 0)
			failed(&w, "open", "");
		answer = w.folder < 0 || fs_aside(s, p) || fs_tree_begin(s, p->release) || write_all(&w) ? FB_FAIL : fs_made(s, key, leave);
		if (w.folder >= 0)
			close(w.folder);
		free(w.from);
	}
	free(key);
	return answer;
}
