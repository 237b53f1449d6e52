/* SPDX-License-Identifier: Apache-2.0 */
/* Following an engine: the viewer's loop against an engine of the test's own, which writes a story into a real journal and speaks on the
 * pipe as engine.h says. Each viewer runs in a process of its own, as the command does. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "cli/follow.h"
#include "tests/unit/synthetic.h"

static const char *story;
static char folder[64];

static void tell(int fd, const char *line)
{
	if (fb_io_write_all(fd, line, strlen(line)) != 0)
		_exit(1);
}

/* Runs until somebody has asked it to stop, at most 20 s; then what was asked is its exit code plus 100. */
static void wait_for_stop(struct fb_journal *j, int fd)
{
	int64_t until = fb_clock_ms() + 20000;
	char line[64];
	int how = 0;
	while (how <= 0 && fb_clock_ms() < until) {
		poll(NULL, 0, 20);
		how = fb_journal_stop_asked(j);
	}
	snprintf(line, sizeof line, "{\"exit\":%d}\n", 100 + how);
	tell(fd, line);
}

/* The viewer goes away; then writes down whether somebody had asked for a stop. */
static void outlive_the_view(struct fb_journal *j)
{
	pid_t viewer = getppid();
	char path[96], text[16];
	for (int64_t until = fb_clock_ms() + 20000; getppid() == viewer && fb_clock_ms() < until;)
		poll(NULL, 0, 20);
	snprintf(path, sizeof path, "%s/stopped", folder);
	snprintf(text, sizeof text, "%d", fb_journal_stop_asked(j));
	if (fb_io_replace_file(path, text, strlen(text), 0600, NULL) != 0)
		_exit(1);
}

static void engine(int fd)
{
	struct fb_journal *j;
	char path[96];
	setsid();
	snprintf(path, sizeof path, "%s/state", folder);
	if (strcmp(story, "errors") == 0) {
		tell(fd, "{\"errors\":[\"web.plan:3: setting 'steps': no\",\"another\"]}\n{\"exit\":65}\n");
		_exit(0);
	}
	if (strcmp(story, "dry") == 0) {
		tell(fd, "{\"execution\":\"deploy-in-no-journal\"}\n{\"dry_run\":{\"kind\":\"deploy\",\"links\":[{\"chain\":\"plan\",\"title\":\"Build\",\"actions\":[{\"text\":\"run make\"}]}]}}\n{\"exit\":0}\n");
		_exit(0);
	}
	if (strcmp(story, "silent") == 0 || fb_journal_open(path, FB_JOURNAL_CREATE, &j, NULL) != 0)
		_exit(0);
	if (strcmp(story, "recovery") == 0) {
		tell(fd, "{\"execution\":\"" SYNTHETIC_INCOMPLETE "\"}\n");
		synthetic_incomplete(j);
		outlive_the_view(j);
	} else if (strcmp(story, "failed") == 0) {
		tell(fd, "{\"execution\":\"" SYNTHETIC_FAILED "\"}\n{\"ne");
		synthetic_failed(j, 0);
		tell(fd, "ws\":3}\n{\"exit\":3}\n");
	} else {
		synthetic_running(j);
		tell(fd, "{\"execution\":\"" SYNTHETIC_RUNNING "\"}\n");
		if (strcmp(story, "stop") == 0)
			wait_for_stop(j, fd);
	}
	_exit(0); /* "dies": without an exit line */
}

/* Stands in for the engine's own. */
int fb_engine_launch(const struct fb_engine_request *request, struct fb_engine_process *ret, struct fb_err *err)
{
	int ends[2];
	(void)request;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return fb_err_set(err, FB_EXIT_BUG, "no pipe");
	ret->pid = fork();
	if (ret->pid == 0) {
		close(ends[0]);
		engine(ends[1]);
	}
	close(ends[1]);
	ret->fd = ends[0];
	return 0;
}

static char *file_text(const char *name)
{
	char path[128];
	char *text;
	size_t n;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (fb_io_read_file(path, 1 << 20, &text, &n, NULL) != 0)
		return fb_strdup("");
	return text;
}

static pid_t view(const char *which, bool json)
{
	char conf[96], state[96], out[96], err[96];
	pid_t pid;
	story = which;
	snprintf(conf, sizeof conf, "%s/failback.conf", folder);
	snprintf(state, sizeof state, "%s/state", folder);
	snprintf(out, sizeof out, "%s/out", folder);
	snprintf(err, sizeof err, "%s/err", folder);
	pid = fork();
	if (pid == 0) {
		struct fb_cli cli = {.request = {.file = conf, .state_dir = state}, .json = json, .dry_run = strcmp(which, "dry") == 0};
		struct fb_engine_request request = {.kind = "deploy", .plan_file = "web.plan"};
		struct fb_journal *j;
		int code;
		if (!freopen(out, "w", stdout) || !freopen(err, "w", stderr) || fb_journal_open(state, FB_JOURNAL_CREATE, &j, NULL) != 0)
			_exit(99);
		fb_journal_close(j);
		code = fb_follow_launch(&cli, &request);
		fb_cli_close(&cli);
		fflush(NULL);
		_exit(code);
	}
	return pid;
}

static int code_of(pid_t pid)
{
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("the viewer was ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static bool wait_for(const char *file, const char *text)
{
	for (int64_t until = fb_clock_ms() + 20000; fb_clock_ms() < until; poll(NULL, 0, 20)) {
		char *have = file_text(file);
		bool found = strstr(have, text) != NULL;
		fb_free(have);
		if (found)
			return true;
	}
	return false;
}

static int set_up(void **state)
{
	static const char conf[] = "environment = \"production\";\n";
	char path[96];
	(void)state;
	strcpy(folder, "/tmp/failback-follow.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/failback.conf", folder);
	return fb_io_replace_file(path, conf, strlen(conf), 0600, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	return fb_io_remove_tree(folder);
}

static void the_engines_code_is_the_commands(void **state)
{
	(void)state;
	assert_int_equal(code_of(view("failed", false)), 3);
	char *out = file_text("out");
	assert_non_null(strstr(out, "plan: Deploy: FAILED after 2.9 s"));
	assert_non_null(strstr(out, "Rollback complete in 3.1 s"));
	assert_null(strchr(out, '\033'));
	fb_free(out);
}

static void with_json_standard_output_is_the_report_alone(void **state)
{
	(void)state;
	assert_int_equal(code_of(view("failed", true)), 3);
	char *out = file_text("out"), *err = file_text("err");
	json_t *report = json_loads(out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(report, "schema")), "failback.report/1");
	assert_non_null(strstr(err, "plan: Deploy: FAILED"));
	json_decref(report);
	fb_free(out);
	fb_free(err);
}

static void errors_before_the_start_are_all_told(void **state)
{
	(void)state;
	assert_int_equal(code_of(view("errors", false)), 65);
	char *err = file_text("err");
	assert_non_null(strstr(err, "failback: web.plan:3: setting 'steps': no\nfailback: another\n"));
	fb_free(err);
	assert_int_equal(code_of(view("errors", true)), 65);
	char *out = file_text("out");
	json_t *document = json_loads(out, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(document, "errors")), 2);
	json_decref(document);
	fb_free(out);
}

static void a_dry_run_says_what_would_be_done(void **state)
{
	(void)state;
	assert_int_equal(code_of(view("dry", false)), 0);
	char *out = file_text("out");
	assert_non_null(strstr(out, "nothing was changed"));
	assert_non_null(strstr(out, "run make"));
	fb_free(out);
	assert_int_equal(code_of(view("dry", true)), 0);
	out = file_text("out");
	json_t *document = json_loads(out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(document, "schema")), "failback.dry_run/1");
	json_decref(document);
	fb_free(out);
}

static void an_engine_that_dies_leaves_an_interrupted_execution(void **state)
{
	(void)state;
	assert_int_equal(code_of(view("dies", false)), 7);
	char *out = file_text("out");
	assert_non_null(strstr(out, "failback resume " SYNTHETIC_RUNNING));
	fb_free(out);
}

static void an_engine_that_never_spoke_is_our_own_mistake(void **state)
{
	(void)state;
	assert_int_equal(code_of(view("silent", false)), 70);
}

static void the_first_interrupt_asks_a_deployment_to_stop(void **state)
{
	(void)state;
	pid_t pid = view("stop", false);
	assert_true(wait_for("out", "Build: done"));
	kill(pid, SIGINT);
	assert_int_equal(code_of(pid), 101); /* 1: after the current action */
	char *err = file_text("err");
	assert_non_null(strstr(err, "stopping after the current action, then recovering"));
	fb_free(err);
}

/* In a recovery the first interrupt is refused, and the second leaves the view; neither asks for a stop. */
static void a_recovery_is_not_stopped_by_interrupts(void **state)
{
	(void)state;
	pid_t pid = view("recovery", false);
	assert_true(wait_for("out", "Restore Previous Version: FAILED"));
	kill(pid, SIGTERM);
	assert_true(wait_for("err", "failback stop " SYNTHETIC_INCOMPLETE " --force"));
	kill(pid, SIGTERM);
	assert_int_equal(code_of(pid), 128 + SIGTERM);
	char *err = file_text("err");
	assert_non_null(strstr(err, "goes on; look again with: failback watch"));
	fb_free(err);
	assert_true(wait_for("stopped", "0"));
}

static void a_closed_terminal_ends_the_view_only(void **state)
{
	(void)state;
	pid_t pid = view("recovery", false);
	assert_true(wait_for("out", "Restore Previous Version: FAILED"));
	kill(pid, SIGHUP);
	assert_int_equal(code_of(pid), 128 + SIGHUP);
	assert_true(wait_for("stopped", "0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_engines_code_is_the_commands, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_json_standard_output_is_the_report_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(errors_before_the_start_are_all_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_dry_run_says_what_would_be_done, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_engine_that_dies_leaves_an_interrupted_execution, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_engine_that_never_spoke_is_our_own_mistake, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_first_interrupt_asks_a_deployment_to_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_recovery_is_not_stopped_by_interrupts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_closed_terminal_ends_the_view_only, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
