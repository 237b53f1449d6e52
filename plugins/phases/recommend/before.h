/* SPDX-License-Identifier: Apache-2.0 */
/* What mended the same cause before, as people said it and as the journal saw it (document "learned"). */
#ifndef FB_RECOMMEND_BEFORE_H
#define FB_RECOMMEND_BEFORE_H

#include <jansson.h>

/* Puts it before all else in the list of recommendations; what is in the list already is moved there. learned may be NULL. */
void before_add(json_t *list, const json_t *cause, const json_t *learned);

#endif
