/* SPDX-License-Identifier: Apache-2.0 */
/* A directory, such as one on another disk or a network's file system. A copy there is a store of its own right, which failback-store opens with --store. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "store/location.h"

struct directory {
	int fd; /* -1: not yet opened */
	uint64_t random;
	unsigned n;
	bool written;
};

static int fail(struct fb_connection *c, const char *key, const char *doing, struct fb_err *err)
{
	int code = errno == ENOENT ? FB_STORE_ABSENT : errno == EACCES || errno == EPERM || errno == EROFS ? FB_STORE_DENIED : errno == EEXIST ? FB_STORE_EXISTS : FB_STORE_IO;

	return fb_err_set(err, code, "cannot %s %s in %s: %s", doing, key, c->location->text, strerror(errno));
}

static int open_directory(struct fb_location *l, struct fb_err *err)
{
	const char *path = fb_location_text(l, "path");

	if (!path || *path != '/')
		return fb_err_set(err, FB_STORE_USAGE, "a location that is a directory needs its absolute path");
	l->text = fb_strdup(path);
	return 0;
}

static void close_directory(struct fb_location *l)
{
	(void)l;
}

static void disconnect(struct fb_connection *c)
{
	struct directory *d = c->own;

	close(d->fd);
	fb_free(d);
	c->own = NULL;
}

static struct directory *reach(struct fb_connection *c, struct fb_err *err)
{
	struct directory *d = c->own;
	int fd;

	if (d)
		return d;
	fd = open(c->location->text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fb_err_set(err, errno == ENOENT ? FB_STORE_ABSENT : errno == EACCES ? FB_STORE_DENIED : FB_STORE_IO, "cannot open %s: %s; is what belongs there mounted?", c->location->text,
			   strerror(errno));
		return NULL;
	}
	d = fb_alloc(sizeof *d);
	d->fd = fd;
	randombytes_buf(&d->random, sizeof d->random);
	c->own = d;
	return d;
}

static int make(struct fb_connection *c, struct fb_err *err)
{
	static const char *const folders[] = {"objects", "sets", "index"};
	struct directory *d;
	char name[16];
	int fd;

	if (mkdir(c->location->text, 0700) < 0 && errno != EEXIST)
		return fail(c, "the folder", "make", err); /* not what is above: a disk that is not mounted is not made up for */
	d = reach(c, err);
	if (!d)
		return -1;
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		if (mkdirat(d->fd, folders[i], 0700) < 0 && errno != EEXIST)
			return fail(c, folders[i], "make", err);
	for (unsigned i = 0; i < 256; i++) {
		snprintf(name, sizeof name, "objects/%02x", i);
		if (mkdirat(d->fd, name, 0700) < 0 && errno != EEXIST)
			return fail(c, name, "make", err);
	}
	fd = openat(d->fd, "lock", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(c, "lock", "make", err);
	close(fd);
	return 0;
}

static int get(struct fb_connection *c, const char *key, size_t limit, struct fb_text *ret, struct fb_err *err)
{
	struct directory *d = reach(c, err);
	struct stat st;
	char buf[65536];
	ssize_t n = 0;
	int fd;

	if (!d)
		return -1;
	fd = openat(d->fd, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return fail(c, key, "open", err);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return fb_err_set(err, FB_STORE_DAMAGED, "%s in %s is no file", key, c->location->text);
	}
	while (ret->n <= limit && (n = read(fd, buf, sizeof buf)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		fb_text_add(ret, buf, (size_t)n);
	}
	if (n < 0) {
		fail(c, key, "read", err);
		close(fd);
		return -1;
	}
	close(fd);
	return ret->n <= limit ? 0 : fb_err_set(err, FB_STORE_DAMAGED, "%s in %s is longer than %zu bytes", key, c->location->text, limit);
}

static void temporary(struct directory *d, const char *key, char *buf, size_t size)
{
	const char *slash = strrchr(key, '/');

	snprintf(buf, size, "%.*s" FB_TEMPORARY_PREFIX "%016llx-%u", slash ? (int)(slash + 1 - key) : 0, key, (unsigned long long)d->random, ++d->n);
}

static int put(struct fb_connection *c, const char *key, const void *data, size_t size, bool exclusive, struct fb_err *err)
{
	struct directory *d = reach(c, err);
	char name[300];
	int fd, r = 0;

	if (!d)
		return -1;
	temporary(d, key, name, sizeof name);
	fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(c, key, "write", err);
	if (fb_io_write_all(fd, data, size) < 0 || fdatasync(fd) < 0)
		r = fail(c, key, "write", err);
	if (close(fd) < 0 && r == 0)
		r = fail(c, key, "write", err);
	if (r == 0 && renameat2(d->fd, name, d->fd, key, exclusive ? RENAME_NOREPLACE : 0) < 0)
		r = fail(c, key, "put", err);
	if (r < 0)
		unlinkat(d->fd, name, 0);
	return r;
}

static int sync_sets(struct fb_connection *c, struct fb_err *err)
{
	struct directory *d = c->own;
	int fd = openat(d->fd, "sets", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = fd < 0 || fsync(fd) < 0 ? fail(c, "sets", "sync", err) : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static int seal(struct fb_connection *c, const char *set, const void *data, size_t size, struct fb_err *err)
{
	struct directory *d = reach(c, err);
	char *part, *file, *whole;
	struct stat st;
	int r = 0;

	if (!d)
		return -1;
	part = fb_asprintf("sets/%s.part", set);
	file = fb_asprintf("%s/manifest.json", part);
	whole = fb_asprintf("sets/%s", set);
	if (fstatat(d->fd, whole, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		r = fail(c, whole, "put", err);
	}
	if (r == 0 && mkdirat(d->fd, part, 0700) < 0 && errno != EEXIST)
		r = fail(c, part, "make", err);
	if (r == 0)
		r = put(c, file, data, size, false, err);
	if (r == 0 && syncfs(d->fd) < 0)
		r = fail(c, "it", "sync all", err);
	if (r == 0 && renameat2(d->fd, part, d->fd, whole, RENAME_NOREPLACE) < 0)
		r = fail(c, whole, "put", err);
	if (r == 0)
		r = sync_sets(c, err);
	fb_free(part);
	fb_free(file);
	fb_free(whole);
	return r;
}

static int remove_key(struct fb_connection *c, const char *key, struct fb_err *err)
{
	struct directory *d = reach(c, err);

	if (!d)
		return -1;
	return unlinkat(d->fd, key, 0) == 0 || errno == ENOENT ? 0 : fail(c, key, "remove", err);
}

static int unseal(struct fb_connection *c, const char *set, struct fb_err *err)
{
	struct directory *d = reach(c, err);
	char *whole, *gone;
	int r = 0;

	if (!d)
		return -1;
	whole = fb_asprintf("sets/%s", set);
	gone = fb_asprintf("%s.gone", whole);
	r = fb_store_remove_folder(d->fd, gone, err);
	if (r == 0 && renameat(d->fd, whole, d->fd, gone) < 0 && errno != ENOENT)
		r = fail(c, whole, "remove", err);
	if (r == 0)
		r = sync_sets(c, err);
	if (r == 0)
		r = fb_store_remove_folder(d->fd, gone, err);
	fb_free(whole);
	fb_free(gone);
	return r;
}

static DIR *open_folder(struct fb_connection *c, const char *key, struct fb_err *err)
{
	struct directory *d = reach(c, err);
	int fd = d ? openat(d->fd, key, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (d && !dir) {
		fail(c, key, "read", err);
		if (fd >= 0)
			close(fd);
	}
	return dir;
}

static int sets(struct fb_connection *c, int (*each)(void *ctx, const char *name, struct fb_err *err), void *ctx, struct fb_err *err)
{
	DIR *dir = open_folder(c, "sets", err);
	struct dirent *e;
	int r = dir ? 0 : -1;

	while (r == 0 && (e = readdir(dir)))
		if (fb_store_name_valid(e->d_name))
			r = each(ctx, e->d_name, err);
	if (dir)
		closedir(dir);
	return r < 0 ? -1 : 0;
}

static int objects(struct fb_connection *c, unsigned first, int (*each)(void *ctx, const char *name, uint64_t size, struct fb_err *err), void *ctx, struct fb_err *err)
{
	int r = 0;

	for (unsigned i = first; r == 0 && i < 256; i++) {
		char folder[16], name[sizeof folder + sizeof ((struct dirent *)0)->d_name];
		struct dirent *e;
		struct stat st;
		DIR *dir;

		snprintf(folder, sizeof folder, "objects/%02x", i);
		dir = open_folder(c, folder, err);
		if (!dir)
			return -1;
		while (r == 0 && (e = readdir(dir))) {
			if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
				continue;
			snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
			r = each(ctx, name, (uint64_t)st.st_size, err);
		}
		closedir(dir);
	}
	return r;
}

const struct fb_location_ops fb_location_directory = {.use = "directory", .open = open_directory, .close = close_directory, .disconnect = disconnect, .make = make, .get = get,
	.put = put, .seal = seal, .remove = remove_key, .unseal = unseal, .sets = sets, .objects = objects};
