/* SPDX-License-Identifier: Apache-2.0 */
/* An incident as a Slack message, within Slack's limits. Knows nothing of how it is sent. */
#ifndef FB_SLACK_MESSAGE_H
#define FB_SLACK_MESSAGE_H

#include "plugins/common/incident.h"

/* Of Block Kit: characters, after escaping */
#define SLACK_HEADER_MAX 150
#define SLACK_TEXT_MAX 3000
#define SLACK_FIELD_MAX 2000
#define SLACK_FIELDS_MAX 10

/* {"text", "blocks"}; plain: without blocks. mention: Slack's own markup ("<!here>") before the text, NULL: none. A new reference. */
json_t *slack_message(const struct incident *i, const char *mention, bool plain);
/* Exactly & < and > are escaped; at most max characters of the result, never cut inside of an entity. To be freed. */
char *slack_escape(const char *s, size_t max);

#endif
