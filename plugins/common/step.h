/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For strategies that stop a service, change it and start it: their commands, those that only look and those that change something and are actions. Compiled into
 * each plugin that uses it. Knows these options, which such a plugin declares under these names: stop, start, running, settle, protect, logs, environment,
 * secret_environment.
 */
#ifndef FB_PLUGINS_COMMON_STEP_H
#define FB_PLUGINS_COMMON_STEP_H

#include "plugins/common/run.h"

/* Given by the plugin: where an option's command runs, and what is its own in its environment. */
void step_fill(const struct fb_call *call, const char *option, const char *release, struct run_spec *spec);
/* Runs the command of an option that changes nothing, for a release (may be NULL). 0 when it ended with 0; *ret_output (may be NULL) is then what it
 * printed, without blanks around it, to be freed. -1 when not. */
int step_ask(const struct fb_call *call, const char *option, const char *release, char **ret_output);
/* Sets the sentence after step_ask has failed: the format's, then what became of the command. */
void step_fail_ask(const struct fb_call *call, const char *option, const char *format, ...) FB_FORMAT(3, 4);
/* Runs the command of an option as the action key (with the attempt's number from the second on). FB_OK, FB_RETRY or FB_FAIL with its sentence set. */
int32_t step_act(const struct fb_call *call, const char *key, const char *option, const char *release, const char *format, ...) FB_FORMAT(5, 6);
/* The same for stop: a service that does not run is as good as stopped. */
int32_t step_stop(const struct fb_call *call, const char *key, const char *release);
/* After start: waits until 'running' says that it runs, at most for 'settle'. */
int32_t step_settle(const struct fb_call *call);
/* FB_OP_PROTECT: stops it, or leaves it as it is. */
int32_t step_protect(const struct fb_call *call);
/* Copies the logs into the archive; how many. */
uint32_t step_logs(const struct fb_call *call);
/* Can the programs of these options (ends in NULL) that are named by a whole path be executed? */
int32_t step_check_programs(const struct fb_call *call, const char *const *names);
/* The same, and can what protect says be done? */
int32_t step_check(const struct fb_call *call, const char *const *names);

#endif
