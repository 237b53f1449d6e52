/* SPDX-License-Identifier: Apache-2.0 */
/* Quotes: bytes of a log, and where they stand in it. What may not be shown on a terminal or in a document is not quoted. Knows nothing of what is looked for. */
#ifndef FB_ANALYSIS_QUOTE_H
#define FB_ANALYSIS_QUOTE_H

#include "analysis/reader.h"

#define FB_QUOTE_SIZE 512
#define FB_SPAN_SIZE ((size_t)4096) /* of a quote of several lines */
#define FB_SPAN_LINES 60

struct fb_quote { /* the text is these bytes of the file, and no others */
	int64_t line, offset;
	size_t length;
	char text[FB_QUOTE_SIZE + 1];
};

struct fb_span { /* so are whole lines, the last without its end */
	int64_t line, last_line, offset;
	size_t length;
	bool used; /* its owner's: something rests on it */
	char text[];
};

/* How many bytes the character of UTF-8 (RFC 3629) at p has; 0: it is none, or a control character. */
size_t fb_quote_character(const unsigned char *p, size_t left);
/* How many bytes an escape sequence of colours and the like has; 1 for any other byte. */
size_t fb_quote_escape(const unsigned char *p, size_t left);
/* Quotes of the raw bytes [start, end) of one line a stretch of whole characters that ends after `from`. False: there is none. */
bool fb_quote_take(const struct fb_log_block *b, size_t start, size_t end, size_t from, struct fb_quote *q);
/* Quotes of the lines that hold the raw bytes from to `to` those around the one at `at`, for as long as all of each may be quoted; to be freed, its lines to be filled in. NULL: not more than one line. */
struct fb_span *fb_span_take(const struct fb_log_block *b, size_t from, size_t to, size_t at);

#endif
