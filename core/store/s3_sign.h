/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 of one request whose payload is hashed ("Authenticating Requests (AWS Signature Version 4)", Amazon S3 API Reference). Pure: no clock, no network. */
#ifndef FB_STORE_S3_SIGN_H
#define FB_STORE_S3_SIGN_H

#include "base/mem.h"

#define FB_S3_HASH 65
void fb_s3_hash(const void *data, size_t size, char hex[FB_S3_HASH]); /* SHA-256 */
void fb_s3_base64_hash(const void *data, size_t size, char base64[48]);

/* Percent-encodes what is not unreserved (RFC 3986); '/' is left with slashes. */
void fb_s3_encode(struct fb_text *t, const char *s, bool slashes);

struct fb_s3_header {
	const char *name; /* lower case */
	const char *value; /* without spaces at its ends */
};
struct fb_s3_request {
	const char *method, *path; /* path and query as they are sent: encoded, the query's members sorted */
	const char *query;         /* "" : none */
	const struct fb_s3_header *headers; /* sorted by name; all of them are signed */
	size_t n;
	const char *payload; /* its hash */
};
struct fb_s3_keys {
	const char *access, *secret, *region;
};
/* The value of the header Authorization; to be freed. stamp is that of x-amz-date, "20130524T000000Z". */
char *fb_s3_sign(const struct fb_s3_request *q, const struct fb_s3_keys *keys, const char *stamp);

#endif
