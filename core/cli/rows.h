/* SPDX-License-Identifier: Apache-2.0 */
/* Executions as rows and as JSON, the same in status and history; and small shared parts of listings. */
#ifndef FB_CLI_ROWS_H
#define FB_CLI_ROWS_H

#include <jansson.h>

#include "cli/style.h"
#include "journal/journal.h"

json_t *fb_row_execution_json(const struct fb_execution *e);
/* "✓ completed   deploy  2026-… 4.2 s  title" and, below it, id and what to type next */
void fb_row_execution(const struct fb_style *s, const struct fb_execution *e, int64_t now_ms, struct fb_text *t);
json_t *fb_row_stamp(int64_t wall_ms);
/* Text in a column of so many columns, cut and made harmless. */
void fb_row_cell(const struct fb_style *s, struct fb_text *t, const char *text, int columns);
/* "1.2 GiB", for people. Returns buf. */
#define FB_ROW_SIZE 16
char *fb_row_size(uint64_t bytes, char buf[FB_ROW_SIZE]);
/* How long it took, or takes: milliseconds on the boot clock where that can be, else by the wall. */
int64_t fb_row_elapsed_ms(const struct fb_execution *e, int64_t now_ms);

#endif
