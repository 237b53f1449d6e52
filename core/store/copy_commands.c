/* SPDX-License-Identifier: Apache-2.0 */
/* The commands push and pull. */
#include <stdio.h>

#include "store/commands.h"
#include "store/copy.h"

static void say_progress(void *ctx, uint64_t bytes, uint64_t total, const char *text)
{
	(void)ctx;
	fprintf(stderr, "progress %llu %llu %s\n", (unsigned long long)bytes, (unsigned long long)total, text);
}

static int begin(struct fb_store_args *a, struct fb_location *l, struct fb_copy *copy, struct fb_err *err)
{
	if (!a->at)
		return fb_err_set(err, FB_STORE_USAGE, "%s needs a location: /DIR, s3://BUCKET/PREFIX, ssh://USER@HOST/DIR, or - for one on standard input", a->command);
	if (a->digest && a->sets.n != 1)
		return fb_err_set(err, FB_STORE_USAGE, "--digest is that of one set: give it with --set");
	if (fb_location_open(l, a->at, err) < 0)
		return -1;
	*copy = (struct fb_copy){.location = l, .sets = a->sets.v, .digest = a->digest, .progress = a->progress ? say_progress : NULL};
	return 0;
}

int fb_command_push(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	struct fb_location l;
	struct fb_copy copy;
	struct fb_store s;
	int r;

	if (begin(a, &l, &copy, err) < 0)
		return -1;
	r = fb_store_open(&s, a->store, &a->key, err);
	if (r == 0) {
		r = fb_copy_push(&s, &copy, ret, err);
		fb_store_close(&s);
	}
	fb_location_close(&l);
	return r;
}

int fb_command_pull(struct fb_store_args *a, json_t **ret, struct fb_err *err)
{
	struct fb_location l;
	struct fb_copy copy;
	int r;

	if (begin(a, &l, &copy, err) < 0)
		return -1;
	r = fb_copy_pull(a->into ? a->into : a->store, &a->key, &copy, ret, err);
	fb_location_close(&l);
	return r;
}
