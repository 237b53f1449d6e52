/* SPDX-License-Identifier: Apache-2.0 */
/* The phase recommend: commands that can be copied, whatever the names in the log. */
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/phases/recommend/advice.h"
#include "plugins/common/visible.h"
#include "plugins/phases/test_phase.h"

static const char *learned_text; /* the document "learned"; NULL: none */

/* The recommendations for a root cause; to be decref'ed. */
static json_t *advise(const char *cause)
{
	struct fake *f = fake_new("phase-recommend", NULL);
	json_t *report = json_object(), *parsed = cause ? json_loads(cause, 0, NULL) : NULL, *ret;

	assert_true(!cause || parsed);
	json_object_set_new(report, "root_cause", parsed ? parsed : json_null());
	json_object_set_new(report, "deployment", json_loads("{\"steps\": [{\"name\": \"go\", \"status\": \"failed\", \"service\": \"shop\"}]}", 0, NULL));
	json_object_set_new(f->documents, "report", report);
	if (learned_text)
		json_object_set_new(f->documents, "learned", json_loads(learned_text, 0, NULL));
	assert_int_equal(fake_call(f, FB_OP_RUN), FB_OK);
	ret = json_incref(json_object_get(f->reports, "recommendations"));
	assert_true(json_array_size(ret) > 0);
	assert_non_null(strstr(said(f), "recommendation"));
	fake_free(f);
	return ret;
}

static const char *get(const json_t *list, size_t i, const char *name)
{
	const char *s = json_string_value(json_object_get(json_array_get(list, i), name));

	return s ? s : "";
}

static bool any(const json_t *list, const char *part)
{
	size_t i;
	json_t *e;

	json_array_foreach(list, i, e)
		if (strstr(get(list, i, "example"), part))
			return true;
	return false;
}

static void a_missing_file_is_to_be_created_copied_and_pushed(void **state)
{
	json_t *r = advise("{\"class\": \"missing_file\", \"parameters\": {\"path\": \"./config/production.json\"}}");

	(void)state;
	assert_string_equal(get(r, 0, "priority"), "HIGH");
	assert_string_equal(get(r, 0, "action"), "Add config/production.json");
	assert_string_equal(get(r, 0, "example"), "mkdir -p -- config/ && printf '%s\\n' '{}' > config/production.json");
	assert_string_equal(get(r, 1, "priority"), "HIGH");
	assert_string_equal(get(r, 1, "action"), "Update Dockerfile to include it");
	assert_string_equal(get(r, 1, "example"), "COPY config/ ./config/");
	assert_non_null(strstr(get(r, 1, "description"), "If you build an image"));
	assert_string_equal(get(r, 2, "priority"), "MEDIUM");
	assert_string_equal(get(r, 2, "action"), "Commit and push");
	assert_string_equal(get(r, 2, "example"), "git add -- config/ Dockerfile && git commit -m 'Fix: add config/production.json' && git push");
	json_decref(r);
}

static void the_examples_can_be_run_whatever_the_file_is_called(void **state)
{
	static const char *const names[] = {"a b.json", "$(touch pwned)", "`touch pwned`/x.yaml", "it's; touch pwned #", "-rf/x", "a\\\"b&c|d>e.json", "*/?"};
	char folder[] = "/tmp/failback-recommend-XXXXXX", command[8192];

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		json_t *cause = json_pack("{s:s, s:{s:s}}", "class", "missing_file", "parameters", "path", names[i]), *r;
		char *text = json_dumps(cause, 0), path[4096];

		r = advise(text);
		snprintf(command, sizeof command, "cd %s && %s", folder, get(r, 0, "example"));
		assert_int_equal(system(command), 0);
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		assert_int_equal(access(path, F_OK), 0);
		snprintf(path, sizeof path, "%s/pwned", folder);
		assert_int_not_equal(access(path, F_OK), 0);
		free(text);
		json_decref(cause);
		json_decref(r);
	}
	snprintf(command, sizeof command, "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

static void a_name_with_characters_that_cannot_be_seen_enters_no_command(void **state)
{
	json_t *r = advise("{\"class\": \"missing_file\", \"parameters\": {\"path\": \"config\\u202Egnp.json\"}}");

	(void)state;
	assert_string_equal(get(r, 0, "action"), "Add the missing file");
	assert_false(any(r, "gnp"));
	assert_false(visible_text("a\x1b[2J"));
	assert_false(visible_text("a\nb"));
	assert_false(visible_text("\xc2\x9b"));
	assert_true(visible_text("größe/日本.json"));
	json_decref(r);
}

static void a_missing_right_of_a_cluster_is_named_exactly(void **state)
{
	json_t *r = advise("{\"class\": \"permission\", \"components\": [\"Kubernetes\"], \"parameters\": {\"user\": \"system:serviceaccount:shop:deployer\","
			   " \"verb\": \"create\", \"resource\": \"deployments\", \"group\": \"apps\", \"namespace\": \"shop\"}}");

	(void)state;
	assert_string_equal(get(r, 0, "action"), "Allow shop:deployer to create deployments.apps in shop");
	assert_string_equal(get(r, 0, "example"),
			    "kubectl create role failback-missing --verb=create --resource=deployments.apps -n shop && "
			    "kubectl create rolebinding failback-missing --role=failback-missing --serviceaccount=shop:deployer -n shop");
	assert_true(any(r, "kubectl auth can-i create deployments.apps --as=system:serviceaccount:shop:deployer -n shop"));
	json_decref(r);
}

static void a_missing_right_on_a_file_or_in_a_cloud_has_its_own_advice(void **state)
{
	json_t *r = advise("{\"class\": \"permission\", \"components\": [\"Node.js\"], \"parameters\": {\"verb\": \"open\", \"path\": \"/var/lib/a b\"}}");

	(void)state;
	assert_true(any(r, "namei -l -- '/var/lib/a b'"));
	assert_true(any(r, "sudo chown USER -- '/var/lib/a b'"));
	json_decref(r);
	r = advise("{\"class\": \"permission\", \"components\": [\"AWS\"], \"parameters\": {\"verb\": \"s3:PutObject\", \"resource\": \"arn:aws:s3:::shop\"}}");
	assert_true(any(r, "\"Action\": \"s3:PutObject\""));
	json_decref(r);
}

static void memory_advice_is_for_the_program_that_ran_out(void **state)
{
	json_t *r = advise("{\"class\": \"out_of_memory\", \"components\": [\"Node.js\"]}");

	(void)state;
	assert_true(any(r, "--max-old-space-size"));
	json_decref(r);
	r = advise("{\"class\": \"out_of_memory\", \"components\": [\"Kubernetes\"]}");
	assert_true(any(r, "kubectl set resources deployment/shop --limits=memory=512Mi"));
	json_decref(r);
}

static void a_crash_points_at_the_lines_before_it(void **state)
{
	json_t *r = advise("{\"class\": \"crash\", \"parameters\": {\"exit_code\": \"1\"}, \"evidence\": [{\"file\": \"logs/a b.log\", \"line\": 42, \"text\": \"x\"}]}");

	(void)state;
	assert_string_equal(get(r, 0, "action"), "Fix what made it end with exit code 1");
	assert_non_null(strstr(get(r, 0, "example"), "sed -n '22,52p' '"));
	assert_non_null(strstr(get(r, 0, "example"), "/logs/a b.log'"));
	json_decref(r);
}

static void an_unknown_cause_says_where_to_look(void **state)
{
	json_t *r = advise(NULL);

	(void)state;
	assert_true(any(r, "failback show "));
	assert_string_equal(get(r, 0, "action"), "Read the logs");
	json_decref(r);
}

#define FULL "{\"class\": \"disk_full\", \"signature\": \"disk-full\", \"fixes\": [{\"priority\": \"high\", \"action\": \"free some space\", \"command\": \"df -h\"}]}"

static void what_a_person_said_mended_it_comes_first_and_once(void **state)
{
	json_t *r;

	(void)state;
	learned_text = "{\"verdicts\": [{\"execution\": \"deploy-x\", \"at\": \"2026-01-20T11:00:00.000Z\", \"verdict\": \"confirmed\", \"type\": \"disk_full\","
		       " \"signature\": \"disk-full\", \"fix\": \"Read the lines that say so\", \"by\": \"user ops\"},"
		       " {\"execution\": \"deploy-w\", \"verdict\": \"confirmed\", \"type\": \"disk_full\", \"signature\": \"another\", \"fix\": \"not this\"}]}";
	r = advise(FULL);
	assert_string_equal(get(r, 0, "action"), "Read the lines that say so");
	assert_string_equal(get(r, 0, "priority"), "HIGH");
	assert_non_null(strstr(get(r, 0, "description"), "2026-01-20 (deploy-x, says user ops)"));
	assert_string_equal(get(r, 1, "action"), "Free some space");
	for (size_t i = 1; i < json_array_size(r); i++) {
		assert_string_not_equal(get(r, i, "action"), "Read the lines that say so");
		assert_string_not_equal(get(r, i, "action"), "not this");
	}
	json_decref(r);
	r = advise("{\"class\": \"tls\", \"signature\": \"tls-expired\"}"); /* of another cause */
	assert_string_not_equal(get(r, 0, "action"), "Read the lines that say so");
	json_decref(r);
	learned_text = NULL;
}

static void what_was_corrected_is_offered_when_the_analysis_says_the_same_again(void **state)
{
	json_t *r;

	(void)state;
	learned_text = "{\"verdicts\": [{\"execution\": \"deploy-x\", \"verdict\": \"corrected\", \"type\": \"tls\", \"said_type\": \"disk_full\", \"said_signature\": \"disk-full\","
		       " \"fix\": \"renew the certificate\", \"command\": \"certbot renew\"}]}";
	r = advise(FULL);
	assert_string_equal(get(r, 0, "action"), "renew the certificate");
	assert_string_equal(get(r, 0, "example"), "certbot renew");
	assert_non_null(strstr(get(r, 0, "description"), "another one than the log seems to say"));
	json_decref(r);
	learned_text = NULL;
}

static void the_deployment_that_went_well_after_the_same_is_pointed_at(void **state)
{
	json_t *r;

	(void)state;
	learned_text = "{\"verdicts\": [], \"mended\": [{\"execution\": \"deploy-x\", \"release\": \"2.0\", \"type\": \"disk_full\", \"signature\": \"disk-full\","
		       " \"by_execution\": \"deploy-y\", \"by_release\": \"2.1\", \"mended_at\": \"2026-01-21T11:00:00.000Z\"}]}";
	r = advise(FULL);
	assert_string_equal(get(r, 0, "action"), "Look what release 2.1 changed after 2.0 had failed of the same");
	assert_string_equal(get(r, 0, "example"), "failback report deploy-y");
	json_decref(r);
	r = advise("{\"class\": \"unknown\"}");
	assert_string_not_equal(get(r, 0, "example"), "failback report deploy-y");
	json_decref(r);
	learned_text = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_file_is_to_be_created_copied_and_pushed),
		cmocka_unit_test(the_examples_can_be_run_whatever_the_file_is_called),
		cmocka_unit_test(a_name_with_characters_that_cannot_be_seen_enters_no_command),
		cmocka_unit_test(a_missing_right_of_a_cluster_is_named_exactly),
		cmocka_unit_test(a_missing_right_on_a_file_or_in_a_cloud_has_its_own_advice),
		cmocka_unit_test(memory_advice_is_for_the_program_that_ran_out),
		cmocka_unit_test(a_crash_points_at_the_lines_before_it),
		cmocka_unit_test(an_unknown_cause_says_where_to_look),
		cmocka_unit_test(what_a_person_said_mended_it_comes_first_and_once),
		cmocka_unit_test(what_was_corrected_is_offered_when_the_analysis_says_the_same_again),
		cmocka_unit_test(the_deployment_that_went_well_after_the_same_is_pointed_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
