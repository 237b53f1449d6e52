/* SPDX-License-Identifier: Apache-2.0 */
/* What both uses of strategy git need: see git.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/common/run.h"
#include "plugins/strategies/git/git.h"

bool git_is(const struct fb_call *call, const char *option, const char *value)
{
	const char *s = call->host->option(call, option);

	return s && !strcmp(s, value);
}

int32_t git_with(const struct fb_call *call, int32_t (*work)(struct repo *r))
{
	char *path = run_copy(call->host->option(call, "path")), *ignored = run_copy(call->host->option(call, "version_file"));
	struct repo r = {.call = call, .path = path, .ignored = ignored};
	int32_t answer = work(&r);

	free(ignored);
	free(path);
	return answer;
}

int32_t git_failed(struct repo *r, const char *what)
{
	r->call->host->fail(r->call, "%s of %s failed: %s", what, r->path, r->line);
	return FB_FAIL;
}

int32_t git_check(struct repo *r)
{
	char *commit;

	if (r->ignored && (*r->ignored == '/' || strstr(r->ignored, ".."))) {
		r->call->host->fail(r->call, "version_file: '%s' is not a name in the work tree", r->ignored);
		return FB_FATAL;
	}
	if (repo_git(r, NULL, NULL, "rev-parse", "--is-inside-work-tree", NULL)) {
		git_failed(r, "looking at the work tree");
		return FB_FATAL;
	}
	commit = repo_id(r, "HEAD^{commit}");
	if (!commit)
		r->call->host->fail(r->call, "%s has no commit yet: there is nothing to go back to", r->path);
	free(commit);
	return commit ? FB_OK : FB_FATAL;
}

char *git_said(struct repo *r, const char *a, const char *b, const char *c)
{
	char *text = NULL;

	if (repo_git(r, NULL, &text, a, b, c, NULL) || !*text) {
		free(text);
		text = NULL;
	}
	return text;
}

int git_write_file(const char *folder, const char *name, const char *text)
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

int32_t git_write_version(struct repo *r, const char *commit)
{
	if (!r->ignored || r->call->flags & FB_CALL_DRY_RUN || git_write_file(r->path, r->ignored, commit) == 0)
		return FB_OK;
	r->call->host->fail(r->call, "cannot write the deployed commit to %s/%s: %s", r->path, r->ignored, strerror(errno));
	return FB_FAIL;
}

/* ---- tags ---- */

struct tagging {
	struct repo *r;
	const char *name, *commit, *remote;
};

static int32_t make_tag(const struct fb_call *call, void *ctx)
{
	struct tagging *t = ctx;

	(void)call;
	return repo_git(t->r, NULL, NULL, "update-ref", t->name, t->commit, NULL) ? git_failed(t->r, "tagging the commit") : FB_OK;
}

static int32_t push_tag(const struct fb_call *call, void *ctx)
{
	struct tagging *t = ctx;
	char both[200], *path = run_quote(t->r->path), *remote = run_quote(t->remote);

	snprintf(both, sizeof both, "%s:%s", t->name, t->name);
	if (repo_git(t->r, NULL, NULL, "push", "--quiet", t->remote, both, NULL))
		call->host->log(call, FB_LOG_WARNING, "the tag %s of %s could not be pushed to %s: %s; push it when that is mended: git -C %s push %s %s", t->name + 10, t->r->path, t->remote,
				t->r->line, path, remote, t->name + 10);
	free(remote);
	free(path);
	return FB_OK;
}

int32_t git_tag(struct repo *r, const char *commit, char *buf, size_t size)
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

/* ---- local changes, and branches ---- */

int32_t git_save(struct repo *r, const char *now, const char *suffix)
{
	char *saved = repo_commit(r, now, "local changes that were in the way, saved by failback"), name[200], *quoted = run_quote(r->path);
	int32_t answer = FB_OK;

	snprintf(name, sizeof name, "refs/failback/replaced/%s%s", r->call->execution, suffix);
	if (!saved || repo_git(r, NULL, NULL, "update-ref", name, saved, NULL))
		answer = git_failed(r, "saving the local changes");
	else
		r->call->host->log(r->call, FB_LOG_WARNING, "local changes in %s are saved as %s: git -C %s show --stat %s", r->path, name, quoted, name);
	free(quoted);
	free(saved);
	return answer;
}

void git_advise_stash(struct repo *r)
{
	char command[STORE_LINE], *quoted = run_quote(r->path);

	snprintf(command, sizeof command, "git -C %s stash push --include-untracked", quoted);
	free(quoted);
	r->call->host->advise(r->call, r->call->flags & FB_CALL_RECOVERY ? "put the local changes away, then run the recovery again" : "put the local changes away, then try again", command);
}

const char *git_branch_for(struct repo *r, const char *branch, const char *commit)
{
	bool moves = git_is(r->call, "head", "branch"), still;
	char name[600], *at;

	if (!branch)
		return NULL;
	snprintf(name, sizeof name, "refs/heads/%s", branch);
	at = repo_id(r, name);
	still = at && !strcmp(at, commit);
	if (at && !still && moves) {
		char ref[200];

		snprintf(ref, sizeof ref, "refs/failback/moved/%s", r->call->execution);
		if (repo_git(r, NULL, NULL, "update-ref", ref, at, NULL) == 0)
			r->call->host->log(r->call, FB_LOG_INFO, "branch %s of %s stood at %.12s, which is kept as %s", branch, r->path, at, ref);
	}
	free(at);
	return still || moves ? branch : NULL;
}
