/* SPDX-License-Identifier: Apache-2.0 */
/* Links, as the frozen chain has them and the journal remembers them. */
#ifndef FB_CHAIN_LINK_H
#define FB_CHAIN_LINK_H

#include "chain/context.h"

#define FB_ON_FAILURE_STOP 0
#define FB_ON_FAILURE_CONTINUE 1
#define FB_ON_FAILURE_FALLBACK 2

/* Where a link stands; the names are the journal's. */
#define FB_LINK_PENDING 0
#define FB_LINK_RUNNING 1
#define FB_LINK_COMPLETED 2
#define FB_LINK_SKIPPED 3
#define FB_LINK_FAILED 4
#define FB_LINK_UNDONE 5

struct fb_link {
	const char *id, *name, *title, *service;
	struct fb_use use;         /* phase; not set for a parallel group */
	int64_t timeout_ms, backoff_ms, backoff_max_ms;
	int retries, on_failure;
	struct fb_link *fallback;  /* NULL */
	struct fb_link *undo;      /* NULL */
	struct fb_link *parallel;  /* members; NULL: not a group */
	size_t parallel_count;
	const char **after;        /* names of members of the same group; ends in NULL */
	/* Where it stands */
	int seq, state, attempt, tries; /* tries: attempts of this engine */
	char *message;
	json_t *data;              /* what the journal keeps for it, core/recovery/report.h */
	int answer;
	int64_t started_ms, ended_ms, started_boot_ms, ended_boot_ms;
	char *log;                 /* relative to the execution's folder */
	bool interrupted;          /* an earlier engine died in it */
};

struct fb_chain {
	const char *name; /* backup, plan, recovery, undo */
	struct fb_link *links;
	size_t count;
};

/* Loads one of the frozen chain's "chains" and what the journal remembers of its links. first_seq: place of its first link in the execution. */
int fb_chain_load(struct fb_context *x, const char *name, int first_seq, struct fb_chain *ret, struct fb_err *err) FB_MUST_USE;
void fb_chain_clear(struct fb_chain *c);
/* Number of links that do something (groups count their members). */
int fb_chain_size(const struct fb_chain *c);

/* Writes the row of a link. Part of an open transaction, or one of its own. */
int fb_link_record(struct fb_context *x, const char *chain, const struct fb_link *l, struct fb_err *err) FB_MUST_USE;
const char *fb_link_state_name(const struct fb_link *l);

#endif
