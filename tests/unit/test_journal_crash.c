/* SPDX-License-Identifier: Apache-2.0 */
/* Engines that die at any moment, and engines that begin at the same moment. The seed is printed; FB_TEST_SEED sets it. */
#include "journal_fixture.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>

#include "failback/plugin.h"

#define KILLS 50
#define RACES 20

static unsigned seed;

/* Writes until it is killed: each link with its attempt, its event and a row of the audit, in one group; between them actions and facts. */
static void write_for_ever(struct fixture *f, struct fb_journal *j, const char *id, int ready)
{
	struct fb_conflict c;
	char link[32];

	if (fixture_start(f, j, id, "running", "web", NULL, &c) == 1 && fb_journal_take_over(j, c.execution, &c, &f->err) < 0)
		_exit(2);
	for (int i = 1;; i++) {
		struct fb_link_row row = {.id = link, .chain = "plan", .name = "x", .title = "x", .status = "completed", .seq = i, .attempt = 1};
		struct fb_action_key key = {link, "web", "run", false, "k"};
		int r = 0;

		snprintf(link, sizeof link, "plan/%d", i);
		r |= fb_journal_act(j, &key, FB_REPEAT_IDEMPOTENT, "t", false, &f->err) < 0;
		r |= fb_journal_acted(j, &key, "ok", &f->err);
		r |= fb_journal_begin(j, &f->err);
		r |= fb_journal_link(j, &row, &f->err);
		r |= fb_journal_attempt(j, link, 1, 0, NULL, 1, 2, &f->err);
		r |= fb_journal_event(j, "link.completed", link, "x", NULL, NULL, &f->err);
		r |= fb_journal_audit(j, NULL, "engine", "link", link, &f->err);
		r |= fb_journal_end(j, &f->err);
		if (i % 16 == 0)
			fb_journal_checkpoint(j);
		if (r || (i == 1 && write(ready, "x", 1) != 1))
			_exit(3);
	}
}

static void check_whole(struct fixture *f)
{
	struct fb_journal *j = fixture_open(f, FB_JOURNAL_WRITE);
	char head[65];
	int64_t rows;

	OK(fb_journal_audit_verify(j, NULL, &rows, head, &f->err));
	fb_journal_close(j);
	assert_int_equal(fixture_number(f, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
	/* A link is there with all that was written with it, or not at all. */
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM links l WHERE NOT EXISTS (SELECT 1 FROM attempts a WHERE a.execution = l.execution AND a.link = l.id)"), 0);
	assert_int_equal(fixture_number(f, "SELECT (SELECT count(*) FROM attempts) - (SELECT count(*) FROM links)"), 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM links l WHERE NOT EXISTS (SELECT 1 FROM actions a WHERE a.execution = l.execution AND a.link = l.id AND a.state = 'done')"), 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM links l WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.execution = l.execution AND e.link = l.id)"), 0);
}

static void an_engine_that_is_killed_leaves_a_whole_journal(void **state)
{
	struct fixture *f = *state;
	int64_t before = 0;

	for (int i = 0; i < KILLS; i++) {
		int64_t delay_us = rand_r(&seed) % 12000, now;
		int status, ready[2];
		char byte;
		pid_t pid;

		assert_int_equal(pipe(ready), 0);
		pid = fork();
		if (pid == 0) {
			char id[32];
			struct fb_journal *j;

			snprintf(id, sizeof id, "crash-%d", i);
			if (fb_journal_open(f->dir, FB_JOURNAL_WRITE, &j, &f->err) < 0)
				_exit(1);
			write_for_ever(f, j, id, ready[1]);
		}
		assert_true(pid > 0);
		close(ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		nanosleep(&(struct timespec){.tv_nsec = delay_us * 1000}, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status))
			fail_msg("the writer ended by itself with %d", WEXITSTATUS(status));
		check_whole(f);
		now = fixture_number(f, "SELECT max(seq) FROM audit");
		assert_true(now > before);
		before = now;
	}
}

static void of_two_that_begin_at_the_same_moment_exactly_one_wins(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < RACES; i++) {
		int go[2], won = 0, lost = 0, status;
		char service[32];
		pid_t pids[2];

		snprintf(service, sizeof service, "race-%d", i);
		assert_int_equal(pipe(go), 0);
		for (int p = 0; p < 2; p++) {
			pids[p] = fork();
			if (pids[p] == 0) {
				struct fb_journal *j;
				struct fb_conflict c;
				char id[32], byte;

				close(go[1]);
				snprintf(id, sizeof id, "race-%d-%d", i, p);
				if (fb_journal_open(f->dir, FB_JOURNAL_WRITE, &j, &f->err) < 0 || read(go[0], &byte, 1) < 0)
					_exit(9);
				/* In opposite order: all or none, and no deadlock */
				_exit(fixture_start(f, j, id, "running", p ? service : "shared", p ? "shared" : service, &c));
			}
		}
		close(go[1]);
		close(go[0]);
		for (int p = 0; p < 2; p++) {
			assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
			assert_true(WIFEXITED(status));
			won += WEXITSTATUS(status) == 0;
			lost += WEXITSTATUS(status) == 1;
		}
		assert_int_equal(won, 1);
		assert_int_equal(lost, 1);
		assert_int_equal(fixture_number(f, "SELECT count(*) FROM claims"), 2);
		fixture_sql(f, "DELETE FROM claims");
	}
}

static int tried[2];

static int takes_over(struct fixture *f, struct fb_journal *j)
{
	struct fb_conflict c;
	int r = fb_journal_take_over(j, "orphan", &c, &f->err);

	/* Whoever won stays until the other has tried. */
	assert_int_equal(write(tried[1], "x", 1), 1);
	for (int64_t end = fb_clock_ms() + 20000; r == 0 && fb_clock_ms() < end; usleep(1000)) {
		int n = 0;

		if (ioctl(tried[0], FIONREAD, &n) == 0 && n == 2)
			break;
	}
	return r;
}

static int starts_and_dies(struct fixture *f, struct fb_journal *j)
{
	return fixture_start(f, j, "orphan", "running", "web", NULL, NULL);
}

static void of_two_that_take_over_exactly_one_wins(void **state)
{
	struct fixture *f = *state;
	int status, other;
	pid_t pid;

	assert_int_equal(pipe(tried), 0);
	assert_int_equal(fixture_in_child(f, starts_and_dies), 0);
	pid = fork();
	if (pid == 0)
		_exit(fixture_in_child(f, takes_over));
	other = fixture_in_child(f, takes_over);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(other + WEXITSTATUS(status), 1);
	assert_int_equal(fixture_number(f, "SELECT epoch FROM executions"), 2);
	close(tried[0]);
	close(tried[1]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		T(an_engine_that_is_killed_leaves_a_whole_journal),
		T(of_two_that_begin_at_the_same_moment_exactly_one_wins),
		T(of_two_that_take_over_exactly_one_wins),
	};
	const char *given = getenv("FB_TEST_SEED");

	seed = given ? (unsigned)strtoul(given, NULL, 10) : 20260120;
	print_message("seed %u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
