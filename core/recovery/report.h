/* SPDX-License-Identifier: Apache-2.0 */
/* The report: one JSON document for each execution (schema failback.report/1), made from the journal alone. */
#ifndef FB_RECOVERY_REPORT_H
#define FB_RECOVERY_REPORT_H

#include <jansson.h>

#include "journal/journal.h"

/*
 * What the journal holds for it, by the engine's hand:
 *   links' data: {"cause": {"kind": "answer|signal|exit|deadline|reply|host|stopped", "number": 9}, "leftovers": ["pid name"],
 *                 "advice": [{"text","command"}], "reported": {MEMBER: JSON}, "operations": [{"service","operation","answer","message","elapsed_ms"}]}
 *   reported members: "root_cause" {type, cause, component, confidence, evidence[{file, line, offset, length, text}], failed_step, components[]},
 *                 "recommendations" [{priority HIGH|MEDIUM|LOW, action, description, example}], "items" (backup) [{service, item, size, seconds, proven}],
 *                 "copies" [{name, state sent|failed|would be sent, location, bytes, seconds, text}],
 *                 "checks" [{service, check, state, text}]
 *   documents: "impact"   {user_impact ZERO|SOME|UNKNOWN, requests, failed, aborted, source, window {from, to}, services [{service, source, requests, failed,
 *                          releases {R: {requests, failed}}}]}
 *              "members"  [{service, status restored|prepared|protected|unchanged|unknown, release, detail, commands[]}]   after a recovery
 *              "way_out"  [{text, command}]        when a person is needed: what to type, in order
 *              "evidence" [{file, title, service, size, sha256, cut}]      files in the archive directory
 *              "system"   {system_status STABLE|DEGRADED|PROTECTED|UNKNOWN, why}
 *   clocks: started, detected, traffic_safe, restored, verified, reported, ended
 */

/* The document, as a new reference; NULL with err. Works for running executions too: what is not known yet is null. */
json_t *fb_report_build(struct fb_journal *j, const char *execution, struct fb_err *err) FB_MUST_USE;

/* The status that people are told: "interrupted" for a running execution whose engine is gone. */
const char *fb_report_status(const struct fb_execution *e);

#endif
