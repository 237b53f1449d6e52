/* SPDX-License-Identifier: Apache-2.0 */
/* Strategy dependencies with real environments of Python, from a folder of wheels that the test makes; no network is ever asked. */
#include "plugins/common/test_item.h"

#define FIRST "{\"environments\": \"/nowhere/environments\", \"link\": \"/nowhere/link\"}"
#define BASE                                                                                                                                                     \
	"{\"environments\": \"%/envs\", \"link\": \"%/venv\", \"requirements\": \"%/releases/{release}.txt\", \"wheels\": \"%/index\", \"directory\": \"%\", \"offline\": true,"          \
	" \"test\": \"python -c 'import shop' && echo tested $FAILBACK_RELEASE in $FAILBACK_PREFIX >> trace\", \"restart\": \"echo restart $FAILBACK_RELEASE >> trace; touch up\"," \
	" \"running\": [\"test\", \"-e\", \"up\"]"

static void need(const char *line)
{
	char *all = fb_asprintf("{ %s; } >/dev/null 2>&1", line);
	int code = system(all);

	fb_free(all);
	if (code && getenv("CI"))
		fail_msg("'%s' does not work here", line);
	if (code)
		skip();
}

/* shop 1.0 needs acme 1.0 and its function; shop 2.0 takes acme 2.0, which has none. */
static const char make_index[] =
	"import zipfile, os\nos.makedirs('index')\n"
	"def wheel(name, version, code, needs=()):\n"
	" with zipfile.ZipFile(f'index/{name}-{version}-py3-none-any.whl', 'w') as z:\n"
	"  d = f'{name}-{version}.dist-info/'\n"
	"  z.writestr(f'{name}.py', code)\n"
	"  z.writestr(d + 'METADATA', f'Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n' + ''.join(f'Requires-Dist: {n}\\n' for n in needs))\n"
	"  z.writestr(d + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
	"  z.writestr(d + 'RECORD', f'{name}.py,,\\n{d}METADATA,,\\n{d}WHEEL,,\\n{d}RECORD,,\\n')\n"
	"wheel('acme', '1.0', 'def work(): return 1\\n')\n"
	"wheel('acme', '2.0', 'def toil(): return 2\\n')\n"
	"wheel('shop', '1.0', 'from acme import work\\n', ['acme'])\n"
	"wheel('shop', '1.1', 'from acme import work\\n', ['acme'])\n"
	"wheel('shop', '3.0', 'import acme\\n', ['acme<2'])\n"
	"wheel('other', '0.3', 'version = 3\\n')\n";

/*
 * A Python whose environments all have one pip, which is unpacked once from the wheel that Python brings along: making one then takes a tenth of the time. The
 * first test has the real thing.
 */
static char fast[] = "/tmp/failback-test-XXXXXX";

static const char fast_pip[] = "import ensurepip, os, subprocess, sys, zipfile\n"
			       "try:\n"
			       "    p = ensurepip._get_packages()['pip']\n"
			       "    zipfile.ZipFile(p.wheel_path or os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', p.wheel_name)).extractall('site')\n"
			       "except (AttributeError, KeyError, OSError, TypeError):\n" /* another Python has them elsewhere */
			       "    subprocess.run([sys.executable, '-m', 'venv', 'base'], check=True)\n"
			       "    os.symlink(f'base/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages', 'site')\n";
static const char fast_python[] = "#!/bin/sh\ncase \"$1 $2\" in\n'-m venv') /usr/bin/python3 -m venv --without-pip \"$3\" && for d in \"$3\"/lib/python3*/site-packages; do"
				  " echo \"$(dirname \"$0\")/site\" > \"$d/pip.pth\"; done ;;\n*) exec /usr/bin/python3 \"$@\" ;;\nesac\n";

static int put(const char *name, const char *text)
{
	char *path = fb_asprintf("%s/%s", fast, name);
	FILE *f = fopen(path, "we");
	int bad = !f || fputs(text, f) < 0;

	if (f && fclose(f))
		bad = 1;
	fb_free(path);
	return bad;
}

static int make_fast(void **state)
{
	char *line;
	int code;

	(void)state;
	if (!mkdtemp(fast) || put("python", fast_python) || put("pip.py", fast_pip))
		return -1;
	line = fb_asprintf("cd '%s' && chmod 755 python && { ! /usr/bin/python3 -c 'import venv, ensurepip' || /usr/bin/python3 pip.py; } >/dev/null 2>&1", fast);
	code = system(line);
	fb_free(line);
	return code ? -1 : 0;
}

static int remove_fast(void **state)
{
	char *line = fb_asprintf("rm -rf '%s'", fast);
	int code = system(line);

	(void)state;
	fb_free(line);
	return code;
}

static struct fake *make(const char *more)
{
	char *python = strstr(more, "\"python\"") ? fb_strdup("") : fb_asprintf(", \"python\": \"%s/python\"", fast);
	char *options = fb_asprintf("%s%s%s%s}", BASE, python, strstr(more, "\"conflicts\"") ? "" : ", \"conflicts\": \"allow\"", more);
	struct fake *f;

	need("/usr/bin/python3 -c 'import venv, ensurepip'");
	f = fake_new("strategy-dependencies", FIRST);
	f->call.service = "shop";
	f->call.share = 10000;
	f->call.deadline_ms = fake_now_ms() + 600000;
	set_item_options(f, options);
	fb_free(options);
	fb_free(python);
	write_text(f, "make.py", make_index);
	assert_int_equal(sh(f, "/usr/bin/python3 make.py && mkdir releases && echo shop==1.0 > releases/1.0.txt && echo 'acme==1.0' >> releases/1.0.txt"
			       " && printf 'shop==1.1\\nacme==1.0\\nother==0.3\\n' > releases/1.1.txt && printf 'shop==1.0\\nacme==2.0\\n' > releases/2.0.txt"
			       " && printf 'shop==3.0\\nacme==2.0\\n' > releases/3.0.txt"), 0);
	return f;
}

static void calls(struct fake *f, const char *release, const char *last_good, uint32_t flags)
{
	f->call.release = release;
	f->call.last_good = last_good;
	f->call.failed = flags & FB_CALL_RECOVERY ? "2.0" : NULL;
	f->call.flags = flags;
}

static int32_t call(struct fake *f, uint32_t operation)
{
	fake_forget(f, true);
	return fake_call(f, operation);
}

#define assert_answer(f, operation, expected)                                                                                                                    \
	do {                                                                                                                                                     \
		int32_t answer_ = call((f), (operation));                                                                                                        \
		if (answer_ != (expected))                                                                                                                       \
			fail_msg("operation %d answered %d, not %d: %s", (int)(operation), (int)answer_, (int)(expected), (f)->message ? (f)->message : "");     \
	} while (0)

static void deploy(struct fake *f, const char *release, const char *last_good)
{
	calls(f, release, last_good, 0);
	assert_answer(f, FB_OP_PREPARE, FB_OK);
	assert_answer(f, FB_OP_SHIFT, FB_OK);
	assert_answer(f, FB_OP_VERIFY, FB_OK);
	fake_call(f, FB_OP_COMMIT);
}

static void assert_pins(const struct fake *f, const char *at, const char *pins)
{
	char *got;

	assert_int_equal(sh(f, "%s/bin/python -m pip --disable-pip-version-check freeze | sort | tr '\\n' ' ' > got", at), 0);
	got = text_of(f, "got");
	assert_string_equal(got, pins);
	fb_free(got);
}

static void a_release_is_made_and_tested_out_of_sight_and_goes_live_by_a_link(void **state)
{
	struct fake *f = make(", \"python\": \"/usr/bin/python3\"");
	char *place = fake_path(f, "envs/1.0"), *trace;

	(void)state;
	assert_answer(f, FB_OP_CHECK, FB_OK);
	calls(f, "1.0", NULL, 0);
	assert_answer(f, FB_OP_CAPTURE, FB_SKIP);
	assert_answer(f, FB_OP_PREPARE, FB_OK);
	assert_int_not_equal(sh(f, "test -e venv -o -e up"), 0);
	assert_pins(f, "envs/1.0", "acme==1.0 shop==1.0 ");
	trace = text_of(f, "trace");
	assert_int_equal(strncmp(trace, "tested 1.0 in ", 14), 0);
	assert_non_null(strstr(trace, place));
	fb_free(trace);
	assert_answer(f, FB_OP_SHIFT, FB_OK);
	assert_int_equal(sh(f, "test \"$(readlink venv)\" = \"%s\" && grep -q 'restart 1.0' trace && venv/bin/python -c 'import shop'", place), 0);
	assert_answer(f, FB_OP_VERIFY, FB_OK);
	assert_answer(f, FB_OP_STATE, FB_OK);
	assert_string_equal(json_string_value(json_object_get(json_object_get(f->reports, "state"), "release")), "1.0");
	fb_free(place);
	fake_free(f);
}

static void an_environment_that_fails_its_test_never_goes_live_and_is_undone(void **state)
{
	struct fake *f = make("");

	(void)state;
	deploy(f, "1.0", NULL);
	calls(f, "2.0", "1.0", 0);
	assert_answer(f, FB_OP_PREPARE, FB_FAIL);
	assert_says(f, "does not pass its test, and did not go live: 'test' ended with exit code 1: ImportError: cannot import name 'work'");
	assert_int_equal(sh(f, "test -d envs/2.0 && test \"$(basename \"$(readlink venv)\")\" = 1.0"), 0);
	assert_answer(f, FB_OP_SHIFT, FB_FAIL); /* half of one is none */
	assert_says(f, "did not go live: the making of");
	f->call.flags = FB_CALL_UNDO;
	assert_answer(f, FB_OP_PREPARE, FB_OK);
	assert_int_not_equal(sh(f, "ls -d envs/2.0 envs/.failback/making*"), 0);
	/* the same release, mended */
	assert_int_equal(sh(f, "cp releases/1.1.txt releases/2.0.txt"), 0);
	calls(f, "2.0", "1.0", 0);
	assert_answer(f, FB_OP_PREPARE, FB_OK);
	assert_true(fake_logged(f, "packages of release 2.0, beside 1.0: + other 0.3"));
	assert_true(fake_logged(f, "packages of release 2.0, beside 1.0: ~ shop 1.0 -> 1.1"));
	fake_free(f);
}

static void packages_that_do_not_get_on_are_refused_or_allowed(void **state)
{
	struct fake *f = make(", \"pip_options\": [\"--no-deps\"], \"conflicts\": \"refuse\"");

	(void)state;
	calls(f, "3.0", NULL, 0);
	assert_answer(f, FB_OP_PREPARE, FB_FAIL);
	assert_says(f, "shop 3.0 has requirement acme<2, but you have acme 2.0");
	char *allowed = fb_asprintf("%s, \"python\": \"%s/python\", \"pip_options\": [\"--no-deps\"], \"conflicts\": \"allow\"}", BASE, fast);
	set_item_options(f, allowed);
	fb_free(allowed);
	calls(f, "3.0", NULL, 0);
	assert_answer(f, FB_OP_PREPARE, FB_OK);
	fake_free(f);
}

/* 1.0 is good, 1.1 is live and has failed. */
static struct fake *failed(const char *more)
{
	struct fake *f = make(more);

	deploy(f, "1.0", NULL);
	calls(f, "1.0", "1.0", 0);
	assert_answer(f, FB_OP_CAPTURE, FB_OK);
	deploy(f, "1.1", "1.0");
	assert_int_equal(sh(f, "rm trace"), 0);
	calls(f, "1.0", "1.0", FB_CALL_RECOVERY);
	return f;
}

static void going_back_to_an_intact_one_is_a_link_and_a_restart(void **state)
{
	struct fake *f = failed("");

	(void)state;
	assert_answer(f, FB_OP_EVIDENCE, FB_OK);
	f->call.failed = "1.1";
	assert_answer(f, FB_OP_EVIDENCE, FB_OK);
	assert_string_equal(json_string_value(json_object_get(json_array_get(f->evidence, 0), "text")), "+ other 0.3\n~ shop 1.0 -> 1.1\n");
	assert_answer(f, FB_OP_PREPARE, FB_OK);
	assert_int_equal(json_array_size(f->acts), 0);
	assert_answer(f, FB_OP_RESTORE, FB_OK);
	assert_true(fake_did(f, "link") && fake_did(f, "restart"));
	assert_null(fake_act(f, "make"));
	assert_text(f, "trace", "restart 1.0\n");
	assert_answer(f, FB_OP_VERIFY, FB_OK);
	assert_answer(f, FB_OP_RESTORE, FB_SKIP);
	assert_int_equal(sh(f, "rm up"), 0); /* in place, but it does not run */
	assert_answer(f, FB_OP_RESTORE, FB_OK);
	fake_free(f);
}

static void a_damaged_or_missing_one_is_made_again_from_frozen_pins_and_wheels(void **state)
{
	struct fake *f = failed("");

	(void)state;
	assert_int_equal(sh(f, "rm -r releases && echo 'raise SystemExit(1)' > $(find envs/1.0 -name acme.py)"), 0);
	assert_answer(f, FB_OP_PREPARE, FB_OK);
	assert_true(fake_did(f, "make"));
	assert_true(fake_logged(f, "files are not as they were"));
	assert_pins(f, "envs/1.0", "acme==1.0 shop==1.0 ");
	assert_int_equal(sh(f, "grep -q 'tested 1.0' trace && ! grep restart trace"), 0);
	assert_answer(f, FB_OP_RESTORE, FB_OK);
	assert_null(fake_act(f, "make"));
	assert_int_equal(sh(f, "rm -r envs/1.0"), 0);
	assert_answer(f, FB_OP_RESTORE, FB_OK); /* live, and gone: in place */
	assert_pins(f, "venv", "acme==1.0 shop==1.0 ");
	assert_int_equal(sh(f, "envs/1.0/bin/python -m pip install -q --no-index --find-links index other"), 0);
	assert_answer(f, FB_OP_RESTORE, FB_OK);
	assert_true(fake_logged(f, "other packages than were recorded: other==0.3"));
	assert_pins(f, "venv", "acme==1.0 shop==1.0 ");
	fake_free(f);
}

static void what_a_run_leaves_in_it_is_no_damage(void **state)
{
	struct fake *f = failed("");

	(void)state;
	assert_int_equal(sh(f, "envs/1.0/bin/python -c 'import shop, json.tool' && touch envs/1.0/some-cache && find envs/1.0 -name acme.py | xargs touch"), 0);
	assert_answer(f, FB_OP_PREPARE, FB_OK);
	assert_int_equal(json_array_size(f->acts), 0);
	fake_free(f);
}

static void a_way_back_that_cannot_be_gone_is_refused_before_the_deployment(void **state)
{
	struct fake *f = make("");

	(void)state;
	deploy(f, "1.0", NULL);
	calls(f, "1.0", "1.0", 0);
	assert_answer(f, FB_OP_CAPTURE, FB_OK);
	assert_answer(f, FB_OP_PROVE, FB_OK);
	assert_string_equal(json_string_value(item_reported(f, "proven_by")), "read");
	assert_int_equal(sh(f, "rm $(find envs/1.0 -name acme.py)"), 0);
	assert_answer(f, FB_OP_CAPTURE, FB_OK);
	assert_true(fake_logged(f, "is not as it was when it was good"));
	assert_answer(f, FB_OP_PROVE, FB_OK); /* made again in the scratch folder */
	assert_string_equal(json_string_value(item_reported(f, "proven_by")), "restore");
	assert_int_equal(sh(f, "test -z \"$(ls '%s')\"", f->call.scratch), 0);
	assert_int_equal(sh(f, "mv index/acme-1.0* ."), 0);
	assert_answer(f, FB_OP_PROVE, FB_FAIL);
	assert_says(f, "cannot be gone back to");
	assert_says(f, "No matching distribution found for acme==1.0");
	assert_says(f, "Mend the environment, or put what is missing into");
	assert_int_equal(sh(f, "mv acme-1.0* index/ && for p in envs/.failback/1.0.*/pins; do echo x >> $p; done"), 0);
	assert_answer(f, FB_OP_PROVE, FB_FAIL);
	assert_says(f, "its record is damaged");
	assert_answer(f, FB_OP_CAPTURE, FB_OK); /* what is there is recorded anew: the deployment after it knows what it goes back to */
	assert_int_equal(sh(f, "rm -r envs/1.0 envs/.failback/1.0.*"), 0);
	assert_answer(f, FB_OP_CAPTURE, FB_FAIL);
	assert_says(f, "the way back to release 1.0 of shop is not recorded");
	fake_free(f);
}

static void an_intact_one_whose_wheels_are_gone_is_told(void **state)
{
	struct fake *f = make("");

	(void)state;
	deploy(f, "1.0", NULL);
	calls(f, "1.0", "1.0", 0);
	assert_int_equal(sh(f, "rm index/acme-1.0*"), 0);
	assert_answer(f, FB_OP_PROVE, FB_OK);
	assert_true(fake_logged(f, "it could not be made again"));
	fake_free(f);
}

static void what_people_changed_can_be_accepted_as_good(void **state)
{
	struct fake *f = make(", \"changed\": \"accept\"");

	(void)state;
	deploy(f, "1.0", NULL);
	calls(f, "1.0", "1.0", 0);
	assert_int_equal(sh(f, "envs/1.0/bin/python -m pip install -q --no-index --find-links index other"), 0);
	assert_answer(f, FB_OP_CAPTURE, FB_OK);
	assert_true(fake_did(f, "freeze"));
	assert_answer(f, FB_OP_PROVE, FB_OK);
	assert_string_equal(json_string_value(item_reported(f, "proven_by")), "read");
	assert_int_equal(sh(f, "rm -r envs/1.0"), 0);
	calls(f, "1.0", "1.0", FB_CALL_RECOVERY);
	assert_answer(f, FB_OP_RESTORE, FB_OK);
	assert_pins(f, "venv", "acme==1.0 other==0.3 shop==1.0 ");
	fake_free(f);
}

static void what_a_new_release_needs_is_fetched_into_the_folder_and_stays_there(void **state)
{
	struct fake *f = make("");
	char *options = fb_asprintf("{\"environments\": \"%%/envs\", \"link\": \"%%/venv\", \"requirements\": \"%%/releases/{release}.txt\", \"wheels\": \"%%/cache\","
				    " \"pip_options\": [\"--no-index\", \"--find-links=%%/index\"], \"python\": \"%s/python\", \"conflicts\": \"allow\"}", fast);

	(void)state;
	set_item_options(f, options);
	fb_free(options);
	assert_int_equal(sh(f, "mkdir cache"), 0);
	deploy(f, "1.0", NULL);
	assert_int_equal(sh(f, "ls cache/acme-1.0* cache/shop-1.0* && rm -r index envs/1.0"), 0);
	calls(f, "1.0", "1.0", FB_CALL_RECOVERY);
	assert_answer(f, FB_OP_RESTORE, FB_OK);
	assert_pins(f, "venv", "acme==1.0 shop==1.0 ");
	fake_free(f);
}

static void a_making_that_was_broken_off_is_made_anew(void **state)
{
	struct fake *f = make("");

	(void)state;
	calls(f, "1.0", NULL, 0);
	fake_lose_acted(f, "make");
	assert_int_equal(fake_call(f, FB_OP_PREPARE), FB_RETRY);
	assert_int_equal(sh(f, "touch envs/.failback/making.1.0 && rm -r envs/1.0/bin"), 0);
	assert_answer(f, FB_OP_SHIFT, FB_FAIL);
	f->call.flags = FB_CALL_RESUMED;
	assert_int_equal(fake_call(f, FB_OP_PREPARE), FB_OK);
	assert_answer(f, FB_OP_SHIFT, FB_OK);
	assert_pins(f, "venv", "acme==1.0 shop==1.0 ");
	fake_free(f);
}

static void a_switch_without_its_restart_is_gone_on_with(void **state)
{
	struct fake *f = failed("");

	(void)state;
	fake_answer(f, "restart", FB_ACT_NO); /* the engine is gone, between link and restart */
	fake_forget(f, false);
	assert_int_equal(fake_call(f, FB_OP_RESTORE), FB_RETRY);
	assert_int_equal(sh(f, "test \"$(basename \"$(readlink venv)\")\" = 1.0 && test -e up && ! test -e trace"), 0);
	fake_answer(f, "restart", -1);
	assert_answer(f, FB_OP_RESTORE, FB_OK); /* the link is right and 'running' says yes, but with what it was started before */
	assert_text(f, "trace", "restart 1.0\n");
	fake_free(f);
}

static void a_service_that_does_not_come_up_is_told(void **state)
{
	struct fake *f = failed("");
	char *broken = fb_asprintf("%s, \"running\": [\"false\"], \"settle\": \"1s\"}", "{\"environments\": \"%/envs\", \"link\": \"%/venv\", \"wheels\": \"%/index\", \"restart\": [\"true\"]");

	(void)state;
	set_item_options(f, broken);
	fb_free(broken);
	f->skip_sleeps = true;
	assert_answer(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "was restarted with the environment of release 1.0, but 'running' ended with exit code 1");
	fake_free(f);
}

static void old_ones_are_retired_and_can_be_made_again(void **state)
{
	struct fake *f = make(", \"keep\": 0");

	(void)state;
	deploy(f, "1.0", NULL);
	assert_int_equal(sh(f, "mkdir envs/of-people && for r in 1.2 1.3; do cp releases/1.1.txt releases/$r.txt; done"), 0);
	deploy(f, "1.1", "1.0");
	assert_int_equal(sh(f, "test -d envs/1.0"), 0); /* the last known good */
	deploy(f, "1.2", "1.1");
	assert_int_equal(sh(f, "test ! -e envs/1.0 && test -d envs/1.1 && test -d envs/1.2 && test -d envs/of-people"), 0);
	calls(f, "1.0", "1.2", FB_CALL_RECOVERY);
	assert_answer(f, FB_OP_PREPARE, FB_OK);
	assert_answer(f, FB_OP_RESTORE, FB_OK);
	assert_pins(f, "venv", "acme==1.0 shop==1.0 ");
	fake_free(f);
}

static void what_failed_is_removed_or_kept(void **state)
{
	struct fake *f = failed("");

	(void)state;
	f->call.failed = "1.1";
	assert_answer(f, FB_OP_CLEANUP, FB_SKIP); /* it is still live */
	assert_answer(f, FB_OP_RESTORE, FB_OK);
	f->call.flags |= FB_CALL_PRESERVE;
	assert_answer(f, FB_OP_CLEANUP, FB_SKIP);
	assert_true(fake_logged(f, "is kept in"));
	assert_int_equal(sh(f, "test -d envs/1.1"), 0);
	f->call.flags &= ~FB_CALL_PRESERVE;
	assert_answer(f, FB_OP_CLEANUP, FB_OK);
	assert_int_not_equal(sh(f, "test -e envs/1.1"), 0);
	f->call.failed = "1.0";
	assert_answer(f, FB_OP_CLEANUP, FB_SKIP); /* never the last known good */
	assert_int_equal(sh(f, "test -d envs/1.0"), 0);
	fake_free(f);
}

static void the_environment_of_a_release_is_never_changed_under_its_users(void **state)
{
	struct fake *f = make("");

	(void)state;
	deploy(f, "1.0", NULL);
	assert_int_equal(sh(f, "cp releases/1.1.txt releases/1.0.txt"), 0);
	calls(f, "1.0", "1.0", 0);
	assert_answer(f, FB_OP_PREPARE, FB_FAIL);
	assert_says(f, "is in use, and was made from other requirements: give the new release another name");
	assert_int_equal(sh(f, "mkdir envs/1.1"), 0);
	calls(f, "1.1", "1.0", 0);
	assert_answer(f, FB_OP_PREPARE, FB_FAIL);
	assert_says(f, "failback did not make it");
	assert_pins(f, "venv", "acme==1.0 shop==1.0 ");
	fake_free(f);
}

static void hashes_are_required_and_kept_for_the_way_back(void **state)
{
	struct fake *f = make(", \"require_hashes\": true");

	(void)state;
	calls(f, "1.0", NULL, 0);
	assert_answer(f, FB_OP_PREPARE, FB_FAIL);
	assert_says(f, "Hashes are required");
	assert_int_equal(sh(f, "for p in shop acme; do echo \"$p==1.0 --hash=sha256:$(sha256sum index/$p-1.0-* | cut -c1-64)\"; done > releases/1.0.txt"), 0);
	deploy(f, "1.0", NULL);
	assert_int_equal(sh(f, "rm -r envs/1.0 releases"), 0);
	calls(f, "1.0", "1.0", FB_CALL_RECOVERY);
	assert_answer(f, FB_OP_RESTORE, FB_OK);
	assert_pins(f, "venv", "acme==1.0 shop==1.0 ");
	assert_int_equal(sh(f, "rm -r envs/1.0 && sed -i 's/return 1/return 9/' index/acme-1.0-* && printf x >> index/acme-1.0-*"), 0);
	assert_answer(f, FB_OP_RESTORE, FB_FAIL);
	assert_says(f, "acme==1.0 from file:"); /* so pip names what is not what its hash says */
	fake_free(f);
}

static void settings_that_cannot_be_are_refused(void **state)
{
	struct fake *f = make("");

	(void)state;
	assert_int_equal(sh(f, "mkdir venv"), 0);
	assert_answer(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "is a folder, and not a link");
	set_item_options(f, "{\"environments\": \"%/envs\", \"link\": \"%/none/venv\"}");
	assert_answer(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "there is no folder");
	set_item_options(f, "{\"environments\": \"%/envs\", \"link\": \"%/link\", \"offline\": true}");
	assert_answer(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "'wheels' is not set");
	set_item_options(f, "{\"environments\": \"%/envs\", \"link\": \"%/link\", \"offline\": true, \"wheels\": \"%/none\"}");
	assert_answer(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "fill it");
	set_item_options(f, "{\"environments\": \"%/envs\", \"link\": \"%/link\", \"python\": \"/nowhere/python\"}");
	assert_answer(f, FB_OP_CHECK, FB_FATAL);
	assert_says(f, "Python environments cannot be made here");
	calls(f, "../etc", NULL, 0);
	assert_answer(f, FB_OP_PREPARE, FB_FATAL);
	assert_says(f, "cannot be the name of an environment's folder");
	calls(f, "4.0", NULL, 0);
	assert_answer(f, FB_OP_PREPARE, FB_FAIL);
	assert_says(f, "'requirements' (npm: 'project') is not set");
	f->call.share = 500;
	assert_answer(f, FB_OP_SHIFT, FB_FATAL);
	assert_says(f, "5.00 %");
	fake_free(f);
}

static void a_dry_run_makes_nothing(void **state)
{
	struct fake *f = make("");

	(void)state;
	calls(f, "1.0", NULL, FB_CALL_DRY_RUN);
	assert_answer(f, FB_OP_PREPARE, FB_OK);
	assert_answer(f, FB_OP_SHIFT, FB_OK);
	assert_non_null(fake_act(f, "restart"));
	assert_int_not_equal(sh(f, "ls -d envs venv trace"), 0);
	fake_free(f);
}

/* ---- npm, from a cache that the test fills ---- */

static const char make_npm[] =
	"set -e; export HOME=$PWD; for v in 1.0.0 2.0.0; do mkdir -p src/package; echo \"{\\\"name\\\": \\\"acme\\\", \\\"version\\\": \\\"$v\\\", \\\"main\\\": \\\"i.js\\\"}\" > src/package/package.json;"
	" echo \"exports.v = '$v'\" > src/package/i.js; tar -C src -czf acme-$v.tgz package; npm cache add \"$PWD/acme-$v.tgz\" --cache \"$PWD/cache\" --offline;"
	" h=$(node -p 'require(\"crypto\").createHash(\"sha512\").update(require(\"fs\").readFileSync(process.argv[1])).digest(\"base64\")' acme-$v.tgz); r=${v%%.0}; mkdir -p releases/$r;"
	" echo \"{\\\"name\\\": \\\"shop\\\", \\\"version\\\": \\\"1.0.0\\\", \\\"dependencies\\\": {\\\"acme\\\": \\\"$v\\\"}}\" > releases/$r/package.json;"
	" echo \"{\\\"name\\\": \\\"shop\\\", \\\"version\\\": \\\"1.0.0\\\", \\\"lockfileVersion\\\": 3, \\\"packages\\\": {\\\"\\\": {\\\"name\\\": \\\"shop\\\", \\\"version\\\": \\\"1.0.0\\\","
	" \\\"dependencies\\\": {\\\"acme\\\": \\\"$v\\\"}}, \\\"node_modules/acme\\\": {\\\"version\\\": \\\"$v\\\", \\\"resolved\\\": \\\"https://registry.npmjs.org/acme/-/acme-$v.tgz\\\","
	" \\\"integrity\\\": \\\"sha512-$h\\\"}}}\" > releases/$r/package-lock.json; done";

static void packages_of_npm_go_the_same_way(void **state)
{
	struct fake *f;

	(void)state;
	if (system("{ npm --version && node --version; } >/dev/null 2>&1"))
		skip(); /* not one of the packages that the tests need */
	f = fake_new("strategy-dependencies", FIRST);
	f->call.service = "shop";
	f->call.share = 10000;
	f->call.deadline_ms = fake_now_ms() + 600000;
	set_item_options(f, "{\"of\": \"npm\", \"environments\": \"%/envs\", \"link\": \"%/node_modules\", \"project\": \"%/releases/{release}\", \"wheels\": \"%/cache\", \"offline\": true,"
			    " \"test\": \"node -e 'require(\\\"acme\\\").v'\", \"environment\": {\"HOME\": \"%\"}}");
	assert_int_equal(sh(f, "%s", make_npm), 0);
	assert_answer(f, FB_OP_CHECK, FB_OK);
	deploy(f, "1.0", NULL);
	assert_int_equal(sh(f, "test \"$(node -p 'require(\"./node_modules/acme\").v')\" = 1.0.0"), 0);
	calls(f, "1.0", "1.0", 0);
	assert_answer(f, FB_OP_CAPTURE, FB_OK);
	assert_answer(f, FB_OP_PROVE, FB_OK);
	deploy(f, "2.0", "1.0");
	assert_int_equal(sh(f, "test \"$(node -p 'require(\"./node_modules/acme\").v')\" = 2.0.0"), 0);
	calls(f, "1.0", "1.0", FB_CALL_RECOVERY);
	assert_answer(f, FB_OP_EVIDENCE, FB_OK);
	assert_string_equal(json_string_value(json_object_get(json_array_get(f->evidence, 0), "text")), "~ acme 1.0.0 -> 2.0.0\n");
	assert_int_equal(sh(f, "rm -r releases && echo x > envs/1.0/node_modules/acme/i.js"), 0);
	assert_answer(f, FB_OP_PREPARE, FB_OK);
	assert_true(fake_did(f, "make"));
	assert_answer(f, FB_OP_RESTORE, FB_OK);
	assert_int_equal(sh(f, "test \"$(node -p 'require(\"./node_modules/acme\").v')\" = 1.0.0"), 0);
	assert_int_equal(sh(f, "rm -r cache && mkdir cache && rm envs/1.0/node_modules/acme/i.js"), 0);
	calls(f, "1.0", "1.0", 0);
	assert_answer(f, FB_OP_PROVE, FB_FAIL);
	assert_says(f, "could not be made again in a scratch folder");
	fake_free(f);
}

/* Names of tests, with *, may be given. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_release_is_made_and_tested_out_of_sight_and_goes_live_by_a_link),
		cmocka_unit_test(an_environment_that_fails_its_test_never_goes_live_and_is_undone),
		cmocka_unit_test(packages_that_do_not_get_on_are_refused_or_allowed),
		cmocka_unit_test(going_back_to_an_intact_one_is_a_link_and_a_restart),
		cmocka_unit_test(a_damaged_or_missing_one_is_made_again_from_frozen_pins_and_wheels),
		cmocka_unit_test(what_a_run_leaves_in_it_is_no_damage),
		cmocka_unit_test(a_way_back_that_cannot_be_gone_is_refused_before_the_deployment),
		cmocka_unit_test(an_intact_one_whose_wheels_are_gone_is_told),
		cmocka_unit_test(what_people_changed_can_be_accepted_as_good),
		cmocka_unit_test(what_a_new_release_needs_is_fetched_into_the_folder_and_stays_there),
		cmocka_unit_test(a_making_that_was_broken_off_is_made_anew),
		cmocka_unit_test(a_switch_without_its_restart_is_gone_on_with),
		cmocka_unit_test(a_service_that_does_not_come_up_is_told),
		cmocka_unit_test(old_ones_are_retired_and_can_be_made_again),
		cmocka_unit_test(what_failed_is_removed_or_kept),
		cmocka_unit_test(the_environment_of_a_release_is_never_changed_under_its_users),
		cmocka_unit_test(hashes_are_required_and_kept_for_the_way_back),
		cmocka_unit_test(settings_that_cannot_be_are_refused),
		cmocka_unit_test(a_dry_run_makes_nothing),
		cmocka_unit_test(packages_of_npm_go_the_same_way),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, make_fast, remove_fast);
}
