/* SPDX-License-Identifier: Apache-2.0 */
/* A work tree of git's: its state, what is not committed as one commit, going to another state. Knows nothing of backups. */
#ifndef FB_STRATEGIES_GIT_REPO_H
#define FB_STRATEGIES_GIT_REPO_H

#include <stdbool.h>

#include "plugins/common/item.h"

struct repo {
	const struct fb_call *call;
	const char *path;    /* of the work tree */
	const char *ignored; /* a file in it that is not looked at; NULL: none */
	char line[STORE_LINE]; /* what the last program said */
};

/* Runs git with these words, up to NULL; 0 when it ends with 0. ret_output: as item_ask; may be NULL. index: the file of the index; NULL: its own. */
int repo_git(struct repo *r, const char *index, char **ret_output, ...) __attribute__((sentinel));
/* The id of the tree that has all that is in the work tree and not ignored; the index stays as it is. To be freed; NULL: line says why. */
char *repo_tree(struct repo *r);
/* A commit of it upon HEAD, for keeping. The same. */
char *repo_commit(struct repo *r, const char *tree, const char *message);
/* What a name stands for: "HEAD^{tree}". To be freed; NULL: nothing. */
char *repo_id(struct repo *r, const char *name);
/* A folder that git knows: "--git-common-dir", "--absolute-git-dir", "--show-toplevel". To be freed; NULL: line says why. */
char *repo_folder(struct repo *r, const char *which);
/*
 * Would going from the tree now to the tree to lose a change that now has against HEAD? new_stays: a file that neither HEAD nor to has is not touched. 1: yes, path is
 * the first; 0: no; -1: line says why that is not known.
 */
int repo_loses(struct repo *r, const char *now, const char *to, bool new_stays, char *path, size_t size);
/* The work tree becomes the one of a commit, tree or all, and what neither has goes; HEAD becomes the commit, upon a branch where that is named. 0, or -1: run it again. */
int repo_go(struct repo *r, const char *commit, const char *tree, const char *branch);
/*
 * The files that git knows become those of the commit, those that it does not know stay; HEAD as above. begun: a ref of the caller's own, which is there while this is
 * under way. 0, or -1: run it again; it may be killed at any moment.
 */
int repo_place(struct repo *r, const char *commit, const char *branch, const char *begun);
/* Is HEAD at the commit, no checkout under way, and no file that git knows changed? */
bool repo_is_at(struct repo *r, const char *commit, const char *begun);
/* Is all that a checkout of the commit needs in the repository, each with the content that its id says? -1: line says what is not. */
int repo_prove(struct repo *r, const char *commit);

#endif
