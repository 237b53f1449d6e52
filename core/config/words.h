/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be told of an incident, by name: the closed list of fields that templates of notifiers ("${services}: ${cause}") are made of.
 * Knows texts only; recovery/word.c fills the fields.
 */
#ifndef FB_CONFIG_WORDS_H
#define FB_CONFIG_WORDS_H

#include <jansson.h>

/* X(name, meaning). A field that is not known at an event is "". */
#define FB_WORDS(X)                                                                                     \
	X("title", "the headline, such as: Deployment Failed - Automatic Rollback Completed")           \
	X("summary", "one sentence")                                                                    \
	X("event", "name of the event")                                                                 \
	X("severity", "info, warning, error or critical")                                               \
	X("status", "of the execution, such as failed_with_rollback")                                   \
	X("time", "of the event, RFC 3339, UTC")                                                        \
	X("incident", "INC- and the execution's id: the same for all events of one execution")          \
	X("execution", "the execution's id")                                                            \
	X("environment", "such as production")                                                          \
	X("kind", "deploy or rollback")                                                                 \
	X("plan", "title of the plan")                                                                  \
	X("services", "names of the services, separated by commas")                                     \
	X("releases", "what became of them: backend 2.1 -> 2.0")                                        \
	X("failure", "what failed, in a sentence")                                                      \
	X("cause", "the root cause, in a sentence")                                                     \
	X("cause_type", "its category, such as missing_file")                                           \
	X("confidence", "of the cause, in percent")                                                     \
	X("quote", "the line of the log that shows it")                                                 \
	X("source", "file and line of the quote")                                                       \
	X("fix", "the first recommendation")                                                            \
	X("impact", "what users felt: ZERO, SOME or UNKNOWN")                                           \
	X("impact_detail", "requests and failures, where they were counted")                            \
	X("system", "STABLE, DEGRADED, PROTECTED or UNKNOWN")                                           \
	X("next", "the command to type next")                                                           \
	X("report", "the command that shows the report")                                                \
	X("audit_head", "head of the audit trail")

extern const char *const fb_words_names[]; /* ends in NULL */

/* Is the template in order? NULL: yes. Else why not, to be freed; *ret_unknown (may be NULL) is an unknown name, to be freed, or NULL. */
char *fb_words_check(const char *template, char **ret_unknown);
/* The template with fields (an object of strings) in place; to be freed. "$${" stands for "${". */
char *fb_words_render(const char *template, const json_t *fields);

#endif
