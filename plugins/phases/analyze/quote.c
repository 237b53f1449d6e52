/* SPDX-License-Identifier: Apache-2.0 */
#include "quote.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "plugins/common/utf8.h"

size_t quote_utf8_run(const char *s, size_t n)
{
	size_t i = 0, size;

	while (i < n && (size = utf8_character(s + i, n - i)))
		i += size;
	return i;
}

static ssize_t read_range(int fd, char *buf, int64_t from, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = pread(fd, buf + have, n - have, from + (int64_t)have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

int quote_take(int fd, int64_t start, int64_t end, int64_t from, int64_t to, struct quote *ret)
{
	char buf[QUOTE_SIZE];
	size_t i = 0, run, best = 0, best_n = 0;
	ssize_t n;

	if (from < start || from >= end)
		from = start;
	if (to < from)
		to = from;
	if (end - start > QUOTE_SIZE) {
		int64_t lead = to - from >= QUOTE_SIZE ? 0 : (QUOTE_SIZE - (to - from)) / 2;

		if (from - lead > start)
			start = from - lead;
		if (end - start > QUOTE_SIZE)
			end = start + QUOTE_SIZE;
	}
	n = read_range(fd, buf, start, (size_t)(end - start));
	while (n > 0 && i < (size_t)n) {
		run = quote_utf8_run(buf + i, (size_t)n - i);
		if (run > best_n || (run && from >= start + (int64_t)i && from < start + (int64_t)(i + run))) {
			best = i;
			best_n = run;
			if (from < start + (int64_t)(i + run))
				break;
		}
		i += run + 1;
	}
	if (!best_n)
		return -1;
	ret->offset = start + (int64_t)best;
	ret->length = (int64_t)best_n;
	memcpy(ret->text, buf + best, best_n);
	ret->text[best_n] = '\0';
	return 0;
}

int quote_verify(int fd, const struct quote *q)
{
	char buf[QUOTE_BLOCK];

	if (q->length <= 0 || q->length > QUOTE_BLOCK || strlen(q->text) != (size_t)q->length)
		return -1;
	return read_range(fd, buf, q->offset, (size_t)q->length) == q->length && !memcmp(buf, q->text, (size_t)q->length) ? 0 : -1;
}
