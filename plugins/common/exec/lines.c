/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes into lines: see lines.h. */
#include "plugins/common/exec/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 65536

int exec_lines_fill(struct exec_lines *l, int fd)
{
	ssize_t n;

	if (l->at) {
		memmove(l->p, l->p + l->at, l->n - l->at);
		l->n -= l->at;
		l->at = 0;
	}
	if (l->room - l->n < PIECE) {
		l->room = l->n + PIECE * 2;
		l->p = realloc(l->p, l->room);
		if (!l->p)
			abort();
	}
	n = read(fd, l->p + l->n, PIECE);
	if (n > 0)
		l->n += (size_t)n;
	return n > 0 ? 1 : n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

int exec_lines_next(struct exec_lines *l, const char **ret, size_t *ret_size)
{
	const char *begin = l->p + l->at, *end = l->n > l->at ? memchr(begin, '\n', l->n - l->at) : NULL;

	if ((end ? (size_t)(end - begin) + 1 : l->n - l->at) > EXEC_LINE_LIMIT)
		return -1;
	if (!end)
		return 0;
	*ret = begin;
	*ret_size = (size_t)(end - begin);
	l->at += *ret_size + 1;
	return 1;
}

const char *exec_lines_rest(const struct exec_lines *l, size_t *ret_size)
{
	*ret_size = l->n - l->at;
	return l->p ? l->p + l->at : "";
}

void exec_lines_clear(struct exec_lines *l)
{
	free(l->p);
	memset(l, 0, sizeof(*l));
}
