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
			    "{\"approval\":\"never\",\"auto_rollback_enabled\":true,\"backup_store\":{\"encryption\":\"secrets\",\"key_file\":\"" FB_STATEDIR
			    "/backup.key\",\"passphrase_file\":null,\"path\":\"" FB_STATEDIR "/backups\"},\"detection\":{\"baseline_factor\":3.0,\"error_ratio\":0.5,\"interval\":10,"
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
			    "\"retries\":2,\"risk\":\"low\",\"service\":\"backend\",\"timeout\":600000,\"title\":\"Build\",\"undo\":{\"after\":[],\"backoff\":1000,"
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
			    "\"timeout\":5000,\"use\":\"http\"}],\"depends_on\":[\"database\"],\"deploys\":true,\"goes_with\":[],\"items\":[],\"name\":\"backend\","
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

static int freeze_rollback(struct fixture *f, const char *const *services, const char *release)
{
	struct fb_freeze_request request = {.kind = "rollback", .services = services, .release = release, .reason = "it hurts"};

	if (load(f) < 0)
		return -1;
	return fb_config_freeze(f->config, &request, &fake_catalog, &f->chain, &f->errs);
}

static void a_rollback_takes_the_services_asked_for_and_all_that_depend_on_them(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", shop);
	assert_int_equal(freeze_rollback(f, (const char *const[]){"database", NULL}, "1.9"), 0);
	assert_string_equal(at(f->chain, "kind"), "\"rollback\"");
	assert_string_equal(at(f->chain, "name"), "\"rollback\"");
	assert_string_equal(at(f->chain, "title"), "\"Roll back database in production\"");
	assert_string_equal(at(f->chain, "reason"), "\"it hurts\"");
	assert_string_equal(at(f->chain, "plan_file"), "null");
	assert_string_equal(at(f->chain, "chains.plan"), "[]");
	assert_string_equal(at(f->chain, "chains.backup"), "[]");
	assert_string_equal(at(f->chain, "chains.recovery.1.phase"), "\"restore\"");
	assert_string_equal(at(f->chain, "services.0.name"), "\"database\"");
	assert_string_equal(at(f->chain, "services.0.deploys"), "true");
	assert_string_equal(at(f->chain, "services.0.release"), "\"1.9\"");
	assert_string_equal(at(f->chain, "services.1.name"), "\"backend\"");
	assert_string_equal(at(f->chain, "services.1.deploys"), "false");
	assert_string_equal(at(f->chain, "services.1.release"), "null");
	assert_string_equal(at(f->chain, "services.2.name"), "\"frontend\"");
	assert_string_equal(at(f->chain, "services.3"), "(none)");
	assert_int_equal(freeze_rollback(f, NULL, NULL), 0);
	assert_string_equal(at(f->chain, "services.3.name"), "\"mail\"");
	assert_string_equal(at(f->chain, "title"), "\"Roll back frontend, backend, database, mail in production\"");
}

static void a_rollback_of_what_is_not_there_is_refused(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", shop);
	assert_int_equal(freeze_rollback(f, (const char *const[]){"bakend", NULL}, "-x"), -1);
	assert_string_equal(errors(f), "'-x' cannot name a release: expected at most 128 of A-Z, a-z, 0-9 and ./:+@~^_-, not beginning with '-'\n"
				       "cannot roll back 'bakend': there is no service of that name; did you mean 'backend'?\n");
	assert_int_equal(f->errs.v[0].code, FB_EXIT_USAGE);
	assert_int_equal(f->errs.v[1].code, FB_EXIT_USAGE);
	put("failback.conf", "");
	assert_int_equal(freeze_rollback(f, NULL, NULL), -1);
	assert_string_equal(errors(f), "cannot roll back: no service is configured; add one to 'services' in the configuration\n");
}

static void services_that_go_together_are_rolled_back_together(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", "services = ( { name = \"a\"; goes_with = [ \"b\" ]; strategy = { use = \"immediate\"; }; },\n"
			     "{ name = \"b\"; strategy = { use = \"immediate\"; }; } );");
	assert_int_equal(freeze_rollback(f, (const char *const[]){"b", NULL}, NULL), 0);
	assert_string_equal(at(f->chain, "services.0.deploys"), "true");
	assert_string_equal(at(f->chain, "services.1.deploys"), "true");
	assert_int_equal(freeze_deploy(f, "steps = ( { promote = \"b\"; } );"), 0);
	assert_string_equal(at(f->chain, "services.0.deploys"), "false");
	assert_string_equal(at(f->chain, "services.1.deploys"), "true");
}

static void the_basic_executor_has_no_recovery_but_recorded_undo(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", "executor = \"basic\";");
	assert_int_equal(freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; undo = \"false\"; } );"), 0);
	assert_string_equal(at(f->chain, "executor"), "\"basic\"");
	assert_string_equal(at(f->chain, "chains.recovery"), "[]");
	assert_string_equal(at(f->chain, "chains.backup"), "[]");
	assert_string_equal(at(f->chain, "chains.plan.0.undo.options"), "{\"run\":\"false\"}");
	put("failback.conf", "executor = \"basic\"; services = ( { name = \"a\"; strategy = { use = \"immediate\"; }; } );");
	assert_int_equal(freeze_rollback(f, NULL, NULL), 0);
	assert_string_equal(at(f->chain, "chains.recovery.1.phase"), "\"restore\"");
}

static void a_plan_ends_with_a_watch_unless_it_has_one_or_wants_none(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", "watch_for = \"10s\";");
	assert_int_equal(freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; } );"), 0);
	assert_string_equal(at(f->chain, "chains.plan.1.options"), "{\"for\":10000}");
	assert_int_equal(freeze_deploy(f, "watch_for = \"5m\"; steps = ( { name = \"a\"; run = \"true\"; } );"), 0);
	assert_string_equal(at(f->chain, "chains.plan.1.options"), "{\"for\":300000}");
	assert_string_equal(at(f->chain, "chains.plan.1.timeout"), "310000");
	assert_int_equal(freeze_deploy(f, "watch_for = \"0s\"; steps = ( { name = \"a\"; run = \"true\"; } );"), 0);
	assert_string_equal(at(f->chain, "chains.plan.1"), "(none)");
	assert_int_equal(freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; }, { phase = \"watch\"; for = 7; name = \"Look\"; } );"), 0);
	assert_string_equal(at(f->chain, "chains.plan.1.options"), "{\"for\":7000}");
	assert_string_equal(at(f->chain, "chains.plan.2"), "(none)");
}

static void both_spellings_of_the_seeds_settings_are_taken(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", "rollback_config = { auto_rollback_enabled = false; failure_threshold = 1; rollback_timeout = 90; };\n"
			     "preserve_failed_environment = false; evidence_timeout = \"1s\"; log_limit = \"1MiB\"; detection = { interval = \"20ms\"; error_ratio = 0.25; };");
	put("conf.d/a.conf", "rollback_config = { zero_downtime_required = true; }; approval = \"high\";");
	assert_int_equal(freeze_deploy(f, "approval = \"medium\"; steps = ( { name = \"a\"; run = \"true\"; } );"), 0);
	assert_string_equal(at(f->chain, "settings"),
			    "{\"approval\":\"medium\",\"auto_rollback_enabled\":false,\"backup_store\":{\"encryption\":\"secrets\",\"key_file\":\"" FB_STATEDIR
			    "/backup.key\",\"passphrase_file\":null,\"path\":\"" FB_STATEDIR "/backups\"},\"detection\":{\"baseline_factor\":3.0,\"error_ratio\":0.25,\"interval\":20,"
			    "\"min_failed\":10,\"min_requests\":10,\"window\":250},\"evidence_timeout\":1000,\"failure_threshold\":1,\"log_limit\":1048576,"
			    "\"notify_timeout\":10000,\"resume_within\":3600000,\"rollback_timeout\":90000,\"zero_downtime_required\":true}");
	assert_string_equal(at(f->chain, "chains.plan.0.retries"), "0");
	assert_string_equal(at(f->chain, "chains.recovery.3.parallel.0.options.preserve_failed_environment"), "false");
}

static void values_of_every_type_are_normalised(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", "recovery = ( { phase = \"types\"; string = \"a ${env:B}\"; int = 7; wide = 5000000000L; bool = false; duration = \"1.5s\"; seconds = 0.25;\n"
			     "size = \"4KiB\"; bytes = 12; choice = \"green\"; command = [ \"a\", \"${b}\" ]; map = { A = 1; b = \"x\"; C = true; D = 0.5; };\n"
			     "url = \"${env:URL}\"; path = \"/a b\"; float = 2; percent = \"12.5%\"; api_key = \"${file:/run/key}\"; options = { timeout = \"mine\"; };\n"
			     "items = ( { path = \"/x\"; }, { path = \"/y\"; mode = \"0600\"; } ); timeout = \"9s\"; } );");
	assert_int_equal(freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; } );"), 0);
	assert_string_equal(at(f->chain, "chains.recovery.0.options"),
			    "{\"bool\":false,\"bytes\":12,\"choice\":\"green\",\"command\":[\"a\",\"${b}\"],\"duration\":1500,\"float\":2.0,\"int\":7,"
			    "\"items\":[{\"mode\":\"0644\",\"path\":\"/x\"},{\"mode\":\"0600\",\"path\":\"/y\"}],\"list\":[\"a\",\"b\"],"
			    "\"map\":{\"A\":\"1\",\"C\":\"true\",\"D\":\"0.5\",\"b\":\"x\"},\"path\":\"/a b\",\"percent\":1250,\"seconds\":250,\"size\":4096,"
			    "\"string\":\"a ${env:B}\",\"timeout\":\"mine\",\"token\":\"${file:/run/key}\",\"url\":\"${env:URL}\",\"wide\":5000000000}");
	assert_string_equal(at(f->chain, "chains.recovery.0.timeout"), "9000");
}

static void a_literal_secret_may_stand_in_a_file_that_others_cannot_read(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", "notifiers = ( { use = \"slack\"; webhook_url = \"https://hooks.example.org/secret\"; } );");
	assert_int_equal(chmod("failback.conf", 0640), 0);
	assert_int_equal(freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; } );"), 0);
	assert_string_equal(at(f->chain, "notifiers.0.options.webhook_url"), "\"https://hooks.example.org/secret\"");
}

static void a_token_stands_only_in_a_plan_that_others_cannot_read(void **state)
{
	static const char *const steps = "steps = ( { name = \"a\"; run = \"tool --token ghp_" "abcdefghij0123456789abcdefghij012345\"; } );";
	struct fixture *f = *state;

	assert_int_equal(freeze_deploy(f, steps), -1);
	assert_string_equal(errors(f), "plan.conf:1: setting 'steps[0].run': a secret (GitHub token) stands in a file that every user of this machine can read: write "
				       "\"${env:NAME}\", \"${file:PATH}\" or \"${cred:NAME}\", which a command takes in 'secret_environment', or run 'chmod o-r plan.conf'\n");
	assert_int_equal(chmod("plan.conf", 0640), 0);
	assert_int_equal(freeze_deploy(f, steps), 0);
}

static void the_command_line_overrides_the_files(void **state)
{
	struct fixture *f = *state;
	const char *dirs[] = {"relative", NULL};
	struct fb_config_request request = {.file = "failback.conf", .environment = "staging", .state_dir = "/s", .plugin_dirs = dirs};
	char *here = fb_asprintf("%s/relative", f->folder);

	put("failback.conf", "environment = \"production\"; state_dir = \"/var/x\"; plugin_dirs = [ \"/p\" ]; trusted_owner = 12;");
	assert_int_equal(fb_config_load(&request, &f->config, &f->errs), 0);
	assert_string_equal(fb_config_environment(f->config), "staging");
	assert_string_equal(fb_config_state_dir(f->config), "/s");
	assert_string_equal(fb_config_runtime_dir(f->config), "/s");
	assert_string_equal(fb_config_plugin_dirs(f->config)[0], here);
	assert_string_equal(fb_config_plugin_dirs(f->config)[1], "/p");
	assert_null(fb_config_plugin_dirs(f->config)[2]);
	assert_int_equal(fb_config_trusted_owner(f->config), 12);
	fb_free(here);
}

static const char *frozen_store(struct fixture *f)
{
	if (freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; } );") < 0)
		fail_msg("%s", errors(f));
	return at(f->chain, "settings.backup_store");
}

static void the_backup_store_is_in_the_state_directory_with_a_key_unless_it_is_said_otherwise(void **state)
{
	struct fixture *f = *state;
	const struct fb_backup_store *s;

	put("failback.conf", "state_dir = \"/s\";");
	assert_string_equal(frozen_store(f), "{\"encryption\":\"secrets\",\"key_file\":\"/s/backup.key\",\"passphrase_file\":null,\"path\":\"/s/backups\"}");
	s = fb_config_backup_store(f->config);
	assert_int_equal(s->retention_days, 30);
	assert_int_equal(s->keep_last, 5);
	assert_int_equal(s->max_size, 0);
	put("failback.conf", "backup_store = { path = \"/b\"; encryption = \"all\"; passphrase_file = \"/p\"; retention_days = 0; keep_last = 1; max_size = \"20GiB\"; };");
	assert_string_equal(frozen_store(f), "{\"encryption\":\"all\",\"key_file\":null,\"passphrase_file\":\"/p\",\"path\":\"/b\"}");
	s = fb_config_backup_store(f->config);
	assert_string_equal(s->path, "/b");
	assert_string_equal(s->passphrase_file, "/p");
	assert_int_equal(s->retention_days, 0);
	assert_int_equal(s->keep_last, 1);
	assert_int_equal(s->max_size, INT64_C(20) << 30);
	put("failback.conf", "backup_store = { encryption = \"none\"; };");
	assert_null(strstr(frozen_store(f), ".key"));
	put("failback.conf", "backup_store = { encryption = \"none\"; };");
	put("conf.d/key.conf", "backup_store = { key_file = \"/k\"; };");
	assert_non_null(strstr(frozen_store(f), "\"key_file\":\"/k\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_configuration_has_useful_defaults, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_deployment_is_frozen_whole, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(dependents_are_claimed_and_dependencies_come_first, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_default_recovery_is_the_eight_phases, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(every_plugin_is_expected_before_one_is_described_and_listed_once, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_rollback_takes_the_services_asked_for_and_all_that_depend_on_them, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_rollback_of_what_is_not_there_is_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(services_that_go_together_are_rolled_back_together, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_basic_executor_has_no_recovery_but_recorded_undo, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_plan_ends_with_a_watch_unless_it_has_one_or_wants_none, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(both_spellings_of_the_seeds_settings_are_taken, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_backup_store_is_in_the_state_directory_with_a_key_unless_it_is_said_otherwise, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(values_of_every_type_are_normalised, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_token_stands_only_in_a_plan_that_others_cannot_read, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_literal_secret_may_stand_in_a_file_that_others_cannot_read, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_command_line_overrides_the_files, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
