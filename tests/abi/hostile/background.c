/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: leaves a process behind; unless in a recovery it first waits until another call has ended, and looks whether its own is still there. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <failback/plugin.h>

static int32_t run(const struct fb_call *c)
{
	int pid[2];
	pid_t between, daemon = 0;

	if (pipe(pid) < 0)
		return FB_FAIL;
	between = fork();
	if (between == 0) {
		setsid();
		daemon = fork();
		if (daemon == 0)
			for (;;)
				pause();
		if (write(pid[1], &daemon, sizeof daemon) < 0)
			_exit(1);
		_exit(0);
	}
	if (read(pid[0], &daemon, sizeof daemon) != sizeof daemon || waitpid(between, NULL, 0) != between)
		return FB_FAIL;
	c->host->log(c, FB_LOG_INFO, "left");
	if (!(c->flags & FB_CALL_RECOVERY))
		c->host->sleep_ms(c, 1000);
	return kill(daemon, 0) == 0 ? FB_OK : FB_FAIL;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "background", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
