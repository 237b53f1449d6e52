/* SPDX-License-Identifier: Apache-2.0 */
/* One option's value, from what a plugin declares of it (an item of a descriptor's "options", host/host.h) and what stands in a file. */
#ifndef FB_CONFIG_VALUE_H
#define FB_CONFIG_VALUE_H

#include <jansson.h>

#include "config/tree.h"

/* The normalised value as a new reference, or NULL with an error added. Not for type "groups". */
json_t *fb_value_read(struct fb_errs *errs, const struct fb_node *node, const json_t *declared);
/* The declared default, normalised; NULL: there is none. It is a mistake of the plugin when it does not fit: told at node. */
json_t *fb_value_default(struct fb_errs *errs, const struct fb_node *node, const json_t *declared);

#endif
