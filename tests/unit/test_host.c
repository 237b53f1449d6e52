/* SPDX-License-Identifier: Apache-2.0 */
/* The host floor, with the real failback-host and well-behaved plugins. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/abi/rig.h"

#define TAME "tests/abi/tame/.libs"

static void a_trivial_phase_runs(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.name = "tame"});
	assert_string_equal(h->message, "");
	assert_int_equal(h->r.cause, FB_CAUSE_ANSWER);
	assert_int_equal(h->r.answer, FB_OK);
	assert_null(h->leftovers);
	assert_true(h->worker.pid > 0 && h->worker.start > 0);
	rig_forget(h);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trivial_phase_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
