/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: starts a thread in a constructor. */
#include <failback/plugin.h>

#include <pthread.h>
#include <unistd.h>

static void *idle(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void __attribute__((constructor)) early(void)
{
	pthread_t t;

	pthread_create(&t, NULL, idle, NULL);
}

static int32_t run(const struct fb_call *c)
{
	(void)c;
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "ctor-thread", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
