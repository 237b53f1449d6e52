/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves a daemon under another name, with nothing in it that tells where it comes from, and kills the host that would know. */
#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	pid_t child = fork();

	(void)c;
	if (child == 0) {
		setsid();
		if (fork() == 0) {
			char *argv[] = {(char *)"[kworker/0:1]", (char *)"1000", NULL}, *environment[] = {NULL};

			hide();
			execve("/bin/sleep", argv, environment);
			_exit(1);
		}
		_exit(0);
	}
	waitpid(child, NULL, 0);
	usleep(20000);
	kill(getppid(), SIGKILL);
	return for_ever();
}

ADVERSARY("orphaned")
