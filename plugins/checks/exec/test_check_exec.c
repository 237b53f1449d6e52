/* SPDX-License-Identifier: Apache-2.0 */
/* What is the checks' own; the protocol as a whole is tested in plugins/phases/exec. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "plugins/common/exec/test_exec.h"

static void assert_probe(const char *script, const char *more, int32_t state, const char *text)
{
	struct fake *f = sh_fake("check-exec", script, more);

	f->call.deadline_ms = fake_now_ms() + 3000;
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	if (f->health.state != state || !strstr(f->health.text, text))
		fail_msg("%s: state %d '%s', not %d '%s'", script, (int)f->health.state, f->health.text, (int)state, text);
	fake_free(f);
}

static void what_it_tells_is_the_result(void **state)
{
	struct fake *f = sh_fake("check-exec", "echo '{\"tell\":\"health\",\"state\":\"warning\",\"latency_us\":1500,\"value\":-2.5,\"text\":\"slow\"}'", "");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	assert_int_equal(f->health.state, FB_HEALTH_WARNING);
	assert_int_equal(f->health.latency_us, 1500);
	assert_int_equal(f->health.value_u, -2500000);
	assert_string_equal(f->health.text, "slow");
	fake_free(f);
}

static void without_a_result_the_exit_code_decides(void **state)
{
	(void)state;
	assert_probe("exit 0", "", FB_HEALTH_HEALTHY, "exit code 0");
	assert_probe("echo Error: refused >&2; exit 1", "", FB_HEALTH_FAILED, "exit code 1: Error: refused");
	assert_probe("exit 2", "", FB_HEALTH_BLIND, "'exit 2' ended with exit code 2");
}

static void a_probe_that_cannot_be_trusted_is_blind(void **state)
{
	(void)state;
	assert_probe("kill -SEGV $$", "", FB_HEALTH_BLIND, "was killed by SIGSEGV");
	assert_probe("echo rubbish", "", FB_HEALTH_BLIND, "sent a line that is not JSON");
	assert_probe("echo '{\"tell\":\"health\",\"state\":\"healthy\"}'; exit 3", "", FB_HEALTH_BLIND, "ended with exit code 3, so that what it told does not count");
	assert_probe("echo '{\"tell\":\"health\",\"state\":\"fine\"}'", "", FB_HEALTH_BLIND, "'state': it must be one of healthy|warning|failed|blind");
	assert_probe("echo '{\"tell\":\"health\",\"state\":\"healthy\",\"value\":\"7\"}'", "", FB_HEALTH_BLIND, "sent 'health' with a wrong 'value'");
	assert_probe("echo '{\"ask\":\"act\",\"key\":\"k\",\"repeat\":\"once\",\"text\":\"t\"}'; read -r a", "", FB_HEALTH_BLIND, "sent 'act', which is not for a check");
	assert_probe("/nonexistent/probe", "", FB_HEALTH_BLIND, "ended with exit code 127");
}

static void a_probe_that_does_not_end_is_failed_or_blind(void **state)
{
	(void)state;
	assert_probe("exec sleep 60", "", FB_HEALTH_FAILED, "was not finished after");
	assert_probe("exec sleep 60", ", \"on_timeout\": \"blind\"", FB_HEALTH_BLIND, "was not finished after");
}

static void the_examples_hold_a_count_against_thresholds(void **state)
{
	static const struct {
		const char *count;
		int32_t state;
	} all[] = {{"3", FB_HEALTH_HEALTHY}, {"10", FB_HEALTH_WARNING}, {"100", FB_HEALTH_FAILED}, {"many", FB_HEALTH_BLIND}, {NULL, FB_HEALTH_BLIND}};
	const char *const examples[] = {"check.sh", "check.py"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake *f = example_fake("check-exec", examples[i], "");
		char *count = fake_path(f, "count"), *options;

		options = fb_asprintf("{\"run\": [\"%s/%s\"], \"settings\": {\"count\": \"%s\", \"warning\": \"10\", \"critical\": \"50\"},"
				      " \"environment\": {\"COUNT\": \"%s\", \"WARNING\": \"10\", \"CRITICAL\": \"50\"}}", FB_EXAMPLES, examples[i], count, count);
		fake_set_options(f, options);
		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
			FILE *file = all[k].count ? fopen(count, "we") : NULL;

			if (file) {
				fprintf(file, "%s\n", all[k].count);
				fclose(file);
			} else {
				unlink(count);
			}
			assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
			if (f->health.state != all[k].state)
				fail_msg("%s of '%s': state %d, '%s'", examples[i], all[k].count, (int)f->health.state, f->health.text);
			if (k == 1)
				assert_int_equal(f->health.value_u, 10000000);
		}
		fb_free(options);
		fb_free(count);
		fake_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_tells_is_the_result),
		cmocka_unit_test(without_a_result_the_exit_code_decides),
		cmocka_unit_test(a_probe_that_cannot_be_trusted_is_blind),
		cmocka_unit_test(a_probe_that_does_not_end_is_failed_or_blind),
		cmocka_unit_test(the_examples_hold_a_count_against_thresholds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
