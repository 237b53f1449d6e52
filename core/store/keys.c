/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "store/store.h"

#define MASTER 32
#define KEY_FILE 32         /* bytes of one that we make */
#define KEY_FILE_LEAST 16   /* of one that was made elsewhere */
#define SECRET_LIMIT 4096
#define ARGON_OPS 4         /* with 32 MiB: above what RFC 9106 asks of the second choice, within the 64 MiB that this program allows itself */
#define ARGON_MEMORY (32 << 20)
#define ARGON_OPS_LIMIT 64  /* a store.json from elsewhere shall not cost more than this */
#define ARGON_MEMORY_LIMIT (256 << 20)
#define CONTEXT "fbstore1" /* crypto_kdf */

static const unsigned char purpose[] = "failback store master key"; /* of a key file's hash: it may be good for other things, too */

/* A secret from a file that only root or we can read; to be wiped and freed. */
static int read_secret(const char *path, char **ret, size_t *ret_size, struct fb_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	char *buf;
	ssize_t n;

	if (fd < 0)
		return fb_err_set(err, errno == ENOENT ? FB_STORE_ABSENT : FB_STORE_DENIED, "cannot open the key %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return fb_err_set(err, FB_STORE_DENIED, "the key %s is no regular file", path);
	}
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 077)) {
		close(fd);
		return fb_err_set(err, FB_STORE_DENIED, "the key %s is not taken: it has mode %04o and owner %u, others could have read it; make it yours or root's, mode 0600",
				  path, (unsigned)st.st_mode & 07777, (unsigned)st.st_uid);
	}
	buf = fb_alloc(SECRET_LIMIT + 1);
	n = read(fd, buf, SECRET_LIMIT + 1);
	close(fd);
	if (n < 0 || n > SECRET_LIMIT) {
		sodium_memzero(buf, SECRET_LIMIT + 1);
		fb_free(buf);
		return fb_err_set(err, FB_STORE_DENIED, "cannot read the key %s: %s", path, n < 0 ? strerror(errno) : "it is larger than 4096 bytes");
	}
	*ret = buf;
	*ret_size = (size_t)n;
	return 0;
}

static int key_of_file(const char *path, uint8_t ret[32], struct fb_err *err)
{
	char *secret;
	size_t size;

	if (read_secret(path, &secret, &size, err) < 0)
		return -1;
	if (size >= KEY_FILE_LEAST)
		crypto_generichash(ret, 32, (unsigned char *)secret, size, purpose, sizeof purpose - 1);
	sodium_memzero(secret, SECRET_LIMIT + 1);
	fb_free(secret);
	if (size < KEY_FILE_LEAST)
		return fb_err_set(err, FB_STORE_DENIED, "the key %s has %zu bytes, which is too short: %d random ones at least", path, size, KEY_FILE_LEAST);
	return 0;
}

static int key_of_passphrase(const char *path, const uint8_t *salt, uint64_t ops, uint64_t memory, uint8_t ret[32], struct fb_err *err)
{
	char *secret;
	size_t size;
	int r;

	if (read_secret(path, &secret, &size, err) < 0)
		return -1;
	size = strcspn(secret, "\r\n");
	r = size ? crypto_pwhash(ret, 32, secret, size, salt, ops, (size_t)memory, crypto_pwhash_ALG_ARGON2ID13) : -1;
	sodium_memzero(secret, SECRET_LIMIT + 1);
	fb_free(secret);
	if (!size)
		return fb_err_set(err, FB_STORE_DENIED, "the passphrase in %s is empty", path);
	if (r < 0)
		return fb_err_set(err, FB_STORE_IO, "cannot derive a key from the passphrase: not enough memory (%llu bytes)", (unsigned long long)memory);
	return 0;
}

static json_t *hex(const uint8_t *data, size_t size)
{
	char text[2 * 128 + 1];

	return json_string(sodium_bin2hex(text, sizeof text, data, size));
}

static int unhex(const json_t *o, const char *name, uint8_t *ret, size_t size)
{
	const char *s = json_string_value(json_object_get(o, name));
	size_t n = 0;

	return s && strlen(s) == 2 * size && sodium_hex2bin(ret, size, s, 2 * size, NULL, &n, NULL) == 0 && n == size ? 0 : -1;
}

/* A key that is gone after a power failure takes all with it that is encrypted. */
static int sync_folder_of(const char *path, struct fb_err *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = !slash ? fb_strdup(".") : slash == path ? fb_strdup("/") : fb_asprintf("%.*s", (int)(slash - path), path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? fb_err_set(err, FB_STORE_IO, "cannot sync the folder of the key %s: %s", path, strerror(errno)) : 0;

	if (fd >= 0)
		close(fd);
	fb_free(folder);
	return r;
}

/* A key file that is not there is made, whole or not at all. */
static int make_key_file(const char *path, struct fb_err *err)
{
	uint8_t key[KEY_FILE];
	struct stat st;
	char *temporary;
	int fd, saved, r;

	if (lstat(path, &st) == 0)
		return 0;
	temporary = fb_asprintf("%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
	if (fd < 0) {
		r = fb_err_set(err, FB_STORE_IO, "cannot make the key %s: %s", path, strerror(errno));
		fb_free(temporary);
		return r;
	}
	randombytes_buf(key, sizeof key);
	r = fb_io_write_all(fd, key, sizeof key) < 0 || fsync(fd) < 0 || (link(temporary, path) < 0 && errno != EEXIST) ? -1 : 0; /* who came first has made it */
	saved = errno;
	sodium_memzero(key, sizeof key);
	close(fd);
	unlink(temporary);
	fb_free(temporary);
	return r < 0 ? fb_err_set(err, FB_STORE_IO, "cannot write the key %s: %s", path, strerror(saved)) : sync_folder_of(path, err);
}

/* The master key as it is to be kept; makes a key file that is not there. */
static int wrap_master(const uint8_t master[MASTER], const struct fb_key_source *source, const char *bound, json_t **ret, struct fb_err *err)
{
	uint8_t wrap[32], salt[crypto_pwhash_SALTBYTES], nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
	uint8_t wrapped[MASTER + crypto_aead_xchacha20poly1305_ietf_ABYTES];
	char place[PATH_MAX];
	json_t *kept;

	randombytes_buf(salt, sizeof salt);
	if (source->key_file) {
		if (make_key_file(source->key_file, err) < 0)
			return -1;
		if (!realpath(source->key_file, place))
			return fb_err_set(err, FB_STORE_IO, "cannot find the path of %s: %s", source->key_file, strerror(errno));
		if (key_of_file(source->key_file, wrap, err) < 0)
			return -1;
		kept = json_pack("{s:s, s:s}", "method", "file", "key_file", place);
		if (!kept) /* a path that is no UTF-8 is not remembered */
			kept = json_pack("{s:s}", "method", "file");
	} else {
		if (key_of_passphrase(source->passphrase_file, salt, ARGON_OPS, ARGON_MEMORY, wrap, err) < 0)
			return -1;
		kept = json_pack("{s:s, s:s, s:o, s:i, s:i}", "method", "passphrase", "kdf", "argon2id", "salt", hex(salt, sizeof salt), "ops", ARGON_OPS, "memory",
				 ARGON_MEMORY);
	}
	randombytes_buf(nonce, sizeof nonce);
	crypto_aead_xchacha20poly1305_ietf_encrypt(wrapped, NULL, master, MASTER, (const unsigned char *)bound, strlen(bound), NULL, nonce, wrap);
	json_object_set_new(kept, "nonce", hex(nonce, sizeof nonce));
	json_object_set_new(kept, "wrapped", hex(wrapped, sizeof wrapped));
	sodium_memzero(wrap, sizeof wrap);
	*ret = kept;
	return 0;
}

int fb_keys_make(const struct fb_key_source *source, const char *bound, json_t **ret, struct fb_err *err)
{
	uint8_t master[MASTER];
	int r;

	randombytes_buf(master, sizeof master);
	r = wrap_master(master, source, bound, ret, err);
	sodium_memzero(master, sizeof master);
	return r;
}

static int wrapping_key(const json_t *kept, const struct fb_key_source *source, uint8_t wrap[32], struct fb_err *err)
{
	const char *method = json_string_value(json_object_get(kept, "method")), *file = source->key_file;
	json_int_t ops = json_integer_value(json_object_get(kept, "ops")), memory = json_integer_value(json_object_get(kept, "memory"));
	uint8_t salt[crypto_pwhash_SALTBYTES];

	if (fb_streq(method, "file")) {
		if (source->passphrase_file)
			return fb_err_set(err, FB_STORE_DENIED, "the store was made with a key file, not with a passphrase: say --key-file");
		file = file ? file : json_string_value(json_object_get(kept, "key_file"));
		if (!file)
			return 0;
		if (key_of_file(file, wrap, err) < 0)
			return source->key_file || err->code != FB_STORE_ABSENT ? -1 : 0;
		return 1;
	}
	if (!fb_streq(method, "passphrase") || unhex(kept, "salt", salt, sizeof salt) < 0 || ops < 1 || ops > ARGON_OPS_LIMIT || memory < 8192 || memory > ARGON_MEMORY_LIMIT)
		return fb_err_set(err, FB_STORE_DAMAGED, "what store.json keeps of the key cannot be used");
	if (file)
		return fb_err_set(err, FB_STORE_DENIED, "the store was made with a passphrase, not with a key file: say --passphrase-file");
	if (!source->passphrase_file)
		return 0;
	return key_of_passphrase(source->passphrase_file, salt, (uint64_t)ops, (uint64_t)memory, wrap, err) < 0 ? -1 : 1;
}

/* 1: it is in master; 0: no key is at hand; -1 */
static int unwrap_master(const json_t *kept, const struct fb_key_source *source, const char *bound, uint8_t master[MASTER], struct fb_err *err)
{
	uint8_t wrap[32], nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES], wrapped[MASTER + crypto_aead_xchacha20poly1305_ietf_ABYTES];
	struct fb_err ours = {0};
	int r;

	if (unhex(kept, "nonce", nonce, sizeof nonce) < 0 || unhex(kept, "wrapped", wrapped, sizeof wrapped) < 0)
		return fb_err_set(err, FB_STORE_DAMAGED, "what store.json keeps of the key cannot be used");
	r = wrapping_key(kept, source, wrap, &ours);
	if (r < 0 && err)
		*err = ours;
	if (r <= 0)
		return r;
	r = crypto_aead_xchacha20poly1305_ietf_decrypt(master, NULL, NULL, wrapped, sizeof wrapped, (const unsigned char *)bound, strlen(bound), nonce, wrap);
	sodium_memzero(wrap, sizeof wrap);
	if (r < 0)
		return fb_err_set(err, FB_STORE_DENIED, "the key is not this store's, or store.json was changed by hand: it does not open the master key that is kept there");
	return 1;
}

int fb_keys_open(const json_t *kept, const struct fb_key_source *source, const char *bound, struct fb_keys *ret, struct fb_err *err)
{
	uint8_t master[MASTER];
	int r = unwrap_master(kept, source, bound, master, err);

	if (r > 0) {
		crypto_kdf_derive_from_key(ret->id, sizeof ret->id, 1, CONTEXT, master);
		crypto_kdf_derive_from_key(ret->data, sizeof ret->data, 2, CONTEXT, master);
		sodium_memzero(master, sizeof master);
	}
	return r;
}

int fb_keys_change(const json_t *kept, const struct fb_key_source *old, const struct fb_key_source *to, const char *bound, json_t **ret, struct fb_err *err)
{
	uint8_t master[MASTER], again[MASTER] = {0};
	json_t *anew;
	int r = unwrap_master(kept, old, bound, master, err);

	if (r <= 0)
		return r < 0 ? -1 : fb_err_set(err, FB_STORE_DENIED, "the key that the store has now is not at hand: say --key-file or --passphrase-file");
	r = wrap_master(master, to, bound, &anew, err);
	if (r == 0) {
		if (unwrap_master(anew, to, bound, again, err) != 1)
			r = -1;
		else if (sodium_memcmp(master, again, sizeof master) != 0)
			r = fb_err_set(err, FB_STORE_BUG, "the new key does not open what it has closed; the store has its old key");
		if (r == 0)
			*ret = anew;
		else
			json_decref(anew);
	}
	sodium_memzero(master, sizeof master);
	sodium_memzero(again, sizeof again);
	return r;
}
