/* SPDX-License-Identifier: Apache-2.0 */
/* What HAProxy prints as tables: `show stat` (CSV with quotes) and `show servers state` (columns between single spaces), read by column name, since
 * columns are added from release to release. Pure text; it knows no socket. */
#ifndef BG_TABLE_H
#define BG_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct bg_table {
	char *text;   /* own copy, cut into cells */
	char **cells; /* rows * columns; row 0 holds the names */
	size_t columns, rows;
};

/* Reads the table whose heading is the first line that begins with "# ", up to an empty line or the end. A row that is short has "" in the cells
 * that are missing; what is too much is left out. 0; -1: there is no heading, or no memory. */
int bg_table_parse(const char *text, char separator, struct bg_table *ret) __attribute__((warn_unused_result));
void bg_table_clear(struct bg_table *t);

/* NULL when there is no such column. */
const char *bg_table_cell(const struct bg_table *t, size_t row, const char *column);
/* `absent` when there is no such column, it is empty or no number. */
int64_t bg_table_number(const struct bg_table *t, size_t row, const char *column, int64_t absent);
/* The row in which both columns have these values, 0 when there is none. */
size_t bg_table_find(const struct bg_table *t, const char *column, const char *value, const char *column2, const char *value2);

#endif
