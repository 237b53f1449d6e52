/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failback-store without libcurl and libarchive: with them come forty libraries, which take longer to load than most commands take. For a command that needs one of
 * the two it becomes failback-store-full, which lies beside it and is the same program with link_full.c.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/commands.h"
#include "store/export.h"
#include "store/location.h"

/* Could this word make a command one of an archive or a bucket? A location of standard input is not known yet. */
static bool asks_for_more(const char *word)
{
	return !strcmp(word, "export") || !strcmp(word, "-") || fb_has_prefix(word, "s3:") || *word == '{';
}

int fb_store_link(char **argv, struct fb_err *err)
{
	char path[PATH_MAX];
	bool more = false;
	ssize_t n;

	for (size_t i = 1; argv[i] && strcmp(argv[i], "--") != 0; i++)
		more |= asks_for_more(argv[i]);
	if (!more)
		return 0;
	n = readlink("/proc/self/exe", path, sizeof path - sizeof "-full");
	if (n < 0)
		return fb_err_set(err, FB_STORE_BUG, "cannot find failback-store-full: /proc/self/exe: %s", strerror(errno));
	memcpy(path + n, "-full", sizeof "-full");
	execv(path, argv);
	return fb_err_set(err, FB_STORE_BUG, "cannot run %s: %s: install the package failback-store again", path, strerror(errno));
}

static int is_linked_elsewhere(struct fb_location *l, struct fb_err *err)
{
	(void)l;
	return fb_err_set(err, FB_STORE_BUG, "a location in a bucket is failback-store-full's");
}

const struct fb_location_ops fb_location_s3 = {.use = "s3", .open = is_linked_elsewhere};

int fb_export(struct fb_store *s, const char *set, const char *item, const char *digest, const char *to, json_t **ret, struct fb_err *err)
{
	(void)s, (void)set, (void)item, (void)digest, (void)to, (void)ret;
	return fb_err_set(err, FB_STORE_BUG, "an export is failback-store-full's");
}
