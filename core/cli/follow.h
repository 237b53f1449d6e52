/* SPDX-License-Identifier: Apache-2.0 */
/* Following an execution: the engine's pipe and the journal in, progress and the final word out. */
#ifndef FB_CLI_FOLLOW_H
#define FB_CLI_FOLLOW_H

#include "cli/cli.h"

/* Starts the engine (the journal must not be open) and follows what it does to the end. Returns the exit code. */
int fb_follow_launch(struct fb_cli *cli, struct fb_engine_request *request) FB_MUST_USE;
/* Follows an execution that runs, or shows how it ended. */
int fb_follow_execution(struct fb_cli *cli, const char *id) FB_MUST_USE;

#endif
