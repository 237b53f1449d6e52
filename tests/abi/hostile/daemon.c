/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: leaves a daemon in a session of its own. */
#include <unistd.h>
#include <sys/wait.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	pid_t child = fork();

	(void)c;
	if (child == 0) {
		setsid();
		if (fork() == 0)
			for (;;)
				pause();
		_exit(0);
	}
	waitpid(child, NULL, 0);
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "daemon", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
