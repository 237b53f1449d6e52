/* SPDX-License-Identifier: Apache-2.0 */
/* Executions made up for tests of what only reads the journal: written through the real journal, as the engine would. */
#ifndef FB_TESTS_SYNTHETIC_H
#define FB_TESTS_SYNTHETIC_H

#include "journal/journal.h"

#define SYNTHETIC_FAILED "deploy-production-20260120t110000z-aaaa"      /* failed at step 7, rolled back */
#define SYNTHETIC_INCOMPLETE "rollback-production-20260120t120000z-bbbb" /* a person is needed */
#define SYNTHETIC_WAITING "deploy-production-20260120t130000z-cccc"
#define SYNTHETIC_RUNNING "deploy-production-20260120t140000z-dddd"

/* The moment of the first event of SYNTHETIC_FAILED, wall clock. */
#define SYNTHETIC_AT 1768906800000

/* Each ends the test program with a message when the journal refuses. pace_ms: how long to wait for a second of the story; 0: not at all. */
void synthetic_failed(struct fb_journal *j, int pace_ms);
void synthetic_incomplete(struct fb_journal *j);
void synthetic_waiting(struct fb_journal *j);
/* As the first part of SYNTHETIC_FAILED, its two steps undone; the id is SYNTHETIC_RUNNING's. */
void synthetic_undone(struct fb_journal *j);
/* Owned by this process, and left running. */
void synthetic_running(struct fb_journal *j);

#endif
