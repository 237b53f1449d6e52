/* SPDX-License-Identifier: Apache-2.0 */
/* A check as a state machine: writes to a pipe, waits for it, then for a time. */
#include <failback/plugin.h>

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct probe {
	int pipe[2];
	int steps;
	int64_t until;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int32_t step(const struct fb_call *c, void **state, struct fb_wait *wait, struct fb_health *ret)
{
	struct probe *p = *state;
	char byte;

	if (c->host->option_int(c, "odd", 0))
		return 9;
	if (!p) {
		*state = p = calloc(1, sizeof *p);
		if (!p || pipe(p->pipe) < 0 || (!c->host->option_int(c, "endless", 0) && write(p->pipe[1], "x", 1) != 1))
			return 9;
		*wait = (struct fb_wait){.fd = p->pipe[0], .events = FB_WAIT_READ, .until_ms = now_ms() + 5000};
		return FB_STEP_WAIT;
	}
	if (p->steps++ == 0 && read(p->pipe[0], &byte, 1) == 1) {
		p->until = now_ms() + 30;
		*wait = (struct fb_wait){.fd = -1, .until_ms = p->until};
		return FB_STEP_WAIT;
	}
	if (now_ms() < p->until)
		return 9; /* called before its time */
	ret->state = FB_HEALTH_WARNING;
	ret->text = "stepped";
	return FB_STEP_DONE;
}

static void end(const struct fb_call *c, void *state)
{
	struct probe *p = state;

	if (p) {
		close(p->pipe[0]);
		close(p->pipe[1]);
	}
	free(p);
	c->host->log(c, FB_LOG_DEBUG, "ended");
}

static const struct fb_check_ops ops = {.step = step, .end = end};
static const struct fb_option options[] = {
	{.name = "odd", .type = FB_TYPE_BOOL, .summary = "Answers what is none"},
	{.name = "endless", .type = FB_TYPE_BOOL, .summary = "Waits for ever"},
	{0},
};

FB_PLUGIN(CHECK, .name = "stepping", .version = "1", .summary = "Steps", .license = "Apache-2.0", .options = options, .check = &ops)
