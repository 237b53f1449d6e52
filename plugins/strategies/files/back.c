/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of a recovery: back to a release, whether it is what it should be, what explains a failure, and the undoing of the others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/strategies/files/files.h"

int32_t fs_op_restore(struct fs *s)
{
	const char *release = s->call->release ? s->call->release : s->call->last_good;

	return fs_good_name(s, release) ? FB_FATAL : fs_switch(s, release, true);
}

static int32_t verify_tree(struct fs *s, const char *release)
{
	const char *changed = s->host->fact(s->call, FB_SCOPE_OWN, "changed");
	bool ours = changed && *changed;
	struct fs_list want;
	char said[FS_TEXT];
	int n;

	if (fs_tree_mixed(s)) {
		s->host->fail(s->call, "%s is between two releases: a change of it has begun and not ended", s->live_at);
		return FB_FAIL;
	}
	if (fs_tree_want(s, release, s->recovery, &want))
		return FB_FAIL;
	n = fs_tree_differs(s, &want, said, sizeof said);
	fs_list_clear(&want);
	if (n > 0 && ours)
		s->host->fail(s->call, "%s should be as release %s has it, but %d path%s not: %s", s->live_at, release, n, n == 1 ? " is" : "s are", said);
	else if (n > 0)
		s->host->log(s->call, FB_LOG_WARNING, "%s was not changed here, and is not as release %s has it: people have changed %s", s->live_at, release, said);
	return n < 0 || (n > 0 && ours) ? FB_FAIL : FB_OK;
}

int32_t fs_op_verify(struct fs *s)
{
	const char *release = s->call->release ? s->call->release : s->call->last_good, *left = fs_due_left(s), *damaged = s->host->fact(s->call, FB_SCOPE_OWN, "damaged");

	if (fs_good_name(s, release))
		return FB_FATAL;
	if (!s->live || strcmp(s->live, release)) {
		s->host->fail(s->call, "%s should have release %s live, but %s is", s->live_at, release, s->live ? s->live : "none that is known");
		return FB_FAIL;
	}
	if (left) {
		s->host->fail(s->call, "release %s of %s is in place, but the command of %s has not run", release, s->call->service, left);
		return FB_FAIL;
	}
	if (s->recovery && damaged && !strcmp(damaged, release)) {
		s->host->fail(s->call, "release %s of %s is live, but its folder is not what it was when it was recorded (the log says in what): look at it", release, s->call->service);
		return FB_FAIL;
	}
	return s->tree ? verify_tree(s, release) : FB_OK;
}

/* What the failed release has changed. */
int32_t fs_op_evidence(struct fs *s)
{
	const char *failed = s->call->failed ? s->call->failed : s->call->release, *good = s->call->last_good;
	struct fs_list then, now;
	char title[FS_TEXT], *text;
	int rc;

	if (!failed || !good || !strcmp(failed, good) || !fs_release_there(s, failed) || !fs_release_there(s, good))
		return FB_SKIP;
	if (fs_release_known(s, good, &then))
		return FB_FAIL;
	if (fs_release_known(s, failed, &now)) {
		fs_list_clear(&then);
		return FB_FAIL;
	}
	text = fs_diff_text(&then, &now);
	snprintf(title, sizeof title, "files of %s that differ between release %.200s and %.200s", s->call->service, good, failed);
	rc = s->host->evidence_text(s->call, "changed-files.txt", title, *text ? text : "none\n", strlen(*text ? text : "none\n"));
	free(text);
	fs_list_clear(&then);
	fs_list_clear(&now);
	return rc ? FB_SKIP : FB_OK;
}

static int32_t undo_prepare(struct fs *s)
{
	const char *release = s->call->release, *by = release ? fs_fact(s, "installed", release) : NULL;

	if (!by || strcmp(by, s->call->execution) || s->recovery || (s->live && !strcmp(s->live, release)) || (s->call->last_good && !strcmp(s->call->last_good, release)))
		return FB_SKIP;
	return fs_release_retire(s, release, false);
}

int32_t fs_op_undo(struct fs *s)
{
	if (s->call->operation == FB_OP_PREPARE)
		return undo_prepare(s);
	if (s->call->operation == FB_OP_SHIFT && s->call->last_good)
		return fs_good_name(s, s->call->last_good) ? FB_FATAL : fs_switch(s, s->call->last_good, true);
	s->host->log(s->call, FB_LOG_INFO, "this operation has left nothing to undo");
	return FB_SKIP;
}
