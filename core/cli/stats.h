/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of executions: counted row by row, told as JSON (failback.stats/1). Knows no terminal. */
#ifndef FB_CLI_STATS_H
#define FB_CLI_STATS_H

#include <jansson.h>

#include "journal/journal.h"

#define FB_STATS_BUCKETS 24 /* of the trend */

struct fb_stats;
/* Counts from since_ms (0: from the first execution) to now_ms. */
struct fb_stats *fb_stats_new(int64_t since_ms, int64_t now_ms);
void fb_stats_free(struct fb_stats *s);
void fb_stats_take(void *stats, const struct fb_figure_row *row); /* rows come oldest first */
/* New reference. */
json_t *fb_stats_json(struct fb_stats *s);

#endif
