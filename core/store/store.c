/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "store/document.h"

#define SCHEMA FB_STORE_SCHEMA
#define FORMAT 2 /* 1 named content by BLAKE2b */

static const char *const encryptions[] = {[FB_STORE_NONE] = "none", [FB_STORE_SECRETS] = "secrets", [FB_STORE_ALL] = "all"};

char *fb_oid_text(const struct fb_oid *id, char *buf)
{
	return sodium_bin2hex(buf, FB_OID_TEXT, id->b, sizeof id->b);
}

int fb_oid_parse(const char *text, struct fb_oid *ret)
{
	size_t n = 0;

	if (!text || strlen(text) != FB_OID_TEXT - 1 || strspn(text, "0123456789abcdef") != FB_OID_TEXT - 1)
		return -1;
	return sodium_hex2bin(ret->b, sizeof ret->b, text, FB_OID_TEXT - 1, NULL, &n, NULL) == 0 && n == sizeof ret->b ? 0 : -1;
}

int fb_store_encryption_parse(const char *text, enum fb_store_encryption *ret)
{
	for (size_t i = 0; i < sizeof encryptions / sizeof *encryptions; i++)
		if (fb_streq(text, encryptions[i])) {
			*ret = (enum fb_store_encryption)i;
			return 0;
		}
	return -1;
}

const char *fb_store_encryption_text(enum fb_store_encryption e)
{
	return encryptions[e];
}

bool fb_store_name_valid(const char *name)
{
	size_t n = strlen(name);

	if (n < 1 || n > 127 || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != n || strchr("._-", name[0]))
		return false;
	return n < 5 || (strcmp(name + n - 5, ".part") != 0 && strcmp(name + n - 5, ".gone") != 0);
}

char *fb_store_temporary(struct fb_store *s, char buf[FB_TEMPORARY_SIZE])
{
	snprintf(buf, FB_TEMPORARY_SIZE, FB_TEMPORARY_PREFIX "%016llx-%u", (unsigned long long)s->temporary, __atomic_add_fetch(&s->temporaries, 1, __ATOMIC_RELAXED));
	return buf;
}

static int write_file(struct fb_store *s, int folder, const char *name, const void *data, size_t size, bool sync, struct fb_err *err)
{
	char temporary[FB_TEMPORARY_SIZE];
	int fd = openat(folder, fb_store_temporary(s, temporary), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), saved;

	if (fd < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot create %s in %s: %s", name, s->path, strerror(errno));
	if (fb_io_write_all(fd, data, size) < 0 || (sync && fsync(fd) < 0)) {
		saved = errno;
		close(fd);
	} else if (close(fd) < 0 || renameat(folder, temporary, folder, name) < 0) {
		saved = errno;
	} else {
		return !sync || fsync(folder) == 0 ? 0 : fb_err_set(err, FB_STORE_IO, "cannot sync %s in %s: %s; it is written and may not outlive a power failure", name, s->path, strerror(errno));
	}
	unlinkat(folder, temporary, 0);
	return fb_err_set(err, FB_STORE_IO, "cannot write %s in %s: %s", name, s->path, strerror(saved));
}

int fb_store_write_file(struct fb_store *s, int folder, const char *name, const void *data, size_t size, struct fb_err *err)
{
	return write_file(s, folder, name, data, size, false, err);
}

int fb_store_replace_file(struct fb_store *s, int folder, const char *name, const void *data, size_t size, struct fb_err *err)
{
	return write_file(s, folder, name, data, size, true, err);
}

int fb_store_read_file(int folder, const char *name, size_t limit, char **ret, size_t *ret_size, struct fb_err *err)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	size_t size = 0;
	char *buf;
	ssize_t n;

	if (fd < 0)
		return fb_err_set(err, errno == ENOENT ? FB_STORE_ABSENT : FB_STORE_IO, "cannot open %s: %s", name, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > limit) {
		close(fd);
		return fb_err_set(err, FB_STORE_DAMAGED, "%s is damaged: it is no file of at most %zu bytes", name, limit);
	}
	buf = fb_alloc((size_t)st.st_size + 1);
	while (size < (size_t)st.st_size && (n = read(fd, buf + size, (size_t)st.st_size - size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fb_err_set(err, FB_STORE_IO, "cannot read %s: %s", name, strerror(errno));
			fb_free(buf);
			close(fd);
			return -1;
		}
		size += (size_t)n;
	}
	close(fd);
	*ret = buf;
	*ret_size = size;
	return 0;
}

static int remove_content(int fd, struct fb_err *err)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!d) {
		close(fd);
		return fb_err_set(err, FB_STORE_IO, "cannot read a folder: %s", strerror(errno));
	}
	while (r == 0 && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0) == 0 || errno == ENOENT)
			continue;
		r = errno == EISDIR || errno == EPERM ? fb_store_remove_folder(dirfd(d), e->d_name, err) :
							fb_err_set(err, FB_STORE_IO, "cannot remove %s: %s", e->d_name, strerror(errno));
	}
	closedir(d);
	return r;
}

int fb_store_remove_folder(int folder, const char *name, struct fb_err *err)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : fb_err_set(err, FB_STORE_IO, "cannot open the folder %s: %s", name, strerror(errno));
	if (remove_content(fd, err) < 0)
		return -1;
	if (unlinkat(folder, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fb_err_set(err, FB_STORE_IO, "cannot remove the folder %s: %s", name, strerror(errno));
	return 0;
}

static int make_folder(const char *path, struct fb_err *err)
{
	if (fb_io_make_folders(path, 0700, err) < 0) {
		if (err)
			err->code = FB_STORE_IO;
		return -1;
	}
	return chmod(path, 0700) < 0 ? fb_err_set(err, FB_STORE_IO, "cannot set the mode of %s: %s", path, strerror(errno)) : 0;
}

/* Nothing in it but folders, at most so deep? */
static bool is_hollow(int folder, const char *name, int depth)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool hollow = d;
	struct dirent *e;

	while (hollow && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			hollow = depth > 0 && is_hollow(fd, e->d_name, depth - 1);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return hollow;
}

/* Is the folder empty, or what an init that was broken off has left? Whoever asks holds its lock: no other init is at it. */
static int check_free(const struct fb_store *s, struct fb_err *err)
{
	static const char *const left[] = {"objects", "sets", "index"}; /* the first with empty folders */
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), strange = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d)
		return fb_err_set(err, FB_STORE_IO, "cannot read %s: %s", s->path, strerror(errno));
	while ((e = readdir(d)))
		if (!strcmp(e->d_name, "store.json")) {
			closedir(d);
			return fb_err_set(err, FB_STORE_EXISTS, "%s is not empty: it is a store already", s->path);
		} else {
			bool known = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || !strcmp(e->d_name, "lost+found") || !strcmp(e->d_name, "lock") ||
				     fb_has_prefix(e->d_name, FB_TEMPORARY_PREFIX);

			for (size_t i = 0; !known && i < sizeof left / sizeof *left; i++)
				known = !strcmp(e->d_name, left[i]) && is_hollow(s->dir, left[i], i == 0);
			strange += !known;
		}
	closedir(d);
	return strange ? fb_err_set(err, FB_STORE_IO, "%s is not empty: a store is made in a folder of its own; name another one", s->path) : 0;
}

static int make_content(int dir, struct fb_err *err)
{
	static const char *const folders[] = {"objects", "sets", "index"};
	char name[16];
	int fd;

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		if (mkdirat(dir, folders[i], 0700) < 0 && errno != EEXIST)
			return fb_err_set(err, FB_STORE_IO, "cannot make the folder %s: %s", folders[i], strerror(errno));
	for (unsigned i = 0; i < 256; i++) {
		snprintf(name, sizeof name, "objects/%02x", i);
		if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
			return fb_err_set(err, FB_STORE_IO, "cannot make the folder %s: %s", name, strerror(errno));
	}
	fd = openat(dir, "lock", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot make the lock: %s", strerror(errno));
	close(fd);
	return 0;
}

/* What a store's wrapped key is good for: another store's, or one of this store with another kind of encryption, does not open. */
#define BOUND 64
static void bind(const char *id, enum fb_store_encryption encryption, char ret[BOUND])
{
	snprintf(ret, BOUND, "store %.32s %s", id, encryptions[encryption]);
}

int fb_store_init(const char *path, enum fb_store_encryption encryption, const struct fb_key_source *key, char ret_id[33], struct fb_err *err)
{
	struct fb_store s = {.path = (char *)path, .dir = -1};
	char now[FB_TIME_SIZE], bound[BOUND], *text;
	json_t *keys = NULL, *o;
	uint8_t id[16];
	size_t size;
	int r;

	if (make_folder(path, err) < 0)
		return -1;
	s.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.dir < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot open %s: %s", path, strerror(errno));
	while ((r = flock(s.dir, LOCK_EX)) < 0 && errno == EINTR)
		;
	r = r < 0 ? fb_err_set(err, FB_STORE_IO, "cannot lock %s: %s", path, strerror(errno)) : check_free(&s, err);
	if (r < 0) {
		close(s.dir);
		return -1;
	}
	randombytes_buf(&s.temporary, sizeof s.temporary);
	randombytes_buf(id, sizeof id);
	sodium_bin2hex(ret_id, 33, id, sizeof id);
	bind(ret_id, encryption, bound);
	r = encryption == FB_STORE_NONE ? 0 : fb_keys_make(key, bound, &keys, err);
	if (r == 0)
		r = make_content(s.dir, err);
	if (r == 0) {
		o = json_pack("{s:s, s:i, s:s, s:s, s:s}", "schema", SCHEMA, "format", FORMAT, "id", ret_id, "created", fb_clock_format(fb_clock_wall_ms(), now), "encryption",
			      encryptions[encryption]);
		if (keys)
			json_object_set(o, "key", keys);
		text = fb_document_text(o, &size);
		json_decref(o);
		r = syncfs(s.dir) < 0 ? fb_err_set(err, FB_STORE_IO, "cannot sync %s: %s", path, strerror(errno)) :
					fb_store_write_file(&s, s.dir, "store.json", text, size, err); /* last: without it this is no store */
		fb_free(text);
	}
	if (r == 0 && syncfs(s.dir) < 0)
		r = fb_err_set(err, FB_STORE_IO, "cannot sync %s: %s", path, strerror(errno));
	json_decref(keys);
	close(s.dir);
	return r;
}

int fb_store_adopt(const char *path, const void *form, size_t size, struct fb_err *err)
{
	struct fb_store s = {.path = (char *)path, .dir = -1};
	json_t *o;
	int r;

	if (fb_document_parse(form, size, SCHEMA, "store.json", &o, err) < 0)
		return -1;
	json_decref(o);
	if (make_folder(path, err) < 0)
		return -1;
	s.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.dir < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot open %s: %s", path, strerror(errno));
	while ((r = flock(s.dir, LOCK_EX)) < 0 && errno == EINTR)
		;
	r = r < 0 ? fb_err_set(err, FB_STORE_IO, "cannot lock %s: %s", path, strerror(errno)) : check_free(&s, err);
	randombytes_buf(&s.temporary, sizeof s.temporary);
	if (r == 0)
		r = make_content(s.dir, err);
	if (r == 0)
		r = fb_store_replace_file(&s, s.dir, "store.json", form, size, err);
	close(s.dir);
	return r;
}

static int read_form(struct fb_store *s, const struct fb_key_source *key, struct fb_err *err)
{
	const char *id, *encryption;
	char bound[BOUND];
	json_t *o;
	int r;

	if (fb_document_read(s->dir, "store.json", SCHEMA, &o, err) < 0) {
		if (err && err->code == FB_STORE_ABSENT)
			fb_err_set(err, FB_STORE_ABSENT, "%s is no store (it has no store.json): make one with failback-store --store %s init", s->path, s->path);
		return -1;
	}
	id = json_string_value(json_object_get(o, "id"));
	encryption = json_string_value(json_object_get(o, "encryption"));
	if (json_integer_value(json_object_get(o, "format")) != FORMAT)
		r = fb_err_set(err, FB_STORE_DAMAGED, "the store %s has format %lld, this program knows format %d: use the version of failback that made it", s->path,
			       (long long)json_integer_value(json_object_get(o, "format")), FORMAT);
	else if (!id || strlen(id) != 32 || fb_store_encryption_parse(encryption, &s->encryption) < 0)
		r = fb_err_set(err, FB_STORE_DAMAGED, "%s/store.json lacks an id or a kind of encryption that is known", s->path);
	else if (s->encryption == FB_STORE_NONE)
		r = key->key_file || key->passphrase_file ? fb_err_set(err, FB_STORE_DENIED, "a key is given, and the store %s encrypts nothing: it is not the one that you "
									"mean, or its store.json was replaced; look before you put anything into it", s->path) : 0;
	else {
		bind(id, s->encryption, bound);
		r = fb_keys_open(json_object_get(o, "key"), key, bound, &s->keys, err);
	}
	if (r >= 0)
		memcpy(s->id, id, sizeof s->id);
	s->unlocked = r > 0;
	json_decref(o);
	return r < 0 ? -1 : 0;
}

int fb_store_open(struct fb_store *s, const char *path, const struct fb_key_source *key, struct fb_err *err)
{
	*s = (struct fb_store){.path = fb_strdup(path), .dir = -1, .objects = -1, .sets = -1, .lock = -1};
	s->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0) {
		fb_err_set(err, errno == ENOENT ? FB_STORE_ABSENT : FB_STORE_IO, "cannot open the store %s: %s", path, strerror(errno));
		goto out;
	}
	if (read_form(s, key, err) < 0)
		goto out;
	s->objects = openat(s->dir, "objects", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->sets = openat(s->dir, "sets", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->lock = openat(s->dir, "lock", O_RDONLY | O_CLOEXEC);
	if (s->objects < 0 || s->sets < 0 || s->lock < 0) {
		fb_err_set(err, FB_STORE_DAMAGED, "the store %s lacks its folder objects, sets or its lock: %s", path, strerror(errno));
		goto out;
	}
	randombytes_buf(&s->temporary, sizeof s->temporary);
	return 0;
out:
	fb_store_close(s);
	return -1;
}

void fb_store_close(struct fb_store *s)
{
	int fds[] = {s->dir, s->objects, s->sets, s->lock};

	for (size_t i = 0; s->path && i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	fb_free(s->path);
	sodium_memzero(s, sizeof *s);
}

static int change_key(struct fb_store *s, const struct fb_key_source *old, const struct fb_key_source *new_key, struct fb_err *err)
{
	json_t *o, *kept;
	char bound[BOUND], *text;
	size_t size;
	int r;

	if (fb_document_read(s->dir, "store.json", SCHEMA, &o, err) < 0)
		return -1;
	bind(s->id, s->encryption, bound);
	r = fb_keys_change(json_object_get(o, "key"), old, new_key, bound, &kept, err);
	if (r == 0) {
		json_object_set_new(o, "key", kept);
		text = fb_document_text(o, &size);
		r = fb_store_replace_file(s, s->dir, "store.json", text, size, err);
		fb_free(text);
	}
	json_decref(o);
	return r;
}

int fb_store_change_key(struct fb_store *s, const struct fb_key_source *old, const struct fb_key_source *new_key, struct fb_err *err)
{
	int r;

	if (s->encryption == FB_STORE_NONE)
		return fb_err_set(err, FB_STORE_USAGE, "the store %s encrypts nothing and has no key", s->path);
	if (fb_store_need_key(s, err) < 0 || fb_store_lock(s, false, err) < 0)
		return -1;
	if (flock(s->dir, LOCK_EX | LOCK_NB) < 0)
		return fb_err_set(err, FB_STORE_BUSY, "another one changes the key of the store %s: try again when it has ended", s->path);
	r = change_key(s, old, new_key, err);
	flock(s->dir, LOCK_UN);
	return r;
}

int fb_store_need_key(const struct fb_store *s, struct fb_err *err)
{
	if (s->unlocked)
		return 0;
	if (s->encryption == FB_STORE_NONE)
		return fb_err_set(err, FB_STORE_DAMAGED, "the store %s has no keys, and something in it claims to be encrypted", s->path);
	return fb_err_set(err, FB_STORE_DENIED, "this needs the key of the store %s: say --key-file or --passphrase-file", s->path);
}

int fb_store_lock(struct fb_store *s, bool exclusive, struct fb_err *err)
{
	while (flock(s->lock, exclusive ? LOCK_EX | LOCK_NB : LOCK_SH) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			return fb_err_set(err, FB_STORE_BUSY, "the store %s is in use: something is being written, read or removed; try again when it has ended", s->path);
		return fb_err_set(err, FB_STORE_IO, "cannot lock the store %s: %s", s->path, strerror(errno));
	}
	return 0;
}
