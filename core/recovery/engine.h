/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: one execution, one process, in a session of its own. The command starts it and then only looks at the journal; when the
 * command goes away, the execution does not.
 */
#ifndef FB_RECOVERY_ENGINE_H
#define FB_RECOVERY_ENGINE_H

#include <stdbool.h>

#include "config/config.h"

struct fb_engine_request {
	struct fb_config_request config;
	const char *host_program;   /* failback-host; NULL: beside this program in a build tree, else the installed one */
	const char *kind;           /* "deploy", "rollback", "resume", "approved" (goes on with an execution that waited) */
	const char *plan_file, *release, *reason, *deployment_id, *execution;
	const char *const *services;
	const char *actor;          /* who asked: "user NAME" */
	bool approve, dry_run;
};

/* What the engine says to the command that started it, one JSON object a line:
 *   {"execution":"ID"}                        recorded and claimed; follow the journal
 *   {"news":SEQ}                              an event was recorded (a nudge; may be left out)
 *   {"errors":["…"]}                          nothing was recorded; the exit code tells why
 *   {"report":{…}}                            the report, when the journal could not take it
 *   {"dry_run":{…}}                           what would be done (kind, links with their actions); nothing was changed
 *   {"exit":CODE}                             last line
 * The pipe's end without "exit" means that the engine died. */
struct fb_engine_process {
	int pid;
	int fd; /* to be closed by the caller */
};

/* Forks the engine. Call with no database open and no other thread. 0, or -1 with err. */
int fb_engine_launch(const struct fb_engine_request *request, struct fb_engine_process *ret, struct fb_err *err) FB_MUST_USE;

#endif
