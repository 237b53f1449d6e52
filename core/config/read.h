/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed values out of tree nodes, each with its error. They know types and ranges, and no setting. A function that reads answers false
 * when the value is not usable: the error has been added then (errs NULL: dropped), or the node is BAD and it had been before.
 */
#ifndef FB_CONFIG_READ_H
#define FB_CONFIG_READ_H

#include <jansson.h>

#include "config/tree.h"

bool fb_read_string(struct fb_errs *errs, const struct fb_node *node, const char **ret); /* not empty */
bool fb_read_bool(struct fb_errs *errs, const struct fb_node *node, bool *ret);
bool fb_read_int(struct fb_errs *errs, const struct fb_node *node, int64_t min, int64_t max, int64_t *ret);
bool fb_read_float(struct fb_errs *errs, const struct fb_node *node, double min, double max, double *ret);
/* unit_ms: of a bare number; 0: none is taken. */
bool fb_read_duration(struct fb_errs *errs, const struct fb_node *node, int64_t unit_ms, int64_t min, int64_t max, int64_t *ret);
bool fb_read_size(struct fb_errs *errs, const struct fb_node *node, bool bare, int64_t min, int64_t max, int64_t *ret);
/* choices ends in NULL; *ret is one of them. */
bool fb_read_choice(struct fb_errs *errs, const struct fb_node *node, const char *const *choices, const char **ret);
/* [a-z0-9][a-z0-9-]{0,62} */
bool fb_read_name(struct fb_errs *errs, const struct fb_node *node, const char **ret);
bool fb_read_path(struct fb_errs *errs, const struct fb_node *node, const char **ret); /* absolute */
/* A list of strings as a new JSON array; a string alone is a list of one with `alone`. */
bool fb_read_strings(struct fb_errs *errs, const struct fb_node *node, bool alone, json_t **ret);
/* A string for the shell or an argv, as a new JSON string or array. */
bool fb_read_command(struct fb_errs *errs, const struct fb_node *node, json_t **ret);
bool fb_read_group(struct fb_errs *errs, const struct fb_node *node);
bool fb_read_list(struct fb_errs *errs, const struct fb_node *node);

/* "expected X, found Y". Returns false. */
bool fb_read_expected(struct fb_errs *errs, const struct fb_node *node, const char *expected);
/* Errors for members of group that known (ends in NULL) does not name. */
void fb_read_known(struct fb_errs *errs, const struct fb_node *group, const char *const *known);
/* "; did you mean 'x'?" or ""; buf has FB_READ_HINT bytes. Returns buf. */
#define FB_READ_HINT 96
const char *fb_read_hint(const char *name, const char *const *names, char *buf);

/* May s name a release: at most 128 of [A-Za-z0-9_./:+@~^-], not beginning with "-"? */
bool fb_release_valid(const char *s);

#endif
