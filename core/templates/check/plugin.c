/* SPDX-License-Identifier: Apache-2.0 */
/* check @NAME@: a file is there and was written a short time ago. */
#include <failback/plugin.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const struct fb_option options[] = {
	{.name = "file", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "File that must be there"},
	{.name = "max_age", .type = FB_TYPE_DURATION, .default_value = "5m", .min = 1000, .max = 31536000000, .summary = "Failed when it was last written longer ago"},
	{0},
};

/* A probe looks and changes nothing. What could not be looked at is blind: neither healthy nor failed. */
static int32_t probe(const struct fb_call *call, struct fb_health *ret)
{
	static char text[200]; /* lives until the next call */
	const char *file = call->host->option(call, "file");
	int64_t max_age_ms = call->host->option_int(call, "max_age", 300000), age_ms;
	struct timespec now;
	struct stat st;

	ret->text = text;
	if (stat(file, &st) != 0) {
		ret->state = errno == ENOENT || errno == ENOTDIR ? FB_HEALTH_FAILED : FB_HEALTH_BLIND;
		snprintf(text, sizeof text, "cannot look at the file: %s", strerror(errno));
		return FB_OK;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	age_ms = ((int64_t)now.tv_sec - st.st_mtim.tv_sec) * 1000;
	ret->state = age_ms > max_age_ms ? FB_HEALTH_FAILED : FB_HEALTH_HEALTHY;
	ret->value_u = age_ms * 1000; /* seconds, in millionths */
	snprintf(text, sizeof text, "written %" PRId64 " s ago, %" PRId64 " s are allowed", age_ms / 1000, max_age_ms / 1000);
	return FB_OK;
}

static const struct fb_check_ops ops = {.probe = probe};

FB_PLUGIN(CHECK, .name = "@NAME@", .version = "0.1", .summary = "Is a file there and fresh", .license = "Apache-2.0", .options = options, .check = &ops)
