/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hash.h"

#include <sodium.h>

void fb_hash_begin(struct fb_hash *h, const struct fb_store *store, bool encrypted)
{
	h->keyed = encrypted;
	if (encrypted)
		hmac_sha256_set_key(&h->state.keyed, sizeof store->keys.id, store->keys.id);
	else
		sha256_init(&h->state.plain);
}

void fb_hash_add(struct fb_hash *h, const void *data, size_t size)
{
	if (h->keyed)
		hmac_sha256_update(&h->state.keyed, size, data);
	else
		sha256_update(&h->state.plain, size, data);
}

void fb_hash_end(struct fb_hash *h, struct fb_oid *ret)
{
	if (h->keyed)
		hmac_sha256_digest(&h->state.keyed, sizeof ret->b, ret->b);
	else
		sha256_digest(&h->state.plain, sizeof ret->b, ret->b);
	if (h->keyed)
		sodium_memzero(h, sizeof *h);
}
