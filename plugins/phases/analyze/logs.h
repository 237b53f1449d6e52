/* SPDX-License-Identifier: Apache-2.0 */
/* What failback-analyze says of the logs of an archive, and which of them says most. Knows commands and JSON, and nothing of reports. */
#ifndef FB_ANALYZE_LOGS_H
#define FB_ANALYZE_LOGS_H

#include <jansson.h>
#include <stdbool.h>

#include "../files.h"
#include "../failure.h"
#include "failback/plugin.h"

#define LOGS_MOST 400
#define LOGS_TEXT 600

struct logs {
	struct files files;  /* that may tell, relative to the archive */
	int unread;          /* that could not be read, or were too many */
	int64_t bytes;
	json_t *answer;      /* failback.analyses/1; NULL: see why */
	const json_t *best;  /* root_cause of the log that says most; NULL: there is none */
	bool own;            /* it is the failed step's */
	json_t *rows;        /* document "evidence" */
	const json_t *best_row; /* of the evidence that says most: {"file", "title", "service"}; NULL: it is a log of the execution */
	int64_t since_ms;    /* what services said before it does not count; 0: all does */
	char why[LOGS_TEXT]; /* there is no answer: a sentence */
};

/* Runs failback-analyze on what may tell the cause. Always fills ret; free with logs_clear. */
void logs_ask(const struct fb_call *call, int archive, const struct failure *failure, struct logs *ret);
void logs_clear(struct logs *l);
/* The file of an entry of evidence, relative to the archive. */
const char *logs_file(const struct fb_call *call, const json_t *evidence);
/* The failed step's own log, relative to the archive; NULL. */
const char *logs_own(const struct logs *l, const struct failure *failure);

#endif
