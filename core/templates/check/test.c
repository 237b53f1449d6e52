/* SPDX-License-Identifier: Apache-2.0 */
/* What check-@NAME@ promises, against a host of this test's own. */
#include "fake_host.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int32_t probe(const char *file, struct fb_health *ret)
{
	const struct fake_option options[] = {{"file", file, 0}, {"max_age", NULL, 60000}, {0}};
	struct fb_call call = fake_call(options, FB_ACT_NO);

	*ret = (struct fb_health){.latency_us = -1, .value_u = INT64_MIN};
	return fake_plugin()->check->probe(&call, ret);
}

static void the_descriptor_is_what_a_host_expects(void **state)
{
	const struct fb_plugin *p = fake_plugin();

	(void)state;
	assert_int_equal(p->magic, FB_PLUGIN_MAGIC);
	assert_int_equal(p->kind, FB_KIND_CHECK);
	assert_string_equal(p->name, "@NAME@");
	assert_string_equal(p->options[0].name, "file");
}

static void a_file_that_was_written_now_is_healthy(void **state)
{
	char path[] = "/tmp/test-@NAME@-XXXXXX";
	int fd = mkstemp(path);
	struct fb_health health;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(probe(path, &health), FB_OK);
	assert_int_equal(health.state, FB_HEALTH_HEALTHY);
	close(fd);
	unlink(path);
}

static void a_file_that_is_old_has_failed(void **state)
{
	char path[] = "/tmp/test-@NAME@-XXXXXX";
	int fd = mkstemp(path);
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct fb_health health;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, old), 0);
	assert_int_equal(probe(path, &health), FB_OK);
	assert_int_equal(health.state, FB_HEALTH_FAILED);
	close(fd);
	unlink(path);
}

static void a_file_that_is_not_there_has_failed(void **state)
{
	struct fb_health health;

	(void)state;
	assert_int_equal(probe("/nonexistent/file", &health), FB_OK);
	assert_int_equal(health.state, FB_HEALTH_FAILED);
	assert_non_null(strstr(health.text, "cannot look"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_descriptor_is_what_a_host_expects),
		cmocka_unit_test(a_file_that_was_written_now_is_healthy),
		cmocka_unit_test(a_file_that_is_old_has_failed),
		cmocka_unit_test(a_file_that_is_not_there_has_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
