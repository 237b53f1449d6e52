/* SPDX-License-Identifier: Apache-2.0 */
/* Text that is what it looks like: no control characters, nothing that is not seen or turns the order of what is. */
#ifndef FB_PLUGINS_COMMON_VISIBLE_H
#define FB_PLUGINS_COMMON_VISIBLE_H

#include <stdbool.h>

/* Is it UTF-8 in which every character is seen? */
bool visible_text(const char *text);

#endif
