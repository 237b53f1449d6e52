/* SPDX-License-Identifier: Apache-2.0 */
#include "moment.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEAD 96              /* a time stands in so many bytes of a line */
#define BUFFER ((size_t)1 << 16)

struct reader {
	const char *p, *end;
};

/* Exactly `digits` digits; -1. */
static int number(struct reader *r, int digits)
{
	int v = 0;

	for (int i = 0; i < digits; i++, r->p++) {
		if (r->p == r->end || !isdigit((unsigned char)*r->p))
			return -1;
		v = 10 * v + (*r->p - '0');
	}
	return v;
}

static bool one_of(struct reader *r, const char *chars)
{
	if (r->p == r->end || !strchr(chars, *r->p) || !*r->p)
		return false;
	r->p++;
	return true;
}

static bool read_clock(struct reader *r, struct tm *tm, int *ret_ms)
{
	int digits = 0;

	*ret_ms = 0;
	if ((tm->tm_hour = number(r, 2)) < 0 || !one_of(r, ":") || (tm->tm_min = number(r, 2)) < 0 || !one_of(r, ":") || (tm->tm_sec = number(r, 2)) < 0 || tm->tm_hour > 23 ||
	    tm->tm_min > 59 || tm->tm_sec > 60)
		return false;
	if (one_of(r, ".,"))
		for (; r->p < r->end && isdigit((unsigned char)*r->p); r->p++, digits++)
			if (digits < 3)
				*ret_ms = 10 * *ret_ms + (*r->p - '0');
	for (; digits && digits < 3; digits++)
		*ret_ms *= 10;
	return true;
}

static bool read_day(struct reader *r, struct tm *tm)
{
	char separator;

	if ((tm->tm_year = number(r, 4)) < 1970 || r->p == r->end || !strchr("-/", separator = *r->p) || !separator)
		return false;
	r->p++;
	if ((tm->tm_mon = number(r, 2)) < 1 || tm->tm_mon > 12 || !one_of(r, (char[]){separator, 0}) || (tm->tm_mday = number(r, 2)) < 1 || tm->tm_mday > 31)
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	return one_of(r, "T ");
}

static bool read_syslog_day(struct reader *r, struct tm *tm, int64_t near_ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t near = (time_t)(near_ms / 1000);
	struct tm now;

	gmtime_r(&near, &now);
	for (tm->tm_mon = 0; r->end - r->p >= 3 && tm->tm_mon < 12; tm->tm_mon++)
		if (!memcmp(r->p, months + 3 * tm->tm_mon, 3))
			break;
	if (r->end - r->p < 3 || tm->tm_mon == 12)
		return false;
	r->p += 3;
	tm->tm_year = now.tm_year - (tm->tm_mon == 11 && now.tm_mon == 0) + (tm->tm_mon == 0 && now.tm_mon == 11);
	if (!one_of(r, " "))
		return false;
	tm->tm_mday = one_of(r, " ") ? number(r, 1) : number(r, 2);
	return tm->tm_mday >= 1 && tm->tm_mday <= 31 && one_of(r, " ");
}

/* Minutes east of UTC; false: no zone is named. */
static bool read_zone(struct reader *r, int *ret)
{
	int sign, hours, minutes;

	one_of(r, " ");
	*ret = 0;
	if (one_of(r, "Z"))
		return true;
	if (r->end - r->p >= 3 && (!memcmp(r->p, "UTC", 3) || !memcmp(r->p, "GMT", 3)))
		return true;
	sign = r->p < r->end && *r->p == '-' ? -1 : 1;
	if (!one_of(r, "+-") || (hours = number(r, 2)) < 0)
		return false;
	one_of(r, ":");
	minutes = number(r, 2);
	*ret = sign * (60 * hours + (minutes > 0 ? minutes : 0));
	return true;
}

static int64_t resolve(struct tm *tm, int ms, bool zone, int minutes, int64_t near_ms)
{
	struct tm copy = *tm;
	int64_t utc = (int64_t)timegm(tm) * 1000 + ms, local;

	if (zone)
		return utc - (int64_t)minutes * 60000;
	copy.tm_isdst = -1;
	local = (int64_t)mktime(&copy) * 1000 + ms;
	return llabs(local - near_ms) < llabs(utc - near_ms) ? local : utc;
}

int64_t moment_of(const char *line, size_t n, int64_t near_ms)
{
	size_t most = n < HEAD ? n : HEAD;

	for (size_t i = 0; i + 15 <= most; i++) {
		struct reader r = {line + i, line + (n < i + HEAD ? n : i + HEAD)}, s = r;
		struct tm day = {0}, tm = {0};
		int ms, minutes;
		bool zone;

		if (i && isalnum((unsigned char)line[i - 1]))
			continue;
		if (read_day(&r, &day) && read_clock(&r, &day, &ms)) {
			zone = read_zone(&r, &minutes);
			return resolve(&day, ms, zone, minutes, near_ms);
		}
		if (isupper((unsigned char)line[i]) && read_syslog_day(&s, &tm, near_ms) && read_clock(&s, &tm, &ms))
			return resolve(&tm, ms, false, 0, near_ms);
	}
	return -1;
}

/* Reads line by line; of a line longer than the buffer its beginning counts. */
int64_t moment_offset(int fd, int64_t from_ms)
{
	char *buffer = malloc(BUFFER);
	int64_t at = 0, begin;
	size_t have = 0;
	bool any = false, skip = false;
	ssize_t n = buffer ? 1 : -1;

	while (n > 0) {
		size_t from = 0;
		char *end;

		n = pread(fd, buffer + have, BUFFER - have, at + (int64_t)have);
		if (n < 0)
			break;
		have += (size_t)n;
		while (from < have && ((end = memchr(buffer + from, '\n', have - from)) || have - from == BUFFER || n == 0)) {
			size_t length = (end ? (size_t)(end - buffer) : have) - from;
			int64_t time = skip ? -1 : moment_of(buffer + from, length, from_ms);

			begin = at + (int64_t)from;
			if (time >= from_ms) {
				free(buffer);
				return begin;
			}
			any |= time >= 0;
			skip = !end;
			from += length + (end != NULL);
		}
		memmove(buffer, buffer + from, have - from);
		have -= from;
		at += (int64_t)from;
	}
	free(buffer);
	return n < 0 ? -2 : any ? -1 : 0;
}
