/* SPDX-License-Identifier: Apache-2.0 */
/* The phase archive: what it adds, and that the manifest's hashes are those of the files. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
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
	assert_non_null(strstr(said(f), f->call.archive));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_report_error_state_and_manifest),
		cmocka_unit_test(an_error_text_holds_no_escape_sequences),
		cmocka_unit_test(the_manifest_has_the_hash_of_every_file),
		cmocka_unit_test(yaml_takes_no_text_for_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
