/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t fb_clock_ms(void)
{
	return read_us(CLOCK_BOOTTIME) / 1000;
}

int64_t fb_clock_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

int64_t fb_clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

char *fb_clock_format(int64_t wall_ms, char *buf)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char date[24] = "";

	if (gmtime_r(&seconds, &tm))
		strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, FB_TIME_SIZE, "%s.%03dZ", date, (int)(wall_ms % 1000));
	return buf;
}

const char *fb_clock_boot_id(void)
{
	static char id[64];
	ssize_t n;
	int fd;

	if (id[0])
		return id;
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return id;
	n = read(fd, id, sizeof id - 1);
	id[n > 0 ? n : 0] = 0;
	id[strcspn(id, "\n")] = 0;
	close(fd);
	return id;
}

/* A number and the suffix after it; factor 0 when the suffix is none of the table's. */
struct unit {
	const char *suffix;
	int64_t factor;
};

static int parse(const char *s, const struct unit *units, int64_t bare, const char *expected, int64_t *ret, struct fb_err *err)
{
	int64_t factor = 0;
	double number;
	char *end;

	errno = 0;
	number = strtod(s, &end);
	if (end == s || errno || !(number >= 0) || strpbrk(s, "xXpPiInN") == s || strchr("+-", s[0]))
		return fb_err_set(err, FB_EXIT_CONFIG, "'%s' is not %s", s, expected);
	while (*end == ' ')
		end++;
	if (!*end)
		factor = bare;
	for (; units->suffix && *end; units++)
		if (strcmp(end, units->suffix) == 0)
			factor = units->factor;
	if (!factor)
		return fb_err_set(err, FB_EXIT_CONFIG, *end ? "'%s' has a unit that is not known: expected %s" : "'%s' has no unit: expected %s", s, expected);
	if (number * (double)factor > 9e15)
		return fb_err_set(err, FB_EXIT_CONFIG, "'%s' is too large", s);
	*ret = (int64_t)(number * (double)factor + 0.5);
	return 0;
}

int fb_duration_parse(const char *s, int64_t unit_ms, int64_t *ret_ms, struct fb_err *err)
{
	static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

	return parse(s, units, unit_ms, "a duration such as \"250ms\", \"30s\", \"5m\", \"2h\" or \"1d\"", ret_ms, err);
}

int fb_size_parse(const char *s, int64_t *ret_bytes, struct fb_err *err)
{
	static const struct unit units[] = {{"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {NULL, 0}};

	return parse(s, units, 1, "a size such as \"512\", \"4KiB\", \"4MiB\" or \"1GiB\"", ret_bytes, err);
}

char *fb_duration_format(int64_t ms, char *buf, size_t size)
{
	if (ms < 1000)
		snprintf(buf, size, "%" PRId64 " ms", ms);
	else if (ms < 60000)
		snprintf(buf, size, "%.1f s", (double)ms / 1000);
	else if (ms < 3600000)
		snprintf(buf, size, "%" PRId64 " min %" PRId64 " s", ms / 60000, ms / 1000 % 60);
	else
		snprintf(buf, size, "%" PRId64 " h %" PRId64 " min", ms / 3600000, ms / 60000 % 60);
	return buf;
}
