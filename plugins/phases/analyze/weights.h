/* SPDX-License-Identifier: Apache-2.0 */
/* What people said of earlier causes (document "learned"), as weights for failback-analyze. */
#ifndef FB_ANALYZE_WEIGHTS_H
#define FB_ANALYZE_WEIGHTS_H

#include <stdbool.h>

#include "failback/plugin.h"

/* Writes them to a new file; false: there are none, or it could not be written, which is logged. */
bool weights_write(const struct fb_call *call, const char *path);

#endif
