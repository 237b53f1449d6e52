/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes a service: a release is staged and tested out of sight; then stop, checkout, install, test, start. A recovery does the second half with the last known
 * good. Each step looks at what is there, so that all of it can be done again after a kill at any moment; keys of a later attempt end in its number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/run.h"
#include "plugins/common/step.h"
#include "plugins/strategies/git/service.h"

/* Where commands run: a call has a process of its own. */
static struct {
	char *folder, *commit;
	bool staged;
} place;

void deploy_set_place(const char *folder, bool staged, const char *commit)
{
	free(place.folder);
	free(place.commit);
	place.folder = run_copy(folder);
	place.commit = run_copy(commit);
	place.staged = staged;
}

void step_fill(const struct fb_call *call, const char *option, const char *release, struct run_spec *spec)
{
	(void)option;
	(void)release;
	run_set_directory(spec, place.folder ? place.folder : call->host->option(call, "path"));
	run_add_environment(spec, "FAILBACK_COMMIT", place.commit);
	run_add_environment(spec, "FAILBACK_STAGED", place.staged ? "1" : "0");
}

/* ---- nothing of a person's is lost ---- */

/* 1: a checkout of the commit would lose the change of *path; 0; -1. What a checkout that was interrupted left half done is no change of a person's. */
static int loses(struct repo *r, const char *commit, char **ret_now, char *path, size_t size)
{
	char begun[NAME_ROOM], *under_way = repo_id(r, ref_begun(r->call, begun)), *now = under_way ? NULL : repo_tree(r);
	int answer = under_way ? 0 : now ? repo_loses(r, now, commit, true, path, size) : -1;

	free(under_way);
	if (ret_now)
		*ret_now = now;
	else
		free(now);
	return answer;
}

int32_t deploy_may(struct repo *r, const char *commit)
{
	char path[300];
	int n = loses(r, commit, NULL, path, sizeof path);

	if (n < 0)
		return git_failed(r, "comparing the work tree");
	if (!n || git_is(r->call, "local_changes", "save"))
		return FB_OK;
	r->call->host->fail(r->call, "%s has changes that are not committed, such as in %s, and a checkout would lose them: commit or stash them, or set local_changes = \"save\"", r->path, path);
	git_advise_stash(r);
	return FB_FAIL;
}

/* Once the service is stopped there is no refusing: what would be lost is saved. */
static int32_t keep_changes(struct repo *r, const char *commit)
{
	char path[300], *now = NULL, suffix[40];
	int n = loses(r, commit, &now, path, sizeof path);
	int32_t answer = FB_OK;

	snprintf(suffix, sizeof suffix, r->call->operation == FB_OP_SHIFT && !(r->call->flags & FB_CALL_UNDO) ? "-shift-%u" : "-back-%u", r->call->attempt);
	if (n < 0)
		answer = git_failed(r, "comparing the work tree");
	else if (n)
		answer = git_save(r, now, suffix);
	free(now);
	return answer;
}

/* ---- the work tree ---- */

struct going {
	struct repo *r;
	const char *release, *commit;
	bool back;
};

static int32_t go(const struct fb_call *call, void *ctx)
{
	struct going *g = ctx;
	char begun[NAME_ROOM], key[NAME_ROOM], *branch;
	const char *on;
	int32_t answer;
	int bad;

	ref_begun(call, begun);
	snprintf(key, sizeof key, "branch.%s", g->release);
	if (repo_is_at(g->r, g->commit, begun))
		return git_write_version(g->r, g->commit);
	answer = keep_changes(g->r, g->commit);
	if (answer != FB_OK)
		return answer;
	branch = g->back ? run_copy(call->host->fact(call, FB_SCOPE_SERVICE, key)) : NULL;
	on = git_branch_for(g->r, branch, g->commit);
	bad = repo_place(g->r, g->commit, on, begun);
	if (!bad)
		call->host->log(call, FB_LOG_INFO, "%s is at %.12s%s%s", g->r->path, g->commit, on ? " on " : ", detached", on ? on : "");
	free(branch);
	return bad ? git_failed(g->r, "the checkout") : git_write_version(g->r, g->commit);
}

static int32_t check_out(struct repo *r, const char *release, const char *commit, bool back)
{
	struct going g = {.r = r, .release = release, .commit = commit, .back = back};
	char text[4600], key[40];

	snprintf(text, sizeof text, "check release %.100s of %s (commit %.12s) out in %s", release, r->call->service, commit, r->path);
	snprintf(key, sizeof key, r->call->attempt > 1 ? "checkout/%u" : "checkout", r->call->attempt);
	return item_act(r->call, key, text, false, go, &g);
}

bool deploy_is_live(struct repo *r, const char *commit)
{
	char begun[NAME_ROOM];

	if (!release_is_settled(r, commit) || !repo_is_at(r, commit, ref_begun(r->call, begun)))
		return false;
	if (run_is_set(r->call, "running"))
		return step_ask(r->call, "running", NULL, NULL) == 0;
	return !run_is_set(r->call, "start");
}

/* Stop, checkout, dependencies, tests, start. */
static int32_t replace(struct repo *r, const char *release, const char *commit, bool back)
{
	const struct fb_call *call = r->call;
	int32_t answer = FB_OK;

	if (!(call->flags & FB_CALL_DRY_RUN))
		answer = release_changes(r);
	deploy_set_place(r->path, false, commit);
	if (answer == FB_OK)
		answer = step_stop(call, "stop", release);
	if (answer == FB_OK)
		answer = check_out(r, release, commit, back);
	if (answer == FB_OK && run_is_set(call, "install"))
		answer = step_act(call, "install", "install", release, "install what release %s of %s depends on", release, call->service);
	if (answer == FB_OK && run_is_set(call, "test") && !git_is(call, "test_in", "staging"))
		answer = step_act(call, "test", "test", release, "test release %s of %s before it is started", release, call->service);
	if (answer == FB_OK && run_is_set(call, "start"))
		answer = step_act(call, "start", "start", release, "start %s", call->service);
	if (answer == FB_OK && !(call->flags & FB_CALL_DRY_RUN)) {
		answer = step_settle(call);
		if (answer == FB_OK)
			answer = release_is_live(r, release, commit);
	}
	deploy_set_place(NULL, false, NULL);
	return answer;
}

static int32_t no_release(struct repo *r)
{
	r->call->host->fail(r->call, "no release is named to deploy to %s: give --release, or 'release' in the plan", r->call->service);
	return FB_FATAL;
}

/* A deployment's is staged; the way back is only looked at: it was live, and users wait for it. */
int32_t deploy_prepare(struct repo *r)
{
	const struct fb_call *call = r->call;
	bool back = call->flags & FB_CALL_RECOVERY;
	int32_t answer = FB_FAIL;
	char *commit;

	if (!call->release)
		return no_release(r);
	commit = back ? release_commit(r, call->release) : release_choose(r, call->release);
	if (commit && back) {
		answer = repo_prove(r, commit) ? git_failed(r, "reading the commit of the last known good") : FB_OK;
	} else if (commit) {
		answer = deploy_may(r, commit);
		if (answer == FB_OK)
			answer = stage_make(r, call->release, commit);
	}
	free(commit);
	return answer;
}

int32_t deploy_shift(struct repo *r)
{
	const struct fb_call *call = r->call;
	int32_t answer = FB_FAIL;
	char *commit;

	if (call->share != 10000) {
		call->host->fail(call, "strategy git was asked to give release %s %.2f %% of the traffic: it can only replace all of it", call->release ? call->release : "?", call->share / 100.0);
		return FB_FATAL;
	}
	if (!call->release)
		return no_release(r);
	commit = release_commit(r, call->release);
	if (commit)
		answer = deploy_may(r, commit);
	if (answer == FB_OK)
		answer = replace(r, call->release, commit, false);
	free(commit);
	return answer;
}

static int32_t go_back(struct repo *r, const char *release)
{
	const struct fb_call *call = r->call;
	int32_t answer = FB_FAIL;
	char *commit;

	if (!release) {
		call->host->fail(call, "there is nothing to go back to: no release of %s was ever verified; name one with --to", call->service);
		return FB_FATAL;
	}
	commit = release_commit(r, release);
	if (commit && deploy_is_live(r, commit)) {
		call->host->log(call, FB_LOG_INFO, "release %s of %s is in place and runs: nothing to do", release, call->service);
		answer = FB_SKIP;
	} else if (commit) {
		answer = replace(r, release, commit, true);
	}
	free(commit);
	return answer;
}

int32_t deploy_restore(struct repo *r)
{
	return go_back(r, r->call->release ? r->call->release : r->call->last_good);
}

int32_t deploy_undo(struct repo *r)
{
	if (r->call->operation == FB_OP_SHIFT)
		return go_back(r, r->call->last_good);
	if (r->call->operation == FB_OP_PREPARE && !(r->call->flags & FB_CALL_RECOVERY))
		return stage_clear(r);
	r->call->host->log(r->call, FB_LOG_INFO, "this operation has left nothing to undo");
	return FB_SKIP;
}
