/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves a daemon: forked twice, in a session of its own, under another name, with another command line and environment, deaf to every signal. */
#include "adversary.h"

extern char **environ;

static int32_t run(const struct fb_call *c)
{
	int gone[2];
	char byte;
	pid_t child;

	(void)c;
	if (pipe(gone) < 0)
		return FB_FATAL;
	child = fork();
	if (child == 0) {
		setsid();
		if (fork() == 0) {
			prctl(PR_SET_NAME, "kworker/0:1", 0, 0, 0);
			for (char **e = environ; *e; e++)
				memset(*e, 'x', strlen(*e));
			hide();
			for (;;)
				pause();
		}
		_exit(0);
	}
	close(gone[1]);
	waitpid(child, NULL, 0);
	if (read(gone[0], &byte, 1) != 0) /* until it has hidden */
		return FB_FATAL;
	return FB_OK;
}

ADVERSARY("disguised")
