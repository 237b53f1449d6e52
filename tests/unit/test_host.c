/* SPDX-License-Identifier: Apache-2.0 */
/* The host floor, with the real failback-host and well-behaved plugins. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/abi/rig.h"

#define TAME "tests/abi/tame/.libs"

static void a_trivial_phase_runs(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.name = "tame"});
	assert_string_equal(h->message, "");
	assert_int_equal(h->r.cause, FB_CAUSE_ANSWER);
	assert_int_equal(h->r.answer, FB_OK);
	assert_null(h->leftovers);
	assert_true(h->worker.pid > 0 && h->worker.start > 0);
	rig_forget(h);
	rig_end(&rig);
}

/* All that was logged, one line each */
static char *logged(const struct heard *h)
{
	struct fb_text t = {0};
	json_t *f;

	for (size_t i = 0; (f = rig_frame(h, "log", i)); i++)
		fb_text_printf(&t, "%s\n", json_string_value(json_object_get(f, "text")));
	return fb_text_take(&t);
}

static void assert_logged(const struct heard *h, const char *expected)
{
	char *text = logged(h);

	assert_string_equal(text, expected);
	fb_free(text);
}

static void a_descriptor_is_read_without_a_loop(void **state)
{
	const char *dirs[2] = {NULL, NULL};
	struct fb_pool_options o = {.host_program = "./failback-host", .plugin_dirs = dirs, .trusted_owner = -1};
	int fds = rig_count_fds(), children = rig_count_descendants();
	char *real = realpath(TAME, NULL);
	const char *const *names;
	struct fb_pool *pool;
	struct fb_err err = {0};
	const json_t *d, *option;

	(void)state;
	dirs[0] = real;
	pool = fb_pool_new(&o);
	fb_pool_expect(pool, "phase", "tame");
	d = fb_pool_describe(pool, "phase", "tame", &err);
	assert_non_null(d);
	assert_string_equal(json_string_value(json_object_get(d, "version")), "1.2.3");
	assert_string_equal(json_string_value(json_object_get(d, "abi")), "1.0");
	assert_int_equal(strlen(json_string_value(json_object_get(d, "sha256"))), 64);
	assert_int_equal(json_array_size(json_object_get(d, "operations")), 2);
	option = json_array_get(json_object_get(d, "options"), 5);
	assert_string_equal(json_string_value(json_object_get(option, "name")), "mode");
	assert_string_equal(json_string_value(json_object_get(option, "type")), "choice");
	assert_string_equal(json_string_value(json_object_get(option, "alias")), "way");
	assert_int_equal(json_array_size(json_object_get(option, "choices")), 2);
	assert_true(json_is_null(json_object_get(option, "unit")));
	names = fb_pool_names(pool, "phase");
	assert_string_equal(names[0], "tame");
	assert_null(names[1]);
	fb_pool_free(pool);
	free(real);
	assert_int_equal(rig_count_descendants(), children);
	assert_int_equal(rig_count_fds(), fds);
}

static void options_are_read_by_path_and_type(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.name = "tame",
					 .options = "{\"do\":\"options\",\"blue\":{\"server\":\"b1\"},\"items\":[{\"path\":\"/a\"},{\"path\":\"/b\"}],"
						    "\"headers\":{\"X-Key.with.dots\":\"v\"},\"ratio\":0.1,\"flag\":true}"});
	assert_logged(h, "text=plain\nblue.server=b1\nitems[1].path=/b\nheader=v\nratio=0.1\ncount items=2 headers=1 absent=0\nkey0=X-Key.with.dots\nkey9=(null)\n"
			 "wait=5000 text of wait=5000\nflag=1 none=-7\n");
	rig_forget(h);
	rig_end(&rig);
}

static void a_command_whose_end_is_not_known_has_not_ended_well(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"careless\"}"});
	assert_int_equal(h->r.answer, FB_RETRY);
	assert_logged(h, "run: how /bin/sh ended is not known: the plugin has waited for its children itself, or ignores SIGCHLD; it must do neither while a command runs\n");
	rig_forget(h);
	rig_end(&rig);
}

static void json_is_written_and_read_for_plugins(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"json\"}"});
	assert_logged(h, "\"a \\\"b\\\"\\n\xc3\xa4\" null \"\xef\xbf\xbd!\"\n"
			 "2.1 \"b\" true 7 0.5\n"
			 "[{\"release\":\"2.1 \\\"b\\\"\",\"up\":true,\"a.b\":7}] [1]\n-----\n");
	rig_forget(h);
	rig_end(&rig);
}

static void a_call_knows_what_it_is_about(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.name = "tame", .flags = FB_CALL_RECOVERY, .share = 77, .options = "{\"do\":\"call\"}",
					 .context = "{\"execution\":\"x-1\",\"environment\":\"production\",\"service\":\"web\",\"release\":\"2.1\",\"last_good\":null}"});
	assert_logged(h, "x-1 production web 2.1 (null)\nattempt=1 flags=2 share=77\nleft=1\n");
	rig_forget(h);
	rig_end(&rig);
}

static void facts_and_actions_are_asked_of_the_engine(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_begin(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"facts\"}"});
	json_object_set_new(h->replies, "fact", json_pack("{s:s}", "value", "blue"));
	json_object_set_new(h->replies, "act", json_pack("{s:i}", "value", FB_ACT_UNSURE));
	json_object_set_new(h->replies, "act_result", json_pack("{s:n}", "value"));
	json_object_set_new(h->replies, "service_pid", json_pack("{s:i}", "value", 4711));
	rig_wait(h);
	assert_logged(h, "fact=blue\nset=0\nact=3\nacted=0\nresult=(null)\nservice pid=4711\n");
	assert_string_equal(json_string_value(json_object_get(rig_frame(h, "act", 0), "text")), "switch users over");
	assert_int_equal(json_integer_value(json_object_get(rig_frame(h, "act", 0), "repeat")), FB_REPEAT_PROBE);
	rig_forget(h);
	/* an answer that is none reads as NO, and as not recorded */
	h = rig_begin(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"facts\"}"});
	json_object_set_new(h->replies, "act", json_pack("{s:i}", "value", 99));
	json_object_set_new(h->replies, "acted", json_pack("{s:s}", "value", "yes"));
	json_object_set_new(h->replies, "fact_set", json_object());
	json_object_set_new(h->replies, "fact", json_object());
	json_object_set_new(h->replies, "act_result", json_pack("{s:i}", "value", 3));
	rig_wait(h);
	assert_logged(h, "fact=(null)\nset=-1\nact=0\nacted=-1\nresult=(null)\nservice pid=0\n");
	rig_forget(h);
	rig_end(&rig);
}

static void every_other_service_reaches_the_engine(void **state)
{
	struct rig rig;
	struct heard *h;
	char *path, *options;
	FILE *f;
	int fd;

	(void)state;
	rig_start(&rig, TAME);
	path = rig_path(&rig, "evidence.log");
	f = fopen(path, "w+");
	assert_non_null(f);
	fputs("the evidence", f);
	fflush(f);
	fd = fileno(f);
	options = fb_asprintf("{\"do\":\"asks\",\"text\":\"%s\"}", path);
	h = rig_begin(&rig, &(struct ask){.name = "tame", .options = options});
	json_object_set_new(h->replies, "start_service", json_pack("{s:i, s:i}", "value", 0, "pid", 99));
	json_object_set_new(h->replies, "operate", json_pack("{s:i, s:{s:[]}}", "value", FB_RETRY, "json", "services"));
	json_object_set_new(h->replies, "probe", json_pack("{s:i}", "value", 12));
	h->document_fd = fd;
	rig_wait(h);
	assert_logged(h, "start=0\npid=99\nstop=0\nevidence=0\nevidence: /tmp is not a regular file\nevidence folder=-1\nevidence_text=0\nreport=0 bad=-1\ndocument=the evidence\n"
			 "operate=2\njson={\"services\":[]}\noperate: 2 is no operation of a strategy\noperate run=4\nprobe=4\nnotify=0\n");
	assert_string_equal(h->evidence, "in memory");
	assert_string_equal(json_string_value(json_object_get(rig_frame(h, "operate", 0), "operation")), "restore");
	assert_string_equal(json_string_value(json_array_get(json_object_get(rig_frame(h, "start_service", 0), "argv"), 1)), "1000");
	assert_int_equal(json_array_size(json_object_get(rig_frame(h, "report", 0), "json")), 2);
	assert_int_equal(json_integer_value(json_object_get(rig_frame(h, "progress", 0), "bp")), 5000);
	assert_string_equal(json_string_value(json_object_get(rig_frame(h, "advise", 0), "command")), "ls -l");
	assert_int_equal(json_integer_value(json_object_get(rig_frame(h, "retry_after", 0), "ms")), 1500);
	fclose(f);
	rig_forget(h);
	fb_free(options);
	fb_free(path);
	rig_end(&rig);
}

static void a_command_runs_in_an_environment_of_its_own(void **state)
{
	struct rig rig;
	struct heard *h;
	char *log, *text;

	(void)state;
	rig_start(&rig, TAME);
	log = rig_path(&rig, "log");
	setenv("LEAKED_INTO_IT", "1", 1);
	h = rig_call(&rig, &(struct ask){.name = "tame", .log_path = log, .context = "{\"service\":\"web\",\"release\":\"2.1\"}",
					 .options = "{\"do\":\"run\",\"input\":\"from input\",\"command\":\"cat; echo; echo $FAILBACK_SERVICE $FAILBACK_RELEASE $EXTRA $LEAKED_INTO_IT; pwd >&2; ls /proc/self/fd | wc -l\"}"});
	unsetenv("LEAKED_INTO_IT");
	assert_int_equal(h->r.answer, FB_SKIP);
	assert_string_equal(h->message, "size=28 tail=from input\nweb 2.1 more\n/\n4\n");
	text = rig_read(log);
	assert_string_equal(text, "from input\nweb 2.1 more\n/\n4\n[info] exit=0 signal=0 timed_out=0\n");
	fb_free(text);
	rig_forget(h);
	h = rig_call(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"run\",\"command\":\"exit 7\"}"});
	assert_int_equal(h->r.answer, FB_FAIL);
	assert_logged(h, "exit=7 signal=0 timed_out=0\n");
	rig_forget(h);
	h = rig_call(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"missing\"}"});
	assert_logged(h, "cannot run /nowhere/at/all in /: No such file or directory\n");
	rig_forget(h);
	fb_free(log);
	rig_end(&rig);
}

static void a_command_over_its_time_is_ended_with_all_it_started(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"run\",\"wait\":1000,\"command\":\"trap '' TERM; sleep 1000 & sleep 1000 & wait; sleep 1000\"}"});
	assert_int_equal(h->r.cause, FB_CAUSE_ANSWER);
	assert_logged(h, "exit=-1 signal=9 timed_out=1\n");
	assert_true(h->r.elapsed_us < 20000000);
	rig_forget(h);
	rig_end(&rig);
}

static void what_a_command_left_in_the_background_is_killed_and_named(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"run\",\"command\":\"setsid sleep 1000 & (setsid sleep 1000 &) ; exit 0\"}"});
	assert_int_equal(h->r.answer, FB_SKIP);
	assert_int_equal(json_array_size(h->leftovers), 2);
	for (size_t i = 0; i < 2; i++) /* "4711 sleep", or what it was before it became that */
		assert_non_null(strstr(json_string_value(json_array_get(h->leftovers, i)), " s"));
	rig_forget(h);
	rig_end(&rig);
}

static bool has_logged(void *ctx)
{
	return rig_frame(ctx, "log", 0) != NULL;
}

static void a_stop_wakes_a_sleeper_and_act_says_no(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_begin(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"sleep\"}"});
	assert_true(rig_until(&rig, has_logged, h));
	fb_host_call_stop(h->call, false);
	rig_wait(h);
	assert_int_equal(h->r.cause, FB_CAUSE_ANSWER);
	assert_int_equal(h->r.answer, FB_RETRY);
	assert_string_equal(h->message, "woken: remaining 0, act 0");
	rig_forget(h);
	h = rig_begin(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"sleep\"}"});
	assert_true(rig_until(&rig, has_logged, h));
	fb_host_call_stop(h->call, true);
	rig_wait(h);
	assert_int_equal(h->r.cause, FB_CAUSE_STOPPED);
	rig_forget(h);
	rig_end(&rig);
}

static void a_worker_that_could_not_be_recorded_is_not_called(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_begin(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"call\"}"});
	h->refuse_start = true;
	rig_wait(h);
	assert_int_equal(h->r.cause, FB_CAUSE_STOPPED);
	assert_string_equal(h->message, "run of phase-tame was not begun: the journal is full");
	assert_null(rig_frame(h, "log", 0));
	rig_forget(h);
	rig_end(&rig);
}

static bool has_two(void *ctx)
{
	return rig_count_descendants() == ((struct rig *)ctx)->children + 2;
}

static void a_worker_that_was_forked_ahead_takes_the_next_call(void **state)
{
	struct fb_proc v[64];
	struct rig rig;
	struct heard *h;
	bool ahead = false;
	int n;

	(void)state;
	rig_start(&rig, TAME);
	fb_pool_near(rig.pool, "phase", "tame"); /* its host does not run: nothing happens */
	assert_int_equal(rig_count_descendants(), rig.children);
	rig_forget(rig_call(&rig, &(struct ask){.name = "tame"}));
	fb_pool_near(rig.pool, "phase", "tame");
	fb_pool_near(rig.pool, "phase", "tame"); /* one is enough */
	assert_true(rig_until(&rig, has_two, &rig));
	n = fb_proc_descendants(getpid(), v, 64);
	h = rig_call(&rig, &(struct ask){.name = "tame"});
	assert_int_equal(h->r.answer, FB_OK);
	for (int i = 0; i < n; i++)
		ahead = ahead || v[i].pid == h->worker.pid;
	assert_true(ahead);
	rig_forget(h);
	h = rig_call(&rig, &(struct ask){.name = "tame"});
	assert_int_equal(h->r.answer, FB_OK);
	rig_forget(h);
	fb_pool_near(rig.pool, "phase", "tame"); /* and one that nobody ever calls leaves nothing behind */
	assert_true(rig_until(&rig, has_two, &rig));
	rig_end(&rig);
}

static void an_operation_that_is_not_offered_is_skipped(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.name = "tame", .operation = "check"});
	assert_int_equal(h->r.answer, FB_SKIP);
	assert_string_equal(h->message, "not offered");
	rig_forget(h);
	h = rig_call(&rig, &(struct ask){.name = "tame", .operation = "run", .flags = FB_CALL_UNDO});
	assert_string_equal(h->message, "undone");
	rig_forget(h);
	rig_end(&rig);
}

static void a_flood_is_cut_in_the_middle_and_starves_nobody(void **state)
{
	struct rig rig;
	struct heard *h, *other;
	char *log, *text;

	(void)state;
	rig_start(&rig, TAME);
	log = rig_path(&rig, "log");
	h = rig_begin(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"flood\"}", .log_path = log, .log_limit = 100000, .within_ms = 60000});
	other = rig_begin(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"call\"}"});
	rig_wait(other);
	assert_int_equal(other->r.answer, FB_OK);
	rig_wait(h);
	assert_int_equal(h->r.answer, FB_OK);
	text = rig_read(log);
	assert_in_range(strlen(text), 100000, 100100);
	assert_non_null(strstr(text, " bytes are left out here\n"));
	assert_non_null(strstr(text, "[info] line 19999\n"));
	assert_memory_equal(text, "xxxxxxxx", 8);
	fb_free(text);
	fb_free(log);
	rig_forget(other);
	rig_forget(h);
	rig_end(&rig);
}

static void secrets_do_not_reach_log_message_or_frames(void **state)
{
	struct fb_redactor *r = fb_redactor_new();
	struct rig rig;
	struct heard *h;
	char *log, *text;

	(void)state;
	rig_start(&rig, TAME);
	assert_int_equal(fb_redactor_add(r, "opensesame-12"), 0);
	log = rig_path(&rig, "log");
	h = rig_call(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"print\",\"text\":\"opensesame-12\"}", .log_path = log, .redactor = r});
	text = rig_read(log);
	assert_null(strstr(text, "opense"));
	assert_null(strstr(text, "same-12"));
	assert_non_null(strstr(text, "*************"));
	assert_string_equal(h->message, "fail *************");
	assert_logged(h, "log *************\n");
	fb_free(text);
	fb_free(log);
	rig_forget(h);
	fb_redactor_free(r);
	rig_end(&rig);
}

static void a_changed_file_is_not_loaded_again(void **state)
{
	struct rig rig;
	struct heard *h;
	struct fb_proc host;
	char *command;
	const char *name;

	(void)state;
	command = fb_asprintf("rm -rf tests/abi/changed && mkdir -p tests/abi/changed && cp %s/phase-tame.so tests/abi/changed/", TAME);
	assert_int_equal(system(command), 0);
	fb_free(command);
	rig_start(&rig, "tests/abi/changed");
	h = rig_call(&rig, &(struct ask){.name = "tame"});
	assert_int_equal(h->r.cause, FB_CAUSE_ANSWER);
	rig_forget(h);
	assert_int_equal(fb_pool_hosts(rig.pool, &host, &name, 1), 1);
	assert_string_equal(name, "phase-tame");
	assert_int_equal(system("echo >> tests/abi/changed/phase-tame.so"), 0);
	kill(host.pid, SIGKILL);
	h = rig_call(&rig, &(struct ask){.name = "tame"});
	if (h->r.cause == FB_CAUSE_HOST && strstr(h->message, "ended by signal 9")) { /* the call was made before the death was seen */
		rig_forget(h);
		h = rig_call(&rig, &(struct ask){.name = "tame"});
	}
	assert_int_equal(h->r.cause, FB_CAUSE_HOST);
	assert_non_null(strstr(h->message, "has changed since it was first loaded"));
	rig_forget(h);
	rig_end(&rig);
	assert_int_equal(system("rm -rf tests/abi/changed"), 0);
}

static void a_check_answers_with_its_health(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.kind = "check", .name = "tame", .operation = "probe", .options = "{\"state\":3}"});
	assert_int_equal(h->r.answer, FB_OK);
	assert_int_equal(json_integer_value(json_object_get(h->health, "state")), FB_HEALTH_FAILED);
	assert_int_equal(json_integer_value(json_object_get(h->health, "latency_us")), 1500);
	assert_int_equal(json_integer_value(json_object_get(h->health, "value_u")), 2500000);
	assert_string_equal(json_string_value(json_object_get(h->health, "text")), "as told");
	rig_forget(h);
	/* a state that is none is blind */
	h = rig_call(&rig, &(struct ask){.kind = "check", .name = "tame", .operation = "probe", .options = "{\"state\":9}"});
	assert_int_equal(json_integer_value(json_object_get(h->health, "state")), FB_HEALTH_BLIND);
	rig_forget(h);
	h = rig_call(&rig, &(struct ask){.kind = "check", .name = "tame", .operation = "probe", .options = "{\"state\":100}"});
	assert_int_equal(h->r.answer, FB_FAIL);
	assert_null(h->health);
	assert_string_equal(h->message, "no probe was made");
	rig_forget(h);
	rig_end(&rig);
}

static bool has_worker(void *ctx)
{
	return ((struct heard *)ctx)->worker.pid > 0;
}

static void a_stepping_check_is_stepped_to_its_end(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.kind = "check", .name = "stepping", .operation = "probe"});
	assert_int_equal(h->r.answer, FB_OK);
	assert_int_equal(json_integer_value(json_object_get(h->health, "state")), FB_HEALTH_WARNING);
	assert_logged(h, "ended\n");
	rig_forget(h);
	h = rig_call(&rig, &(struct ask){.kind = "check", .name = "stepping", .operation = "probe", .options = "{\"odd\":true}"});
	assert_int_equal(json_integer_value(json_object_get(h->health, "state")), FB_HEALTH_BLIND);
	assert_logged(h, "ended\n");
	rig_forget(h);
	h = rig_begin(&rig, &(struct ask){.kind = "check", .name = "stepping", .operation = "probe", .options = "{\"endless\":true}"});
	assert_true(rig_until(&rig, has_worker, h));
	fb_host_call_stop(h->call, false);
	rig_wait(h);
	assert_int_equal(h->r.answer, FB_FAIL);
	assert_string_equal(h->message, "no result by its deadline");
	assert_logged(h, "ended\n");
	rig_forget(h);
	rig_end(&rig);
}

static void every_operation_of_a_strategy_is_reached(void **state)
{
	static const struct {
		const char *name;
		int number;
	} all[] = {{"check", FB_OP_CHECK},     {"state", FB_OP_STATE},     {"capture", FB_OP_CAPTURE}, {"prove", FB_OP_PROVE},   {"prepare", FB_OP_PREPARE},   {"shift", FB_OP_SHIFT},
		   {"protect", FB_OP_PROTECT}, {"restore", FB_OP_RESTORE}, {"verify", FB_OP_VERIFY},   {"evidence", FB_OP_EVIDENCE}, {"commit", FB_OP_COMMIT}, {"cleanup", FB_OP_CLEANUP}};
	struct rig rig;
	struct heard *h;
	char said[64];

	(void)state;
	rig_start(&rig, TAME);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		h = rig_call(&rig, &(struct ask){.kind = "strategy", .name = "tame", .operation = all[i].name, .share = 5000});
		snprintf(said, sizeof said, "%s %d 5000\n", all[i].name, all[i].number);
		assert_logged(h, said);
		rig_forget(h);
	}
	h = rig_call(&rig, &(struct ask){.kind = "strategy", .name = "tame", .operation = "restore", .flags = FB_CALL_UNDO});
	assert_logged(h, "undo 38 0\n");
	rig_forget(h);
	assert_int_equal(json_array_size(json_object_get(fb_pool_describe(rig.pool, "strategy", "tame", NULL), "operations")), 14);
	assert_string_equal(json_string_value(json_array_get(json_object_get(fb_pool_describe(rig.pool, "strategy", "tame", NULL), "features"), 0)), "zero-downtime");
	rig_end(&rig);
}

static bool has_three_samples(void *ctx)
{
	return rig_frame(ctx, "sample", 2) != NULL;
}

static void observation_goes_on_until_it_is_stopped(void **state)
{
	struct rig rig;
	struct heard *h;
	json_t *s;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_begin(&rig, &(struct ask){.kind = "strategy", .name = "tame", .operation = "observe"});
	assert_true(rig_until(&rig, has_three_samples, h));
	fb_host_call_stop(h->call, false);
	rig_wait(h);
	assert_int_equal(h->r.cause, FB_CAUSE_ANSWER);
	assert_int_equal(h->r.answer, FB_OK);
	s = rig_frame(h, "sample", 2);
	assert_int_equal(json_integer_value(json_object_get(s, "requests")), 103);
	assert_int_equal(json_integer_value(json_object_get(s, "failed")), -1);
	assert_string_equal(json_string_value(json_object_get(s, "release")), "2.1");
	rig_forget(h);
	rig_end(&rig);
}

static void a_notifier_is_given_the_event(void **state)
{
	struct rig rig;
	struct heard *h;

	(void)state;
	rig_start(&rig, TAME);
	h = rig_call(&rig, &(struct ask){.kind = "notifier", .name = "tame", .operation = "notify",
					 .context = "{\"event\":{\"id\":\"e1\",\"name\":\"rollback.completed\",\"severity\":\"warning\",\"incident\":\"INC-1\",\"data\":{\"a\":1},\"report\":null}}"});
	assert_int_equal(h->r.answer, FB_RETRY);
	assert_logged(h, "e1 rollback.completed warning INC-1 {\"a\":1} (null)\n");
	assert_int_equal(json_integer_value(json_object_get(rig_frame(h, "retry_after", 0), "ms")), 2000);
	rig_forget(h);
	rig_end(&rig);
}

static void the_example_of_the_manual_compiles_and_runs(void **state)
{
	const char *top = getenv("srcdir") ? getenv("srcdir") : "..";
	char *manual, *path = fb_asprintf("%s/core/man/failback-plugin.3", top), *begin, *end, *command;
	struct rig rig;
	struct heard *h;
	FILE *f;

	(void)state;
	manual = rig_read(path);
	begin = strstr(manual, "EXAMPLE BEGINS\n.Bd -literal\n");
	end = strstr(manual, ".Ed\n.\\\" EXAMPLE ENDS");
	assert_true(begin && end);
	*end = 0;
	assert_int_equal(system("rm -rf tests/abi/manual && mkdir -p tests/abi/manual"), 0);
	f = fopen("tests/abi/manual/hello.c", "w");
	assert_non_null(f);
	fputs(begin + strlen("EXAMPLE BEGINS\n.Bd -literal\n"), f);
	fclose(f);
	command = fb_asprintf("%s -std=c99 -Wall -Wextra -Werror -Wno-missing-field-initializers -shared -fPIC -I%s/core -o tests/abi/manual/phase-hello.so tests/abi/manual/hello.c", TEST_CC, top);
	assert_int_equal(system(command), 0);
	rig_start(&rig, "tests/abi/manual");
	h = rig_begin(&rig, &(struct ask){.name = "hello", .options = "{\"count\":2}", .context = "{\"environment\":\"staging\"}"});
	json_object_set_new(h->replies, "act", json_pack("{s:i}", "value", FB_ACT_DO));
	rig_wait(h);
	assert_string_equal(h->message, "");
	assert_logged(h, "hello, staging\nhello, staging\n");
	rig_forget(h);
	rig_end(&rig);
	assert_int_equal(system("rm -rf tests/abi/manual"), 0);
	fb_free(command);
	fb_free(manual);
	fb_free(path);
}

/* An engine of its own, which is killed in the middle of a call. */
static void __attribute__((noreturn)) doomed_engine(int tell)
{
	struct rig rig;
	struct heard *h;
	struct fb_proc host;
	int64_t end = fb_clock_ms() + 30000;
	bool told = false;

	rig_start(&rig, TAME);
	h = rig_begin(&rig, &(struct ask){.name = "tame", .options = "{\"do\":\"linger\"}", .within_ms = 60000});
	while (fb_clock_ms() < end) {
		uv_run(&rig.loop, UV_RUN_NOWAIT);
		/* host, worker, shell, four sleeps and the shell of one */
		if (!told && h->worker.pid && rig_count_descendants() >= 7) {
			told = true;
			fb_pool_hosts(rig.pool, &host, NULL, 1);
			if (write(tell, &host, sizeof host) < 0)
				_exit(1);
		}
		usleep(1000);
	}
	_exit(1);
}

static void all_is_gone_when_the_engine_is_killed(void **state)
{
	struct fb_proc host, left[64];
	int pair[2], n;
	int64_t killed, took;
	pid_t engine;

	(void)state;
	assert_int_equal(pipe(pair), 0);
	engine = fork();
	if (engine == 0)
		doomed_engine(pair[1]);
	close(pair[1]);
	assert_int_equal(read(pair[0], &host, sizeof host), sizeof host);
	for (int64_t end = fb_clock_ms() + 10000; (n = fb_proc_descendants(engine, left, 64)) < 7 && fb_clock_ms() < end;)
		usleep(1000);
	assert_in_range(n, 7, 64);
	killed = fb_clock_us();
	kill(engine, SIGKILL);
	waitpid(engine, NULL, 0);
	for (;;) {
		int alive = 0;

		for (int i = 0; i < n; i++)
			alive += fb_proc_alive(&left[i]);
		took = fb_clock_us() - killed;
		if (alive == 0 || took > 4000000)
			break;
		usleep(200);
	}
	print_message("  %d processes gone %.1f ms after the engine was killed\n", n, (double)took / 1000);
	assert_true(took < 1000000);
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trivial_phase_runs),
		cmocka_unit_test(a_descriptor_is_read_without_a_loop),
		cmocka_unit_test(options_are_read_by_path_and_type),
		cmocka_unit_test(a_command_whose_end_is_not_known_has_not_ended_well),
		cmocka_unit_test(json_is_written_and_read_for_plugins),
		cmocka_unit_test(a_call_knows_what_it_is_about),
		cmocka_unit_test(facts_and_actions_are_asked_of_the_engine),
		cmocka_unit_test(every_other_service_reaches_the_engine),
		cmocka_unit_test(a_command_runs_in_an_environment_of_its_own),
		cmocka_unit_test(a_command_over_its_time_is_ended_with_all_it_started),
		cmocka_unit_test(what_a_command_left_in_the_background_is_killed_and_named),
		cmocka_unit_test(a_stop_wakes_a_sleeper_and_act_says_no),
		cmocka_unit_test(a_worker_that_could_not_be_recorded_is_not_called),
		cmocka_unit_test(a_worker_that_was_forked_ahead_takes_the_next_call),
		cmocka_unit_test(an_operation_that_is_not_offered_is_skipped),
		cmocka_unit_test(a_flood_is_cut_in_the_middle_and_starves_nobody),
		cmocka_unit_test(secrets_do_not_reach_log_message_or_frames),
		cmocka_unit_test(a_changed_file_is_not_loaded_again),
		cmocka_unit_test(a_check_answers_with_its_health),
		cmocka_unit_test(a_stepping_check_is_stepped_to_its_end),
		cmocka_unit_test(every_operation_of_a_strategy_is_reached),
		cmocka_unit_test(observation_goes_on_until_it_is_stopped),
		cmocka_unit_test(a_notifier_is_given_the_event),
		cmocka_unit_test(the_example_of_the_manual_compiles_and_runs),
		cmocka_unit_test(all_is_gone_when_the_engine_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
