/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash that names content: SHA-256, as sha256sum prints it; of what is encrypted HMAC-SHA-256 with the store's key for names, so that a name tells nothing to
 * who has not that key. nettle's, which uses the processor's own instructions where it has them.
 */
#ifndef FB_STORE_HASH_H
#define FB_STORE_HASH_H

#include <nettle/hmac.h>

#include "store/store.h"

struct fb_hash {
	bool keyed;
	union {
		struct sha256_ctx plain;
		struct hmac_sha256_ctx keyed;
	} state;
};

void fb_hash_begin(struct fb_hash *h, const struct fb_store *store, bool encrypted);
void fb_hash_add(struct fb_hash *h, const void *data, size_t size);
void fb_hash_end(struct fb_hash *h, struct fb_oid *ret); /* wipes h */

#endif
