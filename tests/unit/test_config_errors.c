/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a configuration or a plan, each message word for word. */
#include "config_fixture.h"

#define SERVICE(name) "{ name = \"" name "\"; strategy = { use = \"immediate\"; }; }"

static void all_errors_of_all_files_are_told_in_one_run(void **state)
{
	struct fixture *f = *state;
	struct fb_config_request request = {.file = "failback.conf"};

	put("failback.conf", "enviroment = \"production\";\n"                            /* 1: unknown */
			     "rollback_timeout = \"soon\";\n"                             /* 2: not a duration */
			     "services = (\n"
			     "  { name = \"backend\"; depends_on = [ \"databse\" ];\n"    /* 3: unknown service */
			     "    strategy = { use = \"blue-gren\"; };\n"                 /* 4: no such plugin */
			     "    checks = ( { use = \"http\"; ulr = \"http://h/\"; url = \"ftp://h/\"; } ); },\n" /* 5, 6: unknown option, not a URL */
			     "  " SERVICE("database") " );\n");
	put("conf.d/10-broken.conf", "services = ( { name = \"mail\"; } );\nwatch_for = \"5s\";\nlog_limit = ;\n");           /* 7: syntax */
	put("plan.conf", "steps = (\n"
			 "  { name = \"Build\"; run = \"make\"; timeout = 5; },\n"        /* 8: no unit */
			 "  { name = \"Build\"; run = \"make\"; risk = \"hihg\"; },\n"    /* 9, 10: name taken, bad choice */
			 "  { promote = \"mail\"; on_failure = \"fallback\"; } );\n"); /* 11: no fallback; 'mail' is in the broken file */
	assert_int_equal(fb_config_load_all(&request, &f->config, &f->errs), -1);
	(void)!fb_config_check(f->config, &fake_catalog, &f->errs);
	(void)!fb_config_check_plan(f->config, "plan.conf", &fake_catalog, &f->errs);
	assert_string_equal(
		errors(f),
		"conf.d/10-broken.conf:3: syntax error: look here and on the line before for a ';', a '=', a quote or a bracket that is missing; the rest of this file was not read\n"
		"failback.conf:1: setting 'enviroment': there is no such setting; did you mean 'environment'?\n"
		"failback.conf:2: setting 'rollback_timeout': 'soon' is not a duration such as \"250ms\", \"30s\", \"5m\", \"2h\" or \"1d\"\n"
		"failback.conf:4: setting 'services[0].depends_on[0]': there is no service 'databse'; did you mean 'database'?\n"
		"failback.conf:5: setting 'services[0].strategy.use': there is no strategy plugin 'blue-gren'; did you mean 'blue-green'?\n"
		"failback.conf:6: setting 'services[0].checks[0].ulr': there is no such setting; did you mean 'url'?\n"
		"failback.conf:6: setting 'services[0].checks[0].url': 'ftp://h/' is not a URL such as \"https://example.org/path\": it does not begin with http:// or https://\n"
		"plan.conf:2: setting 'steps[0].timeout': expected a duration with its unit, such as \"30s\", found the number 5\n"
		"plan.conf:3: setting 'steps[1].name': the name 'Build' is taken in this chain\n"
		"plan.conf:3: setting 'steps[1].risk': expected \"low\", \"medium\" or \"high\", found the string \"hihg\"; did you mean 'high'?\n"
		"plan.conf:4: setting 'steps[2].on_failure': there is no 'fallback' to go to: give one\n");
	for (size_t i = 0; i < f->errs.n; i++)
		assert_true(f->errs.v[i].code == (strstr(f->errs.v[i].text, "plugin") ? FB_EXIT_PLUGIN : FB_EXIT_CONFIG));
}

static void a_scalar_that_is_set_twice_names_both_places(void **state)
{
	struct fixture *f = *state;

	put("conf.d/20-b.conf", "environment = \"staging\";\nrollback_config = { failure_threshold = 2; };\n");
	put("conf.d/10-a.conf", "failure_threshold = 5;\n");
	put("conf.d/ignored.txt", "rubbish");
	assert_string_equal(check(f, "environment = \"production\";\n"),
			    "conf.d/20-b.conf:1: setting 'environment': it is set twice, first at failback.conf:1: remove one\n"
			    "conf.d/20-b.conf:2: setting 'rollback_config.failure_threshold': it is set twice, first at conf.d/10-a.conf:1: remove one\n");
}

static void integers_that_do_not_fit_are_refused_from_the_text(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(check(f, "failure_threshold = 5000000000;\n"), "failback.conf:1: the number 5000000000 does not fit in 32 bits: write 5000000000L\n");
	assert_string_equal(check(f, "failure_threshold = 0x100000000;\n"), "failback.conf:1: the number 0x100000000 does not fit in 32 bits: write 0x100000000L\n");
	assert_string_equal(check(f, "\nfailure_threshold = 99999999999999999999L;\n"), "failback.conf:2: the number 99999999999999999999L does not fit in 64 bits\n");
	assert_string_equal(check(f, "failure_threshold = 5000000000L;\n"),
			    "failback.conf:1: setting 'failure_threshold': 5000000000 is out of range: expected 1 to 100\n");
	assert_string_equal(check(f, "# 5000000000\nenvironment = \"p5000000000\"; // 5000000000\n/* 5000000000 */"), "");
}

static void what_a_file_includes_is_read_with_its_own_places(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir("inc", 0755), 0);
	put("inc/a.inc", "failure_threshold = 0;\n@include \"b.inc\"\n");
	put("inc/b.inc", "approval = \"maybe\";");
	assert_string_equal(check(f, "# one\n  @include \"inc/a.inc\" watch_for = 3;\nexecutor = 1;\n"),
			    "failback.conf:2: setting 'watch_for': expected a duration with its unit, such as \"30s\", found the number 3\n"
			    "failback.conf:3: setting 'executor': expected \"enhanced\" or \"basic\", found the number 1\n"
			    "inc/b.inc:1: setting 'approval': expected \"never\", \"low\", \"medium\" or \"high\", found the string \"maybe\"\n"
			    "inc/a.inc:1: setting 'failure_threshold': 0 is out of range: expected 1 to 100\n");
	put("inc/b.inc", "@include \"a.inc\"");
	assert_string_equal(check(f, "@include \"inc/a.inc\"\n"), "inc/b.inc:1: files include one another more than 10 deep\n");
	assert_string_equal(check(f, "a = 1;\n@include \"none.inc\"\n"), "failback.conf:2: cannot read none.inc: No such file or directory\n");
	assert_string_equal(check(f, "@include <x>\n"), "failback.conf:1: cannot read this @include: expected @include \"FILE\"\n");
}

static void text_that_is_no_configuration_is_refused_with_its_line(void **state)
{
	struct fixture *f = *state;
	struct fb_text deep = {0};

	assert_string_equal(check(f, "a = \"x;\n\n"), "failback.conf:1: this string has no end\n");
	assert_string_equal(check(f, "\n/* a"), "failback.conf:2: this comment has no end\n");
	assert_string_equal(check(f, "environment = \"\xff\";"), "failback.conf:1: setting 'environment': the string is not UTF-8, or has control characters\n");
	assert_string_equal(check(f, "a = 1; a = 2;"), "failback.conf:1: a setting of this name stands in this group already; the rest of this file was not read\n");
	assert_string_equal(check(f, "plugin_dirs = [ \"/a\", 2 ];"), "failback.conf:1: the items of [ … ] must be of one type: use ( … ); the rest of this file was not read\n");
	for (int i = 0; i < 5000; i++)
		fb_text_puts(&deep, i ? "(" : "a = (");
	assert_string_equal(check(f, deep.p), "failback.conf:1: brackets are nested more than 32 deep\n");
	fb_text_clear(&deep);
	assert_string_equal(check(f, "detection = { error_ratio = 1e400; };"), "failback.conf:1: setting 'detection.error_ratio': the number is too large\n");
	assert_int_equal(fb_io_replace_file("failback.conf", "a\0b", 3, 0644, NULL), 0);
	assert_int_equal(load(f), -1);
	assert_string_equal(errors(f), "failback.conf: failback.conf is not a text file: it has a zero byte\n");
}

static void files_that_others_may_write_are_refused(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", "");
	assert_int_equal(chmod("failback.conf", 0666), 0);
	assert_int_equal(load(f), -1);
	assert_int_equal(f->errs.n, 1);
	assert_int_equal(f->errs.v[0].code, FB_EXIT_CONFIG);
	assert_non_null(strstr(errors(f), "failback.conf"));
	assert_null(f->config);
}

static void what_is_no_file_is_refused_and_not_waited_for(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkfifo("conf.d/pipe.conf", 0600), 0);
	assert_string_equal(check(f, ""), "conf.d/pipe.conf: cannot read conf.d/pipe.conf: it is not a regular file\n");
	assert_int_equal(unlink("conf.d/pipe.conf"), 0);
	assert_int_equal(unlink("failback.conf"), 0);
	assert_int_equal(load(f), -1);
	assert_string_equal(errors(f), "failback.conf: cannot read failback.conf: No such file or directory\n");
}

static void settings_of_the_wrong_type_say_what_was_expected_and_found(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(check(f, "environment = 5;\nstate_dir = \"var\";\nplugin_dirs = [ \"lib\" ];\ntrusted_owner = \"nobody-here\";\n"
				     "auto_rollback_enabled = \"yes\";\nrollback_timeout = -1;\nlog_limit = 100;\ndetection = { window = \"5ms\"; intreval = 3; };\n"
				     "zero_downtime_required = 1;\nresume_within = \"5 parsecs\";\nservices = { };\n"),
			    "failback.conf:1: setting 'environment': expected a string in quotes, found the number 5\n"
			    "failback.conf:2: setting 'state_dir': 'var' is not an absolute path: it does not begin with /\n"
			    "failback.conf:3: setting 'plugin_dirs[0]': 'lib' is not an absolute path: it does not begin with /\n"
			    "failback.conf:4: setting 'trusted_owner': there is no user 'nobody-here' on this machine: name one, or give a uid\n"
			    "failback.conf:5: setting 'auto_rollback_enabled': expected true or false, found the string \"yes\"\n"
			    "failback.conf:6: setting 'rollback_timeout': '-1' is not a duration such as \"250ms\", \"30s\", \"5m\", \"2h\" or \"1d\"\n"
			    "failback.conf:7: setting 'log_limit': expected a size with its unit, such as \"4MiB\", found the number 100\n"
			    "failback.conf:8: setting 'detection.intreval': there is no such setting; did you mean 'interval'?\n"
			    "failback.conf:8: setting 'detection.window': the window (5 ms) is shorter than the interval (10 ms): nothing would be seen\n"
			    "failback.conf:9: setting 'zero_downtime_required': expected true or false, found the number 1\n"
			    "failback.conf:10: setting 'resume_within': '5 parsecs' has a unit that is not known: expected a duration such as \"250ms\", \"30s\", \"5m\", \"2h\" or \"1d\"\n"
			    "failback.conf:11: setting 'services': expected a list, found a group\n");
}

static void mistakes_in_the_backup_store_are_told_each_with_its_place(void **state)
{
	struct fixture *f = *state;

	put("conf.d/more.conf", "backup_store = { keep_last = 3;\n };\n");
	assert_string_equal(check(f, "backup_store = {\n path = \"backups\";\n encryption = \"some\";\n key_file = \"/k\";\n passphrase_file = \"/p\";\n"
				     " retention_days = -1;\n keep_last = 0;\n max_size = 20;\n retention_day = 3;\n};\n"),
			    "failback.conf:2: setting 'backup_store.path': 'backups' is not an absolute path: it does not begin with /\n"
			    "failback.conf:3: setting 'backup_store.encryption': expected \"secrets\", \"all\" or \"none\", found the string \"some\"; did you mean 'none'?\n"
			    "failback.conf:5: setting 'backup_store.passphrase_file': 'key_file' is set too, at failback.conf:4: a store is opened by one of them, so remove the other\n"
			    "failback.conf:6: setting 'backup_store.retention_days': -1 is out of range: expected 0 to 36500\n"
			    "failback.conf:7: setting 'backup_store.keep_last': 0 is out of range: expected 1 to 1000000\n"
			    "failback.conf:8: setting 'backup_store.max_size': expected a size with its unit, such as \"4MiB\", found the number 20\n"
			    "failback.conf:9: setting 'backup_store.retention_day': there is no such setting; did you mean 'retention_days'?\n"
			    "conf.d/more.conf:1: setting 'backup_store.keep_last': it is set twice, first at failback.conf:7: remove one\n");
	assert_int_equal(unlink("conf.d/more.conf"), 0);
	assert_string_equal(check(f, "backup_store = 5;"), "failback.conf:1: setting 'backup_store': expected a group { … }, found the number 5\n");
}

static void services_that_cannot_be_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(check(f, "services = ( { name = \"a\"; depends_on = [ \"b\" ]; strategy = { use = \"immediate\"; }; },\n"
				     "  { name = \"b\"; depends_on = [ \"c\" ]; strategy = { use = \"immediate\"; }; },\n"
				     "  { name = \"c\"; depends_on = [ \"b\" ]; strategy = { use = \"immediate\"; }; } );"),
			    "failback.conf:2: setting 'services[1].depends_on': services depend on one another in a circle: b -> c -> b\n");
	assert_string_equal(check(f, "services = ( { name = \"a\"; goes_with = [ \"a\" ]; },\n" SERVICE("a") ",\n { nmae = \"x\"; }, 5, { name = \"A b\"; strategy = 5; } );"),
			    "failback.conf:1: setting 'services[0]': 'strategy' is missing: how the service is deployed and brought back\n"
			    "failback.conf:1: setting 'services[0].goes_with[0]': a service cannot name itself here\n"
			    "failback.conf:2: setting 'services[1].name': there is a service 'a' already, at failback.conf:1\n"
			    "failback.conf:3: setting 'services[2].nmae': there is no such setting; did you mean 'name'?\n"
			    "failback.conf:3: setting 'services[2]': 'name' is missing: the service's name\n"
			    "failback.conf:3: setting 'services[3]': expected a group { … }, found the number 5\n"
			    "failback.conf:3: setting 'services[4].name': 'A b' is not a name: expected at most 63 of a-z, 0-9 and '-', not beginning with '-'\n");
}

static void options_are_checked_against_what_the_plugin_declares(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(check(f, "services = ( { name = \"a\"; strategy = { use = \"blue-green\"; blue = { servr = \"x\"; }; }; checks = (\n"
				     "  { use = \"http\"; expected_status = 99; },\n"
				     "  { use = \"http\"; name = \"h\"; url = \"http://h:99999/\"; headers = { Authorization = \"Bearer abc\"; }; },\n"
				     "  { use = \"http\"; name = \"h\"; url = \"${HOME}\"; options = { url = \"http://h/\"; }; failed_after = 0; } ); } );"),
			    "failback.conf:1: setting 'services[0].strategy.blue.servr': there is no such setting; did you mean 'server'?\n"
			    "failback.conf:1: setting 'services[0].strategy.blue': 'blue.server' is missing: Name of the blue server\n"
			    "failback.conf:1: setting 'services[0].strategy': 'backend' is missing: The load balancer's backend\n"
			    "failback.conf:2: setting 'services[0].checks[0].expected_status': 99 is out of range: expected 100 to 599\n"
			    "failback.conf:2: setting 'services[0].checks[0]': 'url' is missing: What to get\n"
			    "failback.conf:3: setting 'services[0].checks[1].url': 'http://h:99999/' is not a URL such as \"https://example.org/path\": its port is not a number from 1 to 65535\n"
			    "failback.conf:3: setting 'services[0].checks[1].headers.Authorization': a secret stands in a file that every user of this machine can read: "
			    "write \"${env:NAME}\", \"${file:PATH}\" or \"${cred:NAME}\", or run 'chmod o-r failback.conf'\n"
			    "failback.conf:4: setting 'services[0].checks[2].failed_after': 0 is out of range: expected 1 to 1000\n"
			    "failback.conf:4: setting 'services[0].checks[2].name': the name 'h' is taken in this list\n"
			    "failback.conf:4: setting 'services[0].checks[2].url': a \"${\" must begin \"${env:NAME}\", \"${file:/PATH}\" or \"${cred:NAME}\"\n"
			    "failback.conf:4: setting 'services[0].checks[2].options.url': 'url' is set twice in this group\n");
}

static void every_type_of_option_refuses_what_is_not_of_it(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(check(f, "recovery = ( { phase = \"types\";\nstring = 5;\nint = 11;\nbool = 1;\nduration = 5;\nseconds = \"x\";\nsize = 4;\nbytes = -1;\n"
				     "choice = \"gren\";\ncommand = [ ];\nlist = \"a\";\nmap = [ \"a\" ];\nurl = \"http://\";\npath = \"a/b\";\nfloat = 0.1;\n"
				     "percent = \"150%\";\ntoken = 5;\nitems = ( { mode = \"1\"; } );\n} );\n"),
			    "failback.conf:2: setting 'recovery[0].string': expected a string in quotes, found the number 5\n"
			    "failback.conf:3: setting 'recovery[0].int': 11 is out of range: expected 1 to 10\n"
			    "failback.conf:4: setting 'recovery[0].bool': expected true or false, found the number 1\n"
			    "failback.conf:5: setting 'recovery[0].duration': expected a duration with its unit, such as \"30s\", found the number 5\n"
			    "failback.conf:6: setting 'recovery[0].seconds': 'x' is not a duration such as \"250ms\", \"30s\", \"5m\", \"2h\" or \"1d\"\n"
			    "failback.conf:7: setting 'recovery[0].size': expected a size with its unit, such as \"4MiB\", found the number 4\n"
			    "failback.conf:8: setting 'recovery[0].bytes': -1 bytes are out of range: expected 0 to 9223372036854775807\n"
			    "failback.conf:9: setting 'recovery[0].choice': expected \"red\" or \"green\", found the string \"gren\"; did you mean 'green'?\n"
			    "failback.conf:10: setting 'recovery[0].command': expected a command, found an empty list\n"
			    "failback.conf:11: setting 'recovery[0].list': expected a list of strings, found the string \"a\"\n"
			    "failback.conf:12: setting 'recovery[0].map': expected a group of strings { NAME = \"value\"; }, found a list\n"
			    "failback.conf:13: setting 'recovery[0].url': 'http://' is not a URL such as \"https://example.org/path\": it has no host\n"
			    "failback.conf:14: setting 'recovery[0].path': 'a/b' is not an absolute path: it does not begin with /\n"
			    "failback.conf:15: setting 'recovery[0].float': 0.1 is out of range: expected 0.5 to 2.5\n"
			    "failback.conf:16: setting 'recovery[0].percent': 150% is out of range: expected 0% to 100%\n"
			    "failback.conf:17: setting 'recovery[0].token': expected a string in quotes\n"
			    "failback.conf:18: setting 'recovery[0].items[0]': 'items[].path' is missing: the path of it\n");
	assert_string_equal(check(f, "recovery = ( { phase = \"bad-default\"; } );"),
			    "failback.conf:1: setting 'recovery[0]': the plugin's own default for 'size' is not of its type: \"many\" is no int; tell its author, and set it here\n");
	assert_string_equal(check(f, "recovery = ( { phase = \"types\"; token = \"abcdefgh\"; api_key = \"abcdefgh\"; } );"),
			    "failback.conf:1: setting 'recovery[0].token': a secret stands in a file that every user of this machine can read: "
			    "write \"${env:NAME}\", \"${file:PATH}\" or \"${cred:NAME}\", or run 'chmod o-r failback.conf'\n"
			    "failback.conf:1: setting 'recovery[0].api_key': 'token' is set twice in this group\n");
}

static void links_that_cannot_be_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(freeze_deploy(f, "steps = (\n"
					  "  { name = \"a\"; },\n"
					  "  { run = \"x\"; },\n"
					  "  { name = \"c\"; run = \"x\"; phase = \"verify\"; promote = \"s\"; },\n"
					  "  { name = \"d\"; run = \"x\"; after = \"c\"; on_failure = \"stop\"; fallback = { run = \"y\"; }; },\n"
					  "  { name = \"e\"; parallel = ( { name = \"f\"; run = \"x\"; after = [ \"g\", \"hh\" ]; }, { name = \"g\"; run = \"x\"; after = \"f\"; } ); timeout = \"1s\"; },\n"
					  "  { parallel = ( { parallel = ( ); } ); },\n"
					  "  { name = \"i\"; run = \"x\"; undo = { run = \"y\"; undo = \"z\"; }; retries = -1; backoff = \"5s\"; backoff_max = \"1s\"; },\n"
					  "  { promote = \"nowhere\"; },\n"
					  "  { name = \"j\"; run = \"\"; },\n"
					  "  { name = \"k\"; phase = \"verify\"; stable_for = \"5s\"; timeout = \"3s\"; } );"),
			 -1);
	assert_string_equal(errors(f),
			    "plan.conf:2: setting 'steps[0]': a link needs one of 'run', 'phase', 'promote' and 'parallel'\n"
			    "plan.conf:3: setting 'steps[1]': 'name' is missing: a command goes by a name in progress, report and log\n"
			    "plan.conf:4: setting 'steps[2].promote': a link has either 'phase' or 'promote'\n"
			    "plan.conf:5: setting 'steps[3].fallback': it would never run: on_failure is \"stop\"\n"
			    "plan.conf:5: setting 'steps[3].after': only members of a parallel group wait for one another; links of a chain run in its order\n"
			    "plan.conf:6: setting 'steps[4].timeout': there is no such setting\n"
			    "plan.conf:6: setting 'steps[4].parallel[0].after': this group has no member 'hh'\n"
			    "plan.conf:6: setting 'steps[4].parallel[0].after': 'f' would wait for itself\n"
			    "plan.conf:6: setting 'steps[4].parallel[1].after': 'g' would wait for itself\n"
			    "plan.conf:7: setting 'steps[5].parallel[0].parallel': a group stands only at the top of a chain\n"
			    "plan.conf:8: setting 'steps[6].retries': -1 is out of range: expected 0 to 1000\n"
			    "plan.conf:8: setting 'steps[6].backoff_max': backoff_max (1000 ms) is less than backoff (5000 ms)\n"
			    "plan.conf:8: setting 'steps[6].undo.undo': an undo or a fallback has no undo of its own\n"
			    "plan.conf:9: setting 'steps[7].promote': there is no service 'nowhere'\n"
			    "plan.conf:10: setting 'steps[8].run': expected a command: a string for the shell, or a list of the program and its arguments, found the string \"\"\n"
			    "plan.conf:11: setting 'steps[9].timeout': a timeout of 3000 ms is over before the 5000 ms that 'verify' has to hold: raise it to that and some time for the probes\n");
}

static void plans_that_cannot_be_are_refused(void **state)
{
	struct fixture *f = *state;

	put("failback.conf", "environment = \"production\"; services = ( " SERVICE("backend") ", " SERVICE("frontend") " );");
	assert_int_equal(freeze_deploy(f, "environment = \"staging\";\nrelease = \"two words\";\nservices = [ \"frontend\", \"fronted\" ];\nwatch_for = 30;\n"
					  "approval = \"yes\";\nrecovery = ( );\nsteps = ( { parallel = ( { promote = \"backend\"; } ); } );\n"), -1);
	assert_string_equal(errors(f),
			    "plan.conf:1: setting 'environment': the plan is for 'staging', but this is 'production' (-e or the configuration's environment)\n"
			    "plan.conf:2: setting 'release': 'two words' cannot name a release: expected at most 128 of A-Z, a-z, 0-9 and ./:+@~^_-, not beginning with '-'\n"
			    "plan.conf:3: setting 'services[1]': there is no service 'fronted'; did you mean 'frontend'?\n"
			    "plan.conf:4: setting 'watch_for': expected a duration with its unit, such as \"30s\", found the number 30\n"
			    "plan.conf:5: setting 'approval': expected \"never\", \"low\", \"medium\" or \"high\", found the string \"yes\"\n"
			    "plan.conf:6: setting 'recovery': there is no such setting\n"
			    "plan.conf:7: setting 'steps[0].parallel[0].promote': the plan promotes 'backend', but its 'services' do not name it\n");
	assert_int_equal(freeze_deploy(f, ""), -1);
	assert_string_equal(errors(f), "plan.conf:1: 'steps' is missing: the plan has nothing to do\n");
	assert_int_equal(freeze_deploy(f, "steps = ( );"), -1);
	assert_string_equal(errors(f), "plan.conf:1: setting 'steps': the list is empty: the plan has nothing to do\n");
	assert_int_equal(freeze_deploy(f, "steps = ( { name = \"a\"; run = \"true\"; };"), -1);
	assert_int_equal(f->errs.n, 1);
}

static void a_chain_that_cannot_be_run_as_written_does_not_start(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(check(f, "recovery = ( );\nbackup = ( { phase = \"nothing-like-it\"; } );"),
			    "failback.conf:1: setting 'recovery': the chain is empty: leave the setting out for the default, or give executor = \"basic\"\n"
			    "failback.conf:2: setting 'backup[0].phase': there is no phase plugin 'nothing-like-it'\n");
	assert_string_equal(check(f, "rollback_config = { rollback_timeout = 2; };\n"),
			    "failback.conf:1: setting 'rollback_config.rollback_timeout': 2000 ms are less than the 3000 ms that the recovery must hold its stability windows for: "
			    "raise it, or lower 'stable_for' of verify\n");
	assert_string_equal(check(f, "recovery = ( { phase = \"restore\"; }, { phase = \"verify\"; stable_for = 61; } );"),
			    "rollback_timeout is 60000 ms by default, less than the 61000 ms that the recovery must hold its stability windows for: set it, or lower 'stable_for' of verify\n");
	assert_string_equal(check(f, "zero_downtime_required = true;\nservices = ( " SERVICE("a") " );"),
			    "failback.conf:2: setting 'services[0].strategy': zero_downtime_required (failback.conf:1) rules out strategy 'immediate', which does not keep users "
			    "served all through: use a strategy that does, or set zero_downtime_required = false\n");
	put("failback.conf", "services = ( { name = \"a\"; strategy = { use = \"looker\"; }; } );");
	assert_int_equal(freeze_deploy(f, "steps = ( { promote = \"a\"; } );"), -1);
	assert_string_equal(errors(f),
			    "failback.conf:1: setting 'services[0].strategy.use': strategy 'looker' cannot restore a release, so 'a' could not be brought back: "
			    "use another strategy, or set auto_rollback_enabled = false\n"
			    "failback.conf:1: setting 'services[0].strategy.use': strategy 'looker' offers none of prepare, shift and restore: the plan cannot promote 'a' with it\n");
}

static void notifiers_hear_only_events_that_there_are(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(check(f, "notifiers = ( { use = \"slack\"; webhook_url = \"${env:HOOK}\"; on = [ \"rollback.*\", \"deployment.fialed\", \"link.failed\" ]; },\n"
				     "  { use = \"slcak\"; on = [ ]; timeout = 5; } );"),
			    "failback.conf:1: setting 'notifiers[0].on[1]': no event is named 'deployment.fialed'; did you mean 'deployment.failed'?\n"
			    "failback.conf:1: setting 'notifiers[0].on[2]': events of links ('link.failed') do not go to notifiers\n"
			    "failback.conf:2: setting 'notifiers[1].timeout': expected a duration with its unit, such as \"30s\", found the number 5\n"
			    "failback.conf:2: setting 'notifiers[1].on': the list is empty: the notifier would never be told anything, since no other names it in 'fallback' or 'escalate'\n"
			    "failback.conf:2: setting 'notifiers[1].use': there is no notifier plugin 'slcak'; did you mean 'slack'?\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_errors_of_all_files_are_told_in_one_run, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_scalar_that_is_set_twice_names_both_places, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(integers_that_do_not_fit_are_refused_from_the_text, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_a_file_includes_is_read_with_its_own_places, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(text_that_is_no_configuration_is_refused_with_its_line, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(files_that_others_may_write_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(mistakes_in_the_backup_store_are_told_each_with_its_place, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(settings_of_the_wrong_type_say_what_was_expected_and_found, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(services_that_cannot_be_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(options_are_checked_against_what_the_plugin_declares, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(every_type_of_option_refuses_what_is_not_of_it, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(links_that_cannot_be_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(plans_that_cannot_be_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_chain_that_cannot_be_run_as_written_does_not_start, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(notifiers_hear_only_events_that_there_are, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file_is_refused_and_not_waited_for, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
