/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys. A store has one random master key, which is kept in store.json wrapped by a key file or a passphrase (Argon2id); of it come the key that
 * names encrypted objects and the key that encrypts them. It must not know what is encrypted.
 */
#ifndef FB_STORE_KEYS_H
#define FB_STORE_KEYS_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

struct fb_keys {
	uint8_t id[32];   /* the key of names: equal content has one, and an id tells nothing to who has not this key */
	uint8_t data[32]; /* secretstream's key */
};

/* At most one is given. Files of keys and passphrases belong to root or the running user, and nobody else may read them. */
struct fb_key_source {
	const char *key_file;
	const char *passphrase_file; /* its first line */
};

/* Makes keys of a new store. *ret is the object to keep, which fb_keys_open takes with the same text bound: what the keys are for, no secret. A key file that is not there
 * is made (0600, 32 random bytes). */
int fb_keys_make(const struct fb_key_source *source, const char *bound, json_t **ret, struct fb_err *err) FB_MUST_USE;
/* Opens the kept ones. With no source, the key file that is remembered is tried. 1: unlocked; 0: no key is at hand; -1: a wrong or unsafe one. */
int fb_keys_open(const json_t *kept, const struct fb_key_source *source, const char *bound, struct fb_keys *ret, struct fb_err *err) FB_MUST_USE;
/* The same keys, kept by another key file or passphrase. *ret was opened once with what is on disk before it is given out. */
int fb_keys_change(const json_t *kept, const struct fb_key_source *old, const struct fb_key_source *to, const char *bound, json_t **ret, struct fb_err *err) FB_MUST_USE;

#endif
