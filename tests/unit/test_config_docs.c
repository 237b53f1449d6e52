/* SPDX-License-Identifier: Apache-2.0 */
/* The manual page and the shipped default file say what is so: examples are taken out and checked, names compared with those in the code. */
#include "config/internal.h"
#include "config_fixture.h"

static char source[PATH_MAX]; /* of the tree, absolute */

static char *read_source(const char *path)
{
	char *full = fb_asprintf("%s/%s", source, path), *text;
	size_t n;

	assert_int_equal(fb_io_read_file(full, 1048576, &text, &n, NULL), 0);
	fb_free(full);
	return text;
}

/* The nth example of a kind in the manual page, as a reader sees it; to be freed. NULL: there are not so many. */
static char *example(const char *page, const char *kind, int n)
{
	char *mark = fb_asprintf(".\\\" example: %s\n.Bd -literal\n", kind);
	const char *p = page;
	struct fb_text t = {0};

	for (int i = 0; p && i <= n; i++) {
		p = strstr(p, mark);
		p = p ? p + strlen(mark) : NULL;
	}
	fb_free(mark);
	if (!p)
		return NULL;
	assert_non_null(strstr(p, "\n.Ed\n"));
	for (const char *end = strstr(p, "\n.Ed\n") + 1; p < end; p++) {
		if (p[0] == '\\' && p[1] == 'e')
			p++;
		fb_text_add(&t, p[0] == 'e' && p[-1] == '\\' ? "\\" : p, 1);
	}
	return fb_text_take(&t);
}

static void examples_in_the_manual_page_pass_the_check(void **state)
{
	struct fixture *f = *state;
	char *page = read_source("core/man/failback.conf.5"), *config, *plan;
	int n;

	for (n = 0; (config = example(page, "config", n)); n++) {
		if (n != 1) /* the one that the plan is for, below */
			assert_string_equal(check(f, config), "");
		fb_free(config);
	}
	assert_int_equal(n, 4);
	config = example(page, "config", 1);
	assert_string_equal(check(f, config), "");
	for (n = 0; (plan = example(page, "plan", n)); n++) {
		if (freeze_deploy(f, plan) < 0)
			fail_msg("%s", errors(f));
		fb_free(plan);
	}
	assert_int_equal(n, 1);
	fb_free(config);
	fb_free(page);
}

static void the_recovery_in_the_manual_page_is_the_built_in_one(void **state)
{
	struct fixture *f = *state;
	char *page = read_source("core/man/failback.conf.5"), *config = example(page, "config", 2), *built_in, *p;
	struct fb_text t = {0};

	assert_int_equal(freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; } );"), 0);
	built_in = fb_strdup(at(f->chain, "chains.recovery"));
	put("failback.conf", config);
	assert_int_equal(freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; } );"), 0);
	for (p = (char *)at(f->chain, "chains.recovery"); *p; p++) /* but for the places */
		fb_text_add(&t, p, 1);
	for (char *texts[2] = {built_in, t.p}, **text = texts; text < texts + 2; text++)
		while ((p = strstr(*text, "\"place\":\"")))
			memmove(p, strchr(p + 9, '"') + 1, strlen(strchr(p + 9, '"') + 1) + 1);
	assert_string_equal(t.p, built_in);
	fb_text_clear(&t);
	fb_free(built_in);
	fb_free(config);
	fb_free(page);
}

/* Takes "#" off the lines of settings that are commented out: "#name = " and what is in it. */
static char *uncommented(const char *text)
{
	struct fb_text t = {0};

	for (const char *p = text; *p; p = strchr(p, '\n') + 1) {
		bool setting = *p == '#' && p[1] != '\n' && (p[1] != ' ' || p[2] == ' ');

		assert_non_null(strchr(p, '\n'));
		fb_text_add(&t, p + setting, (size_t)(strchr(p, '\n') + 1 - p - setting));
	}
	return fb_text_take(&t);
}

static void the_default_file_passes_the_check_also_with_all_that_it_suggests(void **state)
{
	struct fixture *f = *state;
	char *text = read_source("etc/failback.conf"), *all = uncommented(text);

	assert_string_equal(check(f, text), "");
	assert_string_equal(check(f, all), "");
	assert_int_equal(f->config != NULL && fb_config_services(f->config)[0] != NULL, 1);
	fb_free(all);
	fb_free(text);
}

static void what_the_default_file_shows_as_defaults_are_the_defaults(void **state)
{
	struct fixture *f = *state;
	char *text = read_source("etc/failback.conf"), *examples = strstr(text, "# Example"), *all, *built_in;

	put("failback.conf", "state_dir = \"/var/lib/failback\";"); /* which this build may have elsewhere */
	assert_int_equal(freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; } );"), 0);
	built_in = fb_strdup(at(f->chain, "settings"));
	*examples = 0;
	all = uncommented(text);
	put("failback.conf", all);
	assert_int_equal(freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; } );"), 0);
	assert_string_equal(at(f->chain, "settings"), built_in);
	assert_string_equal(at(f->chain, "environment"), "\"production\"");
	fb_free(all);
	fb_free(built_in);
	fb_free(text);
}

static void every_setting_of_the_manual_page_is_known_and_every_known_one_is_in_it(void **state)
{
	struct fixture *f = *state;
	char *page = read_source("core/man/failback.conf.5"), *from = strstr(page, ".Sh SETTINGS"), *until = strstr(page, ".Ss Plugins");
	size_t documented = 0, known = 0;

	assert_non_null(from);
	assert_non_null(until);
	*until = 0;
	for (size_t i = 0; fb_settings_names[i]; i++) {
		char *item = fb_asprintf("\n.It Va %s\n", fb_settings_names[i]), *text = fb_asprintf("%s = -1.5;", fb_settings_names[i]);

		if (!strstr(from, item))
			fail_msg("failback.conf(5) does not describe %s", fb_settings_names[i]);
		if (strstr(check(f, text), "no such setting"))
			fail_msg("%s is described and not known", fb_settings_names[i]);
		fb_free(text);
		fb_free(item);
		known++;
	}
	for (char *p = from; (p = strstr(p, "\n.It Va ")); p++)
		documented++;
	assert_int_equal(documented, known + 6 + 8); /* and the six of detection, the eight of backup_store */
	fb_free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(examples_in_the_manual_page_pass_the_check, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_recovery_in_the_manual_page_is_the_built_in_one, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_default_file_passes_the_check_also_with_all_that_it_suggests, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_the_default_file_shows_as_defaults_are_the_defaults, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(every_setting_of_the_manual_page_is_known_and_every_known_one_is_in_it, fixture_setup, fixture_teardown),
	};

	if (!realpath(getenv("srcdir") ? getenv("srcdir") : "..", source))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
