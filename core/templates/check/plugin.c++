// SPDX-License-Identifier: Apache-2.0
// check @NAME@: a file is there and was written a short time ago.
#include <failback/plugin.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <sys/stat.h>

namespace {

const fb_option options[] = {
	{.name = "file", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "File that must be there"},
	{.name = "max_age", .type = FB_TYPE_DURATION, .default_value = "5m", .min = 1000, .max = 31536000000, .summary = "Failed when it was last written longer ago"},
	{},
};

// A probe looks and changes nothing. What could not be looked at is blind: neither healthy nor failed. No exception may leave an operation.
int32_t probe(const fb_call *call, fb_health *ret) noexcept
{
	static char text[200]; // lives until the next call
	const char *file = call->host->option(call, "file");
	const int64_t max_age_ms = call->host->option_int(call, "max_age", 300000);
	struct stat st;

	ret->text = text;
	if (stat(file, &st) != 0) {
		ret->state = errno == ENOENT || errno == ENOTDIR ? FB_HEALTH_FAILED : FB_HEALTH_BLIND;
		std::snprintf(text, sizeof text, "cannot look at the file: %s", std::strerror(errno));
		return FB_OK;
	}
	const int64_t age_ms = (static_cast<int64_t>(std::time(nullptr)) - st.st_mtim.tv_sec) * 1000;
	ret->state = age_ms > max_age_ms ? FB_HEALTH_FAILED : FB_HEALTH_HEALTHY;
	ret->value_u = age_ms * 1000; // seconds, in millionths
	std::snprintf(text, sizeof text, "written %" PRId64 " s ago, %" PRId64 " s are allowed", age_ms / 1000, max_age_ms / 1000);
	return FB_OK;
}

const fb_check_ops ops = {.probe = probe};

} // namespace

FB_PLUGIN(CHECK, .name = "@NAME@", .version = "0.1", .summary = "Is a file there and fresh", .license = "Apache-2.0", .options = options, .check = &ops)
