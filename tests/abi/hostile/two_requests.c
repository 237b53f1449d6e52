/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile: asks twice at once. */
#include <string.h>
#include <unistd.h>
#include <failback/plugin.h>

static void send_text(const char *s)
{
	size_t n = strlen(s);
	char head[4] = {(char)(n & 255), (char)(n >> 8 & 255), 0, 0};

	if (write(3, head, 4) == 4 && write(3, s, n) < 0)
		_exit(1);
}

static int32_t run(const struct fb_call *c)
{
	(void)c;
	send_text("{\"m\":\"service_pid\",\"name\":\"a\"}");
	send_text("{\"m\":\"service_pid\",\"name\":\"a\"}");
	sleep(1000);
	return FB_OK;
}

static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "two-requests", .version = "1", .summary = "Hostile", .license = "Apache-2.0", .phase = &ops)
