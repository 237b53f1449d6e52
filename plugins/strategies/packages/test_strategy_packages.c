/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/test_item.h"

#define FIRST "{\"of\": \"dpkg\"}"
#define PIP "\"of\": \"pip\", \"venv\": \"%/venv\", \"pip_options\": [\"--no-index\", \"--find-links=%/index\"]"

static void need(const char *program)
{
	char *line = fb_asprintf("{ %s; } >/dev/null 2>&1", program);
	int code = system(line);

	fb_free(line);
	if (code && getenv("CI"))
		fail_msg("'%s' does not work here", program);
	if (code)
		skip();
}

/* Wheels of two releases of one package and one of another, made without any tool. */
static const char make_index[] =
	"import zipfile, os\nos.makedirs('index')\n"
	"for name, version in (('acme', '1.0'), ('acme', '2.0'), ('other', '0.3')):\n"
	" with zipfile.ZipFile(f'index/{name}-{version}-py3-none-any.whl', 'w') as z:\n"
	"  d = f'{name}-{version}.dist-info/'\n"
	"  z.writestr(f'{name}.py', f'version = \"{version}\"\\n')\n"
	"  z.writestr(d + 'METADATA', f'Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n')\n"
	"  z.writestr(d + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
	"  z.writestr(d + 'RECORD', f'{name}.py,,\\n{d}METADATA,,\\n{d}WHEEL,,\\n{d}RECORD,,\\n')\n";

static struct fake *begin_pip(const char *options)
{
	struct fake *f;

	need("/usr/bin/python3 -m venv --help && /usr/bin/python3 -c 'import ensurepip'");
	f = item_new("strategy-packages", FIRST, options);
	write_text(f, "make.py", make_index);
	assert_int_equal(sh(f, "/usr/bin/python3 make.py && /usr/bin/python3 -m venv venv && venv/bin/pip install -q --no-index --find-links index acme==1.0"), 0);
	return f;
}

static void a_python_environment_comes_back_from_its_wheels_alone(void **state)
{
	struct fake *f = begin_pip("{" PIP ", \"wheels\": true, \"verify\": \"restore\", \"on_rollback\": \"restore\", \"after_restore\": \"touch %/after\"}");

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 600000;
	assert_call(f, FB_OP_CHECK, FB_OK);
	assert_sealed(f);
	assert_string_equal(json_string_value(item_reported(f, "kind")), "packages");
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_int_equal(sh(f, "venv/bin/pip install -q --no-index --find-links index acme==2.0 other && rm -r index && venv/bin/python -c 'import acme; assert acme.version == \"2.0\"'"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, "test \"$(venv/bin/pip freeze)\" = acme==1.0 && venv/bin/python -c 'import acme; assert acme.version == \"1.0\"' && test -e after"), 0);
	assert_int_equal(sh(f, "rm -r venv"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, "test \"$(venv/bin/pip freeze)\" = acme==1.0"), 0);
	fake_free(f);
}

static void a_release_that_can_be_had_no_more_is_told(void **state)
{
	struct fake *f = begin_pip("{" PIP ", \"on_rollback\": \"restore\"}");

	(void)state;
	f->call.deadline_ms = fake_now_ms() + 600000;
	assert_sealed(f);
	assert_int_equal(sh(f, "venv/bin/pip install -q --no-index --find-links index acme==2.0 && rm index/acme-1.0*"), 0);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "could not be brought back: exit code 1: ERROR: No matching distribution found for acme==1.0");
	set_item_options(f, "{" PIP ", \"wheels\": true}");
	f->call.execution = "deploy-test-2";
	assert_int_equal(sh(f, "rm index/acme-2.0*"), 0);
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "could not be backed up");
	fake_free(f);
}

/* Programs in the test's own folder come first. */
static void add_path(const struct fake *f)
{
	char *dir = fake_path(f, ""), *path = fb_asprintf("%s:%s", dir, getenv("PATH"));

	setenv("PATH", path, 1);
	fb_free(path);
	fb_free(dir);
}

static void packages_of_debian_that_differ_are_told_with_the_command(void **state)
{
	const char *command;
	struct fake *f;

	(void)state;
	need("dpkg-query --version");
	f = item_new("strategy-packages", FIRST, "{\"of\": \"dpkg\"}");
	write_text(f, "dpkg-query", "#!/bin/sh\n/usr/bin/dpkg-query \"$@\" | if test -e \"$(dirname \"$0\")/changed\"; then sed 's/^\\(ii *dpkg=\\).*/\\19.9/'; else cat; fi\n");
	assert_int_equal(sh(f, "chmod 755 dpkg-query"), 0);
	add_path(f);
	assert_sealed(f);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_call(f, FB_OP_RESTORE, FB_SKIP);
	assert_int_equal(json_array_size(f->advice), 0);
	assert_int_equal(sh(f, "touch changed"), 0);
	assert_call(f, FB_OP_RESTORE, FB_SKIP);
	command = json_string_value(json_object_get(json_array_get(f->advice, 0), "command"));
	assert_non_null(command);
	assert_int_equal(strncmp(command, "apt-get install --allow-downgrades dpkg=", 40), 0);
	assert_null(strstr(command, "9.9"));
	fake_free(f);
}

static void packages_of_npm_that_differ_are_told_with_the_command(void **state)
{
	struct fake *f;

	(void)state;
	need("npm --version");
	f = item_new("strategy-packages", FIRST, "{\"of\": \"npm\", \"directory\": \"%/app\"}");
	assert_int_equal(sh(f, "mkdir -p app dep && echo '{\"name\": \"dep\", \"version\": \"1.0.0\"}' > dep/package.json && echo '{\"name\": \"app\", \"version\": \"1.0.0\", \"dependencies\": {\"dep\": \"file:../dep\"}}' > app/package.json"
			       " && cd app && HOME=$PWD npm install --offline --no-audit --no-fund"), 0);
	assert_sealed(f);
	assert_call(f, FB_OP_RESTORE, FB_SKIP);
	assert_int_equal(json_array_size(f->advice), 0);
	assert_int_equal(sh(f, "sed -i s/1.0.0/1.0.1/ app/package-lock.json"), 0);
	assert_call(f, FB_OP_RESTORE, FB_SKIP);
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(f->advice, 0), "command")), "npm ci --prefix"));
	fake_free(f);
}

static void settings_that_cannot_be_are_refused(void **state)
{
	struct fake *f = item_new("strategy-packages", FIRST, "{\"of\": \"dpkg\", \"on_rollback\": \"restore\"}");

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "is for of = \"pip\" only");
	set_item_options(f, "{\"of\": \"pip\"}");
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "needs 'venv'");
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_python_environment_comes_back_from_its_wheels_alone),
		cmocka_unit_test(a_release_that_can_be_had_no_more_is_told),
		cmocka_unit_test(packages_of_debian_that_differ_are_told_with_the_command),
		cmocka_unit_test(packages_of_npm_that_differ_are_told_with_the_command),
		cmocka_unit_test(settings_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
