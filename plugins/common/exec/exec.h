/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs in any language as plugins: what the four plugins `exec` share. The protocol is failback-exec(7): one JSON document on the program's standard
 * input, JSON lines on its standard output, answers back on its standard input, the exit code is the answer. Knows only the public header.
 */
#ifndef FB_PLUGINS_EXEC_EXEC_H
#define FB_PLUGINS_EXEC_EXEC_H

#include "plugins/common/run.h"

/* Options that every kind declares */
#define EXEC_OPTIONS                                                                                                                                         \
	{.name = "directory", .type = FB_TYPE_PATH, .summary = "Working directory; the root directory when not set"},                                        \
	{.name = "environment", .type = FB_TYPE_MAP, .summary = "More variables for the program"},                                                           \
	{.name = "secret_environment", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "More variables whose values are secret"},                 \
	{.name = "settings", .type = FB_TYPE_MAP, .summary = "The program's own settings: the member settings of what it reads"},                                 \
	{.name = "secret_settings", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "More settings, whose values are secret"},                    \
	{.name = "grace", .type = FB_TYPE_DURATION, .default_value = "500ms", .unit = "ms", .min = 10, .max = 60000,                                         \
	 .summary = "How long before the deadline it gets SIGTERM; at most a quarter of the time"}

struct json_t;

/* The options settings and secret_settings as one object of texts, a new reference. */
struct json_t *exec_settings(const struct fb_call *call);
/* Runs the program for the call's operation: phases and strategies, and `check` of every kind. */
int32_t exec_operation(const struct fb_call *call, uint32_t kind);
/* Is what the options say sensible, and can the program be executed? */
int32_t exec_check_options(const struct fb_call *call);
/* The same, then the program's own check, if `operations` names it. */
int32_t exec_check(const struct fb_call *call, uint32_t kind);
int32_t exec_notify(const struct fb_call *call, const struct fb_event *event);
int32_t exec_probe(const struct fb_call *call, struct fb_health *ret);
/* One round; *state is freed with FB_STEP_DONE. */
int32_t exec_observe(const struct fb_call *call, void **state, struct fb_wait *wait);

#endif
