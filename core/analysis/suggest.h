/* SPDX-License-Identifier: Apache-2.0 */
/* A first draft of a signature for a line. Knows nothing of logs. */
#ifndef FB_ANALYSIS_SUGGEST_H
#define FB_ANALYSIS_SUGGEST_H

/* A file of signatures with one for the line, in which numbers, paths and what stands between quotes may differ; to be freed. NULL: the line has too few words. */
char *fb_suggest(const char *line);

#endif
