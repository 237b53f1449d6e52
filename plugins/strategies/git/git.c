/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy git: the state of a work tree as an item of a backup: commit, branch, and what was not committed. What the set has is a folder: state.json,
 * DEPLOYED_VERSION.txt, and commits.bundle where that is needed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plugins/common/run.h"
#include "plugins/strategies/git/repo.h"

#define KEPT "refs/failback/kept"

static const struct fb_option options[] = {
	{.name = "path", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "The work tree"},
	{.name = "tag", .type = FB_TYPE_BOOL, .default_value = "true", .summary = "Tag the commit backup-YYYYMMDD-HHMMSS (UTC)"},
	{.name = "push", .type = FB_TYPE_STRING, .summary = "The remote that the tag is pushed to; when that fails, it is only told"},
	{.name = "version_file", .type = FB_TYPE_STRING, .summary = "A file in the work tree, such as DEPLOYED_VERSION.txt, that gets the commit at each capture and restore"},
	{.name = "bundle", .type = FB_TYPE_CHOICE, .default_value = "auto", .choices = "auto|always", .summary = "Keep the commit with its history: auto, when no branch of a remote has it; or always"},
	{.name = "head", .type = FB_TYPE_CHOICE, .default_value = "detach", .choices = "detach|branch", .summary = "Where a restore leaves HEAD: on the commit, or on the branch that it was on, which is moved back"},
	{.name = "local_changes", .type = FB_TYPE_CHOICE, .default_value = "refuse", .choices = "refuse|save", .summary = "When a restore finds changes that are not in the backup: refuse, or save them as a commit first"},
	{.name = "after_restore", .type = FB_TYPE_COMMAND, .summary = "Run after a restore: reinstalls what the commit needs"},
	ITEM_OPTIONS("restore"),
	{0},
};

struct giving {
	const char *place; /* the first: item_restore_by */
	struct repo *r;
};

static bool is(const struct fb_call *call, const char *option, const char *value)
{
	const char *s = call->host->option(call, option);

	return s && !strcmp(s, value);
}

static int32_t failed(struct repo *r, const char *what)
{
	r->call->host->fail(r->call, "%s of %s failed: %s", what, r->path, r->line);
	return FB_FAIL;
}

static int write_file(const char *folder, const char *name, const char *text)
{
	char path[4200];
	FILE *f;
	int bad;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "we");
	bad = !f || fprintf(f, "%s\n", text) < 0;
	if (f && fclose(f))
		bad = 1;
	return bad ? -1 : 0;
}

static int32_t write_version(struct repo *r, const char *commit)
{
	if (!r->ignored || r->call->flags & FB_CALL_DRY_RUN || write_file(r->path, r->ignored, commit) == 0)
		return FB_OK;
	r->call->host->fail(r->call, "cannot write the deployed commit to %s/%s: %s", r->path, r->ignored, strerror(errno));
	return FB_FAIL;
}

static int32_t with(const struct fb_call *call, int32_t (*work)(struct repo *r))
{
	char *path = run_copy(call->host->option(call, "path")), *ignored = run_copy(call->host->option(call, "version_file"));
	struct repo r = {.call = call, .path = path, .ignored = ignored};
	int32_t answer = work(&r);

	free(ignored);
	free(path);
	return answer;
}

static int32_t check_repo(struct repo *r)
{
	char *commit;

	if (r->ignored && (*r->ignored == '/' || strstr(r->ignored, ".."))) {
		r->call->host->fail(r->call, "version_file: '%s' is not a name in the work tree", r->ignored);
		return FB_FATAL;
	}
	if (repo_git(r, NULL, NULL, "rev-parse", "--is-inside-work-tree", NULL)) {
		failed(r, "looking at the work tree");
		return FB_FATAL;
	}
	commit = repo_id(r, "HEAD^{commit}");
	if (!commit)
		r->call->host->fail(r->call, "%s has no commit yet: there is nothing to back up", r->path);
	free(commit);
	return commit ? item_check(r->call) : FB_FATAL;
}

static int32_t check(const struct fb_call *call)
{
	return with(call, check_repo);
}

/* ---- capture ---- */

struct tagging {
	struct repo *r;
	const char *name, *commit, *remote;
};

static int32_t make_tag(const struct fb_call *call, void *ctx)
{
	struct tagging *t = ctx;

	(void)call;
	return repo_git(t->r, NULL, NULL, "update-ref", t->name, t->commit, NULL) ? failed(t->r, "tagging the commit") : FB_OK;
}

static int32_t push_tag(const struct fb_call *call, void *ctx)
{
	struct tagging *t = ctx;
	char both[200];

	snprintf(both, sizeof both, "%s:%s", t->name, t->name);
	if (repo_git(t->r, NULL, NULL, "push", "--quiet", t->remote, both, NULL))
		call->host->log(call, FB_LOG_WARNING, "the tag %s of %s could not be pushed to %s: %s; push it when that is mended: git -C %s push %s %s", t->name + 10, t->r->path, t->remote,
				t->r->line, t->r->path, t->remote, t->name + 10);
	return FB_OK;
}

/* The same name in each try of an execution; "" where none is wanted. */
static int32_t tag(struct repo *r, const char *commit, char *buf, size_t size)
{
	const struct fb_call *call = r->call;
	char *remote = run_copy(call->host->option(call, "push")), text[300], name[100];
	struct tagging t = {.r = r, .name = name, .commit = commit, .remote = remote};
	const char *before;
	time_t now = time(NULL);
	int32_t answer = FB_OK;
	struct tm utc;

	*buf = 0;
	if (call->host->option_int(call, "tag", 1)) {
		before = call->host->fact(call, FB_SCOPE_OWN, "tag");
		if (before)
			snprintf(buf, size, "%s", before);
		else
			strftime(buf, size, "backup-%Y%m%d-%H%M%S", gmtime_r(&now, &utc));
		if (!before && call->host->fact_set(call, FB_SCOPE_OWN, "tag", buf))
			call->host->log(call, FB_LOG_WARNING, "the name of the tag %s could not be recorded", buf);
		snprintf(name, sizeof name, "refs/tags/%s", buf);
		snprintf(text, sizeof text, "tag commit %.12s of %s %s", commit, r->path, buf);
		answer = item_act(call, "tag", text, false, make_tag, &t);
		snprintf(text, sizeof text, "push tag %s of %s to %s", buf, r->path, remote ? remote : "");
		if (answer == FB_OK && remote)
			answer = item_act(call, "push", text, true, push_tag, &t);
	}
	free(remote);
	return answer;
}

/* A bundle of what must be kept: work (a commit upon HEAD, NULL: none), and HEAD with its history where no remote has it. */
static int bundle(struct repo *r, const char *place, const char *commit, const char *work)
{
	char *remotes = NULL, file[4200], base[100];
	bool whole = is(r->call, "bundle", "always");
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

static char *said(struct repo *r, const char *a, const char *b, const char *c)
{
	char *text = NULL;

	if (repo_git(r, NULL, &text, a, b, c, NULL) || !*text) {
		free(text);
		text = NULL;
	}
	return text;
}

static int write_state(struct repo *r, const char *place, const char *commit, const char *work, const char *tag_name)
{
	char *branch = said(r, "symbolic-ref", "--quiet", "HEAD"), *upstream = said(r, "rev-parse", "--symbolic-full-name", "HEAD@{upstream}"), *subject = said(r, "log", "-1", "--format=%s");
	json_t *o;
	char *text;
	int bad;

	o = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:b, s:s?, s:s?}", "schema", "failback.git-state/1", "path", r->path, "commit", commit, "subject", subject, "branch",
		      branch && !strncmp(branch, "refs/heads/", 11) ? branch + 11 : NULL, "upstream", upstream, "dirty", work != NULL, "uncommitted", work, "tag", *tag_name ? tag_name : NULL);
	text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
	bad = !text || write_file(place, "state.json", text) || write_file(place, "DEPLOYED_VERSION.txt", commit);
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
		return failed(r, "reading the commit");
	answer = tag(r, commit, tag_name, sizeof tag_name);
	if (answer == FB_OK && !dry) {
		place = item_place(call, "state");
		if (!place || gather(r, place, commit, tag_name))
			answer = place ? failed(r, "backing up the state") : FB_FAIL;
	}
	if (answer == FB_OK)
		answer = write_version(r, commit);
	if (answer == FB_OK) {
		snprintf(what, sizeof what, "the work tree %s at %.12s", r->path, commit);
		version = said(r, "--version", NULL, NULL);
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
	return with(call, capture_repo);
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
			answer = failed(r, "verifying the bundle");
	} else if (state) {
		snprintf(path, sizeof path, "%s^{commit}", json_string_value(json_object_get(state, "commit"))); /* of a bare id it is not looked whether it is there */
		commit = repo_id(r, path);
		if (!commit)
			answer = failed(r, "finding the commit");
	}
	free(commit);
	json_decref(state);
	item_clear(place);
	return answer;
}

static int32_t look(const struct fb_call *call, const char *place)
{
	(void)place;
	return with(call, look_repo);
}

static int32_t prove(const struct fb_call *call)
{
	return item_prove_with(call, look);
}

/* ---- restore ---- */

/* The local changes as a commit that a ref keeps. */
static int32_t save_changes(struct repo *r, const char *now)
{
	char *saved = repo_commit(r, now, "what a failed release left uncommitted, saved by failback"), name[200];
	int32_t answer = FB_OK;

	snprintf(name, sizeof name, "refs/failback/replaced/%s", r->call->execution);
	if (!saved || repo_git(r, NULL, NULL, "update-ref", name, saved, NULL))
		answer = failed(r, "saving the local changes");
	else
		r->call->host->log(r->call, FB_LOG_WARNING, "local changes in %s are saved as %s: git -C %s show --stat %s", r->path, name, r->path, name);
	free(saved);
	return answer;
}

/* Nothing in the work tree may be lost: it is committed, in the backup, or saved now. */
static int32_t keep_changes(struct repo *r, const char *target)
{
	char *now = repo_tree(r), path[300], command[STORE_LINE], *quoted;
	int loses = now ? repo_loses(r, now, target, path, sizeof path) : -1;
	int32_t answer = FB_OK;

	if (loses < 0) {
		answer = failed(r, "comparing the work tree");
	} else if (loses && is(r->call, "local_changes", "save")) {
		answer = save_changes(r, now);
	} else if (loses) {
		r->call->host->fail(r->call, "%s has changes that are not committed and not in the backup, such as in %s, and a restore would lose them: commit or stash them, or set local_changes = \"save\"",
				    r->path, path);
		quoted = run_quote(r->path);
		snprintf(command, sizeof command, "git -C %s stash push --include-untracked", quoted);
		free(quoted);
		r->call->host->advise(r->call, "put the local changes away, then run the recovery again", command);
		answer = FB_FAIL;
	}
	free(now);
	return answer;
}

/* The branch that HEAD goes to; NULL: none. It is the one it was on when it still stands there, or when it is to be moved. */
static const char *branch_for(struct repo *r, const char *branch, const char *commit)
{
	char name[600], *at;
	bool still;

	if (!branch)
		return NULL;
	snprintf(name, sizeof name, "refs/heads/%s", branch);
	at = repo_id(r, name);
	still = at && !strcmp(at, commit);
	if (at && !still && is(r->call, "head", "branch")) {
		char ref[200];

		snprintf(ref, sizeof ref, "refs/failback/moved/%s", r->call->execution);
		if (repo_git(r, NULL, NULL, "update-ref", ref, at, NULL) == 0)
			r->call->host->log(r->call, FB_LOG_INFO, "branch %s of %s stood at %.12s, which is kept as %s", branch, r->path, at, ref);
	}
	free(at);
	return still || is(r->call, "head", "branch") ? branch : NULL;
}

static int32_t go(struct repo *r, const char *place, const json_t *state)
{
	const char *commit = json_string_value(json_object_get(state, "commit")), *work = json_string_value(json_object_get(state, "uncommitted")),
		   *branch = json_string_value(json_object_get(state, "branch")), *target = work ? work : commit;
	char file[4200], begun[200], *found;
	int32_t answer;

	snprintf(file, sizeof file, "%s/commits.bundle", place);
	if (access(file, F_OK) == 0 && repo_git(r, NULL, NULL, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", file, "+" KEPT ":" KEPT, NULL))
		return failed(r, "reading the commits of the backup into the repository");
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
	branch = branch_for(r, branch, commit);
	if (repo_git(r, NULL, NULL, "update-ref", begun, target, NULL) || repo_go(r, commit, target, branch) || repo_git(r, NULL, NULL, "update-ref", "-d", begun, NULL) ||
	    repo_git(r, NULL, NULL, "update-ref", "-d", KEPT, NULL))
		return failed(r, "going back in the work tree");
	r->call->host->log(r->call, FB_LOG_INFO, "%s is at %.12s%s%s%s", r->path, commit, branch ? " on " : "", branch ? branch : ", detached", work ? ", with what was not committed" : "");
	return write_version(r, commit);
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
	return with(call, restore_repo);
}

static const struct fb_strategy_ops ops = {.check = check, .state = item_state, .capture = capture, .prove = prove, .restore = restore};

FB_PLUGIN(STRATEGY, .name = "git", .version = "0.1.0", .summary = "Backs up the state of a git work tree, and goes back to it", .license = "Apache-2.0", .options = options,
	  .strategy = &ops)
