/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a notifier says of an incident: the word that the core made of it (core/recovery/word.h), read from an event, with something to say where there is
 * none. So that all of them say the same. Compiled into each plugin that uses it.
 */
#ifndef FB_PLUGINS_COMMON_INCIDENT_H
#define FB_PLUGINS_COMMON_INCIDENT_H

#include <jansson.h>
#include <stdbool.h>

#include "failback/plugin.h"

/* Read by the core from the options of every notifier that declares them: how events of one incident become messages. */
#define INCIDENT_GROUP_OPTIONS(group_default)                                                                                                       \
	{.name = "group", .type = FB_TYPE_CHOICE, .choices = "each|incident", .default_value = group_default,                                       \
	 .summary = "each: every event is a message; incident: what waits for this channel is one message, that of the newest event"},               \
	{.name = "group_wait", .type = FB_TYPE_DURATION, .default_value = "10s", .max = 3600000,                                                    \
	 .summary = "With group incident: how long an event that is not the last may wait for newer ones"}

struct incident {
	json_t *data;
	const json_t *fields;
	const char *title, *text;
	const char *state;    /* "news", "open", "recovering", "over" */
	const char *severity; /* "info" … "critical" */
	const char *key;      /* "INC-…" */
	bool own_title, own_text, final;
};

/* False: the event's data is not JSON, and fail has been called. */
bool incident_read(const struct fb_call *call, const struct fb_event *event, struct incident *ret);
void incident_clear(struct incident *i);
/* A field by its name in failback.conf(5); "" when it is not known. */
const char *incident_field(const struct incident *i, const char *name);

/* Those of it that are worth a place of their own, in order; what is "" is left out by callers. */
struct incident_fact {
	const char *label, *field, *more; /* more: a field that follows in brackets; NULL */
};
extern const struct incident_fact incident_facts[]; /* ends with a zero entry */
/* "value (more)", to be freed; NULL: it is not known. */
char *incident_fact_text(const struct incident *i, const struct incident_fact *f);

/* s cut to at most max characters of UTF-8, with "…" where it was cut; to be freed. What is no UTF-8, and control characters but newline and tab, become '?'. */
char *incident_cut(const char *s, size_t max);

/* With FB_CALL_DRY_RUN nothing is sent; this tells what would have been. body: text, or JSON when it parses. */
void incident_preview(const struct fb_call *call, const char *method, const char *to, const char *body);

#endif
