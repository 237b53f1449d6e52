/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/backup/retain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define DAY_MS INT64_C(86400000)

static int newest_first(const void *a, const void *b)
{
	const struct fb_retain_row *x = *(struct fb_retain_row *const *)a, *y = *(struct fb_retain_row *const *)b;

	if (x->created_ms != y->created_ms)
		return x->created_ms > y->created_ms ? -1 : 1;
	return strcmp(y->id, x->id);
}

/* A set of no service counts for one whose name is "". */
static const char *const *services_of(const struct fb_retain_row *row)
{
	static const char *const unnamed[] = {"", NULL};

	return row->services && row->services[0] ? row->services : unnamed;
}

static bool has_service(const struct fb_retain_row *row, const char *service)
{
	for (const char *const *s = services_of(row); *s; s++)
		if (strcmp(*s, service) == 0)
			return true;
	return false;
}

/* Is it judged with the others of its service? */
static bool counts(const struct fb_retain_row *row, const struct fb_retain_policy *policy)
{
	return row->readable && row->environment && strcmp(row->environment, policy->environment) == 0;
}

/* Is it among the newest of any of its services? sorted: newest first; at: its place. */
static bool is_among_last(struct fb_retain_row *const *sorted, size_t at, const struct fb_retain_policy *policy)
{
	struct fb_retain_row *row = sorted[at];

	for (const char *const *s = services_of(row); *s; s++) {
		size_t newer = 0;

		for (size_t i = 0; i < at && newer < (size_t)policy->keep_last; i++)
			newer += counts(sorted[i], policy) && has_service(sorted[i], *s);
		if (newer < (size_t)policy->keep_last) {
			row->service = *s;
			row->rank = newer + 1;
			return true;
		}
	}
	return false;
}

static enum fb_retain_reason decide(struct fb_retain_row *const *sorted, size_t at, const struct fb_retain_policy *policy)
{
	const struct fb_retain_row *row = sorted[at];

	if (!row->readable)
		return FB_RETAIN_UNREADABLE;
	if (row->environment && !counts(row, policy))
		return FB_RETAIN_OTHER_ENVIRONMENT;
	if (!row->environment && !policy->orphans)
		return FB_RETAIN_ORPHAN;
	if (row->environment && !row->finished)
		return FB_RETAIN_UNFINISHED;
	if (row->needed)
		return FB_RETAIN_NEEDED;
	if (row->environment && is_among_last(sorted, at, policy))
		return FB_RETAIN_LAST;
	return policy->now_ms - row->created_ms > policy->retention_days * DAY_MS ? FB_RETAIN_OLD : FB_RETAIN_YOUNG;
}

void fb_retain(struct fb_retain_row *rows, size_t n, const struct fb_retain_policy *policy)
{
	struct fb_retain_row **sorted = fb_alloc((n + 1) * sizeof *sorted);
	size_t left = policy->for_size;

	for (size_t i = 0; i < n; i++)
		sorted[i] = &rows[i];
	qsort(sorted, n, sizeof *sorted, newest_first);
	for (size_t i = 0; i < n; i++) {
		sorted[i]->service = NULL;
		sorted[i]->rank = 0;
		sorted[i]->reason = decide(sorted, i, policy);
	}
	for (size_t i = n; i-- > 0 && left > 0;) {
		if (sorted[i]->reason != FB_RETAIN_YOUNG)
			continue;
		sorted[i]->reason = FB_RETAIN_SIZE;
		left--;
	}
	fb_free(sorted);
}

bool fb_retain_removes(const struct fb_retain_row *row)
{
	return row->reason >= FB_RETAIN_OLD;
}
