/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins that must not get away with it: each refusal and each end has its own sentence, the engine goes on, and nothing is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/frame.h"
#include "tests/abi/rig.h"

#define HOSTILE "tests/abi/hostile/.libs"

/* "@" stands for the plugin's path, "~" for anything up to the next character of the pattern. */
static void assert_says(const char *text, const char *pattern, const char *path)
{
	const char *t = text, *p = pattern;

	while (*p) {
		if (*p == '@' && strncmp(t, path, strlen(path)) == 0) {
			t += strlen(path);
			p++;
		} else if (*p == '~') {
			p++;
			while (*t && *t != *p)
				t++;
		} else if (*p++ != *t++) {
			break;
		}
	}
	if (*p || *t)
		fail_msg("said: %s\nexpected: %s", text, pattern);
}

struct refusal {
	const char *name, *text;
};

static void every_refusal_has_its_own_sentence(void **state)
{
	static const struct refusal all[] = {
#include "refusals.inc"
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct fb_err err = {0};
		struct rig rig;
		struct heard *h;
		char path[4200];

		rig_start_with(&rig, HOSTILE, fb_streq(all[i].name, "ctor-hang") ? 300 : 0);
		snprintf(path, sizeof path, "%s/phase-%s.so", rig.plugins, all[i].name);
		print_message("  %s\n", all[i].name);
		assert_null(fb_pool_describe(rig.pool, "phase", all[i].name, &err));
		assert_says(err.text, all[i].text, path);
		assert_int_equal(err.code, FB_EXIT_PLUGIN);
		/* a call says the same and does not hang */
		h = rig_call(&rig, &(struct ask){.name = all[i].name});
		assert_int_equal(h->r.cause, FB_CAUSE_HOST);
		assert_int_equal(h->r.answer, FB_FATAL);
		assert_says(h->message, all[i].text, path);
		rig_forget(h);
		rig_end(&rig);
	}
}

struct outcome {
	const char *name;
	int64_t within_ms, grace_ms;
	int cause, number, answer;
	const char *text, *leftover; /* what the leftover is called; NULL: none */
};

static void every_end_is_told_as_what_it_was(void **state)
{
	static const struct outcome all[] = {
#include "outcomes.inc"
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const struct outcome *o = &all[i];
		struct rig rig;
		struct heard *h;

#ifdef FB_SANITIZED
		if (fb_streq(o->name, "eats-memory"))
			continue; /* its shadow memory needs more than any limit */
#endif
		rig_start(&rig, HOSTILE);
		print_message("  %s\n", o->name);
		h = rig_call(&rig, &(struct ask){.name = o->name, .within_ms = o->within_ms, .grace_ms = o->grace_ms});
		assert_says(h->message, o->text, "");
		assert_int_equal(h->r.cause, o->cause);
		assert_int_equal(h->r.number, o->number);
		assert_int_equal(h->r.answer, o->answer);
		if (o->leftover) {
			assert_non_null(h->leftovers);
			assert_non_null(strstr(json_string_value(json_array_get(h->leftovers, 0)), o->leftover));
		} else if (h->leftovers) {
			fail_msg("left: %s", json_string_value(json_array_get(h->leftovers, 0)));
		}
		rig_forget(h);
		/* nothing is left but the host, and it, or another, does the next call */
		assert_true(rig_count_descendants() <= rig.children + 1);
		h = rig_call(&rig, &(struct ask){.name = o->name, .within_ms = o->within_ms, .grace_ms = o->grace_ms});
		assert_int_equal(h->r.cause, o->cause);
		rig_forget(h);
		rig_end(&rig);
	}
}

static void a_newer_plugin_works_with_an_older_host(void **state)
{
	struct rig rig;
	struct heard *h;
	const json_t *d;

	(void)state;
	rig_start(&rig, HOSTILE);
	d = fb_pool_describe(rig.pool, "phase", "newer-minor", NULL);
	assert_non_null(d);
	assert_string_equal(json_string_value(json_object_get(d, "abi")), "1.9");
	assert_int_equal(json_array_size(json_object_get(d, "options")), 2);
	h = rig_call(&rig, &(struct ask){.name = "newer-minor"});
	assert_string_equal(h->message, "");
	assert_int_equal(h->r.answer, FB_OK);
	rig_forget(h);
	rig_end(&rig);
}

static void a_second_request_before_the_first_is_answered_is_told(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, HOSTILE);
	h = rig_begin(&rig, &(struct ask){.name = "two-requests"});
	json_object_set_new(h->replies, "service_pid", json_false()); /* not answered */
	rig_wait(h);
	assert_int_equal(h->r.cause, FB_CAUSE_REPLY);
	assert_string_equal(h->message, "run of phase-two-requests asked for 'service_pid' while 'service_pid' was not answered");
	rig_forget(h);
	rig_end(&rig);
}

static void a_storm_of_forks_is_ended(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, HOSTILE);
	h = rig_call(&rig, &(struct ask){.name = "fork-storm"});
	assert_int_equal(h->r.cause, FB_CAUSE_ANSWER);
	rig_forget(h);
	assert_true(rig_count_descendants() <= rig.children + 1);
	rig_end(&rig);
}

static bool has_said_something(void *ctx)
{
	return json_array_size(((struct heard *)ctx)->frames) > 0;
}

static void calls_at_the_same_time_keep_their_leftovers_apart(void **state)
{
	struct rig rig;
	struct heard *clean, *dirty;

	(void)state;
	rig_start(&rig, HOSTILE);
	/* one is under way, with a process in the background, while another of the same host ends and leaves one */
	clean = rig_begin(&rig, &(struct ask){.name = "background"});
	assert_true(rig_until(&rig, has_said_something, clean));
	dirty = rig_call(&rig, &(struct ask){.name = "background", .flags = FB_CALL_RECOVERY});
	assert_int_equal(json_array_size(dirty->leftovers), 1);
	rig_forget(dirty);
	rig_wait(clean);
	assert_int_equal(clean->r.answer, FB_OK); /* its own was still there when it looked */
	assert_int_equal(json_array_size(clean->leftovers), 1);
	rig_forget(clean);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_refusal_has_its_own_sentence),
		cmocka_unit_test(every_end_is_told_as_what_it_was),
		cmocka_unit_test(a_newer_plugin_works_with_an_older_host),
		cmocka_unit_test(a_second_request_before_the_first_is_answered_is_told),
		cmocka_unit_test(a_storm_of_forks_is_ended),
		cmocka_unit_test(calls_at_the_same_time_keep_their_leftovers_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
