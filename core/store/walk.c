/* SPDX-License-Identifier: Apache-2.0 */
#include "store/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

struct fb_walk_folder *fb_walk_hold(struct fb_walk_folder *f)
{
	__atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED);
	return f;
}

void fb_walk_release(struct fb_walk_folder *f)
{
	if (!f || __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	close(f->fd);
	fb_free(f);
}

static struct fb_walk_folder *folder_of(int fd)
{
	struct fb_walk_folder *f = fb_alloc(sizeof *f);

	f->fd = fd;
	f->refs = 1;
	return f;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder that was just opened; before each stands its type, one byte as getdents(2) has it. */
static int read_names(int fd, char ***ret, size_t *ret_n, char **arena)
{
	struct fb_text names = {0};
	size_t n = 0, at = 0;
	char buf[32768], type;
	ssize_t got;
	char **v;

	while ((got = getdents64(fd, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < got;) {
			const struct dirent64 *e = (const struct dirent64 *)(buf + i);

			i += e->d_reclen;
			if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
				continue;
			type = (char)e->d_type;
			fb_text_add(&names, &type, 1);
			fb_text_add(&names, e->d_name, strlen(e->d_name) + 1);
			n++;
		}
	if (got < 0) {
		fb_text_clear(&names);
		return -1;
	}
	v = fb_alloc((n + 1) * sizeof *v);
	for (size_t i = 0; i < n; i++) {
		v[i] = names.p + at + 1;
		at += strlen(v[i]) + 2;
	}
	qsort(v, n, sizeof *v, by_bytes);
	*ret = v;
	*ret_n = n;
	*arena = names.p;
	return 0;
}

int fb_walk_names(int fd, char ***ret, size_t *ret_n, char **arena)
{
	return lseek(fd, 0, SEEK_SET) < 0 ? -1 : read_names(fd, ret, ret_n, arena);
}

static bool excluded(const struct fb_walk *w, const char *path, const char *name)
{
	for (const char *const *p = w->exclude; p && *p; p++)
		if (strchr(*p, '/') ? fnmatch(**p == '/' ? *p + 1 : *p, path, FNM_PATHNAME) == 0 : fnmatch(*p, name, 0) == 0)
			return true;
	return false;
}

static int cannot(const struct fb_walk *w, const char *path, const char *what, struct fb_err *err)
{
	int saved = errno;

	return fb_err_set(err, saved == EACCES || saved == EPERM ? FB_STORE_DENIED : FB_STORE_IO, "cannot %s %s%s%s: %s%s", what, w->root, *path ? "/" : "", path,
			  strerror(saved), saved == EMFILE ? " (the tree is deeper than the limit of open files)" : "");
}

static const char *why_not(mode_t mode)
{
	return S_ISSOCK(mode) ? "a socket" : "a device";
}

static int walk_folder(struct fb_walk *w, struct fb_walk_folder *f, const char *path, struct fb_err *err);

/* -1: err. */
static int walk_below(struct fb_walk *w, struct fb_walk_folder *in, const char *name, const char *path, int fd, struct fb_err *err)
{
	struct fb_walk_folder *f = folder_of(fd);
	struct stat st;
	int r = 0;

	/* of what was opened, which may be another one than what was looked at */
	if (fstat(fd, &st) < 0)
		r = cannot(w, path, "look at", err);
	else if (st.st_dev == w->skip_dev && st.st_ino == w->skip_ino)
		w->skipped(w->ctx, path, "the store itself");
	else if ((r = w->visit(w->ctx, in, name, path, fd, &st, err)) == 0)
		r = walk_folder(w, f, path, err);
	fb_walk_release(f);
	return r;
}

/* type: what getdents(2) said of it, by which folders are opened without another look. */
static int walk_entry(struct fb_walk *w, struct fb_walk_folder *in, const char *name, unsigned char type, const char *path, struct fb_err *err)
{
	struct stat st;
	int fd;

	if (type != DT_DIR) {
		if (fstatat(in->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : cannot(w, path, "look at", err);
		if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode) || S_ISFIFO(st.st_mode))
			return w->visit(w->ctx, in, name, path, -1, &st, err);
		if (!S_ISDIR(st.st_mode)) {
			w->skipped(w->ctx, path, why_not(st.st_mode));
			return 0;
		}
	}
	fd = openat(in->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return walk_below(w, in, name, path, fd, err);
	if (type == DT_DIR && (errno == ENOTDIR || errno == ELOOP)) /* something else by now */
		return walk_entry(w, in, name, DT_UNKNOWN, path, err);
	return errno == ENOENT ? 0 : cannot(w, path, "open the folder", err);
}

static int walk_folder(struct fb_walk *w, struct fb_walk_folder *f, const char *path, struct fb_err *err)
{
	size_t n, length = strlen(path), room = 0;
	char **names, *arena, *below = NULL;
	int r = 0;

	if (read_names(f->fd, &names, &n, &arena) < 0)
		return cannot(w, path, "read the folder", err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (length + 1 + strlen(names[i]) >= room) {
			room = length + 2 + strlen(names[i]) + 256;
			below = fb_realloc(below, room);
			memcpy(below, path, length);
			below[length] = '/';
		}
		strcpy(below + (length ? length + 1 : 0), names[i]);
		if (!excluded(w, below, names[i]))
			r = walk_entry(w, f, names[i], (unsigned char)names[i][-1], below, err);
	}
	fb_free(below);
	fb_free(names);
	fb_free(arena);
	return r;
}

int fb_walk(struct fb_walk *w, const char *root, struct fb_err *err)
{
	const char *slash = strrchr(root, '/'), *name = slash && slash[1] ? slash + 1 : ".";
	char *parent = slash && slash > root ? fb_strdup(root) : fb_strdup("/");
	struct fb_walk_folder *f;
	struct stat st;
	int fd, r;

	if (slash && slash > root)
		parent[slash - root] = 0;
	w->root = root;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fb_free(parent);
	if (fd < 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		r = fb_err_set(err, errno == ENOENT ? FB_STORE_ABSENT : FB_STORE_IO, "cannot look at %s: %s", root, strerror(errno));
		if (fd >= 0)
			close(fd);
		return r;
	}
	f = folder_of(fd);
	r = walk_entry(w, f, name, DT_UNKNOWN, "", err);
	fb_walk_release(f);
	return r;
}
