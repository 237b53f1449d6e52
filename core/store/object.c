/* SPDX-License-Identifier: Apache-2.0 */
#include "store/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/io.h"
#include "base/mem.h"
#include "store/hash.h"

#define ZIPPED 1
#define ENCRYPTED 2
#define BOUND 16 /* bytes of the header that a cipher vouches for */
#define LEVEL 1 /* of zstd: this has to be faster than what it protects */
#define CRYPT (crypto_secretstream_xchacha20poly1305_HEADERBYTES + crypto_secretstream_xchacha20poly1305_ABYTES)
#define PASSED_MOST 100 /* times that an object is fetched which others remove */
#define FILE_LIMIT (FB_OBJECT_HEADER + CRYPT + FB_CHUNK)

struct fb_object_io {
	struct fb_store *store;
	ZSTD_CCtx *zip;
	ZSTD_DCtx *unzip;
	uint8_t *file;   /* FILE_LIMIT + 1: as on disk */
	uint8_t *zipped; /* FB_CHUNK: compressed, not yet or no longer encrypted */
	uint8_t *plain;  /* FB_CHUNK */
	uint8_t *buffer; /* FB_CHUNK + 1: the caller's */
	size_t file_size;
	bool distrust;
};

struct fb_object_io *fb_object_io_new(struct fb_store *store)
{
	struct fb_object_io *io = fb_alloc(sizeof *io);

	io->store = store;
	io->zip = ZSTD_createCCtx();
	io->unzip = ZSTD_createDCtx();
	if (!io->zip || !io->unzip) {
		fputs("failback-store: out of memory\n", stderr);
		exit(FB_STORE_BUG);
	}
	ZSTD_CCtx_setParameter(io->zip, ZSTD_c_compressionLevel, LEVEL);
	/* untouched pages cost nothing */
	io->file = fb_alloc(FILE_LIMIT + 1);
	io->zipped = fb_alloc(FB_CHUNK);
	io->plain = fb_alloc(FB_CHUNK);
	io->buffer = fb_alloc(FB_CHUNK + 1);
	return io;
}

void fb_object_io_free(struct fb_object_io *io)
{
	if (!io)
		return;
	ZSTD_freeCCtx(io->zip);
	ZSTD_freeDCtx(io->unzip);
	fb_free(io->file);
	fb_free(io->zipped);
	fb_free(io->plain);
	fb_free(io->buffer);
	fb_free(io);
}

uint8_t *fb_object_io_buffer(struct fb_object_io *io)
{
	return io->buffer;
}

void fb_object_io_distrust(struct fb_object_io *io)
{
	io->distrust = true;
}

char *fb_object_place(const struct fb_oid *id, char buf[FB_OBJECT_PLACE])
{
	char text[FB_OID_TEXT];

	fb_oid_text(id, text);
	memcpy(buf, text, 2);
	buf[2] = '/';
	memcpy(buf + 3, text + 2, FB_OID_TEXT - 2);
	return buf;
}

void fb_object_name(const struct fb_store *store, const void *data, size_t size, unsigned level, bool encrypted, struct fb_oid *ret)
{
	uint8_t personal[crypto_generichash_blake2b_PERSONALBYTES] = "failback list ?";
	struct fb_hash h;

	if (!level) {
		fb_hash_begin(&h, store, encrypted);
		fb_hash_add(&h, data, size);
		fb_hash_end(&h, ret);
		return;
	}
	personal[14] = (uint8_t)('0' + level);
	crypto_generichash_blake2b_salt_personal(ret->b, sizeof ret->b, data, size, encrypted ? store->keys.id : NULL, encrypted ? sizeof store->keys.id : 0, NULL, personal);
}

int64_t fb_object_stored(const struct fb_store *store, const struct fb_oid *id)
{
	char place[FB_OBJECT_PLACE];
	struct stat st;

	if (fstatat(store->objects, fb_object_place(id, place), &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return -1;
	return st.st_size;
}

static void put_size(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_size(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void sum_of(const uint8_t *file, size_t size, uint8_t ret[crypto_shorthash_BYTES])
{
	static const unsigned char zeros[crypto_shorthash_KEYBYTES];

	memset(ret, 0, crypto_shorthash_BYTES);
	if (file[5] == ZIPPED) /* the hash of content and the cipher vouch for all bytes of the others */
		crypto_shorthash(ret, file + FB_OBJECT_HEADER, size - FB_OBJECT_HEADER, zeros);
}

/* Fills io->file but for the sum; returns its size. */
static size_t fill(struct fb_object_io *io, const void *data, size_t size, unsigned level, bool encrypted)
{
	uint8_t *head = io->file, *room = encrypted ? io->zipped : io->file + FB_OBJECT_HEADER;
	size_t zipped = size > 1 ? ZSTD_compress2(io->zip, room, size - 1, data, size) : 0; /* too small a room: zstd says so, and we keep the plain bytes */
	bool smaller = zipped && !ZSTD_isError(zipped);
	size_t n = smaller ? zipped : size;
	crypto_secretstream_xchacha20poly1305_state state;
	unsigned long long out;

	memcpy(head, "FBOB\1", 5);
	head[5] = (uint8_t)((smaller ? ZIPPED : 0) | (encrypted ? ENCRYPTED : 0));
	head[6] = (uint8_t)level;
	head[7] = 0;
	put_size(head + 8, size);
	if (!encrypted) {
		if (!smaller && size)
			memcpy(room, data, size);
		return FB_OBJECT_HEADER + n;
	}
	crypto_secretstream_xchacha20poly1305_init_push(&state, head + FB_OBJECT_HEADER, io->store->keys.data);
	crypto_secretstream_xchacha20poly1305_push(&state, head + FB_OBJECT_HEADER + crypto_secretstream_xchacha20poly1305_HEADERBYTES, &out, smaller ? room : data, n, head,
						   BOUND, crypto_secretstream_xchacha20poly1305_TAG_FINAL);
	sodium_memzero(&state, sizeof state);
	return FB_OBJECT_HEADER + crypto_secretstream_xchacha20poly1305_HEADERBYTES + (size_t)out;
}

static int write_object(struct fb_store *s, const char *place, const void *data, size_t size, struct fb_err *err)
{
	char name[FB_TEMPORARY_SIZE], temporary[FB_TEMPORARY_SIZE + 3];
	int fd, saved;

	snprintf(temporary, sizeof temporary, "%.2s/%s", place, fb_store_temporary(s, name));
	fd = openat(s->objects, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot create an object in %s/objects: %s", s->path, strerror(errno));
	if (fb_io_write_all(fd, data, size) < 0) {
		saved = errno;
		close(fd);
	} else if (close(fd) < 0 || renameat(s->objects, temporary, s->objects, place) < 0) {
		saved = errno;
	} else {
		return 0;
	}
	unlinkat(s->objects, temporary, 0);
	return fb_err_set(err, FB_STORE_IO, "cannot write an object of %zu bytes in %s/objects: %s", size, s->path, strerror(saved));
}

int fb_object_write_file(struct fb_store *s, const struct fb_oid *id, const void *data, size_t size, struct fb_err *err)
{
	char place[FB_OBJECT_PLACE];

	return write_object(s, fb_object_place(id, place), data, size, err);
}

int fb_object_put(struct fb_object_io *io, const void *data, size_t size, unsigned level, bool encrypted, struct fb_oid *ret, struct fb_cost *cost, struct fb_err *err)
{
	char place[FB_OBJECT_PLACE];
	const uint8_t *there;
	int64_t stored;

	if (encrypted && fb_store_need_key(io->store, err) < 0)
		return -1;
	fb_object_name(io->store, data, size, level, encrypted, ret);
	stored = fb_object_stored(io->store, ret);
	/* shorter than a header: what a power failure left of one that was never referred to */
	if (stored < FB_OBJECT_HEADER || (io->distrust && fb_object_get(io, ret, level, size, encrypted, &there, NULL) < 0)) {
		stored = (int64_t)fill(io, data, size, level, encrypted);
		sum_of(io->file, (size_t)stored, io->file + BOUND);
		if (write_object(io->store, fb_object_place(ret, place), io->file, (size_t)stored, err) < 0)
			return -1;
		cost->written += (uint64_t)stored;
	}
	cost->stored += (uint64_t)stored;
	return 0;
}

static int damaged(const struct fb_oid *id, struct fb_err *err, const char *what)
{
	char text[FB_OID_TEXT];

	return fb_err_set(err, FB_STORE_DAMAGED, "object %s %s", fb_oid_text(id, text), what);
}

static int read_object(struct fb_object_io *io, const struct fb_oid *id, size_t *ret_size, struct fb_err *err)
{
	char place[FB_OBJECT_PLACE];
	int fd = openat(io->store->objects, fb_object_place(id, place), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t size = 0;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? damaged(id, err, "is missing") : fb_err_set(err, FB_STORE_IO, "cannot open object %s: %s", place, strerror(errno));
	while (size <= FILE_LIMIT && (n = read(fd, io->file + size, FILE_LIMIT + 1 - size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fb_err_set(err, FB_STORE_IO, "cannot read object %s: %s", place, strerror(errno));
			close(fd);
			return -1;
		}
		size += (size_t)n;
	}
	close(fd);
	if (size > FILE_LIMIT)
		return damaged(id, err, "is longer than any object is");
	*ret_size = io->file_size = size;
	return 0;
}

const uint8_t *fb_object_io_file(const struct fb_object_io *io, size_t *ret_size)
{
	*ret_size = io->file_size;
	return io->file;
}

int fb_object_read_file(struct fb_object_io *io, const struct fb_oid *id, struct fb_err *err)
{
	size_t n;

	if (read_object(io, id, &n, err) < 0)
		return -1;
	return n > FB_OBJECT_HEADER && !memcmp(io->file, "FBOB", 4) ? 0 : damaged(id, err, "is cut short, or has a header that is not known");
}

/* Takes the encryption off: *p and *n become the message. */
static int decrypt(struct fb_object_io *io, const struct fb_oid *id, const uint8_t **p, size_t *n, struct fb_err *err)
{
	crypto_secretstream_xchacha20poly1305_state state;
	unsigned long long out = 0;
	unsigned char tag = 0;
	int r;

	if (*n < CRYPT)
		return damaged(id, err, "is cut short");
	r = crypto_secretstream_xchacha20poly1305_init_pull(&state, *p, io->store->keys.data);
	if (r == 0)
		r = crypto_secretstream_xchacha20poly1305_pull(&state, io->zipped, &out, &tag, *p + crypto_secretstream_xchacha20poly1305_HEADERBYTES,
							       *n - crypto_secretstream_xchacha20poly1305_HEADERBYTES, io->file, BOUND);
	sodium_memzero(&state, sizeof state);
	if (r < 0 || tag != crypto_secretstream_xchacha20poly1305_TAG_FINAL)
		return damaged(id, err, "does not decrypt: it was changed");
	*p = io->zipped;
	*n = (size_t)out;
	return 0;
}

static int get(struct fb_object_io *io, const struct fb_oid *id, unsigned level, size_t size, bool encrypted, const uint8_t **ret, struct fb_err *err)
{
	const uint8_t *p = io->file + FB_OBJECT_HEADER, *head = io->file;
	uint8_t sum[crypto_shorthash_BYTES];
	struct fb_oid is;
	size_t n = 0;

	if (encrypted && fb_store_need_key(io->store, err) < 0)
		return -1;
	if (read_object(io, id, &n, err) < 0)
		return -1;
	if (n < FB_OBJECT_HEADER)
		return damaged(id, err, "is cut short");
	if (memcmp(head, "FBOB", 4) != 0 || head[4] != 1 || head[7] != 0 || (head[5] & ~(ZIPPED | ENCRYPTED)))
		return damaged(id, err, "has a header that is not known");
	if (head[6] != level || get_size(head + 8) != size || !!(head[5] & ENCRYPTED) != encrypted || size > FB_CHUNK)
		return damaged(id, err, "is not what refers to it says: its size, level or encryption differs");
	sum_of(head, n, sum);
	if (memcmp(sum, head + BOUND, sizeof sum) != 0)
		return damaged(id, err, "was changed or cut short: its sum differs");
	n -= FB_OBJECT_HEADER;
	if (encrypted && decrypt(io, id, &p, &n, err) < 0)
		return -1;
	if (head[5] & ZIPPED) {
		size_t got = ZSTD_decompressDCtx(io->unzip, io->plain, FB_CHUNK, p, n);

		if (ZSTD_isError(got))
			return damaged(id, err, "does not decompress: it was changed or cut short");
		p = io->plain;
		n = got;
	}
	if (n != size)
		return damaged(id, err, "has another size than its header says: it was changed or cut short");
	fb_object_name(io->store, p, n, level, encrypted, &is);
	if (sodium_memcmp(is.b, id->b, sizeof is.b) != 0)
		return damaged(id, err, "has other content than its name says: it was changed");
	*ret = p;
	return 0;
}

int fb_object_get(struct fb_object_io *io, const struct fb_oid *id, unsigned level, size_t size, bool encrypted, const uint8_t **ret, struct fb_err *err)
{
	struct fb_store *s = io->store;
	struct fb_err ours = {0};
	char place[FB_OBJECT_PLACE];
	bool fetched;
	int r;

	if (!s->fetch)
		return get(io, id, level, size, encrypted, ret, err);
	r = get(io, id, level, size, encrypted, ret, &ours);
	fetched = r < 0 && ours.code == FB_STORE_DAMAGED;
	for (int i = 0; fetched && r < 0 && i < PASSED_MOST; i++) {
		ours = (struct fb_err){0};
		r = s->fetch(s->fetch_ctx, id, &ours);
		if (r < 0)
			break;
		r = get(io, id, level, size, encrypted, ret, &ours);
		if (!s->passing || fb_object_stored(s, id) >= 0)
			break; /* else another thread, which read the same object, has removed it between the two */
	}
	if (s->passing || (fetched && r < 0)) /* what is not what its name says does not stay */
		unlinkat(s->objects, fb_object_place(id, place), 0);
	if (r < 0 && err)
		*err = ours;
	return r;
}
