/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which commit a release is, and which release a commit is. A name may move: what was live under it is recorded, and a recovery goes there. Kept for the service:
 * commit.RELEASE, release.COMMIT, live and live.commit; for the execution: chosen.RELEASE.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/common/run.h"
#include "plugins/strategies/git/service.h"

#define ID_LENGTH 40
#define UNDER_WAY "-"

const char *ref_begun(const struct fb_call *call, char buf[NAME_ROOM])
{
	snprintf(buf, NAME_ROOM, "refs/failback/begun/%s", call->service);
	return buf;
}

const char *ref_good(const struct fb_call *call, char buf[NAME_ROOM])
{
	snprintf(buf, NAME_ROOM, "refs/failback/good/%s", call->service);
	return buf;
}

static bool is_id(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");

	return !s[n] && (n == ID_LENGTH || n == 64);
}

/* `ref` with the release's name in it. */
static const char *ref_of(const struct fb_call *call, const char *release, char buf[NAME_ROOM])
{
	const char *form = call->host->option(call, "ref"), *at = form ? strstr(form, "%s") : NULL;

	if (at)
		snprintf(buf, NAME_ROOM, "%.*s%s%s", (int)(at - form), form, release, at + 2);
	else
		snprintf(buf, NAME_ROOM, "%s", release);
	return buf;
}

static char *commit_of(struct repo *r, const char *prefix, const char *name)
{
	char whole[NAME_ROOM + 300];

	if (*name == '-' || !*name)
		return NULL;
	snprintf(whole, sizeof whole, "%s%s^{commit}", prefix, name);
	return repo_id(r, whole);
}

/* A name that does not move by itself: a tag, or an id. */
static char *fixed(struct repo *r, const char *release)
{
	char name[NAME_ROOM], *ret = commit_of(r, "refs/tags/", ref_of(r->call, release, name));

	if (!ret && is_id(release))
		ret = commit_of(r, "", release);
	return ret;
}

/* Where a remote is fetched from, a branch is the remote's: the one here does not move with it. */
char *release_resolve(struct repo *r, const char *release)
{
	char name[NAME_ROOM], remote[300], *ret = fixed(r, release), *from = run_copy(r->call->host->option(r->call, "fetch"));

	ref_of(r->call, release, name);
	if (!ret && from) {
		snprintf(remote, sizeof remote, "refs/remotes/%.250s/", from);
		ret = commit_of(r, remote, name);
	}
	if (!ret)
		ret = commit_of(r, "", name);
	free(from);
	return ret;
}

static char *kept(struct repo *r, int32_t scope, const char *what, const char *name)
{
	char key[NAME_ROOM];
	const char *s;

	snprintf(key, sizeof key, "%s.%s", what, name);
	s = r->call->host->fact(r->call, scope, key);
	return s && *s ? run_copy(s) : NULL;
}

static int keep(struct repo *r, int32_t scope, const char *what, const char *name, const char *value)
{
	char key[NAME_ROOM];

	snprintf(key, sizeof key, "%s.%s", what, name);
	return r->call->host->fact_set(r->call, scope, key, value);
}

static void fail_unknown(struct repo *r, const char *release)
{
	char name[NAME_ROOM];

	ref_of(r->call, release, name);
	r->call->host->fail(r->call, "release %s of %s is nothing that git knows in %s: there is no tag, branch or commit '%s'; %s", release, r->call->service, r->path, name,
			    run_is_set(r->call, "fetch") ? "push it to the remote that is fetched from, or look at 'ref'" : "fetch it, set 'fetch', or look at 'ref'");
}

struct fetching {
	struct repo *r;
	bool failed;
};

static int32_t fetch(const struct fb_call *call, void *ctx)
{
	struct fetching *f = ctx;
	char *remote = run_copy(call->host->option(call, "fetch"));

	f->failed = repo_git(f->r, NULL, NULL, "fetch", "--quiet", "--tags", remote, NULL) != 0;
	free(remote);
	return FB_OK;
}

static int32_t fetch_first(struct repo *r, const char *release)
{
	struct fetching f = {.r = r};
	char text[400], *known, why[STORE_LINE];
	int32_t answer;

	if (!run_is_set(r->call, "fetch"))
		return FB_OK;
	snprintf(text, sizeof text, "fetch from %.100s into %.200s", r->call->host->option(r->call, "fetch"), r->path);
	answer = item_act(r->call, "fetch", text, false, fetch, &f);
	if (answer != FB_OK || !f.failed)
		return answer;
	snprintf(why, sizeof why, "%s", r->line);
	known = fixed(r, release);
	if (known)
		r->call->host->log(r->call, FB_LOG_WARNING, "could not %s: %s; release %s is here already", text, why, release);
	else
		r->call->host->fail(r->call, "could not %s: %s; release %s is not deployed as it may have moved: mend that, or name a tag or a commit that is here", text, why, release);
	answer = known ? FB_OK : FB_FAIL;
	free(known);
	return answer;
}

char *release_choose(struct repo *r, const char *release)
{
	char *commit = r->call->flags & FB_CALL_RESUMED ? kept(r, FB_SCOPE_OWN, "chosen", release) : NULL;

	if (commit) /* before the interruption: what was staged is that */
		return commit;
	if (fetch_first(r, release) != FB_OK)
		return NULL;
	commit = release_resolve(r, release);
	if (!commit) {
		fail_unknown(r, release);
		return NULL;
	}
	if (keep(r, FB_SCOPE_OWN, "chosen", release, commit)) {
		r->call->host->fail(r->call, "that release %s of %s is commit %s could not be recorded", release, r->call->service, commit);
		free(commit);
		return NULL;
	}
	return commit;
}

char *release_commit(struct repo *r, const char *release)
{
	uint32_t op = r->call->operation;
	bool back = r->call->flags & (FB_CALL_RECOVERY | FB_CALL_UNDO) || op == FB_OP_CAPTURE || op == FB_OP_PROVE || op == FB_OP_RESTORE;
	char *commit = back ? kept(r, FB_SCOPE_SERVICE, "commit", release) : kept(r, FB_SCOPE_OWN, "chosen", release);

	if (!commit && !back)
		commit = kept(r, FB_SCOPE_SERVICE, "commit", release);
	if (!commit)
		commit = release_resolve(r, release);
	if (!commit)
		fail_unknown(r, release);
	return commit;
}

char *release_failed(struct repo *r)
{
	const char *failed = r->call->failed;
	char *commit = failed ? kept(r, FB_SCOPE_OWN, "chosen", failed) : NULL;

	if (!commit && failed)
		commit = kept(r, FB_SCOPE_SERVICE, "commit", failed);
	return commit || !failed ? commit : release_resolve(r, failed);
}

int release_record(struct repo *r, const char *release, const char *commit)
{
	return keep(r, FB_SCOPE_SERVICE, "commit", release, commit) || keep(r, FB_SCOPE_SERVICE, "release", commit, release) ? -1 : 0;
}

static int32_t unrecorded(struct repo *r, const char *what)
{
	r->call->host->fail(r->call, "what is live of %s could not be recorded: %s", r->call->service, what);
	return FB_RETRY;
}

int32_t release_changes(struct repo *r)
{
	return keep(r, FB_SCOPE_SERVICE, "live", "commit", UNDER_WAY) ? unrecorded(r, "nothing was changed") : FB_OK;
}

int32_t release_is_live(struct repo *r, const char *release, const char *commit)
{
	const struct fb_call *call = r->call;
	bool again = call->last_good && !strcmp(release, call->last_good) && !(call->flags & FB_CALL_RECOVERY); /* its name stays the way back until it proves good */

	if (keep(r, FB_SCOPE_SERVICE, "live", "release", release) || keep(r, FB_SCOPE_SERVICE, "live", "commit", commit) || keep(r, FB_SCOPE_SERVICE, "release", commit, release))
		return unrecorded(r, "it is in place, and will be put there again");
	if (!again && keep(r, FB_SCOPE_SERVICE, "commit", release, commit))
		return unrecorded(r, "it is in place, and will be put there again");
	return FB_OK;
}

bool release_is_settled(struct repo *r, const char *commit)
{
	char *last = kept(r, FB_SCOPE_SERVICE, "live", "commit");
	bool ret = !last || !strcmp(last, commit);

	free(last);
	return ret;
}

/* The release that a tag at the commit names, when there is just one; else NULL. */
static char *tagged(struct repo *r, const char *commit)
{
	const char *form = r->call->host->option(r->call, "ref"), *at = form ? strstr(form, "%s") : NULL;
	size_t before = at ? (size_t)(at - form) : 0, after = at ? strlen(at + 2) : 0;
	char *tags = NULL, *rest, *ret = NULL, head[200] = "", tail[200] = "";
	int found = 0;

	snprintf(head, sizeof head, "%.*s", (int)before, form ? form : "");
	snprintf(tail, sizeof tail, "%s", at ? at + 2 : "");
	if (repo_git(r, NULL, &tags, "tag", "--points-at", commit, NULL) == 0)
		for (char *line = strtok_r(tags, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
			size_t n = strlen(line);
			if (!strncmp(line, "backup-", 7) || n <= before + after || strncmp(line, head, before) || strcmp(line + n - after, tail))
				continue;
			free(ret);
			ret = strndup(line + before, n - before - after);
			found++;
		}
	free(tags);
	if (found != 1) {
		free(ret);
		ret = NULL;
	}
	return ret;
}

char *release_live(struct repo *r)
{
	char begun[NAME_ROOM], *under_way = repo_id(r, ref_begun(r->call, begun)), *head = repo_id(r, "HEAD^{commit}"), *commit = kept(r, FB_SCOPE_SERVICE, "live", "commit"), *ret = NULL;

	if (head && !under_way) {
		if (commit && !strcmp(commit, head))
			ret = kept(r, FB_SCOPE_SERVICE, "live", "release");
		if (!ret)
			ret = kept(r, FB_SCOPE_SERVICE, "release", head);
		if (!ret)
			ret = tagged(r, head);
		if (!ret)
			ret = run_copy(head);
	}
	free(commit);
	free(head);
	free(under_way);
	return ret;
}
