/* SPDX-License-Identifier: Apache-2.0 */
/* What configuration and plan become: settings, services, links, the frozen chain. Errors are in test_config_errors.c. */
#include "config_fixture.h"

static const char shop[] =
	"environment = \"production\";\n"
	"services = (\n"
	"  { name = \"frontend\"; depends_on = [ \"backend\" ]; strategy = { use = \"immediate\"; }; },\n"
	"  { name = \"backend\"; depends_on = [ \"database\" ];\n"
	"    strategy = { use = \"blue-green\"; backend = \"web\"; blue = { server = \"b1\"; }; };\n"
	"    checks = ( { use = \"http\"; url = \"http://127.0.0.1:8080/health\"; interval = \"500ms\"; }, { use = \"http\"; url = \"https://[::1]:8443/\"; } ); },\n"
	"  { name = \"database\"; strategy = { use = \"immediate\"; }; },\n"
	"  { name = \"mail\"; strategy = { use = \"immediate\"; }; } );\n";

static const char plan[] =
	"name = \"web-2.1\";\n"
	"release = \"2.1\";\n"
	"steps = (\n"
	"  { name = \"Build\"; run = \"make ${HOME}\"; undo = [ \"make\", \"clean\" ]; environment = { LEVEL = 3; }; },\n"
	"  { name = \"Test\"; run = [ \"make\", \"check\" ]; retries = 0; timeout = \"2m\"; },\n"
	"  { parallel = ( { name = \"Lint\"; run = \"lint\"; }, { name = \"Scan\"; run = \"scan\"; after = \"Lint\"; risk = \"medium\"; } ); },\n"
	"  { promote = \"backend\"; fallback = { run = \"echo fallback\"; }; } );\n";

static void an_empty_configuration_has_useful_defaults(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", "");
	assert_int_equal(load(f), 0);
	assert_string_equal(fb_config_environment(f->config), "production");
	assert_string_equal(fb_config_state_dir(f->config), FB_STATEDIR);
	assert_string_equal(fb_config_runtime_dir(f->config), "/run/failback");
	assert_string_equal(fb_config_plugin_dirs(f->config)[0], FB_PLUGINDIR);
	assert_null(fb_config_plugin_dirs(f->config)[1]);
	assert_null(fb_config_services(f->config)[0]);
	assert_int_equal(fb_config_trusted_owner(f->config), -1);
	assert_int_equal(fb_config_check(f->config, &fake_catalog, &f->errs), 0);
	assert_int_equal(freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; } );"), 0);
	assert_string_equal(at(f->chain, "settings"),
			    "{\"approval\":\"never\",\"auto_rollback_enabled\":true,\"detection\":{\"baseline_factor\":3.0,\"error_ratio\":0.5,\"interval\":10,"
			    "\"min_failed\":10,\"min_requests\":10,\"window\":250},\"evidence_timeout\":500,\"failure_threshold\":3,\"log_limit\":8388608,"
			    "\"notify_timeout\":10000,\"resume_within\":3600000,\"rollback_timeout\":60000,\"zero_downtime_required\":false}");
	assert_string_equal(at(f->chain, "name"), "\"plan\"");
	assert_string_equal(at(f->chain, "title"), "\"Deploy plan to production\"");
	assert_string_equal(at(f->chain, "executor"), "\"enhanced\"");
	assert_string_equal(at(f->chain, "services"), "[]");
	assert_string_equal(at(f->chain, "notifiers.0"),
			    "{\"name\":\"console\",\"on\":[\"rollback.*\",\"deployment.failed\",\"deployment.completed\",\"approval.waiting\"],\"options\":{},"
			    "\"place\":\"built-in:9\",\"retries\":5,\"timeout\":10000,\"use\":\"console\"}");
}

static void a_deployment_is_frozen_whole(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", shop);
	if (freeze_deploy(f, plan) < 0)
		fail_msg("%s", errors(f));
	assert_string_equal(at(f->chain, "schema"), "\"failback.chain/1\"");
	assert_string_equal(at(f->chain, "kind"), "\"deploy\"");
	assert_string_equal(at(f->chain, "name"), "\"web-2.1\"");
	assert_string_equal(at(f->chain, "release"), "\"2.1\"");
	assert_string_equal(at(f->chain, "reason"), "null");
	assert_string_equal(at(f->chain, "chains.plan.0"),
			    "{\"after\":[],\"backoff\":1000,\"backoff_max\":30000,\"fallback\":null,\"id\":\"plan/1\",\"name\":\"Build\",\"on_failure\":\"stop\","
			    "\"options\":{\"environment\":{\"LEVEL\":\"3\"},\"run\":\"make ${HOME}\"},\"parallel\":null,\"phase\":\"command\",\"place\":\"plan.conf:4\","
			    "\"retries\":2,\"risk\":\"low\",\"service\":null,\"timeout\":600000,\"title\":\"Build\",\"undo\":{\"after\":[],\"backoff\":1000,"
			    "\"backoff_max\":30000,\"fallback\":null,\"id\":\"plan/1.undo\",\"name\":\"Undo Build\",\"on_failure\":\"stop\",\"options\":{\"run\":[\"make\",\"clean\"]},"
			    "\"parallel\":null,\"phase\":\"command\",\"place\":\"plan.conf:4\",\"retries\":2,\"risk\":\"low\",\"service\":null,\"timeout\":600000,"
			    "\"title\":\"Undo Build\",\"undo\":null}}");
	assert_string_equal(at(f->chain, "chains.plan.1.retries"), "0");
	assert_string_equal(at(f->chain, "chains.plan.1.timeout"), "120000");
	assert_string_equal(at(f->chain, "chains.plan.2.phase"), "null");
	assert_string_equal(at(f->chain, "chains.plan.2.risk"), "\"medium\"");
	assert_string_equal(at(f->chain, "chains.plan.2.parallel.1.id"), "\"plan/3.2\"");
	assert_string_equal(at(f->chain, "chains.plan.2.parallel.1.after"), "[\"Lint\"]");
	assert_string_equal(at(f->chain, "chains.plan.3.name"), "\"Promote backend\"");
	assert_string_equal(at(f->chain, "chains.plan.3.service"), "\"backend\"");
	assert_string_equal(at(f->chain, "chains.plan.3.retries"), "0");
	assert_string_equal(at(f->chain, "chains.plan.3.risk"), "\"high\"");
	assert_string_equal(at(f->chain, "chains.plan.3.on_failure"), "\"fallback\"");
	assert_string_equal(at(f->chain, "chains.plan.3.fallback.id"), "\"plan/4.fallback\"");
	assert_string_equal(at(f->chain, "chains.plan.3.fallback.service"), "\"backend\"");
	assert_string_equal(at(f->chain, "chains.plan.4"),
			    "{\"after\":[],\"backoff\":1000,\"backoff_max\":30000,\"fallback\":null,\"id\":\"plan/5\",\"name\":\"watch\",\"on_failure\":\"stop\","
			    "\"options\":{\"for\":30000},\"parallel\":null,\"phase\":\"watch\",\"place\":\"built-in:1\",\"retries\":0,\"risk\":\"low\",\"service\":null,"
			    "\"timeout\":60000,\"title\":\"Watch\",\"undo\":null}");
	assert_string_equal(at(f->chain, "chains.plan.5"), "(none)");
	assert_string_equal(at(f->chain, "chains.backup.0.title"), "\"Pre-Deployment Backup\"");
	assert_string_equal(at(f->chain, "chains.backup.0.name"), "\"backup\"");
}

static void dependents_are_claimed_and_dependencies_come_first(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", shop);
	assert_int_equal(freeze_deploy(f, plan), 0);
	assert_string_equal(at(f->chain, "services.0"),
			    "{\"checks\":[{\"failed_after\":1,\"healthy_after\":1,\"interval\":500,\"name\":\"http\",\"options\":{\"expected_status\":200,"
			    "\"url\":\"http://127.0.0.1:8080/health\"},\"place\":\"failback.conf:6\",\"timeout\":5000,\"use\":\"http\"},{\"failed_after\":1,\"healthy_after\":1,"
			    "\"interval\":1000,\"name\":\"http-2\",\"options\":{\"expected_status\":200,\"url\":\"https://[::1]:8443/\"},\"place\":\"failback.conf:6\","
			    "\"timeout\":5000,\"use\":\"http\"}],\"depends_on\":[\"database\"],\"deploys\":true,\"goes_with\":[],\"name\":\"backend\","
			    "\"place\":\"failback.conf:4\",\"release\":\"2.1\",\"strategy\":{\"name\":\"blue-green\",\"options\":{\"backend\":\"web\",\"blue\":{\"server\":\"b1\"},"
			    "\"drain_timeout\":5000,\"green\":{\"server\":\"green\"}},\"place\":\"failback.conf:5\",\"use\":\"blue-green\"}}");
	assert_string_equal(at(f->chain, "services.1.name"), "\"frontend\"");
	assert_string_equal(at(f->chain, "services.1.deploys"), "false");
	assert_string_equal(at(f->chain, "services.1.release"), "null");
	assert_string_equal(at(f->chain, "services.2"), "(none)");
}

static void the_default_recovery_is_the_eight_phases(void **state)
{
	struct fixture *f = *state;
	struct fb_text t = {0};
	const json_t *link;
	size_t i;

	put("failback.conf", shop);
	assert_int_equal(freeze_deploy(f, plan), 0);
	json_array_foreach(json_object_get(json_object_get(f->chain, "chains"), "recovery"), i, link) {
		fb_text_printf(&t, "%s|%s|", json_string_value(json_object_get(link, "name")), json_string_value(json_object_get(link, "title")));
		fb_text_printf(&t, "%s|", json_string_value(json_object_get(link, "on_failure")));
		fb_text_printf(&t, "%s|", at(link, "timeout"));
		fb_text_printf(&t, "%s\n", at(link, "retries"));
	}
	assert_string_equal(t.p, "protect-traffic|Traffic Protection|continue|5000|0\n"
				 "restore|Restore Previous Version|stop|30000|2\n"
				 "verify|Verify Stability|stop|13000|0\n"
				 "parallel|Cleanup Resources, Root Cause Analysis, Fix Recommendations|continue|null|0\n"
				 "archive|Archive Logs|continue|10000|0\n"
				 "notify|Notify Team|continue|15000|0\n");
	fb_text_clear(&t);
	assert_string_equal(at(f->chain, "chains.recovery.2.options.stable_for"), "3000");
	assert_string_equal(at(f->chain, "chains.recovery.3.parallel.0.options.preserve_failed_environment"), "true");
	assert_string_equal(at(f->chain, "chains.recovery.3.parallel.2.after"), "[\"analyze\"]");
}

static void every_plugin_is_expected_before_one_is_described_and_listed_once(void **state)
{
	struct fixture *f = *state;
	struct fb_text names = {0};
	const json_t *item;
	size_t i;

	put("failback.conf", shop);
	assert_int_equal(freeze_deploy(f, plan), 0);
	json_array_foreach(json_object_get(f->chain, "plugins"), i, item) {
		char word[128];

		snprintf(word, sizeof word, "%s-%s ", json_string_value(json_object_get(item, "kind")), json_string_value(json_object_get(item, "name")));
		assert_non_null(strstr(fake_expected, word));
		assert_null(names.p ? strstr(names.p, word) : NULL);
		fb_text_puts(&names, word);
	}
	assert_string_equal(names.p, "phase-command phase-promote phase-watch phase-protect-traffic phase-restore phase-verify phase-cleanup phase-analyze "
				     "phase-recommend phase-archive phase-notify phase-backup strategy-blue-green check-http strategy-immediate notifier-console ");
	fb_text_clear(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_configuration_has_useful_defaults, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_deployment_is_frozen_whole, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(dependents_are_claimed_and_dependencies_come_first, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_default_recovery_is_the_eight_phases, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(every_plugin_is_expected_before_one_is_described_and_listed_once, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
