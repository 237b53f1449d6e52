/* SPDX-License-Identifier: Apache-2.0 */
/* layout = "tree": the plan of changes, which tree.c makes, aside.c reads and write.c carries out. */
#ifndef FB_PLUGINS_STRATEGIES_FILES_TREE_H
#define FB_PLUGINS_STRATEGIES_FILES_TREE_H

#include <jansson.h>

#include "plugins/strategies/files/files.h"

struct fs_change {
	const struct fs_entry *want; /* NULL: it goes */
	const struct fs_entry *live; /* type 0: nothing is there */
	bool edited;                 /* what is there is in no release */
	bool missing;                /* a person has removed it */
	bool in_the_way;             /* has to go before what is wanted can come */
	bool gone;                   /* has been removed */
};
struct fs_plan {
	const char *release;
	const struct fs_list *want;
	struct fs_change *v; /* sorted by path */
	size_t n, edits;
	struct fs_list all; /* every path of ours, as it is */
	struct fs_list *managed; /* releases that may be in the tree, and last the one that it goes to */
	size_t managed_n;
	bool to_is_new; /* nothing of the one that it goes to is in the tree yet */
};
int fs_plan_make(struct fs *s, const char *release, const struct fs_list *want, struct fs_plan *p);
void fs_plan_clear(struct fs_plan *p);

/* Records that files of the release may be in the tree from now on. */
int fs_tree_begin(struct fs *s, const char *release);

/* aside.c: keeps what people have changed; remembers it for the way back to the release that was live. */
int fs_aside(struct fs *s, const struct fs_plan *p);
/* {"folder": path, "missing": [path]} of what they had changed while a release was live; a new reference, or NULL. */
json_t *fs_edits(struct fs *s, const char *release);

/* write.c */
int32_t fs_tree_write(struct fs *s, struct fs_plan *p);

#endif
