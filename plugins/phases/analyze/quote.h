/* SPDX-License-Identifier: Apache-2.0 */
/* Quotes: a byte range of an archived file and its text, the same byte for byte. What cannot be shown so is not quoted. */
#ifndef FB_ANALYZE_QUOTE_H
#define FB_ANALYZE_QUOTE_H

#include <stdint.h>
#include <stddef.h>

#define QUOTE_BLOCK 4096 /* bytes; of several lines no more are quoted */
#define QUOTE_SIZE 512 /* bytes; of a longer line the part around what matched is quoted */

struct quote {
	int64_t offset;
	int64_t length;
	char text[QUOTE_BLOCK + 1];
};

/* Quotes from the visible line [start, end) what is around [from, to). Only whole UTF-8 without NUL is taken; where the line has other bytes, the
 * stretch without them that holds `from`, or the longest. 0, or -1 when nothing could be read. */
int quote_take(int fd, int64_t start, int64_t end, int64_t from, int64_t to, struct quote *ret);
/* Reads the range again. 0: it holds the text and nothing else; -1: not. */
int quote_verify(int fd, const struct quote *q);
/* How many of the first n bytes of s are a run of whole UTF-8 characters (RFC 3629) without NUL. */
size_t quote_utf8_run(const char *s, size_t n);

#endif
