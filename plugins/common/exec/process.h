/* SPDX-License-Identifier: Apache-2.0 */
/* A program in a process group of its own, with pipes to its standard input, output and error. Knows nothing of what they say to each other. */
#ifndef FB_PLUGINS_EXEC_PROCESS_H
#define FB_PLUGINS_EXEC_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "plugins/common/run.h"

struct exec_process {
	pid_t pid;              /* also its group; 0: not started */
	int in, out, err;       /* our ends, which never block; -1: closed */
	int pidfd;              /* -1: this kernel has none */
	bool ended;
	int status;             /* of waitpid, once ended */
};

/* Starts argv or the shell's text of the spec in its directory; environment ends in NULL and is all that it gets. 0, or -1 with errno; p is cleared then. */
int exec_process_start(struct exec_process *p, const struct run_spec *spec, char *const *environment);
/* Sees whether it has ended, without waiting. Its end is the end: what it left in its group is killed then. */
bool exec_process_look(struct exec_process *p);
/* To its whole group; not once it has ended. */
void exec_process_signal(const struct exec_process *p, int signal);
/* Kills what is left of the group, waits for the program, closes the pipes. */
void exec_process_clear(struct exec_process *p);

#endif
