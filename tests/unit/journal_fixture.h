/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal's tests share: a fresh state directory for each test, and short ways to start an execution. */
#ifndef FB_TEST_JOURNAL_FIXTURE_H
#define FB_TEST_JOURNAL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "journal/journal.h"

struct fixture {
	char dir[64];
	char db[96];
	struct fb_journal *j;
	struct fb_err err;
};

#define OK(call) ok((call), &f->err, #call, __FILE__, __LINE__)

static inline void ok(int r, const struct fb_err *err, const char *call, const char *file, int line)
{
	if (r == 0)
		return;
	print_error("%s:%d: %s gave %d: %s\n", file, line, call, r, r < 0 ? err->text : "");
	_fail(file, line);
}

static inline int fixture_set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	snprintf(f->dir, sizeof f->dir, "/tmp/failback-journal-XXXXXX");
	if (!f || !mkdtemp(f->dir))
		return -1;
	snprintf(f->db, sizeof f->db, "%s/journal.db", f->dir);
	*state = f;
	if (fb_journal_open(f->dir, FB_JOURNAL_CREATE, &f->j, &f->err) == 0)
		return 0;
	print_error("%s\n", f->err.text);
	return -1;
}

static inline int fixture_tear_down(void **state)
{
	struct fixture *f = *state;

	fb_journal_close(f->j);
	fb_io_remove_tree(f->dir);
	free(f);
	return 0;
}

static inline struct fb_journal *fixture_open(struct fixture *f, unsigned flags)
{
	struct fb_journal *j = NULL;

	OK(fb_journal_open(f->dir, flags, &j, &f->err));
	return j;
}

/* Starts an execution in "production" over up to two services; what fb_journal_start gave. */
static inline int fixture_start(struct fixture *f, struct fb_journal *j, const char *id, const char *status, const char *a, const char *b, struct fb_conflict *conflict)
{
	const char *const services[] = {a, b, NULL};
	const struct fb_execution_new e = {
		.id = id, .alias = "plan_deploy_production_1", .kind = "deploy", .environment = "production", .status = status, .title = "Deploy", .frozen = "{\"schema\":\"failback.chain/1\"}",
		.services = services,
	};
	struct fb_conflict unused;

	return fb_journal_start(j, &e, conflict ? conflict : &unused, &f->err);
}

static inline void fixture_start_ours(struct fixture *f, const char *id)
{
	OK(fixture_start(f, f->j, id, "running", "web", NULL, NULL));
}

/* Runs work in a child with a journal of its own, and waits for its exit code. */
static inline int fixture_in_child(struct fixture *f, int (*work)(struct fixture *f, struct fb_journal *j))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct fb_journal *j = NULL;
		int r = fb_journal_open(f->dir, FB_JOURNAL_WRITE, &j, &f->err) < 0 ? 99 : work(f, j);

		if (r)
			fprintf(stderr, "child: %d: %s\n", r, f->err.text);
		fb_journal_close(j);
		_exit(r);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* SQL behind the journal's back. */
static inline void fixture_sql(struct fixture *f, const char *sql)
{
	sqlite3 *h;
	char *text = NULL;

	assert_int_equal(sqlite3_open(f->db, &h), SQLITE_OK);
	sqlite3_busy_timeout(h, 5000);
	if (sqlite3_exec(h, sql, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s: %s", sql, text);
	sqlite3_close(h);
}

static inline int64_t fixture_number(struct fixture *f, const char *sql)
{
	sqlite3 *h;
	sqlite3_stmt *s;
	int64_t n;

	assert_int_equal(sqlite3_open(f->db, &h), SQLITE_OK);
	sqlite3_busy_timeout(h, 5000);
	assert_int_equal(sqlite3_prepare_v2(h, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(h);
	return n;
}

#endif
