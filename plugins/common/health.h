/* SPDX-License-Identifier: Apache-2.0 */
/* For checks: a result in one call, thresholds on a latency, and which errors of this machine make a probe blind. Knows only the public header. */
#ifndef FB_PLUGINS_COMMON_HEALTH_H
#define FB_PLUGINS_COMMON_HEALTH_H

#include <stdbool.h>

#include "failback/plugin.h"

/* Fills ret and returns FB_OK. latency_us -1: not measured; it is also the value, in milliseconds. The text lives until the next call. */
int32_t health_set(struct fb_health *ret, int32_t state, int64_t latency_us, const char *format, ...) FB_FORMAT(4, 5);
/* Holds a latency against threshold_warning and threshold_critical (milliseconds): healthy, warning or failed. what: "GET http://…/ answered 200". */
int32_t health_latency(const struct fb_call *call, struct fb_health *ret, int64_t latency_us, const char *what);
/* Are the two thresholds in order? Sets the sentence and returns false when not. */
bool health_thresholds_are_sane(const struct fb_call *call);
/* Does this errno of a connect say that the probe could not be made from here, rather than that the other side failed? */
bool health_errno_is_blind(int error);
/* CLOCK_BOOTTIME, microseconds. */
int64_t health_now_us(void);

#define HEALTH_LATENCY_OPTIONS                                                                                                             \
	{.name = "threshold_warning", .type = FB_TYPE_DURATION, .unit = "ms", .min = 1, .max = 3600000,                                     \
	 .summary = "A longer latency is a warning; a bare number is milliseconds"},                                                        \
	{                                                                                                                                   \
		.name = "threshold_critical", .type = FB_TYPE_DURATION, .unit = "ms", .min = 1, .max = 3600000,                             \
		.summary = "A longer latency is a failure; a bare number is milliseconds"                                                   \
	}

#endif
