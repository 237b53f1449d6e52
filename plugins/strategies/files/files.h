/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy files: what its files share. Releases are folders below `releases`; what failback itself keeps about them is in releases/.failback. Functions that
 * answer an FB_ value have set the sentence of fail() when it is above FB_SKIP; those that answer int: 0, or -1 with the sentence set.
 */
#ifndef FB_PLUGINS_STRATEGIES_FILES_H
#define FB_PLUGINS_STRATEGIES_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "failback/plugin.h"
#include "plugins/common/run.h"

#define FS_HASH 65    /* of the store, as hexadecimal digits, and NUL */
#define FS_TEXT 700
#define FS_OWN ".failback" /* folder in `releases` */
#define FS_DUE "due"

/* ---- manifest.c: what is in a folder, sorted by path; parents stand before what is in them ---- */

struct fs_entry {
	char *path;         /* below the folder */
	char type;          /* 'd', 'f', 'l'; '?' what no release may have; 0: nothing is there */
	mode_t mode;        /* permissions; of a link 0777 */
	uid_t uid;
	gid_t gid;
	uint64_t size;      /* of a file */
	char *content;      /* hash of a file, target of a link, "" */
	const char *source; /* another folder that it is copied from; not its own. NULL: the release's */
	uint64_t inode, change_ns; /* as it was looked at; not in a record */
};
struct fs_list {
	struct fs_entry *v;
	size_t n, room;
};
/* An empty entry for a path, which is copied. */
struct fs_entry *fs_list_add(struct fs_list *l, const char *path);
void fs_list_copy(struct fs_list *to, const struct fs_entry *e);
void fs_list_sort(struct fs_list *l);
struct fs_entry *fs_list_find(const struct fs_list *l, const char *path);
void fs_list_remove(struct fs_list *l, const struct fs_entry *e);
void fs_list_clear(struct fs_list *l);
void fs_entry_clear(struct fs_entry *e);
/* Is it the same to a user? owners: of them, too. */
bool fs_same(const struct fs_entry *a, const struct fs_entry *b, bool owners);
/* Each difference: b NULL: only in a; a NULL: only in b. Ends when f answers other than 0, which it answers, too. */
int fs_diff(const struct fs_list *a, const struct fs_list *b, int (*f)(void *ctx, const struct fs_entry *a, const struct fs_entry *b), void *ctx);
/* "config/app.json (content), old (gone), new (new) and 3 more"; returns how many differ. */
size_t fs_diff_say(const struct fs_list *a, const struct fs_list *b, char *buf, size_t size);
/* One line for each difference, to be freed. */
char *fs_diff_text(const struct fs_list *a, const struct fs_list *b);
/* As text, to be freed, and back. false: it is none. */
char *fs_list_write(const struct fs_list *l, size_t *ret_size);
bool fs_list_read(const char *text, struct fs_list *ret);
/* Of what matches one of the patterns (an option of lists); NULL: of all. */
void fs_list_digest(const struct fb_call *call, const struct fs_list *l, const char *patterns, char ret[FS_HASH]);
void fs_hash(const void *data, size_t size, char ret[FS_HASH]);
/* Segments as fnmatch(3) has them, "**" for any number of them; what names a folder is for all that is in it. */
bool fs_match(const char *pattern, const char *path);
bool fs_match_option(const struct fb_call *call, const char *list, const char *path);

/* ---- call.c: one call ---- */

struct fs {
	const struct fb_call *call;
	const struct fb_host *host;
	bool tree, dry, recovery;
	bool owners;    /* they can be set, and so count */
	char *releases;
	char *live_at;  /* option link or target */
	char *live;     /* the release that is live; NULL: none, or not known */
	char *laid_over; /* layout tree: folder that fs_tree_want took edits from */
};
void fs_open(struct fs *s, const struct fb_call *call);
void fs_close(struct fs *s);
char *fs_text(const char *format, ...) __attribute__((format(printf, 1, 2))); /* to be freed */
int32_t fs_leave(struct fs *s, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
int32_t fs_made(struct fs *s, const char *key, int32_t leave);
/* Facts of the service's: "what.name"; NULL also for an empty one. */
const char *fs_fact(struct fs *s, const char *what, const char *name);
int fs_fact_set(struct fs *s, const char *what, const char *name, const char *value);
int fs_in_time(struct fs *s, const char *what);
/* Is it a name of a folder that a release may have? */
int fs_good_name(struct fs *s, const char *release);
/* Runs the command of an option; FB_OK when it ends with 0. what: the beginning of the sentence, "release 2 of shop is not valid". evidence: the name that its output is kept under, NULL: it is not. */
int32_t fs_run(struct fs *s, const char *option, const char *directory, const char *release, const char *what, const char *evidence);

/* ---- scan.c: the disk ---- */

/* All of a folder, without what option `ignore` names. */
int fs_scan(struct fs *s, const char *folder, struct fs_list *ret);
/* What is at a path below an open folder: no link is followed on the way. e->path is not touched. */
int fs_look(struct fs *s, int folder, const char *path, struct fs_entry *e);
/* The folder that holds a path, opened without following links, and the last part of the name. -1: errno. */
int fs_parent(int folder, const char *path, const char **ret_name);
/* Copies a file, link or folder (without what is in it) to name in the folder `to`, where nothing may be. Its content has to be what the entry says. */
int fs_copy(struct fs *s, const char *from, const struct fs_entry *e, int to, const char *name);
int fs_remove_all(int folder, const char *name); /* follows no link; what is not there is removed. -1: errno */
int fs_sync_folder(const char *path);
int fs_make_own(struct fs *s, const char *below, char **ret_path); /* releases/.failback[/below], which is made; *ret_path is to be freed */

/* ---- release.c: folders of releases ---- */

char *fs_release_path(const struct fs *s, const char *release); /* to be freed */
bool fs_release_there(const struct fs *s, const char *release);
int32_t fs_release_install(struct fs *s, const char *release);
int fs_release_remember(struct fs *s, const char *release, const struct fs_list *l);
/* As it was remembered, or where that is not known as it is. */
int fs_release_known(struct fs *s, const char *release, struct fs_list *ret);
/* FB_OK: it is as it was remembered; FB_SKIP: nothing is remembered; FB_FAIL: it differs, with the sentence. */
int32_t fs_release_look(struct fs *s, const char *release, struct fs_list *ret);
int32_t fs_release_retire(struct fs *s, const char *release, bool preserve);
int32_t fs_release_prune(struct fs *s);

/* ---- link.c, tree.c: the two layouts ---- */

char *fs_link_live(struct fs *s); /* to be freed; NULL: none */
int32_t fs_link_check(struct fs *s);
int32_t fs_link_go(struct fs *s, const char *release);

int32_t fs_tree_check(struct fs *s);
/* What the tree has to be for a release; back: with what people had changed while it was live. */
int fs_tree_want(struct fs *s, const char *release, bool back, struct fs_list *ret);
/* Could it be done? Tells what people have changed. */
int32_t fs_tree_can(struct fs *s, const char *release, const struct fs_list *want);
int32_t fs_tree_go(struct fs *s, const char *release, const struct fs_list *want);
/* How many paths differ from it, and which. -1: the sentence is set. */
int fs_tree_differs(struct fs *s, const struct fs_list *want, char *buf, size_t size);
/* What is at the paths of both, where something is. */
int fs_tree_now(struct fs *s, const struct fs_list *a, const struct fs_list *b, struct fs_list *ret);
bool fs_tree_mixed(struct fs *s); /* a change of it has begun and not ended */

/* ---- due.c: commands after a switch ---- */

/* from: what is live, NULL: not known; changes: another release becomes live. */
int fs_due_mark(struct fs *s, const struct fs_list *from, const struct fs_list *to, bool changes);
int32_t fs_due_run(struct fs *s, const char *release, const struct fs_list *to, bool *ret_any);
int32_t fs_due_check(struct fs *s);
const char *fs_due_left(struct fs *s); /* the name of one that has not run; NULL: none */

/* ---- operations ---- */

int32_t fs_switch(struct fs *s, const char *release, bool back);
int32_t fs_op_check(struct fs *s);
int32_t fs_op_state(struct fs *s);
int32_t fs_op_capture(struct fs *s);
int32_t fs_op_prove(struct fs *s);
int32_t fs_op_prepare(struct fs *s);
int32_t fs_op_shift(struct fs *s);
int32_t fs_op_restore(struct fs *s);
int32_t fs_op_verify(struct fs *s);
int32_t fs_op_evidence(struct fs *s);
int32_t fs_op_commit(struct fs *s);
int32_t fs_op_cleanup(struct fs *s);
int32_t fs_op_undo(struct fs *s);

#endif
