/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: kills its host and leaves a daemon. */
#include <unistd.h>
#include <signal.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	(void)c;
	if (fork() == 0) {
		setsid();
		if (fork() == 0)
			sleep(1000);
		_exit(0);
	}
	usleep(20000);
	kill(getppid(), SIGKILL);
	sleep(1000);
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "kills-host", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
