/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the phases that failback ships have in common: saying what was done, reading what operate and probe answered, waiting until checks
 * agree. It knows the host's table and JSON, and nothing of any single phase. Linked into each of them, hidden.
 */
#ifndef FB_PHASES_PHASE_H
#define FB_PHASES_PHASE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "failback/plugin.h"

#define PHASE_TEXT 1024 /* the longest sentence that is made; longer ones are cut */

/* The sentence that stands for the whole phase when it went well: shown as progress at its end, logged, and kept as the link's "summary". */
void phase_say(const struct fb_call *call, const char *format, ...) FB_FORMAT(2, 3);
/* A new sentence while it goes on. */
void phase_progress(const struct fb_call *call, int32_t basis_points, const char *format, ...) FB_FORMAT(3, 4);
/* host->report of a JSON value; takes the reference. A refusal is logged. */
void phase_report(const struct fb_call *call, const char *member, json_t *value);

/* CLOCK_BOOTTIME, milliseconds */
int64_t phase_now_ms(void);
/* "0.4 s", "3.0 s", "250 ms", "2 min 5 s"; returns buf */
char *phase_duration(int64_t ms, char *buf, size_t size);
#define PHASE_DURATION 32

/* "release 2.0" or, when it is not known, the fallback */
const char *phase_release(char *buf, size_t size, const char *release, const char *fallback);

/* What operate answered. */
struct phase_outcome {
	int32_t answer;
	int done;      /* services that carried it out */
	int skipped;   /* that had nothing to do, or whose strategy does not offer it */
	int failed;
	json_t *services; /* the array; owned, never NULL */
	int items;     /* of `done`: items of backups, which are named "backend.config" */
	char done_text[PHASE_TEXT];   /* "backend, database", without items */
	char items_text[PHASE_TEXT];  /* "backend.config" */
	char failed_text[PHASE_TEXT]; /* "backend: what it said; database: …" */
};
/* Carries out one operation and reads the answer. Free with phase_outcome_clear. True when none failed. */
bool phase_operate(const struct fb_call *call, uint32_t operation, const char *service, uint32_t flags, struct phase_outcome *ret);
void phase_outcome_clear(struct phase_outcome *o);
/* The answer of a phase for an outcome that failed: as it came, never FB_OK or FB_SKIP. */
int32_t phase_answer(const struct phase_outcome *o);
/* The answer that one entry of services has: FB_ constants. */
int32_t phase_entry_answer(const json_t *entry);
bool phase_entry_skipped(const json_t *entry);

/* One round of all checks. */
struct phase_round {
	int healthy, failed, blind, total;
	json_t *checks; /* the array; owned, never NULL */
	char failed_text[PHASE_TEXT]; /* "backend/http: 503 from …; …" */
	char blind_text[PHASE_TEXT];
};
/* host->probe. Free with phase_round_clear. A round that could not be made at all counts as one blind check. */
void phase_probe(const struct fb_call *call, const char *service, struct phase_round *ret);
void phase_round_clear(struct phase_round *r);
/* FB_HEALTH_ of one entry of checks */
int phase_entry_state(const json_t *entry);
/* Reports the last round as "checks". */
void phase_report_checks(const struct fb_call *call, const struct phase_round *r);

#endif
