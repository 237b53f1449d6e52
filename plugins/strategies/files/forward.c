/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of a deployment: could it work, what is live, the way back and its proof, a release made ready, made live, and what is kept of it. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/strategies/files/files.h"

int32_t fs_op_check(struct fs *s)
{
	int32_t answer;

	if (access(s->releases, R_OK | W_OK | X_OK)) {
		s->host->fail(s->call, "the releases of %s cannot be worked with in %s: %s", s->call->service, s->releases, strerror(errno));
		return FB_FATAL;
	}
	answer = s->tree ? fs_tree_check(s) : fs_link_check(s);
	if (answer == FB_OK)
		answer = fs_due_check(s);
	if (answer == FB_OK && !s->host->option_count(s->call, "validate"))
		s->host->advise(s->call, "set 'validate': without it a release that is broken is noticed only when it is live", NULL);
	return answer;
}

/* ---- what is live ---- */

static void describe(struct fs *s, char *buf, size_t size)
{
	struct fs_list want;
	char said[FS_TEXT];
	const char *left = fs_due_left(s);
	int n;

	if (s->tree && fs_tree_mixed(s)) {
		snprintf(buf, size, "between two releases: a change of the tree has begun and not ended");
	} else if (!s->live) {
		snprintf(buf, size, s->tree ? "no release was put here yet" : "the link names no release");
	} else if (s->tree && fs_release_there(s, s->live) && !fs_tree_want(s, s->live, true, &want)) {
		n = fs_tree_differs(s, &want, said, sizeof said);
		fs_list_clear(&want);
		if (n > 0)
			snprintf(buf, size, "%d path%s not as in the release: %s", n, n == 1 ? " is" : "s are", said);
		else
			snprintf(buf, size, "as in the release");
	} else {
		snprintf(buf, size, "%s", s->tree ? "as recorded" : "as the link says");
	}
	if (left && s->live) {
		size_t at = strlen(buf);

		snprintf(buf + at, size - at, "; the command of %s has not run yet", left);
	}
}

int32_t fs_op_state(struct fs *s)
{
	char detail[2 * FS_TEXT], *text;
	json_t *o;
	int rc;

	describe(s, detail, sizeof detail);
	o = json_pack("{s:s?, s:s, s:s}", "release", s->tree && fs_tree_mixed(s) ? NULL : s->live, "target", s->live_at, "detail", detail);
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	rc = text ? s->host->report(s->call, "state", text) : -1;
	free(text);
	json_decref(o);
	if (!rc)
		return FB_OK;
	s->host->fail(s->call, "the state of %s could not be reported", s->call->service);
	return FB_FAIL;
}

/* ---- the way back ---- */

static void report_item(struct fs *s, const char *what)
{
	json_t *list = json_pack("[{s:s, s:s}]", "item", what, "kind", "release");
	char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;

	if (!text || s->host->report(s->call, "items", text))
		s->host->log(s->call, FB_LOG_WARNING, "the item of the backup could not be reported");
	free(text);
	json_decref(list);
}

static bool accepts_changes(struct fs *s)
{
	const char *how = s->host->option(s->call, "changed");

	return how && !strcmp(how, "accept");
}

/* Says how a release that was changed may be taken all the same, and does so where that is wanted. */
static int32_t look_at_good(struct fs *s, const char *release)
{
	struct fs_list now = {0};
	int32_t answer = fs_release_look(s, release, &now);

	if (answer == FB_SKIP || (answer == FB_FAIL && now.n && accepts_changes(s))) {
		if (answer == FB_FAIL)
			s->host->log(s->call, FB_LOG_WARNING, "release %s of %s was changed, and is taken as it is now: changed = \"accept\"", release, s->call->service);
		answer = fs_release_remember(s, release, &now) ? FB_RETRY : FB_OK;
	} else if (answer == FB_FAIL && now.n) {
		s->host->advise(s->call, "what the service itself writes into its release belongs into 'ignore'; a change that is meant is taken with changed = \"accept\", for one deployment", NULL);
	}
	fs_list_clear(&now);
	return answer;
}

int32_t fs_op_capture(struct fs *s)
{
	const char *good = s->call->last_good;
	struct fs_list want;
	char what[FS_TEXT];
	int32_t answer;

	if (!good) {
		s->host->log(s->call, FB_LOG_INFO, "no release of %s was ever committed: there is nothing to go back to yet", s->call->service);
		return FB_SKIP;
	}
	if (fs_good_name(s, good))
		return FB_FATAL;
	if (!fs_release_there(s, good)) {
		s->host->fail(s->call, "release %s, the last known good of %s, is not in %s any more: there would be no way back. Put it there again", good, s->call->service, s->releases);
		return FB_FAIL;
	}
	answer = fs_fact(s, "digest", good) ? FB_OK : look_at_good(s, good);
	if (answer != FB_OK)
		return answer;
	if (s->tree && s->live && !fs_tree_mixed(s) && !fs_tree_want(s, s->live, true, &want)) {
		if (fs_tree_differs(s, &want, what, sizeof what) > 0)
			s->host->log(s->call, FB_LOG_WARNING, "%s is not as release %s, which is live, has it: people have changed %s", s->live_at, s->live, what);
		fs_list_clear(&want);
	}
	snprintf(what, sizeof what, "release %.200s in %.400s", good, s->releases);
	report_item(s, what);
	return FB_OK;
}

int32_t fs_op_prove(struct fs *s)
{
	const char *good = s->call->last_good;

	if (!good)
		return FB_SKIP;
	return fs_good_name(s, good) ? FB_FATAL : look_at_good(s, good);
}

/* ---- a release made ready ---- */

static int32_t validate(struct fs *s, const char *release)
{
	char *path = fs_release_path(s, release), option[60], what[FS_TEXT], evidence[200];
	uint32_t n = s->host->option_count(s->call, "validate");
	int32_t answer = FB_OK;

	for (uint32_t i = 0; i < n && answer == FB_OK; i++) {
		const char *name;

		snprintf(option, sizeof option, "validate[%u].name", (unsigned)i);
		name = s->host->option(s->call, option);
		snprintf(what, sizeof what, "release %s of %s is not valid (%.100s), and was not put in place", release, s->call->service, name ? name : "validate");
		snprintf(evidence, sizeof evidence, "validate-%u.txt", (unsigned)i + 1);
		snprintf(option, sizeof option, "validate[%u].run", (unsigned)i);
		s->host->progress(s->call, (int32_t)(i * 10000 / n), "validating");
		answer = fs_run(s, option, path, release, what, evidence);
	}
	free(path);
	return answer;
}

static void say_changes(struct fs *s, const char *release, const struct fs_list *now)
{
	struct fs_list from;
	char said[FS_TEXT];
	size_t n;

	if (!s->live || !strcmp(s->live, release) || !fs_release_there(s, s->live) || fs_release_known(s, s->live, &from))
		return;
	n = fs_diff_say(&from, now, said, sizeof said);
	if (n)
		s->host->log(s->call, FB_LOG_INFO, "release %s differs from %s, which is live, in %zu path%s: %s", release, s->live, n, n == 1 ? "" : "s", said);
	else
		s->host->log(s->call, FB_LOG_INFO, "release %s is the same as %s, which is live", release, s->live);
	fs_list_clear(&from);
}

static int32_t prepare_new(struct fs *s, const char *release)
{
	struct fs_list now = {0};
	char *path;
	int32_t answer = fs_release_install(s, release);

	if (answer != FB_OK || (s->dry && !fs_release_there(s, release)))
		return answer;
	path = fs_release_path(s, release);
	answer = s->dry ? FB_OK : validate(s, release);
	if (answer == FB_OK && fs_scan(s, path, &now)) /* after validation: what it leaves there is a part of it */
		answer = FB_FAIL;
	if (answer == FB_OK && s->tree)
		answer = fs_tree_can(s, release, &now);
	if (answer == FB_OK)
		say_changes(s, release, &now);
	if (answer == FB_OK && fs_release_remember(s, release, &now))
		answer = FB_RETRY;
	fs_list_clear(&now);
	free(path);
	return answer;
}

/* Of a recovery: it is there; what was changed since it was proven is said, and held against it when it is verified. */
static int32_t prepare_back(struct fs *s, const char *release)
{
	struct fs_list now = {0};
	int32_t answer;

	if (!fs_release_there(s, release)) {
		s->host->fail(s->call, "release %s of %s is not in %s any more: put it there again, then run the recovery again", release, s->call->service, s->releases);
		return FB_FAIL;
	}
	answer = fs_release_look(s, release, &now);
	fs_list_clear(&now);
	if (answer == FB_FAIL && !accepts_changes(s)) {
		s->host->log(s->call, FB_LOG_WARNING, "release %s of %s is not what it was when it was recorded; it is gone back to all the same, and will not count as verified", release, s->call->service);
		answer = s->host->fact_set(s->call, FB_SCOPE_OWN, "damaged", release) ? FB_RETRY : FB_OK;
	}
	return answer == FB_RETRY ? FB_RETRY : FB_OK;
}

int32_t fs_op_prepare(struct fs *s)
{
	const char *release = s->call->release;

	if (fs_good_name(s, release))
		return FB_FATAL;
	return s->recovery ? prepare_back(s, release) : prepare_new(s, release);
}

/* ---- live ---- */

/* What is live now, file by file; *ret_known is false where that is not known. */
static int live_list(struct fs *s, const struct fs_list *to, struct fs_list *ret, bool *ret_known)
{
	struct fs_list was = {0};
	int rc;

	*ret_known = s->live && !(s->tree && fs_tree_mixed(s)) && (fs_fact(s, "digest", s->live) || fs_release_there(s, s->live));
	if (!*ret_known)
		return 0;
	if (!s->tree)
		return fs_release_known(s, s->live, ret);
	if (fs_tree_want(s, s->live, true, &was))
		return -1;
	rc = fs_tree_now(s, &was, to, ret);
	fs_list_clear(&was);
	return rc;
}

/* Makes a release live, and runs what is due; FB_SKIP: both was so. */
int32_t fs_switch(struct fs *s, const char *release, bool back)
{
	bool changes = (s->tree && fs_tree_mixed(s)) || !s->live || strcmp(s->live, release), any = false, known = false;
	struct fs_list from = {0}, to = {0};
	int32_t answer = FB_OK;

	if (s->dry && !fs_release_there(s, release)) /* it would have been installed */
		return fs_leave(s, "switch", "make release %s of %s live at %s", release, s->call->service, s->live_at) == FB_ACT_NO ? FB_RETRY : FB_OK;
	if (!fs_release_there(s, release)) {
		s->host->fail(s->call, "release %s of %s is not in %s any more: put it there again", release, s->call->service, s->releases);
		return FB_FAIL;
	}
	if (s->tree ? fs_tree_want(s, release, back, &to) : fs_release_known(s, release, &to))
		return FB_FAIL;
	if (live_list(s, &to, &from, &known))
		answer = FB_FAIL;
	/* A tree that is live already is not gone back to: what people have changed in it stays, and nothing is due for it. */
	if (answer == FB_OK && fs_due_mark(s, !known ? NULL : changes || !back ? &from : &to, &to, changes))
		answer = FB_RETRY;
	if (answer == FB_OK && (changes || !back))
		answer = s->tree ? fs_tree_go(s, release, &to) : fs_link_go(s, release);
	if (answer == FB_OK)
		answer = fs_due_run(s, release, &to, &any);
	if (answer == FB_OK && s->tree && back && changes && fs_fact(s, "edits", release))
		s->host->log(s->call, FB_LOG_INFO, "what people had changed in %s while release %s was live is there again", s->live_at, release);
	fs_list_clear(&from);
	fs_list_clear(&to);
	return answer == FB_OK && back && !changes && !any ? FB_SKIP : answer;
}

int32_t fs_op_shift(struct fs *s)
{
	int32_t answer;

	if (fs_good_name(s, s->call->release))
		return FB_FATAL;
	if (s->call->share != 10000) {
		s->host->fail(s->call, "strategy files was asked to give release %s %.2f %% of the traffic: files are live or not", s->call->release, s->call->share / 100.0);
		return FB_FATAL;
	}
	answer = fs_switch(s, s->call->release, false);
	/* Deployed anew it is as its folder has it: what people had changed in it at an earlier time is kept aside only */
	if (answer == FB_OK && s->tree && !s->dry && fs_fact(s, "edits", s->call->release) && fs_fact_set(s, "edits", s->call->release, NULL))
		answer = FB_RETRY;
	return answer;
}

int32_t fs_op_commit(struct fs *s)
{
	return fs_release_prune(s);
}

/* The folder of a release that was installed by failback goes or is put away; one that others have put there is theirs. */
int32_t fs_op_cleanup(struct fs *s)
{
	const char *failed = s->call->failed;

	if (!failed || (s->live && !strcmp(s->live, failed)) || (s->call->last_good && !strcmp(s->call->last_good, failed)) || !fs_fact(s, "installed", failed)) {
		s->host->log(s->call, FB_LOG_INFO, "nothing is removed: %s", !failed ? "no release has failed" : fs_fact(s, "installed", failed) ? "the release is live, or the last known good" :
			     "the folder of the release was not made by 'install'");
		return FB_SKIP;
	}
	return fs_release_retire(s, failed, s->call->flags & FB_CALL_PRESERVE);
}
