/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures as they were read, kept between runs by the names, sizes, times and numbers of their files, so that a start need not read them anew. Knows nothing of libconfig.
 */
#ifndef FB_ANALYSIS_INDEX_H
#define FB_ANALYSIS_INDEX_H

#include "analysis/signature.h"

/* As fb_signatures_read. cache: the folder that they are kept in; NULL: they are not. */
int fb_index_read(const char *const *folders, const char *cache, struct fb_signatures *ret, struct fb_errs *errs) FB_MUST_USE;

#endif
