/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: starts a thread in an operation, which it may. */
#include <pthread.h>
#include <unistd.h>
#include <failback/plugin.h>

static void *idle(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int32_t run(const struct fb_call *c)
{
	pthread_t t;

	(void)c;
	if (pthread_create(&t, NULL, idle, NULL))
		return FB_FAIL;
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "op-thread", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
