/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: exports nothing; its constructor must not run. */
#include <signal.h>

int fb_hostile_dummy(void);
int fb_hostile_dummy(void)
{
	return 0;
}

static void __attribute__((constructor)) early(void)
{
	raise(SIGKILL);
}
