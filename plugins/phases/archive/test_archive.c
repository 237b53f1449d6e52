/* SPDX-License-Identifier: Apache-2.0 */
/* The phase archive: what it adds, and that the manifest's hashes are those of the files. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "plugins/phases/archive/retain.h"
#include "plugins/phases/archive/rollback_log.h"
#include "plugins/phases/archive/tar.h"
#include "plugins/phases/archive/yaml.h"
#include "plugins/phases/test_phase.h"

static const char report[] =
	"{\"schema\": \"failback.report/1\", \"status\": \"running\", \"deployment\": {\"failed_at_step\": 7, \"steps\": ["
	"{\"number\": 7, \"name\": \"deploy\", \"status\": \"failed\", \"message\": \"exit code 1\\u001b[2J\"}]},"
	" \"rollback\": {\"system_status\": \"STABLE\", \"members\": [{\"service\": \"shop\", \"status\": \"restored\", \"release\": \"1.0\", \"commands\": []}]},"
	" \"root_cause\": {\"cause\": \"Missing configuration file\", \"evidence\": [{\"file\": \"logs/a.log\", \"line\": 3, \"text\": \"Error: no x.json\"}]}}";

static struct fake *begin(void)
{
	struct fake *f = fake_new("phase-archive", NULL);
	char path[4096];
	int fd;

	json_object_set_new(f->documents, "report", json_loads(report, 0, NULL));
	snprintf(path, sizeof path, "%s/logs", f->call.archive);
	assert_true(!mkdir(path, 0700) || !access(path, F_OK));
	snprintf(path, sizeof path, "%s/logs/a.log", f->call.archive);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "one\ntwo\nError: no x.json\n", 25), 25);
	close(fd);
	return f;
}

/* The text that was given to the archive under a name. */
static const char *kept(const struct fake *f, const char *prefix)
{
	size_t i;
	json_t *e;

	json_array_foreach(f->evidence, i, e) {
		const char *name = json_string_value(json_object_get(e, "name"));

		if (name && !strncmp(name, prefix, strlen(prefix)))
			return json_string_value(json_object_get(e, "text"));
	}
	fail_msg("%s was not archived", prefix);
	return NULL;
}

static void keeps_report_error_state_and_manifest(void **state)
{
	struct fake *f = begin();
	json_t *doc;

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	doc = json_loads(kept(f, "execution-"), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(doc, "schema")), "failback.report/1");
	json_decref(doc);
	assert_non_null(strstr(kept(f, "error-"), "Failed:        Step 7 (deploy)\n"));
	assert_non_null(strstr(kept(f, "error-"), "\nlogs/a.log:3: Error: no x.json\n"));
	assert_non_null(strstr(kept(f, "state-"), "system_status: \"STABLE\"\n"));
	assert_non_null(strstr(kept(f, "state-"), "members:\n  - service: \"shop\"\n    status: \"restored\"\n"));
	assert_non_null(strstr(said(f), "files archived in "));
	assert_non_null(strstr(said(f), ".tar.zst"));
	fake_free(f);
}

static void an_error_text_holds_no_escape_sequences(void **state)
{
	struct fake *f = begin();

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	assert_null(strchr(kept(f, "error-"), '\x1b'));
	assert_non_null(strstr(kept(f, "error-"), "exit code 1?[2J"));
	fake_free(f);
}

static void the_manifest_has_the_hash_of_every_file(void **state)
{
	struct fake *f = begin();
	struct fb_err err;
	json_t *doc, *list, *e;
	bool found = false;
	size_t i;

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	doc = json_loads(kept(f, "manifest.json"), 0, NULL);
	list = json_object_get(doc, "files");
	assert_true(json_array_size(list) >= 1);
	json_array_foreach(list, i, e) {
		const char *name = json_string_value(json_object_get(e, "file"));
		char path[4096], hash[FB_HASH_SIZE];

		snprintf(path, sizeof path, "%s/%s", f->call.archive, name);
		assert_int_equal(fb_hash_file(path, hash, &err), 0);
		assert_string_equal(json_string_value(json_object_get(e, "sha256")), hash);
		if (!strcmp(name, "logs/a.log")) {
			found = true;
			assert_int_equal(json_integer_value(json_object_get(e, "size")), 25);
		}
	}
	assert_true(found);
	json_decref(doc);
	fake_free(f);
}

static void yaml_of(const char *json, const char *expected)
{
	json_t *v = json_loads(json, JSON_DECODE_ANY, NULL);
	char *p;
	size_t n;
	FILE *to = open_memstream(&p, &n);

	assert_non_null(to);
	yaml_write(to, v);
	fclose(to);
	assert_string_equal(p, expected);
	free(p);
	json_decref(v);
}

static void yaml_takes_no_text_for_something_else(void **state)
{
	(void)state;
	yaml_of("{\"a\": \"no\", \"no\": \"x: y # z\", \"1e3\": \"\\n- b\", \"u\": \"\\u2028\"}",
		"a: \"no\"\n\"no\": \"x: y # z\"\n\"1e3\": \"\\n- b\"\nu: \"\\u2028\"\n");
	yaml_of("{\"l\": [1, [2, {\"k\": null}], {}, []], \"e\": {}}", "l:\n  - 1\n  - - 2\n    - k: null\n  - {}\n  - []\ne: {}\n");
	yaml_of("\"x\"", "\"x\"\n");
}

/* ---- the tar ---- */

static char *folder_new(void)
{
	static char folder[64];

	snprintf(folder, sizeof folder, "/tmp/failback-archive-XXXXXX");
	assert_non_null(mkdtemp(folder));
	return folder;
}

static void folder_remove(const char *folder)
{
	fb_io_remove_tree(folder);
}

/* What tar says of it; the test fails when it is no whole tar. */
static char *listed(const char *folder, const char *name)
{
	static char out[65536];
	char command[512];
	FILE *p;
	size_t n;

	snprintf(command, sizeof command, "zstd -dcq %s/%s | tar -tf - 2>&1", folder, name);
	p = popen(command, "r");
	assert_non_null(p);
	n = fread(out, 1, sizeof out - 1, p);
	out[n] = 0;
	assert_int_equal(pclose(p), 0);
	return out;
}

static int file_with(const char *folder, const char *name, size_t size)
{
	char path[256];
	uint32_t seed = 1;
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t i = 0; i < size; i += 4) { /* does not compress */
		seed = seed * 1664525u + 1013904223u;
		assert_int_equal(write(fd, &seed, 4), 4);
	}
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void a_tar_has_its_name_only_when_it_is_whole(void **state)
{
	char *folder = folder_new(), path[300], hash[65], expected[FB_HASH_SIZE];
	int fd = file_with(folder, "log", 3000000);
	struct tar *t = tar_begin(folder, "x", 1, 2);
	int64_t size = 0;
	struct fb_err err;

	(void)state;
	assert_non_null(t);
	assert_int_equal(tar_text(t, "x/first", "one\n", 4), 0);
	assert_int_equal(tar_file(t, "x/log", fd, 3000000, hash, NULL, NULL), 0);
	snprintf(path, sizeof path, "%s/x.tar.zst", folder);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(tar_end(t, true, path, sizeof path, &size), 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_true(size > 3000000 && size < 3100000);
	assert_string_equal(listed(folder, "x.tar.zst"), "x/first\nx/log\n");
	snprintf(path, sizeof path, "%s/log", folder);
	assert_int_equal(fb_hash_file(path, expected, &err), 0);
	assert_string_equal(hash, expected);
	close(fd);
	folder_remove(folder);
}

/* A limit on a file's size stands for a full disk: write fails in the same way. */
static void on_a_full_disk_the_members_before_are_a_sound_tar(void **state)
{
	(void)state;
	for (rlim_t limit = 1000; limit < 140000; limit += 8192) {
		char *folder = folder_new(), path[300], hash[65];
		int fd = file_with(folder, "log", 100000), status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid) {
			struct rlimit l = {limit, limit};
			struct tar *t = tar_begin(folder, "x", 1, 0);
			int r;

			signal(SIGXFSZ, SIG_IGN);
			setrlimit(RLIMIT_FSIZE, &l);
			r = !t || tar_text(t, "x/first", "one\n", 4) ? 3 : tar_file(t, "x/log", fd, 100000, hash, NULL, NULL) ? 1 : 0;
			if (r < 3 && (tar_text(t, "x/manifest.json", "{}", 2) || tar_end(t, r == 0, NULL, 0, NULL)))
				r = 4;
			_exit(r);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), limit > 101000 ? 0 : 1);
		assert_string_equal(listed(folder, limit > 101000 ? "x.tar.zst" : "x.incomplete.tar.zst"),
				    limit > 101000 ? "x/first\nx/log\nx/manifest.json\n" : "x/first\nx/manifest.json\n");
		snprintf(path, sizeof path, "%s/.x.part", folder);
		assert_int_equal(access(path, F_OK), -1);
		close(fd);
		folder_remove(folder);
	}
}

static void the_archive_is_written_beside_the_logs(void **state)
{
	struct fake *f = begin();
	char folder[4096], name[4500], *slash;

	(void)state;
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	snprintf(folder, sizeof folder, "%s", f->call.archive);
	slash = strrchr(folder, '/');
	*slash = 0;
	snprintf(name, sizeof name, "%s.tar.zst", f->call.execution);
	assert_non_null(strstr(listed(folder, name), "/logs/a.log\n"));
	assert_non_null(strstr(listed(folder, name), "/manifest.json\n"));
	snprintf(name, sizeof name, "%s/%s.tar.zst", folder, f->call.execution);
	unlink(name);
	fake_free(f);
}

/* ---- what is kept ---- */

static void choose(struct retain_rule rule, const char *expected)
{
	static const int64_t day = 86400;
	struct retain_list l = {.files = calloc(5, sizeof(struct retain_file)), .n = 5};
	char got[200] = "";

	for (int i = 0; i < 5; i++) { /* a is the newest */
		snprintf(l.files[i].path, sizeof l.files[i].path, "%c", "abcde"[i]);
		l.files[i].mtime_s = 100 * day - (i ? i * day : 60);
		l.files[i].size = 100;
	}
	retain_choose(&l, &rule, "b", 100 * day);
	for (size_t i = 0; i < l.n; i++)
		strcat(got, l.files[i].path);
	assert_string_equal(got, expected);
	retain_clear(&l);
}

static void old_archives_go_the_oldest_first_and_none_of_the_last_hour(void **state)
{
	(void)state;
	choose((struct retain_rule){0}, "");
	choose((struct retain_rule){.age_s = 2 * 86400}, "ed");
	choose((struct retain_rule){.age_s = 1}, "edc"); /* a is too young, b its own */
	choose((struct retain_rule){.count = 3}, "ed");
	choose((struct retain_rule){.bytes = 400}, "e");
	choose((struct retain_rule){.bytes = 1}, "edc");
}

/* ---- the rollback log ---- */

static void the_rollback_log_has_one_entry_of_an_execution(void **state)
{
	char *folder = folder_new(), path[300], *text = NULL, *p;
	json_t *doc = json_loads(report, 0, NULL);
	char *entry = rollback_log_entry(doc, "rollback-x-1", "2026-01-20T10:15:00.000Z");
	struct fb_err err;
	size_t n;

	(void)state;
	assert_non_null(entry);
	snprintf(path, sizeof path, "%s/log.md", folder);
	assert_int_equal(rollback_log_append(path, "rollback-x-1", entry), 0);
	assert_int_equal(rollback_log_append(path, "rollback-x-1", entry), 1);
	assert_int_equal(rollback_log_append(path, "rollback-x-2", entry), 0); /* another one; its text does not matter here */
	assert_int_equal(fb_io_read_file(path, 1 << 20, &text, &n, &err), 0);
	assert_non_null(strstr(text, "### 2026-01-20 10:15 - "));
	assert_non_null(strstr(text, "- **Root Cause**: Missing configuration file\n"));
	assert_non_null(strstr(text, "- **Downtime**: not measured\n"));
	p = strstr(text, "### ");
	assert_non_null(strstr(p + 1, "### "));
	assert_null(strstr(strstr(p + 1, "### ") + 1, "### "));
	free(text);
	free(entry);
	json_decref(doc);
	folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_report_error_state_and_manifest),
		cmocka_unit_test(an_error_text_holds_no_escape_sequences),
		cmocka_unit_test(the_manifest_has_the_hash_of_every_file),
		cmocka_unit_test(yaml_takes_no_text_for_something_else),
		cmocka_unit_test(a_tar_has_its_name_only_when_it_is_whole),
		cmocka_unit_test(on_a_full_disk_the_members_before_are_a_sound_tar),
		cmocka_unit_test(the_archive_is_written_beside_the_logs),
		cmocka_unit_test(old_archives_go_the_oldest_first_and_none_of_the_last_hour),
		cmocka_unit_test(the_rollback_log_has_one_entry_of_an_execution),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
