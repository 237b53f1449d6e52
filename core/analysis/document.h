/* SPDX-License-Identifier: Apache-2.0 */
/* What was found, as the document failback.analysis/1 (failback(1)), and for people. Knows nothing of files. */
#ifndef FB_ANALYSIS_DOCUMENT_H
#define FB_ANALYSIS_DOCUMENT_H

#include <jansson.h>

#include "analysis/rank.h"

/* A new reference. file: the log's name, as it was given. */
json_t *fb_analysis_document(const struct fb_ranking *r, const char *file, int64_t bytes, int64_t lines);
/* The lines that explain the failure, in order, each with its reason: "cause" or "new". x: what no success has; NULL: there was no log of one. A new reference. */
json_t *fb_analysis_excerpt(const struct fb_ranking *r, const struct fb_excerpt *x, const char *file);
/* The first of these lines, from the log itself. -1 with errno. */
int fb_analysis_tell_excerpt(const json_t *excerpt, int fd);
/* What, how sure, the line itself, what to do: on standard output. */
void fb_analysis_tell(const json_t *document);

#endif
