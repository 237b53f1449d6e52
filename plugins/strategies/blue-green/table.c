/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of HAProxy's runtime API; see table.h. */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Ends the cell at p, undoing quotes in place; returns what follows its separator, NULL when the line is over. */
static char *cut(char *p, char separator)
{
	char *out = p;

	if (*p == '"') {
		for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
			if (*p == '"')
				p++;
			*out++ = *p;
		}
		if (*p == '"')
			p++;
	} else {
		p += strcspn(p, separator == ',' ? "," : " ");
		out = p;
	}
	if (*p != separator) {
		*out = '\0';
		return NULL;
	}
	*out = '\0';
	return p + 1;
}

static const char *heading_of(const char *text)
{
	while (text && strncmp(text, "# ", 2) != 0) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text ? text + 2 : NULL;
}

static size_t count_lines(const char *p)
{
	size_t n = 0;

	for (; *p && *p != '\n'; n++) {
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return n;
}

static size_t count_columns(const char *p, char separator)
{
	size_t n = 1;

	for (; *p && *p != '\n'; p++)
		n += *p == separator && p[1] != '\n' && p[1] != '\0';
	return n;
}

int bg_table_parse(const char *text, char separator, struct bg_table *ret)
{
	static char empty[1];
	struct bg_table t = {0};
	const char *heading = heading_of(text);
	char *line, *next;

	if (!heading)
		return -1;
	t.rows = count_lines(heading);
	t.columns = count_columns(heading, separator);
	t.text = strdup(heading);
	t.cells = t.rows ? calloc(t.rows * t.columns, sizeof *t.cells) : NULL;
	if (!t.text || !t.cells) {
		bg_table_clear(&t);
		return -1;
	}
	line = t.text;
	for (size_t r = 0; r < t.rows; r++, line = next) {
		char *p = line;

		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		for (size_t c = 0; c < t.columns; c++) {
			t.cells[r * t.columns + c] = p ? p : empty;
			p = p ? cut(p, separator) : NULL;
		}
	}
	*ret = t;
	return 0;
}

void bg_table_clear(struct bg_table *t)
{
	free(t->text);
	free(t->cells);
	*t = (struct bg_table){0};
}

const char *bg_table_cell(const struct bg_table *t, size_t row, const char *column)
{
	for (size_t c = 0; c < t->columns && row < t->rows; c++)
		if (!strcmp(t->cells[c], column))
			return t->cells[row * t->columns + c];
	return NULL;
}

int64_t bg_table_number(const struct bg_table *t, size_t row, const char *column, int64_t absent)
{
	const char *s = bg_table_cell(t, row, column);
	char *end;
	long long n;

	if (!s || !*s)
		return absent;
	errno = 0;
	n = strtoll(s, &end, 10);
	return errno || *end ? absent : n;
}

size_t bg_table_find(const struct bg_table *t, const char *column, const char *value, const char *column2, const char *value2)
{
	for (size_t r = 1; r < t->rows; r++) {
		const char *a = bg_table_cell(t, r, column), *b = bg_table_cell(t, r, column2);

		if (a && b && !strcmp(a, value) && !strcmp(b, value2))
			return r;
	}
	return 0;
}
