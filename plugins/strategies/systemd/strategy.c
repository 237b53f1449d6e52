/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy systemd: a service that is one unit of systemd's, or several. A release is what a command puts in place (as in strategy immediate), what a drop-in of the unit
 * says, or both; systemd runs it. Talks to systemd over D-Bus, waits for the results of jobs, and believes a unit only when it has stayed up.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/common/step.h"
#include "plugins/strategies/systemd/systemd.h"

static const struct fb_option options[] = {
	{.name = "unit", .type = FB_TYPE_STRING, .summary = "Name of the unit"},
	{.name = "units", .type = FB_TYPE_LIST, .summary = "Names of several units, in the order in which they start"},
	{.name = "bus", .type = FB_TYPE_STRING, .default_value = "system", .summary = "system, user, or the address of a bus"},
	{.name = "mode", .type = FB_TYPE_CHOICE, .default_value = "replace", .choices = "replace|fail|replace-irreversibly|ignore-dependencies", .summary = "What becomes of pending jobs that are in the way, as in systemctl --job-mode"},
	{.name = "apply", .type = FB_TYPE_CHOICE, .default_value = "restart", .choices = "restart|reload|stop-start", .summary = "How a unit takes up what is in place"},
	{.name = "settle", .type = FB_TYPE_DURATION, .default_value = "2s", .unit = "s", .max = 3600000, .summary = "How long a unit must stay up, without being started again, after its job is done"},
	{.name = "dropin", .type = FB_TYPE_STRING, .summary = "Text of the drop-in of a release; {release} and {unit} are filled in"},
	{.name = "dropin_file", .type = FB_TYPE_STRING, .summary = "Path of a file with that text, in which {release} and {unit} are filled in"},
	{.name = "dropin_name", .type = FB_TYPE_STRING, .default_value = "50-failback.conf", .summary = "Name of the drop-in"},
	{.name = "unit_directory", .type = FB_TYPE_PATH, .summary = "Folder below which UNIT.d stands; /etc/systemd/system when not set, for the bus user ~/.config/systemd/user"},
	{.name = "deploy", .type = FB_TYPE_COMMAND, .summary = "Puts the release FAILBACK_RELEASE in place, before systemd runs it"},
	{.name = "restore", .type = FB_TYPE_COMMAND, .summary = "Puts an earlier release back; deploy when not set"},
	{.name = "version", .type = FB_TYPE_COMMAND, .summary = "Prints the release that is in place"},
	{.name = "verify", .type = FB_TYPE_COMMAND, .summary = "Ends with 0 when the service is healthy"},
	{.name = "cleanup", .type = FB_TYPE_COMMAND, .summary = "Removes what FAILBACK_FAILED left; with FAILBACK_PRESERVE=1 keeps it out of the way"},
	{.name = "protect", .type = FB_TYPE_CHOICE, .default_value = "leave", .choices = "leave|stop", .summary = "stop: the units of a failed release are stopped at once, so that nobody uses it"},
	{.name = "journal", .type = FB_TYPE_PATH, .summary = "Folder with the journal to read as evidence; this machine's own when not set"},
	{.name = "journal_lines", .type = FB_TYPE_INT, .default_value = "200", .min = 1, .max = 5000, .summary = "How many of the newest lines of a unit's journal are kept as evidence"},
	{.name = "directory", .type = FB_TYPE_PATH, .summary = "Working directory of all commands"},
	{.name = "environment", .type = FB_TYPE_MAP, .summary = "Variables for all commands"},
	{.name = "secret_environment", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "Variables whose values are secret"},
	{0},
};

static bool is_name(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n > 5 && n < 200 && !strcmp(name + n - 5, ".conf") && !strchr(name, '/') && *name != '.';
}

static int32_t check_files(struct systemd *s)
{
	struct stat st;
	char *directory;
	int32_t answer = FB_OK;

	if (run_is_set(s->call, "dropin") && run_is_set(s->call, "dropin_file")) {
		s->host->fail(s->call, "both 'dropin' and 'dropin_file' are set: a release has one drop-in; keep one of them");
		return FB_FATAL;
	}
	if (!dropin_is_set(s->call))
		return FB_OK;
	if (!is_name(s->host->option(s->call, "dropin_name"))) {
		s->host->fail(s->call, "dropin_name is not the name of a drop-in: systemd reads only files that end in .conf");
		return FB_FATAL;
	}
	directory = dropin_directory(s);
	if (stat(directory, &st) || !S_ISDIR(st.st_mode)) {
		s->host->fail(s->call, "the drop-ins of %s belong below %s, which is not there: set 'unit_directory'", s->units[0].name, directory);
		answer = FB_FAIL;
	} else if (access(directory, W_OK)) {
		s->host->fail(s->call, "drop-ins cannot be written to %s: %s; run failback as its owner", directory, strerror(errno));
		answer = FB_FAIL;
	}
	free(directory);
	return answer;
}

void step_fill(const struct fb_call *call, const char *option, const char *release, struct run_spec *spec)
{
	(void)option;
	(void)release;
	run_set_directory(spec, call->host->option(call, "directory"));
}

static int32_t check(struct systemd *s)
{
	static const char *const programs[] = {"deploy", "restore", "version", "verify", "cleanup", NULL};
	char command[400];
	int32_t answer;

	if (!run_is_set(s->call, "deploy") && !dropin_is_set(s->call)) {
		s->host->fail(s->call, "nothing says what a release of %s is: set 'deploy', 'dropin' or 'dropin_file'", s->units[0].name);
		return FB_FATAL;
	}
	answer = check_files(s);
	if (answer == FB_OK)
		answer = step_check_programs(s->call, programs);
	if (answer == FB_OK)
		answer = units_look(s);
	for (size_t i = 0; i < s->n && answer == FB_OK; i++) {
		const struct unit *u = &s->units[i];

		answer = unit_usable(s, u);
		if (answer == FB_OK && u->now.need_reload)
			s->host->advise(s->call, "files of a unit have changed since systemd read them; a deployment lets it read them",
					systemd_command(s, "daemon-reload", NULL, command, sizeof command));
		if (answer == FB_OK && !strcmp(s->host->option(s->call, "apply"), "reload") && unit_is_up(u) && !u->now.can_reload) {
			s->host->fail(s->call, "apply is \"reload\", but %s cannot be reloaded: give it an ExecReload=, or set apply = \"restart\"", u->name);
			answer = FB_FATAL;
		}
	}
	if (answer == FB_OK && !dropin_is_set(s->call) && !run_is_set(s->call, "version"))
		s->host->advise(s->call, "set 'version': without it the release that is live is only known from the record", NULL);
	return answer;
}

static int32_t state(struct systemd *s)
{
	const char *source;
	char *live = live_release(s, &source), *text, detail[900], words[500];
	int32_t answer = units_look(s);
	json_t *o;
	int rc;

	if (answer == FB_OK) {
		snprintf(detail, sizeof detail, "%s; %s is %s%s", source, s->units[0].name, unit_words(&s->units[0], words, sizeof words),
			 s->units[0].now.need_reload ? "; systemd has not read its files since they changed" : "");
		o = json_pack("{s:s?,s:s,s:s}", "release", live, "target", s->units[0].name, "detail", detail);
		text = json_dumps(o, JSON_COMPACT);
		rc = text ? s->host->report(s->call, "state", text) : -1;
		free(text);
		json_decref(o);
		if (rc) {
			s->host->fail(s->call, "the state of %s could not be reported", s->call->service);
			answer = FB_FAIL;
		}
	}
	free(live);
	return answer;
}

static int32_t capture(struct systemd *s)
{
	const char *source;
	char *live;
	int32_t answer;

	if (!dropin_is_set(s->call)) {
		s->host->log(s->call, FB_LOG_INFO, "no drop-in is set: the way back is the release's name");
		return FB_SKIP;
	}
	live = live_release(s, &source);
	if (!live)
		live = run_copy(s->call->last_good);
	if (!live) {
		s->host->log(s->call, FB_LOG_INFO, "no release of %s is known: there is no way back to record", s->call->service);
		return FB_SKIP;
	}
	answer = dropins_capture(s, live);
	free(live);
	return answer;
}

static int32_t prove(struct systemd *s)
{
	const char *release = s->call->last_good ? s->call->last_good : s->call->release, *source;
	int32_t answer = units_look(s);
	char *live;

	for (size_t i = 0; i < s->n && answer == FB_OK; i++)
		answer = unit_usable(s, &s->units[i]);
	if (answer != FB_OK)
		return answer;
	if (s->call->flags & FB_CALL_DRY_RUN) /* nothing was captured */
		return FB_OK;
	if (!dropin_is_set(s->call) || !release) {
		s->host->log(s->call, FB_LOG_WARNING, "that %s can put release %s back is not shown: only drop-ins can be", run_is_set(s->call, "restore") ? "'restore'" : "'deploy'",
			     release ? release : "(none)");
		return FB_SKIP;
	}
	live = live_release(s, &source);
	answer = live && !strcmp(live, release) ? dropins_prove(s, release) : FB_OK;
	for (size_t i = 0; i < s->n && answer == FB_OK; i++)
		if (dropin_stands(s, &s->units[i], release) < 0)
			answer = FB_FAIL;
	free(live);
	return answer;
}

static int32_t shift(struct systemd *s)
{
	if (s->call->share != 10000) {
		s->host->fail(s->call, "strategy systemd was asked to give release %s %.2f %% of the traffic: it can only replace all of it", s->call->release ? s->call->release : "?",
			      s->call->share / 100.0);
		return FB_FATAL;
	}
	if (!s->call->release) {
		s->host->fail(s->call, "no release is named to deploy to %s: give --release, or 'release' in the plan", s->call->service);
		return FB_FATAL;
	}
	return place(s, s->call->release, "deploy");
}

static int32_t go_back(struct systemd *s, const char *release)
{
	int32_t answer;

	if (!release) {
		s->host->fail(s->call, "there is nothing to go back to: no release of %s was ever verified; name one with --to", s->call->service);
		return FB_FATAL;
	}
	answer = units_look(s);
	if (answer != FB_OK)
		return answer;
	if (is_live(s, release)) {
		s->host->log(s->call, FB_LOG_INFO, "release %s of %s is in place and runs: nothing to do", release, s->call->service);
		return FB_SKIP;
	}
	return place(s, release, run_is_set(s->call, "restore") ? "restore" : "deploy");
}

static int32_t restore(struct systemd *s)
{
	return go_back(s, s->call->release ? s->call->release : s->call->last_good);
}

static int32_t undo(struct systemd *s)
{
	if (s->call->operation == FB_OP_SHIFT)
		return go_back(s, s->call->last_good);
	s->host->log(s->call, FB_LOG_INFO, "this operation has left nothing to undo");
	return FB_SKIP;
}

static int32_t protect(struct systemd *s)
{
	const char *how = s->host->option(s->call, "protect"), *source;
	int32_t answer = FB_OK;
	char *live;

	if (!how || strcmp(how, "stop")) {
		s->host->log(s->call, FB_LOG_INFO, "there is no other unit to send users of %s to; it is left as it is until the restore", s->call->service);
		return FB_SKIP;
	}
	live = live_release(s, &source);
	if (live && s->call->failed && strcmp(live, s->call->failed) && !s->host->fact(s->call, FB_SCOPE_OWN, "touched")) {
		s->host->log(s->call, FB_LOG_INFO, "release %s never came to %s, which has %s: it is left alone", s->call->failed, s->call->service, live);
		free(live);
		return FB_OK;
	}
	free(live);
	answer = units_look(s);
	for (size_t i = s->n; i-- > 0 && answer == FB_OK;)
		if (!unit_is_down(&s->units[i]))
			answer = job_act(s, &s->units[i], "Stop");
	return answer;
}

static int32_t verify(struct systemd *s)
{
	const char *source, *release = s->call->release;
	char *live = live_release(s, &source);
	int32_t answer;

	if (live && release && strcmp(live, release)) {
		s->host->fail(s->call, "%s should run release %s, but it has %s, %s", s->call->service, release, live, source);
		free(live);
		return FB_FAIL;
	}
	free(live);
	answer = verify_units(s, release);
	if (answer == FB_OK && run_is_set(s->call, "verify") && step_ask(s->call, "verify", release, NULL)) {
		step_fail_ask(s->call, "verify", "%s is not healthy", s->call->service);
		answer = FB_FAIL;
	}
	return answer;
}

static int32_t cleanup(struct systemd *s)
{
	if (run_is_set(s->call, "cleanup"))
		return step_act(s->call, "cleanup", "cleanup", s->call->release, "%s what release %s of %s left", s->call->flags & FB_CALL_PRESERVE ? "put away" : "remove",
				s->call->failed ? s->call->failed : "?", s->call->service);
	s->host->log(s->call, FB_LOG_INFO, "no 'cleanup' is set: nothing is removed");
	return FB_SKIP;
}

static int32_t with_units(const struct fb_call *call, int32_t (*operation)(struct systemd *))
{
	struct systemd *s = calloc(1, sizeof *s);
	int32_t answer;

	if (!s)
		abort();
	answer = systemd_begin(s, call);
	if (answer == FB_OK)
		answer = operation(s);
	systemd_end(s);
	free(s);
	return answer;
}

#define OPERATION(NAME, DOES) static int32_t NAME(const struct fb_call *call) { return with_units(call, DOES); }
OPERATION(op_check, check)
OPERATION(op_state, state)
OPERATION(op_capture, capture)
OPERATION(op_prove, prove)
OPERATION(op_shift, shift)
OPERATION(op_protect, protect)
OPERATION(op_restore, restore)
OPERATION(op_verify, verify)
OPERATION(op_evidence, evidence_take)
OPERATION(op_cleanup, cleanup)
OPERATION(op_undo, undo)

static const struct fb_strategy_ops ops = {
	.check = op_check,
	.state = op_state,
	.capture = op_capture,
	.prove = op_prove,
	.shift = op_shift,
	.protect = op_protect,
	.restore = op_restore,
	.verify = op_verify,
	.evidence = op_evidence,
	.cleanup = op_cleanup,
	.undo = op_undo,
};

FB_PLUGIN(STRATEGY, .name = "systemd", .version = "0.1.0", .summary = "Deploys to units of systemd's over D-Bus, and restores them and their drop-ins", .license = "Apache-2.0",
	  .options = options, .strategy = &ops)
