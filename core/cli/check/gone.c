/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine dies in the middle of a call, as it may in earnest: a process of its own is the engine here, and ends by SIGKILL. The plugin's host, which then
 * ends all that is below it, is held still for a moment, as on a busy machine: so the plugin has time to do what it should not.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "cli/check/check.h"
#include "failback/plugin.h"

#define HELD_MS 300
#define DESCENDANTS 64

static void __attribute__((noreturn)) be_engine(const struct fb_check_run *c, const char *operation)
{
	const struct fb_check_call call = {.operation = operation, .act = FB_ACT_NO, .vanish = true};
	struct fb_check_host *h = fb_check_host_start(c, c->host_program, 0);
	struct fb_check_heard heard;

	fb_check_make_call(c, h, &call, &heard); /* returns if the operation does so before the engine is to die */
	_exit(fb_check_host_end(h) ? 0 : 1);
}

/* Only the host, which is stopped, is left: or the time is over. Then it goes on. */
static void let_it_notice(void)
{
	int64_t end = fb_clock_ms() + HELD_MS;
	struct fb_proc v[DESCENDANTS];
	int n;

	while ((n = fb_proc_descendants(getpid(), v, DESCENDANTS)) > 1 && fb_clock_ms() < end)
		usleep(5000);
	for (int i = 0; i < n; i++)
		(void)!fb_proc_signal(&v[i], SIGCONT); /* who is gone needs none */
}

static void lose_engine(struct fb_check_run *c, const char *operation)
{
	char *before = fb_world_snapshot(&c->world), *after, *changed;
	pid_t pid = fork();
	bool died, gone;
	int status = 0;

	if (pid == 0)
		be_engine(c, operation);
	if (pid < 0) {
		fb_check_skipped(c, "engine-gone", operation, "no process could be started: %s", strerror(errno));
		fb_free(before);
		return;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	died = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	if (died)
		let_it_notice();
	gone = fb_check_all_gone() && !(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		; /* what was the engine's became ours */
	after = fb_world_snapshot(&c->world);
	changed = fb_world_difference(&c->world, before, after);
	if (!gone)
		fb_check_failed(c, "engine-gone", operation, "something of it was still there a second after the engine had gone");
	else if (changed && strcmp(operation, "notify") != 0)
		fb_check_failed(c, "engine-gone", operation, "changed %s, though act was never answered: when a request fails because the engine is gone, return at once", changed);
	else if (!died && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
		fb_check_failed(c, "engine-gone", operation, "could not be tried: the process that was to be the engine ended with status %d", status);
	else
		fb_check_ok(c, "engine-gone", operation, died ? "ended with it, and nothing was left" : "had returned before");
	fb_free(changed);
	fb_free(after);
	fb_free(before);
}

void fb_check_engine_gone(struct fb_check_run *c)
{
	const char *operation;
	const json_t *one;

	json_object_foreach(c->asked, operation, one)
		if (json_is_true(json_object_get(one, "fine")) && (strcmp(operation, "notify") != 0 || c->world.network_off))
			lose_engine(c, operation);
}
