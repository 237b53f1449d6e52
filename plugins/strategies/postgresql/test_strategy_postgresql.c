/* SPDX-License-Identifier: Apache-2.0 */
/* Strategy postgresql without a server: what it refuses, what it says, and that it does nothing where there is none. What it does is shown by tests/chain/test_postgresql.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/fake/host.h"

#define NOWHERE "\"dbname\": \"shop\", \"host\": \"/nowhere\""

static struct fake *make(const char *more)
{
	struct fake *f = fake_new("strategy-postgresql", "{\"dbname\": \"shop\"}");
	char options[1000];

	snprintf(options, sizeof options, "{" NOWHERE "%s}", more);
	fake_set_options(f, options);
	f->call.service = "db";
	f->call.release = "2.0";
	f->call.last_good = "1.0";
	f->call.share = 10000;
	return f;
}

static void refused(const char *more, const char *because)
{
	struct fake *f = make(more);

	assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
	assert_non_null(strstr(f->message, because));
	fake_free(f);
}

static void settings_that_cannot_work_are_refused_with_what_is_missing(void **state)
{
	(void)state;
	refused(", \"tool\": \"sql\"", "needs 'migrations'");
	refused(", \"tool\": \"sql\", \"migrations\": \"/m\", \"table\": \"x; drop\"", "it may have a-z");
	refused(", \"tool\": \"django\"", "needs 'app'");
	refused(", \"tool\": \"flyway\"", "Flyway's free edition has no undo");
	refused(", \"tool\": \"none\"", "is for an item of a service's backup");
	refused("", "'migrate' is not set");
	refused(", \"migrate\": \"true\"", "'downgrade' is not set");
	refused(", \"migrate\": \"true\", \"downgrade\": \"true\"", "which revision to go back to");
	refused(", \"migrate\": [\"/nowhere/up\"], \"downgrade\": \"true\", \"revision\": \"true\"", "/nowhere/up, which cannot be executed");
}

static void a_server_that_is_not_there_is_tried_again_and_nothing_is_done(void **state)
{
	static const uint32_t operations[] = {FB_OP_CHECK, FB_OP_STATE, FB_OP_CAPTURE, FB_OP_PREPARE, FB_OP_SHIFT, FB_OP_VERIFY, FB_OP_EVIDENCE};
	struct fake *f = make(", \"tool\": \"sql\", \"migrations\": \"/m\"");

	(void)state;
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
		assert_int_equal(fake_call(f, operations[i]), FB_RETRY);
		assert_non_null(strstr(f->message, "database shop cannot be reached"));
	}
	assert_int_equal(json_array_size(f->acts), 0);
	fake_free(f);
}

static void a_return_to_a_revision_that_nobody_knows_is_refused(void **state)
{
	struct fake *f = make(", \"tool\": \"sql\", \"migrations\": \"/m\"");

	(void)state;
	f->call.release = "1.0";
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_FATAL);
	assert_non_null(strstr(f->message, "not known which revision of database shop goes with release 1.0"));
	assert_non_null(strstr(f->message, "target_migration"));
	json_object_set_new(f->facts, "3/revision.1.0", json_string("001_shop"));
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_RETRY); /* now it is known, and the server is not there */
	fake_free(f);
}

static void a_share_of_the_traffic_is_refused(void **state)
{
	struct fake *f = make(", \"tool\": \"sql\", \"migrations\": \"/m\"");

	(void)state;
	f->call.share = 1000;
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_FATAL);
	assert_non_null(strstr(f->message, "cannot take a share"));
	fake_free(f);
}

static void a_proof_without_a_snapshot_fails(void **state)
{
	struct fake *f = make(", \"tool\": \"sql\", \"migrations\": \"/m\"");

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_PROVE), FB_FAIL);
	assert_non_null(strstr(f->message, "no snapshot of database shop is recorded"));
	json_object_set_new(f->facts, "3/snapshot.1.0", json_string("none"));
	assert_int_equal(fake_call(f, FB_OP_PROVE), FB_SKIP);
	assert_true(fake_logged(f, "nothing to fall back on"));
	fake_free(f);
}

/* The store says that the dump is damaged: exit code 65. */
static int damaged(struct fake *f, const struct fb_command *command, struct fb_command_result *ret)
{
	(void)f;
	assert_string_equal(command->argv[0], "failback-store");
	*ret = (struct fb_command_result){.exit_code = 65, .output = "failback-store: object 12ab is damaged\n", .output_size = 39};
	return 1;
}

static void a_dump_that_is_damaged_is_not_called_proven(void **state)
{
	struct fake *f = make(", \"tool\": \"sql\", \"migrations\": \"/m\"");

	(void)state;
	json_object_set_new(f->facts, "3/snapshot.1.0", json_string("dump deploy-x"));
	f->command = damaged;
	assert_int_equal(fake_call(f, FB_OP_PROVE), FB_FAIL);
	assert_non_null(strstr(f->message, "cannot be relied on: exit code 65"));
	assert_null(json_object_get(f->reports, "items"));
	fake_free(f);
}

static void only_a_migration_leaves_something_to_undo(void **state)
{
	struct fake *f = make(", \"tool\": \"sql\", \"migrations\": \"/m\"");

	(void)state;
	f->call.flags = FB_CALL_UNDO;
	assert_int_equal(fake_call(f, FB_OP_PREPARE), FB_SKIP);
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_SKIP); /* it was not begun */
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_that_cannot_work_are_refused_with_what_is_missing),
		cmocka_unit_test(a_server_that_is_not_there_is_tried_again_and_nothing_is_done),
		cmocka_unit_test(a_return_to_a_revision_that_nobody_knows_is_refused),
		cmocka_unit_test(a_share_of_the_traffic_is_refused),
		cmocka_unit_test(a_proof_without_a_snapshot_fails),
		cmocka_unit_test(a_dump_that_is_damaged_is_not_called_proven),
		cmocka_unit_test(only_a_migration_leaves_something_to_undo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
