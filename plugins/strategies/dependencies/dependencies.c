/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy dependencies: a service whose release is an environment of Python or npm packages. Each is made at the place where it will live, out of sight, and tested
 * there; what goes live is a link. What a release consists of is recorded when it is good, so that it can be made again without a network.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plugins/strategies/dependencies/dependencies.h"

static const struct fb_option options[] = {
	{.name = "of", .type = FB_TYPE_CHOICE, .default_value = "pip", .choices = "pip|npm", .summary = "Whose packages: a Python environment's, or npm's"},
	{.name = "environments", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "The folder of the environments: that of release R is R in it"},
	{.name = "link", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED,
	 .summary = "The link that leads to the environment that is live, such as /srv/shop/.venv; for npm to its node_modules"},
	{.name = "requirements", .type = FB_TYPE_PATH, .summary = "pip: the file with the pins of release {release}; without it people make the environments of new releases"},
	{.name = "project", .type = FB_TYPE_PATH, .summary = "npm: the folder with package.json and package-lock.json of release {release}"},
	{.name = "python", .type = FB_TYPE_PATH, .default_value = "/usr/bin/python3", .summary = "pip: the Python that makes environments"},
	{.name = "wheels", .type = FB_TYPE_PATH, .summary = "A local folder of wheels (npm: its cache), from which environments can be made again"},
	{.name = "offline", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "Take packages from wheels only, never from a network"},
	{.name = "require_hashes", .type = FB_TYPE_BOOL, .default_value = "false", .summary = "pip: every requirement has a hash, and what is installed must have it"},
	{.name = "conflicts", .type = FB_TYPE_CHOICE, .default_value = "refuse", .choices = "refuse|allow", .summary = "What it means when packages do not get on with each other (pip check, npm ls)"},
	{.name = "pip_options", .type = FB_TYPE_LIST, .summary = "More words for pip install, such as --index-url=URL"},
	{.name = "npm_options", .type = FB_TYPE_LIST, .summary = "More words for npm ci, such as --omit=dev"},
	{.name = "test", .type = FB_TYPE_COMMAND, .summary = "Run with a new environment before it goes live, such as an import of the service's modules"},
	{.name = "restart", .type = FB_TYPE_COMMAND, .summary = "Restarts the service after the link was led elsewhere"},
	{.name = "running", .type = FB_TYPE_COMMAND, .summary = "Ends with 0 when the service runs, with another code when it does not"},
	{.name = "verify", .type = FB_TYPE_COMMAND, .summary = "Ends with 0 when the service is healthy"},
	{.name = "settle", .type = FB_TYPE_DURATION, .default_value = "0s", .unit = "s", .max = 3600000, .summary = "How long it may take to come up after restart"},
	{.name = "changed", .type = FB_TYPE_CHOICE, .default_value = "recreate", .choices = "recreate|accept",
	 .summary = "When the last known good environment is not as it was made: recreate: a rollback makes it so again; accept: what it is now is recorded as good"},
	{.name = "keep", .type = FB_TYPE_INT, .default_value = "2", .min = 0, .max = 1000, .summary = "How many old environments are kept besides the live and the last known good one"},
	{.name = "logs", .type = FB_TYPE_LIST, .summary = "Log files that explain a failure"},
	{.name = "directory", .type = FB_TYPE_PATH, .summary = "Working directory of the commands"},
	{.name = "environment", .type = FB_TYPE_MAP, .summary = "Variables for all commands, and for pip and npm"},
	{.name = "secret_environment", .type = FB_TYPE_MAP, .flags = FB_OPTION_SECRET, .summary = "Variables whose values are secret, such as passwords of an index"},
	{0},
};

/* ---- check ---- */

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static char *parent_of(const char *path)
{
	char *ret = run_copy(path), *slash = strrchr(ret, '/');

	slash[slash == ret ? 1 : 0] = 0;
	return ret;
}

static int32_t check_link(struct dep *d)
{
	char *parent = parent_of(d->link), *quoted, command[DEP_LINE];
	int32_t answer = FB_OK;
	struct stat st;

	if (!lstat(d->link, &st) && !S_ISLNK(st.st_mode)) {
		d->h->fail(d->call, "%s is %s, and not a link: put it aside, deploy the release, and remove it when the service runs; an environment cannot be moved, so failback makes a new one", d->link,
			   S_ISDIR(st.st_mode) ? "a folder" : "a file");
		quoted = run_quote(d->link);
		snprintf(command, sizeof command, "mv %s %s.before", quoted, quoted);
		d->h->advise(d->call, "put what stands where the link shall be aside; the service must not be running on it", command);
		free(quoted);
		answer = FB_FATAL;
	} else if (!is_folder(parent)) {
		d->h->fail(d->call, "there is no folder %s for the link %s: make it, or mend 'link'", parent, d->link);
		answer = FB_FATAL;
	}
	free(parent);
	return answer;
}

static int32_t check_folders(struct dep *d)
{
	char *parent = parent_of(d->environments);
	int32_t answer = FB_OK;

	if (!is_folder(d->environments) && !is_folder(parent)) {
		d->h->fail(d->call, "there is no folder %s in which %s could be made: make it, or mend 'environments'", parent, d->environments);
		answer = FB_FATAL;
	} else if (access(is_folder(d->environments) ? d->environments : parent, W_OK | X_OK)) {
		d->h->fail(d->call, "environments cannot be made in %s: %s", d->environments, strerror(errno));
		answer = FB_FATAL;
	} else if (d->offline && !d->wheels) {
		d->h->fail(d->call, "offline is true, and 'wheels' is not set: name the folder %s", d->npm ? "of npm's cache" : "of wheels");
		answer = FB_FATAL;
	} else if (d->offline && !is_folder(d->wheels)) {
		d->h->fail(d->call, "offline is true, and there is no folder %s: fill it, for example with '%s'", d->wheels,
			   d->npm ? "npm ci --cache FOLDER" : "pip wheel --wheel-dir FOLDER -r requirements.txt");
		answer = FB_FATAL;
	}
	free(parent);
	return answer;
}

static int32_t check(const struct fb_call *call)
{
	const struct dep_words none = {0};
	int32_t answer;
	struct dep d;

	dep_open(&d, call);
	answer = check_link(&d);
	if (answer == FB_OK)
		answer = check_folders(&d);
	if (answer == FB_OK && dep_script(&d, dep_of(&d, dep_here_pip, dep_here_npm), &none, NULL)) {
		d.h->fail(call, d.npm ? "npm and node do not run here: %s" : "Python environments cannot be made here (on Debian: apt-get install python3-venv): %s", d.line);
		answer = FB_FATAL;
	}
	if (!run_is_set(call, dep_of(&d, "requirements", "project")))
		d.h->advise(call, dep_of(&d, "set 'requirements': without it failback makes no environment of a new release", "set 'project': without it failback makes no environment of a new release"), NULL);
	if (!run_is_set(call, "test"))
		d.h->advise(call, "set 'test': without it an environment that cannot be imported goes live", NULL);
	if (!d.wheels)
		d.h->advise(call, "set 'wheels': without it an environment that is damaged can only be made again while the network has all its packages", NULL);
	dep_close(&d);
	return answer;
}

/* ---- the way back ---- */

static void report(const struct fb_call *call, const char *member, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

	if (!text || call->host->report(call, member, text))
		call->host->log(call, FB_LOG_WARNING, "'%s' could not be reported", member);
	free(text);
	json_decref(value);
}

static int32_t state(const struct fb_call *call)
{
	char *live, *place;
	struct dep d;

	dep_open(&d, call);
	live = dep_live(&d);
	place = live ? dep_place(&d, live) : NULL;
	report(call, "state", json_pack("{s:s?, s:s?, s:s}", "release", live, "target", place, "detail",
					live ? "as the link says" : "not known: the link is not there, or leads to no environment of ours"));
	free(place);
	free(live);
	dep_close(&d);
	return FB_OK;
}

static int32_t record_way_back(struct dep *d, const char *release)
{
	bool accept = !strcmp(d->h->option(d->call, "changed"), "accept");

	switch (dep_look(d, release, false)) {
	case DEP_INTACT:
		return FB_OK;
	case DEP_FOREIGN:
		d->h->log(d->call, FB_LOG_INFO, "%s: what it consists of is recorded now", d->line);
		return dep_freeze(d, release);
	case DEP_CHANGED:
		d->h->log(d->call, FB_LOG_WARNING, "the environment of the last known good release %s is not as it was when it was good: %s. %s", release, d->line,
			  accept ? "It is recorded as it is now" : "A rollback makes it again; mend it, or set changed = \"accept\" if this is how it shall be");
		return accept ? dep_freeze(d, release) : FB_OK;
	default:
		if (dep_record_is_sound(d, release)) {
			d->h->log(d->call, FB_LOG_WARNING, "the environment of the last known good release %s is gone; its pins are recorded, and a rollback makes it again", release);
			return FB_OK;
		}
		d->h->fail(d->call, "the way back to release %s of %s is not recorded: there is no environment of it, and %s", release, d->call->service, d->line);
		return FB_FAIL;
	}
}

static int32_t capture(const struct fb_call *call)
{
	int32_t answer;
	struct dep d;

	if (!call->last_good) {
		call->host->log(call, FB_LOG_INFO, "no release of %s was verified before: there is no way back to record", call->service);
		return FB_SKIP;
	}
	dep_open(&d, call);
	answer = dep_name_is_sound(&d, call->last_good) ? record_way_back(&d, call->last_good) : FB_FATAL;
	if (answer == FB_OK)
		report(call, "items", json_pack("[{s:s, s:s}]", "item", "pins", "kind", d.npm ? "npm" : "pip"));
	dep_close(&d);
	return answer;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* It is as it was: that is the way back. Whether it could be made again is told while there is time to mend that. */
static int32_t prove_intact(struct dep *d, const char *release)
{
	char *record = dep_record(d, release, NULL), *place = dep_place(d, release);
	const struct dep_words words = {.environment = place, .record = record};

	if (!d->npm && d->wheels && dep_script(d, dep_dry_pip, &words, NULL))
		d->h->log(d->call, FB_LOG_WARNING, "environment %s is intact; if it were damaged it could not be made again from %s: %s", place, d->wheels, d->line);
	free(place);
	free(record);
	return FB_OK;
}

static int32_t prove_recreation(struct dep *d, const char *release, const char *why)
{
	int32_t answer;

	if (!dep_record_is_sound(d, release)) {
		d->h->fail(d->call, "release %s of %s cannot be gone back to: %s; and it cannot be made again, for %s", release, d->call->service, why, d->line);
		return FB_FAIL;
	}
	answer = dep_rehearse(d, release);
	if (answer == FB_OK)
		d->h->log(d->call, FB_LOG_INFO, "%s; that it can be made again was shown in a scratch folder", why);
	else
		d->h->fail(d->call, "release %s of %s cannot be gone back to: %s; and it could not be made again in a scratch folder: %s. Mend the environment, or put what is missing into %s", release,
			   d->call->service, why, d->line, d->wheels ? d->wheels : "the index");
	return answer;
}

static int32_t prove(const struct fb_call *call)
{
	double began = seconds();
	bool intact = false;
	int32_t answer;
	char why[DEP_LINE];
	struct dep d;

	if (!call->last_good || call->flags & FB_CALL_DRY_RUN)
		return FB_SKIP;
	dep_open(&d, call);
	if (!dep_name_is_sound(&d, call->last_good)) {
		answer = FB_FATAL;
	} else {
		intact = dep_look(&d, call->last_good, true) == DEP_INTACT;
		snprintf(why, sizeof why, "%s", d.line);
		answer = intact ? prove_intact(&d, call->last_good) : prove_recreation(&d, call->last_good, why);
	}
	if (answer == FB_OK)
		report(call, "items", json_pack("[{s:s, s:f, s:s}]", "item", "pins", "seconds", seconds() - began, "proven_by", intact ? "read" : "restore"));
	dep_close(&d);
	return answer;
}

/* ---- a new release ---- */

static bool is_same(struct dep *d, const char *release)
{
	char *record = dep_record(d, release, NULL), *requirements = dep_requirements(d, release);
	const struct dep_words words = {.record = record, .requirements = requirements};
	bool ret = record && (!requirements || !dep_script(d, dep_same, &words, NULL));

	free(requirements);
	free(record);
	return ret;
}

/* One that people have made. */
static int32_t adopt(struct dep *d, const char *release, bool live)
{
	char *place, command[DEP_LINE], *quoted;

	if (!live && run_is_set(d->call, dep_of(d, "requirements", "project"))) {
		place = dep_place(d, release);
		quoted = run_quote(place);
		snprintf(command, sizeof command, "rm -r %s", quoted);
		d->h->fail(d->call, "there is a folder %s already, and failback did not make it (%s): remove it if nobody needs it, or give the release another name", place, d->line);
		d->h->advise(d->call, "remove the folder that stands where the environment shall be", command);
		free(quoted);
		free(place);
		return FB_FAIL;
	}
	if (run_is_set(d->call, "test") && !(d->call->flags & FB_CALL_DRY_RUN) && dep_ask(d, "test", release)) {
		d->h->fail(d->call, "the environment of release %s of %s does not pass its test, and did not go live: 'test' ended with %s", release, d->call->service, d->line);
		return FB_FAIL;
	}
	return dep_freeze(d, release);
}

/* It is live or the last known good, and not what is asked for: users would see it change. */
static int32_t in_use(struct dep *d, const char *release, const char *why)
{
	d->h->fail(d->call, "the environment of release %s of %s is in use, and %s: give the new release another name%s", release, d->call->service, why,
		   d->call->last_good && !strcmp(d->call->last_good, release) ? "; failback rollback makes the one that was good again" : "");
	return FB_FAIL;
}

static int32_t make_new(struct dep *d, const char *release, bool frozen)
{
	if (d->h->fact_set(d->call, FB_SCOPE_OWN, "made", release)) {
		d->h->fail(d->call, "that the environment of release %s is about to be made could not be recorded", release);
		return FB_FAIL;
	}
	return dep_make(d, release, frozen);
}

static int32_t prepare_new(struct dep *d, const char *release)
{
	char *live = dep_live(d), why[DEP_LINE + 40];
	bool is_live = live && !strcmp(live, release), needed = is_live || (d->call->last_good && !strcmp(d->call->last_good, release)), same;
	enum dep_state found = dep_look(d, release, false);
	int32_t answer;

	snprintf(why, sizeof why, "it is not as it was made: %s", d->line);
	same = is_same(d, release);
	if (found == DEP_FOREIGN) {
		answer = adopt(d, release, is_live);
	} else if (found == DEP_INTACT && same) {
		d->h->log(d->call, FB_LOG_INFO, "the environment of release %s is there, as it was made and tested", release);
		answer = FB_OK;
	} else if (needed && (found == DEP_INTACT || found == DEP_CHANGED)) {
		answer = in_use(d, release, found == DEP_INTACT ? "was made from other requirements" : why);
	} else {
		answer = make_new(d, release, same && dep_record_is_sound(d, release));
	}
	if (answer == FB_OK && !(d->call->flags & FB_CALL_DRY_RUN))
		dep_tell_difference(d, d->call->last_good, release);
	free(live);
	return answer;
}

/* ---- going back ---- */

/* The environment of a release that was good is there, or is made again. */
static int32_t make_good(struct dep *d, const char *release)
{
	enum dep_state found = dep_look(d, release, false);
	char *requirements, why[DEP_LINE];
	int32_t answer;

	snprintf(why, sizeof why, "%s", d->line);
	if (found == DEP_INTACT)
		return FB_OK;
	if (found == DEP_FOREIGN) {
		d->h->log(d->call, FB_LOG_WARNING, "the environment of release %s is taken as it is: %s", release, why);
		return FB_OK;
	}
	if (dep_record_is_sound(d, release)) {
		d->h->log(d->call, FB_LOG_WARNING, "the environment of release %s is made again from its frozen pins: %s", release, why);
		return dep_make(d, release, true);
	}
	requirements = dep_requirements(d, release);
	if (requirements && !access(requirements, R_OK)) {
		d->h->log(d->call, FB_LOG_WARNING, "the environment of release %s is made from %s, for no pins of it are recorded: %s", release, requirements, why);
		answer = dep_make(d, release, false);
	} else {
		d->h->fail(d->call, "release %s of %s cannot be gone back to: %s; and it cannot be made again: %s", release, d->call->service, why, d->line);
		answer = FB_FAIL;
	}
	free(requirements);
	return answer;
}

static int32_t go_back(struct dep *d, const char *release)
{
	int32_t answer;

	if (!release) {
		d->h->fail(d->call, "there is nothing to go back to: no release of %s was ever verified; name one with --to", d->call->service);
		return FB_FATAL;
	}
	if (!dep_name_is_sound(d, release))
		return FB_FATAL;
	if (dep_is_live(d, release) && dep_look(d, release, false) >= DEP_INTACT) {
		d->h->log(d->call, FB_LOG_INFO, "the environment of release %s of %s is live and as it was: nothing to do", release, d->call->service);
		return FB_SKIP;
	}
	answer = make_good(d, release);
	return answer == FB_OK ? dep_switch(d, release) : answer;
}

static int32_t restore(const struct fb_call *call)
{
	int32_t answer;
	struct dep d;

	dep_open(&d, call);
	answer = go_back(&d, call->release ? call->release : call->last_good);
	dep_close(&d);
	return answer;
}

/* Out of sight: what is live is left to restore. */
static int32_t prepare_back(struct dep *d, const char *release)
{
	char *live = dep_live(d);
	bool is_live = live && !strcmp(live, release);

	free(live);
	return is_live ? FB_SKIP : make_good(d, release);
}

static int32_t prepare(const struct fb_call *call)
{
	int32_t answer;
	struct dep d;

	dep_open(&d, call);
	if (!dep_name_is_sound(&d, call->release))
		answer = FB_FATAL;
	else
		answer = call->flags & FB_CALL_RECOVERY ? prepare_back(&d, call->release) : prepare_new(&d, call->release);
	dep_close(&d);
	return answer;
}

static int32_t shift(const struct fb_call *call)
{
	int32_t answer;
	struct dep d;

	if (call->share != 10000) {
		call->host->fail(call, "strategy dependencies was asked to give release %s %.2f %% of the traffic: it can only switch all of it", call->release ? call->release : "?", call->share / 100.0);
		return FB_FATAL;
	}
	dep_open(&d, call);
	if (!dep_name_is_sound(&d, call->release)) {
		answer = FB_FATAL;
	} else if (!(call->flags & FB_CALL_DRY_RUN) && dep_look(&d, call->release, false) != DEP_INTACT) {
		d.h->fail(call, "the environment of release %s of %s did not go live: %s", call->release, call->service, d.line);
		answer = FB_FAIL;
	} else {
		answer = dep_switch(&d, call->release);
	}
	dep_close(&d);
	return answer;
}

static int32_t verify(const struct fb_call *call)
{
	int32_t answer;
	struct dep d;

	dep_open(&d, call);
	answer = dep_verify(&d, call->release);
	dep_close(&d);
	return answer;
}

/* ---- undo ---- */

/* Only what this deployment has made, and nobody uses. */
static int32_t unprepare(struct dep *d)
{
	const struct fb_call *call = d->call;
	const char *made = d->h->fact(call, FB_SCOPE_OWN, "made");
	bool ours = made && call->release && !strcmp(made, call->release);
	char *live = dep_live(d);
	int32_t answer = FB_SKIP;

	if (call->flags & FB_CALL_RECOVERY)
		d->h->log(call, FB_LOG_INFO, "an environment that was made again is left where it is: it is that of the last known good release");
	else if (ours && (!live || strcmp(live, call->release)) && (!call->last_good || strcmp(call->last_good, call->release)))
		answer = dep_remove(d, call->release);
	free(live);
	return answer;
}

static int32_t undo(const struct fb_call *call)
{
	int32_t answer = FB_SKIP;
	struct dep d;

	dep_open(&d, call);
	if (call->operation == FB_OP_SHIFT)
		answer = go_back(&d, call->last_good);
	else if (call->operation == FB_OP_PREPARE)
		answer = unprepare(&d);
	else
		d.h->log(call, FB_LOG_INFO, "this operation has left nothing to undo");
	dep_close(&d);
	return answer;
}

static const struct fb_strategy_ops ops = {
	.check = check,
	.state = state,
	.capture = capture,
	.prove = prove,
	.prepare = prepare,
	.shift = shift,
	.restore = restore,
	.verify = verify,
	.evidence = dep_evidence,
	.commit = dep_commit,
	.cleanup = dep_cleanup,
	.undo = undo,
};

FB_PLUGIN(STRATEGY, .name = "dependencies", .version = "0.1.0", .summary = "Makes each release's packages an environment of its own, and switches a link between them", .license = "Apache-2.0",
	  .options = options, .strategy = &ops)
