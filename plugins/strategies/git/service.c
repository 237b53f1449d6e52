/* SPDX-License-Identifier: Apache-2.0 */
/* A service that is deployed by a checkout: what is live, the way back and its proof, health, evidence, and what is put away after. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/common/run.h"
#include "plugins/common/step.h"
#include "plugins/strategies/git/service.h"

#define OLDEST_MAJOR 2
#define OLDEST_MINOR 31 /* rev-parse --path-format */

/* ---- check ---- */

static int32_t check_version(struct repo *r)
{
	char *text = NULL;
	int major = 0, minor = 0, bad;

	bad = repo_git(r, NULL, &text, "--version", NULL);
	if (!bad && (sscanf(text, "git version %d.%d", &major, &minor) != 2 || major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR))) {
		r->call->host->fail(r->call, "'%.100s' is too old: strategy git needs %d.%d or later", text, OLDEST_MAJOR, OLDEST_MINOR);
		bad = 2;
	} else if (bad) {
		git_failed(r, "asking git for its version for the work tree");
	}
	free(text);
	return bad ? FB_FATAL : FB_OK;
}

static int32_t check_top(struct repo *r)
{
	char *top = repo_folder(r, "--show-toplevel"), *here = realpath(r->path, NULL), *common = repo_folder(r, "--git-common-dir");
	int32_t answer = FB_FATAL;

	if (!top || !here || !common)
		git_failed(r, "looking for the top");
	else if (strcmp(top, here))
		r->call->host->fail(r->call, "%s is a folder in the work tree %s: a checkout is of all of it, so name that as path", r->path, top);
	else if (access(common, W_OK) || access(top, W_OK))
		r->call->host->fail(r->call, "%s cannot be written by this user: run failback as the owner of the work tree", access(top, W_OK) ? top : common);
	else
		answer = FB_OK;
	free(common);
	free(here);
	free(top);
	return answer;
}

/* A deployment's release: is there one of that name, and may it be checked out? What is fetched is only known later. */
static int32_t check_release(struct repo *r)
{
	const struct fb_call *call = r->call;
	char *commit;
	int32_t answer;

	if (!call->release || call->flags & FB_CALL_RECOVERY)
		return FB_OK;
	if (run_is_set(call, "fetch")) {
		commit = release_resolve(r, call->release);
		answer = commit ? deploy_may(r, commit) : FB_OK;
	} else {
		commit = release_resolve(r, call->release);
		if (!commit)
			free(release_commit(r, call->release)); /* says so */
		answer = commit ? deploy_may(r, commit) : FB_FAIL;
	}
	free(commit);
	return answer;
}

static int32_t check_service(struct repo *r)
{
	static const char *const names[] = {"install", "test", "stop", "start", "running", "healthy", NULL};
	const struct fb_call *call = r->call;
	const char *ref = call->host->option(call, "ref");
	int32_t answer = git_check(r);

	if (answer == FB_OK && ref && !strstr(ref, "%s")) {
		call->host->fail(call, "ref = \"%s\" has no %%s for the release's name: all releases would be the same", ref);
		answer = FB_FATAL;
	}
	if (answer == FB_OK)
		answer = check_version(r);
	if (answer == FB_OK)
		answer = check_top(r);
	if (answer == FB_OK)
		answer = step_check(call, names);
	if (answer == FB_OK)
		answer = check_release(r);
	if (answer != FB_OK)
		return answer;
	if (!run_is_set(call, "test"))
		call->host->advise(call, "set 'test': without it a release is not tested before it is live", NULL);
	if (!run_is_set(call, "running") && !run_is_set(call, "healthy"))
		call->host->advise(call, "set 'running' or 'healthy': without them a service that did not come up is not noticed here", NULL);
	return FB_OK;
}

/* ---- what is live, and the way back ---- */

static int32_t state_of(struct repo *r)
{
	char *live = release_live(r), *head = repo_id(r, "HEAD^{commit}"), detail[200], *text;
	json_t *o;
	int rc;

	if (head && live)
		snprintf(detail, sizeof detail, "commit %.12s", head);
	else
		snprintf(detail, sizeof detail, head ? "a checkout was interrupted: HEAD is at %.12s" : "there is no commit", head ? head : "");
	o = json_pack("{s:s?,s:n,s:s}", "release", live, "target", "detail", detail);
	text = json_dumps(o, JSON_COMPACT);
	rc = text ? r->call->host->report(r->call, "state", text) : -1;
	free(text);
	json_decref(o);
	free(head);
	free(live);
	if (!rc)
		return FB_OK;
	r->call->host->fail(r->call, "the state of %s could not be reported", r->call->service);
	return FB_FAIL;
}

struct pinning {
	struct repo *r;
	const char *name, *commit;
};

static int32_t pin(const struct fb_call *call, void *ctx)
{
	struct pinning *p = ctx;

	(void)call;
	return repo_git(p->r, NULL, NULL, "update-ref", p->name, p->commit, NULL) ? git_failed(p->r, "keeping a commit") : FB_OK;
}

/* A ref keeps the commit from being removed by git gc. */
static int32_t keep_commit(struct repo *r, const char *key, const char *name, const char *commit)
{
	struct pinning p = {.r = r, .name = name, .commit = commit};
	char text[4600];

	snprintf(text, sizeof text, "keep commit %.12s of %s as %.300s", commit, r->path, name);
	return item_act(r->call, key, text, false, pin, &p);
}

/* The branch that HEAD is on, when it is at that commit. */
static void remember_branch(struct repo *r, const char *commit)
{
	char *head = repo_id(r, "HEAD^{commit}"), *branch = git_said(r, "symbolic-ref", "--quiet", "HEAD"), key[NAME_ROOM];
	bool on = head && branch && !strcmp(head, commit) && !strncmp(branch, "refs/heads/", 11);

	snprintf(key, sizeof key, "branch.%s", r->call->last_good);
	if (on && r->call->host->fact_set(r->call, FB_SCOPE_SERVICE, key, branch + 11))
		r->call->host->log(r->call, FB_LOG_WARNING, "that %s was on branch %s could not be recorded", r->path, branch + 11);
	free(branch);
	free(head);
}

static int32_t capture_good(struct repo *r)
{
	const struct fb_call *call = r->call;
	char *commit, name[NAME_ROOM], tag[64];
	int32_t answer;

	if (!call->last_good) {
		call->host->log(call, FB_LOG_INFO, "no release of %s was ever verified: there is no way back to record", call->service);
		return FB_SKIP;
	}
	commit = release_commit(r, call->last_good);
	if (!commit)
		return FB_FAIL;
	answer = keep_commit(r, "keep", ref_good(call, name), commit);
	if (answer == FB_OK)
		answer = git_tag(r, commit, tag, sizeof tag);
	if (answer == FB_OK && !(call->flags & FB_CALL_DRY_RUN)) {
		remember_branch(r, commit);
		if (release_record(r, call->last_good, commit)) {
			call->host->fail(call, "the way back of %s could not be recorded", call->service);
			answer = FB_FAIL;
		}
	}
	free(commit);
	return answer;
}

static int32_t prove_good(struct repo *r)
{
	const struct fb_call *call = r->call;
	char *commit = call->last_good ? release_commit(r, call->last_good) : NULL;
	int32_t answer = FB_OK;

	if (!call->last_good)
		return FB_SKIP;
	if (!commit)
		return FB_FAIL;
	if (repo_prove(r, commit)) {
		call->host->fail(call, "the way back of %s cannot be relied on: commit %.12s in %s is not whole: %s; run git fsck there, or clone it anew", call->service, commit, r->path,
				 r->line);
		answer = FB_FAIL;
	}
	free(commit);
	return answer;
}

static int32_t verify_release(struct repo *r)
{
	static const char *const questions[] = {"running", "healthy"};
	const struct fb_call *call = r->call;
	char *commit = call->release ? release_commit(r, call->release) : NULL, *head = repo_id(r, "HEAD^{commit}");
	int32_t answer = FB_OK;

	if (call->release && !commit) {
		answer = FB_FAIL;
	} else if (commit && (!head || strcmp(head, commit))) {
		call->host->fail(call, "%s should run release %s, which is commit %.12s, but %s is at %.12s", call->service, call->release, commit, r->path, head ? head : "none");
		answer = FB_FAIL;
	}
	for (size_t i = 0; i < 2 && answer == FB_OK; i++)
		if (run_is_set(call, questions[i]) && step_ask(call, questions[i], call->release, NULL)) {
			step_fail_ask(call, questions[i], "%s is not healthy", call->service);
			answer = FB_FAIL;
		}
	free(head);
	free(commit);
	return answer;
}

/* ---- after ---- */

static void show(struct repo *r, FILE *f, const char *title, char *text)
{
	fprintf(f, "== %s\n%s\n\n", title, text && *text ? text : r->line);
	free(text);
}

static int32_t evidence_of(struct repo *r)
{
	const struct fb_call *call = r->call;
	uint32_t copied = step_logs(call);
	char good_name[NAME_ROOM], range[200], *good = repo_id(r, ref_good(call, good_name)), *head = repo_id(r, "HEAD^{commit}"), *text = NULL, *said = NULL;
	char *failed = release_failed(r);
	const char *to = failed ? failed : head;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		abort();
	fprintf(f, "%s: HEAD is at %s\nrelease %s is %s\nthe last known good is %s\n\n", r->path, head ? head : "nothing", call->failed ? call->failed : "(none)", failed ? failed : "not known",
		good ? good : "not known");
	if (good && to) {
		snprintf(range, sizeof range, "%.64s..%.64s", good, to);
		repo_git(r, NULL, &said, "log", "--no-color", "--no-decorate", "--format=%h %an %aI %s", "--max-count=100", range, NULL);
		show(r, f, "git log of the failed release since the last known good", said);
		repo_git(r, NULL, &said, "diff", "--no-color", "--no-ext-diff", "--stat=120", good, to, NULL);
		show(r, f, "git diff --stat from the last known good to the failed release", said);
	}
	repo_git(r, NULL, &said, "status", "--short", "--branch", NULL);
	show(r, f, "git status", said);
	fclose(f);
	if (call->host->evidence_text(call, "git.txt", "what the failed release changed", text, size))
		call->host->log(call, FB_LOG_WARNING, "what git knows of the failed release could not be archived");
	else
		copied++;
	free(text);
	free(failed);
	free(head);
	free(good);
	return copied ? FB_OK : FB_SKIP;
}

static int32_t commit_release(struct repo *r)
{
	const struct fb_call *call = r->call;
	char *head = repo_id(r, "HEAD^{commit}"), name[NAME_ROOM];
	int32_t answer = FB_FAIL;

	if (!head)
		return git_failed(r, "reading the commit");
	answer = keep_commit(r, "keep", ref_good(call, name), head);
	if (answer == FB_OK && !(call->flags & FB_CALL_DRY_RUN) && call->release && release_record(r, call->release, head)) {
		call->host->fail(call, "that release %s of %s is commit %s could not be recorded", call->release, call->service, head);
		answer = FB_RETRY;
	}
	if (answer == FB_OK) {
		answer = stage_clear(r);
		answer = answer == FB_SKIP ? FB_OK : answer;
	}
	free(head);
	return answer;
}

static int32_t clean_up(struct repo *r)
{
	const struct fb_call *call = r->call;
	char *failed = release_failed(r), *folder, name[NAME_ROOM];
	int32_t answer = FB_SKIP;

	if (!(call->flags & FB_CALL_PRESERVE)) {
		free(failed);
		return stage_clear(r);
	}
	folder = stage_folder(r, failed);
	if (failed) {
		snprintf(name, sizeof name, "refs/failback/failed/%s-%s", call->execution, call->service);
		answer = keep_commit(r, "keep", name, failed);
	}
	if (folder && failed && access(folder, F_OK) == 0)
		call->host->log(call, FB_LOG_INFO, "the staged release %s of %s is kept in %s until the next one is staged or good", call->failed, call->service, folder);
	free(folder);
	free(failed);
	return answer;
}

#define OPERATION(name, work)                                                                                                                                    \
	static int32_t name(const struct fb_call *call)                                                                                                          \
	{                                                                                                                                                        \
		return git_with(call, work);                                                                                                                     \
	}

OPERATION(check, check_service)
OPERATION(state, state_of)
OPERATION(capture, capture_good)
OPERATION(prove, prove_good)
OPERATION(prepare, deploy_prepare)
OPERATION(shift, deploy_shift)
OPERATION(restore, deploy_restore)
OPERATION(verify, verify_release)
OPERATION(evidence, evidence_of)
OPERATION(commit, commit_release)
OPERATION(cleanup, clean_up)
OPERATION(undo, deploy_undo)

const struct fb_strategy_ops git_service = {
	.check = check,
	.state = state,
	.capture = capture,
	.prove = prove,
	.prepare = prepare,
	.shift = shift,
	.protect = step_protect,
	.restore = restore,
	.verify = verify,
	.evidence = evidence,
	.commit = commit,
	.cleanup = cleanup,
	.undo = undo,
};
