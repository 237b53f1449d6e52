/* SPDX-License-Identifier: Apache-2.0 */
/* Files with more than one name in a tree: which was met first, and what became of it. Knows 100,000 of them; those beyond are kept as files of their own. */
#ifndef FB_STORE_NAMES_H
#define FB_STORE_NAMES_H

#include <stddef.h>
#include <sys/types.h>

#include "store/list.h"

struct fb_name; /* lives until fb_names_clear */
struct fb_names {
	struct fb_name **slots;
	size_t n, room;
};
/* Meets a name of a file. *ret_first is the path that was met before, or NULL when this is the first. NULL: there are too many. */
struct fb_name *fb_names_meet(struct fb_names *v, dev_t dev, ino_t ino, const char *path, const char **ret_first);
/* Says what the first name's entry is; copies that to a later one's: -1 when the first never came. */
void fb_names_tell(struct fb_name *name, const struct fb_entry *e);
int fb_names_ask(const struct fb_name *name, struct fb_entry *e) FB_MUST_USE;
void fb_names_clear(struct fb_names *v);

#endif
