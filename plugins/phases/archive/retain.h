/* SPDX-License-Identifier: Apache-2.0 */
/* Which archives of earlier executions go: by age, number and size. */
#ifndef FB_ARCHIVE_RETAIN_H
#define FB_ARCHIVE_RETAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RETAIN_YOUNGEST_S 3600 /* an execution may still run, or be gone on with, for that long after its archive was made */

struct retain_rule {
	int64_t age_s, count, bytes; /* 0: no limit */
};
struct retain_list {
	struct retain_file {
		char path[4096]; /* below the folder */
		int64_t mtime_s, size;
	} *files;
	size_t n;
};

/* Finds the archives below a folder: in it, and with `deep` in its folders. 0, or -1 with errno. */
int retain_find(int folder, bool deep, struct retain_list *ret);
/* Leaves in the list those that the rule lets go of, oldest first. Nothing that is younger than RETAIN_YOUNGEST_S, nor keep, the path of the newest. */
void retain_choose(struct retain_list *l, const struct retain_rule *rule, const char *keep, int64_t now_s);
void retain_clear(struct retain_list *l);

#endif
