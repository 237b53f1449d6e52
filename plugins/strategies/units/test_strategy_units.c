/* SPDX-License-Identifier: Apache-2.0 */
/* systemctl is a program of the test's that answers as the real one does, for the test has no systemd of its own. */
#include "plugins/common/test_item.h"

#define FIRST "{\"paths\": [\"/etc/shop\"]}"
#define GIVEN "{\"units\": [\"shop.service\"], \"paths\": [\"%/default\"]}"

static struct fake *begin(void)
{
	struct fake *f = item_new("strategy-units", FIRST, GIVEN);
	char *dir = fake_path(f, ""), *path = fb_asprintf("%s:%s", dir, getenv("PATH"));

	setenv("PATH", path, 1);
	write_text(f, "systemctl", "#!/bin/sh\ncd \"$(dirname \"$0\")\"\ncase \"$*\" in\n'show --no-pager --property=FragmentPath,DropInPaths -- shop.service')\n"
				   " echo FragmentPath=$PWD/shop.service; echo DropInPaths=$(ls -d $PWD/shop.service.d/*.conf) ;;\ndaemon-reload) echo x >> reloaded ;;\n"
				   "*) printf 'FragmentPath=\\nDropInPaths=\\n' ;;\nesac\n");
	assert_int_equal(sh(f, "chmod 755 systemctl && mkdir shop.service.d && echo unit > shop.service && echo limit > shop.service.d/limit.conf && echo a > default"), 0);
	fb_free(path);
	fb_free(dir);
	return f;
}

static void files_of_units_come_back_and_systemd_reads_them_again(void **state)
{
	struct fake *f = begin();

	(void)state;
	assert_call(f, FB_OP_CHECK, FB_OK);
	assert_sealed(f);
	assert_call(f, FB_OP_PROVE, FB_OK);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_int_not_equal(sh(f, "test -e reloaded"), 0);
	assert_int_equal(sh(f, "echo changed > shop.service; rm shop.service.d/limit.conf; echo b > default; echo added > shop.service.d/added.conf"), 0);
	assert_call(f, FB_OP_RESTORE, FB_OK);
	assert_text(f, "shop.service", "unit\n");
	assert_text(f, "shop.service.d/limit.conf", "limit\n");
	assert_text(f, "default", "a\n");
	assert_text(f, "reloaded", "x\n");
	assert_text(f, "shop.service.d/added.conf", "added\n");
	assert_int_equal(json_array_size(f->advice), 1);
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(f->advice, 0), "command")), "shop.service.d/added.conf && systemctl daemon-reload"));
	fake_free(f);
}

static void a_unit_that_systemd_does_not_know_is_no_backup(void **state)
{
	struct fake *f = begin();

	(void)state;
	fake_set_options(f, "{\"units\": [\"shup.service\"]}");
	assert_call(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "systemd knows no file of unit shup.service");
	fake_set_options(f, "{}");
	assert_call(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "neither 'units' nor 'paths' is set");
	fake_free(f);
}

static void a_reload_that_fails_is_told(void **state)
{
	struct fake *f = begin();

	(void)state;
	set_item_options(f, "{\"paths\": [\"%/shop.service\"], \"reload\": \"echo cannot reload; exit 4\"}");
	assert_sealed(f);
	assert_int_equal(sh(f, "echo changed > shop.service"), 0);
	assert_call(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "the unit files are back, but reload failed: exit code 4: cannot reload");
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_units_come_back_and_systemd_reads_them_again),
		cmocka_unit_test(a_unit_that_systemd_does_not_know_is_no_backup),
		cmocka_unit_test(a_reload_that_fails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
