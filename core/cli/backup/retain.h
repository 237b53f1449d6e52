/* SPDX-License-Identifier: Apache-2.0 */
/* Which backup sets are kept, and why: one pure function over rows. It knows no store, no journal and no clock. */
#ifndef FB_CLI_BACKUP_RETAIN_H
#define FB_CLI_BACKUP_RETAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reasons, in the order in which they are looked at: the first that holds is the one. */
enum fb_retain_reason {
	FB_RETAIN_UNREADABLE,        /* nobody knows what it is */
	FB_RETAIN_OTHER_ENVIRONMENT,
	FB_RETAIN_ORPHAN,            /* the journal has no execution of it */
	FB_RETAIN_UNFINISHED,        /* its execution has not ended */
	FB_RETAIN_NEEDED,            /* by a live or last known good release */
	FB_RETAIN_LAST,              /* among the newest of a service */
	FB_RETAIN_YOUNG,
	/* from here on it is removed */
	FB_RETAIN_OLD,
	FB_RETAIN_SIZE,              /* young, but the store is too large */
};

struct fb_retain_row {
	const char *id;
	const char *environment;     /* of its execution; NULL: the journal has none */
	const char *const *services; /* end in NULL; none: it is as if of one service without a name */
	int64_t created_ms;
	bool readable, finished, needed;
	/* set by fb_retain */
	enum fb_retain_reason reason;
	const char *service;         /* FB_RETAIN_LAST: of which; one of services, or "" */
	size_t rank;                 /* FB_RETAIN_LAST: 1 is the newest */
};

struct fb_retain_policy {
	const char *environment;     /* only its sets are judged, and orphans, if asked for */
	int64_t now_ms;
	int64_t retention_days, keep_last;
	bool orphans;                /* judge them too, by age and size alone */
	size_t for_size;             /* so many of those that only their youth keeps are removed, the oldest first */
};

/* Decides on each of n rows. Rows of one age are ordered by their ids. */
void fb_retain(struct fb_retain_row *rows, size_t n, const struct fb_retain_policy *policy);
bool fb_retain_removes(const struct fb_retain_row *row);

#endif
