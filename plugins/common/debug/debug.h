/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins that do what their options say: for rehearsals and for tests. What the four plugins `debug` share: failback-debug(7). Knows only the public header.
 */
#ifndef FB_PLUGINS_DEBUG_DEBUG_H
#define FB_PLUGINS_DEBUG_DEBUG_H

#include <stdbool.h>

#include "failback/plugin.h"

/* Of every kind */
#define DEBUG_OPTIONS                                                                                                                                                        \
	{.name = "times", .type = FB_TYPE_INT, .default_value = "0", .max = 1000000, .summary = "Only in the first calls of an execution, so many; 0: in all"},              \
	{.name = "answer", .type = FB_TYPE_CHOICE, .default_value = "ok", .choices = "ok|skip|retry|fail|fatal", .summary = "The answer"},                                   \
	{.name = "message", .type = FB_TYPE_STRING, .default_value = "this is what debug was told to say", .summary = "The sentence of an answer that is no success"},       \
	{.name = "delay", .type = FB_TYPE_DURATION, .default_value = "0s", .unit = "ms", .max = 86400000, .summary = "How long it takes"},                                   \
	{.name = "grow", .type = FB_TYPE_SIZE, .unit = "bytes", .max = 1099511627776, .summary = "Eat so much memory"},                                                      \
	{.name = "fork", .type = FB_TYPE_CHOICE, .choices = "child|session", .summary = "Leave a process behind, in its own session or not"},                                \
	{.name = "scribble", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "Write rubbish on every descriptor"},                                                \
	{.name = "crash", .type = FB_TYPE_CHOICE, .choices = "SIGABRT|SIGBUS|SIGFPE|SIGILL|SIGKILL|SIGSEGV|SIGTERM", .summary = "End by this signal"},                       \
	{.name = "exit", .type = FB_TYPE_INT, .max = 255, .summary = "Exit with this code"},                                                                                 \
	{.name = "hang", .type = FB_TYPE_CHOICE, .choices = "term|ignore", .summary = "Never return; term: SIGTERM ends it, ignore: it does not"}

/* Of the kinds that change something */
#define DEBUG_ACT_OPTIONS                                                                                                                                              \
	{.name = "act", .type = FB_TYPE_STRING, .summary = "An action to make: its key"},                                                                              \
	{.name = "repeat", .type = FB_TYPE_CHOICE, .default_value = "idempotent", .choices = "idempotent|probe|once", .summary = "How the action may repeat"},         \
	{.name = "file", .type = FB_TYPE_PATH, .summary = "What the action changes: a line is appended to this file"},                                                 \
	{.name = "between", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "The misbehaviour comes between the action and its record, not before it"}

/* What the options mean for a call of this operation; it is counted. */
enum debug_turn {
	DEBUG_OTHER, /* `on` does not name the operation: nothing */
	DEBUG_PAST,  /* it was told so many times: only the action is made */
	DEBUG_MEANT,
};
enum debug_turn debug_turn(const struct fb_call *call, const char *kind, const char *operation);
/* Does what the options say, in the order that failback-debug(7) tells, and gives the answer. */
int32_t debug_do(const struct fb_call *call, enum debug_turn turn);
/* Are the options sensible? */
int32_t debug_check(const struct fb_call *call);

#endif
