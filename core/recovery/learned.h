/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of causes from before: for the phases that explain a failure and say what to do (document "learned"), and what people said of one execution's. */
#ifndef FB_RECOVERY_LEARNED_H
#define FB_RECOVERY_LEARNED_H

#include <jansson.h>

#include "journal/journal.h"

/*
 * {"verdicts": [{"execution", "at", "verdict", "type", "cause", "signature", "said_type", "said_signature", "fix", "command", "worked", "by"}],
 *  "mended": [{"execution", "release", "at", "type", "signature", "about", "by_execution", "by_release", "mended_at"}]},
 * newest first, of the execution's services in its environment; what nobody said is null. New reference; NULL with err.
 */
json_t *fb_learned(struct fb_journal *j, const char *execution, struct fb_err *err) FB_MUST_USE;
/* {"verdict", "type", "cause", "signature", "fix", "command", "worked", "by", "at", "earlier": [the same, newest first]}; null when nobody said anything. */
json_t *fb_learned_verdict(struct fb_journal *j, const char *execution, struct fb_err *err) FB_MUST_USE;

#endif
