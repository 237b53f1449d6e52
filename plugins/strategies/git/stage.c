/* SPDX-License-Identifier: Apache-2.0 */
/* A release that nobody uses yet: checked out in a work tree of its own, with its dependencies, and tested there. Touches nothing that is live. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/common/run.h"
#include "plugins/common/step.h"
#include "plugins/strategies/git/service.h"

char *stage_folder(struct repo *r, const char *commit)
{
	char *top = run_copy(r->call->host->option(r->call, "staging")), path[4200], *common;

	if (!top) {
		common = repo_folder(r, "--git-common-dir");
		if (!common) {
			git_failed(r, "looking for the folder of the repository");
			return NULL;
		}
		snprintf(path, sizeof path, "%s/failback", common);
		free(common);
		top = run_copy(path);
	}
	if (commit)
		snprintf(path, sizeof path, "%s/%s/%.12s", top, r->call->service, commit);
	else
		snprintf(path, sizeof path, "%s/%s", top, r->call->service);
	free(top);
	return run_copy(path);
}

/* Removes a staged release, whole or half made. */
static void discard(struct repo *r, const char *folder)
{
	repo_git(r, NULL, NULL, "worktree", "remove", "--force", "--force", folder, NULL);
	item_clear(run_copy(folder)); /* what git does not know, for it was killed before it did */
	repo_git(r, NULL, NULL, "worktree", "prune", NULL);
}

/* Discards all staged releases of the service. 0, -1: one is still there. */
static int discard_all(struct repo *r, const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char path[4600];

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
			snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
			discard(r, path);
		}
	if (d)
		closedir(d);
	if (!d || rmdir(folder) == 0)
		return 0;
	r->call->host->fail(r->call, "the staged releases in %s could not all be removed: look at who owns what is there, and remove it", folder);
	return -1;
}

struct staging {
	struct repo *r;
	const char *folder, *commit;
};

/* One is staged at a time: one that failed and was kept has been there to be looked at until now. */
static int32_t check_out(const struct fb_call *call, void *ctx)
{
	struct staging *s = ctx;
	char *all = stage_folder(s->r, NULL);
	int bad = !all || discard_all(s->r, all);

	(void)call;
	free(all);
	if (bad)
		return FB_FAIL;
	repo_git(s->r, NULL, NULL, "worktree", "prune", NULL);
	return repo_git(s->r, NULL, NULL, "worktree", "add", "--quiet", "--detach", s->folder, s->commit, NULL) ? git_failed(s->r, "staging the release") : FB_OK;
}

int32_t stage_make(struct repo *r, const char *release, const char *commit)
{
	const struct fb_call *call = r->call;
	char *folder = stage_folder(r, commit), text[4600], key[40];
	struct staging s = {.r = r, .folder = folder, .commit = commit};
	int32_t answer = FB_FAIL;

	if (folder) {
		snprintf(text, sizeof text, "check release %.100s of %s (commit %.12s) out in %s", release, call->service, commit, folder);
		snprintf(key, sizeof key, call->attempt > 1 ? "stage/%u" : "stage", call->attempt);
		answer = item_act(call, key, text, true, check_out, &s);
	}
	if (answer == FB_OK)
		deploy_set_place(folder, true, commit);
	if (answer == FB_OK && run_is_set(call, "install") && !git_is(call, "install_in", "place"))
		answer = step_act(call, "install", "install", release, "install what release %s of %s depends on in %s", release, call->service, folder);
	if (answer == FB_OK && run_is_set(call, "test") && !git_is(call, "test_in", "place"))
		answer = step_act(call, "test", "test", release, "test release %s of %s before it is live, in %s", release, call->service, folder);
	deploy_set_place(NULL, false, NULL);
	free(folder);
	return answer;
}

static int32_t remove_all(const struct fb_call *call, void *ctx)
{
	struct staging *s = ctx;

	(void)call;
	return discard_all(s->r, s->folder) ? FB_FAIL : FB_OK;
}

int32_t stage_clear(struct repo *r)
{
	char *folder = stage_folder(r, NULL), text[4400], key[40];
	struct staging s = {.r = r, .folder = folder};
	int32_t answer = FB_FAIL;

	if (folder && access(folder, F_OK)) {
		answer = FB_SKIP;
	} else if (folder) {
		snprintf(text, sizeof text, "remove the staged releases in %s", folder);
		snprintf(key, sizeof key, r->call->attempt > 1 ? "unstage/%u" : "unstage", r->call->attempt);
		answer = item_act(r->call, key, text, false, remove_all, &s);
	}
	free(folder);
	return answer;
}
