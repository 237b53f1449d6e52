/* SPDX-License-Identifier: Apache-2.0 */
/* The log of rollbacks that people keep: one entry in Markdown for each execution, appended once. */
#ifndef FB_ARCHIVE_ROLLBACK_LOG_H
#define FB_ARCHIVE_ROLLBACK_LOG_H

#include <jansson.h>
#include <stddef.h>

/* The entry of a report (failback.report/1), to be freed; NULL: no memory. at: RFC 3339. */
char *rollback_log_entry(const json_t *report, const char *execution, const char *at);
/* Appends it under a lock, in one write, unless the execution has one. 0 · 1: it was there · -1 with errno. */
int rollback_log_append(const char *path, const char *execution, const char *entry);

#endif
