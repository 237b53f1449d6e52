/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that give content back: restore and export. */
#include <stdio.h>
#include <unistd.h>

#include "store/commands.h"
#include "store/export.h"
#include "store/restore.h"

static void say_progress(void *ctx, uint64_t bytes, uint64_t total, const char *text)
{
	(void)ctx;
	fprintf(stderr, "progress %llu %llu %s\n", (unsigned long long)bytes, (unsigned long long)total, text);
}

int fb_command_restore(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	struct fb_restore how = {.set = a->set, .item = a->item, .digest = a->digest, .only = a->only.v, .to = a->to, .in_place = a->in_place, .output = STDOUT_FILENO, .program = a->with_program ? &a->program : NULL,
				 .delete = a->delete, .dry_run = a->dry_run, .progress = a->progress ? say_progress : NULL};
	struct fb_store s;
	int r;

	if ((a->to != NULL) + a->in_place + a->to_stdout + a->with_program != 1)
		return fb_err_set(err, FB_STORE_USAGE, "restore needs one of --to, --in-place, --stdout and --command");
	if ((a->to_stdout || a->with_program) && (a->only.n || a->delete || a->dry_run))
		return fb_err_set(err, FB_STORE_USAGE, "--stdout and --command go with none of --only, --delete and --dry-run");
	if (fb_store_open(&s, a->store, &a->key, err) < 0)
		return -1;
	r = fb_restore(&s, &how, ret, err);
	fb_store_close(&s);
	return r > 0 ? FB_STORE_PARTLY : r;
}

int fb_command_export(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	struct fb_store s;
	int r;

	if (fb_store_open(&s, a->store, &a->key, err) < 0)
		return -1;
	r = fb_export(&s, a->set, a->item, a->digest, a->to, ret, err);
	fb_store_close(&s);
	return r;
}
