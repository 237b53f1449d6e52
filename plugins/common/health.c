/* SPDX-License-Identifier: Apache-2.0 */
/* Results of checks: see health.h. */
#include "plugins/common/health.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "plugins/common/run.h"

int32_t health_set(struct fb_health *ret, int32_t state, int64_t latency_us, const char *format, ...)
{
	static char text[1024];
	char raw[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	run_printable(raw, n < 0 ? 0 : (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1, text, sizeof(text));
	ret->state = state;
	ret->latency_us = latency_us;
	ret->value_u = latency_us < 0 ? INT64_MIN : latency_us * 1000;
	ret->text = text;
	return FB_OK;
}

int32_t health_latency(const struct fb_call *call, struct fb_health *ret, int64_t latency_us, const char *what)
{
	int64_t warning = call->host->option_int(call, "threshold_warning", -1), critical = call->host->option_int(call, "threshold_critical", -1);
	double ms = (double)latency_us / 1000;

	if (critical >= 0 && latency_us > critical * 1000)
		return health_set(ret, FB_HEALTH_FAILED, latency_us, "%s, but took %.1f ms, more than threshold_critical (%lld ms)", what, ms, (long long)critical);
	if (warning >= 0 && latency_us > warning * 1000)
		return health_set(ret, FB_HEALTH_WARNING, latency_us, "%s, but took %.1f ms, more than threshold_warning (%lld ms)", what, ms, (long long)warning);
	return health_set(ret, FB_HEALTH_HEALTHY, latency_us, "%s in %.1f ms", what, ms);
}

bool health_thresholds_are_sane(const struct fb_call *call)
{
	int64_t warning = call->host->option_int(call, "threshold_warning", -1), critical = call->host->option_int(call, "threshold_critical", -1);

	if (warning < 0 || critical < 0 || warning <= critical)
		return true;
	call->host->fail(call, "threshold_warning (%lld ms) is above threshold_critical (%lld ms), so it can never warn: exchange them", (long long)warning,
			 (long long)critical);
	return false;
}

bool health_errno_is_blind(int error)
{
	switch (error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EACCES:
	case EPERM:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EAFNOSUPPORT:
	case EAGAIN:
		return true;
	default:
		return false;
	}
}

int64_t health_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
