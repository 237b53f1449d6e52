/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: kills its host and leaves a daemon that is another program. */
#include <unistd.h>
#include <signal.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	const char *argv[] = {"/bin/sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & sleep 0.05", NULL};
	struct fb_command command = {.argv = argv};
	struct fb_command_result r;

	c->host->run(c, &command, &r);
	kill(getppid(), SIGKILL);
	sleep(1000);
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "kills-host-exec", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
