/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the report share: the rows that it is made from, read once, and how times become numbers. */
#ifndef FB_RECOVERY_REPORT_PARTS_H
#define FB_RECOVERY_REPORT_PARTS_H

#include <jansson.h>

#include "journal/journal.h"

struct fb_report_source {
	struct fb_execution e;
	json_t *frozen;  /* null when the journal keeps none */
	json_t *clocks;  /* {"detected": {"wall_ms", "boot_ms"}} */
	struct fb_link_row *links;
	json_t *why;     /* {"message"}: what became of it, when it did not go well */
	json_t **data;   /* of each link: its data, parsed; {} when there is none */
	size_t link_count;
	struct fb_action_row *actions;
	size_t action_count;
	json_t *impact, *members, *way_out, *evidence, *system; /* documents; NULL: not there */
	int64_t *resumed_ms; /* wall times at which another engine took over */
	size_t resumed_count;
};

int fb_report_read(struct fb_report_source *r, struct fb_journal *j, const char *execution, struct fb_err *err) FB_MUST_USE;
void fb_report_clear(struct fb_report_source *r);

/* A point in time as the journal keeps it. */
struct fb_report_time {
	int64_t wall_ms, boot_ms;
};
bool fb_report_clock(const struct fb_report_source *r, const char *name, struct fb_report_time *ret);
/* Seconds from a to b. *ret_reboot (may be NULL) tells that a reboot lies between: then it is wall time, and no better than that. */
double fb_report_seconds(const struct fb_report_source *r, struct fb_report_time a, struct fb_report_time b, bool *ret_reboot);
json_t *fb_report_stamp(int64_t wall_ms); /* RFC 3339, null for 0 */

/* NULL becomes null; what is not UTF-8 becomes '?' so that it does not vanish. */
json_t *fb_report_text(const char *s);
/* A copy of a member of some object, or null. */
json_t *fb_report_member(const json_t *object, const char *name);
/* What some link reported under this name; the last one counts. Borrowed, NULL: none. */
json_t *fb_report_reported(const struct fb_report_source *r, const char *name);

/* One link as the report shows it: the seeds' phase shape, also for steps (their title is `name`). */
json_t *fb_report_phase(const struct fb_report_source *r, size_t link);
json_t *fb_report_deployment(const struct fb_report_source *r);
json_t *fb_report_rollback(const struct fb_report_source *r);
json_t *fb_report_backup(const struct fb_report_source *r);
/* What is left to do after a rollback: [{task, within "1h|24h|7d", due}]. */
json_t *fb_report_tasks(const struct fb_report_source *r);
bool fb_report_recovered_at_all(const struct fb_report_source *r);

#endif
