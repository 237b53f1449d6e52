/* SPDX-License-Identifier: Apache-2.0 */
/* What a use offers: see offers.h. */
#include "config/offers.h"

#include <stdint.h>

#include "base/mem.h"

static bool holds(const json_t *array, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)array, i, item)
		if (fb_streq(json_string_value(item), text))
			return true;
	return false;
}

bool fb_offers_by_options(const json_t *descriptor)
{
	return holds(json_object_get(descriptor, "features"), "by-options");
}

bool fb_offers(const json_t *descriptor, const json_t *options, const char *operation)
{
	const json_t *named = json_object_get(options, "operations");

	if (!holds(json_object_get(descriptor, "operations"), operation))
		return false;
	return !json_is_array(named) || fb_streq(operation, "check") || !fb_offers_by_options(descriptor) || holds(named, operation);
}

bool fb_offers_feature(const json_t *descriptor, const json_t *options, const char *feature)
{
	if (!holds(json_object_get(descriptor, "features"), feature))
		return false;
	return !fb_streq(feature, "zero-downtime") || !fb_offers_by_options(descriptor) || json_is_true(json_object_get(options, "zero_downtime"));
}
