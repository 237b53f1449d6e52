/* SPDX-License-Identifier: Apache-2.0 */
/* The signature of a webhook's body: "sha256=" and HMAC-SHA256 (RFC 2104) in lower-case hexadecimal, as GitHub's X-Hub-Signature-256. */
#ifndef FB_PLUGINS_WEBHOOK_SIGN_H
#define FB_PLUGINS_WEBHOOK_SIGN_H

#include <stddef.h>

#define SIGN_SIZE 72 /* 7 + 64 + NUL */
/* Test vector: key "It's a Secret to Everybody", body "Hello, World!":
 * sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17. 0, or -1 when libsodium cannot start. */
int sign(const char *key, const char *body, size_t size, char *ret);

#endif
