/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy immediate: stop, put the release in place, start. The service is down in between, and that is declared: no zero-downtime feature, no
 * prepare. All is done by commands of the user's; each must converge, for it may run again when an attempt failed or its outcome is unknown.
 *
 * Actions of attempt 1 have the keys stop, deploy, start; a later attempt does all of it anew, under keys that end in its number, because a failed
 * attempt says nothing sure about the state that it left.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/step.h"

#define WAY_BACK_MAX 4096

static const struct fb_option options[] = {
	{.name = "deploy", .type = FB_TYPE_COMMAND, .flags = FB_OPTION_REQUIRED, .summary = "Puts the release FAILBACK_RELEASE in place"},
	{.name = "stop", .type = FB_TYPE_COMMAND, .summary = "Stops the service"},
	{.name = "start", .type = FB_TYPE_COMMAND, .summary = "Starts the service"},
	{.name = "restore", .type = FB_TYPE_COMMAND, .summary = "Puts an earlier release back; deploy when not set"},
	{.name = "running", .type = FB_TYPE_COMMAND, .summary = "Ends with 0 when the service runs, with another code when it does not"},
	{.name = "version", .type = FB_TYPE_COMMAND, .summary = "Prints the release that is in place"},
	{.name = "capture", .type = FB_TYPE_COMMAND, .summary = "Prints what restore needs; it comes back in FAILBACK_WAY_BACK"},
	{.name = "prove", .type = FB_TYPE_COMMAND, .summary = "Shows that the way back can be gone"},
	{.name = "verify", .type = FB_TYPE_COMMAND, .summary = "Ends with 0 when the service is healthy"},
	{.name = "cleanup", .type = FB_TYPE_COMMAND, .summary = "Removes what FAILBACK_FAILED left; with FAILBACK_PRESERVE=1 keeps it out of the way"},
	{.name = "logs", .type = FB_TYPE_LIST, .summary = "Log files that explain a failure"},
	{.name = "settle", .type = FB_TYPE_DURATION, .default_value = "0s", .unit = "s", .max = 3600000, .summary = "How long it may take to come up after start"},
	{.name = "protect", .type = FB_TYPE_CHOICE, .default_value = "leave", .choices = "leave|stop", .summary = "stop: a failed release is stopped at once, so that nobody uses it"},
	{.name = "directory", .type = FB_TYPE_PATH, .summary = "Working directory of all commands"},
	{.name = "environment", .type = FB_TYPE_MAP, .summary = "Variables for all commands"},
	{.name = "secret_environment", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "Variables whose values are secret"},
	{0},
};

/* The fact under which the way back to a release is kept. */
static char *way_back_key(const char *release, char *buf, size_t size)
{
	snprintf(buf, size, "way-back.%s", release ? release : "");
	return buf;
}

void step_fill(const struct fb_call *call, const char *option, const char *release, struct run_spec *spec)
{
	char key[200];

	(void)option;
	run_set_directory(spec, call->host->option(call, "directory"));
	run_add_environment(spec, "FAILBACK_WAY_BACK", call->host->fact(call, FB_SCOPE_SERVICE, way_back_key(release, key, sizeof(key))));
}

/* The release that version prints, to be freed; NULL: it is not known. */
static char *live_release(const struct fb_call *call)
{
	char *ret = NULL;

	return run_is_set(call, "version") && step_ask(call, "version", NULL, &ret) == 0 ? ret : NULL;
}

static bool is_live(const struct fb_call *call, const char *release)
{
	char *live = live_release(call);
	bool ret = live && release && !strcmp(live, release) && run_is_set(call, "running") && step_ask(call, "running", NULL, NULL) == 0;

	free(live);
	return ret;
}

/* Stop, put in place, start; then it must be what it should be. */
static int32_t replace(const struct fb_call *call, const char *release, const char *option)
{
	const struct fb_host *h = call->host;
	int32_t answer;
	char *live;

	answer = step_stop(call, "stop", release);
	if (answer == FB_OK)
		answer = step_act(call, "deploy", option, release, "put release %s of %s in place", release, call->service);
	if (answer == FB_OK && run_is_set(call, "start"))
		answer = step_act(call, "start", "start", release, "start %s", call->service);
	if (answer != FB_OK || call->flags & FB_CALL_DRY_RUN)
		return answer;
	answer = step_settle(call);
	if (answer != FB_OK)
		return answer;
	live = live_release(call);
	if (live && strcmp(live, release)) {
		h->fail(call, "release %s of %s was put in place, but 'version' says %s: look at what '%s' does", release, call->service, live, option);
		answer = FB_FAIL;
	} else if (h->fact_set(call, FB_SCOPE_SERVICE, "live", release)) {
		h->log(call, FB_LOG_WARNING, "that %s is live could not be recorded", release);
	}
	free(live);
	return answer;
}

static int32_t state(const struct fb_call *call)
{
	char *live = live_release(call), *text;
	bool known = live;
	json_t *o;
	int rc;

	if (!live)
		live = run_copy(call->host->fact(call, FB_SCOPE_SERVICE, "live"));
	o = json_pack("{s:s?,s:n,s:s}", "release", live, "target", "detail",
		      known ? "as 'version' says" : live ? "as recorded by the last deployment or recovery" : "not known: set 'version'");
	text = json_dumps(o, JSON_COMPACT);
	rc = text ? call->host->report(call, "state", text) : -1;
	free(text);
	json_decref(o);
	free(live);
	if (!rc)
		return FB_OK;
	call->host->fail(call, "the state of %s could not be reported", call->service);
	return FB_FAIL;
}

static int32_t capture(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	char *output = NULL, key[200];
	char *live;
	int rc;

	if (!run_is_set(call, "capture")) {
		h->log(call, FB_LOG_INFO, "no 'capture' is set: the way back is the release's name");
		return FB_SKIP;
	}
	if (step_ask(call, "capture", call->last_good, &output)) {
		step_fail_ask(call, "capture", "the way back of %s is not recorded", call->service);
		return FB_FAIL;
	}
	if (!*output || strlen(output) > WAY_BACK_MAX) {
		h->fail(call, "'capture' printed %zu bytes: it must print what restore needs, at most %d bytes", strlen(output), WAY_BACK_MAX);
		free(output);
		return FB_FAIL;
	}
	live = live_release(call);
	way_back_key(live ? live : call->last_good, key, sizeof(key));
	rc = h->fact_set(call, FB_SCOPE_SERVICE, key, output);
	free(live);
	free(output);
	if (!rc)
		return FB_OK;
	h->fail(call, "the way back of %s could not be recorded", call->service);
	return FB_FAIL;
}

static int32_t prove(const struct fb_call *call)
{
	if (!run_is_set(call, "prove")) {
		call->host->log(call, FB_LOG_WARNING, "no 'prove' is set: that the way back can be gone is not shown");
		return FB_SKIP;
	}
	if (!step_ask(call, "prove", call->last_good, NULL))
		return FB_OK;
	step_fail_ask(call, "prove", "the way back of %s cannot be relied on", call->service);
	return FB_FAIL;
}

static int32_t shift(const struct fb_call *call)
{
	if (call->share != 10000) {
		call->host->fail(call, "strategy immediate was asked to give release %s %.2f %% of the traffic: it can only replace all of it", call->release ? call->release : "?",
				 call->share / 100.0);
		return FB_FATAL;
	}
	if (!call->release) {
		call->host->fail(call, "no release is named to deploy to %s: give --release, or 'release' in the plan", call->service);
		return FB_FATAL;
	}
	return replace(call, call->release, "deploy");
}

static int32_t go_back(const struct fb_call *call, const char *release)
{
	if (!release) {
		call->host->fail(call, "there is nothing to go back to: no release of %s was ever verified; name one with --to", call->service);
		return FB_FATAL;
	}
	if (is_live(call, release)) {
		call->host->log(call, FB_LOG_INFO, "release %s of %s is in place and runs: nothing to do", release, call->service);
		return FB_SKIP;
	}
	return replace(call, release, run_is_set(call, "restore") ? "restore" : "deploy");
}

static int32_t restore(const struct fb_call *call)
{
	return go_back(call, call->release ? call->release : call->last_good);
}

static int32_t undo(const struct fb_call *call)
{
	if (call->operation == FB_OP_SHIFT)
		return go_back(call, call->last_good);
	call->host->log(call, FB_LOG_INFO, "this operation has left nothing to undo");
	return FB_SKIP;
}

static int32_t verify(const struct fb_call *call)
{
	const struct fb_host *h = call->host;
	char *live = live_release(call);
	bool looked = live;

	if (live && call->release && strcmp(live, call->release)) {
		h->fail(call, "%s should run release %s, but 'version' says %s", call->service, call->release, live);
		free(live);
		return FB_FAIL;
	}
	free(live);
	static const char *const questions[] = {"running", "verify"};
	for (size_t i = 0; i < 2; i++) {
		if (!run_is_set(call, questions[i]))
			continue;
		looked = true;
		if (step_ask(call, questions[i], call->release, NULL)) {
			step_fail_ask(call, questions[i], "%s is not healthy", call->service);
			return FB_FAIL;
		}
	}
	if (looked)
		return FB_OK;
	h->log(call, FB_LOG_WARNING, "none of 'verify', 'running' and 'version' is set: that %s is healthy is not shown by its strategy", call->service);
	return FB_SKIP;
}

static int32_t evidence(const struct fb_call *call)
{
	return step_logs(call) ? FB_OK : FB_SKIP;
}

static int32_t cleanup(const struct fb_call *call)
{
	if (run_is_set(call, "cleanup"))
		return step_act(call, "cleanup", "cleanup", call->release, "%s what release %s of %s left", call->flags & FB_CALL_PRESERVE ? "put away" : "remove",
				call->failed ? call->failed : "?", call->service);
	call->host->log(call, FB_LOG_INFO, "no 'cleanup' is set: nothing is removed");
	return FB_SKIP;
}

static int32_t check(const struct fb_call *call)
{
	static const char *const names[] = {"deploy", "stop", "start", "restore", "running", "version", "capture", "prove", "verify", "cleanup", NULL};
	const struct fb_host *h = call->host;
	int32_t answer = step_check(call, names);

	if (answer == FB_FATAL)
		return answer;
	if (!run_is_set(call, "version"))
		h->advise(call, "set 'version': without it the release that is live is only known from the record", NULL);
	if (!run_is_set(call, "running") && !run_is_set(call, "verify"))
		h->advise(call, "set 'running' or 'verify': without them a service that did not come up is not noticed here", NULL);
	return answer;
}

static const struct fb_strategy_ops ops = {
	.check = check,
	.state = state,
	.capture = capture,
	.prove = prove,
	.shift = shift,
	.protect = step_protect,
	.restore = restore,
	.verify = verify,
	.evidence = evidence,
	.cleanup = cleanup,
	.undo = undo,
};

FB_PLUGIN(STRATEGY, .name = "immediate", .version = "0.1.0", .summary = "Stops the service, puts the release in place, starts it: with downtime",
	  .license = "Apache-2.0", .options = options, .strategy = &ops)
