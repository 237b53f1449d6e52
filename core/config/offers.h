/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one use of a plugin offers: what its descriptor says, narrowed by the use's own options where the plugin says that they do
 * (FB_FEATURE_BY_OPTIONS, "by-options"): `operations` is a list of names, `zero_downtime` a boolean. Pure functions of JSON.
 */
#ifndef FB_CONFIG_OFFERS_H
#define FB_CONFIG_OFFERS_H

#include <jansson.h>
#include <stdbool.h>

/* options: those of the use, checked; NULL: none, nothing is narrowed. "check" is never narrowed: it tells whether the options are sensible. */
bool fb_offers(const json_t *descriptor, const json_t *options, const char *operation);
bool fb_offers_feature(const json_t *descriptor, const json_t *options, const char *feature);
bool fb_offers_by_options(const json_t *descriptor);

#endif
