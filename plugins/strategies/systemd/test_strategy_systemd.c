/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategy systemd over a bus of the test's own, where a stand-in answers for systemd what the real one rarely does. The real one is in tests/chain/test_systemd.py.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/fake/host.h"

#define UNIT_PATH "/org/freedesktop/systemd1/unit/shop_2eservice"
#define JOB_PATH "/org/freedesktop/systemd1/job/7"

/* What the stand-in does. Texts: "" is "nothing". */
struct script {
	const char *result; /* of jobs; "": no signal is sent; "exit": it goes away in the job */
	const char *error;  /* name of the error that RestartUnit answers with */
};

/* The stand-in: one unit, up. A job changes its invocation. */
static const struct script *script;
static unsigned char invocation[16] = {1};

static int load_unit(sd_bus_message *m, void *ctx, sd_bus_error *e)
{
	(void)ctx, (void)e;
	return sd_bus_reply_method_return(m, "o", UNIT_PATH);
}

static int nothing(sd_bus_message *m, void *ctx, sd_bus_error *e)
{
	(void)ctx, (void)e;
	return sd_bus_reply_method_return(m, NULL);
}

static int job(sd_bus_message *m, void *ctx, sd_bus_error *e)
{
	const char *unit, *mode;
	int r = sd_bus_message_read(m, "ss", &unit, &mode);

	(void)ctx;
	if (r < 0 || strcmp(unit, "shop.service") || strcmp(mode, "replace"))
		return sd_bus_error_set(e, "org.example.Wrong", "not what was expected");
	if (*script->error)
		return sd_bus_error_setf(e, script->error, "the stand-in says no");
	if (!strcmp(script->result, "exit"))
		_exit(0);
	invocation[0]++;
	r = sd_bus_reply_method_return(m, "o", JOB_PATH);
	if (r >= 0 && *script->result)
		r = sd_bus_emit_signal(sd_bus_message_get_bus(m), "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "JobRemoved", "uoss", 7, JOB_PATH, unit, script->result);
	return r;
}

static int text(sd_bus *bus, const char *path, const char *interface, const char *name, sd_bus_message *reply, void *ctx, sd_bus_error *e)
{
	(void)bus, (void)path, (void)interface, (void)ctx, (void)e;
	return sd_bus_message_append(reply, "s", !strcmp(name, "LoadState") ? "loaded" : !strcmp(name, "ActiveState") ? "active" : "running");
}

static int bytes(sd_bus *bus, const char *path, const char *interface, const char *name, sd_bus_message *reply, void *ctx, sd_bus_error *e)
{
	(void)bus, (void)path, (void)interface, (void)name, (void)ctx, (void)e;
	return sd_bus_message_append_array(reply, 'y', invocation, sizeof invocation);
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("LoadUnit", "s", "o", load_unit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Subscribe", NULL, NULL, nothing, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Reload", NULL, NULL, nothing, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ResetFailedUnit", "s", NULL, nothing, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("RestartUnit", "ss", "o", job, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable unit[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("LoadState", "s", text, 0, 0),
	SD_BUS_PROPERTY("ActiveState", "s", text, 0, 0),
	SD_BUS_PROPERTY("SubState", "s", text, 0, 0),
	SD_BUS_PROPERTY("InvocationID", "ay", bytes, 0, 0),
	SD_BUS_VTABLE_END,
};

static void stand_in(const char *address, int ready)
{
	sd_bus *bus = NULL;

	if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, address) < 0 || sd_bus_set_bus_client(bus, 1) < 0 || sd_bus_start(bus) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", manager, NULL) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, UNIT_PATH, "org.freedesktop.systemd1.Unit", unit, NULL) < 0 || sd_bus_request_name(bus, "org.freedesktop.systemd1", 0) < 0)
		_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;) {
		int r = sd_bus_process(bus, NULL);

		if (r < 0 || (!r && sd_bus_wait(bus, UINT64_MAX) < 0))
			_exit(1);
	}
}

struct bus {
	pid_t daemon, systemd;
	char address[200];
};

static void wait_byte(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
}

static void start(struct fake *f, struct bus *b, const struct script *s)
{
	char config[200], words[300], print[40];
	int pipes[2];
	FILE *out;

	snprintf(config, sizeof config, "%s/bus.conf", f->call.scratch);
	snprintf(b->address, sizeof b->address, "unix:path=%s/bus", f->call.scratch);
	out = fopen(config, "w");
	assert_non_null(out);
	fprintf(out, "<busconfig><type>session</type><listen>%s</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>"
		     "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n", b->address);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(pipe(pipes), 0);
	b->daemon = fork();
	if (!b->daemon) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when an assertion fails */
		close(pipes[0]);
		snprintf(words, sizeof words, "--config-file=%s", config);
		snprintf(print, sizeof print, "--print-address=%d", pipes[1]);
		execlp("dbus-daemon", "dbus-daemon", words, "--nofork", "--nopidfile", print, (char *)NULL);
		_exit(127);
	}
	close(pipes[1]);
	wait_byte(pipes[0]);
	assert_int_equal(pipe(pipes), 0);
	b->systemd = fork();
	if (!b->systemd) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pipes[0]);
		script = s;
		stand_in(b->address, pipes[1]);
	}
	close(pipes[1]);
	wait_byte(pipes[0]);
}

static void stop(struct bus *b)
{
	kill(b->systemd, SIGKILL);
	kill(b->daemon, SIGKILL);
	assert_int_equal(waitpid(b->systemd, NULL, 0), b->systemd);
	assert_int_equal(waitpid(b->daemon, NULL, 0), b->daemon);
}

static struct fake *make(const char *more)
{
	struct fake *f = fake_new("strategy-systemd", "{\"unit\": \"shop\"}");
	char options[900];

	f->call.service = "shop";
	f->call.release = "2.0";
	f->call.last_good = "1.0";
	f->call.share = 10000;
	snprintf(options, sizeof options, "{\"unit\": \"shop\", \"bus\": \"unix:path=%s/bus\", \"unit_directory\": \"%s\", \"journal\": \"%s\", \"settle\": \"100ms\"%s}", f->call.scratch,
		 f->call.scratch, f->call.scratch, more);
	fake_set_options(f, options);
	return f;
}

/* A deployment by the script: its answer and what it says. */
static void deploy(const struct script *s, int32_t answer, const char *says)
{
	struct fake *f = make(", \"deploy\": \"true\"");
	struct bus b;

	start(f, &b, s);
	assert_int_equal(fake_call(f, FB_OP_SHIFT), answer);
	if (says && (!f->message || !strstr(f->message, says)))
		fail_msg("'%s' is not in: %s", says, f->message ? f->message : "(nothing)");
	stop(&b);
	fake_free(f);
}

static void a_job_that_is_done_is_believed_when_the_unit_stays_up(void **state)
{
	(void)state;
	deploy(&(struct script){"done", ""}, FB_OK, NULL);
}

static void every_result_of_a_job_has_its_own_sentence(void **state)
{
	(void)state;
	deploy(&(struct script){"canceled", ""}, FB_RETRY, "its job was canceled");
	deploy(&(struct script){"timeout", ""}, FB_FAIL, "JobTimeoutSec=");
	deploy(&(struct script){"failed", ""}, FB_FAIL, "the job failed");
	deploy(&(struct script){"dependency", ""}, FB_FAIL, "a unit that it depends on failed");
	deploy(&(struct script){"skipped", ""}, FB_FAIL, "systemd skipped the job");
	deploy(&(struct script){"new-in-2030", ""}, FB_FAIL, "not known here (job result new-in-2030)");
}

static void refusals_say_what_to_do(void **state)
{
	(void)state;
	deploy(&(struct script){"done", SD_BUS_ERROR_ACCESS_DENIED}, FB_FATAL, "let polkit allow org.freedesktop.systemd1.manage-units");
	deploy(&(struct script){"done", SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED}, FB_FATAL, "not permitted");
	deploy(&(struct script){"done", "org.freedesktop.systemd1.UnitMasked"}, FB_FATAL, "unmask it");
	deploy(&(struct script){"done", "org.freedesktop.systemd1.TransactionIsDestructive"}, FB_RETRY, "list-jobs");
	deploy(&(struct script){"done", "org.example.Odd"}, FB_FAIL, "the stand-in says no");
}

static void a_result_that_is_lost_is_read_from_the_unit(void **state)
{
	(void)state;
	deploy(&(struct script){"", ""}, FB_OK, NULL);
}

static void a_systemd_that_goes_away_in_a_job_is_told(void **state)
{
	(void)state;
	deploy(&(struct script){"exit", ""}, FB_RETRY, "the connection to systemd's bus was lost");
}

static void a_job_that_an_earlier_attempt_has_made_is_not_made_again(void **state)
{
	struct fake *f = make(", \"deploy\": \"true\"");
	struct bus b;

	(void)state;
	start(f, &b, &(struct script){"done", "org.example.Asked"});
	f->call.flags = FB_CALL_RESUMED;
	json_object_set_new(f->facts, "2/before-36/restart", json_string("00000000000000000000000000000000"));
	fake_answer(f, "restart", FB_ACT_UNSURE);
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_OK);
	stop(&b);
	fake_free(f);
}

static void check_says(const char *more, int32_t answer, const char *says)
{
	struct fake *f = make(more);

	assert_int_equal(fake_call(f, FB_OP_CHECK), answer);
	if (!f->message || !strstr(f->message, says))
		fail_msg("'%s' is not in: %s", says, f->message ? f->message : "(nothing)");
	fake_free(f);
}

static void check_finds_what_cannot_work(void **state)
{
	(void)state;
	check_says("", FB_FATAL, "nothing says what a release of shop.service is");
	check_says(", \"deploy\": \"true\", \"units\": [\"a\"]", FB_FATAL, "both 'unit' and 'units' are set");
	check_says(", \"dropin\": \"a\", \"dropin_file\": \"/a\"", FB_FATAL, "both 'dropin' and 'dropin_file' are set");
	check_says(", \"dropin\": \"a\", \"dropin_name\": \"../a.conf\"", FB_FATAL, "dropin_name is not the name of a drop-in");
	check_says(", \"dropin\": \"a\", \"dropin_name\": \"a.txt\"", FB_FATAL, "end in .conf");
	check_says(", \"deploy\": [\"/nonexistent/deploy\"]", FB_FAIL, "/nonexistent/deploy");
	check_says(", \"deploy\": \"true\"", FB_RETRY, "could not be reached");
}

static void a_release_that_would_break_a_unit_file_is_refused(void **state)
{
	static const char *const names[] = {"2.0\nExecStart=/bin/sh", "2 0", "a%n", "../x", "$HOME", "\"", ""};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct fake *f = make(", \"dropin\": \"[Service]\\nEnvironment=R={release}\\n\"");
		char path[300];
		struct bus b;

		start(f, &b, &(struct script){"done", ""});
		f->call.release = names[i];
		assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_FAIL);
		assert_non_null(strstr(f->message, "cannot stand in a unit file"));
		snprintf(path, sizeof path, "%s/shop.service.d", f->call.scratch);
		assert_int_not_equal(access(path, F_OK), 0);
		stop(&b);
		fake_free(f);
	}
}

static void a_drop_in_that_is_a_link_is_left_alone(void **state)
{
	struct fake *f = make(", \"dropin\": \"[Service]\\n\"");
	char path[300];
	struct bus b;

	(void)state;
	start(f, &b, &(struct script){"done", ""});
	snprintf(path, sizeof path, "%s/shop.service.d", f->call.scratch);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof path, "%s/shop.service.d/50-failback.conf", f->call.scratch);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(fake_call(f, FB_OP_SHIFT), FB_FAIL);
	assert_non_null(strstr(f->message, "it is a link"));
	stop(&b);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_that_is_done_is_believed_when_the_unit_stays_up),
		cmocka_unit_test(every_result_of_a_job_has_its_own_sentence),
		cmocka_unit_test(refusals_say_what_to_do),
		cmocka_unit_test(a_result_that_is_lost_is_read_from_the_unit),
		cmocka_unit_test(a_systemd_that_goes_away_in_a_job_is_told),
		cmocka_unit_test(a_job_that_an_earlier_attempt_has_made_is_not_made_again),
		cmocka_unit_test(check_finds_what_cannot_work),
		cmocka_unit_test(a_release_that_would_break_a_unit_file_is_refused),
		cmocka_unit_test(a_drop_in_that_is_a_link_is_left_alone),
	};

	if (system("command -v dbus-daemon >/dev/null")) {
		fputs("dbus-daemon is not installed\n", stderr);
		return getenv("CI") ? 1 : 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
