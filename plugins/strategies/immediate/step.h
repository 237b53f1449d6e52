/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of strategy immediate: those that only look, and those that change something and are actions. */
#ifndef FB_PLUGINS_IMMEDIATE_STEP_H
#define FB_PLUGINS_IMMEDIATE_STEP_H

#include "plugins/common/run.h"

/* Runs the command of an option that changes nothing, for a release (may be NULL). 0 when it ended with 0; *ret_output (may be NULL) is then what it
 * printed, without blanks around it, to be freed. -1 when not. */
int step_ask(const struct fb_call *call, const char *option, const char *release, char **ret_output);
/* Sets the sentence after step_ask has failed: the format's, then what became of the command. */
void step_fail_ask(const struct fb_call *call, const char *option, const char *format, ...) FB_FORMAT(3, 4);
/* Runs the command of an option as the action key (with the attempt's number from the second on). FB_OK, FB_RETRY or FB_FAIL with its sentence set. */
int32_t step_act(const struct fb_call *call, const char *key, const char *option, const char *release, const char *format, ...) FB_FORMAT(5, 6);
/* The same for stop: a service that does not run is as good as stopped. */
int32_t step_stop(const struct fb_call *call, const char *key, const char *release);
/* The fact under which the way back to a release is kept. Returns buf. */
char *step_way_back_key(const char *release, char *buf, size_t size);
/* Can the programs that are named by a whole path be executed? */
int32_t step_check_programs(const struct fb_call *call);

#endif
