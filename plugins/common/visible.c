/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/visible.h"

#include <jansson.h>

/* Unicode: C1 controls; soft hyphen; zero width, direction marks, embeddings, isolates; BOM; tags. */
static bool hidden(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

bool visible_text(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	json_t *utf8 = json_string(text);

	if (!utf8)
		return false;
	json_decref(utf8);
	while (*s) {
		int more = *s < 0x80 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;
		unsigned c = more == 0 ? *s : more == 1 ? *s & 0x1fu : more == 2 ? *s & 0x0fu : *s & 0x07u;

		for (s++; more--; s++)
			c = c << 6 | (*s & 0x3fu);
		if (hidden(c))
			return false;
	}
	return true;
}
