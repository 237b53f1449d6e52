/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/backup/needed.h"

#include <string.h>

#include "base/mem.h"

#define LOOK_BACK 1000 /* rows of one release */

struct needed {
	struct fb_journal *journal;
	fb_needed_fn *each;
	void *ctx;
};

/* 1: a deployment that was completed; 0: not; -1. */
static int is_completed(struct fb_journal *j, const char *id, struct fb_err *err)
{
	struct fb_execution e = {0};
	int r = fb_journal_execution(j, id, &e, err);

	if (r)
		return r < 0 ? -1 : 0;
	r = fb_streq(e.id, id) && fb_streq(e.kind, "deploy") && fb_streq(e.status, "completed");
	fb_execution_clear(&e);
	return r;
}

static int of_release(struct needed *n, const char *environment, const char *service, const char *release, const char *why, struct fb_err *err)
{
	struct fb_release_row *rows;
	const char *newest = NULL;
	int found = 0;
	size_t count;

	if (fb_journal_releases(n->journal, environment, service, release, LOOK_BACK, &rows, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count && found == 0; i++) {
		const char *id = rows[i].execution;

		if (!id)
			continue;
		found = is_completed(n->journal, id, err);
		if (!newest || found > 0)
			n->each(n->ctx, id, environment, service, release, why);
		if (!newest)
			newest = id;
	}
	fb_releases_free(rows, count);
	return found < 0 ? -1 : 0;
}

static int of_service(struct needed *n, const struct fb_release_row *s, struct fb_err *err)
{
	struct fb_release_row good = {0};
	int r = 0;

	if (s->release)
		r = of_release(n, s->environment, s->service, s->release, "live", err);
	if (r < 0)
		return -1;
	r = fb_journal_last_good(n->journal, s->environment, s->service, &good, err);
	if (r == 0 && !fb_streq(good.release, s->release))
		r = of_release(n, s->environment, s->service, good.release, "last_good", err);
	fb_release_clear(&good);
	return r < 0 ? -1 : 0;
}

int fb_needed_each(struct fb_journal *j, fb_needed_fn *each, void *ctx, struct fb_err *err)
{
	struct needed n = {.journal = j, .each = each, .ctx = ctx};
	struct fb_release_row *rows;
	size_t count;
	int r = 0;

	if (fb_journal_services(j, NULL, &rows, &count, err) < 0)
		return -1;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = of_service(&n, &rows[i], err);
	fb_releases_free(rows, count);
	return r;
}
