/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLAKE2b (RFC 7693) with digests of 32 bytes, a key and personal bytes (BLAKE2 paper, section 2.8). Hashing is the largest part of what a backup computes, and
 * libsodium 1.0.18 as Debian builds it does half of what plain C does here (470 against 950 MB/s on one core), so content is hashed with this. A unit test compares
 * it with libsodium's for all sorts of lengths.
 */
#ifndef FB_STORE_BLAKE2B_H
#define FB_STORE_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

#define FB_BLAKE2B_SIZE 32
#define FB_BLAKE2B_PERSONAL 16

struct fb_blake2b {
	uint64_t h[8];
	uint64_t count; /* bytes that were compressed: 2^64 are enough */
	uint8_t buf[128];
	size_t n;
};
/* key: 32 bytes, or NULL; personal: 16 bytes, or NULL for zeros */
void fb_blake2b_begin(struct fb_blake2b *s, const uint8_t key[32], const uint8_t personal[FB_BLAKE2B_PERSONAL]);
void fb_blake2b_add(struct fb_blake2b *s, const void *data, size_t size);
void fb_blake2b_end(struct fb_blake2b *s, uint8_t ret[FB_BLAKE2B_SIZE]); /* wipes s */

#endif
