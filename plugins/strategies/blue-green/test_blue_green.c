/* SPDX-License-Identifier: Apache-2.0 */
/* The strategy against a real HAProxy, real services and a real client; figures of what users felt go to standard output. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"
#include "plugins/strategies/blue-green/rig.h"

static struct rig *rig; /* of the test that runs, so that teardown ends what a failed test has left */

static void begin(const struct rig_options *options)
{
	rig = rig_new(options);
}

static int teardown(void **state)
{
	(void)state;
	if (rig)
		rig_free(rig);
	rig = NULL;
	return 0;
}

static const char *users(void)
{
	return rig_get(rig->front, "GET", "/", NULL, NULL);
}

static bool message_holds(const char *part)
{
	return rig->f->message && strstr(rig->f->message, part);
}

static bool advised(const char *part)
{
	const json_t *v;
	size_t i;

	json_array_foreach(rig->f->advice, i, v)
		if (strstr(json_string_value(json_object_get(v, "text")), part))
			return true;
	return false;
}

static void a_promotion_moves_users_and_keeps_the_old_side_warm(void **state)
{
	(void)state;
	begin(NULL);
	assert_string_equal(users(), "1.0");
	rig_promote(rig, "2.0");
	assert_string_equal(users(), "2.0");
	assert_true(fb_has_prefix(rig_status(rig, "blue"), "DRAIN"));
	assert_true(fb_has_prefix(rig_status(rig, "blue-spare"), "UP"));
	assert_string_equal(rig_status(rig, "green-spare"), "MAINT");
	assert_int_equal(rig_operate(rig, FB_OP_VERIFY, "2.0", 0), FB_OK);
	assert_int_equal(rig_operate(rig, FB_OP_COMMIT, "2.0", 0), FB_OK);
	assert_string_equal(users(), "2.0");
	assert_true(rig_service(rig, "blue") > 0);
	assert_string_equal(fake_fact(rig->f, FB_SCOPE_SERVICE, "live"), "green");
	assert_string_equal(fake_fact(rig->f, FB_SCOPE_SERVICE, "release.green"), "2.0");
	assert_int_equal(rig_operate(rig, FB_OP_STATE, "2.0", 0), FB_OK);
	assert_string_equal(json_string_value(json_object_get(json_object_get(rig->f->reports, "state"), "release")), "2.0");
	assert_string_equal(json_string_value(json_object_get(json_object_get(rig->f->reports, "state"), "target")), "green");
}

static void the_next_deployment_goes_to_the_other_side(void **state)
{
	(void)state;
	begin(&(struct rig_options){.more = "\"keep_old\": false"});
	rig_promote(rig, "2.0");
	assert_int_equal(rig_operate(rig, FB_OP_COMMIT, "2.0", 0), FB_OK);
	assert_int_equal(rig_service(rig, "blue"), 0);
	fake_forget(rig->f, true);
	json_object_del(rig->f->facts, "2/prepared.side");
	json_object_del(rig->f->facts, "2/prepared.release");
	json_object_del(rig->f->facts, "2/started");
	rig_promote(rig, "3.0");
	assert_string_equal(users(), "3.0");
	assert_string_equal(fake_fact(rig->f, FB_SCOPE_SERVICE, "release.blue"), "3.0");
	assert_true(fb_has_prefix(rig_status(rig, "green"), "DRAIN"));
}

static void a_part_of_the_users_can_be_shifted(void **state)
{
	int green = 0;

	(void)state;
	begin(NULL);
	assert_int_equal(rig_operate(rig, FB_OP_CAPTURE, "2.0", 0), FB_OK);
	assert_int_equal(rig_operate(rig, FB_OP_PREPARE, "2.0", 0), FB_OK);
	assert_string_equal(users(), "1.0");
	assert_int_equal(rig_operate(rig, FB_OP_SHIFT, "2.0", 2500), FB_OK);
	for (int i = 0; i < 200; i++)
		green += !strcmp(users(), "2.0");
	assert_in_range(green, 44, 56); /* 64 of 256, by turns */
	assert_int_equal(rig_operate(rig, FB_OP_SHIFT, "2.0", 10000), FB_OK);
	for (int i = 0; i < 20; i++)
		assert_string_equal(users(), "2.0");
}

static void a_release_that_does_not_start_is_found_at_once_and_undone(void **state)
{
	int64_t before;

	(void)state;
	begin(NULL);
	assert_int_equal(rig_operate(rig, FB_OP_CAPTURE, "broken-2.0", 0), FB_OK);
	before = fake_now_ms();
	assert_int_equal(rig_operate(rig, FB_OP_PREPARE, "broken-2.0", 0), FB_FAIL);
	assert_true(message_holds("ended before it was healthy"));
	assert_true(fake_now_ms() - before < 2000); /* not its validation_timeout of 5 s */
	assert_string_equal(users(), "1.0");
	assert_int_equal(rig_recover(rig, FB_OP_EVIDENCE, "broken-2.0"), FB_OK);
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(rig->f->evidence, 0), "text")),
			       "Error: Cannot find module './config/production.json'"));
	assert_int_equal(json_array_size(rig->f->evidence), 3);
	rig->f->call.flags = FB_CALL_UNDO;
	assert_int_equal(rig_operate(rig, FB_OP_PREPARE, "broken-2.0", 0), FB_OK);
	rig->f->call.flags = 0;
	assert_string_equal(fake_fact(rig->f, FB_SCOPE_SERVICE, "release.green"), "");
	assert_string_equal(users(), "1.0");
}

static void an_undone_shift_brings_users_back(void **state)
{
	(void)state;
	begin(NULL);
	rig_promote(rig, "2.0");
	rig->f->call.flags = FB_CALL_UNDO;
	assert_int_equal(rig_operate(rig, FB_OP_PREPARE, "2.0", 0), FB_FAIL);
	assert_true(message_holds("undo the shift before the preparation"));
	assert_int_equal(rig_operate(rig, FB_OP_SHIFT, "2.0", 10000), FB_OK);
	assert_string_equal(users(), "1.0");
	assert_int_equal(rig_operate(rig, FB_OP_PREPARE, "2.0", 0), FB_OK);
	assert_int_equal(rig_service(rig, "green"), 0);
}

/* From promotion to the end of a recovery, under load. */
static json_t *fail_under_load(const char *how, int64_t decided_after_ms)
{
	void *observer = NULL;
	struct fb_wait wait;
	int64_t until;
	int32_t protect;
	json_t *o;

	begin(NULL);
	rig_client_start(rig, "500", "20");
	for (until = fake_now_ms() + 5000; !*users() && fake_now_ms() < until;)
		rig_sleep_ms(1);
	rig_promote(rig, "2.0");
	rig_sleep_ms(500); /* so that users are on it: the length is no condition, only load */
	if (!strcmp(how, "crash"))
		kill(rig_service(rig, "green"), SIGKILL);
	else if (!strcmp(how, "hang"))
		kill(rig_service(rig, "green"), SIGSTOP);
	else
		rig_get(rig->control[1], "POST", "/fail?percent=100", NULL, NULL);
	for (until = fake_now_ms() + decided_after_ms; fake_now_ms() < until;) {
		assert_int_equal(fake_observe(rig->f, &observer, &wait), FB_STEP_WAIT);
		rig_sleep_ms(2);
	}
	protect = rig_recover(rig, FB_OP_PROTECT, "2.0");
	assert_int_equal(protect, FB_OK);
	assert_int_equal(rig_recover(rig, FB_OP_PREPARE, "2.0"), FB_OK);
	assert_int_equal(rig_recover(rig, FB_OP_RESTORE, "2.0"), FB_OK);
	assert_int_equal(rig_recover(rig, FB_OP_VERIFY, "2.0"), FB_OK);
	rig_sleep_ms(700); /* timeout server and what was held by it */
	o = rig_client_end(rig);
	rig->f->stop = true;
	assert_int_equal(fake_observe(rig->f, &observer, &wait), FB_STEP_DONE);
	rig->f->stop = false;
	assert_null(observer);
	printf("%s, users moved after %lld ms: %lld requests, %lld failed (GET %lld, POST %lld), longest %lld ms, executed twice %d\n", how,
	       (long long)decided_after_ms, (long long)rig_number(o, "requests"), (long long)rig_number(o, "failed"),
	       (long long)(rig_number(o, "failed") - rig_number(o, "POST.status_5xx") - rig_number(o, "POST.closed") - rig_number(o, "POST.connect") -
			   rig_number(o, "POST.timeout") - rig_number(o, "POST.status_other")),
	       (long long)(rig_number(o, "POST.status_5xx") + rig_number(o, "POST.closed")), (long long)rig_number(o, "longest_ms"),
	       rig_double_executions(rig));
	return o;
}

static void no_read_lost(const json_t *o)
{
	assert_int_equal(rig_number(o, "GET.status_5xx"), 0);
	assert_int_equal(rig_number(o, "GET.closed"), 0);
	assert_int_equal(rig_number(o, "GET.connect"), 0);
	assert_int_equal(rig_number(o, "GET.timeout"), 0);
	assert_int_equal(rig_number(o, "status_other"), 0);
	assert_int_equal(rig_number(o, "POST.connect"), 0);
	assert_int_equal(rig_number(o, "POST.timeout"), 0);
	assert_string_equal(json_string_value(json_object_get(o, "settled_release")), "1.0");
	assert_int_equal(rig_double_executions(rig), 0);
}

static void a_crash_of_the_live_release_costs_no_read(void **state)
{
	json_t *o;

	(void)state;
	o = fail_under_load("crash", 100);
	no_read_lost(o);
	assert_in_range(rig_number(o, "failed"), 0, 10); /* writes that had reached it: what is in flight at 500/s, 20 %, 5 ms */
	json_decref(o);
	assert_string_equal(users(), "1.0");
}

static void a_hang_of_the_live_release_costs_no_read(void **state)
{
	json_t *o;

	(void)state;
	o = fail_under_load("hang", 100);
	no_read_lost(o);
	json_decref(o);
	assert_string_equal(users(), "1.0");
}

static void a_release_that_answers_500_is_left_before_many_see_it(void **state)
{
	json_t *o;

	(void)state;
	o = fail_under_load("500", 80);
	assert_in_range(rig_number(o, "failed"), 1, 50);
	assert_int_equal(rig_double_executions(rig), 0);
	json_decref(o);
	assert_string_equal(users(), "1.0");
}

/* One whole round of observation. */
static void observe_round(void **observer)
{
	size_t before = json_array_size(rig->f->samples);
	struct fb_wait wait;

	for (int i = 0; json_array_size(rig->f->samples) == before; i++) {
		assert_true(i < 2000);
		assert_int_equal(fake_observe(rig->f, observer, &wait), FB_STEP_WAIT);
		rig_sleep_ms(1);
	}
}

static const json_t *last_sample(const char *release)
{
	for (size_t i = json_array_size(rig->f->samples); i-- > 0;) {
		const json_t *s = json_array_get(rig->f->samples, i);

		if (fb_streq(json_string_value(json_object_get(s, "release")), release))
			return s;
	}
	return NULL;
}

static void observe_end(void *observer)
{
	struct fb_wait wait;

	rig->f->stop = true;
	assert_int_equal(fake_observe(rig->f, &observer, &wait), FB_STEP_DONE);
	rig->f->stop = false;
}

static void what_is_observed_equals_what_the_client_counted(void **state)
{
	static const char *const ways[] = {"500", "crash", "hang"};
	const json_t *all, *green;
	void *observer;
	json_t *o;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		observer = NULL;
		begin(NULL);
		rig_promote(rig, "2.0");
		rig_get(rig->control[1], "POST", "/delay?ms=40", NULL, NULL); /* so that writes are in flight when it dies */
		for (int n = 0; n < 6; n++)
			observe_round(&observer);
		rig_client_start(rig, "300", "50");
		for (int64_t until = fake_now_ms() + 300; fake_now_ms() < until;)
			observe_round(&observer);
		if (i == 0)
			rig_get(rig->control[1], "POST", "/fail?percent=100", NULL, NULL);
		else
			kill(rig_service(rig, "green"), i == 1 ? SIGKILL : SIGSTOP);
		for (int64_t until = fake_now_ms() + 200; fake_now_ms() < until;)
			observe_round(&observer);
		assert_int_equal(rig_recover(rig, FB_OP_RESTORE, "2.0"), FB_OK);
		o = rig_client_end(rig);
		for (int n = 0; n < 8; n++) /* settled: the least of several readings */
			observe_round(&observer);
		all = last_sample(NULL);
		green = last_sample("2.0");
		printf("%s: client %lld requests, %lld failed; observed %lld, %lld; attempts that failed at the release: %lld\n", ways[i],
		       (long long)rig_number(o, "requests"), (long long)rig_number(o, "failed"), (long long)rig_number(all, "requests"),
		       (long long)rig_number(all, "failed"), (long long)rig_number(green, "failed"));
		assert_int_equal(rig_number(all, "requests"), rig_number(o, "requests"));
		assert_int_equal(rig_number(all, "failed"), rig_number(o, "failed"));
		assert_true(rig_number(green, "failed") > 0);
		assert_true(rig_number(o, "failed") > 0); /* the comparison above was one of numbers, not of zeros */
		if (i == 1)
			assert_true(rig_number(o, "closed") > 0); /* what no column of HAProxy counts */
		json_decref(o);
		observe_end(observer);
		teardown(NULL);
	}
}

static void a_restart_of_haproxy_is_told_and_counts_go_on(void **state)
{
	void *observer = NULL;
	int64_t before;

	(void)state;
	begin(NULL);
	observe_round(&observer);
	for (int i = 0; i < 5; i++)
		users();
	before = 0;
	for (int n = 0; n < 20 && before < 5; n++) { /* HAProxy counts a request a moment after it has answered */
		observe_round(&observer);
		before = rig_number(last_sample(NULL), "requests");
	}
	assert_int_equal(before, 5);
	rig_haproxy(rig, "stop");
	rig_haproxy(rig, "start");
	for (int i = 0; i < 3; i++)
		assert_string_equal(users(), "1.0");
	fake_forget(rig->f, false);
	observe_round(&observer);
	assert_int_equal(rig_number(last_sample(NULL), "reset"), 1);
	assert_int_equal(rig_number(last_sample(NULL), "requests"), 8);
	observe_round(&observer);
	assert_int_equal(rig_number(last_sample(NULL), "reset"), 0);
	observe_end(observer);
}

static void clients_with_a_cookie_are_moved_too(void **state)
{
	(void)state;
	begin(&(struct rig_options){.sticky = true});
	rig_promote(rig, "2.0");
	assert_string_equal(rig_get(rig->front, "GET", "/", "SIDE=blue", NULL), "1.0"); /* drained, not away */
	assert_string_equal(rig_get(rig->front, "GET", "/", "SIDE=green", NULL), "2.0");
	assert_int_equal(rig_recover(rig, FB_OP_PROTECT, "2.0"), FB_OK);
	assert_string_equal(rig_get(rig->front, "GET", "/", "SIDE=green", NULL), "1.0");
	assert_int_equal(rig_recover(rig, FB_OP_PROTECT, "2.0"), FB_OK);
}

static void a_reload_keeps_what_was_switched(void **state)
{
	pid_t before;

	(void)state;
	begin(NULL);
	rig_promote(rig, "2.0");
	before = rig_haproxy_pid(rig);
	rig_haproxy(rig, "reload");
	assert_true(rig_haproxy_pid(rig) != before);
	for (int i = 0; i < 20; i++)
		assert_string_equal(users(), "2.0");
	assert_int_equal(rig_recover(rig, FB_OP_RESTORE, "2.0"), FB_OK);
	rig_haproxy(rig, "reload");
	for (int i = 0; i < 20; i++)
		assert_string_equal(users(), "1.0");
}

static void users_stay_where_they_are_when_nothing_better_is_up(void **state)
{
	json_t *o;

	(void)state;
	begin(NULL);
	rig_promote(rig, "2.0");
	rig_client_start(rig, "300", "50");
	kill(rig_service(rig, "blue"), SIGKILL);
	for (int i = 0; strncmp(rig_status(rig, "blue-spare"), "DOWN", 4) != 0; i++) {
		assert_true(i < 1000);
		rig_sleep_ms(5);
	}
	assert_int_equal(rig_recover(rig, FB_OP_PROTECT, "2.0"), FB_FAIL);
	assert_true(message_holds("users were left where they are"));
	assert_string_equal(users(), "2.0");
	assert_int_equal(rig_recover(rig, FB_OP_PREPARE, "2.0"), FB_OK); /* brings the good side up again, without users */
	assert_string_equal(users(), "2.0");
	assert_int_equal(rig_recover(rig, FB_OP_RESTORE, "2.0"), FB_OK);
	assert_string_equal(users(), "1.0");
	assert_int_equal(rig_recover(rig, FB_OP_VERIFY, "2.0"), FB_OK);
	o = rig_client_end(rig);
	assert_int_equal(rig_number(o, "failed"), 0);
	json_decref(o);
}

static void a_side_is_stopped_only_when_its_requests_are_answered(void **state)
{
	json_t *o;

	(void)state;
	begin(&(struct rig_options){.more = "\"preserve_failed_environment\": false"});
	rig_promote(rig, "2.0");
	rig_get(rig->control[1], "POST", "/delay?ms=200", NULL, NULL);
	rig_client_start(rig, "200", "50");
	for (int i = 0; i < 2000; i++) { /* until something is in flight there */
		if (rig_in_flight(rig, "green") >= 5)
			break;
		assert_true(i < 1999);
		rig_sleep_ms(2);
	}
	assert_int_equal(rig_recover(rig, FB_OP_PROTECT, "2.0"), FB_OK);
	assert_int_equal(rig_recover(rig, FB_OP_RESTORE, "2.0"), FB_OK);
	assert_int_equal(rig_recover(rig, FB_OP_CLEANUP, "2.0"), FB_OK);
	assert_int_equal(rig_service(rig, "green"), 0);
	o = rig_client_end(rig);
	assert_int_equal(rig_number(o, "failed"), 0);
	assert_true(json_object_get(json_object_get(o, "releases"), "2.0") != NULL);
	json_decref(o);
}

static void a_failed_side_is_preserved_out_of_users_way(void **state)
{
	(void)state;
	begin(NULL);
	rig_promote(rig, "2.0");
	assert_int_equal(rig_recover(rig, FB_OP_RESTORE, "2.0"), FB_OK);
	assert_int_equal(rig_recover(rig, FB_OP_CLEANUP, "2.0"), FB_OK);
	assert_true(rig_service(rig, "green") > 0);
	assert_string_equal(rig_get(rig->port[1], "GET", "/", NULL, NULL), "2.0");
	assert_string_equal(rig_status(rig, "green"), "MAINT");
	assert_string_equal(users(), "1.0");
}

static void the_live_side_is_never_stopped(void **state)
{
	(void)state;
	begin(&(struct rig_options){.more = "\"preserve_failed_environment\": false"});
	rig_promote(rig, "2.0");
	assert_int_equal(rig_recover(rig, FB_OP_CLEANUP, "2.0"), FB_FAIL); /* before restore */
	assert_true(message_holds("does not take users"));
	assert_string_equal(users(), "2.0");
}

static void a_dead_haproxy_is_named(void **state)
{
	(void)state;
	begin(NULL);
	rig_promote(rig, "2.0");
	rig_haproxy_kill(rig);
	assert_int_equal(rig_recover(rig, FB_OP_PROTECT, "2.0"), FB_RETRY);
	assert_true(message_holds("HAProxy does not run, or was killed: start it"));
	rig_haproxy(rig, "start"); /* with the state file: users come back to where they were */
	assert_string_equal(users(), "2.0");
	assert_int_equal(rig_recover(rig, FB_OP_PROTECT, "2.0"), FB_OK);
	assert_string_equal(users(), "1.0");
}

static void what_haproxy_refuses_in_words_is_a_failure(void **state)
{
	(void)state;
	setenv("LEVEL", "user", 1);
	begin(NULL);
	unsetenv("LEVEL");
	assert_int_equal(rig_operate(rig, FB_OP_CHECK, "2.0", 0), FB_FAIL);
	assert_true(message_holds("permission denied"));
	assert_true(advised("stats socket ... level admin"));
	assert_int_equal(rig_operate(rig, FB_OP_CAPTURE, "2.0", 0), FB_OK);
	assert_int_equal(rig_operate(rig, FB_OP_PREPARE, "2.0", 0), FB_OK);
	assert_int_equal(rig_operate(rig, FB_OP_SHIFT, "2.0", 10000), FB_FAIL);
	assert_true(message_holds("Permission denied"));
	assert_string_equal(users(), "1.0");
}

static void an_unknown_server_or_backend_is_named(void **state)
{
	(void)state;
	begin(NULL);
	json_object_set_new(json_object_get(rig->f->options, "green"), "server", json_string("verde"));
	assert_int_equal(rig_operate(rig, FB_OP_CHECK, "2.0", 0), FB_FAIL);
	assert_true(message_holds("no server 'verde' in backend 'app'"));
	json_object_set_new(rig->f->options, "backend", json_string("nowhere"));
	assert_int_equal(rig_operate(rig, FB_OP_CHECK, "2.0", 0), FB_FAIL);
	assert_true(message_holds("nowhere"));
}

static void each_missing_line_of_the_configuration_is_advised(void **state)
{
	static const char *const lines[] = {"server-state-file STATE_FILE", "load-server-state-from-file global", "option http-server-close", "option redispatch 1",
					    "retries 10", "retry-on all-retryable-errors", "http-request disable-l7-retry if METH_POST", "timeout connect 100ms",
					    "option httpchk GET /health"};

	(void)state;
	begin(NULL);
	assert_int_equal(rig_operate(rig, FB_OP_CHECK, "2.0", 0), FB_OK);
	assert_int_equal(json_array_size(rig->f->advice), 0);
	teardown(NULL);
	begin(&(struct rig_options){.omit = "state-file|state-from|http-server-close|redispatch|retries|retry|connect 100|httpchk"});
	assert_int_equal(rig_operate(rig, FB_OP_CHECK, "2.0", 0), FB_OK);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (!advised(lines[i]))
			fail_msg("no advice to add '%s'", lines[i]);
	assert_int_equal(json_array_size(rig->f->advice), sizeof lines / sizeof *lines);
}

static void a_dry_run_changes_nothing(void **state)
{
	char *keys;

	(void)state;
	begin(NULL);
	rig->f->call.flags = FB_CALL_DRY_RUN;
	assert_int_equal(rig_operate(rig, FB_OP_PREPARE, "2.0", 0), FB_OK);
	keys = fake_act_keys(rig->f);
	assert_string_equal(keys, "start-green");
	fb_free(keys);
	assert_int_equal(rig_service(rig, "green"), 0);
	assert_int_equal(rig_recover(rig, FB_OP_RESTORE, "1.5"), FB_OK);
	assert_string_equal(users(), "1.0");
	rig->f->call.flags = 0;
}

static void an_operation_that_was_cut_off_is_finished_by_the_next_attempt(void **state)
{
	(void)state;
	begin(NULL);
	assert_int_equal(rig_operate(rig, FB_OP_CAPTURE, "2.0", 0), FB_OK);
	assert_int_equal(rig_operate(rig, FB_OP_PREPARE, "2.0", 0), FB_OK);
	fake_lose_acted(rig->f, "blue-spare-ready");
	assert_int_equal(rig_operate(rig, FB_OP_SHIFT, "2.0", 10000), FB_RETRY);
	assert_int_equal(rig_operate(rig, FB_OP_SHIFT, "2.0", 10000), FB_OK);
	assert_true(fb_has_prefix(rig_status(rig, "blue"), "DRAIN"));
	for (int i = 0; i < 10; i++)
		assert_string_equal(users(), "2.0");
}

static void a_stop_is_obeyed_between_two_actions(void **state)
{
	(void)state;
	begin(NULL);
	assert_int_equal(rig_operate(rig, FB_OP_CAPTURE, "2.0", 0), FB_OK);
	assert_int_equal(rig_operate(rig, FB_OP_PREPARE, "2.0", 0), FB_OK);
	fake_answer(rig->f, "blue-drain", FB_ACT_NO);
	assert_int_equal(rig_operate(rig, FB_OP_SHIFT, "2.0", 10000), FB_RETRY);
	assert_true(message_holds("told to stop"));
	assert_true(fb_has_prefix(rig_status(rig, "blue"), "UP"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
		TEST(a_promotion_moves_users_and_keeps_the_old_side_warm),
		TEST(the_next_deployment_goes_to_the_other_side),
		TEST(a_part_of_the_users_can_be_shifted),
		TEST(a_release_that_does_not_start_is_found_at_once_and_undone),
		TEST(an_undone_shift_brings_users_back),
		TEST(a_crash_of_the_live_release_costs_no_read),
		TEST(a_hang_of_the_live_release_costs_no_read),
		TEST(a_release_that_answers_500_is_left_before_many_see_it),
		TEST(what_is_observed_equals_what_the_client_counted),
		TEST(a_restart_of_haproxy_is_told_and_counts_go_on),
		TEST(clients_with_a_cookie_are_moved_too),
		TEST(a_reload_keeps_what_was_switched),
		TEST(users_stay_where_they_are_when_nothing_better_is_up),
		TEST(a_side_is_stopped_only_when_its_requests_are_answered),
		TEST(a_failed_side_is_preserved_out_of_users_way),
		TEST(the_live_side_is_never_stopped),
		TEST(a_dead_haproxy_is_named),
		TEST(what_haproxy_refuses_in_words_is_a_failure),
		TEST(an_unknown_server_or_backend_is_named),
		TEST(each_missing_line_of_the_configuration_is_advised),
		TEST(a_dry_run_changes_nothing),
		TEST(an_operation_that_was_cut_off_is_finished_by_the_next_attempt),
		TEST(a_stop_is_obeyed_between_two_actions),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!rig_possible()) {
		fputs("haproxy is not installed: this test was not made\n", stderr);
		return getenv("CI") ? 1 : 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
