/* SPDX-License-Identifier: Apache-2.0 */
/* The phase analyze with the real failback-analyze: causes, "unknown" otherwise, and quotes that are in the file byte for byte. The samples are made up for this test. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/phases/analyze/moment.h"
#include "plugins/phases/analyze/quote.h"
#include "plugins/phases/test_phase.h"

static char *archive_file(const struct fake *f, const char *name, const void *data, size_t size)
{
	char *path;
	int fd;

	assert_true(asprintf(&path, "%s/logs", f->call.archive) > 0);
	assert_true(!mkdir(path, 0700) || !access(path, F_OK));
	free(path);
	assert_true(asprintf(&path, "%s/%s", f->call.archive, name) > 0);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
	return path;
}

/* The plugin's root cause for one log; to be decref'ed. Every quote of it is read again here, by other means. */
static json_t *cause_of(const void *log, size_t size, const char *report)
{
	struct fake *f = fake_new("phase-analyze", NULL);
	char *path = archive_file(f, "logs/step-7.log", log, size);
	json_t *ret, *e, *evidence;
	size_t i;

	if (report)
		json_object_set_new(f->documents, "report", json_loads(report, 0, NULL));
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	ret = json_incref(json_object_get(f->reports, "root_cause"));
	assert_non_null(ret);
	evidence = json_object_get(ret, "evidence");
	json_array_foreach(evidence, i, e) {
		size_t offset = (size_t)json_integer_value(json_object_get(e, "offset")), length = (size_t)json_integer_value(json_object_get(e, "length"));
		size_t line = 1;

		assert_string_equal(json_string_value(json_object_get(e, "file")), "logs/step-7.log");
		assert_true(length > 0 && offset + length <= size);
		assert_int_equal(json_string_length(json_object_get(e, "text")), length);
		assert_memory_equal(json_string_value(json_object_get(e, "text")), (const char *)log + offset, length);
		for (size_t k = 0; k < offset; k++)
			line += ((const char *)log)[k] == '\n';
		assert_int_equal(json_integer_value(json_object_get(e, "line")), line);
	}
	free(path);
	fake_free(f);
	return ret;
}

static const char *member(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static const struct {
	const char *log, *class, *parameter, *value;
} samples[] = {
	{"> shop@2.0 start\n> node server.js\n\nError: Cannot find module './config/production.json'\nRequire stack:\n- /srv/shop/server.js\n", "missing_file", "path",
	 "./config/production.json"},
	{"Error: ENOENT: no such file or directory, open '/srv/app/settings.yaml'\n", "missing_file", "path", "/srv/app/settings.yaml"},
	{"Traceback (most recent call last):\n  File \"main.py\", line 3, in <module>\nFileNotFoundError: [Errno 2] No such file or directory: 'conf/app.toml'\n",
	 "missing_file", "path", "conf/app.toml"},
	{"2026/01/02 10:00:00 open /etc/shop/rules.json: no such file or directory\n", "missing_file", "path", "/etc/shop/rules.json"},
	{"java.io.FileNotFoundException: /opt/shop/app.properties (No such file or directory)\n", "missing_file", "path", "/opt/shop/app.properties"},
	{"config.rb:4:in `read': No such file or directory @ rb_sysopen - config/database.yml (Errno::ENOENT)\n", "missing_file", "path", "config/database.yml"},
	{"PHP Warning:  require(/srv/www/settings.php): Failed to open stream: No such file or directory in /srv/www/index.php on line 2\n", "missing_file", "path",
	 "/srv/www/settings.php"},
	{"/entrypoint.sh: line 4: /etc/shop/env: No such file or directory\n", "missing_file", "path", "/etc/shop/env"},
	{"cat: settings.ini: No such file or directory\n", "missing_file", "path", "settings.ini"},
	{"Warning  FailedMount  3s  kubelet  MountVolume.SetUp failed for volume \"cfg\" : configmap \"shop-settings\" not found\n", "missing_file", "name",
	 "shop-settings"},
	{"COPY failed: file not found in build context or excluded by .dockerignore: stat config/app.json: file does not exist\n", "missing_file", "path",
	 "config/app.json"},
	{"ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref a1::b2: \"/start.sh\": not found\n", "missing_file", "path",
	 "/start.sh"},
	{"shop.service: Failed at step EXEC spawning /opt/shop/bin/shop: No such file or directory\n", "missing_file", "path", "/opt/shop/bin/shop"},
	{"{\"level\":\"error\",\"msg\":\"Cannot find module \\\"./lib/routes.js\\\"\"}\n", "missing_file", "path", "./lib/routes.js"},
	{"The configuration file 'appsettings.Production.json' was not found and is not optional.\n", "missing_file", "path", "appsettings.Production.json"},
	{"Pod shop-1 CrashLoopBackOff - Exit code 1\n", "crash", "exit_code", "1"},
	{"start.sh: line 2:    17 Segmentation fault      (core dumped) ./shop\n", "crash", NULL, NULL},
	{"panic: assignment to entry in nil map\n\ngoroutine 1 [running]:\n", "crash", "message", "assignment to entry in nil map"},
	{"shop.service: Main process exited, code=dumped, status=6/ABRT\n", "crash", "signal", "ABRT"},
	{"thread 'main' panicked at src/main.rs:4:5:\nindex out of bounds\n", "crash", "message", "src/main.rs:4:5"},
	{"terminate called after throwing an instance of 'std::runtime_error'\n", "crash", "message", "std::runtime_error"},
	{"Last State: Terminated\n  Reason: OOMKilled\n  Exit Code: 137\n", "out_of_memory", NULL, NULL},
	{"[ 12.3] Out of memory: Killed process 812 (shopd) total-vm:912344kB\n", "out_of_memory", "process", "shopd"},
	{"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n", "out_of_memory", NULL, NULL},
	{"Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n", "out_of_memory", "detail", "Java heap space"},
	{"terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n", "out_of_memory", NULL, NULL},
	{"PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 4096 bytes)\n", "out_of_memory", "bytes", "134217728"},
	{"Traceback (most recent call last):\n  File \"x.py\", line 1\nMemoryError\n", "out_of_memory", NULL, NULL},
	{"/run.sh: line 9:    31 Killed                  ./shop\nexit status 137\n", "out_of_memory", NULL, NULL},
	{"pods is forbidden: User \"system:serviceaccount:shop:deployer\" cannot create resource \"pods\" in API group \"\" in the namespace \"shop\"\n", "permission",
	 "verb", "create"},
	{"Forbidden - Service account lacks permissions\n", "permission", NULL, NULL},
	{"Error: EACCES: permission denied, open '/var/lib/shop/db.sqlite'\n", "permission", "path", "/var/lib/shop/db.sqlite"},
	{"PermissionError: [Errno 13] Permission denied: '/var/log/shop.log'\n", "permission", "path", "/var/log/shop.log"},
	{"mkdir: cannot create directory '/data/shop': Permission denied\n", "permission", "path", "/data/shop"},
	{"ERROR:  permission denied for table orders\n", "permission", "name", "orders"},
	{"AccessDenied: User: arn:aws:iam::1:user/ci is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::shop\n", "permission", "verb", "s3:PutObject"},
	{"listen tcp :443: bind: permission denied\n", "permission", "address", ":443"},
	{"could not load config file: conf/shop.ini: no such file\n", "missing_file", "path", "conf/shop.ini"},
	{"thread 'main' panicked at src/main.rs:2:5:\ncalled `Result::unwrap()` on an `Err` value: Os { code: 2, kind: NotFound, message: \"No such file or directory\" }\n",
	 "missing_file", NULL, NULL},
	{"shop-1 exited with code 3\n", "crash", "exit_code", "3"},
	{"kernel: shopd[4]: segfault at 0 ip 000000 sp 00000 error 4 in shopd\n", "crash", NULL, NULL},
	{"rpc error: code = PermissionDenied desc = no\n", "permission", NULL, NULL},
	/* what must not be taken for one of those */
	{"[INFO] optional config file local.json: not found, using defaults\n", "unknown", NULL, NULL},
	{"rm: cannot remove 'old.log': No such file or directory (ignored)\nerror: something else\n", "unknown", NULL, NULL},
	{"all went well\n", "unknown", NULL, NULL},
	{"Error: listen EADDRINUSE: address already in use :::3000\n", "port_in_use", "port", "3000"},
	{"shop: error while loading shared libraries: libshop.so.3: cannot open shared object file: No such file or directory\n", "dependency_missing", NULL, NULL},
	{"git@host: Permission denied (publickey).\n", "auth", NULL, NULL},
	{"pods \"shop\" is forbidden: exceeded quota: small\n", "quota_limit", NULL, NULL},
	{"\"State\": {\"OOMKilled\": false, \"ExitCode\": 0}\n", "unknown", NULL, NULL},
	{"java -XX:+ExitOnOutOfMemoryError -jar shop.jar\nERROR something else\n", "unknown", NULL, NULL},
};

static void names_the_cause_of_every_sample(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		json_t *cause = cause_of(samples[i].log, strlen(samples[i].log), NULL);

		if (strcmp(member(cause, "class"), samples[i].class)) {
			print_error("%s: class %s\n", samples[i].log, member(cause, "class"));
			wrong++;
		}
		if (samples[i].parameter && strcmp(member(json_object_get(cause, "parameters"), samples[i].parameter), samples[i].value)) {
			print_error("%s: %s is '%s'\n", samples[i].log, samples[i].parameter, member(json_object_get(cause, "parameters"), samples[i].parameter));
			wrong++;
		}
		if (strcmp(member(cause, "class"), "unknown"))
			assert_true(json_number_value(json_object_get(cause, "confidence")) >= 0.5 && json_array_size(json_object_get(cause, "evidence")));
		json_decref(cause);
	}
	assert_int_equal(wrong, 0);
}

static void an_unknown_cause_comes_with_the_last_lines_that_look_like_errors(void **state)
{
	static const char log[] = "starting\nerror: the frobnicator is out of tune\nbye\n";
	json_t *cause = cause_of(log, strlen(log), NULL);

	(void)state;
	assert_string_equal(member(cause, "cause"), "unknown");
	assert_true(json_number_value(json_object_get(cause, "confidence")) == 0);
	assert_string_equal(member(json_array_get(json_object_get(cause, "evidence"), 0), "text"), "error: the frobnicator is out of tune");
	json_decref(cause);
}

static void the_block_that_the_line_stands_in_is_quoted_second(void **state)
{
	static const char log[] = "starting\nTraceback (most recent call last):\n  File \"/app/cart.py\", line 4, in total\n    import shelf\nModuleNotFoundError: No module named 'shelf'\nbye\n";
	json_t *cause = cause_of(log, strlen(log), NULL), *evidence = json_object_get(cause, "evidence"), *block = json_array_get(evidence, 1);

	(void)state;
	assert_string_equal(member(json_array_get(evidence, 0), "text"), "ModuleNotFoundError: No module named 'shelf'");
	assert_string_equal(member(block, "block"), "python");
	assert_int_equal(json_integer_value(json_object_get(block, "line")), 2);
	assert_int_equal(json_integer_value(json_object_get(block, "last_line")), 5);
	json_decref(cause);
}

static void every_known_cause_is_said_in_words(void **state)
{
	static const char log[] = "cp: cannot stat 'x': No such file or directory\nwrite error: No space left on device\n";
	json_t *cause = cause_of(log, strlen(log), NULL);

	(void)state;
	assert_string_equal(member(cause, "class"), "disk_full");
	assert_non_null(strstr(member(cause, "likely_cause"), "the disk is full"));
	assert_true(json_array_size(json_object_get(cause, "fixes")) > 0);
	json_decref(cause);
}

static void colours_and_progress_bars_do_not_hide_the_line_or_shift_the_quote(void **state)
{
	static const char log[] = "10%\r50%\r\x1b[1;31mError:\x1b[0m Cannot find module \xe2\x80\x98./\x1b[4mapp.json\x1b[0m\xe2\x80\x99\r\n\x1b]0;title\x07next\n";
	json_t *cause = cause_of(log, sizeof log - 1, NULL);

	(void)state;
	assert_string_equal(member(cause, "class"), "missing_file");
	assert_string_equal(member(json_object_get(cause, "parameters"), "path"), "./app.json");
	assert_non_null(strstr(member(json_array_get(json_object_get(cause, "evidence"), 0), "text"), "Cannot find module"));
	json_decref(cause);
}

static void a_quote_holds_only_bytes_that_can_be_shown_as_they_are(void **state)
{
	static const char log[] = "\xff\xfe rubbish \xc3 Error: EACCES: permission denied, open '/a' \x80 tail\n";
	json_t *cause = cause_of(log, sizeof log - 1, NULL);

	(void)state;
	assert_string_equal(member(cause, "class"), "permission");
	assert_string_equal(member(json_array_get(json_object_get(cause, "evidence"), 0), "text"), "Error: EACCES: permission denied, open '/a'");
	json_decref(cause);
}

static void a_line_of_a_hundred_thousand_bytes_is_quoted_around_what_matched(void **state)
{
	size_t n = 100000;
	char *log = malloc(n);
	json_t *cause;
	static const char line[] = "open '/etc/shop.conf' failed: ENOENT: no such file or directory, open '/etc/shop.conf'";

	(void)state;
	assert_non_null(log);
	memset(log, 'x', n);
	memcpy(log + 20000, line, strlen(line));
	cause = cause_of(log, n, NULL);
	assert_string_equal(member(cause, "class"), "missing_file");
	assert_non_null(strstr(member(json_array_get(json_object_get(cause, "evidence"), 0), "text"), "ENOENT: no such file or directory, open '/etc/shop.conf'"));
	json_decref(cause);
	free(log);
}

static void a_large_file_is_read_to_its_end(void **state)
{
	size_t n = 9 * 1024 * 1024, k;
	char *log = malloc(n);
	static const char line[] = "\nstd::bad_alloc\n";
	json_t *cause;

	(void)state;
	assert_non_null(log);
	for (k = 0; k < n; k++)
		log[k] = k % 64 == 63 ? '\n' : 'a';
	memcpy(log + n - 200, line, strlen(line));
	cause = cause_of(log, n, NULL);
	assert_string_equal(member(cause, "class"), "out_of_memory");
	json_decref(cause);
	free(log);
}

static void how_the_step_ended_tips_the_scales(void **state)
{
	static const char report[] = "{\"deployment\": {\"failed_at_step\": 2, \"steps\": [{\"name\": \"build\", \"status\": \"completed\"},"
				     " {\"name\": \"go-live\", \"status\": \"failed\", \"service\": \"shop\", \"message\": \"ended\", \"cause\": {\"kind\": \"signal\", \"number\": 11}}]}}";
	json_t *cause = cause_of("hello\n", 6, report);

	(void)state;
	assert_string_equal(member(cause, "class"), "crash");
	assert_string_equal(member(cause, "failed_step"), "Step 2 (go-live)");
	assert_string_equal(member(cause, "component"), "shop");
	assert_string_equal(member(cause, "type"), "deployment_failure");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(cause, "parameters"), "signal")), 11);
	json_decref(cause);
}

static void an_archive_without_logs_is_unknown_and_no_failure(void **state)
{
	struct fake *f = fake_new("phase-analyze", NULL);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_string_equal(member(json_object_get(f->reports, "root_cause"), "likely_cause"), "no log could be read");
	fake_free(f);
}

static void links_and_binary_files_are_not_read(void **state)
{
	struct fake *f = fake_new("phase-analyze", NULL);
	char *path = archive_file(f, "logs/real", "\0OOMKilled\n", 11), *link;

	(void)state;
	assert_true(asprintf(&link, "%s/logs/link", f->call.archive) > 0);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_string_equal(member(json_object_get(f->reports, "root_cause"), "class"), "unknown");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json_object_get(f->reports, "root_cause"), "scanned"), "files")), 0);
	free(link);
	free(path);
	fake_free(f);
}

static void what_people_were_told_about_it_is_no_evidence(void **state)
{
	static const char told[] = "[warning] Error: Cannot find module './config/production.json'\n";
	struct fake *f = fake_new("phase-analyze", NULL);
	char *path = archive_file(f, "logs/notifier-console.log", told, sizeof told - 1);

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_string_equal(member(json_object_get(f->reports, "root_cause"), "class"), "unknown");
	assert_int_equal(json_array_size(json_object_get(json_object_get(f->reports, "root_cause"), "evidence")), 0);
	free(path);
	fake_free(f);
}

static void a_quote_that_is_not_in_the_file_is_refused(void **state)
{
	struct fake *f = fake_new("phase-analyze", NULL);
	char *path = archive_file(f, "logs/x", "abcdef\nghi\n", 11);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct quote q;

	(void)state;
	assert_int_equal(quote_take(fd, 0, 6, 2, 3, &q), 0);
	assert_string_equal(q.text, "abcdef");
	assert_int_equal(quote_verify(fd, &q), 0);
	q.text[1] = 'X';
	assert_int_equal(quote_verify(fd, &q), -1);
	q.text[1] = 'b';
	q.offset = 1;
	assert_int_equal(quote_verify(fd, &q), -1);
	q.offset = 100;
	assert_int_equal(quote_verify(fd, &q), -1);
	close(fd);
	free(path);
	fake_free(f);
}

static int not_there(struct fake *f, const struct fb_command *command, struct fb_command_result *ret)
{
	(void)f;
	(void)ret;
	assert_string_equal(command->argv[0], "failback-analyze");
	return -1;
}

static void without_the_program_the_last_error_lines_are_told_and_what_to_install(void **state)
{
	static const char log[] = "starting\nerror: the frobnicator is out of tune\nfatal: no sound\n0 errors\nbye\n";
	struct fake *f = fake_new("phase-analyze", NULL);
	char *path = archive_file(f, "logs/step-7.log", log, sizeof log - 1);
	json_t *cause, *evidence;

	(void)state;
	f->command = not_there;
	json_object_set_new(f->documents, "report", json_loads("{\"deployment\": {\"failed_at_step\": 1, \"steps\": [{\"name\": \"go\", \"status\": \"failed\", \"log\": \"logs/step-7.log\"}]}}", 0, NULL));
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	cause = json_object_get(f->reports, "root_cause");
	assert_string_equal(member(cause, "class"), "unknown");
	assert_string_equal(member(cause, "failed_step"), "Step 1 (go)");
	assert_non_null(strstr(member(cause, "likely_cause"), "apt-get install failback-analyze"));
	evidence = json_object_get(cause, "evidence");
	assert_int_equal(json_array_size(evidence), 2);
	assert_string_equal(member(json_array_get(evidence, 1), "text"), "fatal: no sound");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(evidence, 1), "line")), 3);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(evidence, 1), "offset")), 47);
	free(path);
	fake_free(f);
}

/* ---- whose word counts */

#define REPORT(timestamp)                                                                                                                           \
	"{\"timestamp\": \"" timestamp "\", \"deployment\": {\"failed_at_step\": 1, \"steps\": [{\"id\": \"plan/1\", \"name\": \"go\", \"status\": \"failed\"," \
	" \"service\": \"web\", \"log\": \"archive/logs/003-go.log\"}]}}"

/* The cause where the step's own log says one thing, and the log of a service another; to be decref'ed. */
static json_t *told(const char *own, const char *service, const char *said)
{
	struct fake *f = fake_new("phase-analyze", NULL);
	char *path, *folder, *row;
	json_t *ret;

	assert_true(asprintf(&folder, "%s/evidence", f->call.archive) > 0);
	assert_true(!mkdir(folder, 0700) || !access(folder, F_OK));
	free(archive_file(f, "logs/003-go.log", own, strlen(own)));
	path = archive_file(f, "evidence/x.log", said, strlen(said));
	assert_true(asprintf(&row, "[{\"file\": \"evidence/x.log\", \"title\": \"output of the service\", \"service\": \"%s\"}]", service) > 0);
	json_object_set_new(f->documents, "report", json_loads(REPORT("2026-01-20T11:00:00.000Z"), 0, NULL));
	json_object_set_new(f->documents, "evidence", json_loads(row, 0, NULL));
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	ret = json_incref(json_object_get(f->reports, "root_cause"));
	free(row);
	free(path);
	free(folder);
	fake_free(f);
	return ret;
}

#define WAITED "starting\ntimed out waiting for http://127.0.0.1:8080/health after 30s\n"

static void a_step_that_waited_in_vain_is_explained_by_what_its_service_said(void **state)
{
	json_t *cause = told(WAITED, "web", "2026-01-20T11:00:03Z cp: cannot stat '/etc/shop.conf': No such file or directory\n");

	(void)state;
	assert_string_equal(member(cause, "class"), "missing_file");
	assert_string_equal(member(json_object_get(cause, "told_by"), "service"), "web");
	assert_string_equal(member(json_array_get(json_object_get(cause, "evidence"), 0), "file"), "evidence/x.log");
	json_decref(cause);
}

static void a_service_has_no_word_where_the_steps_own_log_has_a_cause(void **state)
{
	json_t *cause = told("write error: No space left on device\n", "database", "2026-01-20T11:00:03Z ERROR:  permission denied for table orders\n");

	(void)state;
	assert_string_equal(member(cause, "class"), "disk_full");
	assert_null(json_object_get(cause, "told_by"));
	json_decref(cause);
}

static void what_a_service_said_before_the_execution_does_not_count(void **state)
{
	json_t *cause = told(WAITED, "web", "2026-01-20T10:40:00Z cp: cannot stat '/etc/old.conf': No such file or directory\n    at main\n2026-01-20T11:00:02Z listening\n");

	(void)state;
	assert_string_equal(member(cause, "class"), "timeout");
	json_decref(cause);
	cause = told(WAITED, "web", "2026-01-20T10:40:00Z cp: cannot stat '/etc/old.conf': No such file or directory\n");
	assert_string_equal(member(cause, "class"), "timeout");
	json_decref(cause);
	cause = told(WAITED, "web", "2026-01-20T10:40:00Z cp: cannot stat '/etc/old.conf': No such file or directory\n2026-01-20T11:00:02Z write error: No space left on device\n");
	assert_string_equal(member(cause, "class"), "disk_full");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(cause, "evidence"), 0), "line")), 2);
	json_decref(cause);
}

static void the_word_of_another_service_is_less_sure(void **state)
{
	json_t *own = told(WAITED, "web", "2026-01-20T11:00:03Z write error: No space left on device\n");
	json_t *other = told(WAITED, "database", "2026-01-20T11:00:03Z write error: No space left on device\n");
	double x = json_number_value(json_object_get(own, "confidence")), y = json_number_value(json_object_get(other, "confidence"));

	(void)state;
	assert_string_equal(member(other, "class"), "disk_full");
	assert_true(y < x && y > 0.5 * x);
	json_decref(own);
	json_decref(other);
}

static void times_of_many_forms_are_read(void **state)
{
	static const struct {
		const char *line;
		int64_t ms;
	} cases[] = {
		{"2026-01-20T11:00:00.250Z x", 1768906800250}, {"[2026-01-20 12:00:00,5 +0100] x", 1768906800500}, {"2026/01/20 11:00:00 x", 1768906800000},
		{"2026-01-20 11:00:00 UTC [12] LOG: x", 1768906800000}, {"Jan 20 11:00:00 host x[1]: y", 1768906800000}, {"2026-01-20T13:30:00+02:30 x", 1768906800000},
		{"no time at all in this line", -1}, {"2026-13-20T11:00:00Z x", -1}, {"2026-01-20T25:00:00Z x", -1}, {"", -1}, {"2026-01-20T11:0", -1}, {"Jan 20 11:00:6", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(moment_of(cases[i].line, strlen(cases[i].line), 1768906800000), cases[i].ms);
}

static void what_people_corrected_and_what_successes_had_is_handed_over(void **state)
{
	static const char log[] = "WARN tcp connect 10.0.0.1:6379: Connection refused, retrying\nERROR: permission denied for table orders\n";
	struct fake *f = fake_new("phase-analyze", NULL);
	char *path = archive_file(f, "logs/003-go.log", log, sizeof log - 1);
	json_t *cause;

	(void)state;
	json_object_set_new(f->documents, "report", json_loads(REPORT("2026-01-20T11:00:00.000Z"), 0, NULL));
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	cause = json_incref(json_object_get(f->reports, "root_cause"));
	assert_string_equal(member(cause, "class"), "permission");
	json_object_set_new(f->documents, "learned",
			    json_pack("{s:[{s:s, s:s, s:s, s:s}]}", "verdicts", "verdict", "corrected", "type", "disk_full", "said_type", "permission", "said_signature", member(cause, "signature")));
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_true(json_number_value(json_object_get(json_object_get(f->reports, "root_cause"), "confidence")) < json_number_value(json_object_get(cause, "confidence")) ||
		    strcmp(member(json_object_get(f->reports, "root_cause"), "class"), "permission"));
	json_decref(cause);
	free(path);
	fake_free(f);
}

/* The failback-analyze of this build tree is found first, and its signatures beside it. */
static void use_the_build_tree(void)
{
	char here[4096], path[16384], cache[] = "/tmp/failback-analyze-XXXXXX";
	const char *old = getenv("PATH");

	assert_non_null(getcwd(here, sizeof here));
	snprintf(path, sizeof path, "%s:%s", here, old ? old : "/usr/bin:/bin");
	setenv("PATH", path, 1);
	assert_non_null(mkdtemp(cache));
	setenv("HOME", cache, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_cause_of_every_sample),
		cmocka_unit_test(an_unknown_cause_comes_with_the_last_lines_that_look_like_errors),
		cmocka_unit_test(the_block_that_the_line_stands_in_is_quoted_second),
		cmocka_unit_test(every_known_cause_is_said_in_words),
		cmocka_unit_test(colours_and_progress_bars_do_not_hide_the_line_or_shift_the_quote),
		cmocka_unit_test(a_quote_holds_only_bytes_that_can_be_shown_as_they_are),
		cmocka_unit_test(a_line_of_a_hundred_thousand_bytes_is_quoted_around_what_matched),
		cmocka_unit_test(a_large_file_is_read_to_its_end),
		cmocka_unit_test(how_the_step_ended_tips_the_scales),
		cmocka_unit_test(an_archive_without_logs_is_unknown_and_no_failure),
		cmocka_unit_test(links_and_binary_files_are_not_read),
		cmocka_unit_test(what_people_were_told_about_it_is_no_evidence),
		cmocka_unit_test(a_quote_that_is_not_in_the_file_is_refused),
		cmocka_unit_test(a_step_that_waited_in_vain_is_explained_by_what_its_service_said),
		cmocka_unit_test(a_service_has_no_word_where_the_steps_own_log_has_a_cause),
		cmocka_unit_test(what_a_service_said_before_the_execution_does_not_count),
		cmocka_unit_test(the_word_of_another_service_is_less_sure),
		cmocka_unit_test(times_of_many_forms_are_read),
		cmocka_unit_test(what_people_corrected_and_what_successes_had_is_handed_over),
		cmocka_unit_test(without_the_program_the_last_error_lines_are_told_and_what_to_install),
	};

	use_the_build_tree();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
