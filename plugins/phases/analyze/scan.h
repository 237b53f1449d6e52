/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a captured log, as a person saw them, with the way back to the bytes of the file: escape sequences are taken out, a carriage return
 * ends a line, typographic quotes are made plain; for each byte that is left the offset in the file is kept. Bounded memory, whatever the file.
 */
#ifndef FB_ANALYZE_SCAN_H
#define FB_ANALYZE_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#define SCAN_LINE 8192                  /* a longer line is seen in pieces of this size */
#define SCAN_FILE (8LL * 1024 * 1024)   /* of a larger file the last so many bytes are scanned */

struct scan_line {
	char text[SCAN_LINE + 1];     /* cleaned; ends in NUL, holds no other */
	char lower[SCAN_LINE + 1];    /* the same in small ASCII letters */
	int64_t at[SCAN_LINE + 1];    /* offset in the file of each byte of text; at[n] is the offset after the last */
	size_t n;
	int64_t number;               /* from 1, counted by line feeds */
};

/* Calls out for each line that is not empty. keep_on (may be NULL) is asked from time to time; false ends the scan.
 * *ret_size: the file's size. 0, or -1 with errno when it could not be read. */
int scan_file(int fd, void (*out)(void *ctx, const struct scan_line *line), bool (*keep_on)(void *ctx), void *ctx, int64_t *ret_size);

#endif
