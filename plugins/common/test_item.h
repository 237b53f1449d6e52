/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of items of a backup: a fake host with a real store in the test's own folder, sealed between capture and proof as the phase backup does. */
#ifndef FB_PLUGINS_COMMON_TEST_ITEM_H
#define FB_PLUGINS_COMMON_TEST_ITEM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"
#include "tests/fake/host.h"

#define assert_says(f, part)                                                                                                                                     \
	do {                                                                                                                                                     \
		if (!(f)->message || !strstr((f)->message, (part)))                                                                                              \
			fail_msg("the message is '%s', without '%s'", (f)->message ? (f)->message : "(none)", (part));                                           \
	} while (0)

/* Runs a line in the shell with the test's folder as the working directory; its code. */
static inline int __attribute__((format(printf, 2, 3))) sh(const struct fake *f, const char *format, ...)
{
	char *dir = fake_path(f, ""), *line, *whole;
	va_list ap;
	int code;

	va_start(ap, format);
	assert_true(vasprintf(&line, format, ap) >= 0);
	va_end(ap);
	whole = fb_asprintf("cd '%s' && { %s\n} </dev/null >>.log 2>&1", dir, line);
	code = system(whole);
	fb_free(whole);
	free(line);
	fb_free(dir);
	return code;
}

static inline char *text_of(const struct fake *f, const char *name)
{
	char *path = fake_path(f, name), *text = NULL;
	size_t n = 0, got;
	FILE *file = fopen(path, "re");

	fb_free(path);
	if (!file)
		return NULL;
	text = fb_alloc(65536);
	while (n < 65535 && (got = fread(text + n, 1, 65535 - n, file)) > 0)
		n += got;
	fclose(file);
	return text;
}

static inline void assert_text(const struct fake *f, const char *name, const char *expected)
{
	char *text = text_of(f, name);

	if (!text)
		fail_msg("there is no file %s", name);
	assert_string_equal(text, expected);
	fb_free(text);
}

static inline void write_text(const struct fake *f, const char *name, const char *text)
{
	char *path = fake_path(f, name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	fb_free(path);
}

/* options: a format in which each %s is the test's folder */
static inline char *item_options(const struct fake *f, const char *format)
{
	char *dir = fake_path(f, ""), *text = fb_strdup("");

	dir[strlen(dir) - 1] = 0;
	for (const char *p = format; *p;) {
		size_t n = strcspn(p, "%");
		char *more = fb_asprintf("%s%.*s%s", text, (int)n, p, p[n] ? dir : "");

		fb_free(text);
		text = more;
		p += n + (p[n] ? 1 : 0);
	}
	fb_free(dir);
	return text;
}

static inline void set_item_options(struct fake *f, const char *format)
{
	char *text = item_options(f, format);

	fake_set_options(f, text);
	fb_free(text);
}

/* PATH has the build tree, whose top the test runs in; % in options is the test's folder. first: options that need no folder, to begin with. */
static inline struct fake *item_new(const char *plugin, const char *first, const char *options)
{
	struct fake *f = fake_new(plugin, first);
	char *here = getcwd(NULL, 0), *path, *store = fake_path(f, "store");
	static char *before;

	assert_non_null(here);
	if (!before)
		before = getenv("PATH") ? strdup(getenv("PATH")) : strdup("/usr/bin:/bin");
	path = fb_asprintf("%s:%s:/usr/sbin:/sbin", here, before);
	setenv("PATH", path, 1);
	setenv("FAILBACK_STORE", store, 1);
	f->call.service = "web.item";
	f->call.last_good = "1.0";
	f->call.deadline_ms = fake_now_ms() + 120000;
	assert_int_equal(sh(f, "failback-store --store %s init --encryption none", store), 0);
	if (options)
		set_item_options(f, options);
	fb_free(path);
	fb_free(store);
	free(here);
	return f;
}

/* Captures and seals. */
static inline int32_t item_seal(struct fake *f)
{
	int32_t answer = fake_call(f, FB_OP_CAPTURE);

	if (answer == FB_OK)
		assert_int_equal(sh(f, "failback-store --store store seal --set %s", f->call.execution), 0);
	return answer;
}

/* As fake_call, in a new link: with nothing done before. */
static inline int32_t item_call(struct fake *f, uint32_t operation)
{
	fake_forget(f, true);
	if (operation == FB_OP_RESTORE) {
		f->call.flags |= FB_CALL_RECOVERY;
		f->call.release = f->call.last_good;
		f->call.failed = "2.0";
	}
	return fake_call(f, operation);
}

#define assert_call(f, operation, expected)                                                                                                                      \
	do {                                                                                                                                                     \
		int32_t answer_ = item_call((f), (operation));                                                                                                   \
		if (answer_ != (expected))                                                                                                                       \
			fail_msg("operation %d answered %d, not %d: %s", (int)(operation), (int)answer_, (int)(expected), (f)->message ? (f)->message : "");     \
	} while (0)
#define assert_sealed(f)                                                                                                                                         \
	do {                                                                                                                                                     \
		int32_t answer_ = item_seal(f);                                                                                                                  \
		if (answer_ != FB_OK)                                                                                                                            \
			fail_msg("capture answered %d: %s", (int)answer_, (f)->message ? (f)->message : "");                                                     \
	} while (0)

/* A member of the first item that was reported. */
static inline const json_t *item_reported(const struct fake *f, const char *member)
{
	return json_object_get(json_array_get(json_object_get(f->reports, "items"), 0), member);
}

#endif
