/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log in blocks of whole lines, as a person saw it, with the way back to the bytes of the file: escape sequences and control characters are taken out, a carriage
 * return ends a line, typographic quotes are plain ones, \" of logs in JSON is ", times and names that runners put before each line are not there. Bounded memory, whatever the file. Knows nothing of what is looked for.
 */
#ifndef FB_ANALYSIS_READER_H
#define FB_ANALYSIS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FB_READER_BLOCK ((size_t)1 << 20)
#define FB_READER_AGAIN ((size_t)16 << 10) /* so much of a block's end is the next one's beginning */

struct fb_log_shift { /* from this byte of the text on, the file's byte is `raw` */
	uint32_t text, raw;
};

struct fb_log_block {
	const char *text;            /* lines, each ended by '\n' (the file's last may have none); no NUL */
	size_t n;
	size_t fresh;                /* from this byte of the text on it is new; what is before it was in the last block, too */
	bool last;                   /* the file ends with it */
	const char *raw;             /* the file's bytes */
	size_t raw_n;
	int64_t offset;              /* of raw in the file */
	int64_t line;                /* the number of the line at its beginning, from 1 */
	const struct fb_log_shift *shifts;
	size_t shift_count;
};

typedef void (*fb_log_fn)(void *ctx, const struct fb_log_block *block);
/* Reads to the end. 0, or -1 with errno. *ret_bytes, *ret_lines: what was read. */
int fb_log_read(int fd, fb_log_fn take, void *ctx, int64_t *ret_bytes, int64_t *ret_lines);
/* Where a byte of the text stands in the file, and the number of its line. */
int64_t fb_log_offset(const struct fb_log_block *b, size_t at);
int64_t fb_log_line(const struct fb_log_block *b, size_t at);
/* The byte of the text that stands for the file's byte at this offset, or the next one that does. */
size_t fb_log_text(const struct fb_log_block *b, int64_t offset);

#endif
