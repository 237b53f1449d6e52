/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for unit tests: the table of <failback/plugin.h> with scripted answers, and a record of what the plugin asked. It has what this
 * plugin needs; add a function to fake_table when the plugin begins to use one more, until then it is NULL and a call of it crashes the test.
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <failback/plugin.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct fake_option {
	const char *path, *text;
	int64_t number;
};

/* To be set before a call: options (ends in a zero entry), what act answers, whether the host asks to stop. The rest is recorded. */
static struct fake {
	const struct fake_option *options;
	int32_t answer;
	int stopping;
	char asked[512];   /* keys given to act, in order, each followed by a blank */
	char done[512];    /* keys given to acted */
	char message[512]; /* of fail; "" when it was not called */
	char report[512];  /* "member=json" of the last report */
	int logged;
} fake;

static void fake_log(const struct fb_call *call, int32_t level, const char *format, ...)
{
	(void)call;
	(void)level;
	(void)format;
	fake.logged++;
}

static void fake_fail(const struct fb_call *call, const char *format, ...)
{
	va_list args;

	(void)call;
	va_start(args, format);
	vsnprintf(fake.message, sizeof fake.message, format, args);
	va_end(args);
}

static const struct fake_option *fake_find(const char *path)
{
	for (const struct fake_option *o = fake.options; o && o->path; o++)
		if (strcmp(o->path, path) == 0)
			return o;
	return NULL;
}

static const char *fake_option_text(const struct fb_call *call, const char *path)
{
	static char copy[512]; /* lives until the next call, as in the real host */
	const struct fake_option *o = fake_find(path);

	(void)call;
	if (!o || !o->text)
		return NULL;
	snprintf(copy, sizeof copy, "%s", o->text);
	return copy;
}

static int64_t fake_option_int(const struct fb_call *call, const char *path, int64_t absent)
{
	const struct fake_option *o = fake_find(path);

	(void)call;
	return o ? o->number : absent;
}

static void fake_note(char *list, size_t size, const char *key)
{
	size_t n = strlen(list);

	snprintf(list + n, size - n, "%s ", key);
}

static int32_t fake_act(const struct fb_call *call, const char *key, int32_t repeat, const char *text)
{
	(void)call;
	assert_true(key && *key && text && *text);
	assert_true(repeat >= FB_REPEAT_IDEMPOTENT && repeat <= FB_REPEAT_AGAIN);
	fake_note(fake.asked, sizeof fake.asked, key);
	return fake.answer;
}

static int32_t fake_acted(const struct fb_call *call, const char *key, const char *result)
{
	(void)call;
	(void)result;
	assert_int_equal(fake.answer, FB_ACT_DO); /* a change that was not to be made */
	fake_note(fake.done, sizeof fake.done, key);
	return 0;
}

static int32_t fake_report(const struct fb_call *call, const char *member, const char *json)
{
	(void)call;
	snprintf(fake.report, sizeof fake.report, "%s=%s", member, json);
	return 0;
}

static int64_t fake_remaining_ms(const struct fb_call *call)
{
	struct timespec t;
	int64_t left;

	clock_gettime(CLOCK_BOOTTIME, &t);
	left = call->deadline_ms - ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
	return fake.stopping || left < 0 ? 0 : left;
}

static const struct fb_host fake_table = {
	.log = fake_log,
	.fail = fake_fail,
	.option = fake_option_text,
	.option_int = fake_option_int,
	.act = fake_act,
	.acted = fake_acted,
	.report = fake_report,
	.remaining_ms = fake_remaining_ms,
};

/* The plugin that is linked into this test. */
extern const struct fb_plugin *failback_plugin_entry(uint32_t host_abi);

static inline const struct fb_plugin *fake_plugin(void)
{
	return failback_plugin_entry(FB_ABI_MAJOR << 16 | FB_ABI_MINOR);
}

/* A fresh record and a call within five seconds; act answers `answer`. */
static inline struct fb_call fake_call(const struct fake_option *options, int32_t answer)
{
	struct fb_call call = {.host = &fake_table, .attempt = 1, .execution = "deploy-test-20260120t110000z-abcd", .environment = "test", .service = "web", .link = "test"};
	struct timespec t;

	memset(&fake, 0, sizeof fake);
	fake.options = options;
	fake.answer = answer;
	clock_gettime(CLOCK_BOOTTIME, &t);
	call.deadline_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + 5000;
	if (answer == FB_ACT_DRY)
		call.flags |= FB_CALL_DRY_RUN;
	return call;
}

#endif
