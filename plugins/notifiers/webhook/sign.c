/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC-SHA256 of a body, with libsodium. */
#include "plugins/notifiers/webhook/sign.h"

#include <sodium.h>
#include <string.h>

int sign(const char *key, const char *body, size_t size, char *ret)
{
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;

	if (sodium_init() < 0)
		return -1;
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)key, strlen(key));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, size);
	crypto_auth_hmacsha256_final(&state, mac);
	memcpy(ret, "sha256=", 8);
	sodium_bin2hex(ret + 7, SIGN_SIZE - 7, mac, sizeof(mac));
	sodium_memzero(&state, sizeof(state));
	return 0;
}
