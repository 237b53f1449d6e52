/* SPDX-License-Identifier: Apache-2.0 */
/* A full disk: the reserve, memory, and back. Space is taken away by the limit of file sizes (for everybody) and by a small tmpfs (root). */
#include "journal_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "failback/plugin.h"

static void no_file_grows_beyond(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void files_grow_again(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void write_link(struct fixture *f, struct fb_journal *j, int i)
{
	char id[32];
	struct fb_link_row row = {.id = id, .chain = "recovery", .name = "restore", .title = "Restore", .status = "completed", .seq = i, .data = "{}", .log = "a.log"};

	snprintf(id, sizeof id, "recovery/%d", i);
	OK(fb_journal_link(j, &row, &f->err));
}

/* Space comes back to the journal when it looks for it, which is at most once a second. */
static void until_caught_up(struct fixture *f, struct fb_journal *j)
{
	int64_t end = fb_clock_ms() + 10000;

	while (fb_journal_degraded(j) && fb_clock_ms() < end) {
		OK(fb_journal_begin(j, &f->err));
		OK(fb_journal_end(j, &f->err));
		usleep(20000);
	}
	assert_false(fb_journal_degraded(j));
}

static char *big(void)
{
	char *text = malloc(300000);

	memset(text, 'x', 299999);
	text[299999] = 0;
	return text;
}

static void a_deployment_gets_an_error_when_there_is_no_space(void **state)
{
	struct fixture *f = *state;
	char *text = big();
	struct fb_link_row *v;
	size_t n;

	fixture_start_ours(f, "mine");
	no_file_grows_beyond(200000);
	assert_int_equal(fb_journal_fact_set(f->j, "", "big", text, &f->err), -1);
	files_grow_again();
	assert_int_equal(f->err.code, FB_EXIT_JOURNAL);
	assert_non_null(strstr(f->err.text, "cannot write the journal"));
	assert_false(fb_journal_degraded(f->j));
	assert_null(fb_journal_fact(f->j, "mine", "", "big"));
	write_link(f, f->j, 1);
	OK(fb_journal_links(f->j, "mine", &v, &n, &f->err));
	assert_int_equal(n, 1);
	assert_false(v[0].late);
	fb_links_free(v, n);
	free(text);
}

static void check_links(struct fixture *f, struct fb_journal *j, size_t expected, const char *late)
{
	struct fb_link_row *v;
	size_t n;

	OK(fb_journal_links(j, "mine", &v, &n, &f->err));
	assert_int_equal(n, expected);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(v[i].late, late[i] == 'l');
	fb_links_free(v, n);
}

static void a_recovery_goes_on_in_memory_and_pays_when_there_is_space(void **state)
{
	struct fixture *f = *state;
	struct fb_action_key key = {"recovery/2", "web", "restore", false, "switch"};
	struct fb_action_row *actions;
	struct fb_event_row *events;
	char *text = big(), *value, head[65], before[65], later[65];
	int64_t rows, seq;
	size_t n;

	fb_journal_allow_degrade(f->j);
	fixture_start_ours(f, "mine");
	write_link(f, f->j, 1);
	OK(fb_journal_act(f->j, &key, FB_REPEAT_PROBE, "switch users", false, &f->err) - FB_ACT_DO);
	OK(fb_journal_audit(f->j, "mine", "engine", "before", NULL, &f->err));
	OK(fb_journal_audit_head(f->j, before, &rows, &f->err));
	assert_int_equal(rows, 1);
	no_file_grows_beyond(200000);
	OK(fb_journal_fact_set(f->j, "", "big", text, &f->err));
	assert_true(fb_journal_degraded(f->j));
	/* What was known is known, what is written is answered as usual. */
	write_link(f, f->j, 2);
	assert_int_equal(fb_journal_act(f->j, &key, FB_REPEAT_PROBE, "switch users", false, &f->err), FB_ACT_UNSURE);
	OK(fb_journal_acted(f->j, &key, "done", &f->err));
	assert_int_equal(fb_journal_act(f->j, &key, FB_REPEAT_PROBE, "switch users", false, &f->err), FB_ACT_DONE);
	OK(fb_journal_event(f->j, "rollback.restored", NULL, "it is back", NULL, &seq, &f->err));
	OK(fb_journal_audit(f->j, "mine", "engine", "within", NULL, &f->err));
	OK(fb_journal_release(f->j, "production", "web", "2.0", "good", true, "{}", &f->err));
	OK(fb_journal_audit_head(f->j, head, &rows, &f->err));
	assert_string_equal(head, before);
	check_links(f, f->j, 2, ".l");
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM links"), 1);
	files_grow_again();
	until_caught_up(f, f->j);
	check_links(f, f->j, 2, ".l");
	value = fb_journal_fact(f->j, "mine", "", "big");
	assert_string_equal(value, text);
	fb_free(value);
	OK(fb_journal_actions(f->j, "mine", &actions, &n, &f->err));
	assert_int_equal(n, 1);
	assert_string_equal(actions[0].state, "done");
	assert_true(actions[0].late);
	fb_actions_free(actions, n);
	OK(fb_journal_events(f->j, "mine", 0, 0, &events, &n, &f->err));
	assert_int_equal(n, 3);
	assert_string_equal(events[0].name, "journal.degraded");
	assert_string_equal(events[1].name, "rollback.restored");
	assert_string_equal(events[2].name, "journal.caught_up");
	fb_events_free(events, n);
	OK(fb_journal_audit_verify(f->j, before, &rows, later, &f->err));
	assert_int_equal(rows, 4);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM audit WHERE detail LIKE '(late:%'"), 3);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM releases WHERE live AND status = 'good'"), 1);
	free(text);
}

static void the_write_that_found_no_space_is_marked_late_too(void **state)
{
	struct fixture *f = *state;
	char *text = big();
	struct fb_link_row row = {.id = "recovery/1", .chain = "recovery", .name = "x", .title = "x", .status = "failed", .message = text};

	fb_journal_allow_degrade(f->j);
	fixture_start_ours(f, "mine");
	no_file_grows_beyond(200000);
	OK(fb_journal_begin(f->j, &f->err));
	OK(fb_journal_link(f->j, &row, &f->err));
	OK(fb_journal_fact_set(f->j, "", "k", "v", &f->err));
	OK(fb_journal_end(f->j, &f->err));
	assert_true(fb_journal_degraded(f->j));
	files_grow_again();
	until_caught_up(f, f->j);
	check_links(f, f->j, 1, "l");
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM facts WHERE value = 'v'"), 1);
	free(text);
}

static void an_execution_may_begin_and_end_in_memory(void **state)
{
	struct fixture *f = *state;
	char *text = big();
	const char *const services[] = {"web", NULL};
	struct fb_conflict c;
	struct fb_execution e;

	fb_journal_allow_degrade(f->j);
	no_file_grows_beyond(200000);
	OK(fb_journal_start(f->j,
			    &(struct fb_execution_new){.id = "mine", .kind = "rollback", .environment = "production", .status = "running", .title = "Roll back", .frozen = text, .services = services},
			    &c, &f->err));
	assert_true(fb_journal_degraded(f->j));
	write_link(f, f->j, 1);
	OK(fb_journal_status(f->j, "completed", true, 0, &f->err));
	files_grow_again();
	until_caught_up(f, f->j);
	OK(fb_journal_execution(f->j, "mine", &e, &f->err));
	assert_string_equal(e.status, "completed");
	assert_int_equal(e.exit_code, 0);
	fb_execution_clear(&e);
	check_links(f, f->j, 1, "l");
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM claims"), 0);
	free(text);
}

static void what_is_owed_by_an_engine_that_lost_its_execution_goes_to_the_audit_only(void **state)
{
	struct fixture *f = *state;
	char *text = big(), head[65];
	int64_t rows;

	fb_journal_allow_degrade(f->j);
	fixture_start_ours(f, "mine");
	no_file_grows_beyond(200000);
	OK(fb_journal_fact_set(f->j, "", "big", text, &f->err));
	OK(fb_journal_audit(f->j, "mine", "engine", "within", NULL, &f->err));
	files_grow_again();
	fixture_sql(f, "UPDATE executions SET epoch = 2, owner_pid = 1");
	until_caught_up(f, f->j);
	assert_null(fb_journal_fact(f->j, "mine", "", "big"));
	OK(fb_journal_audit_verify(f->j, NULL, &rows, head, &f->err));
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM audit WHERE action = 'within'"), 1);
	assert_int_equal(fb_journal_fact_set(f->j, "", "k", "v", &f->err), -1);
	assert_int_equal(f->err.code, FB_EXIT_INTERRUPTED);
	free(text);
}

static void the_reserve_has_real_blocks(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct stat st;

	snprintf(path, sizeof path, "%s/reserve", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 4 * 1024 * 1024);
	assert_true((int64_t)st.st_blocks * 512 >= 4 * 1024 * 1024);
	assert_int_equal(st.st_mode & 07777 & ~0640, 0);
}

static int tear_down(void **state)
{
	files_grow_again();
	return fixture_tear_down(state);
}

/* ---- on a tmpfs of its own ---- */

static int set_up_small(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	snprintf(f->dir, sizeof f->dir, "/tmp/failback-journal-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->db, sizeof f->db, "%s/journal.db", f->dir);
	if (geteuid() != 0 || mount("none", f->dir, "tmpfs", MS_NODEV | MS_NOSUID, "size=12m,mode=0750") < 0)
		return 0;
	return fb_journal_open(f->dir, FB_JOURNAL_CREATE | FB_JOURNAL_DEGRADE, &f->j, &f->err);
}

static int tear_down_small(void **state)
{
	struct fixture *f = *state;

	fb_journal_close(f->j);
	umount2(f->dir, MNT_DETACH);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void fill_disk(struct fixture *f, const char *name)
{
	static const char zeros[65536];
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(fd >= 0);
	for (size_t size = sizeof zeros; size >= 1; size /= 2)
		while (write(fd, zeros, size) > 0)
			;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void unfill_disk(struct fixture *f, const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	assert_int_equal(unlink(path), 0);
}

static bool needs_mount(struct fixture *f)
{
	if (f->j)
		return false;
	print_message("no mount of a tmpfs here (%s): skipped\n", geteuid() ? "not root" : "mount refused");
	if (getenv("CI") && geteuid() == 0)
		fail_msg("CI must be able to mount a tmpfs");
	return true;
}

static void on_a_full_disk_the_reserve_is_used_first_then_memory(void **state)
{
	struct fixture *f = *state;
	char *text = big(), path[128], key[16], head[65];
	int64_t rows;
	int i;

	if (needs_mount(f))
		skip();
	snprintf(path, sizeof path, "%s/reserve", f->dir);
	fixture_start_ours(f, "mine");
	fill_disk(f, "filler");
	assert_int_equal(access(path, F_OK), 0);
	for (i = 0; i < 100 && access(path, F_OK) == 0; i++) {
		snprintf(key, sizeof key, "k%d", i);
		OK(fb_journal_fact_set(f->j, "", key, text, &f->err));
	}
	/* The reserve is gone, and the file took what was written with its help. */
	assert_true(i < 100);
	assert_false(fb_journal_degraded(f->j));
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM facts"), i);
	for (; i < 200 && !fb_journal_degraded(f->j); i++) {
		snprintf(key, sizeof key, "k%d", i);
		OK(fb_journal_fact_set(f->j, "", key, text, &f->err));
	}
	assert_true(fb_journal_degraded(f->j));
	write_link(f, f->j, 1);
	unfill_disk(f, "filler");
	until_caught_up(f, f->j);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM facts"), i);
	check_links(f, f->j, 1, "l");
	OK(fb_journal_audit_verify(f->j, NULL, &rows, head, &f->err));
	free(text);
}

static void a_recovery_begins_on_a_disk_that_is_full_already(void **state)
{
	struct fixture *f = *state;
	struct fb_release_row row;
	char *text = big(), path[128];
	struct fb_journal *j;

	if (needs_mount(f))
		skip();
	OK(fb_journal_release(f->j, "production", "web", "1.0", "good", true, "{}", &f->err));
	fb_journal_close(f->j);
	f->j = NULL;
	snprintf(path, sizeof path, "%s/reserve", f->dir);
	fill_disk(f, "filler");
	/* With the reserve */
	f->j = fixture_open(f, FB_JOURNAL_CREATE | FB_JOURNAL_DEGRADE);
	OK(fb_journal_last_good(f->j, "production", "web", &row, &f->err));
	assert_string_equal(row.release, "1.0");
	fb_release_clear(&row);
	fb_journal_close(f->j);
	f->j = NULL;
	/* And without any */
	unlink(path);
	fill_disk(f, "filler2");
	assert_int_equal(fb_journal_open(f->dir, FB_JOURNAL_WRITE, &j, &f->err), -1);
	f->j = fixture_open(f, FB_JOURNAL_WRITE | FB_JOURNAL_DEGRADE);
	fixture_start_ours(f, "mine");
	OK(fb_journal_fact_set(f->j, "", "big", text, &f->err));
	assert_true(fb_journal_degraded(f->j));
	OK(fb_journal_last_good(f->j, "production", "web", &row, &f->err));
	assert_string_equal(row.release, "1.0");
	fb_release_clear(&row);
	unfill_disk(f, "filler");
	unfill_disk(f, "filler2");
	until_caught_up(f, f->j);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM facts"), 1);
	assert_int_equal(access(path, F_OK), 0);
	free(text);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, tear_down)
#define SMALL(name) cmocka_unit_test_setup_teardown(name, set_up_small, tear_down_small)
	const struct CMUnitTest tests[] = {
		T(a_deployment_gets_an_error_when_there_is_no_space),
		T(a_recovery_goes_on_in_memory_and_pays_when_there_is_space),
		T(the_write_that_found_no_space_is_marked_late_too),
		T(an_execution_may_begin_and_end_in_memory),
		T(what_is_owed_by_an_engine_that_lost_its_execution_goes_to_the_audit_only),
		T(the_reserve_has_real_blocks),
		SMALL(on_a_full_disk_the_reserve_is_used_first_then_memory),
		SMALL(a_recovery_begins_on_a_disk_that_is_full_already),
	};

	signal(SIGXFSZ, SIG_IGN);
	/* Mounts of this test are nobody else's business. */
	if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0)
		mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
