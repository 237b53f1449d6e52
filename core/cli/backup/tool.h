/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failback-store(8) as `failback backup` runs it: on the store of the configuration, its progress on the terminal, its answer as JSON, its errors in
 * failback's own exit codes. It knows processes and the terminal; what the answers mean is known to those who ask.
 */
#ifndef FB_CLI_BACKUP_TOOL_H
#define FB_CLI_BACKUP_TOOL_H

#include "cli/cli.h"

/* Codes that failback-store ends with, failback-store(8) */
#define FB_TOOL_PARTLY 4
#define FB_TOOL_USAGE 64
#define FB_TOOL_DAMAGED 65
#define FB_TOOL_ABSENT 66
#define FB_TOOL_EXISTS 73
#define FB_TOOL_IO 74
#define FB_TOOL_BUSY 75
#define FB_TOOL_DENIED 77

struct fb_tool_call {
	const char *const *args; /* command and options, end in NULL */
	const char *doing;       /* "verifying": progress is shown on a terminal; NULL: none is */
	const char *about;       /* what, until it says that itself */
	const char *input;       /* its standard input, at most 32 KiB; NULL: none */
	bool key;                /* it reads content: give it the key of the configuration */
	/* Takes each line of the answer as it comes, without its end; NULL: the whole answer is parsed as JSON. */
	void (*line)(void *ctx, const char *line);
	void *ctx;
};
struct fb_tool_answer {
	int code;    /* its exit code; -1: it did not run or did not end by itself */
	json_t *json; /* NULL: it gave none */
	char *error; /* what it said was wrong; never NULL */
	bool interrupted; /* by a signal to us */
};
/* Runs it to its end. */
void fb_tool_run(struct fb_cli *cli, const struct fb_tool_call *call, struct fb_tool_answer *ret);
void fb_tool_clear(struct fb_tool_answer *a);

/* Tells the error of an answer: "what: its words; what to do next". Returns failback's exit code, at least `least` of those that mean failure (FB_EXIT_FAILED, or
 * FB_EXIT_INCOMPLETE where something was written). */
int fb_tool_fail(struct fb_cli *cli, const struct fb_tool_answer *a, int least, const char *what) FB_MUST_USE;

/* Is there a store in the place that the configuration says? */
bool fb_tool_has_store(const struct fb_cli *cli);

#endif
