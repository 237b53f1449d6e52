/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/fake/host.h"

static struct fake *with_pidfile(const char *text, const char *command, char **ret_path)
{
	struct fake *f = fake_new("check-process", "{\"pidfile\": \"/nonexistent\"}");
	char options[600], *path = fake_path(f, "pid");
	FILE *file = text ? fopen(path, "w") : NULL;

	if (file) {
		fputs(text, file);
		assert_int_equal(fclose(file), 0);
	}
	snprintf(options, sizeof(options), "{\"pidfile\": \"%s\"%s%s%s}", path, command ? ", \"command\": \"" : "", command ? command : "", command ? "\"" : "");
	fake_set_options(f, options);
	if (ret_path)
		*ret_path = path;
	else
		free(path);
	return f;
}

static pid_t start_sleep(void)
{
	pid_t pid = fork();
	char path[64], comm[64] = "";

	assert_true(pid >= 0);
	if (!pid) {
		execlp("sleep", "sleep", "60", (char *)NULL);
		_exit(127);
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	for (int64_t until = fake_now_ms() + 10000; strcmp(comm, "sleep\n");) { /* until it has become sleep */
		int fd = open(path, O_RDONLY);
		ssize_t n = read(fd, comm, sizeof(comm) - 1);
		comm[n > 0 ? n : 0] = 0;
		close(fd);
		assert_true(fake_now_ms() < until);
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void expect(struct fake *f, int32_t state, const char *text)
{
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	if (f->health.state != state || !strstr(f->health.text, text))
		fail_msg("state %d, '%s'; expected %d, '%s'", (int)f->health.state, f->health.text, (int)state, text);
	fake_free(f);
}

static void a_process_that_runs_is_healthy(void **state)
{
	pid_t pid = start_sleep();
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%d\n", (int)pid);
	expect(with_pidfile(text, NULL, NULL), FB_HEALTH_HEALTHY, "runs");
	expect(with_pidfile(text, "sleep", NULL), FB_HEALTH_HEALTHY, "sleep");
	expect(with_pidfile(text, "postgres", NULL), FB_HEALTH_FAILED, "not 'postgres'");
	end(pid);
}

static void a_stale_pid_file_is_a_failure(void **state)
{
	pid_t pid = start_sleep();
	struct timespec times[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
	char text[32], *path;
	struct fake *f;

	(void)state;
	snprintf(text, sizeof(text), "%d\n", (int)pid);
	f = with_pidfile(text, NULL, &path);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	expect(f, FB_HEALTH_FAILED, "stale");
	free(path);
	end(pid);
	expect(with_pidfile(text, NULL, NULL), FB_HEALTH_FAILED, "does not run");
	expect(with_pidfile(NULL, NULL, NULL), FB_HEALTH_FAILED, "not there");
}

static void a_zombie_is_a_failure(void **state)
{
	pid_t pid = start_sleep();
	siginfo_t info;
	char text[32];

	(void)state;
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	snprintf(text, sizeof(text), "%d\n", (int)pid);
	expect(with_pidfile(text, NULL, NULL), FB_HEALTH_FAILED, "zombie");
	waitpid(pid, NULL, 0);
}

static void a_stopped_process_is_a_warning(void **state)
{
	pid_t pid = start_sleep();
	siginfo_t info;
	char text[32];

	(void)state;
	kill(pid, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
	snprintf(text, sizeof(text), "%d\n", (int)pid);
	expect(with_pidfile(text, NULL, NULL), FB_HEALTH_WARNING, "stopped");
	end(pid);
}

static void what_cannot_be_told_is_blind(void **state)
{
	char *path;
	struct fake *f;

	(void)state;
	expect(with_pidfile("", NULL, NULL), FB_HEALTH_BLIND, "does not hold a process id");
	expect(with_pidfile("postgres\n", NULL, NULL), FB_HEALTH_BLIND, "does not hold a process id");
	expect(with_pidfile("-1\n", NULL, NULL), FB_HEALTH_BLIND, "does not hold a process id");
	expect(with_pidfile("99999999999999999999\n", NULL, NULL), FB_HEALTH_BLIND, "does not hold a process id");
	f = with_pidfile(NULL, NULL, &path);
	assert_int_equal(mkdir(path, 0700), 0); /* a folder cannot be read, by root neither */
	expect(f, FB_HEALTH_BLIND, "could not be read");
	free(path);
}

static void a_service_that_failback_started_is_told_by_its_name(void **state)
{
	struct fake *f = fake_new("check-process", "{\"process\": \"web\"}");
	const struct fb_command sleep_command = {.shell = "exec sleep 60"};
	int64_t pid;

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_PROBE), FB_OK);
	assert_int_equal(f->health.state, FB_HEALTH_FAILED);
	assert_int_equal(f->call.host->start_service(&f->call, "web", &sleep_command, &pid), 0);
	expect(f, FB_HEALTH_HEALTHY, "runs");
}

static void one_way_to_name_it_must_be_given(void **state)
{
	static const char *const cases[] = {"{}", "{\"process\": \"web\", \"pidfile\": \"/run/x\"}"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake *f = fake_new("check-process", cases[i]);
		assert_int_equal(fake_call(f, FB_OP_CHECK), FB_FATAL);
		assert_non_null(strstr(f->message, "'pidfile'"));
		fake_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_that_runs_is_healthy),
		cmocka_unit_test(a_stale_pid_file_is_a_failure),
		cmocka_unit_test(a_zombie_is_a_failure),
		cmocka_unit_test(a_stopped_process_is_a_warning),
		cmocka_unit_test(what_cannot_be_told_is_blind),
		cmocka_unit_test(a_service_that_failback_started_is_told_by_its_name),
		cmocka_unit_test(one_way_to_name_it_must_be_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
