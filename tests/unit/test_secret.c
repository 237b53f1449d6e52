/* SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"

#include "config/secret.h"

static const char declared_text[] =
	"[{\"name\":\"url\",\"type\":\"url\",\"secret\":true},{\"name\":\"text\",\"type\":\"string\"},{\"name\":\"run\",\"type\":\"command\"},"
	"{\"name\":\"login.password\",\"type\":\"string\",\"secret\":true},{\"name\":\"headers\",\"type\":\"map\",\"secret\":true},"
	"{\"name\":\"list\",\"type\":\"list\"},{\"name\":\"items\",\"type\":\"groups\"},{\"name\":\"items[].key\",\"type\":\"string\",\"secret\":true}]";

/* Resolves options given as JSON text; what came out as JSON text, or the error. To be freed. */
static char *resolved(const char *options, struct fb_redactor *r)
{
	json_t *declared = json_loads(declared_text, 0, NULL), *given = json_loads(options, 0, NULL), *made;
	struct fb_err err = {0};
	char *text;

	assert_non_null(declared);
	assert_non_null(given);
	made = fb_secret_resolve(given, declared, r, &err);
	text = made ? json_dumps(made, JSON_COMPACT) : fb_asprintf("%d: %s", err.code, err.text);
	json_decref(made);
	json_decref(given);
	json_decref(declared);
	return text;
}

static void check_resolved(const char *options, const char *expected)
{
	char *text = resolved(options, NULL);

	assert_string_equal(text, expected);
	free(text);
}

static void only_three_forms_are_references(void **state)
{
	const char *error;

	(void)state;
	assert_true(fb_secret_is_reference("${env:TOKEN}", &error));
	assert_null(error);
	assert_true(fb_secret_is_reference("Bearer ${file:/run/token}${cred:token.2}", &error));
	assert_false(fb_secret_is_reference("plain $HOME $$ $(x) {env:A}", &error));
	assert_null(error);
	assert_false(fb_secret_is_reference("${HOME}", &error));
	assert_string_equal(error, "a \"${\" must begin \"${env:NAME}\", \"${file:/PATH}\" or \"${cred:NAME}\"");
	assert_false(fb_secret_is_reference("${env:A} ${env:TOKEN", &error));
	assert_string_equal(error, "a reference to a secret has no closing \"}\"");
	assert_false(fb_secret_is_reference("${env:1A}", &error));
	assert_string_equal(error, "\"${env:NAME}\" needs the name of an environment variable: letters, digits and _");
	assert_false(fb_secret_is_reference("${file:token}", &error));
	assert_string_equal(error, "\"${file:PATH}\" needs an absolute path");
	assert_false(fb_secret_is_reference("${cred:../token}", &error));
	assert_string_equal(error, "\"${cred:NAME}\" needs the name of a credential: a file's name without a slash");
	assert_false(fb_secret_is_reference("${", NULL));
}

static void references_are_put_in_place_everywhere_but_in_commands(void **state)
{
	struct fixture *f = *state;
	char *options = fb_asprintf("{\"text\":\"a ${env:FB_T_ONE} b ${file:%s/token}\",\"run\":[\"echo\",\"${env:FB_T_ONE}\"],\"n\":5,\"b\":true,"
				    "\"list\":[\"${env:FB_T_ONE}\"],\"items\":[{\"key\":\"${cred:token}\"}],\"headers\":{\"X\":\"${env:FB_T_ONE}\"}}",
				    f->folder);

	put("token", "file-secret\n");
	setenv("FB_T_ONE", "first", 1);
	setenv("CREDENTIALS_DIRECTORY", f->folder, 1);
	check_resolved(options, "{\"text\":\"a first b file-secret\",\"run\":[\"echo\",\"${env:FB_T_ONE}\"],\"n\":5,\"b\":true,\"list\":[\"first\"],"
				"\"items\":[{\"key\":\"file-secret\"}],\"headers\":{\"X\":\"first\"}}");
	fb_free(options);
	unsetenv("FB_T_ONE");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void only_one_line_end_is_cut_from_a_file(void **state)
{
	struct fixture *f = *state;
	char *options = fb_asprintf("{\"text\":\"${file:%s/token}\"}", f->folder);

	put("token", "two\nlines\n\n");
	check_resolved(options, "{\"text\":\"two\\nlines\\n\"}");
	fb_free(options);
}

static const char *redacted(const struct fb_redactor *r, const char *text)
{
	static char buf[256];

	strcpy(buf, text);
	fb_redact(r, buf, strlen(buf));
	return buf;
}

static void secret_options_files_and_credentials_are_redacted_and_plain_variables_are_not(void **state)
{
	struct fixture *f = *state;
	struct fb_redactor *r = fb_redactor_new();
	char *options = fb_asprintf("{\"url\":\"https://x/${env:FB_T_KEY}\",\"text\":\"${env:FB_T_PLAIN}-${file:%s/token}\",\"login\":{\"password\":\"literal-pw\"},"
				    "\"headers\":{\"A\":\"header-pw\"},\"items\":[{\"key\":\"item-pw\"}]}", f->folder);

	put("token", "file-secret\n");
	setenv("FB_T_KEY", "env-secret", 1);
	setenv("FB_T_PLAIN", "visible", 1);
	free(resolved(options, r));
	assert_string_equal(redacted(r, "env-secret visible file-secret literal-pw header-pw item-pw"), "********** visible *********** ********** ********* *******");
	fb_redactor_free(r);
	fb_free(options);
	unsetenv("FB_T_KEY");
	unsetenv("FB_T_PLAIN");
}

static void a_missing_secret_is_an_error_that_says_what_to_set(void **state)
{
	struct fixture *f = *state;
	char *options, *expected;

	unsetenv("FB_T_NONE");
	unsetenv("CREDENTIALS_DIRECTORY");
	check_resolved("{\"login\":{\"password\":\"${env:FB_T_NONE}\"}}",
		       "65: option 'login.password' needs the environment variable FB_T_NONE, which is not set: set it for failback");
	setenv("FB_T_NONE", "", 1);
	check_resolved("{\"url\":\"${env:FB_T_NONE}\"}", "65: option 'url' needs the environment variable FB_T_NONE, which is empty: set it for failback");
	unsetenv("FB_T_NONE");
	check_resolved("{\"items\":[{\"key\":\"${cred:token}\"}]}",
		       "65: cannot get the secret of option 'items[].key': ${cred:token} needs CREDENTIALS_DIRECTORY, which systemd sets for a unit with LoadCredential=token:PATH");
	options = fb_asprintf("{\"url\":\"${file:%s/none}\"}", f->folder);
	expected = fb_asprintf("65: cannot get the secret of option 'url': cannot find %s/none: No such file or directory", f->folder);
	check_resolved(options, expected);
	fb_free(expected);
	put("none", "\n");
	expected = fb_asprintf("65: cannot get the secret of option 'url': %s/none is empty: write the secret into it", f->folder);
	check_resolved(options, expected);
	fb_free(expected);
	fb_free(options);
}

static void a_secret_file_that_others_may_write_is_refused(void **state)
{
	struct fixture *f = *state;
	char *options = fb_asprintf("{\"url\":\"${file:%s/open}\"}", f->folder), *text;

	put("open", "secret");
	assert_int_equal(chmod("open", 0666), 0);
	text = resolved(options, NULL);
	assert_non_null(strstr(text, "cannot get the secret of option 'url': "));
	assert_non_null(strstr(text, "/open"));
	free(text);
	fb_free(options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_three_forms_are_references),
		cmocka_unit_test_setup_teardown(references_are_put_in_place_everywhere_but_in_commands, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(only_one_line_end_is_cut_from_a_file, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(secret_options_files_and_credentials_are_redacted_and_plain_variables_are_not, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_missing_secret_is_an_error_that_says_what_to_set, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_secret_file_that_others_may_write_is_refused, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
