/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the file: libarchive forms the tar, zstd compresses it, each member as a frame that is ended before the next one begins. A write that fails is undone by cutting
 * the file back to the end of the last frame. Knows nothing of executions.
 */
#include "tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#define PIECE (1024 * 1024)

struct tar {
	int fd, folder;
	char name[256], part[280], where[4096];
	struct archive *a;
	ZSTD_CCtx *z;
	char *out, *in;
	size_t room;
	off_t ends[2]; /* of the last member and of the one before */
	bool own;      /* the part is ours to remove */
	int error;
};

static int write_all(struct tar *t, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(t->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			t->error = done < 0 ? errno : ENOSPC;
			return -1;
		}
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int compress_some(struct tar *t, const char *p, size_t n, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = {p, n, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {t->out, t->room, 0};

		left = ZSTD_compressStream2(t->z, &out, &in, how);
		if (ZSTD_isError(left)) {
			t->error = ENOMEM;
			return -1;
		}
		if (write_all(t, t->out, out.pos))
			return -1;
	} while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

static la_ssize_t on_write(struct archive *a, void *ctx, const void *p, size_t n)
{
	struct tar *t = ctx;

	if (!t->error && !compress_some(t, p, n, ZSTD_e_continue))
		return (la_ssize_t)n;
	archive_set_error(a, t->error, "cannot write");
	return -1;
}

static void clear(struct tar *t)
{
	int saved = errno;

	if (t->a)
		archive_write_free(t->a);
	ZSTD_freeCCtx(t->z);
	if (t->fd >= 0)
		close(t->fd);
	if (t->own)
		unlinkat(t->folder, t->part, 0);
	if (t->folder >= 0)
		close(t->folder);
	free(t->out);
	free(t->in);
	free(t);
	errno = saved;
}

/* Blocks of 0: what is formed is handed on at once. */
static int open_archive(struct tar *t)
{
	t->a = archive_write_new();
	if (!t->a)
		return -1;
	if (archive_write_set_format_pax_restricted(t->a) != ARCHIVE_OK || archive_write_set_bytes_per_block(t->a, 0) != ARCHIVE_OK ||
	    archive_write_open(t->a, t, NULL, on_write, NULL) != ARCHIVE_OK)
		return -1;
	return 0;
}

struct tar *tar_begin(const char *folder, const char *name, int level, int workers)
{
	struct tar *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->fd = -1;
	snprintf(t->name, sizeof t->name, "%s", name);
	snprintf(t->where, sizeof t->where, "%s", folder);
	snprintf(t->part, sizeof t->part, ".%s.part", t->name);
	t->room = ZSTD_CStreamOutSize();
	t->out = malloc(t->room);
	t->in = malloc(PIECE);
	t->z = ZSTD_createCCtx();
	t->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->folder < 0 || !t->out || !t->in || !t->z) {
		clear(t);
		return NULL;
	}
	ZSTD_CCtx_setParameter(t->z, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(t->z, ZSTD_c_checksumFlag, 1);
	(void)ZSTD_CCtx_setParameter(t->z, ZSTD_c_nbWorkers, workers); /* a library without threads refuses it: then it is slower */
	unlinkat(t->folder, t->part, 0);                               /* of an attempt that was ended */
	t->fd = openat(t->folder, t->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	t->own = t->fd >= 0;
	if (t->fd < 0 || open_archive(t)) {
		clear(t);
		return NULL;
	}
	return t;
}

/* Back to the end of the last whole member; the tar's own form begins anew, which is the same as going on. */
static void cut(struct tar *t, off_t end)
{
	int saved = t->error;

	ZSTD_CCtx_reset(t->z, ZSTD_reset_session_only);
	t->error = EIO; /* what libarchive still holds goes nowhere */
	archive_write_free(t->a);
	t->a = NULL;
	t->error = 0;
	if (ftruncate(t->fd, end) || lseek(t->fd, end, SEEK_SET) < 0 || open_archive(t))
		t->error = saved ? saved : EIO;
	errno = saved;
}

static int begin_member(struct tar *t, const char *member, int64_t size)
{
	struct archive_entry *e = archive_entry_new();
	int r;

	if (!e || t->error) {
		archive_entry_free(e);
		return -1;
	}
	archive_entry_set_pathname(e, member);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0640);
	archive_entry_set_size(e, size);
	archive_entry_set_mtime(e, time(NULL), 0);
	r = archive_write_header(t->a, e) == ARCHIVE_OK ? 0 : -1;
	archive_entry_free(e);
	return r;
}

static int end_member(struct tar *t)
{
	off_t at;

	if (archive_write_finish_entry(t->a) != ARCHIVE_OK || compress_some(t, NULL, 0, ZSTD_e_end))
		return -1;
	at = lseek(t->fd, 0, SEEK_CUR);
	t->ends[1] = t->ends[0];
	t->ends[0] = at;
	return 0;
}

static int failed(struct tar *t)
{
	if (!t->error)
		t->error = EIO;
	cut(t, t->ends[0]);
	return -1;
}

int tar_text(struct tar *t, const char *member, const char *text, size_t size)
{
	if (!begin_member(t, member, (int64_t)size) && archive_write_data(t->a, text, size) == (la_ssize_t)size && !end_member(t))
		return 0;
	return failed(t);
}

int tar_file(struct tar *t, const char *member, int fd, int64_t size, char *ret_hex, bool (*go)(void *ctx), void *ctx)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state h;

	if (begin_member(t, member, size))
		return failed(t);
	crypto_hash_sha256_init(&h);
	while (size) {
		ssize_t n = read(fd, t->in, (size_t)(size < PIECE ? size : PIECE));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || (go && !go(ctx))) {
			t->error = n < 0 ? errno : n ? ETIME : EIO;
			return failed(t);
		}
		crypto_hash_sha256_update(&h, (unsigned char *)t->in, (unsigned long long)n);
		if (archive_write_data(t->a, t->in, (size_t)n) != n)
			return failed(t);
		size -= n;
	}
	if (end_member(t))
		return failed(t);
	crypto_hash_sha256_final(&h, hash);
	sodium_bin2hex(ret_hex, crypto_hash_sha256_BYTES * 2 + 1, hash, sizeof hash);
	return 0;
}

void tar_drop(struct tar *t)
{
	t->error = ENOSPC;
	t->ends[0] = t->ends[1];
	cut(t, t->ends[0]);
}

int tar_end(struct tar *t, bool whole, char *ret_path, size_t room, int64_t *ret_size)
{
	static const char zeros[1024]; /* the end of a tar */
	char name[300];
	int r = -1;

	snprintf(name, sizeof name, "%s%s.tar.zst", t->name, whole ? "" : ".incomplete");
	if (t->error || compress_some(t, zeros, sizeof zeros, ZSTD_e_end)) {
		errno = t->error;
	} else {
		off_t size = lseek(t->fd, 0, SEEK_CUR);

		r = fsync(t->fd) || renameat(t->folder, t->part, t->folder, name) ? -1 : 0;
		if (!r) {
			t->own = false;
			r = fsync(t->folder);
			if (ret_size)
				*ret_size = size;
			if (ret_path && (size_t)snprintf(ret_path, room, "%s/%s", t->where, name) >= room)
				*ret_path = 0;
		}
	}
	if (t->a) { /* its own end goes nowhere: ours is there */
		int saved = errno;

		t->error = EIO;
		archive_write_free(t->a);
		t->a = NULL;
		errno = saved;
	}
	clear(t);
	return r;
}

void tar_cancel(struct tar *t)
{
	if (!t)
		return;
	t->error = EIO;
	clear(t);
}
