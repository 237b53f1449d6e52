/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FB_PLUGINS_COMMON_UTF8_H
#define FB_PLUGINS_COMMON_UTF8_H

#include <stddef.h>

/* Bytes of the character at s, of which n can be read; 0: it is none (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF), or NUL. */
static inline size_t utf8_character(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t size;

	if (!n || !*p)
		return 0;
	size = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;
	if (!size || size > n)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return size;
}

#endif
