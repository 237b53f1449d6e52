/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks. Wall time only for what people read; every span is measured on CLOCK_BOOTTIME, which no one sets. */
#ifndef FB_BASE_CLOCK_H
#define FB_BASE_CLOCK_H

#include <stdint.h>
#include <stddef.h>

#include "base/err.h"

int64_t fb_clock_ms(void); /* CLOCK_BOOTTIME, milliseconds */
int64_t fb_clock_us(void); /* CLOCK_BOOTTIME, microseconds */
int64_t fb_clock_wall_ms(void); /* since 1970, UTC, milliseconds */

/* RFC 3339, UTC, milliseconds: "2026-01-20T11:00:00.000Z"; buf has at least FB_TIME_SIZE bytes. Returns buf. */
#define FB_TIME_SIZE 32
char *fb_clock_format(int64_t wall_ms, char *buf);

/* Identity of this boot (/proc/sys/kernel/random/boot_id); "" when it cannot be read. Lives as long as the program. */
const char *fb_clock_boot_id(void);

/* Reads "250ms", "30s", "5m", "2h", "1d" or, with unit_ms > 0, a bare number of that unit. 0 or -1 with err (code and text). */
int fb_duration_parse(const char *s, int64_t unit_ms, int64_t *ret_ms, struct fb_err *err) FB_MUST_USE;
/* "250 ms", "3.8 s", "5 min 20 s": for people. Returns buf. */
char *fb_duration_format(int64_t ms, char *buf, size_t size);
/* Reads "512", "4KiB", "4MiB", "1GiB", "10MB" (powers of 1000 for KB, MB, GB). */
int fb_size_parse(const char *s, int64_t *ret_bytes, struct fb_err *err) FB_MUST_USE;

#endif
