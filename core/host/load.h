/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a plugin into this process, which exists for nothing else. */
#ifndef FB_HOST_LOAD_H
#define FB_HOST_LOAD_H

#include "host/descriptor.h"

#define FB_ENTRY "failback_plugin_entry"

/* Looks into the file, loads it, asks its entry function, judges the descriptor. 0, or -1 with err. Never unloaded. */
int fb_load(const char *path, const char *kind, const char *name, struct fb_loaded *ret, struct fb_err *err) FB_MUST_USE;

#endif
