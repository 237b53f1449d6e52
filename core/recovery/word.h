/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every notifier says of an incident, made in one place: a headline, a text, and the fields of config/words.h. It goes with the event, in its
 * data as the member "word":
 *   {"title", "text", "state": "news"|"open"|"recovering"|"over", "own_title": true where a template made it, "final": true, "fields": {name: text}}
 * open: something is broken; recovering: and is being brought back; over: users are on what is healthy again, verified; news: no incident.
 */
#ifndef FB_RECOVERY_WORD_H
#define FB_RECOVERY_WORD_H

#include <jansson.h>
#include <stdbool.h>

/* payload: an event (failback.event/1) without it; report: the report so far, NULL: what stands in it is not known yet. A new reference. */
json_t *fb_word_make(const json_t *payload, const json_t *report);
/* Puts a notifier's own templates in place of the headline and the text; NULL: none. */
void fb_word_dress(json_t *word, const char *title, const char *text);
/* Is this event the last of its incident? */
bool fb_word_is_final(const char *event);
/* 0: info … 3: critical */
int fb_word_rank(const char *severity);
/* An incident that never was, to show what would be sent; as fb_engine_tell would record it. A new reference. */
json_t *fb_word_sample(const char *event, const char *environment);

#endif
