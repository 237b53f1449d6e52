/* SPDX-License-Identifier: Apache-2.0 */
/* The options that a plugin declares: walked by the author's stride, each one checked. */
#ifndef FB_HOST_DECLARED_H
#define FB_HOST_DECLARED_H

#include "host/descriptor.h"

/* Fills l->options from l->plugin.options. 0, or -1 with err: which option, and what is wrong with it. */
int fb_declared_take(struct fb_loaded *l, const char *path, struct fb_err *err) FB_MUST_USE;
/* "string", "int", "bool", "duration", "size", "choice", "command", "list", "map", "url", "path", "float", "percent", "groups"; NULL. */
const char *fb_declared_type(uint32_t type);
/* The option that is declared for a path as the plugin asks for it ("items[2].path" is declared as "items[].path"); NULL. */
const struct fb_option *fb_declared_find(const struct fb_loaded *l, const char *path);
/* A default or a value's text in the kept unit of its type: milliseconds, bytes, 0 or 1, basis points. 0, or -1 with err. */
int64_t fb_round(double d); /* to the nearest; the caller has seen that it fits */
int fb_declared_int(const struct fb_option *o, const char *text, int64_t *ret, struct fb_err *err) FB_MUST_USE;

#endif
