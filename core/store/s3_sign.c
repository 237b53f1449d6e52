/* SPDX-License-Identifier: Apache-2.0 */
#include "store/s3_sign.h"

#include <nettle/sha2.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define HASH SHA256_DIGEST_SIZE

static void hash(const void *data, size_t size, unsigned char ret[HASH])
{
	struct sha256_ctx state;

	sha256_init(&state);
	sha256_update(&state, size, data);
	sha256_digest(&state, HASH, ret);
}

void fb_s3_hash(const void *data, size_t size, char hex[FB_S3_HASH])
{
	unsigned char sum[HASH];

	hash(data, size, sum);
	sodium_bin2hex(hex, FB_S3_HASH, sum, sizeof sum);
}

void fb_s3_base64_hash(const void *data, size_t size, char base64[48])
{
	unsigned char sum[HASH];

	hash(data, size, sum);
	sodium_bin2base64(base64, 48, sum, sizeof sum, sodium_base64_VARIANT_ORIGINAL);
}

void fb_s3_encode(struct fb_text *t, const char *s, bool slashes)
{
	for (; *s; s++)
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("-._~", *s) || (slashes && *s == '/'))
			fb_text_add(t, s, 1);
		else
			fb_text_printf(t, "%%%02X", (unsigned char)*s);
}

static void hmac(const void *key, size_t key_size, const char *text, unsigned char ret[HASH])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, key_size);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
	crypto_auth_hmacsha256_final(&state, ret);
	sodium_memzero(&state, sizeof state);
}

static void add_names(struct fb_text *t, const struct fb_s3_request *q)
{
	for (size_t i = 0; i < q->n; i++)
		fb_text_printf(t, "%s%s", i ? ";" : "", q->headers[i].name);
}

static void hash_request(const struct fb_s3_request *q, char hex[FB_S3_HASH])
{
	struct fb_text t = {0};

	fb_text_printf(&t, "%s\n%s\n%s\n", q->method, q->path, q->query);
	for (size_t i = 0; i < q->n; i++)
		fb_text_printf(&t, "%s:%s\n", q->headers[i].name, q->headers[i].value);
	fb_text_puts(&t, "\n");
	add_names(&t, q);
	fb_text_printf(&t, "\n%s", q->payload);
	fb_s3_hash(t.p, t.n, hex);
	fb_text_clear(&t);
}

static void signing_key(const struct fb_s3_keys *keys, const char *day, unsigned char key[HASH])
{
	char *first = fb_asprintf("AWS4%s", keys->secret);

	hmac(first, strlen(first), day, key);
	sodium_memzero(first, strlen(first));
	fb_free(first);
	hmac(key, HASH, keys->region, key);
	hmac(key, HASH, "s3", key);
	hmac(key, HASH, "aws4_request", key);
}

char *fb_s3_sign(const struct fb_s3_request *q, const struct fb_s3_keys *keys, const char *stamp)
{
	char day[9], request[FB_S3_HASH], *scope, *text, hex[FB_S3_HASH];
	unsigned char key[HASH], sum[HASH];
	struct fb_text t = {0};

	snprintf(day, sizeof day, "%.8s", stamp);
	hash_request(q, request);
	scope = fb_asprintf("%s/%s/s3/aws4_request", day, keys->region);
	text = fb_asprintf("AWS4-HMAC-SHA256\n%s\n%s\n%s", stamp, scope, request);
	signing_key(keys, day, key);
	hmac(key, sizeof key, text, sum);
	sodium_bin2hex(hex, sizeof hex, sum, sizeof sum);
	sodium_memzero(key, sizeof key);
	fb_text_printf(&t, "AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=", keys->access, scope);
	add_names(&t, q);
	fb_text_printf(&t, ",Signature=%s", hex);
	fb_free(scope);
	fb_free(text);
	return fb_text_take(&t);
}
