/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"

static void durations_are_read_with_their_unit(void **state)
{
	struct fb_err err;
	int64_t ms;

	(void)state;
	assert_int_equal(fb_duration_parse("250ms", 0, &ms, &err), 0);
	assert_int_equal(ms, 250);
	assert_int_equal(fb_duration_parse("1.5s", 0, &ms, &err), 0);
	assert_int_equal(ms, 1500);
	assert_int_equal(fb_duration_parse("2h", 0, &ms, &err), 0);
	assert_int_equal(ms, 7200000);
	assert_int_equal(fb_duration_parse("30", 1000, &ms, &err), 0);
	assert_int_equal(ms, 30000);
	assert_int_equal(fb_duration_parse("30", 0, &ms, &err), -1);
	assert_int_equal(fb_duration_parse("-1s", 0, &ms, &err), -1);
	assert_int_equal(fb_duration_parse("5 parsecs", 0, &ms, &err), -1);
	assert_non_null(strstr(err.text, "unit that is not known"));
	assert_int_equal(fb_duration_parse("nan", 1, &ms, &err), -1);
	assert_int_equal(fb_duration_parse("1e300d", 1, &ms, &err), -1);
}

static void sizes_are_read_with_their_unit(void **state)
{
	int64_t n;

	(void)state;
	assert_int_equal(fb_size_parse("4MiB", &n, NULL), 0);
	assert_int_equal(n, 4194304);
	assert_int_equal(fb_size_parse("10KB", &n, NULL), 0);
	assert_int_equal(n, 10000);
	assert_int_equal(fb_size_parse("4 stones", &n, NULL), -1);
}

static void times_are_rfc3339_with_milliseconds(void **state)
{
	char buf[FB_TIME_SIZE];

	(void)state;
	assert_string_equal(fb_clock_format(1768906800123, buf), "2026-01-20T11:00:00.123Z");
}

static void the_nearest_name_is_found_only_when_it_is_near(void **state)
{
	static const char *const names[] = {"services", "environment", "recovery", NULL};

	(void)state;
	assert_string_equal(fb_nearest("servcies", names), "services");
	assert_string_equal(fb_nearest("enviroment", names), "environment");
	assert_null(fb_nearest("zebra", names));
}

static void shell_quoting_survives_the_shell(void **state)
{
	struct fb_text t = {0};

	(void)state;
	fb_text_shell_quote(&t, "it's $HOME");
	assert_string_equal(t.p, "'it'\\''s $HOME'");
	fb_text_clear(&t);
	fb_text_shell_quote(&t, "plain/path-1.2");
	assert_string_equal(t.p, "plain/path-1.2");
	fb_text_clear(&t);
}

static void a_process_is_known_by_its_start_time(void **state)
{
	struct fb_proc me, other;

	(void)state;
	assert_int_equal(fb_proc_look(getpid(), &me), 0);
	assert_true(fb_proc_alive(&me));
	other = me;
	other.start++;
	assert_false(fb_proc_alive(&other));
	assert_int_equal(fb_proc_signal(&other, 0), -1);
}

static void an_error_keeps_its_text_when_it_is_prefixed(void **state)
{
	struct fb_err err;
	char buf[1400];

	(void)state;
	assert_int_equal(fb_err_at(&err, FB_EXIT_CONFIG, "a.conf", 7, "cause %d", 1), -1);
	fb_err_prefix(&err, "setting '%s'", "x");
	assert_string_equal(fb_err_format(&err, buf, sizeof buf), "a.conf:7: setting 'x': cause 1");
}

static void a_file_that_others_may_write_is_not_safe(void **state)
{
	char path[] = "/tmp/failback-test-XXXXXX";
	struct fb_err err;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(fb_io_safe_path(path, (uid_t)-1, &err), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(fb_io_safe_path(path, (uid_t)-1, &err), -1);
	assert_non_null(strstr(err.text, "can be written by others"));
	unlink(path);
}

static void a_hash_is_sha256(void **state)
{
	char h[FB_HASH_SIZE];

	(void)state;
	fb_hash("abc", 3, h);
	assert_string_equal(h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_with_their_unit),
		cmocka_unit_test(sizes_are_read_with_their_unit),
		cmocka_unit_test(times_are_rfc3339_with_milliseconds),
		cmocka_unit_test(the_nearest_name_is_found_only_when_it_is_near),
		cmocka_unit_test(shell_quoting_survives_the_shell),
		cmocka_unit_test(a_process_is_known_by_its_start_time),
		cmocka_unit_test(an_error_keeps_its_text_when_it_is_prefixed),
		cmocka_unit_test(a_file_that_others_may_write_is_not_safe),
		cmocka_unit_test(a_hash_is_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
