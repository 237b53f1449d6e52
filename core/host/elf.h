/* SPDX-License-Identifier: Apache-2.0 */
/* Looks into a shared object without running any of it: constructors run at dlopen, before any check of ours could. */
#ifndef FB_HOST_ELF_H
#define FB_HOST_ELF_H

#include <stddef.h>

#include "base/err.h"

/* Is this a shared object for this machine that defines and exports the symbol? 0, or -1 with err: a sentence that begins with path. */
int fb_elf_check(const void *data, size_t size, const char *path, const char *symbol, struct fb_err *err) FB_MUST_USE;
int fb_elf_check_file(const char *path, const char *symbol, struct fb_err *err) FB_MUST_USE;

#endif
