/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes into lines, with a limit. Knows nothing of what stands in them. */
#ifndef FB_PLUGINS_EXEC_LINES_H
#define FB_PLUGINS_EXEC_LINES_H

#include <stdbool.h>
#include <stddef.h>

#define EXEC_LINE_LIMIT (1024 * 1024) /* with its newline */

struct exec_lines {
	char *p;
	size_t n, at, room;
};

/* Reads what is there from a descriptor that does not block. 1: something came, 0: nothing now, -1: the end. */
int exec_lines_fill(struct exec_lines *l, int fd);
/* The next whole line, without its newline, which lives until the next fill. 1, 0: none is whole yet, -1: it is too long. */
int exec_lines_next(struct exec_lines *l, const char **ret, size_t *ret_size);
/* What is there and not yet taken. */
const char *exec_lines_rest(const struct exec_lines *l, size_t *ret_size);
void exec_lines_clear(struct exec_lines *l);

#endif
