/* SPDX-License-Identifier: Apache-2.0 */
/* What the adversaries share. Each is one thing that nobody does by accident; none of them touches a process that the test has not started. */
#ifndef TESTS_ABI_ADVERSARY_H
#define TESTS_ABI_ADVERSARY_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <failback/plugin.h>

#define ADVERSARY(NAME)                                                                                                              \
	static const struct fb_phase_ops ops = {.run = run};                                                                         \
	FB_PLUGIN(PHASE, .name = NAME, .version = "1", .summary = "Means harm", .license = "Apache-2.0", .phase = &ops)

/* A frame on any descriptor; whole or not is not our care. */
static inline void send_frame(int fd, const char *s)
{
	size_t n = strlen(s);
	unsigned char head[4] = {(unsigned char)n, (unsigned char)(n >> 8), (unsigned char)(n >> 16), 0};

	if (write(fd, head, 4) != 4 || write(fd, s, n) < 0)
		return;
}

static inline int32_t refused(const struct fb_call *c, const char *what)
{
	c->host->fail(c, "refused: %s: %s", what, strerror(errno));
	return FB_FAIL;
}

static inline int32_t for_ever(void)
{
	for (;;)
		pause();
	return FB_OK;
}

/* Stops the host and says in its place, on its own connection, the same of every call that is to come: before and after stand around the call's id. */
static inline int32_t say_of_all_calls(const struct fb_call *c, int control, const char *before, const char *after)
{
	char text[200];

	kill(getppid(), SIGSTOP);
	c->host->log(c, FB_LOG_INFO, "stopped it");
	c->host->sleep_ms(c, 100);
	for (int id = 1; id < 64; id++) {
		snprintf(text, sizeof text, "%s%d%s", before, id, after);
		send_frame(control, text);
	}
	return for_ever();
}

static inline void hide(void)
{
	for (int s = 1; s < 65; s++)
		signal(s, SIG_IGN);
	for (int fd = 0; fd < 1024; fd++)
		close(fd);
}

#endif
