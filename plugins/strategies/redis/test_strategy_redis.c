/* SPDX-License-Identifier: Apache-2.0 */
/* A real server on a socket in the test's own folder. */
#include "plugins/common/test_item.h"

#define FIRST "{\"port\": 6379}"
#define GIVEN "{\"socket\": \"%/s\", \"verify\": \"restore\", \"on_rollback\": \"restore\", \"stop\": \"cd % && ./stop\", \"start\": \"cd % && ./start\", \"settle\": \"30s\"}"

static void need_server(void)
{
	int code = system("command -v redis-server >/dev/null 2>&1");

	if (code && getenv("CI"))
		fail_msg("redis-server is not installed");
	if (code)
		skip();
}

static struct fake *begin(void)
{
	struct fake *f;

	need_server();
	f = item_new("strategy-redis", FIRST, GIVEN);
	write_text(f, "start", "#!/bin/sh\nredis-server --port 0 --unixsocket $PWD/s --dir $PWD --daemonize yes --pidfile $PWD/pid --save '' >/dev/null\n");
	write_text(f, "stop", "#!/bin/sh\nredis-cli -s s shutdown nosave; while redis-cli -s s ping >/dev/null 2>&1; do sleep 0.02; done\n");
	assert_int_equal(sh(f, "chmod 755 start stop && ./start && until test \"$(redis-cli -s s ping)\" = PONG; do sleep 0.02; done && redis-cli -s s set a one && redis-cli -s s rpush l 1 2 3"), 0);
	return f;
}

static void end(struct fake *f)
{
	assert_int_equal(sh(f, "./stop"), 0);
	fake_free(f);
}

static void the_data_comes_back_with_a_stop_and_a_start(void **state)
{
	struct fake *f = begin();

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_OK);
	assert_sealed(f);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_string_equal(json_string_value(item_reported(f, "proven_by")), "restore");
	assert_int_equal(sh(f, "redis-cli -s s set a two && redis-cli -s s del l && redis-cli -s s save"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, "test \"$(redis-cli -s s get a)\" = one && test \"$(redis-cli -s s llen l)\" = 3 && test -e dump.rdb.replaced"), 0);
	end(f);
}

static void a_server_that_would_not_read_the_file_is_refused(void **state)
{
	struct fake *f = begin();

	(void)state;
	assert_int_equal(sh(f, "redis-cli -s s config set appendonly yes"), 0);
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "has appendonly = yes");
	end(f);
}

static void a_server_that_is_away_is_no_backup(void **state)
{
	struct fake *f = begin();

	(void)state;
	assert_int_equal(sh(f, "./stop"), 0);
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "could not be backed up");
	fake_free(f);
}

static void a_restore_without_stop_and_start_is_refused(void **state)
{
	struct fake *f = item_new("strategy-redis", FIRST, "{\"on_rollback\": \"restore\"}");

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "reads its data only when it starts");
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_data_comes_back_with_a_stop_and_a_start),
		cmocka_unit_test(a_server_that_would_not_read_the_file_is_refused),
		cmocka_unit_test(a_server_that_is_away_is_no_backup),
		cmocka_unit_test(a_restore_without_stop_and_start_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
