/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: modes, refusals, readers, migration. */
#include "journal_fixture.h"
#include "journal_schema_0.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>

static unsigned long pretended; /* the magic number of the file system, 0: the real one */

int __real_statfs(const char *path, struct statfs *buf);
int __wrap_statfs(const char *path, struct statfs *buf);

int __wrap_statfs(const char *path, struct statfs *buf)
{
	int r = __real_statfs(path, buf);

	if (r == 0 && pretended)
		buf->f_type = (__typeof__(buf->f_type))pretended;
	return r;
}

static unsigned mode_of(const struct fixture *f, const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof path, "%s%s", f->dir, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void the_state_directory_and_its_files_have_their_modes_whatever_the_umask(void **state)
{
	struct fixture *f = *state;
	const mode_t masks[] = {0, 022, 077, 0777 & ~0700};
	char base[sizeof f->dir];

	memcpy(base, f->dir, sizeof base);
	for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
		mode_t before = umask(masks[i]);
		struct fb_journal *j;

		snprintf(f->dir, sizeof f->dir, "%.40s/s%zu", base, i);
		j = fixture_open(f, FB_JOURNAL_CREATE);
		OK(fixture_start(f, j, "x", "running", "web", NULL, NULL));
		umask(before);
		assert_int_equal(mode_of(f, ""), 0750);
		assert_int_equal(mode_of(f, "/journal.db"), 0640);
		assert_int_equal(mode_of(f, "/journal.db-wal"), 0640);
		assert_int_equal(mode_of(f, "/journal.db-shm"), 0640);
		assert_int_equal(mode_of(f, "/reserve") & ~0640u, 0);
		fb_journal_close(j);
	}
	memcpy(f->dir, base, sizeof base);
}

static void a_file_system_without_working_locks_is_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		unsigned long magic;
		const char *name;
	} cases[] = {{0x6969, "NFS"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"}, {0x65735546, "FUSE"}, {0x01021997, "9P"}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fb_journal *j;
		char expected[64];
		int r;

		pretended = cases[i].magic;
		r = fb_journal_open(f->dir, FB_JOURNAL_WRITE, &j, &f->err);
		pretended = 0;
		assert_int_equal(r, -1);
		assert_int_equal(f->err.code, FB_EXIT_JOURNAL);
		snprintf(expected, sizeof expected, "is on a %s file system", cases[i].name);
		assert_non_null(strstr(f->err.text, expected));
	}
}

static void a_newer_schema_is_refused_with_a_sentence(void **state)
{
	struct fixture *f = *state;
	struct fb_journal *j;

	fixture_sql(f, "PRAGMA user_version = 7");
	assert_int_equal(fb_journal_open(f->dir, FB_JOURNAL_WRITE, &j, &f->err), -1);
	assert_non_null(strstr(f->err.text, "has schema 7, made by a newer failback; this one knows schemas up to 2"));
	assert_int_equal(fb_journal_open(f->dir, FB_JOURNAL_READ, &j, &f->err), -1);
	assert_int_equal(f->err.code, FB_EXIT_JOURNAL);
}

static void another_programs_database_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fb_journal *j;

	fixture_sql(f, "PRAGMA application_id = 1");
	assert_int_equal(fb_journal_open(f->dir, FB_JOURNAL_WRITE, &j, &f->err), -1);
	assert_non_null(strstr(f->err.text, "not a journal of failback"));
}

static void what_is_not_a_database_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fb_journal *j;

	fb_journal_close(f->j);
	f->j = NULL;
	OK(fb_io_replace_file(f->db, "this is no database, and it is long enough to have a header of its own, which begins otherwise.......", 100, 0640, &f->err));
	assert_int_equal(fb_journal_open(f->dir, FB_JOURNAL_WRITE, &j, &f->err), -1);
	assert_int_equal(f->err.code, FB_EXIT_JOURNAL);
	assert_non_null(strstr(f->err.text, "file is not a database"));
}

static void a_journal_that_is_not_there_is_not_made_by_looking(void **state)
{
	struct fixture *f = *state;
	struct fb_journal *j;
	char base[sizeof f->dir], path[sizeof f->dir];

	memcpy(base, f->dir, sizeof base);
	snprintf(f->dir, sizeof f->dir, "%.40s/none", base);
	snprintf(path, sizeof path, "%s", f->dir);
	assert_int_equal(fb_journal_open(f->dir, FB_JOURNAL_READ, &j, &f->err), -1);
	assert_int_equal(fb_journal_open(f->dir, FB_JOURNAL_WRITE, &j, &f->err), -1);
	assert_int_equal(access(path, F_OK), -1);
	memcpy(f->dir, base, sizeof base);
	assert_non_null(strstr(f->err.text, "state directory"));
}

/* As another user, in a child. */
static int as_nobody(struct fixture *f, unsigned flags, char *ret_text, size_t size)
{
	int pipes[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		struct fb_journal *j = NULL;
		struct fb_execution e;
		int r;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(99);
		r = fb_journal_open(f->dir, flags, &j, &f->err) < 0 ? 1 : fb_journal_execution(j, NULL, &e, &f->err) ? 2 : 0;
		if (r && write(pipes[1], f->err.text, strlen(f->err.text)) < 0)
			r = 98;
		_exit(r);
	}
	close(pipes[1]);
	n = read(pipes[0], ret_text, size - 1);
	ret_text[n > 0 ? n : 0] = 0;
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void another_user_who_may_read_can_read_while_no_writer_lives(void **state)
{
	struct fixture *f = *state;
	char text[1024], path[128];

	if (geteuid() != 0)
		skip();
	fixture_start_ours(f, "mine");
	fb_journal_close(f->j);
	f->j = NULL;
	assert_int_equal(as_nobody(f, FB_JOURNAL_READ, text, sizeof text), 1);
	assert_non_null(strstr(text, "cannot"));
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(as_nobody(f, FB_JOURNAL_READ, text, sizeof text), 1);
	assert_non_null(strstr(text, "run this as the user that owns the state directory, or ask failbackd"));
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", f->db, (const char *[]){"", "-wal", "-shm"}[i]);
		assert_int_equal(chmod(path, 0644), 0);
	}
	assert_int_equal(as_nobody(f, FB_JOURNAL_READ, text, sizeof text), 0);
	/* Without the index of the log it cannot be read, and that is said. */
	unlink(path);
	assert_int_equal(as_nobody(f, FB_JOURNAL_READ, text, sizeof text), 1);
	assert_non_null(strstr(text, "-shm) is not there and may not be made by you"));
	assert_int_equal(as_nobody(f, FB_JOURNAL_WRITE, text, sizeof text), 1);
	assert_non_null(strstr(text, "cannot write the journal"));
}

static void a_reader_does_not_write(void **state)
{
	struct fixture *f = *state;
	struct fb_journal *j = fixture_open(f, FB_JOURNAL_READ);

	assert_int_equal(fb_journal_audit(j, NULL, "engine", "x", NULL, &f->err), -1);
	assert_int_equal(f->err.code, FB_EXIT_BUG);
	fb_journal_close(j);
}

static void a_child_does_not_use_its_parents_connection(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fb_journal_begin(f->j, &f->err) == -1 && f->err.code == FB_EXIT_BUG ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void the_version_grows_when_anybody_writes(void **state)
{
	struct fixture *f = *state;
	struct fb_journal *other = fixture_open(f, FB_JOURNAL_WRITE);
	int64_t v0 = fb_journal_version(f->j), v1, v2;

	assert_int_equal(fb_journal_version(f->j), v0);
	OK(fb_journal_audit(other, NULL, "engine", "x", NULL, &f->err));
	v1 = fb_journal_version(f->j);
	assert_true(v1 > v0);
	OK(fb_journal_audit(f->j, NULL, "engine", "x", NULL, &f->err));
	v2 = fb_journal_version(f->j);
	assert_true(v2 > v1);
	assert_int_equal(fb_journal_version(f->j), v2);
	fb_journal_close(other);
}

static void a_checkpoint_moves_the_log_and_keeps_the_rows(void **state)
{
	struct fixture *f = *state;
	char *value;

	fixture_start_ours(f, "mine");
	OK(fb_journal_fact_set(f->j, "", "k", "v", &f->err));
	fb_journal_checkpoint(f->j);
	assert_int_equal(fixture_number(f, "PRAGMA wal_checkpoint"), 0);
	value = fb_journal_fact(f->j, "mine", "", "k");
	assert_string_equal(value, "v");
	fb_free(value);
}

/* ---- migration ---- */

/* Puts a journal of schema 0 in the place of the fixture's. */
static void make_draft(struct fixture *f)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char path[128];

	fb_journal_close(f->j);
	f->j = NULL;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", f->db, suffixes[i]);
		unlink(path);
	}
	fixture_sql(f, "PRAGMA journal_mode = WAL");
	for (size_t i = 0; i < sizeof schema_0 / sizeof *schema_0; i++)
		fixture_sql(f, schema_0[i]);
}

static char *shape_of(struct fixture *f)
{
	sqlite3 *h;
	sqlite3_stmt *s;
	struct fb_text t = {0};

	assert_int_equal(sqlite3_open(f->db, &h), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h,
					    "SELECT m.type || ' ' || m.name || ' ' || coalesce((SELECT group_concat(c, ';') FROM (SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || pk AS c"
					    " FROM pragma_table_info(m.name) ORDER BY name)), '') FROM sqlite_schema m WHERE m.name NOT LIKE 'sqlite_%' ORDER BY m.type, m.name",
					    -1, &s, NULL),
			 SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW)
		fb_text_printf(&t, "%s\n", (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	sqlite3_close(h);
	return fb_text_take(&t);
}

static void an_older_schema_is_migrated_and_a_copy_is_kept(void **state)
{
	struct fixture *f = *state;
	char *fresh = shape_of(f), *migrated, copy[128], head[65];
	struct fb_release_row good;
	struct fb_journal *j;
	sqlite3 *h;
	int64_t rows;

	make_draft(f);
	assert_int_equal(fb_journal_open(f->dir, FB_JOURNAL_READ, &j, &f->err), -1);
	assert_non_null(strstr(f->err.text, "has the older schema 0"));
	f->j = fixture_open(f, FB_JOURNAL_WRITE);
	migrated = shape_of(f);
	assert_string_equal(migrated, fresh);
	assert_int_equal(fixture_number(f, "PRAGMA user_version"), 2);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM attempts WHERE message = 'fine' AND late = 0"), 1);
	OK(fb_journal_last_good(f->j, "production", "web", &good, &f->err));
	assert_string_equal(good.release, "1.0");
	assert_string_equal(good.execution, "old");
	fb_release_clear(&good);
	OK(fb_journal_audit_verify(f->j, NULL, &rows, head, &f->err));
	assert_int_equal(rows, 0);
	OK(fixture_start(f, f->j, "new", "running", "web", NULL, NULL));
	OK(fb_journal_document_set(f->j, "impact", "{}", &f->err));
	snprintf(copy, sizeof copy, "%s.schema-0", f->db);
	assert_int_equal(mode_of(f, "/journal.db.schema-0"), 0640);
	assert_int_equal(sqlite3_open_v2(copy, &h, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "SELECT count(*) FROM documents", NULL, NULL, NULL), SQLITE_ERROR);
	assert_int_equal(sqlite3_exec(h, "SELECT message FROM attempts", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
	fb_free(fresh);
	fb_free(migrated);
}

static void a_migration_that_fails_leaves_the_older_schema(void **state)
{
	struct fixture *f = *state;
	struct fb_journal *j;

	make_draft(f);
	/* The second step will find its table there already. */
	fixture_sql(f, "CREATE TABLE documents (x)");
	assert_int_equal(fb_journal_open(f->dir, FB_JOURNAL_WRITE, &j, &f->err), -1);
	assert_non_null(strstr(f->err.text, "table documents already exists"));
	assert_int_equal(fixture_number(f, "PRAGMA user_version"), 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM pragma_table_info('attempts') WHERE name = 'late'"), 0);
}

static void a_journal_whose_engine_still_runs_is_not_migrated(void **state)
{
	struct fixture *f = *state;
	struct fb_proc me;
	struct fb_journal *j;
	char *sql;

	make_draft(f);
	assert_int_equal(fb_proc_look(getpid(), &me), 0);
	sql = fb_asprintf("UPDATE executions SET ended_ms = 0, owner_pid = %d, owner_start = %llu, owner_boot = '%s'", (int)me.pid, (unsigned long long)me.start, fb_clock_boot_id());
	fixture_sql(f, sql);
	fb_free(sql);
	assert_int_equal(fb_journal_open(f->dir, FB_JOURNAL_WRITE, &j, &f->err), -1);
	assert_non_null(strstr(f->err.text, "is still run by an older failback"));
	assert_int_equal(fixture_number(f, "PRAGMA user_version"), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		T(the_state_directory_and_its_files_have_their_modes_whatever_the_umask),
		T(a_file_system_without_working_locks_is_refused),
		T(a_newer_schema_is_refused_with_a_sentence),
		T(another_programs_database_is_refused),
		T(what_is_not_a_database_is_refused),
		T(a_journal_that_is_not_there_is_not_made_by_looking),
		T(another_user_who_may_read_can_read_while_no_writer_lives),
		T(a_reader_does_not_write),
		T(a_child_does_not_use_its_parents_connection),
		T(the_version_grows_when_anybody_writes),
		T(a_checkpoint_moves_the_log_and_keeps_the_rows),
		T(an_older_schema_is_migrated_and_a_copy_is_kept),
		T(a_migration_that_fails_leaves_the_older_schema),
		T(a_journal_whose_engine_still_runs_is_not_migrated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
