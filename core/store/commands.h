/* SPDX-License-Identifier: Apache-2.0 */
/* failback-store's arguments and commands. A command answers 0, a code that its answer explains, or -1 with err; *ret is what it prints. */
#ifndef FB_STORE_COMMANDS_H
#define FB_STORE_COMMANDS_H

#include <jansson.h>

#include "store/program.h"
#include "store/store.h"

struct fb_store_list { /* of texts; ends in NULL */
	const char **v;
	size_t n;
};

struct fb_store_args {
	const char *store, *command;
	struct fb_key_source key;
	const char *answer; /* file for it; NULL: standard output */
	struct fb_key_source new_key; /* of key change */
	struct fb_program_form program;
	bool progress;
	const char *encryption, *set, *item, *kind, *source, *file, *to, *digest, *owner, *at, *into;
	bool secret, from_stdin, to_stdout, with_program, rehash, files, in_place, delete, dry_run;
	struct fb_store_list sets, tree, exclude, only, keep, remove, meta;
	char given[512]; /* names of the command's own options, a space after each */
};
int fb_store_args_parse(struct fb_store_args *a, int argc, char **argv, struct fb_err *err) FB_MUST_USE;
/* Are all the options those that the command takes, and none of the needed ones missing? */
int fb_store_args_check(const struct fb_store_args *a, const char *command, const char *takes, struct fb_err *err) FB_MUST_USE;
void fb_store_args_clear(struct fb_store_args *a);

/* Before all else: what the arguments ask for is linked, or this does not return. -1: err. */
int fb_store_link(char **argv, struct fb_err *err) FB_MUST_USE;

int fb_command_init(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_put(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_seal(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_list(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_show(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_verify(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_restore(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_export(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_remove(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_key_change(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_push(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_pull(struct fb_store_args *a, json_t **ret, struct fb_err *err);
int fb_command_prune(struct fb_store_args *a, json_t **ret, struct fb_err *err);

#endif
