/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All expressions of the signatures as one Hyperscan database, which is kept between runs by what it was made of: content, library, processor. Knows nothing of lines.
 */
#ifndef FB_ANALYSIS_DATABASE_H
#define FB_ANALYSIS_DATABASE_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/signature.h"

struct fb_database;
/* cache: the folder that it is kept in, made when it is not there; NULL: not kept. A cache that cannot be read or written costs time and nothing else. */
int fb_database_open(const struct fb_signatures *s, const char *cache, struct fb_database **ret, struct fb_errs *errs) FB_MUST_USE;
void fb_database_close(struct fb_database *d); /* takes NULL */
/* The signature and which of its expressions a number means. */
const struct fb_signature *fb_database_signature(const struct fb_database *d, unsigned number, size_t *ret_expression);
unsigned fb_database_count(const struct fb_database *d);
/* Calls found for each end of a match; it returns 0 to go on. 0; -1 when the scan could not be made. */
typedef int (*fb_found_fn)(unsigned number, unsigned long long from, unsigned long long to, unsigned flags, void *ctx);
int fb_database_scan(struct fb_database *d, const char *text, size_t n, fb_found_fn found, void *ctx);

#endif
