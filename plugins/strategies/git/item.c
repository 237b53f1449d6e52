/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A work tree as an item of a backup: commit, branch, and what was not committed. What the set has is a folder: state.json, DEPLOYED_VERSION.txt, and
 * commits.bundle where that is needed. Knows nothing of deployments.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/common/run.h"
#include "plugins/strategies/git/git.h"

#define KEPT "refs/failback/kept"

struct giving {
	const char *place; /* the first: item_restore_by */
	struct repo *r;
};

static int32_t check_repo(struct repo *r)
{
	int32_t answer = git_check(r);

	return answer == FB_OK ? item_check(r->call) : answer;
}

static int32_t check(const struct fb_call *call)
{
	return git_with(call, check_repo);
}

/* ---- capture ---- */

/* A bundle of what must be kept: work (a commit upon HEAD, NULL: none), and HEAD with its history where no remote has it. */
static int bundle(struct repo *r, const char *place, const char *commit, const char *work)
{
	char *remotes = NULL, file[4200], base[100];
	bool whole = git_is(r->call, "bundle", "always");
	int bad;

	if (repo_git(r, NULL, &remotes, "branch", "--remotes", "--contains", commit, "--format=%(refname)", NULL) || !*remotes)
		whole = true;
	free(remotes);
	if (!whole && !work)
		return 0;
	snprintf(file, sizeof file, "%s/commits.bundle", place);
	snprintf(base, sizeof base, "^%s", commit);
	bad = repo_git(r, NULL, NULL, "update-ref", KEPT, work ? work : commit, NULL);
	if (!bad)
		bad = whole ? repo_git(r, NULL, NULL, "bundle", "create", "--quiet", file, KEPT, NULL) : repo_git(r, NULL, NULL, "bundle", "create", "--quiet", file, KEPT, base, NULL);
	if (!bad)
		bad = repo_git(r, NULL, NULL, "bundle", "verify", "--quiet", file, NULL);
	if (!bad)
		bad = repo_git(r, NULL, NULL, "update-ref", "-d", KEPT, NULL);
	return bad;
}

static int write_state(struct repo *r, const char *place, const char *commit, const char *work, const char *tag_name)
{
	char *branch = git_said(r, "symbolic-ref", "--quiet", "HEAD"), *upstream = git_said(r, "rev-parse", "--symbolic-full-name", "HEAD@{upstream}"), *subject = git_said(r, "log", "-1", "--format=%s");
	json_t *o;
	char *text;
	int bad;

	o = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:b, s:s?, s:s?}", "schema", "failback.git-state/1", "path", r->path, "commit", commit, "subject", subject, "branch",
		      branch && !strncmp(branch, "refs/heads/", 11) ? branch + 11 : NULL, "upstream", upstream, "dirty", work != NULL, "uncommitted", work, "tag", *tag_name ? tag_name : NULL);
	text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
	bad = !text || git_write_file(place, "state.json", text) || git_write_file(place, "DEPLOYED_VERSION.txt", commit);
	if (bad)
		snprintf(r->line, sizeof r->line, "cannot write into %s: %s", place, strerror(errno));
	free(text);
	json_decref(o);
	free(branch);
	free(upstream);
	free(subject);
	return bad ? -1 : 0;
}

/* The folder that goes into the set. 0; -1: line says why. */
static int gather(struct repo *r, const char *place, const char *commit, const char *tag_name)
{
	char *tree = repo_tree(r), *head = repo_id(r, "HEAD^{tree}"), *work = NULL;
	int bad = !tree || !head;

	if (!bad && strcmp(tree, head)) {
		work = repo_commit(r, tree, "what was not committed, kept by failback");
		bad = !work;
	}
	if (!bad && mkdir(place, 0700)) {
		snprintf(r->line, sizeof r->line, "cannot make the folder %s: %s", place, strerror(errno));
		bad = 1;
	}
	bad = bad || bundle(r, place, commit, work) || write_state(r, place, commit, work, tag_name);
	free(work);
	free(head);
	free(tree);
	return bad ? -1 : 0;
}

static int32_t capture_repo(struct repo *r)
{
	const struct fb_call *call = r->call;
	char *commit = repo_id(r, "HEAD^{commit}"), *place = NULL, *version = NULL, tag_name[64], what[STORE_LINE];
	bool dry = call->flags & FB_CALL_DRY_RUN;
	struct store_words w = {0};
	int32_t answer;

	if (!commit)
		return git_failed(r, "reading the commit");
	answer = git_tag(r, commit, tag_name, sizeof tag_name);
	if (answer == FB_OK && !dry) {
		place = item_place(call, "state");
		if (!place || gather(r, place, commit, tag_name))
			answer = place ? git_failed(r, "backing up the state") : FB_FAIL;
	}
	if (answer == FB_OK)
		answer = git_write_version(r, commit);
	if (answer == FB_OK) {
		snprintf(what, sizeof what, "the work tree %s at %.12s", r->path, commit);
		version = git_said(r, "--version", NULL, NULL);
		if (version) {
			char tool[100];

			snprintf(tool, sizeof tool, "tool=%.90s", version);
			store_option(&w, "--meta", tool);
		}
		store_option(&w, "--tree", place ? place : "/");
		answer = item_capture(call, "git", what, &w);
	}
	store_words_clear(&w);
	free(version);
	item_clear(place);
	free(commit);
	return answer;
}

static int32_t capture(const struct fb_call *call)
{
	return git_with(call, capture_repo);
}

/* ---- proof: the commits are there, in the repository or in the bundle ---- */

static int32_t look_repo(struct repo *r)
{
	char *place = item_place(r->call, "look"), path[4200], *commit = NULL;
	struct store_words where = {0};
	int32_t answer = FB_OK;
	json_t *state;

	if (!place)
		return FB_FAIL;
	store_option(&where, "--to", place);
	if (item_give(r->call, r->path, r->call->execution, &where))
		answer = FB_FAIL;
	store_words_clear(&where);
	snprintf(path, sizeof path, "%s/state.json", place);
	state = answer == FB_OK ? json_load_file(path, 0, NULL) : NULL;
	snprintf(path, sizeof path, "%s/commits.bundle", place);
	if (answer == FB_OK && !state) {
		r->call->host->fail(r->call, "the backup of %s cannot be relied on: it has no state that can be read", r->path);
		answer = FB_FAIL;
	} else if (state && access(path, F_OK) == 0) {
		if (repo_git(r, NULL, NULL, "bundle", "verify", "--quiet", path, NULL))
			answer = git_failed(r, "verifying the bundle");
	} else if (state) {
		snprintf(path, sizeof path, "%s^{commit}", json_string_value(json_object_get(state, "commit"))); /* of a bare id it is not looked whether it is there */
		commit = repo_id(r, path);
		if (!commit)
			answer = git_failed(r, "finding the commit");
	}
	free(commit);
	json_decref(state);
	item_clear(place);
	return answer;
}

static int32_t look(const struct fb_call *call, const char *place)
{
	(void)place;
	return git_with(call, look_repo);
}

static int32_t prove(const struct fb_call *call)
{
	return item_prove_with(call, look);
}

/* ---- restore ---- */

/* Nothing in the work tree may be lost: it is committed, in the backup, or saved now. */
static int32_t keep_changes(struct repo *r, const char *target)
{
	char *now = repo_tree(r), path[300];
	int loses = now ? repo_loses(r, now, target, false, path, sizeof path) : -1;
	int32_t answer = FB_OK;

	if (loses < 0) {
		answer = git_failed(r, "comparing the work tree");
	} else if (loses && git_is(r->call, "local_changes", "save")) {
		answer = git_save(r, now, "");
	} else if (loses) {
		r->call->host->fail(r->call, "%s has changes that are not committed and not in the backup, such as in %s, and a restore would lose them: commit or stash them, or set local_changes = \"save\"",
				    r->path, path);
		git_advise_stash(r);
		answer = FB_FAIL;
	}
	free(now);
	return answer;
}

static int32_t go(struct repo *r, const char *place, const json_t *state)
{
	const char *commit = json_string_value(json_object_get(state, "commit")), *work = json_string_value(json_object_get(state, "uncommitted")),
		   *branch = json_string_value(json_object_get(state, "branch")), *target = work ? work : commit;
	char file[4200], begun[200], *found;
	int32_t answer;

	snprintf(file, sizeof file, "%s/commits.bundle", place);
	if (access(file, F_OK) == 0 && repo_git(r, NULL, NULL, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", file, "+" KEPT ":" KEPT, NULL))
		return git_failed(r, "reading the commits of the backup into the repository");
	snprintf(begun, sizeof begun, "%s^{commit}", commit);
	found = repo_id(r, begun);
	if (!found) {
		r->call->host->fail(r->call, "%s has no commit %s any more, and the backup has it as a name only, for a remote had it: git -C %s fetch, then run the recovery again", r->path, commit,
				    r->path);
		return FB_FAIL;
	}
	free(found);
	/* begun: what a try that was interrupted has left half done is no change of a person's */
	snprintf(begun, sizeof begun, "refs/failback/begun/%s", r->call->execution);
	found = repo_id(r, begun);
	answer = found ? FB_OK : keep_changes(r, target);
	free(found);
	if (answer != FB_OK)
		return answer;
	branch = git_branch_for(r, branch, commit);
	if (repo_git(r, NULL, NULL, "update-ref", begun, target, NULL) || repo_go(r, commit, target, branch) || repo_git(r, NULL, NULL, "update-ref", "-d", begun, NULL) ||
	    repo_git(r, NULL, NULL, "update-ref", "-d", KEPT, NULL))
		return git_failed(r, "going back in the work tree");
	r->call->host->log(r->call, FB_LOG_INFO, "%s is at %.12s%s%s%s", r->path, commit, branch ? " on " : "", branch ? branch : ", detached", work ? ", with what was not committed" : "");
	return git_write_version(r, commit);
}

static int32_t give(const struct fb_call *call, void *ctx)
{
	struct giving *g = ctx;
	char file[4200];
	int32_t answer;
	json_t *state;

	snprintf(file, sizeof file, "%s/state.json", g->place);
	state = json_load_file(file, 0, NULL);
	if (!json_is_string(json_object_get(state, "commit"))) {
		call->host->fail(call, "the backup of %s has no state that can be read", g->r->path);
		answer = FB_FAIL;
	} else {
		answer = go(g->r, g->place, state);
	}
	json_decref(state);
	return answer;
}

static int32_t restore_repo(struct repo *r)
{
	struct giving g = {.r = r};
	char what[STORE_LINE];
	int32_t answer;

	snprintf(what, sizeof what, "the work tree %s", r->path);
	answer = item_restore_by(r->call, what, give, &g);
	return answer == FB_OK ? item_command(r->call, "after_restore", "the work tree is back, but after_restore failed") : answer;
}

static int32_t restore(const struct fb_call *call)
{
	return git_with(call, restore_repo);
}

const struct fb_strategy_ops git_item = {.check = check, .state = item_state, .capture = capture, .prove = prove, .restore = restore};
