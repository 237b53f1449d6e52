/* SPDX-License-Identifier: Apache-2.0 */
/* When lines of a log were written, by the time at their beginning. Knows no JSON and no plugin. */
#ifndef FB_ANALYZE_MOMENT_H
#define FB_ANALYZE_MOMENT_H

#include <stddef.h>
#include <stdint.h>

/* The time in a line's first bytes, milliseconds since 1970: "2026-01-20T11:00:00.123Z", "2026-01-20 11:00:00,123 +0100", "2026/01/20 11:00:00", "Jan 20 11:00:00" (of the
 * year of `near`). Without a zone it may be UTC or local: what is nearer to `near`. -1: it has none. */
int64_t moment_of(const char *line, size_t n, int64_t near_ms);
/* The first byte of the first line at or after from_ms, and of what belongs to it. 0: no line has a time; -1: all that have one are older; -2: it could not be read. */
int64_t moment_offset(int fd, int64_t from_ms);

#endif
