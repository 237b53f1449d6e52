/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of the target, and what is extra in them. */
#include "store/target.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/index.h"
#include "store/walk.h"

#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

const char *const fb_change_texts[FB_CHANGES] = {[FB_SAME] = "same", [FB_CREATED] = "created", [FB_REPLACED] = "replaced", [FB_METADATA] = "metadata", [FB_DELETED] = "deleted"};

static struct fb_target_folder *folder_of(int fd, struct fb_target_folder *above)
{
	struct fb_target_folder *f = fb_alloc(sizeof *f);

	f->fd = fd;
	f->refs = 1;
	f->above = above ? fb_target_hold(above) : NULL;
	f->entry.path = fb_strdup("");
	return f;
}

struct fb_target_folder *fb_target_hold(struct fb_target_folder *f)
{
	f->refs++;
	return f;
}

void fb_target_note(struct fb_target *t, struct fb_target_folder *f, const char *name)
{
	if (!t->delete)
		return;
	if ((f->names_n & (f->names_n - 1)) == 0)
		f->names = fb_realloc(f->names, (f->names_n ? f->names_n * 2 : 1) * sizeof *f->names);
	f->names[f->names_n++] = fb_strdup(name);
}

/* The first part of a path that is not there is made, unless this is a dry run. -2: not there, dry run. */
static int step(const struct fb_target *t, int at, const char *name, bool follow, struct fb_err *err)
{
	int fd = openat(at, name, follow ? FOLDER & ~O_NOFOLLOW : FOLDER);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT && t->dry_run)
		return -2;
	if (errno == ENOENT && mkdirat(at, name, 0700) == 0)
		fd = openat(at, name, FOLDER);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return fb_err_set(err, FB_STORE_DENIED, "%s is a symbolic link or no folder, on the way to what is to be restored: it is not followed", name);
	return fd >= 0 ? fd : fb_err_set(err, FB_STORE_IO, "cannot open or make the folder %s: %s", name, strerror(errno));
}

struct fb_target_folder *fb_target_open(struct fb_target *t, const struct fb_target_folder *base, const char *path, bool follow, struct fb_err *err)
{
	char *copy = fb_strdup(path), *rest = copy;
	int fd, next;

	if (base)
		fd = base->fd < 0 ? -2 : fcntl(base->fd, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path[0] == '/' ? "/" : ".", FOLDER);
	if (fd == -1)
		fb_err_set(err, FB_STORE_IO, "cannot open a folder: %s", strerror(errno));
	for (char *name; fd >= 0 && (name = strsep(&rest, "/"));) {
		if (!*name)
			continue;
		next = step(t, fd, name, follow, err);
		close(fd);
		fd = next;
	}
	if (fd == -1)
		fb_err_prefix(err, "%s", path);
	fb_free(copy);
	return fd == -1 ? NULL : folder_of(fd == -2 ? -1 : fd, NULL);
}

/* A folder of the backup as a copy that lives with the target's. */
void fb_target_want(struct fb_target_folder *f, const struct fb_entry *e, bool wanted)
{
	fb_entry_clear(&f->entry);
	f->entry = *e;
	f->entry.path = fb_strdup(e->path);
	f->entry.link = NULL;
	f->entry.xattrs = fb_alloc(e->xattrs_size + 1);
	if (e->xattrs_size)
		memcpy(f->entry.xattrs, e->xattrs, e->xattrs_size);
	f->wanted = wanted;
}

struct fb_target_folder *fb_target_enter(struct fb_target *t, struct fb_target_folder *above, const char *name, const struct fb_entry *e, bool wanted, struct fb_err *err)
{
	int fd = above->fd < 0 ? -1 : openat(above->fd, name, FOLDER);
	struct fb_target_folder *f;
	bool created = false;

	if (fd < 0 && (above->fd < 0 || errno == ENOENT)) {
		created = true;
		if (!t->dry_run) {
			if (mkdirat(above->fd, name, 0700) < 0 || (fd = openat(above->fd, name, FOLDER)) < 0) {
				fb_err_set(err, FB_STORE_IO, "cannot make the folder %s: %s", e->path, strerror(errno));
				return NULL;
			}
		}
	} else if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
		t->refused(t->ctx, above, name, "there is a symbolic link or a file where the backup has a folder: it is not followed; remove it and restore again");
		return NULL;
	} else if (fd < 0) {
		fb_err_set(err, errno == EACCES ? FB_STORE_DENIED : FB_STORE_IO, "cannot open the folder %s: %s", e->path, strerror(errno));
		return NULL;
	}
	f = folder_of(fd, above);
	f->created = created;
	fb_target_want(f, e, wanted || created);
	if (created)
		t->changed(t->ctx, above, name, FB_CREATED, 0);
	return f;
}

static bool excluded(const struct fb_target *t, const struct fb_target_folder *f, const char *name)
{
	char *path = fb_asprintf("%s%s%s", f->entry.path, *f->entry.path ? "/" : "", name);
	bool is = false;

	for (const char *const *p = t->exclude; p && *p && !is; p++)
		is = strchr(*p, '/') ? fnmatch(**p == '/' ? *p + 1 : *p, path, FNM_PATHNAME) == 0 : fnmatch(*p, name, 0) == 0;
	fb_free(path);
	return is;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void delete_extra(struct fb_target *t, struct fb_target_folder *f, const char *name);

/* What is in a folder that the backup does not have; what was left out of the backup stays, and the folders around it. */
static void delete_folder(struct fb_target *t, struct fb_target_folder *above, const char *name)
{
	struct fb_target_folder f = {.fd = openat(above->fd, name, FOLDER), .above = above};
	char **names, *arena;
	size_t n;

	if (f.fd < 0) {
		t->refused(t->ctx, above, name, "it is extra, and it could not be opened to delete it");
		return;
	}
	f.entry.path = fb_asprintf("%s%s%s", above->entry.path, *above->entry.path ? "/" : "", name);
	if (fb_walk_names(f.fd, &names, &n, &arena) == 0) {
		for (size_t i = 0; i < n; i++)
			if (!excluded(t, &f, names[i]))
				delete_extra(t, &f, names[i]);
		fb_free(names);
		fb_free(arena);
	}
	close(f.fd);
	fb_free(f.entry.path);
	if (t->dry_run || unlinkat(above->fd, name, AT_REMOVEDIR) == 0)
		t->changed(t->ctx, above, name, FB_DELETED, 0);
	else if (errno != ENOTEMPTY && errno != EEXIST)
		t->refused(t->ctx, above, name, "it is extra, and it could not be deleted");
}

static void delete_extra(struct fb_target *t, struct fb_target_folder *f, const char *name)
{
	struct stat st;

	if (fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		delete_folder(t, f, name);
		return;
	}
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode) && !S_ISFIFO(st.st_mode))
		return; /* sockets and devices are never in a backup */
	if (t->dry_run || unlinkat(f->fd, name, 0) == 0)
		t->changed(t->ctx, f, name, FB_DELETED, 0);
	else
		t->refused(t->ctx, f, name, "it is extra, and it could not be deleted");
}

static void delete_extras(struct fb_target *t, struct fb_target_folder *f)
{
	char **names, *arena;
	size_t n;

	if (!t->delete || !f->wanted || f->fd < 0 || fb_walk_names(f->fd, &names, &n, &arena) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if ((!f->names || !bsearch(&names[i], f->names, f->names_n, sizeof *f->names, by_text)) && !excluded(t, f, names[i]))
			delete_extra(t, f, names[i]);
	fb_free(names);
	fb_free(arena);
}

void fb_target_release(struct fb_target *t, struct fb_target_folder *f, struct fb_err *err)
{
	struct fb_target_folder *above;
	bool any = false;

	if (!f || --f->refs > 0)
		return;
	above = f->above;
	if (err && !err->code) /* else not all that the backup has in it may have been noted */
		delete_extras(t, f);
	if (f->wanted && f->fd >= 0 && err && !err->code && fb_target_metadata(t, f->fd, &f->entry, &any, err) == 0 && any && !f->created)
		t->changed(t->ctx, f, "", FB_METADATA, 0);
	if (f->fd >= 0)
		close(f->fd);
	for (size_t i = 0; i < f->names_n; i++)
		fb_free(f->names[i]);
	fb_free(f->names);
	fb_entry_clear(&f->entry);
	fb_free(f);
	fb_target_release(t, above, err);
}

/* An attribute that the backup does not have, and that is content or a right, not a label that the system gives to all files. */
static bool is_extra(const struct fb_entry *e, const char *attribute)
{
	static const char *const ours[] = {"user.", "trusted.", "system.posix_acl_", "security.capability"};
	const char *name;
	const void *value;
	size_t at = 0, size, i;

	for (i = 0; i < sizeof ours / sizeof *ours && !fb_has_prefix(attribute, ours[i]); i++)
		;
	if (i == sizeof ours / sizeof *ours)
		return false;
	while (fb_entry_xattr(e, &at, &name, &value, &size))
		if (!strcmp(name, attribute))
			return false;
	return true;
}

static bool same_xattrs(int fd, const struct fb_entry *e)
{
	char value[XATTR_SIZE_MAX], names[XATTR_LIST_MAX];
	const char *name;
	const void *is;
	size_t at = 0, size;
	ssize_t n = flistxattr(fd, names, sizeof names);

	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1)
		if (is_extra(e, p))
			return false;
	while (fb_entry_xattr(e, &at, &name, &is, &size)) {
		ssize_t got = fgetxattr(fd, name, value, sizeof value);

		if (got < 0 || (size_t)got != size || memcmp(value, is, size) != 0)
			return false;
	}
	return true;
}

static int set_xattrs(int fd, const struct fb_entry *e, struct fb_err *err)
{
	char names[XATTR_LIST_MAX];
	ssize_t n = flistxattr(fd, names, sizeof names);
	const char *name;
	const void *value;
	size_t at = 0, size;

	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) /* such as a list of rights that a new file takes from its folder */
		if (is_extra(e, p) && fremovexattr(fd, p) < 0 && errno != ENODATA && errno != ENOTSUP && errno != EPERM)
			return fb_err_set(err, FB_STORE_IO, "cannot remove the attribute %s of %s: %s", p, e->path, strerror(errno));
	while (fb_entry_xattr(e, &at, &name, &value, &size))
		if (fsetxattr(fd, name, value, size, 0) < 0 && errno != ENOTSUP && errno != EPERM) /* another file system, or not root: content comes first */
			return fb_err_set(err, FB_STORE_IO, "cannot set the attribute %s of %s: %s", name, e->path, strerror(errno));
	return 0;
}

int fb_target_metadata(const struct fb_target *t, int fd, const struct fb_entry *e, bool *ret_any, struct fb_err *err)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)e->mtime, .tv_nsec = (long)e->mtime_ns}};
	bool owner, mode, attributes, time;
	mode_t want;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot look at %s: %s", e->path, strerror(errno));
	if (fb_index_same(e, &st, &t->start)) { /* nothing of it was touched since it was backed up */
		*ret_any = false;
		return 0;
	}
	owner = t->root && (st.st_uid != e->uid || st.st_gid != e->gid);
	/* without the right to give a file away, it shall not run as us either */
	want = !t->root && st.st_uid != e->uid ? e->mode & ~(mode_t)06000 : e->mode;
	mode = (st.st_mode & 07777) != want;
	attributes = !same_xattrs(fd, e);
	time = st.st_mtim.tv_sec != e->mtime || st.st_mtim.tv_nsec != (long)e->mtime_ns;
	*ret_any = owner || mode || attributes || time;
	if (t->dry_run)
		return 0;
	if (owner && fchown(fd, e->uid, e->gid) < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot set the owner of %s: %s", e->path, strerror(errno));
	if (attributes && set_xattrs(fd, e, err) < 0)
		return -1;
	if ((mode || owner) && fchmod(fd, want) < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot set the mode of %s: %s", e->path, strerror(errno));
	if ((time || attributes || mode || owner) && futimens(fd, times) < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot set the times of %s: %s", e->path, strerror(errno));
	return 0;
}
