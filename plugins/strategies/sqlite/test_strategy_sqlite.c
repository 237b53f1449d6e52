/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "plugins/common/test_item.h"

#define FIRST "{\"path\": \"/tmp/shop.db\"}"
#define GIVEN "{\"path\": \"%/shop.db\", \"on_rollback\": \"restore\", \"verify\": \"restore\", \"lock_timeout\": \"5s\""

#define IMPATIENT "{\"path\": \"%/shop.db\", \"on_rollback\": \"restore\", \"lock_timeout\": \"100ms\""

static struct fake *begin(const char *mode, const char *options)
{
	struct fake *f = item_new("strategy-sqlite", FIRST, options);

	assert_int_equal(sh(f, "sqlite3 shop.db 'PRAGMA journal_mode=%s; create table a (n integer primary key, t text); create table b (n integer primary key, a integer references a (n));"
			       " insert into a select value, hex(randomblob(200)) from generate_series(1, 2000); insert into b select n, n from a'", mode), 0);
	return f;
}

static sqlite3 *open_database(const struct fake *f)
{
	char *path = fake_path(f, "shop.db");
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	fb_free(path);
	return db;
}

static int64_t ask(const struct fake *f, const char *query)
{
	sqlite3 *db = open_database(f);
	sqlite3_stmt *s;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static void tell(const struct fake *f, const char *statement)
{
	sqlite3 *db = open_database(f);

	assert_int_equal(sqlite3_exec(db, statement, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A process that adds a row to both tables in each transaction, until it is killed; it has begun. */
static pid_t start_writer(const struct fake *f)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		sqlite3 *db = (prctl(PR_SET_PDEATHSIG, SIGKILL), open_database(f));

		for (int i = 0;; i++) {
			int rc = sqlite3_exec(db, "begin immediate; insert into a (t) values (hex(randomblob(300))); insert into b (a) select max(n) from a; commit", NULL, NULL, NULL);

			usleep(3000); /* what a busy service leaves between two of its own */
			if (rc != SQLITE_OK)
				sqlite3_exec(db, "rollback", NULL, NULL, NULL);
			if (i == 3 && write(ready[1], "x", 1) != 1)
				_exit(1);
		}
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_writer(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void copied_while_written(const char *mode)
{
	struct fake *f = begin(mode, GIVEN "}");
	pid_t writer = start_writer(f);
	int64_t rows;

	assert_call(f, FB_OP_CHECK, FB_OK);
	assert_sealed(f);
	assert_string_equal(json_string_value(item_reported(f, "kind")), "sqlite");
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_int_equal(kill(writer, 0), 0);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "has");
	assert_says(f, "shop.db open, and would go on with the old one");
	end_writer(writer);
	rows = ask(f, "select count(*) from a");
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_true(ask(f, "select count(*) from a") < rows);
	assert_true(ask(f, "select count(*) from a") >= 2000);
	assert_int_equal(ask(f, "select count(*) from a"), ask(f, "select count(*) from b"));
	assert_int_equal(ask(f, "select count(*) from pragma_integrity_check where integrity_check = 'ok'"), 1);
	assert_int_equal(sh(f, "test $(sqlite3 shop.db 'PRAGMA journal_mode') = %s && test $(sqlite3 shop.db.replaced 'select count(*) from a') = %lld && ! test -e shop.db.restored", mode,
			    (long long)rows), 0);
	fake_free(f);
}

static void a_database_that_is_written_to_is_copied_as_of_one_moment(void **state)
{
	(void)state;
	copied_while_written("wal");
	copied_while_written("delete");
}

static void a_write_ahead_log_that_a_crash_left_does_not_get_into_what_is_restored(void **state)
{
	struct fake *f = begin("wal", GIVEN "}");
	pid_t writer;

	(void)state;
	assert_sealed(f);
	writer = start_writer(f);
	end_writer(writer);
	assert_int_equal(sh(f, "test -s shop.db-wal"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_not_equal(sh(f, "test -e shop.db-wal"), 0);
	assert_int_equal(ask(f, "select count(*) from a"), 2000);
	assert_int_equal(sh(f, "test $(sqlite3 shop.db.replaced 'select count(*) from a') -gt 2000"), 0);
	fake_free(f);
}

static void as_a_transaction_it_comes_back_for_those_who_have_it_open(void **state)
{
	struct fake *f = begin("wal", GIVEN ", \"by\": \"transaction\"}");
	sqlite3 *other;
	sqlite3_stmt *s;

	(void)state;
	assert_sealed(f);
	tell(f, "delete from a where n > 10; create table c (n)");
	set_item_options(f, IMPATIENT ", \"by\": \"transaction\"}");
	other = open_database(f);
	assert_int_equal(sqlite3_exec(other, "begin; insert into a (t) values ('x')", NULL, NULL, NULL), SQLITE_OK);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "a process has a transaction open in it");
	assert_int_equal(sqlite3_exec(other, "rollback", NULL, NULL, NULL), SQLITE_OK);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sqlite3_prepare_v2(other, "select count(*) from a where not exists (select * from sqlite_master where name = 'c')", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(s, 0), 2000);
	sqlite3_finalize(s);
	sqlite3_close(other);
	fake_free(f);
}

static void stop_and_start_stand_around_it_also_when_it_fails(void **state)
{
	struct fake *f = begin("delete", IMPATIENT ", \"stop\": \"echo stop >> %/done\", \"start\": \"echo start >> %/done\"}");
	sqlite3 *other;

	(void)state;
	assert_sealed(f);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "done", "stop\nstart\n");
	other = open_database(f); /* in this process, which is not looked for among those that have it open: the lock has to tell */
	assert_int_equal(sqlite3_exec(other, "begin immediate", NULL, NULL, NULL), SQLITE_OK);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "is locked by another process");
	assert_text(f, "done", "stop\nstart\nstop\nstart\n");
	sqlite3_close(other);
	assert_int_equal(ask(f, "select count(*) from a"), 2000);
	fake_free(f);
}

static void a_damaged_database_is_no_backup_but_can_be_replaced(void **state)
{
	struct fake *f = begin("delete", GIVEN "}");

	(void)state;
	assert_sealed(f);
	assert_int_equal(sh(f, "dd if=/dev/urandom of=shop.db bs=4096 seek=20 count=30 conv=notrunc"), 0);
	f->call.execution = "deploy-test-2";
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "could not be backed up: integrity_check says");
	assert_int_equal(sh(f, "dd if=/dev/urandom of=shop.db bs=4096 count=1 conv=notrunc"), 0);
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "file is not a database");
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(ask(f, "select count(*) from a"), 2000);
	assert_int_equal(sh(f, "rm shop.db"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(ask(f, "select count(*) from b"), 2000);
	fake_free(f);
}

static void rows_that_refer_to_nothing_are_told_or_refused(void **state)
{
	struct fake *f = begin("delete", GIVEN "}");

	(void)state;
	tell(f, "delete from a where n = 7");
	assert_call(f, FB_OP_CAPTURE, FB_OK);
	assert_true(fake_logged(f, "1 rows that refer to others that are not there, the first in table b, which refers to a"));
	set_item_options(f, GIVEN ", \"foreign_keys\": \"refuse\"}");
	f->call.execution = "deploy-test-2";
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "foreign_key_check found 1 rows");
	fake_free(f);
}

static void a_count_that_differs_is_found_before_the_deployment(void **state)
{
	struct fake *f = begin("delete", GIVEN "}");

	(void)state;
	assert_sealed(f);
	json_object_set_new(f->facts, "2/rows", json_string("{\"a\":2000,\"b\":1999}"));
	assert_call(f, FB_OP_PROVE, FB_FAIL);
	assert_says(f, "table b has 2000 rows, and had 1999");
	fake_free(f);
}

static void its_mode_stays_and_nothing_is_left_in_the_scratch_folder(void **state)
{
	struct fake *f = begin("delete", GIVEN "}");

	(void)state;
	assert_int_equal(sh(f, "chmod 640 shop.db"), 0);
	assert_sealed(f);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_int_equal(sh(f, "chmod 600 shop.db"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, "test $(stat -c %%a shop.db) = 640 && test -z \"$(ls -A scratch)\""), 0);
	fake_free(f);
}

static void a_dry_run_copies_and_replaces_nothing(void **state)
{
	struct fake *f = begin("delete", GIVEN ", \"stop\": \"touch %/stopped\", \"start\": \"true\"}");

	(void)state;
	f->call.flags = FB_CALL_DRY_RUN;
	assert_call(f, FB_OP_CAPTURE, FB_OK);
	f->call.flags = 0;
	assert_sealed(f);
	tell(f, "delete from b");
	f->call.flags = FB_CALL_DRY_RUN;
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(ask(f, "select count(*) from b"), 0);
	assert_int_not_equal(sh(f, "test -e stopped"), 0);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_database_that_is_written_to_is_copied_as_of_one_moment),
		cmocka_unit_test(a_write_ahead_log_that_a_crash_left_does_not_get_into_what_is_restored),
		cmocka_unit_test(as_a_transaction_it_comes_back_for_those_who_have_it_open),
		cmocka_unit_test(stop_and_start_stand_around_it_also_when_it_fails),
		cmocka_unit_test(a_damaged_database_is_no_backup_but_can_be_replaced),
		cmocka_unit_test(rows_that_refer_to_nothing_are_told_or_refused),
		cmocka_unit_test(a_count_that_differs_is_found_before_the_deployment),
		cmocka_unit_test(its_mode_stays_and_nothing_is_left_in_the_scratch_folder),
		cmocka_unit_test(a_dry_run_copies_and_replaces_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
