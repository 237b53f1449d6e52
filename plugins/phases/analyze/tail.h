/* SPDX-License-Identifier: Apache-2.0 */
/* The last lines of a log that look like errors, for when nothing else can be said of it. */
#ifndef FB_ANALYZE_TAIL_H
#define FB_ANALYZE_TAIL_H

#include <jansson.h>

/* Evidence, oldest first, at most four lines of the last 64 KiB; to be decref'ed. path is in the folder dir. */
json_t *tail_evidence(int dir, const char *path);

#endif
