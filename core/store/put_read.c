/* SPDX-License-Identifier: Apache-2.0 */
#include "store/put_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

static void fail(struct fb_put_job *j, const struct fb_err *err)
{
	j->err = fb_alloc(sizeof *j->err);
	*j->err = *err;
}

void fb_put_shape(struct fb_entry *e, const struct stat *st)
{
	e->mode = st->st_mode & 07777;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->mtime = st->st_mtim.tv_sec;
	e->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
	e->ctime = st->st_ctim.tv_sec;
	e->ctime_ns = (uint32_t)st->st_ctim.tv_nsec;
	e->dev = st->st_dev;
	e->ino = st->st_ino;
	if (S_ISREG(st->st_mode)) {
		e->size = (uint64_t)st->st_size;
		e->sparse = (uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size;
	}
}

bool fb_put_same_times(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool fb_put_attributes(int fd, struct fb_entry *e)
{
	char names[XATTR_LIST_MAX], value[XATTR_SIZE_MAX], size[4];
	ssize_t n = flistxattr(fd, names, sizeof names), got;
	struct fb_text t = {0};
	bool all = n >= 0 || errno == ENOTSUP;

	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		got = fgetxattr(fd, p, value, sizeof value);
		if (got < 0 || t.n + strlen(p) + 1 + sizeof size + (size_t)got > FB_XATTRS_LIMIT) {
			all = all && got < 0 && errno == ENODATA; /* one that was removed meanwhile was never there */
			continue;
		}
		for (int i = 0; i < 4; i++)
			size[i] = (char)((size_t)got >> (8 * i));
		fb_text_add(&t, p, strlen(p) + 1);
		fb_text_add(&t, size, sizeof size);
		fb_text_add(&t, value, (size_t)got);
	}
	e->xattrs_size = t.n;
	e->xattrs = t.p;
	return all;
}

static ssize_t read_at(int fd, uint8_t *buf, size_t size, uint64_t offset)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = pread(fd, buf + n, size - n, (off_t)(offset + n));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

int fb_put_cannot_read(const char *path, struct fb_err *err)
{
	int saved = errno;

	return fb_err_set(err, saved == EACCES || saved == EPERM ? FB_STORE_DENIED : FB_STORE_IO, "cannot read %s: %s", path, strerror(saved));
}

/* Reads and stores a file of one chunk at most. */
static int small_file(struct fb_put_job *j, struct fb_object_io *io, int fd, struct fb_err *err)
{
	uint8_t *buf = fb_object_io_buffer(io);
	struct stat st, after;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return fb_put_cannot_read(j->entry.path, err);
	if (!S_ISREG(st.st_mode)) {
		j->vanished = true; /* what was looked at is no longer there */
		return 0;
	}
	n = read_at(fd, buf, (size_t)st.st_size < FB_CHUNK ? (size_t)st.st_size + 1 : FB_CHUNK, 0);
	if (n < 0 || fstat(fd, &after) < 0)
		return fb_put_cannot_read(j->entry.path, err);
	fb_put_shape(&j->entry, &st);
	j->stripped = !fb_put_attributes(fd, &j->entry);
	j->changed = n != st.st_size || !fb_put_same_times(&st, &after);
	j->entry.size = (uint64_t)n;
	if (j->changed)
		j->entry.ino = 0; /* never taken for unchanged */
	if (n == 0)
		return 0;
	if (fb_object_put(io, buf, (size_t)n, 0, j->encrypted, &j->entry.object, &j->cost, err) < 0)
		return -1;
	j->entry.stored = j->cost.stored;
	return 0;
}

static void work_small(struct fb_put_job *j, struct fb_object_io *io)
{
	int fd = openat(j->in->fd, j->open_as, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct fb_err err = {0};

	if (fd < 0 && (errno == ENOENT || errno == ELOOP)) {
		j->vanished = true;
	} else if (fd < 0) {
		fb_put_cannot_read(j->entry.path, &err);
		fail(j, &err);
	} else {
		if (small_file(j, io, fd, &err) < 0)
			fail(j, &err);
		close(fd);
	}
	fb_walk_release(j->in);
	j->in = NULL;
}

static void work_chunk(struct fb_put_job *j, struct fb_object_io *io)
{
	uint64_t left = (uint64_t)j->large->st.st_size - j->offset;
	ssize_t n = read_at(j->large->fd, fb_object_io_buffer(io), left < FB_CHUNK ? (size_t)left : FB_CHUNK, j->offset);
	struct fb_err err = {0};

	j->size = n > 0 ? (size_t)n : 0;
	if (n < 0) {
		fb_put_cannot_read(j->large->entry.path, &err);
		fail(j, &err);
	} else if (n > 0 && fb_object_put(io, fb_object_io_buffer(io), (size_t)n, 0, j->encrypted, &j->id, &j->cost, &err) < 0) {
		fail(j, &err);
	}
}

void fb_put_read(void *job, struct fb_object_io *io)
{
	struct fb_put_job *j = job;

	if (j->work == FB_PUT_SMALL)
		work_small(j, io);
	else
		work_chunk(j, io);
}
