/* SPDX-License-Identifier: Apache-2.0 */
/* Files, links and fifos of the target: looked at first, written only where they differ. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "store/index.h"
#include "store/target.h"

#define BLOCK 4096 /* zeros of this size and place become holes again */
#define TEMPORARY ".failback-restore-"

struct sink {
	int fd;
	bool sparse;
	const struct fb_entry *e;
};

static int write_all(struct sink *s, const uint8_t *data, size_t size, struct fb_err *err)
{
	if (fb_io_write_all(s->fd, data, size) < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot write %s: %s", s->e->path, strerror(errno));
	return 0;
}

static bool zeros(const uint8_t *p, size_t n)
{
	return n == BLOCK && !*p && memcmp(p, p + 1, n - 1) == 0;
}

/* Chunks are aligned to blocks, so blocks of a chunk are blocks of the file. */
static int write_chunk(void *ctx, const uint8_t *data, size_t size, struct fb_err *err)
{
	struct sink *s = ctx;
	size_t from = 0, to;

	if (!s->sparse)
		return write_all(s, data, size, err);
	while (from < size) {
		for (to = from; to < size && zeros(data + to, size - to < BLOCK ? size - to : BLOCK); to += BLOCK)
			;
		if (to > from && lseek(s->fd, (off_t)(to - from), SEEK_CUR) < 0)
			return fb_err_set(err, FB_STORE_IO, "cannot write %s: %s", s->e->path, strerror(errno));
		for (from = to; to < size && !zeros(data + to, size - to < BLOCK ? size - to : BLOCK); to += BLOCK)
			;
		to = to < size ? to : size;
		if (to > from && write_all(s, data + from, to - from, err) < 0)
			return -1;
		from = to;
	}
	return 0;
}

/* One that a killed restore left is in the way of its successor alone: the name follows from the name. */
static void temporary_name(const char *name, char buf[64])
{
	char hex[FB_HASH_SIZE];

	fb_hash(name, strlen(name), hex);
	snprintf(buf, 64, TEMPORARY "%.16s", hex);
}

static int put_in_place(const struct fb_target_folder *in, const char *temporary, const char *name, const struct fb_entry *e, struct fb_err *err)
{
	if (renameat(in->fd, temporary, in->fd, name) == 0)
		return 0;
	fb_err_set(err, FB_STORE_IO, "cannot put %s in place: %s", e->path, strerror(errno));
	unlinkat(in->fd, temporary, 0);
	return -1;
}

static int write_file(const struct fb_target *t, const struct fb_target_folder *in, const char *name, const struct fb_entry *e, struct fb_object_io *io, struct fb_err *err)
{
	struct fb_ref ref = {.id = e->object, .size = e->size, .encrypted = t->encrypted};
	struct sink s = {.sparse = e->sparse, .e = e};
	char temporary[64];
	bool any;
	int r;

	temporary_name(name, temporary);
	unlinkat(in->fd, temporary, 0);
	s.fd = openat(in->fd, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s.fd < 0)
		return fb_err_set(err, errno == EACCES ? FB_STORE_DENIED : FB_STORE_IO, "cannot create %s: %s", e->path, strerror(errno));
	r = fb_content_read(t->store, io, &ref, write_chunk, &s, err);
	if (r == 0 && e->sparse && ftruncate(s.fd, (off_t)e->size) < 0)
		r = fb_err_set(err, FB_STORE_IO, "cannot write %s: %s", e->path, strerror(errno));
	if (r == 0)
		r = fb_target_metadata(t, s.fd, e, &any, err);
	if (close(s.fd) < 0 && r == 0)
		r = fb_err_set(err, FB_STORE_IO, "cannot write %s: %s", e->path, strerror(errno));
	if (r < 0) {
		unlinkat(in->fd, temporary, 0);
		return -1;
	}
	return put_in_place(in, temporary, name, e, err);
}

static ssize_t read_full(int fd, uint8_t *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, buf + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -1 : (ssize_t)n;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* 1: what is open is the content that e says; 0: it is not, or cannot be told; -1: what it should be cannot be read. */
static int same_content(const struct fb_target *t, int fd, const struct fb_entry *e, struct fb_object_io *io, struct fb_err *err)
{
	struct fb_ref ref = {.id = e->object, .size = e->size, .encrypted = t->encrypted};
	uint8_t *buf = fb_object_io_buffer(io);
	struct fb_content_reader r = {0};
	struct fb_oid id, is;
	size_t size;
	int got = fb_content_open(&r, t->store, io, &ref, err), same = 1;

	while (same == 1 && got >= 0 && (got = fb_content_next(&r, &id, &size, err)) > 0) {
		if (read_full(fd, buf, size) != (ssize_t)size) {
			same = 0;
			break;
		}
		fb_object_name(t->store, buf, size, 0, t->encrypted, &is);
		same = memcmp(is.b, id.b, sizeof is.b) == 0;
	}
	fb_content_close(&r);
	return got < 0 ? -1 : same;
}

/* 1: it is, or was made what it should be without writing its content (ret says which); 0: it has to be written. */
static int settle(const struct fb_target *t, const struct fb_target_folder *in, const char *name, const struct fb_entry *e, const struct stat *st, struct fb_object_io *io,
		  struct fb_target_result *ret, struct fb_err *err)
{
	struct fb_target look = *t;
	struct stat open_st;
	bool any = false;
	int fd, r;

	if (fb_index_same(e, st, &t->start)) /* the very file that was backed up, untouched */
		return 1;
	if ((uint64_t)st->st_size != e->size)
		return 0;
	fd = openat(in->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	if (fstat(fd, &open_st) < 0 || open_st.st_dev != st->st_dev || open_st.st_ino != st->st_ino) {
		close(fd);
		return 0; /* someone put another one there */
	}
	r = same_content(t, fd, e, io, err);
	look.dry_run = true;
	if (r > 0 && fb_target_metadata(&look, fd, e, &any, err) < 0)
		r = -1;
	if (r > 0 && any) {
		if (open_st.st_nlink > 1 && !e->hard)
			r = 0; /* its other names may not be ours to change */
		else if (fb_target_metadata(t, fd, e, &any, err) < 0)
			r = -1;
		ret->change = FB_METADATA;
	}
	close(fd);
	return r;
}

static const char *in_the_way(mode_t mode)
{
	if (S_ISDIR(mode))
		return "there is a folder where the backup has none: remove it and restore again";
	if (S_ISCHR(mode) || S_ISBLK(mode))
		return "there is a device where the backup has none: remove it and restore again";
	if (S_ISSOCK(mode))
		return "there is a socket where the backup has none: stop what listens there, remove it and restore again";
	return NULL;
}

bool fb_target_untouched(const struct fb_target *t, const struct fb_target_folder *in, const char *name, const struct fb_entry *e)
{
	struct stat st;

	return e->type == 'f' && in->fd >= 0 && !in->created && fstatat(in->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && fb_index_same(e, &st, &t->start);
}

int fb_target_file(const struct fb_target *t, const struct fb_target_folder *in, const char *name, const struct fb_entry *e, struct fb_object_io *io,
		   struct fb_target_result *ret, struct fb_err *err)
{
	struct stat st;
	int r;

	*ret = (struct fb_target_result){0};
	if (in->fd >= 0 && fstatat(in->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		ret->why = in_the_way(st.st_mode);
		if (ret->why)
			return 0;
		r = S_ISREG(st.st_mode) ? settle(t, in, name, e, &st, io, ret, err) : 0;
		if (r != 0)
			return r < 0 ? -1 : 0;
		ret->change = FB_REPLACED;
	} else if (in->fd >= 0 && errno != ENOENT) {
		return fb_err_set(err, FB_STORE_IO, "cannot look at %s: %s", e->path, strerror(errno));
	} else {
		ret->change = FB_CREATED;
	}
	ret->bytes = e->size;
	return t->dry_run ? 0 : write_file(t, in, name, e, io, err);
}

static bool same_other(const struct fb_target *t, const struct fb_target_folder *in, const char *name, const struct fb_entry *e, const struct stat *st)
{
	char target[PATH_MAX + 1];
	ssize_t n;

	if (t->root && (st->st_uid != e->uid || st->st_gid != e->gid))
		return false;
	if (e->type == 'p')
		return S_ISFIFO(st->st_mode) && (st->st_mode & 07777) == e->mode && st->st_mtim.tv_sec == e->mtime && st->st_mtim.tv_nsec == (long)e->mtime_ns;
	if (!S_ISLNK(st->st_mode) || st->st_mtim.tv_sec != e->mtime || st->st_mtim.tv_nsec != (long)e->mtime_ns)
		return false;
	n = readlinkat(in->fd, name, target, sizeof target - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	return !strcmp(target, e->link);
}

/* By its descriptor: who may write to the folder could put a link in its place before its mode is set. */
static int make_fifo(const struct fb_target *t, const struct fb_target_folder *in, const char *temporary, const struct fb_entry *e, const struct timespec times[2])
{
	struct stat st;
	int fd, r = -1;

	if (mkfifoat(in->fd, temporary, 0600) < 0)
		return -1;
	fd = openat(in->fd, temporary, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	errno = EEXIST; /* of what is no fifo */
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && st.st_uid == geteuid() && (!t->root || fchown(fd, e->uid, e->gid) == 0) && fchmod(fd, e->mode) == 0 &&
	    futimens(fd, times) == 0)
		r = 0;
	close(fd);
	return r;
}

static int make_other(const struct fb_target *t, const struct fb_target_folder *in, const char *temporary, const struct fb_entry *e)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)e->mtime, .tv_nsec = (long)e->mtime_ns}};

	if (e->type == 'p')
		return make_fifo(t, in, temporary, e, times);
	if (symlinkat(e->link, in->fd, temporary) < 0)
		return -1;
	if (t->root && fchownat(in->fd, temporary, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return utimensat(in->fd, temporary, times, AT_SYMLINK_NOFOLLOW);
}

int fb_target_other(const struct fb_target *t, const struct fb_target_folder *in, const char *name, const struct fb_entry *e, struct fb_target_result *ret, struct fb_err *err)
{
	char temporary[64];
	struct stat st;

	*ret = (struct fb_target_result){.change = FB_CREATED};
	if (in->fd >= 0 && fstatat(in->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		ret->why = in_the_way(st.st_mode);
		ret->change = same_other(t, in, name, e, &st) ? FB_SAME : FB_REPLACED;
		if (ret->why || ret->change == FB_SAME)
			return 0;
	}
	if (t->dry_run)
		return 0;
	temporary_name(name, temporary);
	unlinkat(in->fd, temporary, 0);
	if (make_other(t, in, temporary, e) < 0) {
		fb_err_set(err, FB_STORE_IO, "cannot make %s: %s", e->path, strerror(errno));
		unlinkat(in->fd, temporary, 0);
		return -1;
	}
	return put_in_place(in, temporary, name, e, err);
}

/* The folder of a path below root, opened part by part, and the last part of it. */
static int open_parent(const struct fb_target_folder *root, const char *path, const char **ret_name)
{
	int fd = fcntl(root->fd, F_DUPFD_CLOEXEC, 3), next;
	const char *slash;
	char name[NAME_MAX + 1];

	for (; fd >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		snprintf(name, sizeof name, "%.*s", (int)(slash - path), path);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	*ret_name = path;
	return fd;
}

int fb_target_link(const struct fb_target *t, const struct fb_target_folder *root, const char *path, const struct fb_target_folder *in, const char *name,
		   struct fb_target_result *ret, struct fb_err *err)
{
	struct stat first, st;
	const char *last;
	char temporary[64];
	int fd = root->fd < 0 || in->fd < 0 ? -1 : open_parent(root, path, &last), r = 0;

	*ret = (struct fb_target_result){.change = FB_CREATED};
	if (fd < 0 || fstatat(fd, last, &first, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(first.st_mode)) {
		ret->why = t->dry_run ? NULL : "the file that it is another name of is not there";
		if (fd >= 0)
			close(fd);
		return 0;
	}
	if (fstatat(in->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		ret->why = in_the_way(st.st_mode);
		ret->change = st.st_dev == first.st_dev && st.st_ino == first.st_ino ? FB_SAME : FB_REPLACED;
	}
	if (!ret->why && ret->change != FB_SAME && !t->dry_run) {
		struct fb_entry e = {.path = (char *)name};

		temporary_name(name, temporary);
		unlinkat(in->fd, temporary, 0);
		r = linkat(fd, last, in->fd, temporary, 0) < 0 ? fb_err_set(err, FB_STORE_IO, "cannot link %s to %s: %s", name, path, strerror(errno)) :
								 put_in_place(in, temporary, name, &e, err);
	}
	close(fd);
	return r;
}
