/* SPDX-License-Identifier: Apache-2.0 */
/* Ignores and blocks every signal, has a timer go off all the time, and never returns. */
#include <sys/time.h>

#include "adversary.h"

static int32_t run(const struct fb_call *c)
{
	struct itimerval often = {.it_interval = {.tv_usec = 1000}, .it_value = {.tv_usec = 1000}};
	sigset_t all;

	(void)c;
	for (int s = 1; s < 65; s++)
		signal(s, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	return for_ever();
}

ADVERSARY("deaf")
