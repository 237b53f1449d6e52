/* SPDX-License-Identifier: Apache-2.0 */
#include "store/blake2b.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>

#define BLOCK 128

static const uint64_t iv[8] = {
	UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1),
	UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f), UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};

static inline uint64_t rotate(uint64_t x, int n)
{
	return x >> n | x << (64 - n);
}

#define G(a, b, c, d, x, y)                  \
	do {                                 \
		a += b + (x);                \
		d = rotate(d ^ a, 32);       \
		c += d;                      \
		b = rotate(b ^ c, 24);       \
		a += b + (y);                \
		d = rotate(d ^ a, 16);       \
		c += d;                      \
		b = rotate(b ^ c, 63);       \
	} while (0)

/* The message schedule as arguments, so that every index is known when it is compiled */
#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, sa, sb, sc, sd, se, sf) \
	do {                                                                  \
		G(v0, v4, v8, vc, m[s0], m[s1]);                              \
		G(v1, v5, v9, vd, m[s2], m[s3]);                              \
		G(v2, v6, va, ve, m[s4], m[s5]);                              \
		G(v3, v7, vb, vf, m[s6], m[s7]);                              \
		G(v0, v5, va, vf, m[s8], m[s9]);                              \
		G(v1, v6, vb, vc, m[sa], m[sb]);                              \
		G(v2, v7, v8, vd, m[sc], m[sd]);                              \
		G(v3, v4, v9, ve, m[se], m[sf]);                              \
	} while (0)

static void compress(struct fb_blake2b *s, const uint8_t *block, uint64_t last)
{
	uint64_t v0 = s->h[0], v1 = s->h[1], v2 = s->h[2], v3 = s->h[3], v4 = s->h[4], v5 = s->h[5], v6 = s->h[6], v7 = s->h[7];
	uint64_t v8 = iv[0], v9 = iv[1], va = iv[2], vb = iv[3], vc = iv[4] ^ s->count, vd = iv[5], ve = iv[6] ^ last, vf = iv[7];
	uint64_t m[16];

	memcpy(m, block, sizeof m);
	for (int i = 0; i < 16; i++)
		m[i] = le64toh(m[i]);
	ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
	ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
	ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
	ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
	ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
	ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
	ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
	ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
	ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
	ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
	s->h[0] ^= v0 ^ v8;
	s->h[1] ^= v1 ^ v9;
	s->h[2] ^= v2 ^ va;
	s->h[3] ^= v3 ^ vb;
	s->h[4] ^= v4 ^ vc;
	s->h[5] ^= v5 ^ vd;
	s->h[6] ^= v6 ^ ve;
	s->h[7] ^= v7 ^ vf;
}

void fb_blake2b_begin(struct fb_blake2b *s, const uint8_t key[32], const uint8_t personal[FB_BLAKE2B_PERSONAL])
{
	uint64_t p[2] = {0};

	memset(s, 0, sizeof *s);
	memcpy(s->h, iv, sizeof s->h);
	s->h[0] ^= UINT64_C(0x01010000) ^ (key ? UINT64_C(32) << 8 : 0) ^ FB_BLAKE2B_SIZE;
	if (personal)
		memcpy(p, personal, sizeof p);
	s->h[6] ^= le64toh(p[0]);
	s->h[7] ^= le64toh(p[1]);
	if (key) {
		memcpy(s->buf, key, 32);
		s->n = BLOCK;
	}
}

void fb_blake2b_add(struct fb_blake2b *s, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size) { /* the last block waits for the end, so a full one is compressed only when more comes */
		size_t n = BLOCK - s->n < size ? BLOCK - s->n : size;

		if (s->n == BLOCK) {
			s->count += BLOCK;
			compress(s, s->buf, 0);
			s->n = 0;
			for (; size > BLOCK; p += BLOCK, size -= BLOCK) {
				s->count += BLOCK;
				compress(s, p, 0);
			}
			continue;
		}
		memcpy(s->buf + s->n, p, n);
		s->n += n;
		p += n;
		size -= n;
	}
}

void fb_blake2b_end(struct fb_blake2b *s, uint8_t ret[FB_BLAKE2B_SIZE])
{
	uint64_t out[4];

	s->count += s->n;
	memset(s->buf + s->n, 0, BLOCK - s->n);
	compress(s, s->buf, ~UINT64_C(0));
	for (int i = 0; i < 4; i++)
		out[i] = htole64(s->h[i]);
	memcpy(ret, out, sizeof out);
	sodium_memzero(s, sizeof *s);
}
