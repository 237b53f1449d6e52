/* SPDX-License-Identifier: Apache-2.0 */
/* The failed step, as the report so far (failback.report/1) tells it: for the phases that explain a failure. */
#ifndef FB_PHASES_FAILURE_H
#define FB_PHASES_FAILURE_H

#include <jansson.h>

#include "failback/plugin.h"

struct failure {
	json_t *report;      /* owned; NULL: there is none */
	const json_t *step;  /* the failed one; NULL: none failed (a rollback that was asked for, or health that was lost) */
	int number;          /* from 1; 0: unknown */
	const char *name;    /* borrowed from report, as all below; NULL: unknown */
	const char *service;
	const char *message;
	const char *log;     /* of the step; absolute or within the archive */
	int exit_code, signal; /* 0: did not end so */
	char title[256];     /* "Step 7 (deploy)", "the deployment" */
};

/* Reads document("report"). Always fills ret; free with failure_clear. */
void failure_read(const struct fb_call *call, struct failure *ret);
void failure_clear(struct failure *f);
/* A text member of any of the names, the first that is there; NULL. */
const char *failure_text(const json_t *object, const char *a, const char *b, const char *c);

#endif
